//! The method of the earlier tools: one INSERT and one request per trip.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tokio_postgres::{Client, NoTls, Statement};

use crate::table::{Report, Row};
use crate::world::{World, timed};

/// The number of trips from which the rates are computed.
const TRIPS: i64 = 5000;
const INSERT: &str = "
    INSERT INTO api.trips
    SELECT * FROM json_populate_record(NULL::api.trips, $1)
    ON CONFLICT (provider_id, trip_id) DO NOTHING";

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let world = World::start(u32::try_from(TRIPS)?).await?;
    let item = Box::pin(pipeline::extract(&world.ctx, world.item("bird").await?)).await?;
    let ours = timed(Box::pin(pipeline::sync_db(
        &world.ctx,
        item,
        pipeline::Source::Bucket,
    )))
    .await?;
    let rows = world
        .database
        .query("SELECT to_json(t) FROM api.trips t", &[])
        .await?;
    let rows: Vec<serde_json::Value> = rows.iter().map(|row| row.get(0)).collect();

    world.empty().await?;
    let insert = world.database.prepare(INSERT).await?;
    let each = timed(async {
        for row in &rows {
            world.database.execute(&insert, &[row]).await?;
        }
        anyhow::Ok(())
    })
    .await?;

    world.empty().await?;
    let url = serve(&world.stack.database_url).await?;
    let client = reqwest::Client::new();
    let requests = timed(async {
        for row in &rows {
            let request = client.post(&url).body(row.to_string());
            request.send().await?.error_for_status()?;
        }
        anyhow::Ok(())
    })
    .await?;
    let rate = |seconds: f64| {
        format!(
            "{:.0} trips/s, {:.0} times as long",
            f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX)) / seconds,
            seconds / ours
        )
    };
    report.add(Row::figure("one INSERT per trip", rate(each), ""));
    report.add(Row::figure(
        "one HTTP request per trip, each with one INSERT",
        rate(requests),
        "",
    ));
    Ok(())
}

async fn serve(database_url: &str) -> anyhow::Result<String> {
    let (database, connection) = tokio_postgres::connect(database_url, NoTls).await?;
    tokio::spawn(connection);
    let insert = database.prepare(INSERT).await?;
    let router = Router::new()
        .route("/", post(take))
        .with_state(Arc::new((database, insert)));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}/"))
}

async fn take(State(state): State<Arc<(Client, Statement)>>, row: String) -> StatusCode {
    let (database, insert) = &*state;
    let Ok(row) = serde_json::from_str::<serde_json::Value>(&row) else {
        return StatusCode::BAD_REQUEST;
    };
    match database.execute(insert, &[&row]).await {
        Ok(_) => StatusCode::CREATED,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
