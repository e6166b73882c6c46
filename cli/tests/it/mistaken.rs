//! What a person mixes up in files and options is refused at once, in words that name it.

use std::fs;

use serde_json::{Value, json};

use crate::support::{ONE_HOUR, World, stderr, stdout, with, world};

const SETTINGS: (&str, &str) = ("ATD_MDS_SETTINGS", "config/providers_staging.json");
const PROVIDERS: (&str, &str) = ("ATD_MDS_PROVIDERS", "config/settings_staging.json");

/// Puts a text from a local file, which is refused. Returns what is said.
async fn refused(world: &World, name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("local.json"), text).unwrap();
    let mut command = world.mds(&["config", "put", name, "local.json"]);
    command.current_dir(folder.path());
    let output = World::output_of(command).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}: {said}");
    said
}

async fn stored_settings(world: &World) -> Value {
    world.vault().await.get_json(PROVIDERS.1).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_providers_in_each_others_place_are_told_apart() {
    let world = world().await;
    for (variables, words) in [
        (&[SETTINGS][..], "ATD_MDS_SETTINGS names the providers file"),
        (&[PROVIDERS], "ATD_MDS_PROVIDERS names the settings file"),
        (
            &[SETTINGS, PROVIDERS],
            "config/providers_staging.json, which is a providers file, and not the settings: it has the provider `bird`",
        ),
    ] {
        let mut check = world.mds(&["config", "check"]);
        check.envs(variables.iter().copied());
        let output = World::output_of(check).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(stdout(&output), "");

        let mut run = world.mds(&ONE_HOUR);
        run.envs(variables.iter().copied());
        let output = World::output_of(run).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(variables[0].0), "{said}");
    }

    // Each holds the other's content.
    let settings = stored_settings(&world).await;
    world
        .edit_providers(|providers| *providers = settings.clone())
        .await;
    let said = stderr(&world.expect(2, &["config", "check"]).await);
    assert!(
        said.contains(
            "ATD_MDS_PROVIDERS names config/providers_staging.json, which is a settings file"
        ),
        "{said}"
    );

    let said = refused(&world, "providers", &settings.to_string()).await;
    assert!(said.contains("local.json: it is a settings file"), "{said}");
    let entry = json!({"bird": world.stack.providers["bird"].entry()});
    let said = refused(&world, "settings", &entry.to_string()).await;
    assert!(
        said.contains("local.json: it is a providers file"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_file_that_cannot_be_stored_is_called_by_its_name() {
    let world = world().await;
    for (name, text, words) in [
        (
            "providers",
            r#"{"gull": 5}"#,
            "local.json: gull must be an object with the keys of a provider",
        ),
        ("providers", "[1]", "local.json: it is not a JSON object"),
        ("settings", "[1]", "local.json: it is not a JSON object"),
        ("settings", "x", "local.json: it is not JSON"),
        (
            "providers",
            r#"{"Gu ll": {}}"#,
            "local.json: the provider's name `Gu ll` has the character 'G'",
        ),
        ("boundaries/cell.json", "x", "local.json: it is not JSON"),
    ] {
        let said = refused(&world, name, text).await;
        assert!(said.contains(words), "{words}: {said}");
        assert!(!said.contains("ATD_MDS_"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_header_can_carry_is_refused_before_it_is_stored() {
    let world = world().await;
    let stored = world.stored();
    let request = json!({"url": "https://example.com/login", "token": "token"});
    let with_send = |name: &str, value: &str| {
        let mut request = request.clone();
        request["send"] = json!({"Authorization": "{token}"});
        request["headers"] = json!({});
        request[name]["X-Key"] = json!(value);
        request
    };
    for (key, value) in [
        ("accept", json!("a\nb")),
        ("accept", json!("a\u{7f}")),
        ("token", json!("a\nb")),
        ("token", json!("Bearer a\rb")),
        ("headers", json!({"X-Key": "a\nb"})),
        ("headers", json!({"X Key": "a"})),
        ("request.auth.headers", json!({"X-Key": "a\u{0}"})),
        ("token_request", with_send("headers", "a\nb")),
        ("token_request", with_send("send", "a\nb")),
    ] {
        let mut entry = world.stack.providers["bird"].entry();
        if key == "token_request" {
            entry["auth_type"] = json!("Custom");
        }
        entry[key] = value;
        let said = refused(&world, "providers", &json!({"bird": entry}).to_string()).await;
        let place = format!("local.json: bird.{key}");
        assert!(
            said.contains(&place) && said.contains("HTTP header"),
            "{key}: {said}"
        );
    }
    let settings = stored_settings(&world).await;
    let mut wrong = settings.clone();
    wrong["SOCRATA_APP_TOKEN"] = json!("a\nb");
    let said = refused(&world, "settings", &wrong.to_string()).await;
    assert!(said.contains("SOCRATA_APP_TOKEN"), "{said}");
    assert_eq!(world.stored(), stored);
}

/// Some copy the whole header into `token`.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_sent_with_the_word_bearer_once() {
    let world = world().await;
    world
        .edit_providers(|providers| {
            let token = providers["bird"]["token"].as_str().unwrap();
            providers["bird"]["token"] = json!(format!("bearer  {token}"));
        })
        .await;
    world.expect(0, &ONE_HOUR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_version_is_found_by_a_civil_hour() {
    let world = world().await;
    world
        .edit_providers(|providers| providers["bird"]["delay"] = json!(0.001))
        .await;
    let now = world.expect(0, &["config", "get", "providers"]).await;
    let path = tempfile::NamedTempFile::new().unwrap();
    let mut entries = json!({});
    for name in ["bird", "lime"] {
        entries[name] = world.stack.providers[name].entry();
    }
    fs::write(path.path(), entries.to_string()).unwrap();
    let path = path.path().to_str().unwrap();
    world.expect(0, &["config", "put", "providers", path]).await;
    let get = |version| ["config", "get", "providers", "--version", version];
    for early in ["2020-01-15-13", "2020-01-15T19:00:00Z"] {
        let found = world.expect(0, &get(early)).await;
        assert_eq!(stdout(&found), stdout(&now), "{early}");
    }
    let late = stdout(&world.expect(0, &get("2049-01-15-13")).await);
    assert!(!late.contains("0.001"), "{late}");
    let said = stderr(&world.expect(2, &get("yesterday")).await);
    assert!(said.contains("--version yesterday"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_below_zero_is_a_value_and_no_option() {
    let world = world().await;
    for args in [
        &with(&ONE_HOUR, &["--concurrency", "-1"])[..],
        &["run", "--provider", "bird", "--interval", "-1"],
        &["report", "trips", "--month", "2020-01", "--min-miles", "-1"],
        &[
            "report",
            "trips",
            "--month",
            "2020-01",
            "--max-miles",
            "-0.5",
        ],
        &["doctor", "--timeout", "-1"],
        &["archive", "list", "--provider", "bird", "--interval", "-1"],
    ] {
        let said = stderr(&world.expect(2, args).await);
        assert!(said.contains("invalid value '-"), "{args:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_without_a_range_is_told_what_a_range_is() {
    let world = world().await;
    let said = stderr(&world.expect(2, &["audit", "--rows"]).await);
    for option in ["--month", "--time-min", "--time-max"] {
        assert!(said.contains(option), "{said}");
    }
    let asked = said.split("Usage:").next().unwrap();
    for other in ["--provider", "--rows", "--repair"] {
        assert!(!asked.contains(other), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_nobody_has_is_not_taken_for_another() {
    let world = world().await;
    for args in [
        &["archive", "list", "--provider", "nope"][..],
        &[
            "archive",
            "get",
            "--provider",
            "nope",
            "--time-max",
            "2020-01-15-13",
        ],
        &["config", "provider", "disable", "nope"],
    ] {
        let said = stderr(&world.expect(2, args).await);
        assert!(said.contains("bird, lime"), "{said}");
        assert!(
            !said.contains("meant?") && !said.contains("mds extract"),
            "{said}"
        );
    }
}
