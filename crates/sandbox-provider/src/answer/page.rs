//! Pages of an answer, and the links between them.

use axum::http::{HeaderMap, header};
use serde_json::{Value, json};

use super::BASE_PATH;
use crate::oddity::{Oddities, Oddity};
use crate::options::ProviderOptions;
use crate::query::parameter;

/// Trips on a page of a provider that has pages only because it is odd.
const ODD_SIZE: usize = 5;
/// Oddities that show on pages alone.
const OF_PAGES: [Oddity; 4] = [
    Oddity::ForbiddenPages,
    Oddity::NextLoops,
    Oddity::NextElsewhere,
    Oddity::NextEndless,
];

/// One page of an answer; pages count from 0, but from 1 in their addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) number: usize,
    pub(super) size: usize,
}

impl Page {
    /// The page of trips that is asked for; none where answers are one page.
    pub(super) fn of_trips(
        options: &ProviderOptions,
        parameters: &[(String, String)],
    ) -> Option<Self> {
        let size = options.page_size.filter(|size| *size > 0);
        let size = if options.oddities.has_any(&OF_PAGES) {
            size.unwrap_or(ODD_SIZE)
        } else {
            size.filter(|_| options.version.may_page())?
        };
        Some(Self::asked(size, parameters))
    }

    pub(super) fn asked(size: usize, parameters: &[(String, String)]) -> Self {
        let number = parameter(parameters, "page")
            .and_then(|page| page.parse().ok())
            .unwrap_or(1_usize);
        Self {
            number: number.saturating_sub(1),
            size,
        }
    }

    /// A page that is there: where there is always a next one, they come again.
    pub(super) fn within(self, oddities: Oddities, total: usize) -> Self {
        if !oddities.has(Oddity::NextEndless) {
            return self;
        }
        Self {
            number: self.number % (self.last(total) + 1),
            ..self
        }
    }

    fn last(self, total: usize) -> usize {
        total.div_ceil(self.size).max(1) - 1
    }

    pub(super) fn links(
        self,
        oddities: Oddities,
        headers: &HeaderMap,
        path: &str,
        parameters: &[(String, String)],
        total: usize,
    ) -> Value {
        let last = self.last(total);
        let own = format!("http://{}{BASE_PATH}", host(headers));
        let address = |base: &str, number: usize| {
            Value::String(page_address(base, path, parameters, number + 1))
        };
        let next = if oddities.has(Oddity::NextLoops) {
            address(&own, 0)
        } else if oddities.has(Oddity::NextElsewhere) {
            address(&elsewhere(headers), self.number + 1)
        } else if self.number < last || oddities.has(Oddity::NextEndless) {
            address(&own, self.number + 1)
        } else {
            Value::Null
        };
        json!({
            "first": address(&own, 0),
            "last": address(&own, last),
            "prev": if self.number > 0 { address(&own, self.number - 1) } else { Value::Null },
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

/// The same provider by another name, which is another host to whoever looks at names.
pub(super) fn elsewhere(headers: &HeaderMap) -> String {
    let port = host(headers)
        .rsplit_once(':')
        .map_or("80", |(_, port)| port);
    format!("http://localhost:{port}{BASE_PATH}")
}

fn page_address(base: &str, path: &str, parameters: &[(String, String)], page: usize) -> String {
    let kept = parameters.iter().filter(|(name, _)| name != "page");
    // The parameters of these versions are numbers and hours, which need no escapes.
    let query: String = kept
        .map(|(name, value)| format!("{name}={value}&"))
        .collect();
    format!("{base}/{path}?{query}page={page}")
}
