//! What an audit has found so far, by hour and owner.

use std::collections::{BTreeMap, BTreeSet};

use store::{HourTotals, OwnerBlock};
use trips::block::{Hour, HourRange, ProviderName, ResolvedRange};
use trips::time::CivilZone;

use super::Audit;
use super::report::{AuditReport, BlockDifference, HourDifference, PeriodCounts, Periods};

/// How many ids of extra rows are kept. Those beyond are counted, and found again by the audit
/// after a repair.
const MAX_EXTRA_ROWS: usize = 200_000;

/// The findings of an audit in the making.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) portal_rows: u64,
    /// Rows of the database by civil day and provider.
    database_rows: BTreeMap<(chrono::NaiveDate, Option<ProviderName>), u64>,
    hours: BTreeMap<Hour, HourFindings>,
    pub(super) hours_with_rows: BTreeSet<Hour>,
    extra_rows: Vec<ExtraRow>,
    extra_without_end: u64,
}

/// A row that only the portal has.
#[derive(Debug)]
pub(crate) struct ExtraRow {
    /// Its row identifier.
    pub(crate) id: String,
    /// The hour of its end; `None` if it has none.
    pub(crate) hour: Option<Hour>,
    /// Whether it ends with the hour's first instant.
    pub(crate) is_on_the_hour: bool,
}

impl ExtraRow {
    /// The hours in which its trip may have ended. A published end may be rounded up to the next
    /// hour.
    pub(crate) fn hours(&self) -> impl Iterator<Item = Hour> {
        let before = self.hour.filter(|_| self.is_on_the_hour);
        let before = before.map(|hour| hour.previous());
        self.hour.into_iter().chain(before)
    }
}

/// The differences of an hour.
#[derive(Debug, Default)]
struct HourFindings {
    database_rows: u64,
    portal_rows: u64,
    extra: u64,
    /// By owner; `None` for trips without a block.
    owners: BTreeMap<Option<i64>, Differences>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Differences {
    missing: u64,
    different: u64,
}

impl Findings {
    pub(super) fn add_database_rows(&mut self, totals: &HourTotals, zone: &CivilZone) {
        let day = zone.civil(totals.hour.start()).date();
        let key = (day, totals.provider.clone());
        *self.database_rows.entry(key).or_default() += totals.trips;
    }

    /// Adds an hour whose rows are compared.
    pub(super) fn add_hour(&mut self, hour: Hour, database_rows: u64, portal_rows: u64) {
        let found = self.hours.entry(hour).or_default();
        found.database_rows = database_rows;
        found.portal_rows = portal_rows;
    }

    /// The hours whose rows are compared, with the larger of their two numbers of rows.
    pub(super) fn hours_and_rows(&self) -> impl Iterator<Item = (Hour, u64)> {
        let hours = self.hours.iter();
        hours.map(|(hour, found)| (*hour, found.database_rows.max(found.portal_rows)))
    }

    pub(super) fn add_missing(&mut self, hour: Hour, owner: Option<i64>) {
        self.owner(hour, owner).missing += 1;
    }

    pub(super) fn add_different(&mut self, hour: Hour, owner: Option<i64>) {
        self.owner(hour, owner).different += 1;
    }

    fn owner(&mut self, hour: Hour, owner: Option<i64>) -> &mut Differences {
        let found = self.hours.entry(hour).or_default();
        found.owners.entry(owner).or_default()
    }

    /// Adds a row that only the portal has.
    pub(super) fn add_extra(&mut self, row: ExtraRow) {
        match row.hour {
            Some(hour) => self.hours.entry(hour).or_default().extra += 1,
            None => self.extra_without_end += 1,
        }
        if self.extra_rows.len() < MAX_EXTRA_ROWS {
            self.extra_rows.push(row);
        }
    }

    /// The blocks whose rows differ.
    pub(super) fn owners(&self) -> impl Iterator<Item = i64> {
        let owners: BTreeSet<i64> = self
            .hours
            .values()
            .flat_map(|found| found.owners.keys().copied().flatten())
            .collect();
        owners.into_iter()
    }

    /// The audit of the chosen providers' blocks; `None` are all providers.
    pub(super) fn into_audit(
        self,
        asked: ResolvedRange,
        mut blocks: Vec<OwnerBlock>,
        chosen: &Option<BTreeSet<ProviderName>>,
        zone: &CivilZone,
    ) -> Audit {
        let is_chosen = |provider: Option<&ProviderName>| match (chosen, provider) {
            (None, _) => true,
            (Some(chosen), Some(provider)) => chosen.contains(provider),
            (Some(_), None) => false,
        };
        blocks.retain(|owner| is_chosen(Some(&owner.block.provider)));
        let by_id: BTreeMap<i64, &OwnerBlock> = blocks
            .iter()
            .map(|owner| (owner.schedule_id, owner))
            .collect();
        let range = asked.range;
        let mut report = AuditReport::new(asked, self.portal_rows);
        let mut periods = Periods::new(range.as_ref().map_or(0, HourRange::len));
        for ((day, provider), rows) in self.database_rows {
            if is_chosen(provider.as_ref()) {
                report.database_rows += rows;
                periods.of_day(Some(day), provider).database_rows += rows;
            }
        }
        for (hour, found) in self.hours {
            let day = Some(zone.civil(hour.start()).date());
            let mut difference = HourDifference::new(hour, zone);
            difference.database_rows = found.database_rows;
            difference.portal_rows = found.portal_rows;
            difference.extra = found.extra;
            if found.extra > 0 {
                periods.of_day(day, None).extra += found.extra;
            }
            for (owner, counts) in found.owners {
                let owner = owner.and_then(|id| by_id.get(&id).copied());
                if !is_chosen(owner.map(|owner| &owner.block.provider)) {
                    continue;
                }
                let block = BlockDifference::new(owner, counts.missing, counts.different, zone);
                let period = periods.of_day(day, block.provider.clone());
                period.add(&block);
                difference.add(block);
            }
            report.add(difference);
        }
        if self.extra_without_end > 0 {
            report.add_without_end(self.extra_without_end);
            periods.of_day(None, None).extra += self.extra_without_end;
        }
        report.period = periods.kind();
        report.periods = periods.into_counts();
        Audit {
            report,
            range,
            blocks,
            extra_rows: self.extra_rows,
            hours_with_rows: self.hours_with_rows,
            not_recorded: None,
        }
    }
}

impl PeriodCounts {
    fn add(&mut self, block: &BlockDifference) {
        self.missing += block.missing;
        self.different += block.different;
        if block.is_waiting {
            self.waiting += block.missing + block.different;
        }
    }
}
