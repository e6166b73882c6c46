//! Runs with nothing to do: each reason has its sentence and its exit status.

use serde_json::{Map, Value, json};

use crate::as_json::error;
use crate::support::{ONE_HOUR, World, stderr, stdout, with, world, world_with};

/// One hour of `bird` for a command of one step.
fn step(name: &'static str) -> Vec<&'static str> {
    [&[name], &ONE_HOUR[1..]].concat()
}

impl World {
    /// What a command says that has nothing to do, and its reason for programs.
    async fn nothing(&self, status: i32, command: &[&str]) -> (String, Value) {
        let output = self.expect(status, command).await;
        let said = if status == 0 {
            stdout(&output)
        } else {
            assert_eq!(stdout(&output), "", "{command:?}");
            stderr(&output)
        };
        let output = self.expect(status, &with(command, &["--json"])).await;
        let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
        if status == 2 {
            assert_eq!(error(&output)["message"], document["nothing"]["message"]);
        }
        (said, document)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_waits_for_is_told_apart_from_what_is_done() {
    let world = world_with(&["bird"], Map::new()).await;
    for command in [
        step("sync-db"),
        step("sync-socrata"),
        with(&ONE_HOUR, &["--no-extract"]),
    ] {
        let (said, document) = world.nothing(2, &command).await;
        assert!(
            said.contains("nothing to do: 1 block is not archived yet"),
            "{said}"
        );
        assert_eq!(document["nothing"]["reason"], "not_archived", "{document}");
        assert_eq!(
            (&document["not_archived"], &document["nothing_to_do"]),
            (&json!(1), &json!(0))
        );
    }
    world.expect(0, &step("extract")).await;
    let (said, document) = world.nothing(2, &step("sync-socrata")).await;
    assert!(
        said.contains("nothing to do: 1 block is not loaded yet"),
        "{said}"
    );
    assert_eq!(document["nothing"]["reason"], "not_loaded");
    let (said, _) = world.nothing(0, &step("extract")).await;
    assert_eq!(
        said,
        "nothing to do: 1 block is done already (1 archived)\n"
    );

    world.expect(0, &ONE_HOUR).await;
    let (said, document) = world.nothing(0, &ONE_HOUR).await;
    assert_eq!(
        said,
        "nothing to do: 1 block is done already (1 published)\n"
    );
    assert_eq!(
        (&document["nothing_to_do"], &document["planned"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_are_still_to_come_or_too_early_are_no_success() {
    let world = world().await;
    let ahead = ["run", "--provider", "bird", "--time-max", "2049-01-01-00"];
    let (said, document) = world.nothing(2, &ahead).await;
    assert!(
        said.contains("the range lies in the future: 1 block has not ended yet"),
        "{said}"
    );
    assert_eq!(document["nothing"]["reason"], "not_ended");

    world
        .edit_providers(|it| {
            it["bird"]["active_from"] = json!("2021-01-01-00");
            it["lime"]["enabled"] = json!(false);
        })
        .await;
    let all = ["run", "--provider", "all", "--time-max", "2020-01-15-13"];
    let (said, document) = world.nothing(2, &all).await;
    assert!(
        said.contains("1 block is from before its provider's start (`active_from`)"),
        "{said}"
    );
    assert_eq!(document["nothing"]["reason"], "before_start");
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_no_provider_is_no_success() {
    let world = world().await;
    world
        .edit_providers(|it| {
            it["bird"]["enabled"] = json!(false);
            it["lime"]["enabled"] = json!(false);
        })
        .await;
    let all = ["run", "--provider", "all", "--time-max", "2020-01-15-13"];
    let (said, document) = world.nothing(2, &all).await;
    assert!(
        said.contains("no provider is enabled: ") && said.contains("has bird, lime"),
        "{said}"
    );
    assert_eq!(document["nothing"]["reason"], "no_provider");
    world.expect(2, &with(&all, &["--dry-run"])).await;

    world.edit_providers(|it| *it = json!({})).await;
    let (said, _) = world.nothing(2, &all).await;
    assert!(said.contains("no provider is configured"), "{said}");
    let output = world.expect(2, &ONE_HOUR).await;
    let said = stderr(&output);
    assert!(
        said.contains("provider bird is not in the providers file")
            && said.contains("which has none"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_a_step_is_wrong_usage() {
    let world = world_with(&["bird"], Map::new()).await;
    let command = with(
        &ONE_HOUR,
        &["--no-extract", "--no-sync-db", "--no-sync-socrata"],
    );
    let said = stderr(&world.expect(2, &command).await);
    assert!(
        said.contains("no step is left to do") && said.contains("--no-extract"),
        "{said}"
    );
    let ctx = world.stack.context().await.unwrap();
    let request = json!({"provider": "bird", "time_max": "2020-01-15-13", "no_extract": true, "no_sync_db": true,
        "no_sync_socrata": true});
    let request = pipeline::PlanRequest::from_json(request).unwrap();
    let refused = pipeline::plan(&ctx, &request, |_| {}).await.unwrap_err();
    assert_eq!(refused.name, pipeline::ErrorName::InvalidInput, "{refused}");
    assert!(world.statuses().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_and_does_not_exist_is_wrong_usage() {
    let world = world_with(&["bird"], Map::new()).await;
    for (args, word) in [
        (&["config", "history", "nope"][..], "nope"),
        (&["config", "rotate-key", "--prefix", "nope/"], "nope/"),
        (&["report", "trips", "--month", "2019-01"], "2019-01"),
        (&["status", "--html", "/nope/x"], "/nope/x"),
    ] {
        let said = stderr(&world.expect(2, args).await);
        assert!(said.contains(word), "{said}");
    }
    world.expect(0, &ONE_HOUR).await;
    let probed = [
        "probe",
        "--provider",
        "bird",
        "--time-max",
        "2020-01-15T19:00:00Z",
    ];
    let said = stderr(&world.output(&probed).await);
    assert!(said.contains("2020-01-15-13 ("), "{said}");
    let get = [
        "archive",
        "get",
        "--provider",
        "bird",
        "--time-max",
        "2020-01-15-13",
        "--file",
        "/nope/x",
    ];
    let said = stderr(&world.expect(2, &get).await);
    assert!(
        said.contains("/nope/x cannot be written") && !said.contains(".tmp"),
        "{said}"
    );
    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "{\"TIME_ZONE\": \"UTC\"}").unwrap();
    let file = wrong.path().to_str().unwrap();
    let load = [&["sync-db"], &ONE_HOUR[1..], &["--file", file]].concat();
    let said = stderr(&world.expect(2, &load).await);
    assert!(said.contains(file), "{said}");
}
