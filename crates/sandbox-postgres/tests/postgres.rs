//! A cluster: its databases, its folder, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sandbox_postgres::{Cluster, PostgresError};
use tokio_postgres::{Client, NoTls};

/// The variable that the kill test sets for the process that it starts and kills.
const HOLD: &str = "SANDBOX_TEST_HOLD_POSTGRES";
/// Set for the processes of a run of tests.
const PRINT: &str = "SANDBOX_TEST_PRINT_SHARED";

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "still waiting until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn every_database_is_a_new_one() {
    let cluster = Cluster::shared().await.unwrap();
    let (first, second) = tokio::join!(cluster.create_database(), cluster.create_database());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first, second);
    connect(&first)
        .await
        .batch_execute("CREATE TABLE t (n int)")
        .await
        .unwrap();
    connect(&second)
        .await
        .batch_execute("CREATE TABLE t (n int)")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_copy_has_what_its_template_was_filled_with_once() {
    let cluster = Cluster::start().await.unwrap();
    let fills = AtomicU32::new(0);
    let fill = |url: String| {
        fills.fetch_add(1, Ordering::Relaxed);
        async move {
            let table = "CREATE TABLE t AS SELECT 1 AS n";
            connect(&url).await.batch_execute(table).await.unwrap();
            Ok::<_, PostgresError>(())
        }
    };
    for _ in 0..2 {
        let copy = cluster.create_copy("filled", fill).await.unwrap();
        let copy = connect(&copy).await;
        let row = "UPDATE t SET n = n + 1 RETURNING n";
        let n: i32 = copy.query_one(row, &[]).await.unwrap().get(0);
        assert_eq!(n, 2);
    }
    assert_eq!(fills.into_inner(), 1);
}

#[tokio::test]
async fn copies_that_are_asked_for_at_once_have_one_template() {
    let cluster = Cluster::start().await.unwrap();
    let fill = |url: String| async move {
        connect(&url)
            .await
            .batch_execute("CREATE TABLE t (n int)")
            .await
            .unwrap();
        Ok::<_, PostgresError>(())
    };
    let copy = || cluster.create_copy("filled", fill);
    let (first, second, third) = tokio::join!(copy(), copy(), copy());
    for copy in [first, second, third] {
        let copy = connect(&copy.unwrap()).await;
        copy.query("SELECT n FROM t", &[]).await.unwrap();
    }
}

#[tokio::test]
async fn the_shared_cluster_is_one_over_all_runtimes() {
    let here = Cluster::shared().await.unwrap().port();
    let there = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { Cluster::shared().await.unwrap().port() })
    });
    assert_eq!(here, there.join().unwrap());
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let cluster = Cluster::shared().await.unwrap();
    let url = format!(
        "postgresql://postgres:wrong@127.0.0.1:{}/postgres",
        cluster.port()
    );
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err());
}

#[tokio::test]
async fn a_folder_keeps_its_data_from_one_server_to_the_next() {
    let parent = tempfile::tempdir().unwrap();
    open_to_others(parent.path());
    let folder = parent.path().join("cluster");
    for expected in [0_i64, 1, 2] {
        let cluster = Cluster::start_in(&folder).await.unwrap();
        let client = connect(&cluster.ensure_database("kept").await.unwrap()).await;
        client
            .batch_execute("CREATE TABLE IF NOT EXISTS t (n int)")
            .await
            .unwrap();
        let rows: i64 = client
            .query_one("SELECT count(*) FROM t", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(rows, expected);
        client
            .batch_execute("INSERT INTO t VALUES (1)")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn dropping_a_temporary_cluster_leaves_nothing() {
    let cluster = Cluster::start().await.unwrap();
    let (folder, port) = (cluster.folder().to_owned(), cluster.port());
    assert!(cluster.is_running());
    assert!(folder.join("data/PG_VERSION").exists());
    drop(cluster);
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_killed_process_leaves_no_server_and_no_folder() {
    let mut holder = hold();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let line = lines
        .find_map(|line| line.unwrap().strip_prefix("held ").map(str::to_owned))
        .unwrap();
    let (port, folder) = line.split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());

    // The signal of `Child::kill` is SIGKILL.
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until("the port is closed", || {
        TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    wait_until("the folder is gone", || !Path::new(folder).exists());
}

fn hold() -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_cluster_until_killed", "--nocapture"])
        .env(HOLD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The process that the test above starts and kills. Without that test's variable it does nothing.
#[tokio::test]
async fn holds_a_cluster_until_killed() {
    if std::env::var_os(HOLD).is_none() {
        return;
    }
    let cluster = Cluster::start().await.unwrap();
    println!("\nheld {} {}", cluster.port(), cluster.folder().display());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[test]
fn the_processes_of_a_nextest_run_share_a_server_without_the_databases_of_those_that_ended() {
    let test = std::env::current_exe().unwrap();
    // A shell in the role of nextest: it runs two tests, each in a process of its own.
    let run = r#""$0" "$@"; "$0" "$@"; true"#;
    let output = Command::new("/bin/sh")
        .args(["-c", run, test.to_str().unwrap()])
        .args(["--exact", "prints_the_shared_cluster", "--nocapture"])
        .env("NEXTEST_RUN_ID", uuid::Uuid::new_v4().to_string())
        .env(PRINT, "1")
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let printed: Vec<_> = output
        .lines()
        .filter_map(|line| line.strip_prefix("shared "))
        .collect();
    assert_eq!(printed.len(), 2, "{output}");
    assert_eq!(printed[0], printed[1]);
    assert_eq!(output.matches("\ndatabases 1\n").count(), 2, "{output}");
    let (port, folder) = printed[0].split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    wait_until("the port is closed", || {
        TcpStream::connect(("127.0.0.1", port)).is_err()
    });
    let of_run = Path::new(folder).parent().unwrap();
    wait_until("the run's folder is gone", || !of_run.exists());
}

/// A test of the run above. Does nothing if it is run on its own.
#[tokio::test]
async fn prints_the_shared_cluster() {
    if std::env::var_os(PRINT).is_none() {
        return;
    }
    let cluster = Cluster::shared().await.unwrap();
    assert!(cluster.is_running());
    let client = connect(&cluster.create_database().await.unwrap()).await;
    let databases = "SELECT count(*) FROM pg_database WHERE datname LIKE 'sandbox%'";
    let databases: i64 = client.query_one(databases, &[]).await.unwrap().get(0);
    println!("\ndatabases {databases}");
    println!("\nshared {} {}", cluster.port(), cluster.folder().display());
}

fn open_to_others(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
