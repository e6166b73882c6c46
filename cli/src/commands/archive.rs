//! `mds archive`: the objects of blocks, by the blocks' labels.
//!
//! It needs the bucket and the settings' time zone, and neither the database nor an entry of the
//! provider: objects of former providers can be read too.

mod form;
mod geojson;
mod get;
mod list;

use std::process::ExitCode;

use config::{Environment, Providers, Scope};
use pipeline::PipelineError;
use trips::block::{Block, BlockObject, ProviderName, object_key};
use trips::time::CivilZone;
use vault::Vault;

use crate::args::ArchiveCommand;

pub(crate) async fn archive(command: ArchiveCommand, json: bool) -> anyhow::Result<ExitCode> {
    let archive = Archive::open().await?;
    match command {
        ArchiveCommand::Get(args) => get::get(&archive, &args, json).await,
        ArchiveCommand::List(args) => list::list(&archive, &args, json).await,
    }
}

/// The bucket, and what the keys of its objects depend on.
struct Archive {
    env: Environment,
    vault: Vault,
    zone: CivilZone,
}

impl Archive {
    async fn open() -> anyhow::Result<Self> {
        // The narrowest scope that needs no providers file: a broken one hides no archive.
        let config =
            config::load_for(Environment::from_process()?, Scope::SyncSocrata, None).await?;
        Ok(Self {
            env: config.env,
            zone: config.settings.time_zone,
            vault: config.vault,
        })
    }

    /// The folder of a block's objects, with a slash at its end.
    fn folder(&self, block: &Block) -> String {
        let object = BlockObject::Trips;
        let key = object_key(self.env.stage, block, &self.zone, object);
        key[..key.len() - object.as_str().len()].to_owned()
    }

    async fn providers(&self) -> anyhow::Result<Vec<ProviderName>> {
        let text = self.vault.get_bytes(&self.env.providers_key).await?;
        Ok(Providers::from_json(&text)?.keys().cloned().collect())
    }

    /// What to do about a provider of which nothing was found: `command`, unless the providers file
    /// has no such entry, without which the command does nothing.
    async fn advice(&self, provider: &ProviderName, command: &str) -> String {
        match self.providers().await {
            Ok(known) if !known.contains(provider) => {
                let known: Vec<_> = known.iter().map(ProviderName::as_str).collect();
                format!(
                    "the providers file has no `{provider}`, it has: {}",
                    known.join(", ")
                )
            }
            _ => format!("run `{command}`"),
        }
    }
}

fn provider(name: &str) -> anyhow::Result<ProviderName> {
    Ok(name.parse().map_err(PipelineError::from)?)
}
