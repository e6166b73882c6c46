//! Numbers of pages, for pages that name no next one.

use std::io::Read;

use serde_json::Value;

use super::said::plain;
use crate::envelope::EnvelopeError;
use crate::envelope::value_of::value_of;
use crate::json::window::Window;

/// Members that number the page, and that count the pages, without case and punctuation.
const PAGE: [&str; 6] = [
    "page",
    "currentpage",
    "pagenumber",
    "pagenum",
    "pageno",
    "number",
];
const PAGES: [&str; 4] = ["totalpages", "pagecount", "lastpage", "numpages"];

/// The number of a page, and of all pages.
#[derive(Default)]
pub(super) struct Numbers {
    page: Option<u64>,
    pages: Option<u64>,
}

impl Numbers {
    /// Takes the value of this member if it numbers or counts pages; otherwise leaves it.
    pub(super) fn takes<R: Read>(
        &mut self,
        window: &mut Window<R>,
        key: &str,
    ) -> Result<bool, EnvelopeError> {
        let key = plain(key);
        let known = if PAGE.contains(&key.as_str()) {
            &mut self.page
        } else if PAGES.contains(&key.as_str()) {
            &mut self.pages
        } else {
            return Ok(false);
        };
        let number = window.element(|value| value_of(&value).as_ref().and_then(number))?;
        *known = known.or(number);
        Ok(true)
    }

    /// How many pages there are, if this is the first of several, counted from 0 or 1.
    pub(super) fn first_of(&self) -> Option<u64> {
        let is_first = self.page.is_some_and(|page| page <= 1);
        self.pages.filter(|pages| is_first && *pages > 1)
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
