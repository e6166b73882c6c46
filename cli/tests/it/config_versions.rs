//! What a change of the configuration shows, what it keeps, and how it is taken back.

use std::fs;

use serde_json::{Map, Value, json};

use crate::support::{World, stderr, stdout, with, world_with};

const PROVIDERS: &str = "config/providers_staging.json";
const SETTINGS: &str = "config/settings_staging.json";

async fn world() -> World {
    world_with(&["bird"], Map::new()).await
}

fn local(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

impl World {
    pub(crate) async fn revealed(&self, name: &str) -> String {
        let get = ["config", "get", name, "--reveal"];
        stdout(&self.expect(0, &get).await).trim_end().to_owned()
    }

    pub(crate) async fn put(&self, status: i32, name: &str, text: &str, more: &[&str]) -> String {
        let file = local(text);
        let put = ["config", "put", name, file.path().to_str().unwrap()];
        stderr(&self.expect(status, &with(&put, more)).await)
    }

    async fn versions(&self, name: &str) -> Vec<Value> {
        let history = ["config", "history", name, "--json"];
        let text = stdout(&self.expect(0, &history).await);
        let document: Value = serde_json::from_str(&text).unwrap();
        document["versions"].as_array().unwrap().clone()
    }
}

/// Nobody but the runs would notice, and there is no former version to go back to.
#[tokio::test(flavor = "multi_thread")]
async fn boundaries_are_not_sealed_with_a_key_that_no_run_has() {
    let world = world_with(&["bird"], Map::new()).await;
    let cell = world.stack.bucket_folder().join("boundaries/cell.json");
    let before = fs::read(&cell).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("cell.json");
    fs::write(&file, &before).unwrap();
    let put = [
        "config",
        "put",
        "boundaries/cell.json",
        file.to_str().unwrap(),
    ];
    let another = secrecy::ExposeSecret::expose_secret(&vault::FernetKeys::generate()).to_owned();
    let mut with_another_key = world.mds(&put);
    with_another_key.env("ATD_MDS_FERNET_KEY", another);
    let output = World::output_of(with_another_key).await;
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let why = "none of the keys in ATD_MDS_FERNET_KEY opens config/settings_staging.json";
    assert!(error.contains(why), "{error}");
    assert_eq!(fs::read(&cell).unwrap(), before);

    let told = stderr(&world.expect(0, &put).await);
    assert!(told.contains("becomes encrypted"), "{told}");
    let told = stderr(&world.expect(0, &with(&put, &["--plain-text"])).await);
    assert!(!told.contains("becomes encrypted"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_shows_what_changes_and_what_it_means_and_keeps_the_former_version() {
    let world = world().await;
    let first = world.revealed("providers").await;
    let mut changed: Value = serde_json::from_str(&first).unwrap();
    changed["bird"]["token"] = json!("canary-2");
    changed["bird"]["enabled"] = json!(false);
    changed["lime"] = changed["bird"].clone();
    let shown = world.put(0, "providers", &changed.to_string(), &[]).await;
    for line in [
        "~ bird.token: changed",
        "+ bird.enabled: false",
        "+ lime.token: <hidden>",
        "adds lime, disabled",
        "disables bird: runs over all providers leave it out",
        "the former version is kept as config/history/providers_staging.",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains("canary"), "{shown}");

    // Two changes in one second are two versions, and each can be read.
    changed["bird"]["delay"] = json!(2);
    world.put(0, "providers", &changed.to_string(), &[]).await;
    // The same text again is no version of its own.
    let same = world.put(0, "providers", &changed.to_string(), &[]).await;
    assert!(same.contains("no difference"), "{same}");
    let versions = world.versions("providers").await;
    assert_eq!(versions.len(), 2, "{versions:?}");
    for version in &versions {
        let stored = world.raw_object(version["key"].as_str().unwrap());
        assert!(stored.starts_with(b"gAAAA"), "encrypted");
    }
    let get = ["config", "get", "providers", "--version"];
    let oldest = versions[1]["id"].as_str().unwrap();
    for id in ["2", oldest, "2020-01-01T00:00:00Z"] {
        let text = stdout(&world.expect(0, &with(&get, &[id, "--reveal"])).await);
        assert_eq!(text.trim_end(), first, "{id}");
    }
    let hidden = stdout(&world.expect(0, &with(&get, &["1"])).await);
    assert!(hidden.contains("<hidden>") && !hidden.contains("canary"));
    let by_key = ["config", "get", versions[0]["key"].as_str().unwrap()];
    let hidden = stdout(&world.expect(0, &by_key).await);
    assert!(hidden.contains("<hidden>") && !hidden.contains("canary"));
    let error = stderr(&world.expect(2, &with(&get, &["3"])).await);
    assert!(error.contains("2 former versions"), "{error}");
    // A list names what is read, not what was.
    let list = stdout(&world.expect(0, &["config", "list"]).await);
    assert!(!list.contains("history"), "{list}");
    world.expect(0, &["config", "check"]).await;

    // Back to the first one.
    world
        .put(0, "providers", &first, &["--accept-removal"])
        .await;
    assert_eq!(world.revealed("providers").await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_the_address_of_the_portal_is_neither_shown_nor_stored() {
    let world = world().await;
    let whole = world.revealed("settings").await;
    let mut settings: Value = serde_json::from_str(&whole).unwrap();
    settings["SOCRATA_DATA_ENDPOINT"] = json!("https://me:canary@data.example.gov");
    let other = local(&settings.to_string());
    let diff = ["config", "diff", "settings", other.path().to_str().unwrap()];
    let text = stdout(&world.expect(1, &diff).await);
    let json = stdout(&world.expect(1, &with(&diff, &["--json"])).await);
    for shown in [text, json] {
        assert!(
            shown.contains("https://<hidden>@data.example.gov"),
            "{shown}"
        );
        assert!(!shown.contains("canary"), "{shown}");
    }
    let refused = world.put(2, "settings", &settings.to_string(), &[]).await;
    let way_out = "SOCRATA_DATA_ENDPOINT must not have a login";
    assert!(refused.contains(way_out), "{refused}");
    assert!(!refused.contains("canary"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_told_without_secrets_and_by_exit_status() {
    let world = world().await;
    let whole = world.revealed("settings").await;
    let mut settings: Value = serde_json::from_str(&whole).unwrap();
    let pretty = local(&serde_json::to_string_pretty(&settings).unwrap());
    let diff = ["config", "diff", "settings"];
    let same = with(&diff, &[pretty.path().to_str().unwrap()]);
    world.expect(0, &same).await;

    settings["PUBLIC_ID_KEY"] = json!("canary canary canary canary");
    settings["SOCRATA_CHUNK_ROWS"] = json!(7);
    let other = local(&settings.to_string());
    let with_file = with(&diff, &[other.path().to_str().unwrap()]);
    let text = stdout(&world.expect(1, &with_file).await);
    for line in [
        "~ PUBLIC_ID_KEY: changed",
        "SOCRATA_CHUNK_ROWS",
        "every trip",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json = stdout(&world.expect(1, &with(&with_file, &["--json"])).await);
    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["key"], SETTINGS);
    assert_eq!(document["differs"], true);
    let changes = document["changes"].as_array().unwrap();
    let of_key = changes.iter().find(|it| it["path"] == "PUBLIC_ID_KEY");
    assert_eq!(
        *of_key.unwrap(),
        json!({"path": "PUBLIC_ID_KEY", "change": "changed"})
    );
    assert!(!format!("{text}{json}").contains("canary"));

    let error = stderr(&world.expect(2, &diff).await);
    assert!(error.contains("no former version"), "{error}");
    world.put(0, "settings", &settings.to_string(), &[]).await;
    // Without a file: what the last change was.
    assert_eq!(stdout(&world.expect(1, &diff).await), text);
    let former = with(&same, &["--version", "1"]);
    world.expect(0, &former).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn former_versions_are_rotated_and_a_plain_one_is_encrypted() {
    let world = world().await;
    let first = world.revealed("settings").await;
    fs::write(world.stack.bucket_folder().join(SETTINGS), &first).unwrap();
    let mut settings: Value = serde_json::from_str(&first).unwrap();
    settings["SOCRATA_CHUNK_ROWS"] = json!(7);
    world.put(0, "settings", &settings.to_string(), &[]).await;
    let key = world.versions("settings").await[0]["key"].clone();
    let key = key.as_str().unwrap();
    assert!(world.raw_object(key).starts_with(b"gAAAA"));
    // A former version of boundaries is as public as they are.
    let cell = world.stack.bucket_folder().join("boundaries/cell.json");
    let copy = tempfile::NamedTempFile::new().unwrap();
    fs::write(copy.path(), fs::read_to_string(cell).unwrap() + "\n").unwrap();
    let put = [
        "config",
        "put",
        "boundaries/cell.json",
        copy.path().to_str().unwrap(),
        "--plain-text",
    ];
    world.expect(0, &put).await;

    let old = world.stack.env["ATD_MDS_FERNET_KEY"].clone();
    let new = secrecy::ExposeSecret::expose_secret(&vault::FernetKeys::generate()).to_owned();
    let mut world = world;
    world
        .stack
        .env
        .insert("ATD_MDS_FERNET_KEY".to_owned(), format!("{new},{old}"));
    world.expect(0, &["config", "rotate-key"]).await;
    world.stack.env.insert("ATD_MDS_FERNET_KEY".to_owned(), new);
    let get = ["config", "get", "settings", "--version", "1", "--reveal"];
    assert_eq!(stdout(&world.expect(0, &get).await).trim_end(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_dataset_is_told_by_its_id_and_its_portal() {
    let world = world().await;
    let mut settings: Value = serde_json::from_str(&world.revealed("settings").await).unwrap();
    let id = settings["SOCRATA_DATASET"].as_str().unwrap().to_owned();
    let host = settings["SOCRATA_DATA_ENDPOINT"]
        .as_str()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    let elsewhere = "SOCRATA_DATASET changes: hours are published to another dataset";
    let portal =
        "SOCRATA_DATA_ENDPOINT changes: hours are published to the dataset of another portal";

    settings["SOCRATA_DATASET"] = json!(id.to_uppercase());
    settings["SOCRATA_DATA_ENDPOINT"] = json!(format!("{host}/"));
    let shown = world.put(0, "settings", &settings.to_string(), &[]).await;
    assert!(!shown.contains("changes: hours are published"), "{shown}");

    settings["SOCRATA_DATASET"] = json!("zzzz-9999");
    let shown = world.put(0, "settings", &settings.to_string(), &[]).await;
    assert!(
        shown.contains(elsewhere) && !shown.contains(portal),
        "{shown}"
    );

    settings["SOCRATA_DATA_ENDPOINT"] = json!("data.example.gov");
    let shown = world.put(0, "settings", &settings.to_string(), &[]).await;
    assert!(
        shown.contains(portal) && !shown.contains(elsewhere),
        "{shown}"
    );

    settings["SOCRATA_DATA_ENDPOINT"] = json!("data.example.gov/resource/abcd-2345.json");
    let shown = world.put(0, "settings", &settings.to_string(), &[]).await;
    let way_out = "the path of SOCRATA_DATA_ENDPOINT is not used: write the portal's host alone";
    assert!(shown.contains(way_out), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_seldom_meant_is_warned_of_with_the_nearest_name() {
    let world = world().await;
    let mut settings: Value = serde_json::from_str(&world.revealed("settings").await).unwrap();
    settings["SOCRATA_DATASETT"] = json!("canary");
    settings["archive_compression"] = json!("canary");
    settings["$schema"] = json!("settings.schema.json");
    let shown = world
        .put(0, "settings", &settings.to_string(), &["--no-logs"])
        .await;
    for (key, meant) in [
        ("SOCRATA_DATASETT", "SOCRATA_DATASET"),
        ("archive_compression", "ARCHIVE_COMPRESSION"),
    ] {
        let warning = format!("warning: nothing reads the key `{key}`; is `{meant}` meant?");
        assert!(shown.contains(&warning), "{shown}");
    }
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!shown.contains("`$schema`"), "{shown}");

    let mut providers: Value = serde_json::from_str(&world.revealed("providers").await).unwrap();
    providers["$schema"] = json!("providers.schema.json");
    providers["bird"]["mds_param_overide"] = json!({"a": "b"});
    providers["bird"]["swap_cordinates"] = json!(true);
    let text = providers.to_string().replacen('{', r#"{"bird": {},"#, 1);
    let shown = world.put(0, "providers", &text, &["--no-logs"]).await;
    for warning in [
        "`bird.mds_param_overide`; is `mds_param_override` meant?",
        "`bird.swap_cordinates`; is `swap_coordinates` meant?",
        "the key `bird` stands more than once",
    ] {
        assert!(shown.contains(warning), "{warning}: {shown}");
    }
    world
        .expect(
            0,
            &["run", "--provider", "all", "--time-max", "2020-01-15-13"],
        )
        .await;

    fs::write(world.stack.bucket_folder().join("config/provider"), "{}").unwrap();
    let found = stdout(&world.expect(0, &["config", "check", "--no-logs"]).await);
    for warning in [
        "config/settings_staging.json: warning: nothing reads the key `SOCRATA_DATASETT`",
        "config/providers_staging.json: warning: nothing reads the key `bird.swap_cordinates`",
        "config/provider: warning: nothing reads this object; is `providers` meant?",
    ] {
        assert!(found.contains(warning), "{warning}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_that_no_run_can_use_are_refused() {
    let world = world().await;
    let first = world.revealed("providers").await;
    let stored = world.raw_object(PROVIDERS);
    let whole: Value = serde_json::from_str(&first).unwrap();
    let entry = |key: &str, value: Value| {
        let mut file = whole.clone();
        file["bird"][key] = value;
        file.to_string()
    };
    for (text, expected) in [
        (entry("token", Value::Null), "bird.token is missing"),
        (entry("token", json!("")), "bird.token is missing"),
        (
            entry("auth_type", json!("Basic")),
            "bird.auth_data.username is missing",
        ),
        (
            entry("auth_type", json!("OAuth")),
            "bird.auth_data is missing",
        ),
        (
            entry("headers", json!({"a b": "canary"})),
            "bird.headers.a b",
        ),
        ("{}".to_owned(), "--accept-removal"),
    ] {
        let error = world.put(2, "providers", &text, &[]).await;
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
    assert_eq!(world.raw_object(PROVIDERS), stored);
    // A disabled entry may wait for its token.
    let mut waiting = whole.clone();
    waiting["bird"]["enabled"] = json!(false);
    waiting["bird"]["token"] = Value::Null;
    world.put(0, "providers", &waiting.to_string(), &[]).await;

    fs::remove_file(world.stack.bucket_folder().join(PROVIDERS)).unwrap();
    let error = world.put(2, "providers", "{}", &[]).await;
    assert!(error.contains("it has no provider"), "{error}");
    world.put(0, "providers", "{}", &["--accept-removal"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_of_the_database_that_nobody_could_read_are_refused() {
    let world = world().await;
    let whole: Value = serde_json::from_str(&world.revealed("settings").await).unwrap();
    let with_ca = |value: Value| {
        let mut settings = whole.clone();
        settings["DATABASE_CA"] = value;
        settings.to_string()
    };
    for value in [
        json!("xx"),
        json!(5),
        json!("ca.pem"),
        json!("config/ca.crt"),
        json!("config/none.pem"),
        json!("-----BEGIN CERTIFICATE-----\ncanary!\n-----END CERTIFICATE-----\n"),
    ] {
        let error = world.put(2, "settings", &with_ca(value.clone()), &[]).await;
        assert!(error.contains("DATABASE_CA"), "{value}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let error = world.put(2, "config/ca.pem", "nothing", &[]).await;
    assert!(error.contains("no certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_name_missing_boundaries_are_stored_with_a_warning() {
    let world = world().await;
    let mut settings: Value = serde_json::from_str(&world.revealed("settings").await).unwrap();
    settings["BOUNDARIES"] = json!([
        {"layer": "cell", "key": "boundaries/none.json", "property": "id"},
        {"layer": "census_geoid", "key": "boundaries/census_geoid.json", "property": "GEOID20"},
    ]);
    let shown = world.put(0, "settings", &settings.to_string(), &[]).await;
    for expected in ["boundaries/none.json, which is missing", "GEOID20"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let found = stdout(&world.expect(1, &["config", "check"]).await);
    assert!(found.contains("boundaries/none.json: missing"), "{found}");
}

/// As with the key of the other stage in the environment.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_no_key_opens_is_replaced_only_if_that_is_meant() {
    let mut world = world().await;
    let texts = [
        ("settings", world.revealed("settings").await),
        ("providers", world.revealed("providers").await),
    ];
    let stored = texts
        .each_ref()
        .map(|(name, _)| world.raw_object(&format!("config/{name}_staging.json")));
    let key = secrecy::ExposeSecret::expose_secret(&vault::FernetKeys::generate()).to_owned();
    world.stack.env.insert("ATD_MDS_FERNET_KEY".to_owned(), key);
    for (name, text) in &texts {
        let refused = world.put(2, name, text, &[]).await;
        for part in [
            "the stored file cannot be read",
            "ATD_MDS_FERNET_KEY",
            "--accept-removal",
        ] {
            assert!(refused.contains(part), "{name}: {refused}");
        }
    }
    let after = texts
        .each_ref()
        .map(|(name, _)| world.raw_object(&format!("config/{name}_staging.json")));
    assert_eq!(after, stored);
    for (name, text) in &texts {
        world.put(0, name, text, &["--accept-removal"]).await;
    }
    assert_eq!(world.revealed("settings").await, texts[0].1);
}

/// Nothing is taken for granted that broken settings may say otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn as_long_as_the_settings_are_broken_nobody_guesses_what_they_say() {
    let world = world().await;
    let settings = world.revealed("settings").await;
    let bucket = world.stack.bucket_folder();
    fs::write(bucket.join(SETTINGS), "{").unwrap();

    // A civil hour is one of the city's zone.
    let get = ["config", "get", "providers", "--version"];
    let error = stderr(&world.expect(2, &with(&get, &["2026-01-01-00"])).await);
    assert!(
        error.contains("time zone is not known") && error.contains("number or id"),
        "{error}"
    );
    world
        .expect(0, &with(&get, &["2026-01-01T00:00:00Z"]))
        .await;

    // What a layer's file must have depends on BOUNDARIES.
    let cell = bucket.join("boundaries/cell.json");
    let text = fs::read_to_string(&cell).unwrap();
    let put =
        async |status: i32, name: &str| world.put(status, name, &text, &["--plain-text"]).await;
    let told = put(0, "boundaries/cell.json").await;
    assert!(told.contains("not checked against its layer"), "{told}");
    let error = put(2, "cells.json").await;
    assert!(error.contains("nobody knows whether BOUNDARIES"), "{error}");
    fs::remove_file(&cell).unwrap();
    let found = stdout(&world.expect(1, &["config", "check"]).await);
    assert!(found.contains("the boundaries are not checked"), "{found}");
    assert!(!found.contains("cell.json"), "{found}");

    // The settings can be put right, and the boundaries after them.
    world
        .put(0, "settings", &settings, &["--accept-removal"])
        .await;
    put(0, "boundaries/cell.json").await;
    world.expect(0, &["config", "check"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_the_bucket_refuses_are_no_default_time_zone() {
    let world = world().await;
    let (_link, variable) = world.bucket_refusing("GET", SETTINGS).await;
    let mut get = world.mds(&["config", "get", "providers", "--version", "2026-01-01-00"]);
    get.envs(variable);
    let output = World::output_of(get).await;
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("S3 refused the request") && error.contains("time zone is not known"),
        "{error}"
    );
}
