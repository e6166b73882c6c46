//! A migrated database with a provider and blocks, and trips to load.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use sandbox_postgres::{Cluster, PostgresError};
use secrecy::SecretString;
use store::{
    BlockRows as _, Claim, CopyEncoder, LoadCounts, LoadRequest, LoadRow, LoadStage,
    PublicationFile, PublishTurn, ScheduleRow, Screen, Screened, Sent, Store, StoreError,
    StoreOptions, Upsert,
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use trips::Labels;
use trips::block::{Hour, HourRange, ProviderName};
use trips::public_row::PublicTrip;
use trips::status::BlockStatus;
use trips::time::CivilZone;
use trips::trip::{Flags, Point, Trip};
use uuid::Uuid;

use crate::recorder::through;

pub(crate) const PROVIDER_ID: Uuid = Uuid::from_u128(0xb1d0);
pub(crate) const RUN: Uuid = Uuid::from_u128(0x0e40);

/// The counts of a load with status [`BlockStatus::Loaded`], all of them 0.
pub(crate) const NOTHING_LOADED: LoadCounts = LoadCounts {
    status: BlockStatus::Loaded,
    loaded: 0,
    rejected: 0,
    duplicates: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    withdrawn: 0,
};

pub(crate) struct Db {
    pub(crate) url: String,
    pub(crate) store: Store,
    /// A connection of the test's own, outside the store's pool.
    pub(crate) sql: Client,
}

pub(crate) fn bird() -> ProviderName {
    "bird".parse().unwrap()
}

pub(crate) fn hour(text: &str) -> Hour {
    CivilZone::default().parse_time(text).unwrap()
}

pub(crate) fn hours(first: &str, end: &str) -> HourRange {
    HourRange::new(hour(first), hour(end)).unwrap()
}

pub(crate) fn open(url: &str, max_connections: usize) -> Store {
    let options = StoreOptions {
        max_connections,
        ..StoreOptions::default()
    };
    Store::connect(&SecretString::from(through(url)), &options).unwrap()
}

/// Checks that the database answers, whether it has tables or not.
pub(crate) async fn ping(store: &Store) -> Result<(), StoreError> {
    match store.trip_count().await {
        Ok(_) | Err(StoreError::NotMigrated(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Connects without the store.
pub(crate) async fn sql(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Db {
    pub(crate) async fn empty() -> Self {
        let cluster = Cluster::shared().await.unwrap();
        Self::at(cluster.create_database().await.unwrap()).await
    }

    pub(crate) async fn migrated() -> Self {
        let cluster = Cluster::shared().await.unwrap();
        let migrate = |url: String| async move {
            let store = open(&url, 1);
            store.migrate().await.unwrap();
            store.close_idle().await;
            Ok::<_, PostgresError>(())
        };
        Self::at(cluster.create_copy("migrated", migrate).await.unwrap()).await
    }

    async fn at(url: String) -> Self {
        Self {
            store: open(&url, 16),
            sql: sql(&url).await,
            url,
        }
    }

    /// A database with the 24 blocks of 1 January 2020.
    pub(crate) async fn planned() -> Self {
        let db = Self::migrated().await;
        db.store
            .upsert_providers(&[(bird(), PROVIDER_ID)])
            .await
            .unwrap();
        let day = hours("2020-01-01-00", "2020-01-02-00");
        db.store
            .ensure_blocks(&bird(), day, &CivilZone::default())
            .await
            .unwrap();
        db
    }

    /// Claims the n-th block of the day, counted from 0.
    pub(crate) async fn claim(&self, n: usize) -> Claim {
        self.store.claim(self.schedule_id(n).await).await.unwrap()
    }

    /// Reads the n-th block of the day, counted from 0.
    pub(crate) async fn block(&self, n: usize) -> ScheduleRow {
        let schedule_id = self.schedule_id(n).await;
        let row = "SELECT * FROM api.schedule WHERE schedule_id = $1";
        let row = self.sql.query_one(row, &[&schedule_id]).await.unwrap();
        let count = |column| row.get::<_, Option<i64>>(column).map(i64::unsigned_abs);
        let status = i16::try_from(row.get::<_, i32>("status_id")).unwrap();
        ScheduleRow {
            schedule_id,
            provider: bird(),
            hour: Hour::starting_at(row.get("block_start")).unwrap(),
            status: status.try_into().unwrap(),
            payload: row.get("payload"),
            message: row.get("message"),
            payload_trips_count: count("payload_trips_count"),
            records_total: count("records_total"),
            records_processed: count("records_processed"),
            records_error_count: count("records_error_count"),
            records_duplicate_count: count("records_duplicate_count"),
            rerun_flag: row.get("rerun_flag"),
            run_id: row.get("run_id"),
            updated_at: row.get("updated_at"),
            extracted_at: row.get("extracted_at"),
            published_at: row.get("published_at"),
            archived_at: row.get("archived_at"),
            loaded_at: row.get("loaded_at"),
            replacing_since: row.get("replacing_since"),
            side_data_since: row.get("side_data_since"),
        }
    }

    pub(crate) async fn schedule_id(&self, n: usize) -> i64 {
        let day = hours("2020-01-01-00", "2020-01-02-00");
        let mut blocks = self.store.blocks(&bird(), day).await.unwrap();
        blocks.remove(n).schedule_id
    }

    /// Loads trips that the n-th block's provider was requested for this many minutes after the
    /// day's end.
    pub(crate) async fn deliver(&self, n: usize, minutes: i64, trips: &[Trip]) -> LoadCounts {
        let mut claim = self.claim(n).await;
        let request = request_at(at(24 * 60 + minutes), trips.len(), 0);
        let counts = deliver(&mut claim, trips, &[], request).await.unwrap();
        claim.release().await.unwrap();
        counts
    }

    /// Uploads everything that the portal must receive of the n-th block, without a portal.
    pub(crate) async fn publish(&self, n: usize) {
        let schedule_id = self.schedule_id(n).await;
        let asked = self
            .store
            .request_publication(schedule_id, RUN, false)
            .await;
        assert!(asked.unwrap(), "the portal needs nothing of the block");
        self.publish_all().await;
    }

    /// Uploads everything that somebody waits for, without a portal.
    pub(crate) async fn publish_all(&self) {
        let turn = self.turn().await;
        let sent: Vec<Sent> = turn
            .waiting(&[], 100)
            .await
            .unwrap()
            .into_iter()
            .map(|publication| Sent {
                publication,
                counts: serde_json::json!({"created": 2}),
            })
            .collect();
        turn.record_sent(&sent).await.unwrap();
        turn.release().await.unwrap();
    }

    pub(crate) async fn turn(&self) -> PublishTurn {
        let wait = Duration::from_secs(5);
        let turn = self.store.take_publish_turn("abcd-1234", wait, wait).await;
        turn.unwrap().unwrap()
    }

    pub(crate) async fn load(&self, n: usize, trips: &[Trip]) -> LoadCounts {
        let mut claim = self.claim(n).await;
        let counts = load(&mut claim, trips, 0).await.unwrap();
        claim.release().await.unwrap();
        counts
    }

    /// The number of blocks with a status.
    pub(crate) async fn count_blocks(&self, status: BlockStatus) -> i64 {
        let code = i32::from(status.code());
        self.sql
            .query_one(
                "SELECT count(*) FROM api.schedule WHERE status_id = $1",
                &[&code],
            )
            .await
            .unwrap()
            .get(0)
    }

    /// The one value that a query returns, as text.
    pub(crate) async fn text(&self, query: &str) -> String {
        self.rows(query).await.join("\n")
    }

    /// A query's rows as text, with a bar between columns.
    pub(crate) async fn rows(&self, query: &str) -> Vec<String> {
        let messages = self.sql.simple_query(query).await.unwrap();
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| {
            let fields: Vec<_> = (0..row.len())
                .map(|n| row.get(n).unwrap_or("null"))
                .collect();
            fields.join("|")
        })
        .collect()
    }

    /// All trips and devices, including the physical version of each row.
    pub(crate) async fn physical(&self) -> String {
        self.text(
            "SELECT ctid, xmin, xmax, t::text FROM api.trips t
             UNION ALL SELECT ctid, xmin, xmax, d::text FROM api.devices d ORDER BY 4",
        )
        .await
    }
}

/// The n-th trip: it has its own device, and lasts from 10:00 to 10:10 of 1 January 2020, UTC.
pub(crate) fn trip(n: u128) -> Trip {
    let start = at(0);
    Trip {
        provider_id: PROVIDER_ID,
        provider_name: Some("Bird".to_owned()),
        device_id: Uuid::from_u128(0xd_0000 + n),
        vehicle_id: Some(format!("V{n}")),
        vehicle_type: Some("scooter".to_owned()),
        propulsion_type: Some("electric".to_owned()),
        trip_id: Uuid::from_u128(0x7_0000 + n),
        trip_duration: 600,
        trip_distance: 1500,
        accuracy: Some(5),
        start_time: start,
        end_time: start + TimeDelta::minutes(10),
        publication_time: None,
        parking_verification_url: None,
        standard_cost: Some(350),
        actual_cost: None,
        currency: Some("USD".to_owned()),
        start: Point {
            lat: 30.26,
            lng: -97.74,
        },
        end: Point {
            lat: 30.27,
            lng: -97.75,
        },
        data_provider_id: None,
        journey_id: None,
        trip_type: None,
        parking_category: None,
        flags: Flags::NONE,
    }
}

pub(crate) fn trips(numbers: std::ops::Range<u128>) -> Vec<Trip> {
    numbers.map(trip).collect()
}

/// The instant `minutes` after 10:00 of 1 January 2020, UTC.
pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_577_872_800, 0).unwrap() + TimeDelta::minutes(minutes)
}

pub(crate) fn public_id(id: Uuid) -> Uuid {
    Uuid::from_u128(!id.as_u128())
}

pub(crate) fn row(seq: u64, trip: &Trip) -> LoadRow<'_> {
    LoadRow {
        seq,
        trip,
        start: Labels {
            council_district: Some("9"),
            census_geoid: Some("48453001100"),
            cell: None,
        },
        end: Labels::default(),
        public_id: public_id(trip.trip_id),
        device_public_id: public_id(trip.device_id),
    }
}

pub(crate) async fn copy(stage: &mut LoadStage<'_>, trips: &[Trip]) -> Result<u64, StoreError> {
    let mut encoder = CopyEncoder::new();
    let mut sink = stage.copy().await?;
    for (trip, seq) in trips.iter().zip(0..) {
        encoder.push(&row(seq, trip)).unwrap();
        if encoder.is_full() {
            sink.send(encoder.take()).await?;
        }
    }
    sink.send(encoder.take()).await?;
    sink.finish().await
}

/// What is seen of trips while they are encoded.
pub(crate) fn screened(trips: &[Trip]) -> Screened {
    let mut screen = Screen::default();
    for trip in trips {
        screen.add(&row(0, trip));
    }
    screen.finish()
}

/// A load of trips that the provider was requested for after those of all loads before.
pub(crate) fn request(valid: usize, rejected: u64) -> LoadRequest {
    static LOADS: AtomicI64 = AtomicI64::new(0);
    let requested_at = at(48 * 60) + TimeDelta::seconds(LOADS.fetch_add(1, Ordering::SeqCst));
    request_at(requested_at, valid, rejected)
}

pub(crate) fn request_at(requested_at: DateTime<Utc>, valid: usize, rejected: u64) -> LoadRequest {
    LoadRequest {
        run_id: RUN,
        version: Some("1.2.0".to_owned()),
        fetched: u64::try_from(valid).unwrap() + rejected,
        rejected,
        error_payload: (rejected > 0).then(|| serde_json::json!({"missing field": rejected})),
        is_of_archive: true,
        republish: false,
        vehicles_of: None,
        requested_at,
        withdraw: true,
        archive: None,
        screened: Screened::default(),
    }
}

/// Runs a load up to the commit.
pub(crate) async fn upsert<'c>(
    claim: &'c mut Claim,
    trips: &[Trip],
    rejected: u64,
) -> Result<Upsert<'c>, StoreError> {
    let mut stage = claim.start_load().await?;
    copy(&mut stage, trips).await?;
    stage.upsert(request(trips.len(), rejected)).await
}

pub(crate) async fn load(
    claim: &mut Claim,
    trips: &[Trip],
    rejected: u64,
) -> Result<LoadCounts, StoreError> {
    upsert(claim, trips, rejected).await?.commit(&file()).await
}

/// Loads a delivery, with the ids of rejected trips.
pub(crate) async fn deliver(
    claim: &mut Claim,
    trips: &[Trip],
    rejected: &[Uuid],
    request: LoadRequest,
) -> Result<LoadCounts, StoreError> {
    let mut stage = claim.start_load().await?;
    copy(&mut stage, trips).await?;
    let mut encoder = CopyEncoder::new();
    for id in rejected {
        encoder.push_rejected(*id).unwrap();
    }
    let mut sink = stage.copy().await?;
    sink.send(encoder.take()).await?;
    sink.finish().await?;
    let request = LoadRequest {
        screened: screened(trips),
        ..request
    };
    stage.upsert(request).await?.commit(&file()).await
}

pub(crate) async fn published(upsert: &mut Upsert<'_>) -> Vec<PublicTrip> {
    upsert
        .public_rows()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap()
}

/// The object that a load has written.
pub(crate) fn file() -> PublicationFile {
    PublicationFile {
        key: "staging/bird/2020/1/1/0/publish.json".to_owned(),
        sha256: "ab".repeat(32),
        etag: None,
        rows: 2,
    }
}
