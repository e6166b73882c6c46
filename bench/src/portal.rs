//! sync-socrata, compared with a client that posts the same chunks.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use pipeline::{BlockItem, Source, extract, sync_db, sync_socrata};
use reqwest::Client;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::publish;
use crate::table::{Report, Row};
use crate::turns::in_turn;
use crate::world::{World, timed};

/// What a portal needs for an upload, however small.
const UPLOAD_TIME: Duration = Duration::from_secs(1);

pub(crate) async fn measure(report: &mut Report, trips: u32, rounds: usize) -> anyhow::Result<()> {
    Box::pin(behind(report, trips, rounds, Duration::ZERO, "at once")).await?;
    let at_leisure = behind(report, trips, rounds, UPLOAD_TIME, "after 1 s");
    Box::pin(at_leisure).await
}

/// Behind a portal that answers an upload then.
async fn behind(
    report: &mut Report,
    trips: u32,
    rounds: usize,
    upload_time: Duration,
    answers: &str,
) -> anyhow::Result<()> {
    let world = World::with(publish::world(trips, upload_time)).await?;
    let item = Box::pin(extract(&world.ctx, world.item("bird").await?)).await?;
    let item = Box::pin(sync_db(&world.ctx, item, Source::Bucket)).await?;
    let key = &item.sync_db.as_ref().context("not loaded")?.publish_key;
    let rows = world.ctx.vault().get_bytes(key).await?;
    let chunk_rows = world.ctx.config().settings.socrata()?.chunk_rows;
    let rows: Vec<&RawValue> = serde_json::from_slice(&rows)?;
    let chunks: Vec<Bytes> = rows
        .chunks(chunk_rows)
        .map(|rows| serde_json::to_vec(rows).map(Bytes::from))
        .collect::<Result<_, _>>()?;
    let client = Client::new();
    let (ours, its) = Box::pin(in_turn(
        rounds,
        async || {
            // Every run may force a block once.
            let forced = BlockItem {
                run_id: Uuid::new_v4(),
                force: true,
                ..item.clone()
            };
            timed(Box::pin(sync_socrata(&world.ctx, forced, Source::Bucket))).await
        },
        async || timed(post(&world, &client, &chunks)).await,
    ))
    .await?;
    report.add(Row::comparison(
        format!(
            "sync-socrata of {trips} trips in {} chunks, behind a portal that answers {answers}",
            chunks.len()
        ),
        ours,
        "a client that posts the same chunks",
        its,
        "≤ 1.05 (0.95 of its speed)",
    ));
    Ok(())
}

async fn post(world: &World, client: &Client, chunks: &[Bytes]) -> anyhow::Result<()> {
    let portal = world.stack.portal.options();
    let url = format!(
        "{}/resource/{}.json",
        world.stack.portal.url(),
        portal.dataset
    );
    for chunk in chunks {
        let response = client
            .post(&url)
            .basic_auth(&portal.key_id, Some(&portal.key_secret))
            .header("X-App-Token", &portal.app_token)
            .header("Content-Type", "application/json")
            .body(chunk.clone())
            .send()
            .await?
            .error_for_status()?;
        response.bytes().await?;
    }
    Ok(())
}
