//! What the tables, the bucket and the portal hold, compared with the model.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use serde_json::{Value, json};
use trips::status::BlockStatus;
use uuid::Uuid;

use super::feed::{device_id, distance, first_hour, published, times, trip_id};
use super::model::{self, Delivery, Row};
use super::story::{HOURS, PROVIDERS, Place, Trip};
use super::worker::Stage;
use crate::support::status;

/// A row of `api.schedule`.
#[derive(Debug)]
struct Block {
    place: Place,
    schedule_id: i64,
    status: BlockStatus,
    counts: [Option<i64>; 4],
    loaded: Vec<DateTime<Utc>>,
    extracted_at: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
    payload: Option<String>,
    /// Whether the last answer was the same as the one before.
    is_unchanged: bool,
}

/// A row of `api.trips`.
#[derive(Debug, Clone, PartialEq)]
struct Stored {
    id: Uuid,
    schedule_id: i64,
    is_withdrawn: bool,
    modified: DateTime<Utc>,
    said: Said,
}

/// The columns that the model knows.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    distance: Option<i64>,
    duration: Option<i64>,
    device: Uuid,
    began: DateTime<Utc>,
    ended: DateTime<Utc>,
    published: Option<DateTime<Utc>>,
    flags: Vec<String>,
}

/// What was seen from round to round.
#[derive(Default)]
pub(super) struct Seen {
    deliveries: BTreeMap<(Place, DateTime<Utc>), Delivery>,
    stored: BTreeMap<Uuid, Stored>,
}

impl Seen {
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.deliveries.len() as u64, self.stored.len() as u64)
    }

    /// The public id of a trip.
    pub(super) fn id(&self, trip: Uuid) -> Option<Uuid> {
        self.stored.get(&trip).map(|it| it.id)
    }

    /// Compares the trips with the model. Nobody works meanwhile.
    pub(super) async fn look(&mut self, stage: &Stage) -> Result<(), String> {
        let blocks = blocks(stage).await;
        for block in &blocks {
            for at in deliveries(block) {
                let answer = stage.feeds.answer_by(block.place, at).ok_or_else(|| {
                    format!("{:?} has loaded what nobody sent by {at}", block.place)
                })?;
                self.deliveries
                    .entry((block.place, at))
                    .or_insert(Delivery {
                        place: block.place,
                        schedule_id: block.schedule_id,
                        at,
                        trips: answer.trips,
                    });
            }
        }
        let stored = stored(stage).await;
        self.check_history(&stored)?;
        self.stored = stored;
        self.check_trips(&blocks)
    }

    /// Ids stay. So does the time of the last change, as long as nothing changes.
    fn check_history(&self, stored: &BTreeMap<Uuid, Stored>) -> Result<(), String> {
        for (trip, before) in &self.stored {
            let Some(now) = stored.get(trip) else {
                return Err(format!("the row of trip {trip} is gone"));
            };
            if now.id != before.id {
                return Err(format!("trip {trip} has another public id"));
            }
            let is_same = |a: &Stored, b: &Stored| {
                let strip = |it: &Stored| Stored {
                    modified: DateTime::UNIX_EPOCH,
                    ..it.clone()
                };
                strip(a) == strip(b)
            };
            if !is_same(now, before) && now.modified < before.modified {
                return Err(format!("trip {trip} changed and its time went back"));
            }
        }
        Ok(())
    }

    fn check_trips(&self, blocks: &[Block]) -> Result<(), String> {
        let deliveries: Vec<Delivery> = self.deliveries.values().cloned().collect();
        let expected = model::rows(&deliveries);
        let id_of = |place: Place| blocks.iter().find(|it| it.place == place);
        for ((provider, number), row) in &expected {
            let key = trip_id(*provider, *number);
            let Some(stored) = self.stored.get(&key) else {
                return Err(format!(
                    "no row, instead of {row:?}{}",
                    self.history(*provider, *number)
                ));
            };
            let owner = id_of(row.owner).map(|it| it.schedule_id);
            let is_right = Some(stored.schedule_id) == owner
                && stored.is_withdrawn == row.is_withdrawn
                && stored.said == said(row);
            if !is_right {
                let found = blocks
                    .iter()
                    .find(|it| it.schedule_id == stored.schedule_id);
                // What the schedule knows of deliveries that wait for their load.
                let of_provider = blocks.iter().filter(|it| it.place.provider == *provider);
                return Err(format!(
                    "{stored:?} of {:?}\n  instead of {row:?}, {:?}{}\n{:#?}",
                    found.map(|it| it.place),
                    said(row),
                    self.history(*provider, *number),
                    of_provider.collect::<Vec<_>>()
                ));
            }
        }
        if self.stored.len() > expected.len() {
            return Err(format!(
                "{} rows instead of {}",
                self.stored.len(),
                expected.len()
            ));
        }
        Ok(())
    }

    /// The deliveries that say something about a trip.
    fn history(&self, provider: usize, number: usize) -> String {
        let of_provider = self
            .deliveries
            .values()
            .filter(|it| it.place.provider == provider);
        let lines = of_provider.map(|it| {
            let own: Vec<_> = it
                .trips
                .iter()
                .filter(|trip| trip.number == number)
                .collect();
            format!("\n  {} hour {}: {own:?}", it.at, it.place.hour)
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines.concat()
    }

    pub(super) async fn check_end(&self, stage: &Stage) -> Result<(), String> {
        let blocks = blocks(stage).await;
        if blocks.len() != PROVIDERS.len() * HOURS {
            return Err(format!("{} blocks", blocks.len()));
        }
        for block in &blocks {
            self.check_block(stage, block).await?;
        }
        self.check_portal(stage).await?;
        for (what, query) in [
            (
                "uploads wait",
                "SELECT json_agg(json_build_object('block', s.schedule_id, 'status', s.status_id, 'since', p.since,
                     'requested_at', p.requested_at, 'fetched', s.records_total))::text
                 FROM api.publications p JOIN api.schedule s USING (schedule_id) WHERE since IS NOT NULL",
            ),
            (
                "locks are left",
                "SELECT json_agg(l)::text FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE d.datname = current_database() AND l.locktype = 'advisory'",
            ),
        ] {
            let found = stage.world.database.query_one(query, &[]).await.unwrap();
            if let Some(found) = found.get::<_, Option<String>>(0) {
                return Err(format!("{what}: {found}"));
            }
        }
        Ok(())
    }

    async fn check_block(&self, stage: &Stage, block: &Block) -> Result<(), String> {
        let place = block.place;
        let Some(key) = &block.payload else {
            return Err(format!("{place:?} has no archive"));
        };
        let archive = stage.world.vault().await.get_json(key).await;
        let archive: Value = archive.map_err(|e| format!("{place:?}: {e}"))?;
        let archived = archive["data"]["trips"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut archived: Vec<_> = archived
            .iter()
            .map(|it| it["trip_distance"].as_i64())
            .collect();
        let time = block.archived_at.max(block.extracted_at);
        let answer = time.and_then(|at| stage.feeds.answer_by(place, at));
        let trips = answer.map(|it| it.trips).unwrap_or_default();
        let mut sent: Vec<_> = trips.iter().map(|it| Some(distance(*it))).collect();
        // The same trips in another order are the same answer.
        archived.sort();
        sent.sort();
        if archived != sent {
            return Err(format!(
                "{place:?}: the archive has {archived:?} instead of {sent:?}"
            ));
        }
        let end = model::end(&trips);
        let counts = [end.fetched, end.loaded, end.rejected, end.duplicates].map(Some);
        if (block.status, block.counts) != (end.status, counts) {
            return Err(format!(
                "{place:?}: {:?} {:?} instead of {end:?}",
                block.status, block.counts
            ));
        }
        Ok(())
    }

    async fn check_portal(&self, stage: &Stage) -> Result<(), String> {
        let devices = devices(stage).await;
        let mut expected = BTreeMap::new();
        for stored in self.stored.values().filter(|it| !it.is_withdrawn) {
            let row = public_row(stored, devices[&stored.said.device]);
            expected.insert(stored.id.to_string(), row);
        }
        for mut row in stage.world.stack.portal.rows() {
            row.retain(|key, _| {
                !key.starts_with("council") && !key.starts_with("census") && !key.starts_with(':')
            });
            let id = row["trip_id"].as_str().unwrap().to_owned();
            let row = Value::Object(row);
            match expected.remove(&id) {
                None => return Err(format!("only the portal has {row}")),
                Some(ours) if ours == row => {}
                Some(ours) => return Err(format!("the portal has {row}\n  instead of {ours}")),
            }
        }
        if expected.is_empty() {
            return Ok(());
        }
        Err(format!("the portal lacks {expected:?}"))
    }
}

/// When the deliveries of a block were requested that count: those that were loaded, and the last
/// request that returned what was loaded already.
fn deliveries(block: &Block) -> Vec<DateTime<Utc>> {
    let mut deliveries = block.loaded.clone();
    let is_loaded = |at| block.loaded.contains(&at);
    if let (Some(archived), Some(extracted)) = (block.archived_at, block.extracted_at)
        && block.is_unchanged
        && extracted > archived
        && is_loaded(archived)
    {
        deliveries.push(extracted);
    }
    deliveries
}

fn said(row: &Row) -> Said {
    let Trip { number, .. } = row.trip;
    let (began, ended) = times(number);
    let is_outside = row.owner.hour != number % HOURS;
    Said {
        distance: Some(distance(row.trip)),
        duration: Some(240),
        device: device_id(row.owner.provider, number),
        began,
        ended,
        published: published(row.trip),
        flags: is_outside
            .then(|| "outside_hour".to_owned())
            .into_iter()
            .collect(),
    }
}

fn public_row(stored: &Stored, device: Uuid) -> Value {
    let text = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%S").to_string();
    let (began, ended) = (stored.said.began, stored.said.ended);
    // Central time in January.
    let civil = |time: DateTime<Utc>| text(time - TimeDelta::hours(6));
    json!({
        "trip_id": stored.id,
        "device_id": device,
        "vehicle_type": "scooter",
        "trip_duration": stored.said.duration,
        "trip_distance": stored.said.distance,
        "start_time": text(began),
        "end_time": text(ended),
        "modified_date": text(stored.modified),
        "start_time_us_central": civil(began),
        "end_time_us_central": civil(ended),
        "year": ended.year(),
        "month": ended.month(),
        "hour": ended.hour(),
        "day_of_week": ended.weekday().num_days_from_monday(),
    })
}

async fn blocks(stage: &Stage) -> Vec<Block> {
    let rows = stage
        .world
        .database
        .query(
            "SELECT p.provider_name, s.block_start, s.schedule_id, s.status_id, s.records_total, s.records_processed,
                    s.records_error_count, s.records_duplicate_count, s.loaded_deliveries, s.extracted_at,
                    s.archived_at, s.payload, (s.trips_new, s.trips_changed, s.trips_gone) = (0, 0, 0)
             FROM api.schedule s JOIN api.providers p USING (provider_id)",
            &[],
        )
        .await
        .unwrap();
    let read = |row: &tokio_postgres::Row| {
        let name: &str = row.get(0);
        let start: DateTime<Utc> = row.get(1);
        Block {
            place: Place {
                provider: PROVIDERS.iter().position(|it| *it == name).unwrap(),
                hour: usize::try_from((start - first_hour()).num_hours()).unwrap(),
            },
            schedule_id: row.get(2),
            status: status(row, 3),
            counts: [4, 5, 6, 7].map(|n| row.get(n)),
            loaded: row.get::<_, Option<_>>(8).unwrap_or_default(),
            extracted_at: row.get(9),
            archived_at: row.get(10),
            payload: row.get(11),
            is_unchanged: row.get::<_, Option<bool>>(12).unwrap_or_default(),
        }
    };
    rows.iter().map(read).collect()
}

async fn stored(stage: &Stage) -> BTreeMap<Uuid, Stored> {
    let rows = stage
        .world
        .database
        .query(
            "SELECT trip_id, id, schedule_id, withdrawn_at IS NOT NULL, modified_date, trip_distance, trip_duration,
                    device_id, start_time, end_time, publication_time, flags
             FROM api.trips",
            &[],
        )
        .await
        .unwrap();
    let read = |row: &tokio_postgres::Row| {
        let stored = Stored {
            id: row.get(1),
            schedule_id: row.get(2),
            is_withdrawn: row.get(3),
            modified: row.get(4),
            said: Said {
                distance: row.get(5),
                duration: row.get(6),
                device: row.get(7),
                began: row.get(8),
                ended: row.get(9),
                published: row.get(10),
                flags: row.get::<_, Option<_>>(11).unwrap_or_default(),
            },
        };
        (row.get(0), stored)
    };
    rows.iter().map(read).collect()
}

/// The public ids of the devices.
async fn devices(stage: &Stage) -> BTreeMap<Uuid, Uuid> {
    let rows = stage
        .world
        .database
        .query("SELECT device_id, id FROM api.devices", &[])
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
