//! Follows `links.next`, but not in circles, without end or to another host.

use std::collections::HashSet;

use http_kit::{host, same_origin, without_credentials};
use url::Url;

/// The pages of an hour that have been requested.
pub(crate) struct Trail {
    origin: Url,
    seen: HashSet<String>,
    max_pages: u32,
}

impl Trail {
    /// A trail that begins at `first`, has at most `max_pages` pages and stays on its origin.
    pub(crate) fn new(first: &Url, max_pages: u32) -> Self {
        Self {
            origin: first.clone(),
            seen: HashSet::from([first.to_string()]),
            max_pages,
        }
    }

    /// The URL of the page that `link`, found on the page `from`, points to; `None` if `from` is
    /// the last page.
    ///
    /// # Errors
    ///
    /// Why the link cannot be followed.
    pub(crate) fn follow(&mut self, from: &Url, link: Option<&str>) -> Result<Option<Url>, String> {
        let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) else {
            return Ok(None);
        };
        let next = from
            .join(link)
            .map_err(|_| "links.next is not a URL".to_owned())?;
        let next = without_credentials(next);
        if !same_origin(&self.origin, &next) {
            return Err(format!(
                "links.next leads to another origin, on host {}; credentials only go to {}",
                host(&next),
                host(&self.origin)
            ));
        }
        if !self.seen.insert(next.to_string()) {
            return Err(format!(
                "links.next leads back to a page already read, after {} pages",
                self.seen.len()
            ));
        }
        if self.seen.len() > self.max_pages as usize {
            return Err(format!("it has more than {} pages", self.max_pages));
        }
        Ok(Some(next))
    }
}

#[cfg(test)]
mod tests;
