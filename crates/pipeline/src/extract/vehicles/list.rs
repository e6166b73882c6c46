//! The list of all vehicles, which goes to the database while it arrives.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mds_client::{MdsClient, MdsError, TripSink};
use serde_json::value::RawValue;
use store::{Claim, StoreError};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use trips::vehicle::Vehicle;
use uuid::Uuid;

use crate::error::{ErrorName, PipelineError};

/// How many records of a list are read. No fleet is as large.
const MAX_RECORDS: u64 = 200_000;
/// How many records go to the database together, if their size permits.
const BATCH_RECORDS: usize = 1000;
const BATCH_BYTES: usize = 4 << 20;
/// How long a record waits for others at most, so that little is lost if the process ends.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// Records on their way to the database. Each has at most some 64 KiB.
const RECORDS_AHEAD: usize = 64;

/// Reads the list until `deadline` and keeps what has arrived by then.
///
/// The list counts as requested from its beginning, so that neither a failure nor the end of this
/// process has every block of a backfill repeat it. It is requested again in the next hour.
///
/// # Errors
///
/// What kept the list from being read to its end.
pub(super) async fn read(
    claim: &Claim,
    client: &MdsClient,
    deadline: Instant,
) -> Result<(), PipelineError> {
    let provider = client.config().provider_id;
    let requested_at = Utc::now();
    claim.mark_vehicles_listed(provider, requested_at).await?;
    let (sender, receiver) = mpsc::channel(RECORDS_AHEAD);
    let fetch = async move {
        let make_sink = || ListSink::new(client, &sender);
        let fetched = timeout_at(deadline, client.fetch_vehicles(make_sink)).await;
        // The returned sink would keep the channel open.
        fetched.map(|fetched| fetched.map(drop))
    };
    let (fetched, stored) = tokio::join!(fetch, store(claim, provider, requested_at, receiver));
    let listed = stored?;
    tracing::info!(
        vehicles.listed = listed.vehicles,
        vehicles.without_id = listed.without_id,
        "vehicle list stored"
    );
    match fetched {
        Ok(Ok(())) => Ok(()),
        Ok(Err(MdsError::Sink { .. })) => Err(too_long()),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(listed.out_of_time()),
    }
}

/// Requests the devices on the list.
pub(crate) async fn listed_devices(client: &MdsClient) -> Result<HashSet<Uuid>, PipelineError> {
    let (sender, mut receiver) = mpsc::channel(RECORDS_AHEAD);
    let fetch = async move {
        let make_sink = || ListSink::new(client, &sender);
        client.fetch_vehicles(make_sink).await.map(drop)
    };
    let collect = async {
        let mut devices = HashSet::new();
        while let Some(item) = receiver.recv().await {
            if let ListItem::Vehicle(vehicle) = item {
                devices.insert(vehicle.device_id);
            }
        }
        devices
    };
    let (fetched, devices) = tokio::join!(fetch, collect);
    match fetched {
        Ok(()) => Ok(devices),
        Err(MdsError::Sink { .. }) => Err(too_long()),
        Err(error) => Err(error.into()),
    }
}

/// What a list consists of.
enum ListItem {
    /// The list begins, or begins again because it broke off.
    Start,
    Vehicle(Vehicle),
    /// A record without a usable device id, or of another provider.
    WithoutId,
}

/// Passes the records on while they arrive, and waits while the database is slower.
struct ListSink {
    provider_ids: Vec<Uuid>,
    records: u64,
    items: mpsc::Sender<ListItem>,
}

impl ListSink {
    fn new(client: &MdsClient, items: &mpsc::Sender<ListItem>) -> Self {
        Self {
            provider_ids: client.config().provider_ids.clone(),
            records: 0,
            items: items.clone(),
        }
    }

    fn pass_on(&self, item: ListItem) -> io::Result<()> {
        self.items
            .blocking_send(item)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl TripSink for ListSink {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        self.pass_on(ListItem::Start)
    }

    fn trip(&mut self, raw: &RawValue) -> io::Result<()> {
        if self.records == MAX_RECORDS {
            return Err(io::Error::other("the list of vehicles is too long"));
        }
        self.records += 1;
        let vehicle = Vehicle::read(raw, &self.provider_ids);
        self.pass_on(vehicle.map_or(ListItem::WithoutId, ListItem::Vehicle))
    }
}

/// How far a list has come.
#[derive(Debug, Default)]
struct Listed {
    vehicles: u64,
    without_id: u64,
}

impl Listed {
    fn out_of_time(&self) -> PipelineError {
        PipelineError::new(
            ErrorName::ProviderUnavailable,
            format!(
                "the list of vehicles had not ended when its time was up; {} of them are stored, and the list is \
                 requested again in an hour",
                self.vehicles
            ),
        )
    }
}

fn too_long() -> PipelineError {
    PipelineError::new(
        ErrorName::ProviderMalformed,
        format!(
            "the list of vehicles has more than {MAX_RECORDS} records; the others are left out"
        ),
    )
}

/// Stores the records of a list in batches, until no more arrive.
async fn store(
    claim: &Claim,
    provider: Uuid,
    requested_at: DateTime<Utc>,
    mut items: mpsc::Receiver<ListItem>,
) -> Result<Listed, StoreError> {
    let mut listed = Listed::default();
    let mut batch = Batch::default();
    loop {
        let item = match batch.due_at {
            None => items.recv().await,
            Some(due_at) => match timeout_at(due_at, items.recv()).await {
                Ok(item) => item,
                Err(_) => {
                    claim
                        .store_vehicles(provider, requested_at, &batch.take())
                        .await?;
                    continue;
                }
            },
        };
        match item {
            Some(ListItem::Start) => listed = Listed::default(),
            Some(ListItem::WithoutId) => listed.without_id += 1,
            Some(ListItem::Vehicle(vehicle)) => {
                listed.vehicles += 1;
                batch.push(vehicle);
            }
            None => break,
        }
        if batch.is_full() {
            claim
                .store_vehicles(provider, requested_at, &batch.take())
                .await?;
        }
    }
    claim
        .store_vehicles(provider, requested_at, &batch.take())
        .await?;
    Ok(listed)
}

/// Records that go to the database together.
#[derive(Default)]
struct Batch {
    vehicles: Vec<Vehicle>,
    bytes: usize,
    /// When the first of them has waited long enough; `None` for an empty batch.
    due_at: Option<Instant>,
}

impl Batch {
    fn push(&mut self, vehicle: Vehicle) {
        self.bytes += vehicle.record.len();
        self.vehicles.push(vehicle);
        self.due_at
            .get_or_insert_with(|| Instant::now() + BATCH_WAIT);
    }

    fn is_full(&self) -> bool {
        self.vehicles.len() == BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self) -> Vec<Vehicle> {
        std::mem::take(self).vehicles
    }
}

#[cfg(test)]
mod tests;
