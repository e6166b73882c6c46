//! Which members may name the next page.

use super::said::plain;

/// Members, beside the trips or within one of these, in which providers name the next page.
const LINKS: [&str; 2] = ["links", "_links"];
const PAGINATION: [&str; 10] = [
    "pagination",
    "paging",
    "paginator",
    "page",
    "pages",
    "page_info",
    "pageInfo",
    "cursor",
    "cursors",
    "pager",
];
/// These are about much else, such as the next update.
const METADATA: [&str; 2] = ["meta", "metadata"];

/// What names of the next page have, without case and punctuation.
const PARTS: [&str; 8] = [
    "nextpage",
    "nexturl",
    "nexturi",
    "nextlink",
    "nexthref",
    "nexttoken",
    "nextcursor",
    "nextoffset",
];
/// How names of the next page end that begin with `next`.
const ENDS: [&str; 5] = ["page", "url", "uri", "link", "href"];
/// How members begin that say whether there is one.
const FLAGS: [&str; 2] = ["hasnext", "hasmore"];

/// Whether a member beside the trips, or a header, of this name says something about the next page.
#[must_use]
pub fn is_name_of_next(name: &str) -> bool {
    let name = plain(name);
    name == "next"
        || PARTS.iter().any(|part| name.contains(part))
        || FLAGS.iter().any(|flag| name.starts_with(flag))
        || name.starts_with("next") && ENDS.iter().any(|end| name.ends_with(end))
}

/// A place that may name the next page.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Links(&'static str),
    Pagination(&'static str),
    /// Where much else stands as well.
    Anything(&'static str),
}

impl Place {
    /// The place of the trips.
    pub(super) const BESIDE: Self = Self::Anything("next");

    /// The place that a member of this name is, in any case.
    pub(super) fn of(key: &str) -> Option<Self> {
        let known = |names: &[&'static str]| {
            let mut names = names.iter().copied();
            names.find(|name| name.eq_ignore_ascii_case(key))
        };
        known(&LINKS)
            .map(Self::Links)
            .or_else(|| known(&PAGINATION).map(Self::Pagination))
            .or_else(|| known(&METADATA).map(Self::Anything))
    }

    /// Whether a member of this name, in this place, is about the next page. Links may also lead to
    /// the next hour.
    pub(super) fn has_about_next(self, key: &str) -> bool {
        let is_about_pages = matches!(self, Self::Pagination(_));
        is_name_of_next(key) || is_about_pages && plain(key).contains("next")
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Links(name) | Self::Pagination(name) | Self::Anything(name) => name,
        }
    }
}
