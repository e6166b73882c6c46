//! What the schedule says after a step that could not start or failed, and what a run says about
//! its blocks.

use std::time::Duration;

use pipeline::{BlockItem, Context, ErrorName, PlanRequest, plan, read_manifest};
use sandbox_provider::{Fault, Times};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use trips::status::BlockStatus::{self, Archived, NoTrips, Published};
use uuid::Uuid;

use crate::support::{ONE_HOUR, World, hour, options, run, stderr, stdout, with, world_of};

const FOUR_HOURS: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-16");

const REJECTED: Fault = Fault::Status {
    status: 401,
    retry_after: None,
};

async fn bird() -> World {
    world_of(options(&["bird"])).await
}

impl World {
    /// What must stay as it is in the row of each block: all but the progress of an upload.
    pub(crate) async fn rows_of_schedule(&self) -> String {
        self.text(
            "SELECT string_agg(concat_ws('|', status_id, message, published_at, run_id, extracted_at), ' '
                 ORDER BY block_start) FROM api.schedule",
        )
        .await
    }

    /// Plans a request. Returns the run's id and its first block.
    async fn planned(&self, ctx: &Context, request: Value) -> (Uuid, BlockItem) {
        let request = PlanRequest::from_json(request).unwrap();
        let plan = plan(ctx, &request, |_| {}).await.unwrap();
        let mut items = read_manifest(ctx, &plan.manifest.unwrap()).await.unwrap();
        (plan.run_id, items.recv().await.unwrap().unwrap())
    }

    async fn sql(&self, statement: &str) {
        self.database.batch_execute(statement).await.unwrap();
    }

    /// The error's name and message in the run's outcome of its only block.
    async fn outcome(&self, run_id: Uuid) -> (String, String) {
        let outcome = "SELECT outcome || ' ' || coalesce(error_name, ''), coalesce(message, '') FROM api.run_blocks
                       WHERE run_id = $1";
        let row = self.database.query_one(outcome, &[&run_id]).await.unwrap();
        (row.get(0), row.get(1))
    }

    pub(crate) async fn set_status(&self, status: BlockStatus) {
        let code = status.code();
        self.sql(&format!("UPDATE api.schedule SET status_id = {code}"))
            .await;
    }
}

fn time_max(force: bool) -> Value {
    json!({"provider": "bird", "time_max": "2020-01-15-13", "force": force})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_waits_for_its_turn_in_vain_changes_nothing() {
    let world = bird().await;
    world.expect(0, &ONE_HOUR).await;
    let before = world.rows_of_schedule().await;
    let ctx = world.stack.context().await.unwrap();
    let dataset = ctx.config().settings.socrata().unwrap().dataset.to_string();
    world
        .sql(&format!(
            "SELECT pg_advisory_lock(5063763, hashtext('{dataset}'))"
        ))
        .await;
    let request = json!({"provider": "bird", "time_max": "2020-01-15-13", "force": true,
        "no_extract": true, "no_sync_db": true});
    let (run_id, item) = world.planned(&ctx, request).await;

    let hurried = ctx.until(Instant::now() + Duration::from_secs(1));
    let error = pipeline::sync_socrata(&hurried, item, pipeline::Source::Bucket)
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::BlockBusy, "{error}");
    assert_eq!(world.rows_of_schedule().await, before);
    assert_eq!(world.outcome(run_id).await.0, "failed BlockBusy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_another_run_holds_is_named_and_its_row_stays() {
    let world = bird().await;
    world.expect(0, &ONE_HOUR).await;
    let before = world.rows_of_schedule().await;
    let ctx = world.stack.context().await.unwrap();
    let (run_id, item) = world.planned(&ctx, time_max(true)).await;
    let claim = ctx.store().claim(item.schedule_id).await.unwrap();

    let hurried = ctx.until(Instant::now() + Duration::from_millis(300));
    let error = pipeline::extract(&hurried, item.clone()).await.unwrap_err();
    assert_eq!(error.name, ErrorName::BlockBusy, "{error}");
    let name = "bird 2020-01-15-13 is being worked on by another run";
    assert!(error.message.starts_with(name), "{error}");
    assert_eq!(world.rows_of_schedule().await, before);
    let summary = pipeline::summarize(&ctx, run_id).await.unwrap_err();
    assert!(
        summary.message.contains("1 failed") && summary.message.contains("extract (BlockBusy)"),
        "{summary}"
    );
    claim.release().await.unwrap();
    pipeline::extract(&ctx, item).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_publish_skips_what_is_not_loaded_and_keeps_why_it_is_not() {
    let world = bird().await;
    let provider = &world.stack.providers["bird"];
    provider.fail_hour(hour("2020-01-15-13"), REJECTED, Times::Always);
    provider.fail_hour(hour("2020-01-15-14"), Fault::NotReady, Times::Always);
    world.expect(1, &FOUR_HOURS).await;
    let rows = "SELECT string_agg(concat_ws('|', status_id, message), ' ' ORDER BY block_start) FROM api.schedule
                WHERE status_id <> 8";
    let not_loaded = world.text(rows).await;
    assert!(not_loaded.contains("-2|ProviderRejected"), "{not_loaded}");
    let uploads = world.uploads().len();

    let publish = with(&FOUR_HOURS, &["--force", "--no-extract", "--no-sync-db"]);
    let output = world.expect(0, &publish).await;
    assert!(
        stdout(&output).contains("of 2 blocks 2 done"),
        "{}",
        stdout(&output)
    );
    assert!(
        stderr(&output).contains("2 blocks are not loaded"),
        "{}",
        stderr(&output)
    );
    assert_eq!(world.text(rows).await, not_loaded);
    let more = world.uploads().len() - uploads;
    assert!((1..=2).contains(&more), "{more}");

    let ctx = world.stack.context().await.unwrap();
    let request = PlanRequest {
        provider: Some("bird".to_owned()),
        time_min: Some("2020-01-15-12".to_owned()),
        time_max: Some("2020-01-15-16".to_owned()),
        force: true,
        no_extract: true,
        no_sync_db: true,
        dry_run: true,
        ..PlanRequest::default()
    };
    let plan = plan(&ctx, &request, |_| {}).await.unwrap();
    assert_eq!(
        (plan.block_count, plan.not_loaded, plan.nothing_to_do),
        (2, 2, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_load_where_nothing_is_archived_keeps_why_it_is_not() {
    let world = bird().await;
    let provider = &world.stack.providers["bird"];
    provider.fail_hour(hour("2020-01-15-12"), REJECTED, Times::Always);
    world.expect(1, &ONE_HOUR).await;
    let before = world.rows_of_schedule().await;
    let output = world
        .expect(1, &with(&ONE_HOUR, &["--force", "--no-extract"]))
        .await;
    assert!(stdout(&output).contains("failed: 1 block of bird, sync-db (ArchiveMissing): "));
    assert_eq!(world.rows_of_schedule().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_takes_no_block_back_behind_what_it_has() {
    let world = bird().await;
    world.expect(0, &ONE_HOUR).await;
    let provider = &world.stack.providers["bird"];
    provider.fail_hour(hour("2020-01-15-12"), REJECTED, Times::Always);
    for status in BlockStatus::ALL {
        world.set_status(status).await;
        world.expect(1, &with(&ONE_HOUR, &["--force"])).await;
        let expected = match status {
            BlockStatus::New | BlockStatus::NotPublished => BlockStatus::ExtractFailed,
            kept => kept,
        };
        assert_eq!(world.statuses().await, [expected], "{status}");
        let message = world.text("SELECT message FROM api.schedule").await;
        assert!(message.starts_with("ProviderRejected: "), "{message}");
    }
    // Nor does "not published yet".
    provider.clear_faults();
    provider.fail_hour(hour("2020-01-15-12"), Fault::NotReady, Times::Always);
    world.set_status(Archived).await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(world.statuses().await, [Archived]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_of_the_row_is_not_a_request_to_the_provider() {
    let mut options = options(&["bird"]);
    options
        .provider_settings
        .insert("reask_hours".to_owned(), json!([24]));
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    world
        .sql("UPDATE api.schedule SET extracted_at = block_end + interval '2 hours'")
        .await;
    let ctx = world.stack.context().await.unwrap();
    let (_, item) = world.planned(&ctx, time_max(false)).await;
    // As a republish by another run between plan and step.
    world
        .sql("UPDATE api.schedule SET updated_at = clock_timestamp(), published_at = clock_timestamp()")
        .await;
    let requests = world.request_count();
    pipeline::extract(&ctx, item.clone()).await.unwrap();
    assert_eq!(world.request_count(), requests + 1);
    // What another run has requested since the plan is done.
    pipeline::extract(&ctx, item).await.unwrap();
    assert_eq!(world.request_count(), requests + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_another_run_has_adopted_since_the_plan_is_not_requested() {
    let world = bird().await;
    world.expect(0, &ONE_HOUR).await;
    // As in a new database over an old bucket.
    world
        .sql("TRUNCATE api.trips, api.run_blocks, api.schedule")
        .await;
    let requests = world.request_count();
    let ctx = world.stack.context().await.unwrap();
    let (_, ours) = world.planned(&ctx, time_max(false)).await;
    let (_, theirs) = world.planned(&ctx, time_max(false)).await;
    pipeline::extract(&ctx, theirs.clone()).await.unwrap();
    let ours = pipeline::extract(&ctx, ours).await.unwrap();
    assert_eq!(world.request_count(), requests);
    assert!(ours.extract.as_ref().unwrap().trip_count > 0);
    pipeline::sync_db(&ctx, ours, pipeline::Source::Bucket)
        .await
        .unwrap();
    pipeline::extract(&ctx, theirs).await.unwrap();
    assert_eq!(world.request_count(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_leaves_a_published_block_alone_when_its_age_is_due() {
    let mut options = options(&["bird"]);
    options
        .provider_settings
        .insert("reask_hours".to_owned(), json!([24]));
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    world
        .sql("UPDATE api.schedule SET extracted_at = block_end + interval '2 hours'")
        .await;
    let requests = world.request_count();
    let output = world
        .expect(0, &with(&ONE_HOUR, &["--incomplete-only"]))
        .await;
    assert!(stdout(&output).contains("nothing to do"));
    assert_eq!(world.request_count(), requests);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.request_count(), requests + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_database_refuses_is_a_defect_and_is_not_tried_again() {
    let world = bird().await;
    world
        .sql("ALTER TABLE api.trips ADD CONSTRAINT impossible CHECK (trip_duration < 0)")
        .await;
    let output = world.expect(1, &ONE_HOUR).await;
    assert!(
        stdout(&output).contains("failed: 1 block of bird, sync-db (Internal): "),
        "{}",
        stdout(&output)
    );
    assert!(!stderr(&output).contains("retrying"), "{}", stderr(&output));
    let message = world.text("SELECT message FROM api.schedule").await;
    assert!(
        message.contains("SQLSTATE 23514") && message.contains("impossible"),
        "{message}"
    );
    world
        .sql("ALTER TABLE api.trips DROP CONSTRAINT impossible")
        .await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_did_not_end_are_named() {
    let world = bird().await;
    let ctx = world.stack.context().await.unwrap();
    let request = json!({"provider": "bird", "time_min": "2020-01-15-12", "interval": 3,
        "no_sync_db": true, "no_sync_socrata": true});
    let (run_id, item) = world.planned(&ctx, request).await;
    pipeline::extract(&ctx, item).await.unwrap();

    let error = pipeline::summarize(&ctx, run_id).await.unwrap_err();
    assert_eq!(error.name, ErrorName::RunHadFailures);
    assert!(
        error.message.contains("2 did not end")
            && error
                .message
                .ends_with("; did not end: bird 2020-01-15-14, bird 2020-01-15-15"),
        "{error}"
    );
    let summary = pipeline::run_summary(&ctx, run_id).await.unwrap();
    assert_eq!(
        serde_json::to_value(&summary.first_unfinished).unwrap()[1]["label"],
        "2020-01-15-15"
    );
    // The counts are there without the manifest, too.
    let manifest = format!("staging/runs/{run_id}/manifest.json");
    std::fs::remove_file(world.stack.bucket_folder().join(manifest)).unwrap();
    let error = pipeline::summarize(&ctx, run_id).await.unwrap_err();
    assert!(error.message.contains("2 did not end"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_when_the_run_starts_is_waited_for() {
    let world = bird().await;
    let server = world.stack.database_url.clone();
    let (_, address) = server.rsplit_once('@').unwrap();
    let (address, _) = address.split_once('/').unwrap();
    // A port at which nothing listens yet.
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let url = server.replace(address, &port.to_string());
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = json!(url))
        .await;
    let address = address.to_owned();
    let proxy = tokio::spawn(async move {
        sleep(Duration::from_secs(15)).await;
        let listener = TcpListener::bind(port).await.unwrap();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let address = address.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [Published]);
    proxy.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_never_had_trips_keeps_its_status_when_it_is_loaded_by_force() {
    let world = bird().await;
    let nothing = Fault::Partial { trips: 0 };
    world.stack.providers["bird"].fail_hour(hour("2020-01-15-12"), nothing, Times::Always);
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.statuses().await, [NoTrips]);
    let load = [&["sync-db", "--force"], &ONE_HOUR[1..]].concat();
    world.expect(0, &load).await;
    assert_eq!(world.statuses().await, [NoTrips]);
}

/// The take-over of an older tool's tables finds the owner of a trip by the time of its end. Its
/// hour may never have returned it.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_of_an_hour_that_was_taken_over_withdraws_no_trip() {
    let world = bird().await;
    world
        .expect(0, &run("bird", "2020-01-15-12", "2020-01-15-14"))
        .await;
    world
        .sql(
            "UPDATE api.trips SET schedule_id = (SELECT max(schedule_id) FROM api.schedule)
             WHERE id IN (SELECT id FROM api.trips
                          WHERE schedule_id = (SELECT min(schedule_id) FROM api.schedule) LIMIT 1);
             UPDATE api.trips SET delivered_at = NULL, seen_at = NULL;
             UPDATE api.schedule SET archived_at = NULL, extracted_at = NULL, loaded_at = NULL, loaded_deliveries = NULL",
        )
        .await;
    let load = run("bird", "2020-01-15-13", "2020-01-15-14");
    world
        .expect(0, &with(&load, &["--no-extract", "--force"]))
        .await;
    let withdrawn = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NOT NULL";
    assert_eq!(world.number(withdrawn).await, 0);
}
