//! Which of the rows that only the portal has may be deleted.
//!
//! A database that is new, or restored and not loaded yet, lacks trips that the portal rightly has.
//! So a row is deleted only if the database has the blocks of its hour.

use std::collections::{BTreeMap, BTreeSet};

use trips::block::{Block, BlockObject, Hour, ProviderName};
use trips::status::BlockStatus;
use trips::words::counted;

use super::{Audit, ExtraRow};
use crate::context::Context;
use crate::error::PipelineError;
use crate::plan::active_from;

/// How many hours are looked up at a time.
const HOURS_AT_ONCE: usize = 1000;

/// How many hours are named.
const NAMED_HOURS: usize = 10;

/// Rows that only the portal has, and that no repair deletes yet.
#[derive(Debug, Default)]
pub(crate) struct HeldBack {
    pub(crate) rows: u64,
    /// The hours that the database does not have, each with what it lacks.
    hours: BTreeMap<Hour, String>,
}

impl HeldBack {
    /// Which rows are kept, why, and the way out; `None` if there are none.
    pub(crate) fn message(&self, ctx: &Context) -> Option<String> {
        if self.rows == 0 {
            return None;
        }
        let kept = counted(self.rows, "row").with(
            "that only the portal has is kept",
            "that only the portal has are kept",
        );
        let Some(((first, _), (last, _))) =
            (self.hours.first_key_value()).zip(self.hours.last_key_value())
        else {
            return Some(format!(
                "{kept}: without an end, and no hour of the range has rows; audit a range that has some"
            ));
        };
        let zone = ctx.zone();
        let named = self.hours.iter().take(NAMED_HOURS);
        let mut hours: Vec<_> = named
            .map(|(hour, lacks)| format!("{} ({lacks})", hour.label(zone)))
            .collect();
        let more = self.hours.len().saturating_sub(NAMED_HOURS);
        if more > 0 {
            hours.push(format!("and {}", counted(more, "more hour")));
        }
        Some(format!(
            "{kept}, because the database does not have all blocks of their hours: {}; load them \
             (`mds run --provider all --time-min {} --time-max {}`), then audit again",
            hours.join(", "),
            first.previous().end_argument(zone),
            last.end_argument(zone)
        ))
    }
}

/// The rows that may be deleted, by their ids, and those that are held back.
pub(crate) async fn deletable_rows(
    ctx: &Context,
    audit: &Audit,
) -> Result<(Vec<String>, HeldBack), PipelineError> {
    let mut asked: BTreeSet<Hour> = audit.extra_rows.iter().flat_map(ExtraRow::hours).collect();
    // A row without an end may be of any hour.
    let is_without_end = |row: &ExtraRow| row.hour.is_none();
    if audit.extra_rows.iter().any(is_without_end) {
        asked.extend(&audit.hours_with_rows);
    }
    let lacking = lacking_hours(ctx, asked).await?;
    let has_every_hour = !audit.hours_with_rows.is_empty()
        && (audit.hours_with_rows.iter()).all(|hour| !lacking.contains_key(hour));
    let (mut deletable, mut held_back) = (Vec::new(), HeldBack::default());
    let mut named = BTreeSet::new();
    for row in &audit.extra_rows {
        let is_held_back = match row.hour {
            None => !has_every_hour,
            Some(_) => row.hours().any(|hour| lacking.contains_key(&hour)),
        };
        if !is_held_back {
            deletable.push(row.id.clone());
            continue;
        }
        held_back.rows += 1;
        match row.hour {
            None => named.extend(&audit.hours_with_rows),
            Some(_) => named.extend(row.hours()),
        }
    }
    held_back.hours = lacking;
    held_back.hours.retain(|hour, _| named.contains(hour));
    Ok((deletable, held_back))
}

/// Those of the hours of which the database lacks a block, each with what it lacks.
async fn lacking_hours(
    ctx: &Context,
    hours: BTreeSet<Hour>,
) -> Result<BTreeMap<Hour, String>, PipelineError> {
    let mut lacking = BTreeMap::new();
    if hours.is_empty() {
        return Ok(lacking);
    }
    let expected = Expected::read(ctx).await?;
    let hours: Vec<Hour> = hours.into_iter().collect();
    for part in hours.chunks(HOURS_AT_ONCE) {
        let mut statuses = BTreeMap::<Hour, BTreeMap<ProviderName, BlockStatus>>::new();
        for (block, status) in ctx.store().statuses_of_hours(part).await? {
            let of_hour = statuses.entry(block.hour).or_default();
            of_hour.insert(block.provider, status);
        }
        for hour in part {
            let of_hour = statuses.remove(hour).unwrap_or_default();
            if let Some(lacks) = expected.lacking(ctx, *hour, &of_hour).await? {
                lacking.insert(*hour, lacks);
            }
        }
    }
    Ok(lacking)
}

/// Whose blocks an hour must have.
struct Expected {
    /// The enabled providers, each with its `active_from`. An entry that cannot be used counts as
    /// enabled.
    providers: BTreeMap<ProviderName, Option<Hour>>,
    first_hours: BTreeMap<ProviderName, Hour>,
}

impl Expected {
    async fn read(ctx: &Context) -> Result<Self, PipelineError> {
        let mut providers = BTreeMap::new();
        for provider in ctx.providers().filter(|it| it.config.enabled) {
            let active_from = active_from(ctx, provider)?;
            providers.insert(provider.name.clone(), active_from);
        }
        let invalid = ctx.config().providers.all_invalid();
        providers.extend(invalid.filter_map(|(name, _)| Some((name.parse().ok()?, None))));
        Ok(Self {
            providers,
            first_hours: ctx.store().first_hours().await?,
        })
    }

    /// What the database lacks of an hour, by the statuses of its blocks; `None` if it has all of
    /// it.
    async fn lacking(
        &self,
        ctx: &Context,
        hour: Hour,
        statuses: &BTreeMap<ProviderName, BlockStatus>,
    ) -> Result<Option<String>, PipelineError> {
        if !statuses.values().any(|status| is_there(*status)) {
            return Ok(Some("no block is loaded".to_owned()));
        }
        for (provider, active_from) in &self.providers {
            if active_from.is_some_and(|start| hour < start) {
                continue;
            }
            let lacks = match statuses.get(provider) {
                Some(status) if is_there(*status) => continue,
                Some(status) => status.as_str(),
                None if !self.has_begun(ctx, provider, hour).await? => continue,
                None => "never planned",
            };
            return Ok(Some(format!("{provider}: {lacks}")));
        }
        Ok(None)
    }

    /// Whether a provider without a block may have had trips in an hour. Before its first planned
    /// hour only an archive tells: the database may be new.
    async fn has_begun(
        &self,
        ctx: &Context,
        provider: &ProviderName,
        hour: Hour,
    ) -> Result<bool, PipelineError> {
        if (self.first_hours.get(provider)).is_some_and(|first| *first <= hour) {
            return Ok(true);
        }
        let block = Block {
            provider: provider.clone(),
            hour,
        };
        // The planner may list the bucket, but not read archives.
        let key = ctx.key(&block, BlockObject::Trips);
        let page = ctx.vault().list(&key).next_page().await?;
        Ok(page.is_some_and(|page| page.iter().any(|object| object.key == key)))
    }
}

/// Whether the database has what the provider has delivered for the block.
fn is_there(status: BlockStatus) -> bool {
    match status {
        BlockStatus::Loaded
        | BlockStatus::LoadedWithRejects
        | BlockStatus::NoTrips
        | BlockStatus::Published
        | BlockStatus::PublishFailed => true,
        BlockStatus::New
        | BlockStatus::NotPublished
        | BlockStatus::Archived
        | BlockStatus::ExtractFailed
        | BlockStatus::LoadFailed
        | BlockStatus::AllRejected => false,
    }
}
