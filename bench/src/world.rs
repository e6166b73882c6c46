//! A provider with one size of hour, and the parts around it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use local_stack::{LocalStack, StackOptions};
use pipeline::{BlockItem, Context, PlanRequest, plan, read_manifest};
use sandbox_provider::{MdsVersion, ProviderOptions, Rhythm};
use serde_json::json;
use tokio_postgres::NoTls;

/// The hour that is worked on, by its end.
const HOUR: &str = "2020-01-15-13";

pub(crate) struct World {
    pub(crate) stack: LocalStack,
    pub(crate) ctx: Arc<Context>,
    pub(crate) database: tokio_postgres::Client,
}

/// A provider whose every hour has so many trips, of some 20 points each.
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

    /// The block of the hour, with every step forced.
    pub(crate) async fn item(&self, provider: &str) -> anyhow::Result<BlockItem> {
        let request = json!({"provider": provider, "time_max": HOUR, "force": true});
        let plan = plan(&self.ctx, &PlanRequest::from_json(request)?, |_| {}).await?;
        let manifest = plan.manifest.context("no manifest")?;
        let mut items = read_manifest(&self.ctx, &manifest).await?;
        Ok(items.recv().await.context("no block")??)
    }

    /// Leaves no trip.
    pub(crate) async fn empty(&self) -> anyhow::Result<()> {
        self.database
            .batch_execute("TRUNCATE api.trips, api.devices; CHECKPOINT")
            .await?;
        Ok(())
    }
}

/// The seconds of a work.
pub(crate) async fn timed<T, E: Into<anyhow::Error>>(
    work: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    work.await.map_err(Into::into)?;
    Ok(began.elapsed().as_secs_f64())
}
