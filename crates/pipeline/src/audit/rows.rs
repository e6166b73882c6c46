//! Compares hours row by row: a merge of both sides, each in order of the trips' public ids.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use store::{LiveTrip, OwnedTrip};
use trips::block::{Hour, HourRange};
use trips::public_row::PublicRow;
use uuid::Uuid;

use super::Auditor;
use super::batches::{Batch, batches};
use super::content::Content;
use super::findings::{ExtraRow, Findings};
use super::portal::{Pages, PortalRow, not_in_order};
use crate::error::PipelineError;

/// Rows that one batch lacks are looked up in the rest of the dataset, unless they are more: then
/// the portal has lost them.
const MAX_LOOKED_UP: usize = 1000;

/// How many ids are looked up in the database at a time.
const IDS_AT_ONCE: usize = 10_000;

/// A trip that one side has in a batch and the other has not.
struct OneSided {
    id: Uuid,
    hour: Option<Hour>,
    /// Of a row of the portal, whether it ends with the hour's first instant.
    is_on_the_hour: bool,
    schedule_id: Option<i64>,
}

impl Auditor<'_> {
    /// Compares the rows of these hours.
    pub(super) async fn compare_rows(
        &mut self,
        compared: &BTreeSet<Hour>,
    ) -> Result<(), PipelineError> {
        for batch in batches(self.findings.hours_and_rows()) {
            self.compare_batch(&batch, compared).await?;
        }
        Ok(())
    }

    async fn compare_batch(
        &mut self,
        batch: &Batch,
        compared: &BTreeSet<Hour>,
    ) -> Result<(), PipelineError> {
        let store = self.ctx.store().clone();
        let mut ours = store
            .owned_trips(&batch.stretches, self.form.times.rounding)
            .await?;
        let dataset = self.dataset.clone();
        let mut theirs = dataset.rows(&batch.stretches);
        let (mut only_ours, mut only_theirs) = (Vec::new(), Vec::new());
        let mut our = ours.next().await?;
        let mut their = next_trip(&mut theirs, &mut self.findings, None).await?;
        loop {
            let side = match (&our, &their) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(trip), Some((id, _))) => trip.trip.trip_id.cmp(id),
            };
            if let Some(trip) = our.take_if(|_| side.is_le()) {
                match &their {
                    Some((_, row)) if side.is_eq() => self.compare(&trip, row)?,
                    _ => only_ours.push(self.one_sided(&trip)),
                }
                our = ours.next().await?;
            }
            if let Some((id, row)) = their.take_if(|_| side.is_ge()) {
                if side.is_gt() {
                    only_theirs.push(OneSided {
                        id,
                        hour: row.hour(),
                        is_on_the_hour: row.is_on_the_hour(),
                        schedule_id: None,
                    });
                }
                their = next_trip(&mut theirs, &mut self.findings, Some(id)).await?;
            }
        }
        drop(ours);
        self.settle_ours(only_ours).await?;
        self.settle_theirs(only_theirs, |live_hour| !compared.contains(&live_hour))
            .await
    }

    /// Finds the portal's rows without an end. No hour has them, so they are looked for apart.
    pub(super) async fn find_rows_without_end(
        &mut self,
        range: HourRange,
        compared: &BTreeSet<Hour>,
    ) -> Result<(), PipelineError> {
        let dataset = self.dataset.clone();
        let mut rows = dataset.rows_without_end();
        let is_unseen =
            |hour: Hour| (range.first()..range.end()).contains(&hour) && !compared.contains(&hour);
        let mut found = Vec::new();
        let mut last = None;
        while let Some((id, _)) = next_trip(&mut rows, &mut self.findings, last).await? {
            last = Some(id);
            found.push(OneSided {
                id,
                hour: None,
                is_on_the_hour: false,
                schedule_id: None,
            });
            if found.len() == IDS_AT_ONCE {
                let part = std::mem::take(&mut found);
                self.settle_theirs(part, is_unseen).await?;
            }
        }
        self.settle_theirs(found, is_unseen).await
    }

    /// A row that the portal has elsewhere, as under another end, is a different one.
    async fn settle_ours(&mut self, only_ours: Vec<OneSided>) -> Result<(), PipelineError> {
        let elsewhere = if only_ours.len() <= MAX_LOOKED_UP {
            let ids: Vec<_> = only_ours.iter().map(|row| row.id).collect();
            self.dataset.with_ids(&ids).await?
        } else {
            BTreeSet::new()
        };
        for row in only_ours {
            let Some(hour) = row.hour else { continue };
            if elsewhere.contains(&row.id) {
                self.findings.add_different(hour, row.schedule_id);
            } else {
                self.findings.add_missing(hour, row.schedule_id);
            }
        }
        Ok(())
    }

    /// Of the rows that only the portal has in these hours, those of trips that do not count are
    /// extra. The others are different; they are added here if nothing else finds them
    /// (`is_unseen`, by the hour in which the database has them).
    async fn settle_theirs(
        &mut self,
        only_theirs: Vec<OneSided>,
        is_unseen: impl Fn(Hour) -> bool,
    ) -> Result<(), PipelineError> {
        for part in only_theirs.chunks(IDS_AT_ONCE) {
            let ids: Vec<_> = part.iter().map(|row| row.id).collect();
            let mut live = self.ctx.store().live_trips(&ids).await?;
            live.sort_by_key(|trip| trip.id);
            for row in part {
                let found = live.binary_search_by_key(&row.id, |trip| trip.id);
                match found.ok().and_then(|at| live.get(at)) {
                    None => self.findings.add_extra(ExtraRow {
                        id: row.id.to_string(),
                        hour: row.hour,
                        is_on_the_hour: row.is_on_the_hour,
                    }),
                    Some(trip) => {
                        let hour = self.live_hour(trip);
                        if is_unseen(hour) {
                            self.findings
                                .add_different(row.hour.unwrap_or(hour), trip.schedule_id);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn compare(&mut self, trip: &OwnedTrip, row: &PortalRow) -> Result<(), PipelineError> {
        let published = Content::of_published(&PublicRow::new(&trip.trip, &self.form))?;
        if published != row.content {
            let hour = self.hour_of(trip);
            self.findings.add_different(hour, trip.schedule_id);
        }
        Ok(())
    }

    fn one_sided(&self, trip: &OwnedTrip) -> OneSided {
        OneSided {
            id: trip.trip.trip_id,
            hour: Some(self.hour_of(trip)),
            is_on_the_hour: false,
            schedule_id: trip.schedule_id,
        }
    }

    fn hour_of(&self, trip: &OwnedTrip) -> Hour {
        Hour::containing(self.form.times.rounding.round(trip.trip.end_time))
    }

    fn live_hour(&self, trip: &LiveTrip) -> Hour {
        Hour::containing(self.form.times.rounding.round(trip.end_time))
    }
}

/// The portal's next row of a trip. A row under another kind of identifier is an extra one.
async fn next_trip(
    rows: &mut Pages<'_>,
    findings: &mut Findings,
    last: Option<Uuid>,
) -> Result<Option<(Uuid, PortalRow)>, PipelineError> {
    while let Some(row) = rows.next().await? {
        match row.trip() {
            Some(id) if last.is_none_or(|last| last < id) => return Ok(Some((id, row))),
            Some(_) => return Err(not_in_order("trip_id")),
            None => findings.add_extra(row.extra()),
        }
    }
    Ok(None)
}
