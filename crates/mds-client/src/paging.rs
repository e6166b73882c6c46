//! Follows the link to the next page, but not in circles, without end, to another host or out of
//! the hour.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use http_kit::{host, over_tls_as, same_origin, without_credentials};
use trips::words::counted;
use url::Url;

use crate::hour_parameters::HourParameters;
use crate::window::WideWindow;

/// How many pages without trips may follow each other for each hour that is requested. Some
/// providers have pages of a minute or two, and at night many of them are empty; others link to
/// empty pages for ever.
pub const EMPTY_PAGES_PER_HOUR: u32 = 60;
/// How much of a host's name is shown.
const MAX_HOST_CHARS: usize = 80;

/// The pages of an hour that have been requested.
pub(crate) struct Trail {
    first: Url,
    /// Hashes of their URLs, which may be long.
    seen: HashSet<u64>,
    hasher: RandomState,
    max_pages: u32,
    max_empty: u32,
    empty_in_a_row: u32,
    hour: HourParameters,
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another page.
    Page(Url),
    /// Nothing: this is the last page.
    End,
    /// Only empty pages, by all appearances, and they are not requested.
    EmptyPages,
}

impl Trail {
    /// A trail that begins at `first`, has at most `max_pages` pages and stays on its origin.
    pub(crate) fn new(first: &Url, max_pages: u32) -> Self {
        let hasher = RandomState::new();
        Self {
            seen: HashSet::from([hasher.hash_one(first.as_str())]),
            hasher,
            first: first.clone(),
            max_pages,
            max_empty: EMPTY_PAGES_PER_HOUR,
            empty_in_a_row: 0,
            hour: HourParameters::default(),
        }
    }

    /// The same trail, which does not leave the hour that these parameters name.
    pub(crate) fn within(self, hour: HourParameters) -> Self {
        Self { hour, ..self }
    }

    /// The same trail, over the hours of a window that is wider than the requested hour.
    pub(crate) fn over(self, window: Option<WideWindow>) -> Self {
        let hours = window.map_or(1, WideWindow::hours);
        Self {
            max_empty: EMPTY_PAGES_PER_HOUR.saturating_mul(hours),
            ..self
        }
    }

    /// Whether no link has been followed yet.
    pub(crate) fn is_at_first(&self) -> bool {
        self.seen.len() == 1
    }

    /// How many empty pages in a row are read.
    pub(crate) fn max_empty(&self) -> u32 {
        self.max_empty
    }

    /// What follows the page `from`, which has this link and no trips if `is_empty`.
    ///
    /// # Errors
    ///
    /// Why the link cannot be followed.
    pub(crate) fn follow(
        &mut self,
        from: &Url,
        link: Option<&str>,
        is_empty: bool,
    ) -> Result<Next, String> {
        self.empty_in_a_row = if is_empty { self.empty_in_a_row + 1 } else { 0 };
        let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) else {
            return Ok(Next::End);
        };
        let next = self.resolve(from, link)?;
        if !self.seen.insert(self.hasher.hash_one(next.as_str())) {
            // An empty page that leads nowhere new has nothing behind it.
            if is_empty {
                return Ok(Next::End);
            }
            return Err(format!(
                "the link to the next page leads back to a page already read, after {}",
                counted(self.seen.len(), "page")
            ));
        }
        if self.empty_in_a_row >= self.max_empty {
            return Ok(Next::EmptyPages);
        }
        if self.seen.len() > self.max_pages as usize {
            return Err(format!(
                "it has more than {}",
                counted(self.max_pages, "page")
            ));
        }
        Ok(Next::Page(next))
    }

    /// The URL that the link means, for the same hour.
    fn resolve(&self, from: &Url, link: &str) -> Result<Url, String> {
        let next = from
            .join(link)
            .map_err(|_| "the link to the next page is not a URL".to_owned())?;
        let next = over_tls_as(&self.first, without_credentials(next));
        if !same_origin(&self.first, &next) {
            return Err(format!(
                "the link to the next page leads to another origin, on host {}; credentials only go to {}",
                shown_host(&next),
                host(&self.first)
            ));
        }
        if let Some(contradiction) = self.hour.contradiction(&next) {
            return Err(format!(
                "the link to the next page leads to another hour than the requested one: {contradiction}"
            ));
        }
        Ok(with_parameters_of(&self.first, next))
    }
}

/// `url` with those parameters of `first` that it does not name. A link without them would leave
/// the hour: the provider would return all the trips that it has.
pub(crate) fn with_parameters_of(first: &Url, mut url: Url) -> Url {
    let named: HashSet<String> = url
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    let missing: Vec<_> = first
        .query_pairs()
        .filter(|(name, _)| !named.contains(name.as_ref()))
        .collect();
    if !missing.is_empty() {
        url.query_pairs_mut().extend_pairs(missing);
    }
    url
}

/// The host that a provider names, for messages.
pub(crate) fn shown_host(url: &Url) -> String {
    host(url).chars().take(MAX_HOST_CHARS).collect()
}

#[cfg(test)]
mod tests;
