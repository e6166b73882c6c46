//! `mds config provider`: one entry changes, all others stay as they are written.

use serde_json::{Map, Value, json};

use crate::support::{World, stderr, stdout, with, world_with};

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
        error.contains("no provider brid, it has bird, lime; is `bird` meant?"),
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

const ID: &str = "2411d395-04f2-47c9-ab66-d09e9e3c3251";

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_added_disabled_with_a_token_from_a_variable_or_file() {
    let world = world_with(&["bird"], Map::new()).await;
    let first = world.revealed("providers").await;
    let add = with(
        &[
            "config",
            "provider",
            "add",
            "jump",
            "--mds-api-url",
            "https://mds.example.com",
        ],
        &[
            "--provider-id",
            ID,
            "--version",
            "1.2",
            "--reask-hours",
            "24,168",
            "--token-env",
            "JUMP_TOKEN",
        ],
    );
    let mut command = world.mds(&add);
    command.env("JUMP_TOKEN", "canary-1");
    let output = World::output_of(command).await;
    let shown = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    for line in [
        "+ jump.token: <hidden>",
        "+ jump.version: \"1.2\"",
        "adds jump, disabled",
        "next: `mds probe --provider jump`, then `mds config provider enable jump`",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let text = world.revealed("providers").await;
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        file["jump"],
        json!({"mds_api_url": "https://mds.example.com", "provider_id": ID, "version": "1.2", "token": "canary-1",
               "reask_hours": [24, 168], "enabled": false})
    );
    let former: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(file["bird"], former["bird"]);
    assert!(stderr(&world.expect(2, &add).await).contains("has a provider jump already"));

    // A token from standard input replaces it.
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "canary-2\n").unwrap();
    let edit = ["config", "provider", "edit", "jump"];
    let mut command = world.mds(&with(
        &edit,
        &["--token-file", "-", "--unset", "reask_hours"],
    ));
    command.stdin(std::fs::File::open(secret.path()).unwrap());
    let output = World::output_of(command).await;
    let shown = stderr(&output);
    assert!(shown.contains("~ jump.token: changed"), "{shown}");
    assert!(shown.contains("- jump.reask_hours: [24,168]"), "{shown}");
    let edited = world.revealed("providers").await;
    assert!(
        edited.contains("canary-2") && !edited.contains("reask_hours"),
        "{edited}"
    );

    for (arguments, expected) in [
        (vec![], "nothing to change"),
        (vec!["--delay", "soon"], "--delay: it must be a number"),
        (vec!["--max-loss", "2"], "jump.max_loss must be"),
        (vec!["--unset", "delai"], "has no such key"),
        (vec!["--unset", "token"], "jump.auth_type is missing"),
        (
            vec!["--token-env", "NO_SUCH_VARIABLE"],
            "NO_SUCH_VARIABLE is not set",
        ),
        (vec!["--token", "canary-3"], "unexpected argument"),
    ] {
        let error = stderr(&world.expect(2, &with(&edit, &arguments)).await);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(world.revealed("providers").await, edited);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_needs_is_named_by_the_options_that_give_it() {
    let world = world_with(&["bird"], Map::new()).await;
    let add = ["config", "provider", "add", "jump"];
    for (given, missing) in [
        (vec![], "--mds-api-url, --provider-id, --auth-type"),
        (vec!["--auth-type", "bearer"], "--token-file or --token-env"),
        (
            vec!["--auth-type", "Basic"],
            "--auth-data-file or --auth-data-env",
        ),
        (vec!["--auth-type", "OAuth"], "--token-url"),
        (vec!["--auth-type", "Custom"], "--headers-file"),
    ] {
        let error = stderr(&world.expect(2, &with(&add, &given)).await);
        assert!(error.contains(missing), "{missing}: {error}");
    }
    let error = stderr(
        &world
            .expect(2, &["config", "provider", "add", "Jump!"])
            .await,
    );
    assert!(error.contains("lower-case letters"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_provider_can_be_probed_and_enabled_at_once() {
    let world = world_with(&["bird"], Map::new()).await;
    let file: Value = serde_json::from_str(&world.revealed("providers").await).unwrap();
    let bird = &file["bird"];
    let text = |key: &str| bird[key].as_str().unwrap();
    let (url, id) = (text("mds_api_url"), text("provider_id"));
    let add = [
        "config",
        "provider",
        "add",
        "twin",
        "--mds-api-url",
        url,
        "--provider-id",
        id,
    ];
    let more = [
        "--version",
        text("version"),
        "--token-env",
        "TOKEN",
        "--enable",
        "--probe",
    ];
    let mut command = world.mds(&with(&add, &more));
    command.env("TOKEN", text("token"));
    let output = World::output_of(command).await;
    let shown = stderr(&output);
    assert!(
        shown.contains("adds twin: runs over all providers include it"),
        "{shown}"
    );
    assert!(
        shown.contains("warning: the entries bird, twin have the same provider_id"),
        "{shown}"
    );
    assert!(shown.contains("a week before"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_what_is_missing_is_asked_for_and_the_token_is_not_shown() {
    let world = world_with(&["bird"], Map::new()).await;
    let mds = assert_cmd::cargo::cargo_bin!("mds");
    let line = format!("{} config provider add jump --version 1.2", mds.display());
    let mut command = std::process::Command::new("script");
    command
        .env_clear()
        .envs(&world.stack.env)
        .env("PATH", std::env::var("PATH").unwrap())
        .args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let answers = format!("https://mds.example.com\n{ID}\n\ncanary-token\n");
    let output = tokio::task::spawn_blocking(move || answer(command, &answers))
        .await
        .unwrap();
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    for question in ["mds_api_url:", "provider_id:", "auth_type:", "(not shown)"] {
        assert!(shown.contains(question), "{question}: {shown}");
    }
    assert!(!shown.contains("canary"), "{shown}");
    let file: Value = serde_json::from_str(&world.revealed("providers").await).unwrap();
    assert_eq!(file["jump"]["token"], "canary-token");
    assert_eq!(file["jump"]["auth_type"], "Bearer");
}

/// Types an answer whenever a question is asked, as a person does: what is typed before a secret is
/// asked for would be shown.
fn answer(mut command: std::process::Command, answers: &str) -> std::process::Output {
    use std::io::{Read as _, Write as _};
    use std::process::Stdio;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut answers = answers.split_inclusive('\n');
    let (mut text, mut seen) = (Vec::new(), 0);
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer) {
        text.extend_from_slice(&buffer[..count]);
        let new = String::from_utf8_lossy(&text[seen..]).into_owned();
        let asks = [": ", "] ", ". ", "(not shown) "]
            .iter()
            .any(|end| new.ends_with(end));
        if asks && let Some(answer) = answers.next() {
            seen = text.len();
            std::thread::sleep(std::time::Duration::from_millis(200));
            input.write_all(answer.as_bytes()).unwrap();
            input.flush().unwrap();
        }
    }
    drop(input);
    let status = child.wait().unwrap();
    std::process::Output {
        status,
        stdout: text,
        stderr: Vec::new(),
    }
}
