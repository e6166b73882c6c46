//! [`AuditReport`]: an audit's counts, for people and programs.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use store::OwnerBlock;
use trips::block::{Hour, HourRange, ProviderName, ResolvedRange};
use trips::time::CivilZone;

/// A range that is longer is reported by month: the 31 days of a month have at most one hour more.
const MAX_HOURS_BY_DAY: u64 = 31 * 24 + 1;

/// Whether the portal has what the database has.
///
/// Rows of the database and their differences are those of the providers asked about. Rows that
/// only the portal has belong to no provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The first instant; `None` if nothing has ended.
    pub time_min: Option<DateTime<Utc>>,
    /// The first instant after the range.
    pub time_max: Option<DateTime<Utc>>,
    /// Hours that were compared.
    pub hours: u64,
    /// Hours that were left out because they have not ended.
    pub not_ended: u64,
    /// Rows that the portal should have.
    pub database_rows: u64,
    /// Rows that the portal has in these hours, of every provider.
    pub portal_rows: u64,
    /// Rows that only the database has.
    pub missing: u64,
    /// Rows that the portal has with another content.
    pub different: u64,
    /// Rows that only the portal has.
    pub extra: u64,
    /// Of the missing and different rows, those of blocks whose publishing is still to come.
    pub waiting: u64,
    /// Of the extra rows, those without an end time, which belong to no hour.
    pub without_end_time: u64,
    /// Whether the counts are by `day` or by `month`, in civil time.
    pub period: &'static str,
    /// The counts of each period and provider.
    pub periods: Vec<PeriodCounts>,
    /// The hours that differ, with the blocks whose rows differ.
    pub different_hours: Vec<HourDifference>,
}

/// The counts of one provider in one period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PeriodCounts {
    /// The civil day or month, `2020-03-08` or `2020-03`; `None` for rows without an end time.
    pub period: Option<String>,
    /// The provider; `None` for rows that belong to none.
    pub provider: Option<ProviderName>,
    /// Rows that the portal should have.
    pub database_rows: u64,
    /// Rows that only the database has.
    pub missing: u64,
    /// Rows that the portal has with another content.
    pub different: u64,
    /// Of the two counts before, rows of blocks whose publishing is still to come.
    pub waiting: u64,
    /// Rows that only the portal has.
    pub extra: u64,
}

/// An hour that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HourDifference {
    /// The hour's label: its end in civil time.
    pub label: String,
    /// First instant of the hour.
    pub hour_start: DateTime<Utc>,
    /// Rows that the portal should have, of every provider.
    pub database_rows: u64,
    /// Rows that the portal has.
    pub portal_rows: u64,
    /// Rows that only the database has.
    pub missing: u64,
    /// Rows that the portal has with another content.
    pub different: u64,
    /// Rows that only the portal has.
    pub extra: u64,
    /// The owners of the missing and different rows.
    pub blocks: Vec<BlockDifference>,
}

/// A block whose rows differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockDifference {
    /// The provider; `None` for rows that no block owns, as those of older tools.
    pub provider: Option<ProviderName>,
    /// The block's label.
    pub label: Option<String>,
    /// Rows that only the database has.
    pub missing: u64,
    /// Rows that the portal has with another content.
    pub different: u64,
    /// Whether the block is loaded and its publishing is still to come.
    pub is_waiting: bool,
}

impl AuditReport {
    pub(super) fn new(asked: ResolvedRange, portal_rows: u64) -> Self {
        Self {
            time_min: asked.range.map(|range| range.first().start()),
            time_max: asked.range.map(|range| range.end().start()),
            hours: asked.range.as_ref().map_or(0, HourRange::len),
            not_ended: asked.not_ended,
            database_rows: 0,
            portal_rows,
            missing: 0,
            different: 0,
            extra: 0,
            waiting: 0,
            without_end_time: 0,
            period: "day",
            periods: Vec::new(),
            different_hours: Vec::new(),
        }
    }

    /// Whether the portal lacks something, or has something else.
    #[must_use]
    pub fn has_differences(&self) -> bool {
        self.missing + self.different + self.extra > 0
    }

    /// Adds an hour, unless its differences are those of providers that are not asked about.
    pub(super) fn add(&mut self, mut hour: HourDifference) {
        hour.blocks
            .sort_by(|a, b| (&a.provider, &a.label).cmp(&(&b.provider, &b.label)));
        self.missing += hour.missing;
        self.different += hour.different;
        self.extra += hour.extra;
        let waiting = hour.blocks.iter().filter(|block| block.is_waiting);
        self.waiting += waiting
            .map(|block| block.missing + block.different)
            .sum::<u64>();
        if hour.missing + hour.different + hour.extra > 0 {
            self.different_hours.push(hour);
        }
    }

    pub(super) fn add_without_end(&mut self, rows: u64) {
        self.extra += rows;
        self.without_end_time = rows;
    }
}

impl HourDifference {
    pub(super) fn new(hour: Hour, zone: &CivilZone) -> Self {
        Self {
            label: hour.label(zone),
            hour_start: hour.start(),
            database_rows: 0,
            portal_rows: 0,
            missing: 0,
            different: 0,
            extra: 0,
            blocks: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, block: BlockDifference) {
        self.missing += block.missing;
        self.different += block.different;
        self.blocks.push(block);
    }
}

impl BlockDifference {
    pub(super) fn new(
        owner: Option<&OwnerBlock>,
        missing: u64,
        different: u64,
        zone: &CivilZone,
    ) -> Self {
        Self {
            provider: owner.map(|owner| owner.block.provider.clone()),
            label: owner.map(|owner| owner.block.hour.label(zone)),
            missing,
            different,
            is_waiting: owner.is_some_and(|owner| owner.is_waiting),
        }
    }
}

/// The counts by period and provider, in the making.
pub(super) struct Periods {
    by_month: bool,
    counts: BTreeMap<(Option<String>, Option<ProviderName>), PeriodCounts>,
}

impl Periods {
    pub(super) fn new(hours: u64) -> Self {
        Self {
            by_month: hours > MAX_HOURS_BY_DAY,
            counts: BTreeMap::new(),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        if self.by_month { "month" } else { "day" }
    }

    /// The counts of the period with this civil day; `None` for rows without an end.
    pub(super) fn of_day(
        &mut self,
        day: Option<NaiveDate>,
        provider: Option<ProviderName>,
    ) -> &mut PeriodCounts {
        let format = if self.by_month { "%Y-%m" } else { "%Y-%m-%d" };
        let period = day.map(|day| day.format(format).to_string());
        let key = (period.clone(), provider.clone());
        self.counts.entry(key).or_insert_with(|| PeriodCounts {
            period,
            provider,
            ..PeriodCounts::default()
        })
    }

    pub(super) fn into_counts(self) -> Vec<PeriodCounts> {
        self.counts.into_values().collect()
    }
}
