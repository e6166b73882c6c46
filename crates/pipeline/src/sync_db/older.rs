//! The archive of the second of two hours that the clock repeats, as an older tool left it: in the
//! folder of the first one.

use trips::block::{Block, BlockObject};

use crate::error::{ErrorName, PipelineError};
use crate::step::ClaimedStep;

/// Where the archive of a block lies.
pub(super) struct ArchiveKey {
    pub(super) key: String,
    /// The block's own key, if the archive lies in the folder of another hour.
    own: Option<String>,
}

impl ArchiveKey {
    /// Looks for the block's archive. The folder of the first of two equal hours is believed only
    /// if the schedule names it, and the block's own folder has no archive.
    ///
    /// # Errors
    ///
    /// `StorageUnavailable`.
    pub(super) async fn find(step: &ClaimedStep<'_>) -> Result<Self, PipelineError> {
        let own = step.key(BlockObject::Trips);
        let recorded = step.claim.row().payload.as_deref();
        let of_first = key_of_first(step).filter(|key| recorded == Some(key.as_str()));
        match of_first {
            Some(key) if step.ctx.vault().head(&own).await?.is_none() => Ok(Self {
                key,
                own: Some(own),
            }),
            _ => Ok(Self {
                key: own,
                own: None,
            }),
        }
    }

    /// Whether the archive lies in the block's own folder.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_none()
    }

    /// Adds the way out to the error of opening the archive. The block stays as it is: what the
    /// other hour's folder has now says nothing about it.
    pub(super) fn explain(&self, mut error: PipelineError) -> PipelineError {
        let Some(own) = &self.own else {
            return error;
        };
        if error.name != ErrorName::ArchiveUnreadable {
            return error;
        }
        error.message = format!(
            "{}; an older tool archived this hour, the second of two equal ones, in the folder of the first: copy it from \
             trips.{{time}}.json there to {own}",
            error.message
        );
        error.before_start()
    }
}

/// The key of the hour that the clocks have shown as the block's before.
fn key_of_first(step: &ClaimedStep<'_>) -> Option<String> {
    let first = Block {
        provider: step.block.provider.clone(),
        hour: step.block.hour.first_occurrence(step.ctx.zone())?,
    };
    Some(step.ctx.key(&first, BlockObject::Trips))
}
