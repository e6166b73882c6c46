//! What somebody can do who may write to the bucket, but has no key.

use std::fs;

use fernet::Fernet;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::{World, stderr, world_with};

const HOUR: &str = "2020/1/15/12";
const TWO_HOURS: [&str; 7] = [
    "run",
    "--provider",
    "all",
    "--time-max",
    "2020-01-15-14",
    "--interval",
    "2",
];

/// Two hours of two providers that are published.
async fn published(compression: &str) -> World {
    let settings = Map::from_iter([("ARCHIVE_COMPRESSION".to_owned(), json!(compression))]);
    let world = world_with(&["bird", "lime"], settings).await;
    world.expect(0, &TWO_HOURS).await;
    world
}

const LOAD: [&str; 6] = [
    "sync-db",
    "--provider",
    "bird",
    "--time-max",
    "2020-01-15-13",
    "--force",
];
const REQUEST_AGAIN: [&str; 6] = [
    "run",
    "--provider",
    "bird",
    "--time-max",
    "2020-01-15-13",
    "--force",
];
const PUBLISH: [&str; 6] = [
    "sync-socrata",
    "--provider",
    "bird",
    "--time-max",
    "2020-01-15-13",
    "--force",
];

impl World {
    fn path(&self, key: &str) -> std::path::PathBuf {
        self.stack.bucket_folder().join("staging").join(key)
    }

    /// Copies an object over another one, as `cp` in the bucket's folder does.
    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    /// Runs a step that has to fail with `ArchiveUnreadable` and leave tables and portal alone.
    async fn expect_unreadable(&self, step: &[&str], reason: &str) {
        let (trips, portal) = (self.trips().await, self.portal());
        let uploads = self.uploads().len();
        let output = self.expect(1, step).await;
        let error = stderr(&output);
        assert!(
            error.contains("ArchiveUnreadable") && error.contains(reason),
            "{error}"
        );
        assert_eq!(self.trips().await, trips);
        assert_eq!(self.portal(), portal);
        assert_eq!(self.uploads().len(), uploads);
    }

    /// The provider returns the same trips as before, and the hour can be loaded again.
    async fn expect_mended_by_another_request(&self) {
        let portal = self.portal();
        self.expect(0, &REQUEST_AGAIN).await;
        self.expect(0, &LOAD).await;
        assert_eq!(self.portal(), portal);
    }
}

#[rstest]
#[case("zstd")]
#[case("none")]
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_object_is_not_read(#[case] compression: &str) {
    let world = published(compression).await;
    let archive = world.object(&format!("bird/{HOUR}/trips.json")).await;
    let rows = world.object(&format!("bird/{HOUR}/publish.json")).await;
    let report = world.object(&format!("bird/{HOUR}/extract.json")).await;
    let cases: [(&str, &Value, &[&str]); 3] = [
        ("trips.json", &archive, &LOAD),
        ("extract.json", &report, &LOAD),
        ("publish.json", &rows, &PUBLISH),
    ];
    for (name, content, step) in cases {
        let path = world.path(&format!("bird/{HOUR}/{name}"));
        fs::write(&path, content.to_string()).unwrap();
        world.expect_unreadable(step, "is not encrypted").await;
        let key = format!("staging/bird/{HOUR}/{name}");
        let output = world.expect(2, &["config", "get", &key]).await;
        assert!(stderr(&output).contains("is not encrypted"));
        world.expect_mended_by_another_request().await;
    }
}

#[rstest]
#[case("bird/2020/1/15/12/rejects.json", "publish.json", &PUBLISH)]
#[case("bird/2020/1/15/13/publish.json", "publish.json", &PUBLISH)]
#[case("lime/2020/1/15/12/publish.json", "publish.json", &PUBLISH)]
#[case("bird/2020/1/15/13/trips.json", "trips.json", &LOAD)]
#[case("lime/2020/1/15/12/trips.json", "trips.json", &LOAD)]
#[case("bird/2020/1/15/13/extract.json", "extract.json", &LOAD)]
#[tokio::test(flavor = "multi_thread")]
async fn an_object_in_the_place_of_another_is_not_read(
    #[case] from: &str,
    #[case] name: &str,
    #[case] step: &[&str],
) {
    let world = published("zstd").await;
    world.copy(from, &format!("bird/{HOUR}/{name}"));
    world.expect_unreadable(step, "it is another object").await;
    world.expect_mended_by_another_request().await;
}

#[rstest]
#[case("bird/2020/1/15/13/trips.json", "trips.json", "not what extract.json")]
#[case("lime/2020/1/15/12/trips.json", "trips.json", "not what extract.json")]
#[case(
    "bird/2020/1/15/13/extract.json",
    "extract.json",
    "it is another object"
)]
#[tokio::test(flavor = "multi_thread")]
async fn without_compression_the_report_tells_archives_apart(
    #[case] from: &str,
    #[case] name: &str,
    #[case] reason: &str,
) {
    let world = published("none").await;
    world.expect(0, &LOAD).await;
    world.copy(from, &format!("bird/{HOUR}/{name}"));
    world.expect_unreadable(&LOAD, reason).await;
    world.expect_mended_by_another_request().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_archive_can_be_put_back() {
    let world = published("zstd").await;
    let (archive, copy) = (
        format!("bird/{HOUR}/trips.json"),
        format!("bird/{HOUR}/trips.2020-01-16T05-00-00Z.json"),
    );
    world.copy(&archive, &copy);
    fs::remove_file(world.path(&archive)).unwrap();
    world.copy(&copy, &archive);
    world.expect(0, &LOAD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_the_python_tools_still_load() {
    let world = published("zstd").await;
    let content = world.object(&format!("bird/{HOUR}/trips.json")).await;
    let key = &world.stack.env["ATD_MDS_FERNET_KEY"];
    let token = Fernet::new(key)
        .unwrap()
        .encrypt(content.to_string().as_bytes());
    fs::write(world.path(&format!("bird/{HOUR}/trips.json")), token).unwrap();
    fs::remove_file(world.path(&format!("bird/{HOUR}/extract.json"))).unwrap();
    let before = world.trips().await;
    world.expect(0, &LOAD).await;
    assert_eq!(world.trips().await, before);
}
