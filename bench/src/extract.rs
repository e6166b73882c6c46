//! extract beside a client that fetches the same answer and throws it away.

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

const YARDSTICK: &str = "a client that throws the same answer away";
const PIECE_BYTES: u32 = 512 << 10;
/// Bytes a second of providers that send what they have. The network of a function takes some 75
/// MB; the sandbox makes some 400 MB.
const PACES: [u32; 3] = [100_000_000, 300_000_000, 400_000_000];

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
    let body = record(trips);
    for pace in PACES {
        let name = format!(
            "extract of {trips} trips that come at {} MB/s",
            pace / 1_000_000
        );
        Box::pin(recorded(report, &body, Some(pace), rounds, name, "≤ 1.25")).await?;
    }
    let at_once = format!("extract of {trips} trips from a server that has them in memory");
    Box::pin(recorded(report, &body, None, rounds, at_once, "")).await
}

/// The same hour, from a server that has it in memory and sends so many bytes a second.
async fn recorded(
    report: &mut Report,
    body: &Bytes,
    pace: Option<u32>,
    rounds: usize,
    name: String,
    goal: &str,
) -> anyhow::Result<()> {
    let world = World::start(1).await?;
    let base = serve(body.clone(), pace).await?;
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
    report.add(Row::beside(name, ours, YARDSTICK, its, goal));
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

async fn serve(body: Bytes, pace: Option<u32>) -> anyhow::Result<String> {
    let answer = move || {
        let body = body.clone();
        async move { Body::from_stream(pieces(body, pace)) }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/trips", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}

/// The body in pieces, each as soon as its time has come.
fn pieces(body: Bytes, pace: Option<u32>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let began = Instant::now();
    let piece_bytes = PIECE_BYTES as usize;
    let starts = (0..body.len()).step_by(piece_bytes);
    stream::iter(starts.zip(0..)).then(move |(at, number)| {
        let piece = body.slice(at..body.len().min(at + piece_bytes));
        async move {
            if let Some(pace) = pace {
                let due = Duration::from_secs(1) * PIECE_BYTES / pace * number;
                tokio::time::sleep_until(began + due).await;
            }
            Ok(piece)
        }
    })
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
