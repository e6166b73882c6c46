//! `--json`: one document on standard output, and an error as one object on standard error.

use std::process::Output;

use serde_json::{Map, Value};

use crate::support::{stderr, stdout, with, world_with};

/// The error of a command, which is the last line on standard error.
pub(crate) fn error(output: &Output) -> Value {
    let text = stderr(output);
    let last = text.lines().last().unwrap_or_default();
    let document: Value = serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {text}"));
    document["error"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_one_object_with_the_name_of_the_contract() {
    let world = world_with(&["bird"], Map::new()).await;
    let cases: [(&[&str], &str, &str); 6] = [
        (&["run"], "InvalidInput", "--provider"),
        (&["run", "--no-such-flag"], "InvalidInput", "--no-such-flag"),
        (
            &["--env-file", "/nowhere.env", "run", "--provider", "bird"],
            "InvalidInput",
            "/nowhere.env",
        ),
        (
            &["run", "--provider", "bird", "--time-max", "2020-01-15-24"],
            "InvalidInput",
            "the hour 24",
        ),
        (&["sync-db", "--provider", "heron"], "InvalidInput", "heron"),
        (&["config", "get", "nothing"], "ArchiveMissing", "nothing"),
    ];
    for (arguments, name, message) in cases {
        let output = world.expect(2, &with(arguments, &["--json"])).await;
        assert_eq!(stdout(&output), "", "{arguments:?}");
        let error = error(&output);
        assert_eq!(error["name"], name, "{arguments:?}: {error}");
        let text = error["message"].as_str().unwrap();
        assert!(text.contains(message), "{text}");
    }
    world
        .edit_settings(|it| it["TIME_ZONE"] = "Mars".into())
        .await;
    let output = world
        .expect(2, &["run", "--provider", "bird", "--json"])
        .await;
    assert_eq!(error(&output)["name"], "ConfigInvalid");
}
