//! One step with a local file instead of the object in the bucket.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rstest::rstest;
use sandbox_provider::{Fault, Rates, Rhythm, Times};
use serde_json::{Value, json};
use tempfile::TempDir;
use trips::status::BlockStatus::{
    Archived, ExtractFailed, LoadFailed, Loaded, LoadedWithRejects, New, NoTrips, Published,
};

use crate::support::{ONE_HOUR, World, hour, options, stderr, stdout, until, with, world_of};

const BLOCK: [&str; 4] = ["--provider", "bird", "--time-max", "2020-01-15-13"];
const FOLDER: &str = "bird/2020/1/15/12";

/// One provider with 40 valid trips in every hour.
async fn forty_trips() -> World {
    let mut options = options(&["bird"]);
    let bird = options.providers.get_mut("bird").unwrap();
    (bird.rates, bird.rhythm) = (Rates::none(), Rhythm::Flat);
    world_of(options).await
}

/// A temporary folder, and the path of a file in it.
fn file(name: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(name);
    (folder, file)
}

fn step<'a>(step: &'a str, file: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&[step, "--file", file.to_str().unwrap()], &BLOCK[..], more].concat()
}

fn report(output: &std::process::Output) -> Value {
    let mut report: Value = serde_json::from_str(&stdout(output)).unwrap();
    for member in ["provider", "label", "block_start", "block_end"] {
        assert!(report.as_object_mut().unwrap().remove(member).is_some());
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn extract_writes_what_the_archive_would_hold_and_nothing_else() {
    let world = forty_trips().await;
    let (_folder, file) = file("trips.json");
    let (database, bucket) = (world.dump().await, world.stored());
    let output = world.expect(0, &step("extract", &file, &["--json"])).await;
    assert_eq!(
        (&report(&output)["trips"], &report(&output)["http_status"]),
        (&json!(40), &json!(200))
    );
    assert_eq!((database, bucket), (world.dump().await, world.stored()));

    world.expect(0, &with(&["extract"], &BLOCK)).await;
    let archived = world
        .vault()
        .await
        .get_bytes(&format!("staging/{FOLDER}/trips.json"))
        .await
        .unwrap();
    assert_eq!(fs::read(&file).unwrap(), archived);
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_come_back_after_an_empty_file_although_the_provider_says_the_same_as_before() {
    let world = forty_trips().await;
    let three = Fault::Partial { trips: 3 };
    world.stack.providers["bird"].fail_hour(hour("2020-01-15-12"), three, Times::Always);
    world.expect(0, &ONE_HOUR).await;
    let live = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NULL";
    assert_eq!(world.number(live).await, 3);
    let (_folder, file) = file("trips.json");
    fs::write(&file, r#"{"version": "1.2.0", "data": {"trips": []}}"#).unwrap();
    world.expect(0, &step("sync-db", &file, &[])).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(world.number(live).await, 0);
    assert_eq!(
        (world.statuses().await, world.portal().len()),
        (vec![NoTrips], 0)
    );

    world
        .expect(0, &with(&ONE_HOUR, &["--incomplete-only"]))
        .await;
    assert_eq!(world.number(live).await, 3);
    assert_eq!(
        (world.statuses().await, world.portal().len()),
        (vec![Published], 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extract_that_fails_leaves_the_file_as_it_was() {
    let world = forty_trips().await;
    let (folder, file) = file("trips.json");
    fs::write(&file, "of yesterday").unwrap();
    let bird = &world.stack.providers["bird"];
    for (fault, error) in [
        (Fault::TruncatedJson, "malformed"),
        (Fault::NotReady, "has not published the hour yet"),
        (
            Fault::Status {
                status: 401,
                retry_after: None,
            },
            "refuses",
        ),
    ] {
        bird.fail_hour(hour("2020-01-15-12"), fault, Times::Next(2));
        let output = world.expect(1, &step("extract", &file, &[])).await;
        assert!(stderr(&output).contains(error), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        bird.clear_faults();
    }
    assert_eq!(fs::read(&file).unwrap(), b"of yesterday");
    // What was cut off is kept beside it.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
}

/// The status and the runbook send a person here.
#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_not_mds_is_kept_beside_the_file_and_nowhere_else() {
    let world = forty_trips().await;
    let (folder, file) = file("trips.json");
    let bird = &world.stack.providers["bird"];
    bird.fail_hour(hour("2020-01-15-12"), Fault::HtmlPage200, Times::Always);
    let said = stderr(&world.expect(1, &step("extract", &file, &[])).await);
    let kept = folder.path().join("trips.json.malformed");
    for words in [
        "ProviderMalformed",
        "looks like a web page (text/html)",
        &format!("what it sent is in {}", kept.display()),
    ] {
        assert!(said.contains(words), "`{words}` is missing in {said}");
    }
    assert!(!said.contains("Please log in"), "{said}");
    assert_eq!(
        fs::read_to_string(&kept).unwrap(),
        "<html><body>Please log in</body></html>"
    );
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    // A run keeps nothing of it, and its row says what to do.
    let said = stderr(&world.expect(1, &ONE_HOUR).await);
    assert!(said.contains("looks like a web page"), "{said}");
    assert!(!world.dump().await.contains("Please log in"));
    let status = world.expect(1, &["status", "--since", "2020-01-15"]).await;
    let status = stdout(&status);
    assert!(status.contains("as FILE.malformed"), "{status}");
}

#[rstest]
#[case::ctrl_c("-INT", 130)]
#[case::terminated("-TERM", 143)]
#[tokio::test(flavor = "multi_thread")]
async fn an_extract_that_is_stopped_leaves_no_trips_behind(
    #[case] signal: &str,
    #[case] status: i32,
) {
    let mut options = options(&["bird"]);
    // So many that half of them arrive before the response stalls.
    options.providers.get_mut("bird").unwrap().trips_per_hour = 3000.0;
    let world = world_of(options).await;
    let (folder, file) = file("trips.json");
    let stall = Fault::Stall(Duration::from_secs(60));
    world.stack.providers["bird"].fail_hour(hour("2020-01-15-12"), stall, Times::Always);
    let mut extract = world.mds(&step("extract", &file, &[])).spawn().unwrap();
    let files = || fs::read_dir(folder.path()).unwrap().count();
    until("the first trips", async || files() == 1).await;
    let id = extract.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status();
    assert!(sent.unwrap().success());
    let mut code = None;
    until("the end", async || {
        code = extract.try_wait().unwrap().and_then(|it| it.code());
        code.is_some()
    })
    .await;
    assert_eq!((code, files()), (Some(status), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_db_loads_the_trips_of_a_file() {
    let world = forty_trips().await;
    let (_folder, file) = file("trips.json");
    world.expect(0, &step("extract", &file, &[])).await;
    let mut trips: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let list = trips["data"]["trips"].as_array_mut().unwrap();
    list.truncate(12);
    list[3].as_object_mut().unwrap().remove("device_id");
    let twice = list[7].clone();
    list.push(twice);
    fs::write(&file, trips.to_string()).unwrap();

    let output = world.expect(0, &step("sync-db", &file, &["--json"])).await;
    let publish_key = format!("staging/{FOLDER}/publish.json");
    assert_eq!(
        report(&output),
        json!({"publish_key": publish_key, "fetched": 13, "loaded": 11, "rejected": 1, "duplicates": 1})
    );
    assert_eq!(world.statuses().await, [LoadedWithRejects]);
    assert_eq!(world.number("SELECT count(*) FROM api.trips").await, 11);
    assert_eq!(
        world
            .object(&format!("{FOLDER}/publish.json"))
            .await
            .as_array()
            .unwrap()
            .len(),
        11
    );
    assert_eq!(
        world
            .object(&format!("{FOLDER}/rejects.json"))
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(!world.archive_file("bird", "2020/1/15/12").exists());
    assert!(world.uploads().is_empty());

    // The next run continues from what was loaded.
    world.expect(0, &with(&["run"], &BLOCK)).await;
    assert_eq!(
        (world.statuses().await, world.stack.portal.row_count()),
        (vec![Published], 11)
    );
    // A file is loaded whatever the status, and the table keeps the same trips.
    world.expect(0, &step("sync-db", &file, &[])).await;
    assert_eq!(world.statuses().await, [LoadedWithRejects]);
    assert_eq!(world.number("SELECT count(*) FROM api.trips").await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_socrata_publishes_the_rows_of_a_file() {
    let world = forty_trips().await;
    world
        .expect(0, &with(&["run", "--no-sync-socrata"], &BLOCK))
        .await;
    let (_folder, file) = file("publish.json");
    let rows = world.object(&format!("{FOLDER}/publish.json")).await;
    fs::write(&file, json!(rows.as_array().unwrap()[..3]).to_string()).unwrap();

    let output = world
        .expect(0, &step("sync-socrata", &file, &["--json"]))
        .await;
    assert_eq!(
        report(&output),
        json!({"created": 3, "updated": 0, "deleted": 0, "errors": 0})
    );
    assert_eq!(
        (world.statuses().await, world.stack.portal.row_count()),
        (vec![Loaded], 3),
        "the block's other rows are still to be published"
    );
    let output = world
        .expect(0, &step("sync-socrata", &file, &["--json"]))
        .await;
    assert_eq!(
        report(&output),
        json!({"created": 0, "updated": 3, "deleted": 0, "errors": 0})
    );
    world.expect(0, &with(&["sync-socrata"], &BLOCK)).await;
    assert_eq!(
        (world.statuses().await, world.stack.portal.row_count()),
        (vec![Published], 40)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_public_rows_of_the_block_leaves_for_the_portal() {
    let world = forty_trips().await;
    world
        .expect(0, &with(&["run", "--no-sync-socrata"], &BLOCK))
        .await;
    let trips = world.object(&format!("{FOLDER}/trips.json")).await;
    let mut rows = world.object(&format!("{FOLDER}/publish.json")).await;
    let (_folder, file) = file("publish.json");
    let (first, mut deletion) = (rows[0].clone(), rows[0].clone());
    deletion[":deleted"] = json!(true);
    rows[0]["trip_id"] = json!("00000000-0000-8000-8000-000000000001");
    for (content, name, why) in [
        (
            &trips["data"]["trips"],
            "ArchiveUnreadable",
            "not in the published form",
        ),
        (
            &json!([first, deletion]),
            "ArchiveUnreadable",
            "not in the published form",
        ),
        (
            &rows,
            "InvalidInput",
            "not among the loaded trips of the block",
        ),
    ] {
        fs::write(&file, content.to_string()).unwrap();
        let output = world.output(&step("sync-socrata", &file, &[])).await;
        assert!(!output.status.success());
        let error = stderr(&output);
        assert!(error.contains(why) && error.contains(name), "{error}");
        assert!(!error.contains("coordinates"));
    }
    assert_eq!(world.stack.portal.row_count(), 0);
    assert!(world.uploads().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_archive_is_refused_and_its_block_stays_as_it_was() {
    let world = forty_trips().await;
    world.expect(0, &with(&["run"], &BLOCK)).await;
    let (database, bucket) = (world.dump().await, world.stored());
    let (_folder, file) = file("my-trips.json");
    let name = file.to_str().unwrap();
    let get = with(&["archive", "get", "--file", name], &BLOCK);
    world.expect(0, &get).await;
    let lines = fs::read(&file).unwrap();
    for content in [
        b"no JSON".as_slice(),
        b"",
        br#"{"error": "unauthorized"}"#,
        br#"{"error": "timeout", "data": {"trips": []}}"#,
        br#"{"data": {"trips": [{"trip_id": 1}, "#,
        b"\x1f\x8b\x08\x00",
        &lines,
    ] {
        for force in [vec![], vec!["--force"]] {
            fs::write(&file, content).unwrap();
            let output = world.expect(2, &step("sync-db", &file, &force)).await;
            let error = stderr(&output);
            assert!(
                error.contains("my-trips.json: ") && error.contains("mds extract --file"),
                "{error}"
            );
            assert!(!error.contains("the archive"), "{error}");
        }
    }
    let folder = file.parent().unwrap();
    world.expect(2, &step("sync-db", folder, &[])).await;
    assert_eq!((database, bucket), (world.dump().await, world.stored()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_takes_the_place_of_an_archive_that_waits_by_force_only() {
    let world = forty_trips().await;
    let run = with(&["run"], &BLOCK);
    world.expect(0, &with(&run, &["--no-sync-db"])).await;
    let (_folder, file) = file("trips.json");
    world.expect(0, &step("extract", &file, &[])).await;
    let whole: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let mut part = whole.clone();
    part["data"]["trips"].as_array_mut().unwrap().truncate(2);
    fs::write(&file, part.to_string()).unwrap();
    // Also where its load has failed, and where a new database does not know it yet.
    for status in [LoadFailed, New, ExtractFailed, Archived] {
        world.set_status(status).await;
        let error = stderr(&world.expect(2, &step("sync-db", &file, &[])).await);
        assert!(
            error.contains("is not loaded yet") && error.contains("`mds sync-db --provider bird"),
            "{status}: {error}"
        );
        assert_eq!(
            (world.statuses().await, world.rows().await),
            (vec![status], 0)
        );
    }

    world.expect(0, &step("sync-db", &file, &["--force"])).await;
    assert_eq!(world.rows().await, 2);
    world
        .expect(0, &with(&run, &["--force", "--no-extract"]))
        .await;
    assert_eq!(world.rows().await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_names_a_next_page_is_loaded_by_force_only() {
    let world = forty_trips().await;
    world.expect(0, &with(&["run"], &BLOCK)).await;
    let (_folder, file) = file("trips.json");
    world.expect(0, &step("extract", &file, &[])).await;
    let (database, bucket) = (world.dump().await, world.stored());
    let mut page: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    // So few are missing that the loss would be believed.
    page["data"]["trips"].as_array_mut().unwrap().truncate(38);
    for links in [
        json!({"next": "https://example.org/trips?page=2"}),
        json!({"next": 2}),
    ] {
        page["links"] = links;
        fs::write(&file, page.to_string()).unwrap();
        let error = stderr(&world.expect(2, &step("sync-db", &file, &[])).await);
        assert!(
            error.contains("trips.json names a next page") && error.contains("--force"),
            "{error}"
        );
    }
    assert_eq!((database, bucket), (world.dump().await, world.stored()));

    // The older tools archived all pages as one, and some archives kept the links of the first.
    let output = world.expect(0, &step("sync-db", &file, &["--force"])).await;
    let text = stdout(&output);
    assert!(
        text.contains("38 of 38 trips loaded, 2 withdrawn"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trips_of_another_hour_or_provider_are_loaded_from_a_file_by_force_only() {
    let world = forty_trips().await;
    let (_folder, file) = file("trips.json");
    world.expect(0, &step("extract", &file, &[])).await;
    let (database, bucket) = (world.dump().await, world.stored());
    let text = fs::read_to_string(&file).unwrap();

    let other_hour: [&str; 6] = [
        "sync-db",
        "--file",
        file.to_str().unwrap(),
        "--provider",
        "bird",
        "--time-max=2020-01-15-15",
    ];
    let output = world.expect(2, &other_hour).await;
    let message = stderr(&output);
    assert!(
        message.contains("is not of bird 2020-01-15-15")
            && message.contains("of its 40 trips 40 ended in other hours")
            && message.contains("2020-01-15-13")
            && message.contains("--force"),
        "{message}"
    );
    let ours = world.stack.providers["bird"]
        .options()
        .provider_id
        .to_string();
    let theirs = "5eed0000-0000-4000-8000-0000000000ff";
    fs::write(&file, text.replace(&ours, theirs)).unwrap();
    let output = world.expect(2, &step("sync-db", &file, &[])).await;
    let message = stderr(&output);
    assert!(
        message.contains(&format!("40 are of the provider {theirs}")),
        "{message}"
    );
    assert_eq!((database, bucket), (world.dump().await, world.stored()));

    fs::write(&file, text).unwrap();
    world.expect(0, &with(&other_hour, &["--force"])).await;
    assert_eq!(world.number("SELECT count(*) FROM api.trips").await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_file_are_not_published_for_a_block_that_is_not_loaded() {
    let world = forty_trips().await;
    let (_folder, file) = file("publish.json");
    fs::write(&file, "[]").unwrap();
    let said = stderr(&world.expect(1, &step("sync-socrata", &file, &[])).await);
    assert!(
        said.contains("nothing of bird 2020-01-15-13 is loaded")
            && said.contains("run sync-db first"),
        "{said}"
    );
    assert_eq!(world.statuses().await, [New]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_make_no_sense_are_refused_and_nothing_is_touched() {
    let world = forty_trips().await;
    let (folder, here) = file("trips.json");
    let nowhere = folder.path().join("nowhere").join("trips.json");
    fs::write(&here, "{}").unwrap();
    let (database, bucket) = (world.dump().await, world.stored());
    for (step, arguments, message) in [
        (
            "extract",
            step("extract", &here, &["--interval", "2"]),
            "a file holds one hour of one provider",
        ),
        (
            "sync-db",
            step("sync-db", &here, &["--interval", "2"]),
            "a file holds one hour of one provider",
        ),
        ("extract", step("extract", &nowhere, &[]), "nowhere"),
        ("sync-db", step("sync-db", &nowhere, &[]), "nowhere"),
        (
            "sync-socrata",
            step("sync-socrata", &nowhere, &[]),
            "nowhere",
        ),
        (
            "extract",
            step("extract", &here, &["--dry-run"]),
            "--dry-run",
        ),
        (
            "sync-db",
            step("sync-db", &here, &["--dry-run"]),
            "--dry-run",
        ),
        (
            "sync-db",
            step("sync-db", &here, &["--incomplete-only"]),
            "--incomplete-only",
        ),
    ] {
        let output = world.expect(2, &arguments).await;
        assert!(
            stderr(&output).contains(message),
            "{step}: {}",
            stderr(&output)
        );
    }
    assert_eq!(fs::read(&here).unwrap(), b"{}");
    assert_eq!((database, bucket), (world.dump().await, world.stored()));
    assert_eq!(world.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_lacks_loaded_trips_is_not_loaded_until_the_loss_is_accepted() {
    let world = forty_trips().await;
    world.expect(0, &with(&["run"], &BLOCK)).await;
    let (_folder, file) = file("trips.json");
    fs::write(&file, r#"{"version": "1.2.0", "data": {"trips": []}}"#).unwrap();
    let output = world.expect(1, &step("sync-db", &file, &[])).await;
    let error = stderr(&output);
    assert!(
        error.contains("ProviderLostTrips: the file lacks 40 of the 40 loaded trips")
            && error.contains("--accept-losses"),
        "{error}"
    );
    assert_eq!(world.statuses().await, [Published]);
    let trips = "SELECT count(*) FROM api.trips WHERE withdrawn_at IS NULL";
    assert_eq!(world.number(trips).await, 40);

    let accepted = step("sync-db", &file, &["--accept-losses"]);
    let output = world.expect(0, &accepted).await;
    let text = stdout(&output);
    assert!(
        text.contains("40 withdrawn that were loaded before"),
        "{text}"
    );
    assert_eq!(world.number(trips).await, 0);
}

#[rstest]
#[case::no_service(Fault::NotOperating)]
#[case::no_content(Fault::Status { status: 204, retry_after: None })]
#[tokio::test(flavor = "multi_thread")]
async fn a_status_without_trips_becomes_no_file(#[case] fault: Fault) {
    let world = forty_trips().await;
    let (_folder, file) = file("trips.json");
    let bird = &world.stack.providers["bird"];
    bird.fail_hour(hour("2020-01-15-12"), fault, Times::Always);
    let output = world.expect(1, &step("extract", &file, &[])).await;
    let error = stderr(&output);
    assert!(error.contains("ProviderRejected"), "{error}");
    assert!(!file.exists());
}

/// As on a full disk: no file may have more than one block.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_written_leaves_the_one_before() {
    let world = forty_trips().await;
    let (_folder, page) = file("status.html");
    fs::write(&page, "the page before").unwrap();
    let mds = world.mds(&["status", "--html", page.to_str().unwrap()]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(mds.get_program())
        .args(mds.get_args())
        .env_clear()
        .envs(
            mds.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let output = World::output_of(limited).await;
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(&page).unwrap(), "the page before");
}
