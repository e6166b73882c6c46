//! The parameters that name the requested hour, in a URL that the provider names.

use chrono::{DateTime, NaiveDateTime, Utc};
use trips::trip::FIRST_MILLISECONDS;
use url::Url;

/// Which parameters of a request name its hour, and the instants that they may have on a further
/// page: some providers divide a window into pages of a few minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HourParameters {
    /// The provider's names, and the values that were sent.
    sent: Vec<(String, String)>,
    /// The first and the last instant; `None` if the request names no hour.
    range: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl HourParameters {
    /// Parameters whose instants lie between `first` and `last`.
    pub(crate) fn between(
        sent: Vec<(String, String)>,
        first: DateTime<Utc>,
        last: DateTime<Utc>,
    ) -> Self {
        Self {
            sent,
            range: Some((first, last)),
        }
    }

    /// What the URL has that contradicts the request: `end_time is 2020-01-02T22:00:00Z there`.
    /// Another spelling of a requested instant does not, nor does a parameter that is left out.
    pub(crate) fn contradiction(&self, url: &Url) -> Option<String> {
        let range = self.range?;
        url.query_pairs().find_map(|(name, value)| {
            let (own, sent) = self
                .sent
                .iter()
                .find(|(own, _)| own.eq_ignore_ascii_case(&name))?;
            if *sent == value {
                return None;
            }
            match instant(&value) {
                None => Some(format!("{own} is no time there")),
                Some(at) if (range.0..=range.1).contains(&at) => None,
                Some(at) => Some(format!(
                    "{own} is {} there",
                    at.format("%Y-%m-%dT%H:%M:%SZ")
                )),
            }
        })
    }
}

/// Reads an instant in any form that a query may have.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(number) = text.parse::<u64>() {
        let whole = i64::try_from(number).ok()?;
        return if number < FIRST_MILLISECONDS {
            DateTime::from_timestamp(whole, 0)
        } else {
            DateTime::from_timestamp_millis(whole)
        };
    }
    // The `+` of an offset is a blank in a query, unless it is escaped.
    let with_offset = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc3339(&text.replace(' ', "+")));
    if let Ok(instant) = with_offset {
        return Some(instant.to_utc());
    }
    let civil = text.trim_end_matches(['Z', 'z']).replace([' ', 't'], "T");
    ["", ":00", ":00:00"].iter().find_map(|rest| {
        NaiveDateTime::parse_from_str(&format!("{civil}{rest}"), "%Y-%m-%dT%H:%M:%S%.f")
            .ok()
            .map(|civil| civil.and_utc())
    })
}

#[cfg(test)]
mod tests;
