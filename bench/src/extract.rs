//! extract, compared with a client that fetches the same response and discards it.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use pipeline::extract;
use sandbox_provider::Feed;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::table::{Report, Row};
use crate::turns::in_turn;
use crate::world::{World, provider, timed};

const YARDSTICK: &str = "a client that discards the same response";
const GOAL: &str = "≤ 1.25";
const PIECE_BYTES: u32 = 512 << 10;
/// Bytes per second of providers that send a recorded response. The network of a function receives
/// about 75 MB/s; the sandbox generates about 400 MB/s.
const RATES: [u32; 3] = [100_000_000, 300_000_000, 400_000_000];

pub(crate) async fn measure(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    let world = World::start(trips).await?;
    let sandbox = &world.stack.providers["bird"];
    let token = sandbox.options().token.clone().unwrap_or_default();
    let url = format!("{}/trips?end_time=2020-01-15T18", sandbox.base_url());
    let name = format!("extract of {trips} trips that the provider makes as it sends them");
    Box::pin(compare(report, &world, (&url, &token), rounds, name, GOAL)).await?;
    let body = record(trips);
    for rate in RATES {
        let name = format!(
            "extract of {trips} trips that come at {} MB/s",
            rate / 1_000_000
        );
        Box::pin(recorded(report, &body, Some(rate), rounds, name, GOAL)).await?;
    }
    let at_once = format!("extract of {trips} trips from a server that has them in memory");
    Box::pin(recorded(report, &body, None, rounds, at_once, "")).await
}

/// Extracts the hour from a server that has it in memory and sends `rate` bytes per second.
async fn recorded(
    report: &mut Report,
    body: &Bytes,
    rate: Option<u32>,
    rounds: usize,
    name: String,
    goal: &str,
) -> anyhow::Result<()> {
    let world = World::start(1).await?;
    let base = serve(body.clone(), rate).await?;
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
    let url = format!("{base}/trips");
    Box::pin(compare(report, &world, (&url, ""), rounds, name, goal)).await
}

/// Runs extract and the yardstick alternately, and reports both.
async fn compare(
    report: &mut Report,
    world: &World,
    (url, token): (&str, &str),
    rounds: usize,
    name: String,
    goal: &str,
) -> anyhow::Result<()> {
    let (ours, its) = Box::pin(in_turn(
        rounds,
        async || {
            let item = world.item("bird").await?;
            reset(world).await?;
            timed(Box::pin(extract(&world.ctx, item))).await
        },
        async || timed(discard(url, token)).await,
    ))
    .await?;
    report.add(Row::comparison(name, ours, YARDSTICK, its, goal));
    Ok(())
}

/// Resets the block, so that there is no previous archive to compare with.
async fn reset(world: &World) -> anyhow::Result<()> {
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

async fn serve(body: Bytes, rate: Option<u32>) -> anyhow::Result<String> {
    let response = move || {
        let body = body.clone();
        async move { Body::from_stream(pieces(body, rate)) }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/trips", get(response));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}

/// The body in pieces, each sent no earlier than `rate` bytes per second allow.
fn pieces(body: Bytes, rate: Option<u32>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let began = Instant::now();
    let piece_bytes = PIECE_BYTES as usize;
    let starts = (0..body.len()).step_by(piece_bytes);
    stream::iter(starts.zip(0..)).then(move |(at, number)| {
        let piece = body.slice(at..body.len().min(at + piece_bytes));
        async move {
            if let Some(rate) = rate {
                let due = Duration::from_secs(1) * PIECE_BYTES / rate * number;
                tokio::time::sleep_until(began + due).await;
            }
            Ok(piece)
        }
    })
}

async fn discard(url: &str, token: &str) -> anyhow::Result<()> {
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    let mut response = request.send().await?.error_for_status()?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await? {
        bytes += chunk.len();
    }
    (bytes > 0).then_some(()).context("an empty response")
}
