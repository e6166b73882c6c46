//! `mds config edit`: an editor, a check, a question, and no secret left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{World, stderr, stdout, with, world_with};

/// A world, and a folder for the editor's script and the private files.
struct Desk {
    world: World,
    folder: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("runtime")).unwrap();
        Self {
            world: world_with(&["bird"], Map::new()).await,
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An editor that is a script; `$1` is the file.
    fn editor(&self, script: &str) -> String {
        let path = self.path("editor");
        fs::write(&path, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn edit(&self, script: &str, args: &[&str]) -> Command {
        let mut command = self.world.mds(&with(&["config", "edit"], args));
        command
            .env("EDITOR", self.editor(script))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("PATH", std::env::var("PATH").unwrap())
            .env("MDS", assert_cmd::cargo::cargo_bin!("mds"))
            .env("DESK", self.folder.path());
        command
    }

    /// Edits and checks the exit status, and that nothing is left of the private file.
    async fn expect(&self, status: i32, script: &str, args: &[&str]) -> Output {
        let output = World::output_of(self.edit(script, args)).await;
        assert_eq!(
            output.status.code(),
            Some(status),
            "{}\n{}",
            stdout(&output),
            stderr(&output)
        );
        self.assert_clean();
        output
    }

    fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.path("runtime")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_changes_what_the_person_changed_and_nothing_else() {
    let desk = Desk::new().await;
    let entry: Value = serde_json::from_str(&desk.world.revealed("providers").await).unwrap();
    let pretty = serde_json::to_string_pretty(&entry)
        .unwrap()
        .replace("  ", "\t");
    desk.world.put(0, "providers", &pretty, &[]).await;
    let script = r#"
        stat -c '%a' "$1" "$(dirname "$1")" > "$DESK/modes"
        cp "$1" "$DESK/seen"
        sed -i 's/"auth_type"/"delay": 1.50,\n\t\t"auth_type"/' "$1"
        touch "$1~""#;
    let output = desk.expect(0, script, &["providers", "--yes"]).await;
    assert_eq!(
        fs::read_to_string(desk.path("modes")).unwrap(),
        "600\n700\n"
    );
    assert_eq!(fs::read_to_string(desk.path("seen")).unwrap(), pretty);
    let shown = stderr(&output);
    assert!(shown.contains("+ bird.delay: 1.5"), "{shown}");
    assert!(!shown.contains(entry["bird"]["token"].as_str().unwrap()));
    let expected = pretty.replace("\"auth_type\"", "\"delay\": 1.50,\n\t\t\"auth_type\"");
    assert_eq!(desk.world.revealed("providers").await, expected);

    let output = desk.expect(0, ":", &["providers", "--yes"]).await;
    assert!(stderr(&output).contains("nothing was changed"));
    // A former version is taken back.
    desk.expect(0, ":", &["providers", "--version", "1", "--yes"])
        .await;
    assert_eq!(desk.world.revealed("providers").await, pretty);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_the_consent_is_an_option() {
    let desk = Desk::new().await;
    let output = desk
        .expect(2, "touch \"$DESK/opened\"", &["settings"])
        .await;
    assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
    assert!(!desk.path("opened").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_text_is_kept_encrypted_and_can_be_gone_on_with() {
    let desk = Desk::new().await;
    let stored = desk.world.revealed("settings").await;
    let script = "sed -i 's/US.Central/Mars/' \"$1\"";
    let output = desk.expect(2, script, &["settings", "--yes"]).await;
    let error = stderr(&output);
    for part in [
        "settings is not stored",
        "TIME_ZONE",
        "is kept, encrypted",
        ".draft",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(desk.world.revealed("settings").await, stored);
    let id = error.split("--version ").nth(1).unwrap();
    let id = id.split('`').next().unwrap();
    let key = format!("config/history/settings_staging.{id}.json");
    assert!(desk.world.raw_object(&key).starts_with(b"gAAAA"));
    // It is no former version.
    let error = desk
        .world
        .expect(2, &["config", "get", "settings", "--version", "1"])
        .await;
    assert!(stderr(&error).contains("no former version"));
    let script = "grep -q Mars \"$1\" && sed -i 's/Mars/US\\/Eastern/' \"$1\"";
    desk.expect(0, script, &["settings", "--yes", "--version", id])
        .await;
    let settings = desk.world.revealed("settings").await;
    assert!(settings.contains("US/Eastern"), "{settings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_somebody_else_is_not_overwritten() {
    let desk = Desk::new().await;
    let script = r#"
        "$MDS" config get settings --reveal | sed 's/US.Central/US\/Pacific/' > "$DESK/theirs"
        "$MDS" config put settings "$DESK/theirs"
        sed -i 's/US.Central/US\/Eastern/' "$1""#;
    let output = desk.expect(2, script, &["settings", "--yes"]).await;
    let error = stderr(&output);
    assert!(
        error.contains("somebody else changed config/settings_staging.json"),
        "{error}"
    );
    assert!(error.contains("is kept, encrypted"), "{error}");
    let settings = desk.world.revealed("settings").await;
    assert!(settings.contains("US/Pacific"), "{settings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_that_fails_stores_nothing() {
    let desk = Desk::new().await;
    let stored = desk.world.revealed("settings").await;
    let output = desk
        .expect(
            2,
            "sed -i 's/Central/Pacific/' \"$1\"; exit 3",
            &["settings", "--yes"],
        )
        .await;
    assert!(stderr(&output).contains("nothing is stored: the editor"));
    assert_eq!(desk.world.revealed("settings").await, stored);
    let output = desk.expect(2, ":", &["nothing", "--yes"]).await;
    assert!(stderr(&output).contains("there is no nothing yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_removes_the_private_file() {
    let desk = Desk::new().await;
    for (signal, status) in [("TERM", 143), ("HUP", 129)] {
        let opened = desk.path("opened");
        let _ = fs::remove_file(&opened);
        let mut command = desk.edit(
            "touch \"$DESK/opened\"; exec sleep 30",
            &["settings", "--yes"],
        );
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        wait_for(&opened).await;
        let id = child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(kill.unwrap().success());
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
        assert_eq!(ended.await.unwrap().code(), Some(status));
        desk.assert_clean();
    }
}

async fn wait_for(path: &Path) {
    for _ in 0..1000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} does not appear", path.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reports_as_one_json_document() {
    let desk = Desk::new().await;
    let script = "sed -i 's/US.Central/US\\/Pacific/' \"$1\"";
    let output = desk
        .expect(0, script, &["settings", "--yes", "--json"])
        .await;
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["key"], "config/settings_staging.json");
    let change =
        json!({"path": "TIME_ZONE", "change": "changed", "from": "US/Central", "to": "US/Pacific"});
    assert_eq!(document["changes"], json!([change]));
    let former = document["former"].as_str().unwrap();
    assert!(former.starts_with("config/history/settings_staging."));
}
