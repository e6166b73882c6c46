//! The encrypted configuration files and the rotation of their key.

use std::fs::{self, File};
use std::path::Path;
use std::process::Output;

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use vault::FernetKeys;

use crate::support::{World, stderr, stdout, with, world_with};

async fn world() -> World {
    world_with(&["bird"], Map::new()).await
}

const RUN: [&str; 5] = ["run", "--provider", "bird", "--time-max", "2020-01-15-13"];

fn local(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

/// The first line of a rotation's report.
fn counts(output: &Output) -> String {
    stdout(output).lines().next().unwrap().to_owned()
}

fn last_line(output: &Output) -> String {
    stdout(output).lines().last().unwrap().to_owned()
}

impl World {
    async fn settings(&self) -> Value {
        serde_json::from_str(&stdout(
            &self
                .expect(0, &["config", "get", "settings", "--reveal"])
                .await,
        ))
        .unwrap()
    }

    fn raw(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.stack.bucket_folder().join(key)).ok()
    }

    async fn with_keys(&self, keys: &str, args: &[&str]) -> Output {
        let mut command = self.mds(args);
        command.env("ATD_MDS_FERNET_KEY", keys);
        Self::output_of(command).await
    }

    async fn output_of_stdin(&self, file: &Path, args: &[&str]) -> Output {
        let mut command = self.mds(args);
        command.stdin(File::open(file).unwrap());
        Self::output_of(command).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_what_is_got_encrypted_in_between() {
    let world = world().await;
    let mut settings = world.settings().await;
    assert_eq!(settings["TIME_ZONE"], "US/Central");
    settings["SOCRATA_CHUNK_ROWS"] = json!(7);
    let text = serde_json::to_string_pretty(&settings).unwrap();
    let file = local(&text);
    world
        .expect(0, &["config", "put", "settings", path(&file)])
        .await;
    // Byte for byte, plus a line end for the terminal.
    assert_eq!(
        stdout(
            &world
                .expect(0, &["config", "get", "settings", "--reveal"])
                .await
        ),
        format!("{text}\n")
    );
    let stored = world.raw("config/settings_staging.json").unwrap();
    assert!(stored.starts_with(b"gAAAA"));
    // Not compressed, because the older tools read it too.
    assert!(stored.len() * 3 / 4 > text.len());

    settings["SOCRATA_CHUNK_ROWS"] = json!(8);
    let file = local(&settings.to_string());
    let output = world
        .output_of_stdin(file.path(), &["config", "put", "settings", "-"])
        .await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(world.settings().await, settings);
    world.expect(0, &RUN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_stored_as_it_is_and_read_all_the_same() {
    let world = world().await;
    let providers = stdout(
        &world
            .expect(0, &["config", "get", "providers", "--reveal"])
            .await,
    );
    let file = local(&providers);
    world
        .expect(
            0,
            &["config", "put", "providers", path(&file), "--plain-text"],
        )
        .await;
    assert_eq!(
        world.raw("config/providers_staging.json").unwrap(),
        providers.as_bytes()
    );
    assert_eq!(
        stdout(
            &world
                .expect(0, &["config", "get", "providers", "--reveal"])
                .await
        ),
        providers
    );
    world.expect(0, &RUN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn production_has_files_of_its_own() {
    let world = world().await;
    let output = world
        .expect(2, &["config", "get", "settings", "--production"])
        .await;
    assert!(
        stderr(&output).contains("config/settings_production.json"),
        "{}",
        stderr(&output)
    );
    let staging = world.settings().await;
    for name in ["settings", "providers"] {
        let file = local(&stdout(
            &world.expect(0, &["config", "get", name, "--reveal"]).await,
        ));
        world
            .expect(0, &["config", "put", name, path(&file), "--production"])
            .await;
    }
    assert!(world.raw("config/settings_production.json").is_some());
    assert_eq!(world.settings().await, staging);

    // A run in production keeps its objects under another prefix.
    let mut command = world.mds(&RUN);
    command.env("ATD_MDS_RUN_MODE", "PRODUCTION");
    let output = World::output_of(command).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        world
            .raw("production/bird/2020/1/15/12/trips.json")
            .is_some()
    );
    assert!(world.raw("staging/bird/2020/1/15/12/trips.json").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_names_configuration_and_boundaries() {
    let world = world().await;
    let keys = [
        "config/providers_staging.json",
        "config/settings_staging.json",
        "boundaries/cell.json",
        "boundaries/census_geoid.json",
        "boundaries/council_district.json",
    ];
    let lines = stdout(&world.expect(0, &["config", "list"]).await);
    let listed = |lines: &str| -> Vec<String> {
        let keys = lines.lines().map(|line| line.split_whitespace().last());
        keys.map(|key| key.unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&lines), with(&["key"], &keys));
    // The files of the other stage are not shown as if they were those of this one.
    let production = world.expect(0, &["config", "list", "--production"]).await;
    assert_eq!(listed(&stdout(&production)), with(&["key"], &keys[2..]));
    for name in ["settings", "providers"] {
        let missing = format!("there is no config/{name}_production.json yet");
        assert!(stderr(&production).contains(&missing));
    }
    let document = stdout(&world.expect(0, &["config", "list", "--json"]).await);
    let objects: Vec<Value> = serde_json::from_str(&document).unwrap();
    assert_eq!(objects.len(), keys.len());
    for (mut object, key) in objects.into_iter().zip(keys) {
        let bytes = world.raw(key).unwrap().len();
        let modified = object.as_object_mut().unwrap().remove("modified").unwrap();
        assert!(modified.as_str().unwrap().ends_with('Z'), "{modified}");
        assert_eq!(object, json!({"key": key, "bytes": bytes}));
    }
    // `get` accepts any key.
    let cells = stdout(
        &world
            .expect(0, &["config", "get", "boundaries/cell.json"])
            .await,
    );
    assert_eq!(
        cells.trim_end().as_bytes(),
        world.raw("boundaries/cell.json").unwrap().trim_ascii_end()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_would_stop_the_next_run_is_refused_and_not_stored() {
    let world = world().await;
    let whole = world.settings().await;
    let stored = world.stored();
    let settings = |name: &str, value: Value| {
        let mut settings = whole.clone();
        settings[name] = value;
        settings.to_string()
    };
    let provider = |name: &str, value: Value| {
        let mut entry = json!({
            "mds_api_url": "https://example.com/mds", "version": "1.2", "auth_type": "Bearer", "token": "a-secret",
            "provider_id": "5eed0000-0000-4000-8000-000000000001",
        });
        entry[name] = value;
        json!({ "bird": entry }).to_string()
    };
    let by_key = "config/settings_staging.json";
    let cases = [
        (
            "settings",
            settings("TIME_ZONE", json!("America/St_Johns")),
            "TIME_ZONE",
        ),
        (
            "settings",
            settings("DATABASE_URL", Value::Null),
            "DATABASE_URL is missing",
        ),
        (
            "settings",
            settings("DATABASE_URL", json!("mysql://root:a-secret@db/x")),
            "DATABASE_URL must be",
        ),
        (
            "settings",
            settings("SOCRATA_DATASET", json!("a-secret")),
            "SOCRATA_DATASET",
        ),
        (
            "settings",
            settings("SOCRATA_CHUNK_ROWS", json!(0)),
            "SOCRATA_CHUNK_ROWS must be",
        ),
        (
            "settings",
            settings("PUBLIC_ID_KEY", json!("short")),
            "PUBLIC_ID_KEY is too short",
        ),
        (
            "settings",
            settings("ARCHIVE_COMPRESSION", json!("a-secret")),
            "ARCHIVE_COMPRESSION must be",
        ),
        (
            "settings",
            settings("BOUNDARIES", json!([{"layer": "a-secret"}])),
            "BOUNDARIES must be",
        ),
        (
            by_key,
            settings("TIME_ZONE", json!("America/St_Johns")),
            "TIME_ZONE",
        ),
        ("settings", "[]".to_owned(), "settings is not stored"),
        (
            "providers",
            provider("mds_api_url", json!("http://example.com/a-secret")),
            "bird.mds_api_url must start with https",
        ),
        (
            "providers",
            provider("version", json!("9.9")),
            "bird.version",
        ),
        (
            "providers",
            provider("provider_id", json!("a-secret")),
            "bird.provider_id must be a UUID",
        ),
        (
            "providers",
            "{\"bird\": {},}".to_owned(),
            ": it is not JSON: trailing comma at line 1 column 13",
        ),
        (
            "settings",
            "no JSON".to_owned(),
            ": it is not JSON: expected ident at line 1 column 2",
        ),
        (
            "boundaries/cell.json",
            "no JSON".to_owned(),
            "it is not JSON",
        ),
    ];
    for (name, text, message) in cases {
        let file = local(&text);
        let output = world.expect(2, &["config", "put", name, path(&file)]).await;
        let error = stderr(&output);
        assert!(
            error.contains(message) && error.contains("is not stored"),
            "{error}"
        );
        assert!(!error.contains("a-secret"), "{error}");
    }
    let output = world
        .expect(2, &["config", "put", "settings", "/nowhere.json"])
        .await;
    assert!(stderr(&output).contains("/nowhere.json"));
    assert_eq!(stored, world.stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_file_is_refused_in_production() {
    let world = world().await;
    let file = local(&world.settings().await.to_string());
    let put = ["config", "put", "settings", path(&file), "--plain-text"];
    let output = world.expect(2, &with(&put, &["--production"])).await;
    assert!(
        stderr(&output).contains("ATD_MDS_PLAIN_CONFIG=allow"),
        "{}",
        stderr(&output)
    );
    assert!(world.raw("config/settings_production.json").is_none());

    world.expect(0, &put).await;
    let output = world.expect(0, &RUN).await;
    let warning = "configuration file is not encrypted";
    let line = stderr(&output)
        .lines()
        .find(|line| line.contains(warning))
        .map(str::to_owned);
    assert!(line.unwrap().contains("config/settings_staging.json"));

    for name in ["providers", "settings"] {
        let text = stdout(&world.expect(0, &["config", "get", name, "--reveal"]).await);
        let folder = world.stack.bucket_folder();
        fs::write(folder.join(format!("config/{name}_production.json")), text).unwrap();
    }
    let in_production = |more: &[(&str, &str)]| {
        let mut command = world.mds(&RUN);
        command.env("ATD_MDS_RUN_MODE", "PRODUCTION");
        command.envs(more.iter().copied());
        World::output_of(command)
    };
    assert_eq!(in_production(&[]).await.status.code(), Some(2));
    let allowed = in_production(&[("ATD_MDS_PLAIN_CONFIG", "allow")]).await;
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_entry_stops_its_provider_and_no_other() {
    let world = world().await;
    world
        .edit_providers(|providers| {
            let mut bad = providers["bird"].clone();
            bad["mds_api_url"] = json!("http://a-secret.example.org");
            providers["jump"] = bad;
            providers["bird"]["max_atempts"] = json!(3);
            providers["twin"] = providers["bird"].clone();
        })
        .await;
    let all = ["run", "--provider", "all", "--time-max", "2020-01-15-13"];
    let output = world.expect(0, &all).await;
    let log = stderr(&output);
    for expected in [
        "jump.mds_api_url must start with https",
        "bird.max_atempts",
        "max_attempts",
        "bird, twin",
    ] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    assert!(!log.contains("a-secret"), "{log}");
    assert_eq!(
        world
            .number("SELECT count(*) FROM api.schedule WHERE status_id = 8")
            .await,
        2
    );

    let named = ["run", "--provider", "jump", "--time-max", "2020-01-15-13"];
    let output = world.expect(2, &named).await;
    assert!(
        stderr(&output).contains("jump.mds_api_url"),
        "{}",
        stderr(&output)
    );

    world
        .edit_providers(|providers| providers["bird"] = json!({}))
        .await;
    world
        .edit_providers(|providers| providers["twin"] = json!([]))
        .await;
    assert_eq!(world.output(&all).await.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn boundaries_are_checked_as_a_load_checks_them() {
    let world = world().await;
    let key = "boundaries/census_geoid.json";
    let whole: Value = serde_json::from_slice(&world.raw(key).unwrap()).unwrap();
    let put = async |status: i32, text: &str| {
        let file = local(text);
        let output = world
            .expect(status, &["config", "put", key, path(&file), "--plain-text"])
            .await;
        stderr(&output)
    };
    let mut point = whole.clone();
    point["features"][0]["geometry"] = json!({"type": "Point", "coordinates": [0, 0]});
    let mut other = whole.clone();
    for feature in other["features"].as_array_mut().unwrap() {
        feature["properties"] = json!({"GEOID20": "1"});
    }
    let mut nowhere = whole.clone();
    for feature in nowhere["features"].as_array_mut().unwrap() {
        feature["geometry"] = Value::Null;
    }
    for (text, expected) in [
        (nowhere.to_string(), "both a label and an area"),
        (point.to_string(), "is a Point"),
        (other.to_string(), "GEOID10"),
        ("{}".to_owned(), "FeatureCollection"),
    ] {
        let error = put(2, &text).await;
        assert!(
            error.contains(expected) && error.contains("is not stored"),
            "{error}"
        );
    }
    assert_eq!(
        serde_json::from_slice::<Value>(&world.raw(key).unwrap()).unwrap(),
        whole
    );

    let mut odd = whole.clone();
    let features = odd["features"].as_array_mut().unwrap();
    features.push(
        json!({"type": "Feature", "properties": {"GEOID10": 6_037_101_110_u64},
        "geometry": {"type": "MultiPolygon", "coordinates": [[]]}}),
    );
    features[0]["geometry"] = json!({"type": "GeometryCollection", "geometries":
        [features[0]["geometry"], {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}]});
    let log = put(0, &format!("\u{feff}{odd}")).await;
    assert!(log.contains("a leading zero may be lost"), "{log}");
    assert!(
        log.contains("its property `GEOID10` is 6037101110"),
        "{log}"
    );
    let checked = stdout(&world.expect(0, &["config", "check"]).await);
    assert!(checked.contains("a leading zero may be lost"), "{checked}");
    world.expect(0, &RUN).await;

    // An object that somebody has stored by other means.
    let stored = world.stack.bucket_folder().join(key);
    fs::write(&stored, nowhere.to_string()).unwrap();
    let checked = stdout(&world.expect(1, &["config", "check"]).await);
    assert!(checked.contains("both a label and an area"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_url_of_the_older_tools_works() {
    let world = world().await;
    let url = world.stack.database_url.clone();
    let (_, rest) = url.split_once("://").unwrap();
    let separator = if rest.contains('?') { '&' } else { '?' };
    let older = format!("postgresql+psycopg2://{rest}{separator}sslmode=allow");
    let mut settings = world.settings().await;
    settings["DATABASE_URL"] = json!(older);
    let file = local(&settings.to_string());
    world
        .expect(0, &["config", "put", "settings", path(&file)])
        .await;
    world.expect(0, &RUN).await;

    settings["DATABASE_URL"] = json!("postgresql://u:a-secret@h:p/d");
    let file = local(&settings.to_string());
    let output = world
        .expect(2, &["config", "put", "settings", path(&file)])
        .await;
    let error = stderr(&output);
    assert!(
        error.contains("port") && !error.contains("a-secret"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rotation_the_old_key_is_not_needed_any_more() {
    let world = world().await;
    world.expect(0, &RUN).await;
    let objects = world.objects().await;
    let old = world.stack.env["ATD_MDS_FERNET_KEY"].clone();
    let new = FernetKeys::generate().expose_secret().to_owned();
    let both = format!("{new},{old}");

    // Both keys are needed until the rotation has ended.
    assert_eq!(world.with_keys(&new, &RUN).await.status.code(), Some(2));
    let part = world
        .with_keys(&both, &["config", "rotate-key", "--prefix", "staging/"])
        .await;
    // The block's four objects are sealed; the manifest of the run is plain.
    assert_eq!(
        counts(&part),
        "4 rotated, 0 already under the first key, 1 plain, 0 of another kind, 0 failed"
    );
    assert_eq!(world.with_keys(&new, &RUN).await.status.code(), Some(2));
    let rest = world.with_keys(&both, &["config", "rotate-key"]).await;
    assert_eq!(rest.status.code(), Some(0));
    assert_eq!(
        counts(&rest),
        "2 rotated, 4 already under the first key, 4 plain, 0 of another kind, 0 failed"
    );
    let again = world.with_keys(&both, &["config", "rotate-key"]).await;
    assert_eq!(
        counts(&again),
        "0 rotated, 6 already under the first key, 4 plain, 0 of another kind, 0 failed"
    );
    assert!(last_line(&part).contains("rotate without --prefix"));
    for whole in [&rest, &again] {
        let advice = last_line(whole);
        assert!(
            advice.starts_with("no object needs the older keys any more"),
            "{advice}"
        );
    }
    let alone = world.with_keys(&new, &["config", "rotate-key"]).await;
    assert!(last_line(&alone).starts_with("only one key is configured"));

    let rows = world.portal();
    let forced = world
        .with_keys(&new, &with(&RUN, &["--force", "--no-extract"]))
        .await;
    assert_eq!(forced.status.code(), Some(0), "{}", stderr(&forced));
    assert_eq!(rows, world.portal());
    let refused = world
        .expect(2, &["config", "get", "settings", "--reveal"])
        .await;
    assert!(stderr(&refused).contains("was not sealed with one of the 1 configured keys"));

    let mut world = world;
    world
        .stack
        .env
        .insert("ATD_MDS_FERNET_KEY".to_owned(), new.clone());
    assert_eq!(objects, world.objects().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_no_key_opens_is_named_and_stops_no_other() {
    let world = world().await;
    world.expect(0, &RUN).await;
    let damaged = world.archive_file("bird", "2020/1/15/12");
    let other = FernetKeys::generate().expose_secret().to_owned();
    let old = world.stack.env["ATD_MDS_FERNET_KEY"].clone();
    let mut text = fs::read(&damaged).unwrap();
    text.truncate(text.len() / 8 * 4);
    fs::write(&damaged, &text).unwrap();
    let output = world
        .with_keys(&format!("{other},{old}"), &["config", "rotate-key"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        counts(&output),
        "5 rotated, 0 already under the first key, 4 plain, 0 of another kind, 1 failed"
    );
    assert!(last_line(&output).starts_with("keep the older keys: 1 object"));
    assert!(
        stderr(&output).contains("staging/bird/2020/1/15/12/trips.json"),
        "{}",
        stderr(&output)
    );
    assert_eq!(fs::read(&damaged).unwrap(), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_named_with_the_command_that_removes_it() {
    let world = world().await;
    world.expect(0, &RUN).await;
    let archive = world.archive_file("bird", "2020/1/15/12");
    let old = world.stack.env["ATD_MDS_FERNET_KEY"].clone();
    let new = FernetKeys::generate().expose_secret().to_owned();
    let both = format!("{new},{old}");
    let mut text = fs::read(&archive).unwrap();
    let middle = text.len() / 2;
    text[middle] = if text[middle] == b'A' { b'B' } else { b'A' };
    let copies = ["trips.2020-01-16T05-00-00Z.json", "trips.refused.json"];
    for copy in copies {
        fs::write(archive.with_file_name(copy), &text).unwrap();
    }
    let rotate = ["config", "rotate-key"];
    let output = world.with_keys(&both, &rotate).await;
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    let bucket = world.stack.env["ATD_MDS_BUCKET"].clone();
    for copy in copies {
        let line = format!(
            "no step reads this copy: if you have no other key that opens it, delete it: aws s3 rm \
             s3://{bucket}/staging/bird/2020/1/15/12/{copy}"
        );
        assert!(said.contains(&line), "{said}");
        fs::remove_file(archive.with_file_name(copy)).unwrap();
    }
    let output = world.with_keys(&both, &rotate).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_names_plain_objects_that_should_be_encrypted() {
    let world = world().await;
    world.expect(0, &RUN).await;
    let file = local(&world.settings().await.to_string());
    world
        .expect(
            0,
            &["config", "put", "settings", path(&file), "--plain-text"],
        )
        .await;
    fs::write(world.archive_file("bird", "2020/1/15/12"), "{}").unwrap();
    let old = world.stack.env["ATD_MDS_FERNET_KEY"].clone();
    let new = FernetKeys::generate().expose_secret().to_owned();
    let output = world
        .with_keys(&format!("{new},{old}"), &["config", "rotate-key"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    let named = stderr(&output);
    for key in [
        "config/settings_staging.json",
        "staging/bird/2020/1/15/12/trips.json",
    ] {
        assert!(
            named.contains(&format!("{key} is not encrypted")),
            "{named}"
        );
    }
    assert!(
        !named.contains("boundaries/") && !named.contains("/runs/"),
        "{named}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn older_versions_are_counted_and_can_be_deleted() {
    let world = world().await;
    world.stack.keep_versions().unwrap();
    world.expect(0, &RUN).await;
    let old = world.stack.env["ATD_MDS_FERNET_KEY"].clone();
    let new = FernetKeys::generate().expose_secret().to_owned();
    let both = format!("{new},{old}");
    let rotated = world.with_keys(&both, &["config", "rotate-key"]).await;
    assert_eq!(rotated.status.code(), Some(0), "{}", stderr(&rotated));
    // Four objects of the block and two of the configuration.
    assert!(
        stdout(&rotated).contains("6 older versions in the bucket"),
        "{}",
        stdout(&rotated)
    );
    assert!(last_line(&rotated).contains("whoever has them can still read 6 older versions"));

    let purge = ["config", "rotate-key", "--purge-versions"];
    let part = world
        .with_keys(&both, &with(&purge, &["--prefix", "config/"]))
        .await;
    assert!(
        stdout(&part).contains("2 older versions deleted"),
        "{}",
        stdout(&part)
    );
    let purged = world.with_keys(&both, &with(&purge, &["--json"])).await;
    let report: Value = serde_json::from_str(&stdout(&purged)).unwrap();
    assert_eq!(report["older_versions"], 0);
    assert_eq!(report["older_keys_may_go"], true);

    let again = world.with_keys(&both, &["config", "rotate-key"]).await;
    assert!(stdout(&again).contains("0 older versions in the bucket"));
    let run = world
        .with_keys(&new, &with(&RUN, &["--force", "--no-extract"]))
        .await;
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_hidden_unless_they_are_asked_for_and_a_hidden_one_is_not_stored() {
    let world = world().await;
    world
        .edit_providers(|providers| {
            let bird = &mut providers["bird"];
            bird["token"] = json!("a-secret");
            bird["tokn"] = json!("a-secret");
            bird["headers"] = json!({"X-Key": "a-secret"});
            bird["request.auth.headers"] = json!({"X-Key": "a-secret"});
            bird["token_url"] = json!("https://me:a-secret@login.example.com/t?key=a-secret");
        })
        .await;
    let text = stdout(&world.expect(0, &["config", "get", "providers"]).await);
    assert!(!text.contains("a-secret"), "{text}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["bird"]["token"], "<hidden>");
    assert_eq!(shown["bird"]["headers"], json!({"X-Key": "<hidden>"}));
    assert_eq!(
        shown["bird"]["token_url"],
        "https://<hidden>@login.example.com/t?<hidden>"
    );
    assert!(shown["bird"]["provider_id"].as_str().unwrap().len() == 36);
    assert!(text.lines().count() > 5, "{text}");

    world
        .edit_settings(|it| {
            it["SOCRATA_DATA_ENDPOINT"] = json!("https://me:a/secret@data.example.gov");
        })
        .await;
    let whole = world.settings().await;
    let settings = stdout(&world.expect(0, &["config", "get", "settings"]).await);
    for key in ["DATABASE_URL", "PUBLIC_ID_KEY", "SOCRATA_KEY_SECRET"] {
        assert!(!settings.contains(whole[key].as_str().unwrap()), "{key}");
    }
    assert!(settings.contains(r#""TIME_ZONE": "US/Central""#));
    let endpoint = r#""SOCRATA_DATA_ENDPOINT": "https://<hidden>@data.example.gov""#;
    assert!(settings.contains(endpoint), "{settings}");

    let stored = world.stored();
    for (name, text, place) in [
        ("providers", &text, "bird."),
        ("settings", &settings, "DATABASE_URL"),
    ] {
        let file = local(text);
        let output = world.expect(2, &["config", "put", name, path(&file)]).await;
        let error = stderr(&output);
        for part in [place, "is <hidden>", "is not stored", "--reveal"] {
            assert!(error.contains(part), "{error}");
        }
    }
    assert_eq!(stored, world.stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nothing_reads_is_refused_with_the_nearest_one() {
    let world = world().await;
    let stored = world.stored();
    let file = local("{}");
    for (name, meant) in [
        ("provider", "`providers`"),
        ("Settings", "`settings`"),
        (
            "config/setings_staging.json",
            "`config/settings_staging.json`",
        ),
        ("boundary/cell.json", "`boundaries/cell.json`"),
    ] {
        let output = world.expect(2, &["config", "put", name, path(&file)]).await;
        let error = stderr(&output);
        assert!(error.contains(&format!("is {meant} meant?")), "{error}");
    }
    assert_eq!(stored, world.stored());
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_are_removed_only_if_that_is_accepted() {
    let world = world_with(&["bird", "lime"], Map::new()).await;
    let get = ["config", "get", "providers", "--reveal"];
    let whole = stdout(&world.expect(0, &get).await);
    let mut fewer: Value = serde_json::from_str(&whole).unwrap();
    fewer.as_object_mut().unwrap().remove("lime");
    for (text, gone) in [
        (fewer.to_string(), "remove 1 of 2 providers: lime"),
        ("{}".to_owned(), "remove 2 of 2 providers: bird, lime"),
    ] {
        let file = local(&text);
        let put = ["config", "put", "providers", path(&file)];
        let error = stderr(&world.expect(2, &put).await);
        assert!(
            error.contains(gone) && error.contains("--accept-removal"),
            "{error}"
        );
        assert_eq!(stdout(&world.expect(0, &get).await), whole);
    }
    let file = local(&fewer.to_string());
    let put = ["config", "put", "providers", path(&file)];
    world.expect(0, &with(&put, &["--accept-removal"])).await;
    assert_eq!(
        stdout(&world.expect(0, &get).await).trim_end(),
        fewer.to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_what_is_stored_names_every_file_that_is_wrong() {
    let world = world().await;
    let check = ["config", "check"];
    let good = stdout(&world.expect(0, &check).await);
    assert_eq!(good.lines().count(), 5, "{good}");
    assert!(good.lines().all(|line| line.ends_with(": good")), "{good}");

    let folder = world.stack.bucket_folder();
    fs::write(folder.join("boundaries/cell.json"), "{}").unwrap();
    fs::remove_file(folder.join("boundaries/census_geoid.json")).unwrap();
    let found = stdout(&world.expect(1, &check).await);
    for expected in [
        "config/settings_staging.json: good",
        "boundaries/census_geoid.json: missing; `mds config put",
        "FeatureCollection",
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let json = stdout(&world.expect(1, &with(&check, &["--json"])).await);
    let all: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        all[0],
        json!({"key": "config/settings_staging.json", "problem": null, "warnings": []})
    );
}

/// Windows editors write it, and the older tools cannot read a file that begins with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_not_stored() {
    let world = world().await;
    let text = world.settings().await.to_string();
    let file = local(&format!("\u{feff}{text}"));
    world
        .expect(0, &["config", "put", "settings", path(&file)])
        .await;
    let vault = world.vault().await;
    let stored = vault.get_bytes("config/settings_staging.json").await;
    assert_eq!(stored.unwrap(), text.as_bytes());
}
