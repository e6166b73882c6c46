//! Where a page says that another one follows it.
//!
//! MDS has `links.next`, as JSON:API defines it. Providers also write a list of links, put the
//! links into `data`, or name the next page in a member of their own. A page that names a next one
//! in a form that is not understood must not look like the last page.

use std::fmt;
use std::io::Read;

use serde_json::Value;

use super::EnvelopeError;
use super::read::members;
use crate::json::window::Window;

mod said;

use self::said::{Said, is_about_next, plain, said_by, said_in_list, value_of};

/// What a page says about the page after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NextPage {
    /// There is none. `null` and an empty string say so too.
    #[default]
    None,
    /// Its URL, which may be relative.
    Url(String),
    /// There is one, but nobody knows where.
    Unclear(UnclearNext),
}

impl NextPage {
    /// The URL, if it is known.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            Self::None | Self::Unclear(_) => None,
        }
    }
}

/// Why the next page cannot be found. Quotes nothing of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnclearNext {
    place: &'static str,
    has_two: bool,
}

impl fmt::Display for UnclearNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place;
        if self.has_two {
            return write!(f, "it has two links to the next page in `{place}`");
        }
        write!(
            f,
            "it has a next page, but `{place}` names it in a form that is not understood, so the \
             trips there would be lost; known are `links.next` as a URL or an object with `href`, \
             and `links` as a list of objects with `rel` and `href`"
        )
    }
}

/// Members of an answer, or of its `data`, in which providers name the next page.
const LINKS: [&str; 2] = ["links", "_links"];
const PAGINATION: [&str; 3] = ["pagination", "paging", "meta"];
/// Names of the next page beside the trips, without case, `_` and `-`.
const NAMES: [&str; 15] = [
    "next",
    "nextpage",
    "nexturl",
    "nexturi",
    "nextlink",
    "nexthref",
    "nextpageurl",
    "nextpagelink",
    "nexttoken",
    "nextpagetoken",
    "nextcursor",
    "nextoffset",
    "hasnext",
    "hasnextpage",
    "hasmore",
];

/// Whether a member beside the trips, or a header, of this name says something about the next page.
#[must_use]
pub fn is_name_of_next(name: &str) -> bool {
    NAMES.contains(&plain(name).as_str())
}

/// A member that may name the next page.
#[derive(Clone, Copy)]
enum Place {
    Links(&'static str),
    Pagination(&'static str),
    /// The member itself is the link.
    Itself(&'static str),
}

impl Place {
    fn of(key: &str) -> Option<Self> {
        let known = |names: &[&'static str]| names.iter().find(|name| **name == key).copied();
        known(&LINKS)
            .map(Self::Links)
            .or_else(|| known(&PAGINATION).map(Self::Pagination))
            .or_else(|| is_name_of_next(key).then_some(Self::Itself("next")))
    }

    /// Whether the link in this member may be relative. Elsewhere it may be a cursor as well.
    fn has_relative(self, key: &str) -> bool {
        matches!(self, Self::Links(_)) && key == "next"
    }

    fn name(self) -> &'static str {
        match self {
            Self::Links(name) | Self::Pagination(name) | Self::Itself(name) => name,
        }
    }
}

/// Finds the next page while an envelope is read.
#[derive(Default)]
pub(super) struct NextPageFinder {
    /// From `links`, whose URLs may be relative.
    linked: Option<String>,
    /// From another place.
    named: Option<String>,
    two: Option<&'static str>,
    unclear: Option<&'static str>,
}

impl NextPageFinder {
    /// Takes the value of this member if it may name the next page; otherwise leaves it.
    pub(super) fn takes<R: Read>(
        &mut self,
        window: &mut Window<R>,
        key: &str,
    ) -> Result<bool, EnvelopeError> {
        let Some(place) = Place::of(key) else {
            return Ok(false);
        };
        match (place, window.peek()?) {
            (Place::Links(_) | Place::Pagination(_), Some(b'{')) => {
                members(window, |window, key| {
                    let about_next = is_about_next(key);
                    let said = window.element(|value| match about_next {
                        true => said_by(&value, place.has_relative(key)),
                        false => Said::Nothing,
                    })?;
                    self.add(place, said);
                    Ok(())
                })?;
            }
            (Place::Links(_), Some(b'[')) => {
                let mut has_link = window.enter_array()?;
                while has_link {
                    let said = window.element(|link| said_in_list(&link))?;
                    self.add(place, said);
                    has_link = window.has_another_element()?;
                }
            }
            (Place::Links(_), Some(b'"')) => {
                let said = window.element(|value| match value_of(&value) {
                    Some(Value::String(text)) if text.trim().is_empty() => Said::Nothing,
                    _ => Said::Unclear,
                })?;
                self.add(place, said);
            }
            (Place::Itself(_), _) => {
                let said = window.element(|value| said_by(&value, place.has_relative(key)))?;
                self.add(place, said);
            }
            (Place::Links(_) | Place::Pagination(_), _) => window.element(|_| ())?,
        }
        Ok(true)
    }

    fn add(&mut self, place: Place, said: Said) {
        match said {
            Said::Nothing => {}
            Said::Unclear => self.unclear = self.unclear.or(Some(place.name())),
            Said::Url(url) => {
                let known = match place {
                    Place::Links(_) => &mut self.linked,
                    Place::Pagination(_) | Place::Itself(_) => &mut self.named,
                };
                if *known.get_or_insert_with(|| url.clone()) != url {
                    self.two = Some(place.name());
                }
            }
        }
    }

    /// What the whole page says.
    pub(super) fn finish(self) -> NextPage {
        if let Some(place) = self.two {
            return NextPage::Unclear(UnclearNext {
                place,
                has_two: true,
            });
        }
        match (self.linked.or(self.named), self.unclear) {
            (Some(url), _) => NextPage::Url(url),
            (None, Some(place)) => NextPage::Unclear(UnclearNext {
                place,
                has_two: false,
            }),
            (None, None) => NextPage::None,
        }
    }
}
