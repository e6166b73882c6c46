//! A look at a local file of trips before it is loaded: is it the whole hour of this block?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde_json::value::RawValue;
use tokio::task::spawn_blocking;
use trips::block::{Block, Hour};
use trips::envelope::{EnvelopeError, NextPage, TripVisitor, read_envelope};
use trips::time::CivilZone;
use trips::trip::TripGlance;
use trips::words::counted;
use uuid::Uuid;

use crate::context::Context;
use crate::error::{ErrorName, PipelineError};

/// The remedy for a file that is no archive.
pub(crate) const NEEDED_FORM: &str = "a file has to have the form of an archive, as `mds extract --file` and \
                                      `mds archive get --format json` write it";

/// Ids of other providers that are counted, and that a message names.
const MAX_PROVIDERS: usize = 100;
const SHOWN_PROVIDERS: usize = 3;

/// Checks that the file can be read as an archive, that it names no further page, and that most of
/// its trips are of the block: of its provider, and ended in its hour. Trips that do not say so are
/// left to the load. With `is_forced`, it only has to be readable.
///
/// # Errors
///
/// `InvalidInput` if the file is none of that.
pub async fn check_trips_file(
    ctx: &Context,
    block: &Block,
    path: &Path,
    is_forced: bool,
) -> Result<(), PipelineError> {
    let provider = ctx.provider(&block.provider)?;
    let file = File::open(path).map_err(|e| {
        PipelineError::new(ErrorName::InvalidInput, format!("{}: {e}", path.display()))
    })?;
    let mut contents = Contents::new(block.hour, provider.config.provider_ids.clone());
    let (contents, read) = spawn_blocking(move || {
        let read = read_envelope(BufReader::new(file), &mut contents);
        (contents, read)
    })
    .await
    .map_err(|_| PipelineError::panicked("reading the file"))?;
    let summary = read.map_err(|error| unreadable(path, &error))?;
    if is_forced {
        return Ok(());
    }
    if summary.next != NextPage::None {
        return Err(one_page_of_several(path));
    }
    if contents.is_mostly_of_the_block() {
        return Ok(());
    }
    Err(PipelineError::new(
        ErrorName::InvalidInput,
        format!(
            "{} is not of {} {}: {}; give the right file or block, or load it nevertheless with --force",
            path.display(),
            block.provider,
            block.hour.label(ctx.zone()),
            contents.describe(ctx.zone())
        ),
    ))
}

fn unreadable(path: &Path, error: &EnvelopeError) -> PipelineError {
    let why = PipelineError::caused(ErrorName::InvalidInput, error).message;
    PipelineError::new(
        ErrorName::InvalidInput,
        format!("{}: {why}; {NEEDED_FORM}", path.display()),
    )
}

/// A page looks like an hour that has lost the trips of the others. The archives of the older tools
/// hold every page, and some kept the links of the first.
fn one_page_of_several(path: &Path) -> PipelineError {
    PipelineError::new(
        ErrorName::InvalidInput,
        format!(
            "{} names a next page, so it lacks trips of its hour, which would be withdrawn; put the trips of every \
             page into one file without `links`, as `mds extract --file` does, or, if they are in it, load it with \
             --force",
            path.display()
        ),
    )
}

/// What the readable trips of a file are.
struct Contents {
    hour: Hour,
    /// The ids under which the provider's trips arrive.
    provider_ids: Vec<Uuid>,
    trips: u64,
    /// Trips of another provider or of another hour.
    foreign: u64,
    /// Trips by the id of another provider.
    other_providers: BTreeMap<Uuid, u64>,
    of_other_hours: u64,
    /// The first and the last hour in which a trip ended.
    hours: Option<(Hour, Hour)>,
}

impl Contents {
    fn new(hour: Hour, provider_ids: Vec<Uuid>) -> Self {
        Self {
            hour,
            provider_ids,
            trips: 0,
            foreign: 0,
            other_providers: BTreeMap::new(),
            of_other_hours: 0,
            hours: None,
        }
    }

    fn add(&mut self, trip: TripGlance) {
        let hour = Hour::containing(trip.end_time);
        let is_of_provider = self.provider_ids.contains(&trip.provider_id);
        let is_of_hour = hour == self.hour;
        self.trips += 1;
        self.foreign += u64::from(!is_of_provider || !is_of_hour);
        self.of_other_hours += u64::from(!is_of_hour);
        if !is_of_provider
            && (self.other_providers.len() < MAX_PROVIDERS
                || self.other_providers.contains_key(&trip.provider_id))
        {
            *self.other_providers.entry(trip.provider_id).or_default() += 1;
        }
        self.hours = Some(match self.hours {
            None => (hour, hour),
            Some((first, last)) => (first.min(hour), last.max(hour)),
        });
    }

    fn is_mostly_of_the_block(&self) -> bool {
        self.foreign * 2 <= self.trips
    }

    /// What the file holds instead.
    fn describe(&self, zone: &CivilZone) -> String {
        let mut text = format!("of its {}", counted(self.trips, "trip"));
        for (n, (id, trips)) in self
            .other_providers
            .iter()
            .take(SHOWN_PROVIDERS)
            .enumerate()
        {
            let separator = if n == 0 { "" } else { "," };
            let _ = write!(text, "{separator} {trips} are of the provider {id}");
        }
        if let Some((first, last)) = self.hours.filter(|_| self.of_other_hours > 0) {
            let separator = if self.other_providers.is_empty() {
                ""
            } else {
                ", and"
            };
            let _ = write!(
                text,
                "{separator} {} ended in other hours (all of them in {} to {})",
                self.of_other_hours,
                first.label(zone),
                last.label(zone)
            );
        }
        text
    }
}

impl TripVisitor for Contents {
    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        if let Some(trip) = TripGlance::of(trip.get()) {
            self.add(trip);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
