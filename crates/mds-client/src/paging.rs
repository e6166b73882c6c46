//! Following `links.next`, and not in circles, for ever or to another host.

use std::collections::HashSet;

use url::Url;

use crate::http::{host, same_origin};

/// The pages of an hour that have been asked for.
pub(crate) struct Trail {
    origin: Url,
    seen: HashSet<String>,
    most: u32,
}

impl Trail {
    /// A trail that begins at `first`, has at most `most` pages and stays on its host.
    pub(crate) fn new(first: &Url, most: u32) -> Self {
        Self {
            origin: first.clone(),
            seen: HashSet::from([first.to_string()]),
            most,
        }
    }

    /// The page that `link`, found on the page `from`, leads to; `None` if there is no other.
    ///
    /// # Errors
    ///
    /// Says why the link cannot be followed.
    pub(crate) fn follow(&mut self, from: &Url, link: Option<&str>) -> Result<Option<Url>, String> {
        let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) else {
            return Ok(None);
        };
        let next = from
            .join(link)
            .map_err(|_| "links.next is no URL".to_owned())?;
        let next = without_user(next);
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
        if self.seen.len() > self.most as usize {
            return Err(format!("it has more than {} pages", self.most));
        }
        Ok(Some(next))
    }
}

/// Drops user name, password and fragment: the first two would override our own credentials.
pub(crate) fn without_user(mut url: Url) -> Url {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests;
