//! extract beside a client that fetches the same answer and throws it away.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::stream;
use pipeline::extract;
use sandbox::provider::Feed;
use serde_json::{Value, json};

use crate::table::{Report, Row};
use crate::turns::in_turn;
use crate::world::{World, provider, timed};

const YARDSTICK: &str = "a client that throws the same answer away";
const PIECE: usize = 64 << 10;

pub(crate) async fn measure(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    let world = World::start(trips).await?;
    let sandbox = &world.stack.providers["bird"];
    let token = sandbox.options().token.clone().unwrap_or_default();
    let url = format!("{}/trips?end_time=2020-01-15T18", sandbox.base_url());
    let (ours, its) = Box::pin(in_turn(
        rounds,
        async || {
            let item = world.item("bird").await?;
            forget(&world).await?;
            timed(Box::pin(extract(&world.ctx, item))).await
        },
        async || timed(throw_away(&url, &token)).await,
    ))
    .await?;
    report.add(Row::beside(
        format!("extract of {trips} trips that the provider makes as it sends them"),
        ours,
        YARDSTICK,
        its,
        "≤ 1.25",
    ));
    Box::pin(recorded(report, trips, rounds)).await
}

/// The same hour, from a server that has it in memory.
async fn recorded(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    let world = World::start(1).await?;
    let base = serve(record(trips)).await?;
    let env = world.stack.environment()?;
    let vault = world.ctx.vault();
    let mut providers: Value = vault.get_json(&env.providers_key).await?;
    providers["bird"]["mds_api_url"] = json!(base);
    vault
        .put_json(&env.providers_key, &providers, vault::Seal::Encrypt)
        .await?;
    let world = World {
        ctx: world.stack.context().await?,
        ..world
    };
    let (ours, its) = Box::pin(in_turn(
        rounds,
        async || {
            let item = world.item("bird").await?;
            forget(&world).await?;
            timed(Box::pin(extract(&world.ctx, item))).await
        },
        async || timed(throw_away(&format!("{base}/trips"), "")).await,
    ))
    .await?;
    report.add(Row::beside(
        format!("extract of {trips} trips from a server that has them in memory"),
        ours,
        YARDSTICK,
        its,
        "",
    ));
    Ok(())
}

/// As if the hour had never been pulled: there is no answer before to compare with.
async fn forget(world: &World) -> anyhow::Result<()> {
    world
        .database
        .batch_execute("UPDATE api.schedule SET payload = NULL, status_id = 0")
        .await?;
    Ok(())
}

fn record(trips: u32) -> Bytes {
    let feed = Feed::new(provider(trips));
    let hour = "2020-01-15T18:30:00Z".parse().unwrap_or_default();
    let mut body = String::from("{\"version\":\"1.2.0\",\"data\":{\"trips\":[");
    for (index, trip) in feed.trips(hour).enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&trip);
    }
    body.push_str("]}}");
    body.into()
}

async fn serve(body: Bytes) -> anyhow::Result<String> {
    let body = Arc::new(body);
    let answer = move || {
        let body = Arc::clone(&body);
        async move {
            let pieces = (0..body.len())
                .step_by(PIECE)
                .map(move |at| Ok::<_, Infallible>(body.slice(at..body.len().min(at + PIECE))));
            Body::from_stream(stream::iter(pieces))
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/trips", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}

async fn throw_away(url: &str, token: &str) -> anyhow::Result<()> {
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    let mut response = request.send().await?.error_for_status()?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await? {
        bytes += chunk.len();
    }
    (bytes > 0).then_some(()).context("an empty answer")
}
