//! Configuration and clients, built from the process's environment.

use std::sync::Arc;

use config::Environment;
use pipeline::Context;
use vault::Vault;

use crate::failure::usage;

/// Database connections in addition to one per block: three for publishing and two for the plan and
/// the outcomes.
const EXTRA_CONNECTIONS: usize = 5;
const DEFAULT_CONCURRENCY: u32 = 10;
/// Each block takes a connection to the database.
const MAX_CONCURRENCY: u32 = 1000;

pub(crate) async fn context(concurrency: Option<u32>) -> anyhow::Result<Arc<Context>> {
    let concurrency = concurrency.unwrap_or(DEFAULT_CONCURRENCY);
    if concurrency > MAX_CONCURRENCY {
        return Err(usage(format!(
            "--concurrency {concurrency}: here every block takes a connection to the database, so it is {MAX_CONCURRENCY} \
             at most; --on aws allows {}",
            pipeline::MAX_CONCURRENCY
        )));
    }
    let blocks = usize::try_from(concurrency)?;
    let env = Environment::from_process()?;
    Ok(Arc::new(
        Context::connect(env, blocks + EXTRA_CONNECTIONS).await?,
    ))
}

/// As [`context`], for commands that change no row.
pub(crate) async fn context_to_read() -> anyhow::Result<Context> {
    Ok(Context::connect_to_read(Environment::from_process()?).await?)
}

pub(crate) async fn bucket() -> anyhow::Result<(Environment, Vault)> {
    let env = Environment::from_process()?;
    let vault = config::open_vault(&env).await?;
    Ok((env, vault))
}
