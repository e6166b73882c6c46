//! Ways into the parsers that only fuzzing needs.

use url::Url;

use crate::config::ProviderConfig;
use crate::paging::{Next, Trail};
use crate::words;

/// The pages of an hour, followed from link to link without a request.
pub struct LinkTrail(Trail);

/// What a client does with a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It requests this page.
    Page(Url),
    /// It has read the last page.
    End,
    /// It gives up, with this message.
    Refused(String),
}

impl LinkTrail {
    /// A trail that begins at `first`.
    #[must_use]
    pub fn new(first: &Url, max_pages: u32) -> Self {
        Self(Trail::new(first, max_pages))
    }

    /// Follows the link of the page `from`, which has no trips if `is_empty`.
    pub fn follow(&mut self, from: &Url, link: Option<&str>, is_empty: bool) -> Followed {
        match self.0.follow(from, link, is_empty) {
            Ok(Next::Page(url)) => Followed::Page(url),
            Ok(Next::End | Next::EmptyPages) => Followed::End,
            Err(why) => Followed::Refused(why),
        }
    }
}

/// The provider's own words in the body of a refusal, as a probe shows them.
#[must_use]
pub fn words_of(body: &[u8], config: &ProviderConfig) -> Option<String> {
    words::of_body(body, &words::Secrets::of_entry(config))
}
