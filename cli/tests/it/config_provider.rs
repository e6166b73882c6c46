//! `mds config provider`: one entry changes, all others stay as they are written.

use serde_json::{Map, Value, json};

use crate::support::{stderr, stdout, with, world_with};

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_enabled_and_disabled_and_the_rest_stays_as_it_is_written() {
    let world = world_with(&["bird", "lime"], Map::new()).await;
    let file: Value = serde_json::from_str(&world.revealed("providers").await).unwrap();
    let pretty = format!("{}\n", serde_json::to_string_pretty(&file).unwrap()).replace("  ", "\t");
    world.put(0, "providers", &pretty, &[]).await;

    let provider = ["config", "provider"];
    let shown = stderr(
        &world
            .expect(0, &with(&provider, &["disable", "bird"]))
            .await,
    );
    assert!(shown.contains("disables bird"), "{shown}");
    let disabled = world.revealed("providers").await;
    assert_ne!(disabled, pretty.trim_end());
    let without: String = disabled.replace(",\n\t\t\"enabled\": false", "");
    assert_eq!(without, pretty.trim_end());
    let list = with(&provider, &["list", "--json"]);
    let rows: Value = serde_json::from_str(&stdout(&world.expect(0, &list).await)).unwrap();
    assert_eq!(rows[0]["name"], "bird");
    assert_eq!(rows[0]["enabled"], false);
    assert_eq!(rows[1]["enabled"], true);
    assert!(!rows.to_string().contains("token"), "{rows}");

    let enable = with(
        &provider,
        &["enable", "bird", "--active-from", "2020-01-15-12"],
    );
    let shown = stderr(&world.expect(0, &enable).await);
    assert!(
        shown.contains("enables bird: runs over all providers include it from 2020-01-15-12 on"),
        "{shown}"
    );
    let again = stderr(&world.expect(0, &with(&provider, &["enable", "bird"])).await);
    assert!(again.contains("no difference"), "{again}");
    let wrong = with(&provider, &["enable", "bird", "--active-from", "soon"]);
    let error = stderr(&world.expect(2, &wrong).await);
    assert!(error.contains("bird.active_from must be"), "{error}");

    let error = stderr(&world.expect(2, &with(&provider, &["enable", "brid"])).await);
    assert!(
        error.contains("no provider brid; is bird meant?"),
        "{error}"
    );
    let table = stdout(&world.expect(0, &with(&provider, &["list"])).await);
    assert!(
        table.contains("2020-01-15-12") && table.contains("127.0.0.1"),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_without_a_login_is_not_enabled() {
    let world = world_with(&["bird"], Map::new()).await;
    let mut file: Value = serde_json::from_str(&world.revealed("providers").await).unwrap();
    file["bird"]["enabled"] = json!(false);
    file["bird"]["token"] = Value::Null;
    world.put(0, "providers", &file.to_string(), &[]).await;
    let output = world
        .expect(2, &["config", "provider", "enable", "bird"])
        .await;
    let error = stderr(&output);
    assert!(error.contains("bird.token is missing"), "{error}");
    let list = stdout(&world.expect(0, &["config", "provider", "list"]).await);
    assert!(list.contains("is missing"), "{list}");
}
