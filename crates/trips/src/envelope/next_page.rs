//! Where a page says that another one follows it.
//!
//! MDS has `links.next`, as JSON:API defines it. Providers also write a list of links, put the
//! links into `data`, `meta` or a pagination, name the next page in a member of their own, or only
//! number the pages. A page that names a next one in a form that is not understood must not look
//! like the last page.

use std::io::Read;

use serde_json::Value;

use super::EnvelopeError;
use super::read::{members, skip};
use super::value_of::value_of;
use crate::json::window::Window;

mod numbers;
mod place;
mod said;
mod unclear;

pub use self::place::is_name_of_next;
pub use self::unclear::UnclearNext;

use self::numbers::Numbers;
use self::place::Place;
use self::said::{Said, said_by, said_in_list};

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
    /// By its numbers, this is the first of several pages, but none is named. If a page before this
    /// one named it, it is the last one nevertheless: some count from 0.
    Counted(UnclearNext),
}

impl NextPage {
    /// The URL, if it is known.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            Self::None | Self::Unclear(_) | Self::Counted(_) => None,
        }
    }
}

/// How deep members within members are searched. Known forms have three levels.
const MAX_DEPTH: u8 = 4;

/// Links to the next page from places that count alike.
#[derive(Default)]
struct Links {
    url: Option<String>,
    /// Where another one stands.
    two: Option<&'static str>,
}

impl Links {
    fn add(&mut self, url: String, place: Place) {
        match &self.url {
            None => self.url = Some(url),
            Some(known) if *known == url => {}
            Some(_) => self.two = Some(place.name()),
        }
    }

    fn said(self) -> Option<NextPage> {
        let two = self.two.map(UnclearNext::two_links).map(NextPage::Unclear);
        two.or(self.url.map(NextPage::Url))
    }
}

/// Finds the next page while an envelope is read.
#[derive(Default)]
pub(super) struct NextPageFinder {
    /// From `links` beside the trips, whose URLs may be relative.
    linked: Links,
    /// From another place.
    named: Links,
    unclear: Option<&'static str>,
    /// Whether a member about the next page says that there is none.
    is_denied: bool,
    numbers: Numbers,
}

/// The members of one object that may name the next page.
#[derive(Clone, Copy)]
struct Within {
    place: Place,
    /// How many objects it is in that may name the next page.
    depth: u8,
}

impl NextPageFinder {
    /// Takes the value of this member if it may name the next page; otherwise leaves it.
    pub(super) fn takes<R: Read>(
        &mut self,
        window: &mut Window<R>,
        key: &str,
    ) -> Result<bool, EnvelopeError> {
        let beside = Within {
            place: Place::BESIDE,
            depth: 0,
        };
        self.takes_of(beside, window, key)
    }

    fn takes_of<R: Read>(
        &mut self,
        within: Within,
        window: &mut Window<R>,
        key: &str,
    ) -> Result<bool, EnvelopeError> {
        if within.place.has_about_next(key) {
            let may_be_relative = within.is_links_of_mds() && key.eq_ignore_ascii_case("next");
            let said = window.element(|value| said_by(&value, may_be_relative))?;
            self.is_denied |= matches!(said, Said::Nothing);
            self.add(within, said);
            return Ok(true);
        }
        let place = Place::of(key);
        let inner = Within {
            place: place.unwrap_or(within.place),
            depth: within.depth + 1,
        };
        match (place, window.peek()?) {
            (Some(_), Some(b'{')) if inner.depth <= MAX_DEPTH => {
                members(window, |window, key| {
                    match self.takes_of(inner, window, key)? {
                        true => Ok(()),
                        false => skip(window),
                    }
                })?;
            }
            (Some(Place::Links(_)), Some(b'[')) => {
                let mut has_link = window.enter_array()?;
                while has_link {
                    let said = window.element(|link| said_in_list(&link))?;
                    self.add(inner, said);
                    has_link = window.has_another_element()?;
                }
            }
            (Some(Place::Links(_)), Some(b'"')) if within.depth == 0 => {
                let said = window.element(|value| match value_of(&value) {
                    Some(Value::String(text)) if text.trim().is_empty() => Said::Nothing,
                    _ => Said::Unclear,
                })?;
                self.add(inner, said);
            }
            _ => return self.numbers.takes(window, key),
        }
        Ok(true)
    }

    fn add(&mut self, within: Within, said: Said) {
        let place = within.place;
        match said {
            Said::Nothing => {}
            Said::Unclear => self.unclear = self.unclear.or(Some(place.name())),
            Said::Url(url) if within.is_links_of_mds() => self.linked.add(url, place),
            Said::Url(url) => self.named.add(url, place),
        }
    }

    /// What the whole page says.
    pub(super) fn finish(self) -> NextPage {
        let unclear = self.unclear.map(UnclearNext::form);
        let count = self.numbers.first_of().filter(|_| !self.is_denied);
        self.linked
            .said()
            .or(self.named.said())
            .or(unclear.map(NextPage::Unclear))
            .or(count.map(UnclearNext::count).map(NextPage::Counted))
            .unwrap_or_default()
    }
}

impl Within {
    /// Whether these are the links that MDS has, beside the trips.
    fn is_links_of_mds(self) -> bool {
        self.depth == 1 && matches!(self.place, Place::Links(_))
    }
}
