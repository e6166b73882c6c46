//! How cost grows with size: growth faster than linear is a defect.

use serde_json::json;
use trips::status::Step;

use crate::memory::{plan_in_process, step_in_process};
use crate::plan::many_providers;
use crate::table::{Report, Row};
use crate::world::World;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    for trips in [1_000_u32, 10_000, 100_000] {
        let world = World::start(trips).await?;
        let mut item = serde_json::to_value(world.item("bird").await?)?;
        let mut text = Vec::new();
        for step in [Step::Extract, Step::SyncDb, Step::SyncSocrata] {
            let (usage, done) = step_in_process(&world, step, &item).await?;
            item = done;
            text.push(format!(
                "{step} {:.2} s ({:.1} µs per trip)",
                usage.seconds,
                usage.seconds * 1e6 / f64::from(trips)
            ));
        }
        report.add(Row::figure(
            format!("an hour of {trips} trips, one process per step"),
            text.join(", "),
            "no bend",
        ));
    }
    // The number of blocks of eighteen providers in that many days.
    for (blocks, days) in [(1_000_u32, 2), (10_000, 23), (100_000, 231)] {
        let world = World::with(many_providers()).await?;
        let interval = days * 24;
        let request = json!({"provider": "all", "time_min": "2018-01-01-00", "interval": interval});
        let usage = plan_in_process(&world, &request).await?;
        let planned = f64::from(interval * 18);
        report.add(Row {
            peak_mib: Some(usage.peak_mib),
            ..Row::figure(
                format!("a plan of about {blocks} new blocks"),
                format!(
                    "{:.2} s ({:.1} µs per block)",
                    usage.seconds,
                    usage.seconds * 1e6 / planned
                ),
                "no bend",
            )
        });
    }
    Ok(())
}
