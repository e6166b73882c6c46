//! A stack with a provider whose hours all have the same number of trips.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use local_stack::{LocalStack, StackOptions, planned_item};
use pipeline::{BlockItem, Context};
use sandbox_provider::{MdsVersion, ProviderOptions, Rhythm};
use tokio_postgres::NoTls;

/// The measured hour, by its end.
const HOUR: &str = "2020-01-15-13";

pub(crate) struct World {
    pub(crate) stack: LocalStack,
    pub(crate) ctx: Arc<Context>,
    pub(crate) database: tokio_postgres::Client,
}

/// A provider with this many trips in every hour, with about 20 points each.
pub(crate) fn provider(trips: u32) -> ProviderOptions {
    ProviderOptions {
        version: MdsVersion::V1_2,
        trips_per_hour: f64::from(trips),
        rhythm: Rhythm::Flat,
        ..ProviderOptions::default()
    }
}

impl World {
    pub(crate) async fn start(trips: u32) -> anyhow::Result<Self> {
        let providers = BTreeMap::from([("bird".to_owned(), provider(trips))]);
        Self::with(StackOptions::with_providers(providers)).await
    }

    pub(crate) async fn with(options: StackOptions) -> anyhow::Result<Self> {
        let stack = LocalStack::start(options).await?;
        let ctx = stack.context().await?;
        let (database, connection) = tokio_postgres::connect(&stack.database_url, NoTls).await?;
        tokio::spawn(connection);
        Ok(Self {
            stack,
            ctx,
            database,
        })
    }

    /// The block of the measured hour, with every step forced.
    pub(crate) async fn item(&self, provider: &str) -> anyhow::Result<BlockItem> {
        Ok(planned_item(&self.ctx, provider, HOUR).await?)
    }

    /// Deletes all trips and devices.
    ///
    /// Autovacuum would gather statistics later, perhaps while the next rows are in the table and
    /// not committed. It counts none then, and the database joins the rows as if there were none.
    pub(crate) async fn empty(&self) -> anyhow::Result<()> {
        self.database
            .batch_execute(
                "TRUNCATE api.trips, api.devices; ANALYZE api.trips, api.devices; CHECKPOINT",
            )
            .await?;
        Ok(())
    }
}

/// The seconds that a task takes.
pub(crate) async fn timed<T, E: Into<anyhow::Error>>(
    work: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    work.await.map_err(Into::into)?;
    Ok(began.elapsed().as_secs_f64())
}
