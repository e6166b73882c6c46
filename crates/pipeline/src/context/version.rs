//! Which version of the configuration a context has: the two files and the boundaries.

use std::sync::Arc;

use boundaries::Boundaries;
use config::{BoundaryVersions, ConfigVersion};

use super::Context;
use crate::error::PipelineError;

impl Context {
    /// The version of the configuration, as the items of a plan name it. Boundaries belong to it if
    /// the run loads trips.
    pub(crate) async fn version(
        &self,
        with_boundaries: bool,
    ) -> Result<ConfigVersion, PipelineError> {
        let boundaries = if with_boundaries {
            self.boundary_versions().await?.clone()
        } else {
            BoundaryVersions::new()
        };
        Ok(ConfigVersion {
            boundaries,
            ..self.config.version.clone()
        })
    }

    /// Whether this context has the configuration of a run, as far as its scope goes. Boundaries
    /// that it has not looked at yet become those of the run.
    #[must_use]
    pub fn has_version(&self, run: &ConfigVersion) -> bool {
        if !self.config.version.has_same_files(run) {
            return false;
        }
        if !self.config.scope.has_boundaries() || run.boundaries.is_empty() {
            return true;
        }
        // This fails if they are known, and then they count.
        let _ = self.boundary_versions.set(run.boundaries.clone());
        self.boundary_versions
            .get()
            .is_some_and(|own| is_same(own, &run.boundaries))
    }

    /// Whether the bucket still has the configuration of this context. Asks the bucket.
    ///
    /// # Errors
    ///
    /// `StorageUnavailable`; `ConfigInvalid` if the bucket refuses the request.
    pub async fn is_current(&self) -> Result<bool, PipelineError> {
        let (vault, scope) = (self.vault(), self.config.scope);
        let files = config::current_files(vault, &self.config.env, scope).await?;
        if !files.is_some_and(|now| self.config.version.has_same_files(&now)) {
            return Ok(false);
        }
        let Some(own) = self.boundary_versions.get() else {
            return Ok(true);
        };
        let layers = self.config.settings.boundaries()?;
        let now = config::current_boundaries(vault, &layers).await?;
        Ok(is_same(own, &now))
    }

    /// Which versions of the boundaries belong to this configuration: those that were there when
    /// somebody first asked.
    async fn boundary_versions(&self) -> Result<&BoundaryVersions, PipelineError> {
        self.boundary_versions
            .get_or_try_init(|| {
                // Boxed, so that the futures of a step do not nest too deeply.
                Box::pin(async {
                    let layers = self.config.settings.boundaries()?;
                    Ok(config::current_boundaries(self.vault(), &layers).await?)
                })
            })
            .await
    }

    pub(crate) async fn boundaries(&self) -> Result<Arc<Boundaries>, PipelineError> {
        let versions = self.boundary_versions().await?;
        let boundaries = self
            .boundaries
            .get_or_try_init(|| async {
                config::load_boundaries_at(self.vault(), &self.config.settings, versions)
                    .await
                    .map(Arc::new)
            })
            .await?;
        Ok(Arc::clone(boundaries))
    }
}

/// Whether the boundaries that both name are the same.
fn is_same(a: &BoundaryVersions, b: &BoundaryVersions) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(key, version)| b.get(key).is_some_and(|other| version.is_same(other)))
}
