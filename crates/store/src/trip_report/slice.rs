//! The slices in which a range is read, and what is read of each.

use chrono::{DateTime, TimeDelta, Utc};
use deadpool_postgres::Transaction;
use futures::TryStreamExt;
use trips::block::HourRange;

use super::counting::Counting;
use super::overlaps::Ride;
use super::rows::{TripRow, read_rows};
use super::snapshot::{Seen, Snapshot};
use super::sums::{Class, GroupKey};
use super::{TripFilters, TripGroup};
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// Slices are short so that few trips are in memory, and that those are sorted quickly.
const SLICE_HOURS: i64 = 3;

/// What a report asks of each trip. The columns are those of [`TripRow`].
///
/// `xmin` is the transaction that wrote the row, without the upper half of its number. It decides
/// about changes that were made while the earlier report was (see [`Seen`]).
///
/// COPY sends a row for a third of what a query needs for it, but takes no parameters.
const SLICE: &str = "
    COPY (
        SELECT provider_id, device_id, schedule_id, start_time, end_time, vehicle_type, trip_distance, trip_duration,
               delivered_at,
               CASE WHEN withdrawn_at IS NULL THEN 0 ELSE 1 END
               | CASE WHEN cardinality(flags) > 0 AND 'not_a_rider_trip' = ANY (flags) THEN 32 ELSE 0 END
               | {since} AS class
        FROM api.trips
        WHERE end_time >= '{from}' AND end_time < '{to}'
    ) TO STDOUT (FORMAT binary)";

/// Whether a trip has changed since an earlier report.
const SINCE: &str = "
    CASE WHEN modified_date >= '{settled_until}' AND (modified_date > '{made_at}' OR NOT coalesce(pg_visible_in_snapshot(
        ({next}::bigint - (({next}::bigint - xmin::text::bigint) & 4294967295))::text::xid8, {snapshot}::pg_snapshot
    ), false)) THEN 64 ELSE 0 END";

const ENTRIES: &str =
    "SELECT schedule_id, provider_id FROM api.schedule WHERE schedule_id = ANY ($1)";

/// Trips are in the slice in which they end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl Slice {
    pub(super) fn whole(range: HourRange) -> Self {
        Self {
            from: range.first().start(),
            to: range.end().start(),
        }
    }

    /// The slices of a range, the last one first.
    pub(super) fn of(range: HourRange) -> Vec<Self> {
        let whole = Self::whole(range);
        let mut slices = Vec::new();
        let mut to = whole.to;
        while to > whole.from {
            let from = whole.from.max(to - TimeDelta::hours(SLICE_HOURS));
            slices.push(Self { from, to });
            to = from;
        }
        slices
    }
}

/// What all slices are asked.
pub(super) struct Question {
    filters: TripFilters,
    /// Distances are whole metres, so the filters can be.
    metres: (i64, i64),
    since: String,
}

impl Question {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float that is too large becomes the largest number, which is no limit"
    )]
    pub(super) fn new(filters: TripFilters, since: Option<&Seen>, now: &Snapshot<'_>) -> Self {
        Self {
            filters,
            metres: (
                filters.min_metres.ceil() as i64,
                filters.max_metres.floor() as i64,
            ),
            since: since.map_or_else(|| "0".to_owned(), |seen| changed_since(seen, now)),
        }
    }

    fn statement(&self, slice: &Slice) -> String {
        SLICE
            .replace("{since}", &self.since)
            .replace("{from}", &slice.from.to_rfc3339())
            .replace("{to}", &slice.to.to_rfc3339())
    }

    /// What the filters say of a trip, and what the database has said.
    fn class(&self, trip: &TripRow<'_>) -> Class {
        let (min_metres, max_metres) = self.metres;
        Class::of_bits(trip.class)
            .with(Class::ZERO_DISTANCE, trip.metres <= 0)
            .with(Class::SHORT_DISTANCE, trip.metres < min_metres)
            .with(Class::LONG_DISTANCE, trip.metres > max_metres)
            .with(
                Class::LONG_DURATION,
                trip.seconds > self.filters.max_seconds,
            )
    }
}

fn changed_since(seen: &Seen, now: &Snapshot<'_>) -> String {
    let settled_until = seen.settled_until.unwrap_or(seen.made_at);
    // A snapshot has digits, colons and commas.
    let is_of_snapshot = |c: &char| matches!(c, '0'..='9' | ':' | ',');
    let snapshot = (seen.snapshot.as_deref()).map_or_else(
        || "NULL".to_owned(),
        |text| {
            format!(
                "'{}'",
                text.chars().filter(is_of_snapshot).collect::<String>()
            )
        },
    );
    SINCE
        .replace("{settled_until}", &settled_until.to_rfc3339())
        .replace("{made_at}", &seen.made_at.to_rfc3339())
        .replace("{next}", &now.next_transaction.to_string())
        .replace("{snapshot}", &snapshot)
}

/// What was read of a slice.
pub(super) struct SliceTrips {
    pub(super) slice: Slice,
    /// The counts, still without overlapping trips.
    pub(super) groups: Vec<(GroupKey, TripGroup)>,
    /// The trips that are not withdrawn, with their places in `groups`; `None` if they are too
    /// many.
    pub(super) rides: Option<Vec<Ride>>,
}

/// Reads a slice.
pub(super) async fn read_slice(
    transaction: &Transaction<'_>,
    question: &Question,
    slice: Slice,
) -> Result<SliceTrips, StoreError> {
    let doing = failed("counting trips");
    let pieces = transaction
        .copy_out(&question.statement(&slice))
        .await
        .map_err(doing)?;
    let mut pieces = std::pin::pin!(pieces);
    let mut counting = Counting::default();
    while let Some(piece) = pieces.try_next().await.map_err(doing)? {
        read_rows(&piece, |trip| {
            counting.add(&trip, question.class(&trip), question.filters)
        })?;
    }
    let blocks = counting.blocks();
    let rows = transaction
        .query(ENTRIES, &[&blocks])
        .await
        .map_err(doing)?;
    let entries = rows
        .iter()
        .map(|row| Ok((get(row, "schedule_id")?, get(row, "provider_id")?)))
        .collect::<Result<_, StoreError>>()?;
    counting.finish(slice, &entries)
}
