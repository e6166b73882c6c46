//! Which hours are published at the time of a request.

use chrono::Utc;

use crate::fault::Fault;
use crate::feed::{Feed, hour_of};
use crate::options::ProviderOptions;
use crate::query::TripQuery;
use crate::quirk::Quirk;
use crate::sketch::Sketch;
use crate::version::QueryStyle;

/// Which of the requested hours are published, or the status to respond with instead of trips.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    query: TripQuery,
    end_hour: i64,
    pub(super) status: Option<u16>,
}

impl Published {
    pub(super) fn new(options: &ProviderOptions, query: TripQuery, fault: Option<&Fault>) -> Self {
        let now = Utc::now();
        let ready_end = if matches!(fault, Some(Fault::NotReady)) {
            query.last_hour()
        } else {
            hour_of(now - options.publication_lag)
        };
        let status = if query.end_hour <= ready_end {
            None
        } else if options.version.query_style() == QueryStyle::EndHour
            && query.end_hour > hour_of(now)
        {
            // The hour is not over: a 404 in every version that is queried by the hour.
            Some(404)
        } else {
            options
                .not_ready_status
                .or(options.version.not_ready_status())
        };
        Self {
            query,
            end_hour: query.end_hour.min(ready_end),
            status,
        }
    }

    pub(super) fn sketches(self, feed: &Feed) -> impl Iterator<Item = Sketch> + Send + use<> {
        let feed = feed.clone();
        let ignores_hour = feed.options().quirks.has(Quirk::IgnoresHour);
        let hours = self.query.first_hour..self.end_hour;
        hours
            .flat_map(move |hour| feed.sketches(hour))
            .filter(move |sketch| ignores_hour || self.query.matches(sketch))
    }
}
