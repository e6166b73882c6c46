//! What the schedule has to tell of an archive, seen while its trips are read.

use std::io::{self, Read};

use serde_json::value::RawValue;
use tokio::task::spawn_blocking;
use trips::block::{Block, BlockObject};
use trips::envelope::{EnvelopeError, TripVisitor, read_envelope};
use vault::VaultError;

use super::other_hour::EndHours;
use super::referenced_ids::ReferencedIds;
use crate::context::Context;
use crate::error::PipelineError;
use crate::hashing::Hashing;
use crate::step::ClaimedStep;

/// What has been seen of an archive's trips so far.
pub(crate) struct Survey {
    trips: u64,
    referenced: Option<ReferencedIds>,
    end_hours: EndHours,
}

/// What an archive holds.
pub(crate) struct Content {
    pub(super) trips: u64,
    pub(super) sha256: String,
    /// What 2.0 keeps more data of; `None` if none of it is requested.
    pub(super) referenced: Option<ReferencedIds>,
    pub(super) end_hours: EndHours,
}

impl Survey {
    pub(crate) fn of(ctx: &Context, block: &Block) -> Result<Self, PipelineError> {
        let provider = ctx.provider(&block.provider)?;
        let has_side_data = provider.has_vehicles() || provider.has_telemetry();
        Ok(Self {
            trips: 0,
            referenced: has_side_data.then(|| ReferencedIds::of(provider.config.provider_id)),
            end_hours: EndHours::new(block.hour),
        })
    }

    /// Adds the JSON text of a trip.
    pub(crate) fn push(&mut self, trip: &str) {
        self.trips += 1;
        self.end_hours.push(trip);
        if let Some(referenced) = &mut self.referenced {
            referenced.push(trip);
        }
    }

    /// Ends with the archive, whose rest it reads.
    ///
    /// # Errors
    ///
    /// The archive cannot be read.
    pub(crate) fn finish(self, archive: Hashing<impl Read>) -> Result<Content, EnvelopeError> {
        Ok(Content {
            trips: self.trips,
            sha256: archive.finish().map_err(EnvelopeError::Read)?,
            referenced: self.referenced,
            end_hours: self.end_hours,
        })
    }
}

impl TripVisitor for Survey {
    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        self.push(raw.get());
        Ok(())
    }
}

impl Content {
    /// Reads the block's archive; `None` if the bucket has none.
    ///
    /// # Errors
    ///
    /// `ArchiveUnreadable`, or the bucket is out of reach.
    pub(super) async fn read(step: &ClaimedStep<'_>) -> Result<Option<Self>, PipelineError> {
        let mut survey = Survey::of(step.ctx, &step.block)?;
        let trips_key = step.key(BlockObject::Trips);
        let archive = match step.ctx.vault().open_sealed(&trips_key).await {
            Err(VaultError::NotFound { .. }) => return Ok(None),
            archive => archive?,
        };
        let reading = spawn_blocking(move || {
            let mut archive = Hashing::new(archive);
            read_envelope(&mut archive, &mut survey)?;
            survey.finish(archive)
        });
        reading
            .await
            .map_err(|_| PipelineError::panicked("reading the archive"))?
            .map(Some)
            .map_err(|e| PipelineError::from_envelope("the archive", &e))
    }
}
