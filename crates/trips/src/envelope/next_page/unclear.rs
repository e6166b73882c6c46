//! Why the next page cannot be found.

use std::fmt;

/// Why the next page cannot be found. Quotes nothing of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnclearNext(Why);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    TwoLinks(&'static str),
    Form(&'static str),
    Count(u64),
}

impl UnclearNext {
    pub(super) fn two_links(place: &'static str) -> Self {
        Self(Why::TwoLinks(place))
    }

    pub(super) fn form(place: &'static str) -> Self {
        Self(Why::Form(place))
    }

    pub(super) fn count(pages: u64) -> Self {
        Self(Why::Count(pages))
    }
}

impl fmt::Display for UnclearNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Why::TwoLinks(place) => {
                return write!(f, "it has two links to the next page in `{place}`");
            }
            Why::Form(place) => write!(
                f,
                "it has a next page, but `{place}` names it in a form that is not understood"
            ),
            Why::Count(pages) => {
                write!(f, "it is the first of {pages} pages, but names no next one")
            }
        }?;
        f.write_str(
            ", so the trips there would be lost; known are `links.next` as a URL or an object with \
             `href`, and `links` as a list of objects with `rel` and `href`",
        )
    }
}
