//! A process that is frozen loses what it has locked, and one that is only slow does not.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use rstest::rstest;
use secrecy::SecretString;
use store::{Busy, Claim, Store, StoreError, StoreOptions};
use tokio::time::{sleep, timeout};
use trips::status::BlockStatus;

use crate::fixture::{Db, PROVIDER_ID, RUN, sql, trips, upsert};

/// How long a process of these tests may be silent.
const SILENCE: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(10);
/// What the other process does: its work, the database's URL and the block.
const WORK: &str = "STORE_TEST_WORK";
/// Begins the lines of the other process among those of the test harness.
const SAYS: &str = "holder: ";

fn impatient(url: &str) -> Store {
    let options = StoreOptions {
        max_connections: 3,
        max_silence: SILENCE,
        ..StoreOptions::default()
    };
    Store::connect(&SecretString::from(url.to_owned()), &options).unwrap()
}

/// Another process, which holds a block.
struct Holder {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    fn start(work: &str, db: &Db, schedule_id: i64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "silence::the_other_process", "--nocapture"])
            .env(WORK, format!("{work} {} {schedule_id}", db.url))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut holder = Self {
            stdin: child.stdin.take().unwrap(),
            stdout,
            child,
        };
        assert_eq!(holder.says(), "holds");
        holder
    }

    fn says(&mut self) -> String {
        for line in &mut self.stdout {
            if let Some((_, text)) = line.unwrap().split_once(SAYS) {
                return text.to_owned();
            }
        }
        panic!("the other process has ended");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Lets it go on with its work, and returns whether that succeeded.
    fn goes_on(&mut self) -> String {
        self.stdin.write_all(b"\n").unwrap();
        self.says()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::print_stdout, reason = "the test's process reads it")]
async fn say_and_wait(text: &str) {
    println!("{SAYS}{text}");
    let wait = || std::io::stdin().read_exact(&mut [0]);
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}

/// The work of the other process: holds a block, waits for a line, and then goes on.
async fn hold(work: &str, store: &Store, schedule_id: i64) -> Result<(), StoreError> {
    let mut claim = store.claim(schedule_id).await?;
    match work {
        "idle" => {
            say_and_wait("holds").await;
            let (status, name) = (BlockStatus::ExtractFailed, "Internal");
            claim.mark_failed(status, RUN, name, "too late").await
        }
        "copying" => {
            let mut stage = claim.start_load().await?;
            let mut sink = stage.copy().await?;
            // Nothing is flushed, so the server waits for the first rows.
            say_and_wait("holds").await;
            sink.send(bytes::Bytes::from_static(b"")).await?;
            sink.finish().await.map(|_| ())
        }
        "loading" => {
            let pending = upsert(&mut claim, &trips(0..3), 0).await?;
            say_and_wait("holds").await;
            pending.commit(&crate::fixture::file()).await.map(|_| ())
        }
        "listing" => {
            claim.lock_vehicles(PROVIDER_ID, SOON).await?;
            say_and_wait("holds").await;
            claim.unlock_all().await
        }
        other => panic!("no such work: {other}"),
    }
}

/// Runs only in a process that a test has started.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_process() {
    let Ok(text) = std::env::var(WORK) else {
        return;
    };
    let mut words = text.split(' ');
    let mut word = || words.next().unwrap();
    let (work, store, schedule_id) = (word(), impatient(word()), word().parse().unwrap());
    let done = hold(work, &store, schedule_id).await;
    println!("{SAYS}{}", if done.is_ok() { "done" } else { "failed" });
}

async fn claim_soon(store: &Store, schedule_id: i64) -> Claim {
    let claimed = async {
        loop {
            match store.claim(schedule_id).await {
                Err(StoreError::Busy { .. }) => sleep(Duration::from_millis(100)).await,
                claimed => return claimed.unwrap(),
            }
        }
    };
    timeout(SOON, claimed).await.unwrap()
}

#[rstest]
#[case::between_two_statements("idle")]
#[case::in_the_middle_of_a_copy("copying")]
#[case::in_a_transaction("loading")]
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_loses_its_block_and_changes_nothing_when_it_wakes(#[case] work: &str) {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    let mut frozen = Holder::start(work, &db, id);
    frozen.signal("-STOP");
    let store = impatient(&db.url);
    let early = store.claim(id).await.unwrap_err();
    assert!(matches!(early, StoreError::Busy { .. }), "{early}");

    let mut claim = claim_soon(&store, id).await;
    let (status, name) = (BlockStatus::NotPublished, "ProviderNotReady");
    claim
        .mark_failed(status, RUN, name, "not yet")
        .await
        .unwrap();
    frozen.signal("-CONT");
    assert_eq!(frozen.goes_on(), "failed");
    claim.release().await.unwrap();
    assert_eq!(db.block(0).await.status, status);
    assert_eq!(db.text("SELECT count(*) FROM api.trips").await, "0");
}

#[rstest]
#[case::between_two_statements("idle")]
#[case::in_the_middle_of_a_copy("copying")]
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_process_keeps_its_block(#[case] work: &str) {
    let db = Db::planned().await;
    let id = db.schedule_id(0).await;
    let mut slow = Holder::start(work, &db, id);
    let store = impatient(&db.url);
    for _ in 0..8 {
        sleep(SILENCE / 4).await;
        let busy = store.claim(id).await.unwrap_err();
        let what = Busy::Block { schedule_id: id };
        assert!(matches!(&busy, StoreError::Busy { what: it } if *it == what));
    }
    assert_eq!(slow.goes_on(), "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_list_of_vehicles_gets_it_from_a_frozen_process() {
    let db = Db::planned().await;
    let frozen = Holder::start("listing", &db, db.schedule_id(0).await);
    frozen.signal("-STOP");
    let store = impatient(&db.url);
    let mut claim = store.claim(db.schedule_id(1).await).await.unwrap();
    claim.lock_vehicles(PROVIDER_ID, SOON).await.unwrap();
    claim.release().await.unwrap();
}

#[tokio::test]
async fn signs_of_processes_that_have_ended_are_deleted() {
    let db = Db::migrated().await;
    db.sql
        .batch_execute(
            "INSERT INTO api.signs_of_life VALUES
                 (1, now() - interval '3 days'), (2, now() - interval '47 hours'), (3, now() - interval '9 days'),
                 (4, now() - interval '9 days')",
        )
        .await
        .unwrap();
    // A process whose number is used again writes at this moment: its row is left alone.
    let mut other = sql(&db.url).await;
    let writes = other.transaction().await.unwrap();
    let shown = "UPDATE api.signs_of_life SET seen_at = now() WHERE pid = 4";
    writes.execute(shown, &[]).await.unwrap();
    let prune = db.store.prune_signs_of_life(TimeDelta::days(2));
    assert_eq!(timeout(SOON, prune).await.unwrap().unwrap(), 2);
    writes.commit().await.unwrap();
    let left = db
        .rows("SELECT pid FROM api.signs_of_life ORDER BY 1")
        .await;
    assert_eq!(left, ["2", "4"]);
}
