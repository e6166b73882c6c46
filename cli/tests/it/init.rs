//! `mds init`: from an empty folder to a first hour.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{World, options, stderr, stdout, world_of};

/// A world whose bucket and database are as somebody has just got them, and an empty folder.
pub(crate) struct Beginning {
    pub(crate) world: World,
    folder: TempDir,
}

impl Beginning {
    pub(crate) async fn new() -> Self {
        let world = world_of(options(&["bird"])).await;
        for name in ["config", "boundaries"] {
            fs::remove_dir_all(world.stack.bucket_folder().join(name)).unwrap();
        }
        world
            .database
            .batch_execute("DROP SCHEMA api CASCADE")
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let entry = json!({"bird": world.stack.providers["bird"].entry()});
        fs::write(folder.path().join("bird.json"), entry.to_string()).unwrap();
        Self { world, folder }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// `mds` in the folder, with nothing in its environment but credentials and the database.
    pub(crate) fn mds(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mds"));
        command
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", self.world.stack.s3.access_key())
            .env("AWS_SECRET_ACCESS_KEY", self.world.stack.s3.secret_key())
            .current_dir(self.folder.path())
            .args(args)
            .stdin(Stdio::null());
        command
    }

    fn init(&self, more: &[&str]) -> Command {
        let endpoint = self.world.stack.s3.endpoint_url();
        let mut command = self.mds(&["init", "--yes", "--bucket", "mds", "--endpoint", &endpoint]);
        command
            .args(["--provider-file", "bird.json"])
            .args(more)
            .env("DATABASE_URL", &self.world.stack.database_url);
        command
    }

    pub(crate) async fn expect(status: i32, command: Command) -> Output {
        let output = World::output_of(command).await;
        let said = format!("{}\n{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(status), "{said}");
        output
    }

    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (
                    path.file_name().unwrap().to_str().unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_comes_to_a_first_hour_and_a_second_call_changes_nothing() {
    let start = Beginning::new().await;
    let output = Beginning::expect(0, start.init(&[])).await;
    let next = stdout(&output);
    for name in ["mds.env", "settings.json", "providers.json"] {
        assert_eq!(mode(&start.path(name)), 0o600, "{name}");
    }
    let env = fs::read_to_string(start.path("mds.env")).unwrap();
    assert!(
        env.contains("\n# Encrypts what is put into the bucket"),
        "{env}"
    );
    let settings: Value =
        serde_json::from_slice(&fs::read(start.path("settings.json")).unwrap()).unwrap();
    assert_eq!(settings["BOUNDARIES"], json!([]));
    assert!(settings["PUBLIC_ID_KEY"].as_str().unwrap().len() >= 32);
    let sealed = start
        .world
        .stack
        .bucket_folder()
        .join("config/settings_staging.json");
    assert!(
        !fs::read_to_string(sealed)
            .unwrap()
            .contains("PUBLIC_ID_KEY"),
        "it is encrypted"
    );

    // The first command that it prints loads an hour.
    let line = next.lines().find(|line| line.contains(" run ")).unwrap();
    let args: Vec<&str> = line.split_whitespace().skip(1).collect();
    Beginning::expect(0, start.mds(&args)).await;
    assert!(start.world.number("SELECT count(*) FROM api.trips").await > 0);

    let (files, stored) = (start.files(), start.world.stored());
    let output = Beginning::expect(0, start.init(&["--json"])).await;
    assert_eq!(start.files(), files);
    assert_eq!(start.world.stored(), stored);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["migrated"], json!([]));
    assert!(
        report["stored"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["state"] == "unchanged"),
        "{report}"
    );
    // The folder has every answer by now.
    let mut bare = start.mds(&["init"]);
    bare.stdin(Stdio::null());
    Beginning::expect(0, bare).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_tool_are_left_to_a_migration() {
    let beginning = Beginning::new().await;
    let database = &beginning.world.database;
    database
        .batch_execute(crate::moving_in::OLD_TABLES)
        .await
        .unwrap();
    let before = beginning.world.dump().await;
    let said = stderr(&Beginning::expect(2, beginning.init(&[])).await);
    assert!(
        said.contains("tables of another tool") && said.contains("docs/MIGRATING.md"),
        "{said}"
    );
    assert_eq!(beginning.world.dump().await, before);
    // What it has stored is what `mds migrate` needs.
    let migrate = beginning.mds(&["--env-file", "mds.env", "migrate"]);
    Beginning::expect(0, migrate).await;
    Beginning::expect(0, beginning.init(&[])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_answers_are_named_by_their_options_and_nothing_is_written() {
    let start = Beginning::new().await;
    let before = start.files();
    let output = Beginning::expect(2, start.mds(&["init"])).await;
    for word in ["--bucket", "--region", "--yes"] {
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
    let endpoint = start.world.stack.s3.endpoint_url();
    let args = ["init", "--yes", "--bucket", "mds", "--endpoint", &endpoint];
    let output = Beginning::expect(2, start.mds(&args)).await;
    for word in ["DATABASE_URL", "--secrets", "--provider"] {
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
    }
    assert_eq!(start.files(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_gone_on_with_after_the_correction() {
    let start = Beginning::new().await;
    let mut wrong = start.init(&[]);
    wrong.env(
        "DATABASE_URL",
        "postgresql://user:secret-password@127.0.0.1:9/mds",
    );
    let output = Beginning::expect(1, wrong).await;
    assert!(
        stderr(&output).contains("127.0.0.1:9"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("settings.json"),
        "{}",
        stderr(&output)
    );
    assert!(
        !stderr(&output).contains("secret-password"),
        "{}",
        stderr(&output)
    );
    assert!(
        !start
            .world
            .stack
            .bucket_folder()
            .join("config/settings_staging.json")
            .exists()
    );

    let key = fs::read_to_string(start.path("mds.env")).unwrap();
    let text = fs::read_to_string(start.path("settings.json")).unwrap();
    let mut settings: Value = serde_json::from_str(&text).unwrap();
    settings["DATABASE_URL"] = json!(start.world.stack.database_url);
    fs::write(start.path("settings.json"), settings.to_string()).unwrap();
    Beginning::expect(0, start.init(&[])).await;
    assert_eq!(fs::read_to_string(start.path("mds.env")).unwrap(), key);

    // What somebody has changed on one side only is not overwritten.
    settings["TIME_ZONE"] = json!("America/New_York");
    fs::write(start.path("settings.json"), settings.to_string()).unwrap();
    let output = Beginning::expect(2, start.init(&[])).await;
    assert!(
        stderr(&output).contains("mds config put"),
        "{}",
        stderr(&output)
    );
    let output = Beginning::expect(2, start.init(&["--stage", "production"])).await;
    assert!(
        stderr(&output).contains("ATD_MDS_RUN_MODE"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn portal_and_boundaries_are_checked_and_a_second_person_takes_what_is_stored() {
    let start = Beginning::new().await;
    let (key, geojson) = sandbox_provider::city::layers().into_iter().next().unwrap();
    fs::write(start.path("layer.geojson"), geojson).unwrap();
    let layer = key
        .trim_start_matches("boundaries/")
        .trim_end_matches(".json")
        .to_owned();
    let portal = start.world.stack.portal.url();
    let boundaries = format!("{layer}=layer.geojson");
    let with_portal = |more: &[&str]| {
        let mut command = start.init(&[
            "--portal",
            &portal,
            "--dataset",
            "abcd-2345",
            "--boundaries",
            &boundaries,
        ]);
        command.args(more);
        command
    };
    let output = Beginning::expect(2, with_portal(&[])).await;
    assert!(
        stderr(&output).contains("SOCRATA_APP_TOKEN"),
        "{}",
        stderr(&output)
    );
    fs::write(
        start.path("secrets.env"),
        "SOCRATA_APP_TOKEN=sandbox-app-token\nSOCRATA_KEY_ID=sandbox-key\nSOCRATA_KEY_SECRET=sandbox-key-secret\n",
    )
    .unwrap();
    let output = Beginning::expect(0, with_portal(&["--secrets", "secrets.env"])).await;
    assert!(start.world.stack.bucket_folder().join(key).exists());
    let line = stdout(&output)
        .lines()
        .find(|line| line.contains(" run "))
        .unwrap()
        .to_owned();
    Beginning::expect(
        0,
        start.mds(&line.split_whitespace().skip(1).collect::<Vec<_>>()),
    )
    .await;
    assert!(start.world.stack.portal.row_count() > 0);
    Beginning::expect(0, start.mds(&["--env-file", "mds.env", "doctor"])).await;

    // In another folder, with the bucket and its key.
    let other = tempfile::tempdir().unwrap();
    let variables = fs::read_to_string(start.path("mds.env")).unwrap();
    let fernet_key = variables
        .lines()
        .find_map(|line| line.strip_prefix("ATD_MDS_FERNET_KEY="))
        .unwrap();
    let endpoint = start.world.stack.s3.endpoint_url();
    let args = ["init", "--yes", "--bucket", "mds", "--endpoint", &endpoint];
    let mut second = start.mds(&args);
    second.current_dir(other.path());
    let output = Beginning::expect(2, second).await;
    assert!(
        stderr(&output).contains("another Fernet key"),
        "{}",
        stderr(&output)
    );
    let mut second = start.mds(&args);
    second
        .current_dir(other.path())
        .env("ATD_MDS_FERNET_KEY", fernet_key);
    Beginning::expect(0, second).await;
    assert!(other.path().join("mds.env").exists());
    assert!(!other.path().join("settings.json").exists());
}

#[test]
fn the_examples_to_copy_are_files_that_load() {
    let settings = include_bytes!("../../../docs/examples/settings.json");
    config::Settings::from_json(settings)
        .unwrap()
        .check()
        .unwrap();
    let providers = include_bytes!("../../../docs/examples/providers.json");
    let providers = config::Providers::from_json(providers).unwrap();
    providers.check().unwrap();
    assert_eq!(providers.iter().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_is_corrected_by_the_next_one() {
    let start = Beginning::new().await;
    let before = start.files();
    let entry = start.world.stack.providers["bird"].entry();
    let text = |name: &str| entry[name].as_str().unwrap();
    let init = |more: &[&str]| {
        let endpoint = start.world.stack.s3.endpoint_url();
        let mut command = start.mds(&["init", "--yes", "--bucket", "mds", "--endpoint", &endpoint]);
        command
            .args(["--provider", "bird", "--provider-url", text("mds_api_url")])
            .args(["--provider-id", text("provider_id")])
            .args(more)
            .env("PROVIDER_TOKEN", text("token"))
            .env("DATABASE_URL", &start.world.stack.database_url);
        command
    };
    for wrong in [
        ["--provider-version", "7"],
        ["--time-zone", "Asia/Kolkata"],
        ["--auth-type", "Sesame"],
    ] {
        Beginning::expect(2, init(&wrong)).await;
        assert_eq!(start.files(), before, "{wrong:?}");
    }
    Beginning::expect(0, init(&["--provider-version", "1.2"])).await;

    // What is written is kept, and the option that it contradicts is not passed over.
    for (option, file) in [
        (["--provider-version", "0.3"], "providers.json"),
        (["--time-zone", "US/Eastern"], "settings.json"),
    ] {
        let said = stderr(&Beginning::expect(2, init(&option)).await);
        assert!(
            said.contains(option[0]) && said.contains(file) && said.contains("remove it"),
            "{said}"
        );
    }
    Beginning::expect(0, init(&["--provider-version", "1.2"])).await;
    std::fs::remove_file(start.path("providers.json")).unwrap();
    let said = stderr(&Beginning::expect(2, init(&["--provider-version", "0.3"])).await);
    assert!(said.contains("mds config edit providers"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_place_of_a_folder_is_wrong_usage() {
    let start = Beginning::new().await;
    for args in [
        &["init", "--folder", "bird.json"][..],
        &["man", "--out", "bird.json"],
        &["sandbox", "--folder", "bird.json", "--write-env", "s.env"],
    ] {
        let output = World::output_of(start.mds(args)).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("bird.json"), "{said}");
        assert!(said.matches("os error").count() <= 1, "{said}");
    }
}
