//! Which of the rows that only the portal has may be deleted.
//!
//! A database that is new, or restored and not loaded yet, lacks trips that the portal rightly has.
//! So a row is deleted only if the database has the blocks of its hour. And another stage may
//! publish to the same dataset by mistake, so many rows of trips that the database has never had
//! are not deleted unless somebody asks for it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use store::KnownBlock;
use trips::block::{Hour, ProviderName};
use trips::words::counted;
use uuid::Uuid;

use self::expected::{Expected, Lack};
use self::strangers::Strangers;
use super::{Audit, ExtraRow};
use crate::context::Context;
use crate::error::PipelineError;

mod expected;
mod strangers;

/// How many hours are looked up at a time.
const HOURS_AT_ONCE: usize = 1000;

/// How many trips are looked up at a time.
const ROWS_AT_ONCE: usize = 10_000;

/// How many hours are named.
const NAMED_HOURS: usize = 10;

/// Rows that only the portal has, and that no repair deletes yet.
#[derive(Debug, Default)]
pub(crate) struct HeldBack {
    pub(crate) rows: u64,
    /// The hours that the database does not have, each with what it lacks.
    hours: BTreeMap<Hour, Lack>,
    /// Of the rows, those of trips that the database has never had.
    strangers: Option<Strangers>,
}

impl HeldBack {
    /// Which rows are kept, why, and the way out; `None` if there are none.
    pub(crate) fn message(&self, ctx: &Context) -> Option<String> {
        if self.rows == 0 {
            return None;
        }
        let strangers = self.strangers.as_ref();
        let of_hours = self.rows - strangers.map_or(0, |it| it.rows);
        let reasons = [
            (of_hours > 0).then(|| self.lack(ctx, of_hours)),
            strangers.map(|it| it.message(ctx)),
        ];
        Some(reasons.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    /// Why these rows, whose hours the database does not have, are kept, and the way out.
    fn lack(&self, ctx: &Context, rows: u64) -> String {
        let kept = counted(rows, "row").with(
            "that only the portal has is kept",
            "that only the portal has are kept",
        );
        let Some(((first, _), (last, _))) =
            (self.hours.first_key_value()).zip(self.hours.last_key_value())
        else {
            return format!(
                "{kept}: they have no end_time, so they may belong to any hour, and no hour of this range has rows; audit \
                 a range that has some"
            );
        };
        let zone = ctx.zone();
        let named = self.hours.iter().take(NAMED_HOURS);
        let mut hours: Vec<_> = named
            .map(|(hour, lack)| format!("{} ({lack})", hour.label(zone)))
            .collect();
        let more = self.hours.len().saturating_sub(NAMED_HOURS);
        if more > 0 {
            hours.push(format!("and {}", counted(more, "more hour")));
        }
        let range = format!(
            "--time-min {} --time-max {}",
            first.previous().end_argument(zone),
            last.end_argument(zone)
        );
        format!(
            "{kept}, because the database does not have all blocks of their hours: {}; load them ({}), \
             then audit again",
            hours.join(", "),
            self.commands(ctx, &range)
        )
    }

    /// What loads the hours. Archives are loaded without a request if the provider's feed may no
    /// longer answer, and if they are newer than what was loaded.
    fn commands(&self, ctx: &Context, range: &str) -> String {
        let providers = |which: fn(&Lack) -> bool| -> BTreeSet<&ProviderName> {
            let lacks = self.hours.values().filter(|lack| which(lack));
            lacks.filter_map(Lack::provider).collect()
        };
        let left_out = providers(|lack| matches!(lack, Lack::LeftOut { .. }));
        let newer = providers(|lack| matches!(lack, Lack::NewerArchive { .. }));
        let is_planned = |lack: &Lack| matches!(lack, Lack::All | Lack::Block { .. });
        let mut commands = Vec::new();
        if self.hours.values().any(is_planned) {
            commands.push(format!("`mds run --provider all {range}`"));
        }
        for (providers, flags) in [
            (&left_out, "--no-extract"),
            (&newer, "--no-extract --force"),
        ] {
            if !providers.is_empty() {
                commands.push(format!(
                    "`mds run --provider {} {flags} {range}`",
                    join(providers, ",")
                ));
            }
        }
        let mut text = commands.join(" and ");
        let without_entry = left_out.into_iter().filter(|it| ctx.provider(it).is_err());
        let without_entry: BTreeSet<_> = without_entry.collect();
        if !without_entry.is_empty() {
            text.push_str(&format!(
                ", once the providers file has an entry of {} again, which may be disabled",
                join(&without_entry, " and of ")
            ));
        }
        text
    }
}

fn join(names: &BTreeSet<&ProviderName>, separator: &str) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.join(separator)
}

/// The rows that may be deleted, by their ids, and those that are held back. `accept_losses` lets
/// go of many rows of trips that the database has never had.
pub(crate) async fn deletable_rows(
    ctx: &Context,
    audit: &Audit,
    accept_losses: bool,
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
    let is_held_back = |row: &&ExtraRow| match row.hour {
        None => !has_every_hour,
        Some(_) => row.hours().any(|hour| lacking.contains_key(&hour)),
    };
    let (kept, deletable): (Vec<_>, Vec<_>) = audit.extra_rows.iter().partition(is_held_back);
    let mut held_back = HeldBack::default();
    let known = withdrawn(ctx, &deletable).await?;
    let (known, unknown): (Vec<_>, Vec<_>) =
        (deletable.into_iter().map(|row| row.id.clone())).partition(|id| known.contains(id));
    let mut deletable = known;
    match Strangers::among(audit, unknown.len() as u64).filter(|_| !accept_losses) {
        None => deletable.extend(unknown),
        Some(strangers) => {
            held_back.rows = strangers.rows;
            held_back.strangers = Some(strangers);
        }
    }
    let withdrawn = withdrawn(ctx, &kept).await?;
    let has_newer_archive =
        |hour: &Hour| matches!(lacking.get(hour), Some(Lack::NewerArchive { .. }));
    let mut named = BTreeSet::new();
    for row in kept {
        let hours: Vec<Hour> = match row.hour {
            None => audit.hours_with_rows.iter().copied().collect(),
            Some(_) => row.hours().collect(),
        };
        // The newer archive may have the trip again.
        if withdrawn.contains(&row.id) && !hours.iter().any(has_newer_archive) {
            deletable.push(row.id.clone());
        } else {
            held_back.rows += 1;
            named.extend(hours);
        }
    }
    held_back.hours = lacking;
    held_back.hours.retain(|hour, _| named.contains(hour));
    Ok((deletable, held_back))
}

/// The ids of those rows whose trip the database has as withdrawn: whatever else it lacks, such a
/// trip no longer counts.
async fn withdrawn(ctx: &Context, rows: &[&ExtraRow]) -> Result<HashSet<String>, PipelineError> {
    let mut withdrawn = HashSet::new();
    for part in rows.chunks(ROWS_AT_ONCE) {
        let ids: Vec<Uuid> = part.iter().filter_map(|row| row.id.parse().ok()).collect();
        let found = ctx.store().withdrawn_trips(&ids).await?;
        withdrawn.extend(found.iter().map(Uuid::to_string));
    }
    Ok(withdrawn)
}

/// Those of the hours of which the database lacks a block, each with what it lacks.
async fn lacking_hours(
    ctx: &Context,
    hours: BTreeSet<Hour>,
) -> Result<BTreeMap<Hour, Lack>, PipelineError> {
    let mut lacking = BTreeMap::new();
    if hours.is_empty() {
        return Ok(lacking);
    }
    let mut expected = Expected::read(ctx).await?;
    let hours: Vec<Hour> = hours.into_iter().collect();
    for part in hours.chunks(HOURS_AT_ONCE) {
        let mut known = BTreeMap::<Hour, BTreeMap<ProviderName, KnownBlock>>::new();
        for block in ctx.store().blocks_of_hours(part).await? {
            let of_hour = known.entry(block.block.hour).or_default();
            of_hour.insert(block.block.provider.clone(), block);
        }
        for hour in part {
            let of_hour = known.remove(hour).unwrap_or_default();
            if let Some(lack) = expected.lacking(*hour, &of_hour).await? {
                lacking.insert(*hour, lack);
            }
        }
    }
    Ok(lacking)
}
