//! sync-db as a whole, compared with a bare COPY and upsert of the same rows into the same tables.

use std::io;

use anyhow::Context as _;
use bytes::Bytes;
use futures::{SinkExt, TryStreamExt};
use pipeline::{BlockItem, Source, extract, sync_db};
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;
use tokio_postgres::Client;
use trips::envelope::{ArchiveWriter, TripVisitor, read_envelope};
use vault::{ObjectWriter, Seal};

use crate::table::{Report, Row};
use crate::turns::in_turn;
use crate::world::{World, timed};

pub(crate) const YARDSTICK: &str = "binary COPY and upsert of the same rows";
const PRICE: &str = "\"actual_cost\":";

/// One delivery of the hour: the key of its archive, and its rows in the format of COPY.
pub(crate) struct Delivery {
    archive: String,
    pub(crate) rows: Vec<Bytes>,
}

pub(crate) async fn measure(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    let world = World::start(trips).await?;
    let item = extract(&world.ctx, world.item("bird").await?).await?;
    let (first, second) = deliveries(&world, &item).await?;
    let compared =
        |name: &str, (ours, its), goal| Row::comparison(name, ours, YARDSTICK, its, goal);

    let fresh = in_turn(
        rounds,
        async || {
            world.empty().await?;
            load(&world, &item, &first).await
        },
        async || {
            world.empty().await?;
            copy_and_upsert(&world.database, &first.rows).await
        },
    );
    let name = format!("sync-db of {trips} new trips");
    report.add(compared(&name, Box::pin(fresh).await?, "≤ 1.4"));

    let same = in_turn(
        rounds,
        async || load(&world, &item, &first).await,
        async || copy_and_upsert(&world.database, &first.rows).await,
    );
    let name = "the same delivered again";
    report.add(compared(name, Box::pin(same).await?, "≤ 2"));

    let changed = in_turn(
        rounds,
        async || {
            copy_and_upsert(&world.database, &first.rows).await?;
            load(&world, &item, &second).await
        },
        async || {
            copy_and_upsert(&world.database, &first.rows).await?;
            copy_and_upsert(&world.database, &second.rows).await
        },
    );
    let name = "a tenth of it changed";
    report.add(compared(name, Box::pin(changed).await?, "≤ 2"));
    Ok(())
}

/// Two deliveries of the hour, which differ in the price of every tenth trip.
pub(crate) async fn deliveries(
    world: &World,
    item: &BlockItem,
) -> anyhow::Result<(Delivery, Delivery)> {
    let key = trips_key(item)?;
    let (first, second) = (format!("{key}.first"), format!("{key}.second"));
    world.ctx.vault().copy(key, None, &first).await?;
    reprice(world, key, &second).await?;
    let mut deliveries = Vec::new();
    for archive in [first, second] {
        let mut delivery = Delivery {
            archive,
            rows: Vec::new(),
        };
        load(world, item, &delivery).await?;
        let rows = world
            .database
            .copy_out(
                "COPY (SELECT t.*, d.id FROM api.trips t JOIN api.devices d USING (provider_id, device_id))
                 TO STDOUT (FORMAT binary)",
            )
            .await?;
        delivery.rows = rows.try_collect().await?;
        deliveries.push(delivery);
    }
    let second = deliveries.pop().context("two deliveries")?;
    Ok((deliveries.pop().context("two deliveries")?, second))
}

fn trips_key(item: &BlockItem) -> anyhow::Result<&str> {
    let extracted = item.extract.as_ref().context("not extracted")?;
    Ok(&extracted.trips_key)
}

/// Copies an archive and changes the price of every tenth trip.
async fn reprice(world: &World, from: &str, to: &str) -> anyhow::Result<()> {
    struct Repriced {
        archive: ArchiveWriter<ObjectWriter>,
    }
    impl TripVisitor for Repriced {
        fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
            if !self.archive.trips().is_multiple_of(10) {
                return self.archive.push(trip);
            }
            let text = trip.get().replace(PRICE, &format!("{PRICE}1"));
            self.archive.push(&RawValue::from_string(text)?)
        }
    }
    let from = world.ctx.vault().open(from).await?;
    let to = world.ctx.vault().create(to, Seal::Encrypt);
    let writer = spawn_blocking(move || {
        let mut repriced = Repriced {
            archive: ArchiveWriter::new(to, "1.2.0")?,
        };
        read_envelope(from, &mut repriced).map_err(io::Error::other)?;
        repriced.archive.finish()
    });
    writer.await??.finish().await?;
    Ok(())
}

/// Runs the whole step with a delivery.
pub(crate) async fn load(
    world: &World,
    item: &BlockItem,
    delivery: &Delivery,
) -> anyhow::Result<f64> {
    let vault = world.ctx.vault();
    vault
        .copy(&delivery.archive, None, trips_key(item)?)
        .await?;
    timed(Box::pin(sync_db(&world.ctx, item.clone(), Source::Bucket))).await
}

/// The yardstick: copies the rows into the tables and does nothing else.
pub(crate) async fn copy_and_upsert(database: &Client, rows: &[Bytes]) -> anyhow::Result<f64> {
    database
        .batch_execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS bare (LIKE api.trips, device_public_id uuid); TRUNCATE bare",
        )
        .await?;
    let columns = columns_of_trips(database).await?;
    timed(async {
        database.batch_execute("BEGIN").await?;
        let sink = database
            .copy_in::<_, Bytes>("COPY bare FROM STDIN (FORMAT binary)")
            .await?;
        let mut sink = std::pin::pin!(sink);
        for piece in rows {
            sink.feed(piece.clone()).await?;
        }
        sink.finish().await?;
        database.batch_execute(&upsert(&columns)).await?;
        database.batch_execute("COMMIT").await?;
        anyhow::Ok(())
    })
    .await
}

async fn columns_of_trips(database: &Client) -> anyhow::Result<String> {
    let row = database
        .query_one(
            "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = 'api.trips'::regclass AND attnum > 0 AND NOT attisdropped",
            &[],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// Compares whole rows, so that unchanged rows are not written.
fn upsert(columns: &str) -> String {
    format!(
        "ANALYZE bare;
         INSERT INTO api.devices (id, provider_id, device_id)
         SELECT DISTINCT ON (provider_id, device_id) device_public_id, provider_id, device_id FROM bare
         ON CONFLICT DO NOTHING;
         INSERT INTO api.trips AS t SELECT {columns} FROM bare
         ON CONFLICT (provider_id, trip_id) DO UPDATE
         SET actual_cost = excluded.actual_cost, standard_cost = excluded.standard_cost, flags = excluded.flags,
             trip_duration = excluded.trip_duration, trip_distance = excluded.trip_distance,
             modified_date = excluded.modified_date
         WHERE t.* IS DISTINCT FROM excluded.*"
    )
}
