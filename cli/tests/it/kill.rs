//! A run that is killed at any point and then repeated leaves the same result as a run that was
//! never killed (docs/CONTRACT.md, "Events and errors").

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use sandbox_provider::{Fault, Rhythm, Times};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use trips::status::BlockStatus::{Archived, New, Published};

use crate::support::{World, hour, options, run, until, with, world_of, world_with};

const HOURS: [&str; 2] = ["2020-01-15-16", "2020-01-15-17"];
const RANGE: [&str; 6] = [
    "--provider",
    "all",
    "--time-min",
    HOURS[0],
    "--time-max",
    "2020-01-15-18",
];
const HOURS_IN_BUCKET: [&str; 2] = ["2020/1/15/16", "2020/1/15/17"];
/// Locks the blocks against changes, but not against reads.
const ROWS: &str = "SELECT FROM api.schedule FOR UPDATE";
const LONG: Duration = Duration::from_secs(3600);

/// Everything that a run leaves behind.
#[derive(Debug, Clone, PartialEq)]
struct End {
    trips: String,
    schedule: String,
    portal: BTreeMap<String, Value>,
    objects: BTreeMap<String, Value>,
}

async fn end(world: &World) -> End {
    End {
        trips: world.trips().await,
        schedule: world.schedule().await,
        portal: world.portal(),
        objects: world.objects().await,
    }
}

/// Two hours of one provider.
async fn small() -> World {
    world_with(&["bird"], Map::new()).await
}

/// The result of a run over [`small`] that is not killed.
async fn never_killed() -> &'static End {
    static END: OnceCell<End> = OnceCell::const_new();
    END.get_or_init(async || {
        let world = small().await;
        world.expect(0, &command("run")).await;
        end(&world).await
    })
    .await
}

async fn ends_as_if_never_killed(world: &World) {
    world.expect(0, &command("run")).await;
    let ended = end(world).await;
    assert!(ended.portal.len() > 20);
    assert_eq!(ended, *never_killed().await);
}

fn command(name: &str) -> Vec<&str> {
    [&[name][..], &RANGE].concat()
}

/// A running `mds`. It is killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(world: &World, args: &[&str]) -> Self {
        let mut command = world.mds(args);
        Self(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// Waits until a condition holds, which must happen before the process ends.
    pub(crate) async fn until(&mut self, what: &str, mut is_reached: impl AsyncFnMut() -> bool) {
        until(what, async || {
            let ended = self.0.try_wait().unwrap();
            let reached = is_reached().await;
            assert!(
                reached || ended.is_none(),
                "ended before {what}: {}",
                self.stderr()
            );
            reached
        })
        .await;
    }

    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        assert!(
            self.0.wait().unwrap().code().is_none(),
            "ended before it was killed"
        );
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.0.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([signal, &id])
            .status();
        assert!(sent.unwrap().success());
    }

    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        until("the end", async || {
            let ended = self.0.try_wait().unwrap();
            code = ended.and_then(|status| status.code());
            ended.is_some()
        })
        .await;
        code
    }

    pub(crate) fn stderr(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.0.stderr.take().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ends the connections of every `mds`.
pub(crate) const END_SESSIONS: &str = "
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'mds-etl'";

/// An open transaction whose locks block `mds` until it is rolled back.
pub(crate) struct Blocker(tokio_postgres::Client);

impl Blocker {
    pub(crate) async fn begin(world: &World, statement: &str) -> Self {
        let (client, connection) =
            tokio_postgres::connect(&world.stack.database_url, tokio_postgres::NoTls)
                .await
                .unwrap();
        tokio::spawn(connection);
        client
            .batch_execute(&format!("BEGIN; {statement}"))
            .await
            .unwrap();
        Self(client)
    }

    /// Rolls back after ending the sessions of `mds`: their waiting statements never run, as if
    /// Postgres had noticed at once that the client is gone.
    pub(crate) async fn release_after_ending_sessions(self) {
        self.0.batch_execute(END_SESSIONS).await.unwrap();
        self.release().await;
    }

    /// Rolls back: the waiting statements of the killed `mds` run, although the client is gone.
    pub(crate) async fn release(self) {
        self.0.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// Whether a session of `mds` waits for a lock in a statement that contains `statement`.
pub(crate) async fn is_waiting(world: &World, statement: &str) -> bool {
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'mds-etl'
         AND wait_event_type = 'Lock' AND query ILIKE '%{statement}%'"
    );
    world.number(&query).await > 0
}

/// Runs `mds` until its `statement` waits for the locks that `blocker` takes, and kills it there.
pub(crate) async fn kill_waiting(
    world: &World,
    args: &[&str],
    blocker: &str,
    statement: &str,
) -> Blocker {
    let blocker = Blocker::begin(world, blocker).await;
    let mut mds = Running::start(world, args);
    mds.until(statement, async || is_waiting(world, statement).await)
        .await;
    mds.kill();
    blocker
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_waits_for_a_provider() {
    let world = small().await;
    let provider = &world.stack.providers["bird"];
    provider.fail_hour(hour(HOURS[1]), Fault::Slow(LONG), Times::Next(1));
    let mut mds = Running::start(&world, &command("run"));
    mds.until("both requests", async || provider.log().begun() == 2)
        .await;
    mds.kill();
    assert!(!world.archive_file("bird", HOURS_IN_BUCKET[1]).exists());
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_big_answer() {
    let world = async || {
        let mut options = options(&["bird"]);
        let provider = options.providers.get_mut("bird").unwrap();
        // Half of the response is more than one part of the upload.
        (provider.trips_per_hour, provider.rhythm) = (6_000.0, Rhythm::Flat);
        options
            .settings
            .insert("ARCHIVE_COMPRESSION".to_owned(), json!("none"));
        world_of(options).await
    };
    let run = [
        "extract",
        "--provider",
        "bird",
        "--time-min",
        HOURS[0],
        "--interval",
        "1",
    ];
    let (killed, whole) = (world().await, world().await);
    whole.expect(0, &run).await;

    let provider = &killed.stack.providers["bird"];
    provider.fail_hour(hour(HOURS[0]), Fault::Stall(LONG), Times::Next(1));
    let mut mds = Running::start(&killed, &run);
    mds.until("parts of the archive in the bucket", async || {
        part_count(&killed) > 0
    })
    .await;
    mds.kill();
    assert_eq!(killed.objects().await.len(), 0);
    killed.expect(0, &run).await;
    assert_eq!(end(&killed).await, end(&whole).await);
}

/// The number of uploaded parts of objects that are not complete.
fn part_count(world: &World) -> usize {
    let files = std::fs::read_dir(world.stack.s3.folder()).unwrap();
    files
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains(".part-")
        })
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_plans() {
    let world = small().await;
    let run = command("run");
    kill_waiting(
        &world,
        &run,
        "LOCK TABLE api.providers",
        "INTO api.providers",
    )
    .await
    .release()
    .await;
    // The plan reads what the schedule has before it adds the rest.
    kill_waiting(
        &world,
        &run,
        "LOCK TABLE api.schedule IN SHARE MODE",
        "INTO api.schedule",
    )
    .await
    .release()
    .await;
    kill_waiting(&world, &run, "LOCK TABLE api.runs", "INTO api.runs")
        .await
        .release()
        .await;
    // Also with the manifest in the bucket, before the plan is marked as complete.
    let pause = "CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
                 CREATE TRIGGER pause BEFORE UPDATE ON api.runs FOR EACH ROW EXECUTE FUNCTION pause()";
    world.database.batch_execute(pause).await.unwrap();
    kill_waiting(
        &world,
        &run,
        "SELECT pg_advisory_xact_lock(1)",
        "UPDATE api.runs",
    )
    .await
    .release()
    .await;
    world
        .database
        .batch_execute("DROP FUNCTION pause CASCADE")
        .await
        .unwrap();
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_archive_is_there_and_not_noted() {
    let world = small().await;
    // Creates the blocks; there is nothing to load yet.
    world.expect(2, &command("sync-db")).await;
    kill_waiting(&world, &command("run"), ROWS, "UPDATE api.schedule")
        .await
        .release_after_ending_sessions()
        .await;
    assert!(
        HOURS_IN_BUCKET
            .iter()
            .any(|hour| world.archive_file("bird", hour).exists())
    );
    assert_eq!(world.statuses().await, [New, New]);
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_loads() {
    let world = small().await;
    kill_waiting(
        &world,
        &command("run"),
        "LOCK TABLE api.trips IN SHARE MODE",
        "INTO api.trips",
    )
    .await
    .release()
    .await;
    assert_eq!(world.trips().await, "");
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_rows_to_publish_are_written_and_the_load_not_committed() {
    let world = small().await;
    world.expect(0, &command("extract")).await;
    kill_waiting(&world, &command("run"), ROWS, "UPDATE api.schedule")
        .await
        .release()
        .await;
    let is_written = |hour: &str| {
        world
            .archive_file("bird", hour)
            .with_file_name("publish.json")
            .exists()
    };
    assert!(HOURS_IN_BUCKET.into_iter().any(is_written));
    assert_eq!(
        (world.trips().await.as_str(), world.statuses().await),
        ("", vec![Archived, Archived])
    );
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_rows_are_published_and_not_noted() {
    let world = small().await;
    world
        .expect(0, &with(&command("run"), &["--no-sync-socrata"]))
        .await;
    kill_waiting(&world, &command("run"), ROWS, "UPDATE api.schedule")
        .await
        .release_after_ending_sessions()
        .await;
    assert!(world.stack.portal.row_count() > 0);
    assert!(!world.statuses().await.contains(&Published));
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_it_enters_what_the_portal_must_receive() {
    let world = small().await;
    let ledger = "LOCK TABLE api.publications IN SHARE MODE";
    kill_waiting(
        &world,
        &command("run"),
        ledger,
        "INSERT INTO api.publications",
    )
    .await
    .release_after_ending_sessions()
    .await;
    assert_eq!(
        world.number("SELECT count(*) FROM api.publications").await,
        0
    );
    assert_eq!(world.trips().await, "");
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_it_asks_for_an_upload() {
    let world = small().await;
    world
        .expect(0, &with(&command("run"), &["--no-sync-socrata"]))
        .await;
    let ledger = "SELECT FROM api.publications FOR UPDATE";
    kill_waiting(&world, &command("run"), ledger, "UPDATE api.publications")
        .await
        .release_after_ending_sessions()
        .await;
    assert_eq!(world.stack.portal.row_count(), 0);
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_amid_an_upload_sends_no_chunk_again_that_the_portal_has_taken() {
    let chunks = |rows: u64| Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(rows))]);
    let whole = world_with(&["bird"], chunks(7)).await;
    whole.expect(0, &command("run")).await;
    let world = world_with(&["bird"], chunks(7)).await;
    world
        .stack
        .portal
        .fail_next(sandbox_portal::Fault::Slow(Duration::ZERO));
    world
        .stack
        .portal
        .fail_next(sandbox_portal::Fault::Slow(LONG));
    let mut mds = Running::start(&world, &command("run"));
    mds.until("the second chunk", async || {
        world.uploads().len() == 1 && world.stack.portal.log().begun() == 3
    })
    .await;
    mds.kill();
    assert_eq!(world.stack.portal.row_count(), 7);
    ends_as_if_never_killed(&world).await;
    assert!(whole.uploads().len() > 4);
    assert_eq!(world.uploads(), whole.uploads());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_portal_works_on_an_upload() {
    let world = small().await;
    world
        .stack
        .portal
        .fail_next(sandbox_portal::Fault::Accepted202 { polls: u32::MAX });
    let mut mds = Running::start(&world, &command("run"));
    mds.until("a question after the upload", async || {
        world.stack.portal.log().begun() == 3
    })
    .await;
    mds.kill();
    ends_as_if_never_killed(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_at_any_moment() {
    const KILLS: u32 = 15;
    let run = run("all", "2020-01-15-12", "2020-01-15-15");
    let forced = with(&run, &["--force"]);
    let chunks = || Map::from_iter([("SOCRATA_CHUNK_ROWS".to_owned(), json!(20))]);
    let whole = world_with(&["bird", "lime"], chunks()).await;
    let began = Instant::now();
    whole.expect(0, &run).await;
    let duration = began.elapsed();

    let world = world_with(&["bird", "lime"], chunks()).await;
    let mut random = Random(20_200_115);
    for n in 0..KILLS {
        // Every third run is forced, so that later runs still have work to be killed at.
        let args = if n % 3 == 2 { &forced[..] } else { &run };
        let mds = Running::start(&world, args);
        tokio::time::sleep(duration.mul_f64(random.below_one())).await;
        drop(mds);
    }
    world.expect(0, &run).await;
    assert_eq!(end(&world).await, end(&whole).await);
}

/// A generator of the same numbers in every run of the test (SplitMix64).
struct Random(u64);

impl Random {
    fn below_one(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from(z >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

#[rstest]
#[case::ctrl_c("-INT", 130)]
#[case::terminated("-TERM", 143)]
#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_it_ends_after_the_steps_under_way(
    #[case] signal: &str,
    #[case] status: i32,
) {
    let world = small().await;
    let provider = &world.stack.providers["bird"];
    provider.fail_hour(
        hour(HOURS[0]),
        Fault::Slow(Duration::from_secs(1)),
        Times::Next(1),
    );
    let args = with(&command("run"), &["--concurrency", "1"]);
    let mut mds = Running::start(&world, &args);
    mds.until("a request", async || provider.log().begun() == 1)
        .await;
    mds.signal(signal);
    let code = mds.ended().await;
    let stderr = mds.stderr();
    assert_eq!(code, Some(status), "{stderr}");
    for message in [
        "stopping after the steps under way",
        "stopped; run the same command again to continue: of 2 blocks 0 ended, 2 are left to do",
    ] {
        assert!(stderr.contains(message), "{stderr}");
    }
    // The requested hour is archived, the other one untouched.
    assert_eq!(world.statuses().await, [Archived, New]);
    ends_as_if_never_killed(&world).await;
    assert_eq!(provider.log().begun(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_twice_ends_at_once() {
    let world = small().await;
    let provider = &world.stack.providers["bird"];
    provider.fail_hour(hour(HOURS[0]), Fault::Slow(LONG), Times::Next(1));
    let mut mds = Running::start(&world, &command("run"));
    mds.until("both requests", async || provider.log().begun() == 2)
        .await;
    // Two signals at the same moment would count as one.
    until("the end", async || {
        mds.signal("-INT");
        mds.0.try_wait().unwrap().is_some()
    })
    .await;
    assert_eq!(mds.ended().await, Some(130));
    ends_as_if_never_killed(&world).await;
}
