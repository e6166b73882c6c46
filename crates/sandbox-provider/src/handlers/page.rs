//! Pages of a response, and the links between them.

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::BASE_PATH;
use crate::options::ProviderOptions;
use crate::query::parameter;
use crate::quirk::{Quirk, Quirks};

/// Trips on a page of a provider that has pages only because of a quirk.
const QUIRK_PAGE_SIZE: usize = 5;
/// Quirks that need pages.
const PAGE_QUIRKS: [Quirk; 8] = [
    Quirk::ForbiddenPages,
    Quirk::NextLoops,
    Quirk::NextElsewhere,
    Quirk::NextEndless,
    Quirk::NextWithoutQuery,
    Quirk::EmptyPageLoops,
    Quirk::EmptyPagesEndless,
    Quirk::EmptyPagesBetween,
];

/// One page of a response. Numbers start at 0 here, and at 1 in URLs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) number: usize,
    pub(super) size: usize,
}

impl Page {
    /// The requested page of trips, or `None` if responses are one page.
    pub(super) fn of_trips(
        options: &ProviderOptions,
        parameters: &[(String, String)],
    ) -> Option<Self> {
        let size = options.page_size.filter(|size| *size > 0);
        let size = if options.quirks.has_any(&PAGE_QUIRKS) {
            size.unwrap_or(QUIRK_PAGE_SIZE)
        } else {
            size.filter(|_| options.version.has_pages())?
        };
        Some(Self::requested(size, parameters))
    }

    pub(super) fn requested(size: usize, parameters: &[(String, String)]) -> Self {
        let number = parameter(parameters, "page")
            .and_then(|page| page.parse().ok())
            .unwrap_or(1_usize);
        Self {
            number: number.saturating_sub(1),
            size,
        }
    }

    /// The page that is sent for this one: if there is always a next page, the pages repeat. A page
    /// after the last is empty.
    pub(super) fn wrapped(self, quirks: Quirks, total: usize) -> Self {
        let last = self.last(total);
        let number = if quirks.has(Quirk::NextEndless) {
            self.number % (last + 1)
        } else if quirks.has(Quirk::EmptyPagesBetween) && self.number % 2 == 1 {
            last + 1
        } else if quirks.has(Quirk::EmptyPagesBetween) {
            self.number / 2
        } else {
            self.number
        };
        Self { number, ..self }
    }

    /// The number of the page that this one links to.
    fn next(self, quirks: Quirks, last: usize) -> Option<usize> {
        let next = self.number + 1;
        if quirks.has(Quirk::NextLoops) {
            Some(0)
        } else if quirks.has(Quirk::EmptyPageLoops) {
            Some(next.min(last + 1))
        } else if quirks.has(Quirk::EmptyPagesBetween) {
            (self.number < last * 2).then_some(next)
        } else if self.number < last
            || quirks.has_any(&[
                Quirk::NextElsewhere,
                Quirk::NextEndless,
                Quirk::EmptyPagesEndless,
            ])
        {
            Some(next)
        } else {
            None
        }
    }

    fn last(self, total: usize) -> usize {
        total.div_ceil(self.size).max(1) - 1
    }

    pub(super) fn links(
        self,
        quirks: Quirks,
        headers: &HeaderMap,
        path: &str,
        parameters: &[(String, String)],
        total: usize,
    ) -> Value {
        let last = self.last(total);
        let own = format!("http://{}{BASE_PATH}", host(headers));
        let url =
            |base: &str, number: usize| Value::String(page_url(base, path, parameters, number + 1));
        let next = match self.next(quirks, last) {
            None => Value::Null,
            Some(number) if quirks.has(Quirk::NextElsewhere) => {
                url(&other_host_url(headers), number)
            }
            Some(number) if quirks.has(Quirk::NextWithoutQuery) => {
                Value::String(format!("?page={}", number + 1))
            }
            Some(number) => url(&own, number),
        };
        json!({
            "first": url(&own, 0),
            "last": url(&own, last),
            "prev": if self.number > 0 { url(&own, self.number - 1) } else { Value::Null },
            "next": next,
        })
    }
}

fn host(headers: &HeaderMap) -> &str {
    headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1")
}

/// The URL of the same provider under another host name.
pub(super) fn other_host_url(headers: &HeaderMap) -> String {
    let port = host(headers)
        .rsplit_once(':')
        .map_or("80", |(_, port)| port);
    format!("http://localhost:{port}{BASE_PATH}")
}

fn page_url(base: &str, path: &str, parameters: &[(String, String)], page: usize) -> String {
    let kept = parameters.iter().filter(|(name, _)| name != "page");
    // The parameters of these versions are numbers and hours, which need no escaping.
    let query: String = kept
        .map(|(name, value)| format!("{name}={value}&"))
        .collect();
    format!("{base}/{path}?{query}page={page}")
}
