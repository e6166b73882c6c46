//! sync-db of a usual hour, into tables with a short and a long history.

use pipeline::{BlockItem, extract};

use crate::audit::FILL;
use crate::load::{YARDSTICK, copy_and_upsert, deliveries, load};
use crate::table::{Report, Row};
use crate::turns::in_turn;
use crate::world::World;

const TRIPS: u32 = 270;
/// Over how many days the rows of a table are spread.
const DAYS: i32 = 300;
/// A usual hour takes hundredths of a second, so many rounds are short.
const ROUNDS: usize = 40;

pub(crate) async fn measure(report: &mut Report, sizes: &[u32]) -> anyhow::Result<()> {
    let world = World::start(TRIPS).await?;
    let item = extract(&world.ctx, world.item("bird").await?).await?;
    let (hour, _) = deliveries(&world, &item).await?;
    for size in sizes {
        fill(&world, *size).await?;
        let (ours, its) = Box::pin(in_turn(
            ROUNDS,
            async || {
                forget(&world, &item).await?;
                load(&world, &item, &hour).await
            },
            async || {
                forget(&world, &item).await?;
                copy_and_upsert(&world.database, &hour.rows).await
            },
        ))
        .await?;
        let name = format!("sync-db of {TRIPS} new trips into a table of {size}");
        report.add(Row::comparison(
            name,
            ours,
            YARDSTICK,
            its,
            "≤ 2.5, no bend",
        ));
    }
    Ok(())
}

async fn fill(world: &World, rows: u32) -> anyhow::Result<()> {
    world.empty().await?;
    let rows = i32::try_from(rows)?;
    if rows > 0 {
        world.database.execute(FILL, &[&rows, &DAYS]).await?;
    }
    let settle = "VACUUM ANALYZE api.trips; CHECKPOINT";
    for statement in settle.split("; ") {
        world.database.batch_execute(statement).await?;
    }
    Ok(())
}

/// Deletes the hour.
async fn forget(world: &World, item: &BlockItem) -> anyhow::Result<()> {
    let trips = "DELETE FROM api.trips WHERE schedule_id = $1";
    world.database.execute(trips, &[&item.schedule_id]).await?;
    Ok(world.database.batch_execute("TRUNCATE api.devices").await?)
}
