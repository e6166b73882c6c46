//! The examples of objects and JSON columns against those of a run.

use std::collections::BTreeSet;

use pipeline::BlockItem;
use sandbox_provider::Rates;
use serde_json::{Value, json};
use vault::Seal;

use super::page::{section, table};
use crate::support::{ONE_HOUR, World, options, with, world_of};

const FOLDER: &str = "bird/2020/1/15/12";

/// An hour with rejects that has been extracted, loaded and published, and whose archive has
/// replaced another one.
async fn world() -> World {
    let mut options = options(&["bird"]);
    options.providers.get_mut("bird").unwrap().rates = Rates {
        missing_device: 0.3,
        ..Rates::none()
    };
    let world = world_of(options).await;
    world.expect(0, &ONE_HOUR).await;
    let empty = json!({"version": "1.2.0", "data": {"trips": []}});
    let key = format!("staging/{FOLDER}/trips.json");
    let vault = world.vault().await;
    vault.put_json(&key, &empty, Seal::Encrypt).await.unwrap();
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    world
}

fn members(value: &Value) -> BTreeSet<&str> {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_and_json_columns_look_like_the_examples() {
    let world = world().await;
    let examples = section("Objects in the bucket").examples;
    let [report, rejects] = examples.as_slice() else {
        panic!("examples of extract.json and rejects.json");
    };

    let found = world.object(&format!("{FOLDER}/extract.json")).await;
    assert_eq!(members(&found), members(report));
    let found = world.object(&format!("{FOLDER}/rejects.json")).await;
    assert_eq!(members(&found[0]), members(&rejects[0]));
    assert_eq!(found[0]["reasons"][0], rejects[0]["reasons"][0]);
    let found = world.object(&format!("{FOLDER}/publish.json")).await;
    let row = &section("The published row").examples[0];
    assert_eq!(members(&found[0]), members(row));

    let schedule = table("api.schedule", "column");
    for column in ["socrata_status", "error_payload"] {
        let text = world
            .text(&format!("SELECT {column}::text FROM api.schedule"))
            .await;
        let place = schedule.names("column").iter().position(|it| it == column);
        let meaning = &schedule.cells("meaning")[place.unwrap()];
        for member in members(&serde_json::from_str(&text).unwrap()) {
            assert!(
                meaning.contains(&format!("\"{member}\"")),
                "{column}: {member}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_a_list_of_block_items() {
    let world = world().await;
    let vault = world.vault().await;
    let mut pages = vault.list("staging/runs/");
    let objects = pages.next_page().await.unwrap().unwrap();
    assert_eq!(objects.len(), 2);
    for object in objects {
        let items: Vec<Value> = vault.get_json(&object.key).await.unwrap();
        assert_eq!(items.len(), 1, "{}", object.key);
        BlockItem::from_json(items[0].clone()).unwrap();
    }
}
