//! How many round trips the steps of a block make in a process that has its connections.

use std::collections::BTreeMap;

use local_stack::{Counts, LocalStack, Network, Place, StackOptions, planned_item};
use pipeline::{Context, Source, extract, sync_db, sync_socrata};
use sandbox_network::{Disturbance, Exchange};
use sandbox_provider::{MdsVersion, ProviderOptions, Rhythm};

/// A block's round trips, by step.
async fn block(ctx: &Context, network: &Network, label: &str) -> [Counts; 3] {
    let item = planned_item(ctx, "bird", label).await.unwrap();
    let start = network.exchanges();
    let item = extract(ctx, item).await.unwrap();
    let extracted = network.exchanges();
    let item = sync_db(ctx, item, Source::Bucket).await.unwrap();
    let loaded = network.exchanges();
    sync_socrata(ctx, item, Source::Bucket).await.unwrap();
    [
        extracted.since(start),
        loaded.since(extracted),
        network.exchanges().since(loaded),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_block_make_few_round_trips() {
    let provider = ProviderOptions {
        version: MdsVersion::V1_2,
        trips_per_hour: 20.0,
        rhythm: Rhythm::Flat,
        ..ProviderOptions::default()
    };
    let providers = BTreeMap::from([("bird".to_owned(), provider)]);
    let mut stack = LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap();
    let url = stack.database_url.clone();
    let pass = |_, _: usize, _: &Exchange<'_>| Disturbance::Pass;
    let network = Network::before(&mut stack, &url, pass).await.unwrap();
    let ctx = stack.context().await.unwrap();
    // The first hour of a process opens its connections.
    block(&ctx, &network, "2020-01-15-12").await;
    let steps = block(&ctx, &network, "2020-01-15-13").await;

    // 8, 10 and 15 to the database, if the machine has nothing else to do. What goes out together
    // may arrive in two pieces, and a connection that rests for a second is checked.
    let at_most = [
        ("extract", [13, 4, 1, 0]),
        ("sync-db", [17, 6, 0, 0]),
        ("sync-socrata", [24, 1, 0, 1]),
    ];
    for ((step, at_most), counts) in at_most.into_iter().zip(steps) {
        for (place, at_most) in Place::ALL.into_iter().zip(at_most) {
            let made = counts.of(place);
            assert!(made <= at_most, "{step}: {made} to {place:?}");
        }
    }
}
