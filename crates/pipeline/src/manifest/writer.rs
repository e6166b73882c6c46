//! Writes the manifest of a run.

use config::ConfigVersion;
use trips::block::manifest_key;
use uuid::Uuid;
use vault::Seal;

use super::line::Line;
use crate::context::Context;
use crate::error::PipelineError;
use crate::event::PlanRequest;
use crate::object_stream::JsonArrayStream;
use crate::plan::PlannedBlock;

/// A manifest that is being written. It is visible once it is finished.
pub(crate) struct ManifestWriter {
    array: JsonArrayStream,
    line: Line,
}

impl ManifestWriter {
    pub(crate) fn create(
        ctx: &Context,
        run_id: Uuid,
        request: &PlanRequest,
        config: ConfigVersion,
    ) -> Result<Self, PipelineError> {
        let key = manifest_key(ctx.config().env.stage, run_id);
        Ok(Self {
            array: JsonArrayStream::create(ctx.vault(), &key, Seal::Plain)?,
            line: Line::new(run_id, request, config),
        })
    }

    /// Adds a block.
    pub(crate) async fn push(
        &mut self,
        schedule_id: i64,
        block: &PlannedBlock,
    ) -> Result<(), PipelineError> {
        let line = self.line.of(schedule_id, block)?;
        self.array.push_text(line).await
    }

    /// Completes the manifest, and returns its key.
    pub(crate) async fn finish(self) -> Result<String, PipelineError> {
        Ok(self.array.finish().await?.key)
    }
}
