//! Which blocks the database must have of an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use store::KnownBlock;
use trips::block::{Block, BlockObject, Hour, ProviderName};
use trips::status::{BlockStatus, Step};

use crate::archived::Archives;
use crate::block_report::BlockReport;
use crate::context::Context;
use crate::error::PipelineError;
use crate::extract::is_newer;
use crate::plan::active_from;

/// What the database lacks of an hour.
#[derive(Debug)]
pub(super) enum Lack {
    /// Every block.
    All,
    /// A block of a provider.
    Block {
        provider: ProviderName,
        /// `None` if the schedule does not have it.
        status: Option<BlockStatus>,
    },
    /// The same, of a provider that a plan has to name.
    LeftOut {
        provider: ProviderName,
        status: Option<BlockStatus>,
    },
    /// The newest answer of a provider, which the bucket has.
    NewerArchive { provider: ProviderName },
}

impl Lack {
    pub(super) fn provider(&self) -> Option<&ProviderName> {
        match self {
            Self::All => None,
            Self::Block { provider, .. }
            | Self::LeftOut { provider, .. }
            | Self::NewerArchive { provider } => Some(provider),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("no block is loaded"),
            Self::Block { provider, status } | Self::LeftOut { provider, status } => {
                let lacks = status.map_or("never planned", BlockStatus::as_str);
                write!(f, "{provider}: {lacks}")
            }
            Self::NewerArchive { provider } => {
                write!(f, "{provider}: its newest archive is not loaded")
            }
        }
    }
}

/// Whose blocks an hour must have.
pub(super) struct Expected<'a> {
    /// The enabled providers, each with its `active_from`. An entry that cannot be used counts as
    /// enabled.
    enabled: BTreeMap<ProviderName, Option<Hour>>,
    first_hours: BTreeMap<ProviderName, Hour>,
    /// Whoever has a folder in the bucket, also those that have left the city.
    archived: BTreeSet<ProviderName>,
    archives: Archives<'a>,
    ctx: &'a Context,
}

impl<'a> Expected<'a> {
    pub(super) async fn read(ctx: &'a Context) -> Result<Self, PipelineError> {
        let mut enabled = BTreeMap::new();
        for provider in ctx.providers().filter(|it| it.config.enabled) {
            let active_from = active_from(ctx, provider)?;
            enabled.insert(provider.name.clone(), active_from);
        }
        enabled.extend(ctx.unusable_providers().map(|name| (name, None)));
        let stage = format!("{}/", ctx.config().env.stage);
        let folders = ctx.vault().folders(&stage).await?;
        Ok(Self {
            enabled,
            first_hours: ctx.store().first_hours().await?,
            archived: folders
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect(),
            archives: Archives::new(ctx),
            ctx,
        })
    }

    /// What the database lacks of an hour, by the blocks that it knows; `None` if it has all of it.
    /// Hours come in their order.
    pub(super) async fn lacking(
        &mut self,
        hour: Hour,
        known: &BTreeMap<ProviderName, KnownBlock>,
    ) -> Result<Option<Lack>, PipelineError> {
        // Whatever else the hour lacks: such an archive may have a withdrawn trip again.
        let there: Vec<_> = known
            .values()
            .filter(|it| it.status.is_loaded_or_empty())
            .collect();
        if let Some(newer) = self.newer_archive(&there).await? {
            return Ok(Some(newer));
        }
        let status = |provider: &ProviderName| known.get(provider).map(|block| block.status);
        let lacking = |provider: &&ProviderName| {
            !status(provider).is_some_and(BlockStatus::is_loaded_or_empty)
        };
        for provider in self.enabled.keys().filter(lacking) {
            let is_planned = known.contains_key(provider) || self.has_begun(provider, hour);
            if self.is_active(provider, hour) && is_planned {
                return Ok(Some(Lack::Block {
                    provider: provider.clone(),
                    status: status(provider),
                }));
            }
        }
        let archived = self.archived.iter().chain(known.keys());
        let archived: BTreeSet<_> = archived.filter(lacking).cloned().collect();
        // Those that plans have come first: their command is the simpler one.
        let mut archived: Vec<_> = archived.into_iter().collect();
        archived.sort_by_key(|provider| !self.is_active(provider, hour));
        for provider in archived {
            let status = status(&provider);
            if status.is_some_and(|it| it.has_done(Step::Extract))
                || self.has_archive(&provider, hour).await?
            {
                return Ok(Some(if self.is_active(&provider, hour) {
                    Lack::Block { provider, status }
                } else {
                    Lack::LeftOut { provider, status }
                }));
            }
        }
        Ok(there.is_empty().then_some(Lack::All))
    }

    /// The first of the blocks whose archive the provider was requested for after what was loaded.
    async fn newer_archive(&self, blocks: &[&KnownBlock]) -> Result<Option<Lack>, PipelineError> {
        let newer = blocks.iter().map(|known| async {
            match known.archived_at {
                Some(archived_at) => self.has_newer_report(&known.block, archived_at).await,
                None => Ok(false),
            }
        });
        let newer = try_join_all(newer).await?;
        let newer = blocks.iter().zip(newer).find(|(_, is_newer)| *is_newer);
        Ok(newer.map(|(known, _)| Lack::NewerArchive {
            provider: known.block.provider.clone(),
        }))
    }

    async fn has_newer_report(
        &self,
        block: &Block,
        archived_at: DateTime<Utc>,
    ) -> Result<bool, PipelineError> {
        let trips_key = self.ctx.key(block, BlockObject::Trips);
        let report = BlockReport::read_if_readable(self.ctx.vault(), &trips_key).await?;
        Ok(report.is_some_and(|it| is_newer(&it, block, archived_at)))
    }

    /// Whether plans for all providers have the hour.
    fn is_active(&self, provider: &ProviderName, hour: Hour) -> bool {
        let active_from = self.enabled.get(provider);
        active_from.is_some_and(|start| start.is_none_or(|start| start <= hour))
    }

    fn has_begun(&self, provider: &ProviderName, hour: Hour) -> bool {
        let first = self.first_hours.get(provider);
        first.is_some_and(|first| *first <= hour)
    }

    /// Whether the provider has delivered an hour that the database may know nothing of: it may be
    /// new.
    async fn has_archive(
        &mut self,
        provider: &ProviderName,
        hour: Hour,
    ) -> Result<bool, PipelineError> {
        let block = Block {
            provider: provider.clone(),
            hour,
        };
        self.archives.has(&block).await
    }
}
