//! How cost grows: a line that bends upward is a defect.

use serde_json::json;
use trips::status::Step;

use crate::memory::{plan_apart, step_apart};
use crate::plan::many_providers;
use crate::table::{Report, Row};
use crate::world::World;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    for trips in [1_000_u32, 10_000, 100_000] {
        let world = World::start(trips).await?;
        let mut item = serde_json::to_value(world.item("bird").await?)?;
        let mut text = Vec::new();
        for step in [Step::Extract, Step::SyncDb, Step::SyncSocrata] {
            let (needed, done) = step_apart(&world, step, &item).await?;
            item = done;
            text.push(format!(
                "{step} {:.2} s ({:.1} µs a trip)",
                needed.seconds,
                needed.seconds * 1e6 / f64::from(trips)
            ));
        }
        report.add(Row::figure(
            format!("an hour of {trips} trips, a process a step"),
            text.join(", "),
            "no bend",
        ));
    }
    // Blocks of eighteen providers.
    for (blocks, days) in [(1_000_u32, 2), (10_000, 23), (100_000, 231)] {
        let world = World::with(many_providers()).await?;
        let interval = days * 24;
        let request = json!({"provider": "all", "time_min": "2018-01-01-00", "interval": interval});
        let needed = plan_apart(&world, &request).await?;
        let planned = f64::from(interval * 18);
        report.add(Row {
            peak_mib: Some(needed.peak_mib),
            ..Row::figure(
                format!("a plan of some {blocks} new blocks"),
                format!(
                    "{:.2} s ({:.1} µs a block)",
                    needed.seconds,
                    needed.seconds * 1e6 / planned
                ),
                "no bend",
            )
        });
    }
    Ok(())
}
