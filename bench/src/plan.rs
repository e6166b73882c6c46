//! A plan of ten years of eighteen providers, and of the hour after them.

use std::collections::BTreeMap;

use anyhow::ensure;
use local_stack::StackOptions;
use serde_json::json;

use crate::memory::plan_in_process;
use crate::table::{Report, Row};
use crate::turns::Spread;
use crate::world::{World, provider};

const PROVIDERS: usize = 18;

pub(crate) fn many_providers() -> StackOptions {
    let providers: BTreeMap<_, _> = (1..=PROVIDERS)
        .map(|n| (format!("provider-{n:02}"), provider(1)))
        .collect();
    StackOptions::with_providers(providers)
}

pub(crate) async fn measure(report: &mut Report, rounds: usize) -> anyhow::Result<()> {
    let world = World::with(many_providers()).await?;
    let years =
        json!({"provider": "all", "time_min": "2010-01-01-00", "time_max": "2020-01-01-00"});
    for blocks in ["new", "known"] {
        let usage = plan_in_process(&world, &years).await?;
        report.add(Row {
            peak_mib: Some(usage.peak_mib),
            ..Row::figure(
                format!("plan of ten years of {PROVIDERS} providers, every block {blocks}"),
                format!("{:.1} s", usage.seconds),
                "≤ 10 s, 256 MiB",
            )
        });
    }
    world.database.batch_execute("ANALYZE api.schedule").await?;
    let hour = json!({"provider": "all", "time_max": "2020-01-01-01", "interval": 1});
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        seconds.push(plan_in_process(&world, &hour).await?.seconds);
    }
    let spread = Spread::of(seconds);
    report.add(Row::figure(
        format!("plan of the next hour of {PROVIDERS} providers over that schedule"),
        format!("{:.0} ms", spread.median * 1000.0),
        "≤ 50 ms",
    ));
    explain(&world).await
}

/// Prints the query plan, and checks that an hour is found by an index.
async fn explain(world: &World) -> anyhow::Result<()> {
    let lines = world
        .database
        .query(
            "EXPLAIN SELECT s.schedule_id FROM api.schedule s JOIN api.providers p USING (provider_id)
             WHERE p.provider_name = 'provider-07' AND s.block_start >= '2020-01-01 06:00Z'
               AND s.block_start < '2020-01-01 07:00Z' ORDER BY s.block_start",
            &[],
        )
        .await?;
    let lines: Vec<String> = lines.iter().map(|row| row.get(0)).collect();
    println!("{}", lines.join("\n"));
    ensure!(
        lines.iter().any(|line| line.contains("schedule_block")),
        "an hour is not found by the index schedule_block"
    );
    Ok(())
}
