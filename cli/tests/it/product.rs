//! `mds` as a product: its version, completions and man pages, and `--docker-mode`.
//!
//! The container engine is the one thing here that is not real: a script that takes its place in
//! `PATH` and records how it is called.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use tempfile::TempDir;

fn mds() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mds"));
    command.env_clear().stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn nobody_has_to_read_what_is_said() {
    let mut refused = mds()
        .args(["run", "--provider", "bird"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(refused.stderr.take());
    // As behind `2>&1 | head`.
    assert_eq!(refused.wait().unwrap().code(), Some(2));
}

#[test]
fn the_version_names_the_commit_and_its_date() {
    let output = mds().arg("--version").output().unwrap();
    let text = stdout(&output);
    let version = text.trim().strip_prefix("mds 0.1.0 (").unwrap();
    let parts: Vec<_> = version.trim_end_matches(')').split(", ").collect();
    let is_known = parts[0].len() == 9 && parts[0].chars().all(|c| c.is_ascii_hexdigit());
    assert!(is_known || parts[0] == "commit unknown", "{text}");
    if is_known {
        assert_eq!(parts[1].len(), "2026-11-26".len(), "{text}");
    }
}

#[rstest]
#[case::bash("bash", "complete -F _mds")]
#[case::zsh("zsh", "#compdef mds")]
#[case::fish("fish", "complete -c mds")]
fn a_shell_gets_completions(#[case] shell: &str, #[case] part: &str) {
    let output = mds().args(["completions", shell]).output().unwrap();
    let script = stdout(&output);
    assert!(script.contains(part), "{script}");
    assert!(script.contains("--incomplete-only"));
    // Those shells that this machine has read the script.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    fs::write(&file, script).unwrap();
    if let Ok(checked) = Command::new(shell).arg("-n").arg(&file).output() {
        assert!(checked.status.success(), "{}", stderr(&checked));
    }
}

#[test]
fn every_command_has_a_man_page_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let output = mds()
        .arg("man")
        .arg("--out")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for name in [
        "mds.1",
        "mds-run.1",
        "mds-config-put.1",
        "mds-archive-get.1",
    ] {
        let page = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(page.contains(".SH EXAMPLES"), "{name}: {page}");
        assert!(page.contains(".SH \"EXIT STATUS\"") || page.contains(".SH EXIT STATUS"));
    }
    let page = folder.path().join("mds-run.1");
    let shown = Command::new("man")
        .arg("-l")
        .arg(page)
        .env("MANWIDTH", "100")
        .output();
    if let Ok(shown) = shown
        && shown.status.success()
    {
        let text = stdout(&shown);
        let example = "mds run --provider all --scheduled --interval 840 --incomplete-only";
        assert!(text.contains(example), "{text}");
    }
}

/// A folder with an engine that records its arguments and those variables that may be secrets.
struct Engine {
    folder: TempDir,
}

impl Engine {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(name);
        let record = folder.path().join("record");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" > {0}\necho \"key=$ATD_MDS_FERNET_KEY\" >> {0}\nexit 7\n",
            record.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `mds` where this engine is the only one.
    fn run(&self, change: impl FnOnce(&mut Command)) -> Output {
        let mut command = mds();
        command
            .env("PATH", format!("{}:/nowhere", self.folder.path().display()))
            .env("HOME", "/nowhere")
            .current_dir(self.folder.path());
        change(&mut command);
        command.output().unwrap()
    }

    fn record(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("record")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn has_pair(words: &[String], pair: [&str; 2]) -> bool {
    words.windows(2).any(|words| words == pair)
}

#[rstest]
#[case::docker("docker")]
#[case::podman("podman")]
fn docker_mode_runs_the_same_command_in_a_container(#[case] engine: &str) {
    let engine = Engine::new(engine);
    let file = engine.path("city.env");
    fs::write(
        &file,
        "# a city\nATD_MDS_FERNET_KEY=\"from-the-file\"\nATD_MDS_BUCKET=mds\n",
    )
    .unwrap();
    let output = engine.run(|mds| {
        mds.env("AWS_SECRET_ACCESS_KEY", "never-shown")
            .env("AWS_ACCESS_KEY_ID", "id-of-the-key")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
            .env("MDS_IMAGE", "registry.example/mds:1")
            .args(["--env-file", "city.env", "--docker-mode", "extract"])
            .args(["--provider", "bird", "--time-max", "2020-01-15-13"])
            .args(["--file", "out/../trips.json"]);
    });
    // The exit status is that of the command inside.
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    let words = engine.record();
    assert_eq!(words[1..4], ["run", "--rm", "--interactive"]);
    assert!(has_pair(&words, ["--env-file", "city.env"]), "{words:?}");
    for name in [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "ATD_MDS_FERNET_KEY",
        "ATD_MDS_BUCKET",
    ] {
        assert!(has_pair(&words, ["--env", name]), "{name}: {words:?}");
    }
    let folder = engine.folder.path().canonicalize().unwrap();
    let mount = format!("type=bind,source={0},target={0}", folder.display());
    assert!(has_pair(&words, ["--mount", &mount]), "{words:?}");
    assert!(has_pair(&words, ["--workdir", folder.to_str().unwrap()]));
    assert!(words.iter().any(|word| word.starts_with("--user=")));
    assert!(words.contains(&"--network=host".to_owned()));
    assert!(!words.contains(&"--tty".to_owned()));
    let image = words
        .iter()
        .position(|word| word == "registry.example/mds:1")
        .unwrap();
    assert_eq!(
        words[image + 1..words.len() - 1],
        [
            "extract",
            "--provider",
            "bird",
            "--time-max",
            "2020-01-15-13",
            "--file",
            "out/../trips.json"
        ]
    );
    // The engine takes quotes for a part of a value; the variable that it inherits has none.
    assert_eq!(words.last().unwrap(), "key=from-the-file");
    let shown = stderr(&output);
    assert!(shown.starts_with(&format!(
        "{} run --rm",
        Path::new(&words[0]).file_name().unwrap().display()
    )));
    for secret in ["never-shown", "id-of-the-key", "from-the-file"] {
        let argv = words[..words.len() - 1].join(" ");
        assert!(
            !argv.contains(secret) && !shown.contains(secret),
            "{secret}"
        );
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn authorities_and_profiles_that_variables_name_are_mounted() {
    let engine = Engine::new("docker");
    let file = engine.path("city.pem");
    fs::write(&file, "").unwrap();
    engine.run(|mds| {
        mds.env("SSL_CERT_FILE", &file)
            .env("AWS_CONFIG_FILE", "/nowhere/config")
            .args(["--docker-mode", "status"]);
    });
    let words = engine.record();
    let mount = format!("type=bind,source={0},target={0},readonly", file.display());
    assert!(has_pair(&words, ["--mount", &mount]), "{words:?}");
    assert!(has_pair(&words, ["--env", "SSL_CERT_FILE"]), "{words:?}");
    // It would lead nowhere there, too.
    assert!(!words.contains(&"AWS_CONFIG_FILE".to_owned()), "{words:?}");
}

#[test]
fn a_place_that_two_variables_name_is_mounted_once() {
    let engine = Engine::new("docker");
    let folder = engine.path("authorities");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("city.pem");
    fs::write(&file, "").unwrap();
    let mounts = |words: &[String]| words.iter().filter(|it| *it == "--mount").count();
    engine.run(|mds| {
        mds.env("SSL_CERT_FILE", &file)
            .env("AWS_CA_BUNDLE", &file)
            .args(["--docker-mode", "status"]);
    });
    assert_eq!(mounts(&engine.record()), 1, "{:?}", engine.record());
    // The folder holds the file, and the link in it does not.
    let link = folder.join("link.pem");
    std::os::unix::fs::symlink(engine.path("elsewhere.pem"), &link).unwrap();
    fs::write(engine.path("elsewhere.pem"), "").unwrap();
    for (bundle, count) in [(&file, 1), (&link, 2)] {
        engine.run(|mds| {
            mds.env("SSL_CERT_DIR", &folder)
                .env("AWS_CA_BUNDLE", bundle)
                .args(["--docker-mode", "status"]);
        });
        assert_eq!(mounts(&engine.record()), count, "{:?}", engine.record());
    }
}

#[test]
fn a_folder_of_an_option_is_mounted_itself() {
    let engine = Engine::new("docker");
    let folder = engine.path("city");
    fs::create_dir(&folder).unwrap();
    for (name, mounted) in [
        ("city", folder.clone()),
        ("new", folder.parent().unwrap().to_owned()),
    ] {
        engine.run(|mds| {
            mds.args(["--docker-mode", "init", "--yes", "--folder"])
                .arg(engine.path(name));
        });
        let words = engine.record();
        let mount = format!("type=bind,source={0},target={0}", mounted.display());
        assert!(has_pair(&words, ["--mount", &mount]), "{words:?}");
    }
}

#[test]
fn the_folder_of_a_key_s_file_is_mounted() {
    let engine = Engine::new("docker");
    let folder = engine.path("keys");
    fs::create_dir(&folder).unwrap();
    let run = |file: &std::path::Path| {
        engine.run(|mds| {
            mds.args(["--docker-mode", "config", "provider", "add", "foo"])
                .arg("--token-file")
                .arg(file);
        });
        engine.record()
    };
    let words = run(&folder.join("token"));
    let mount = format!("type=bind,source={0},target={0}", folder.display());
    assert!(has_pair(&words, ["--mount", &mount]), "{words:?}");
    // Standard input.
    let words = run(std::path::Path::new("-"));
    assert!(!words.contains(&"--workdir".to_owned()), "{words:?}");
}

#[test]
fn variables_that_a_command_names_are_passed_on_by_name() {
    let engine = Engine::new("docker");
    let secrets = [
        "DATABASE_URL",
        "PROVIDER_TOKEN",
        "SOCRATA_APP_TOKEN",
        "SOCRATA_KEY_ID",
    ];
    let run = |words: &[&str]| {
        engine.run(|mds| {
            for name in secrets.iter().chain(&["MYTOK"]) {
                mds.env(name, "canary");
            }
            mds.arg("--docker-mode").args(words);
        });
        let words = engine.record();
        assert!(!words.concat().contains("canary"), "{words:?}");
        words
    };
    let words = run(&["init", "--yes", "--folder", "."]);
    for name in secrets {
        assert!(has_pair(&words, ["--env", name]), "{name}: {words:?}");
    }
    assert!(!words.contains(&"SOCRATA_KEY_SECRET".to_owned()), "unset");

    let words = run(&["config", "provider", "edit", "bird", "--token-env", "MYTOK"]);
    assert!(has_pair(&words, ["--env", "MYTOK"]), "{words:?}");
    assert!(!has_pair(&words, ["--env", "PROVIDER_TOKEN"]), "{words:?}");
}

#[test]
fn docker_mode_refuses_what_the_image_lacks() {
    let engine = Engine::new("docker");
    for (words, lacks) in [
        (&["demo"][..], "the image has no `mds demo`"),
        (&["sandbox"], "the image has no `mds sandbox`"),
        (&["sandbox", "provider"], "the image has no `mds sandbox`"),
        (
            &["config", "edit", "settings"],
            "the image has no editor for `mds config edit`",
        ),
    ] {
        let output = engine.run(|mds| {
            mds.arg("--docker-mode").args(words);
        });
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let text = stderr(&output);
        let sentence = format!("{lacks}: leave out --docker-mode");
        assert!(text.contains(&sentence), "{text}");
        assert!(!engine.path("record").exists(), "nothing is started");
    }
}

#[test]
fn a_command_without_files_mounts_nothing_and_uses_its_own_network() {
    let engine = Engine::new("docker");
    engine.run(|mds| {
        mds.args([
            "run",
            "--docker-mode",
            "--provider",
            "all",
            "--interval",
            "24",
        ]);
    });
    let words = engine.record();
    for word in ["--mount", "--workdir", "--network=host", "--env-file"] {
        assert!(!words.contains(&word.to_owned()), "{words:?}");
    }
    assert!(words.contains(&"mds-etl:0.1.0".to_owned()), "{words:?}");
}

#[test]
fn docker_mode_without_an_engine_says_what_to_install() {
    let output = mds()
        .env("PATH", "/nowhere")
        .args(["--docker-mode", "run", "--provider", "bird"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("install Docker") && text.contains("Podman"),
        "{text}"
    );
}

#[test]
fn docker_mode_has_no_effect_in_the_image() {
    let output = mds()
        .env("PATH", "/nowhere")
        .env("MDS_IN_CONTAINER", "1")
        .args(["--docker-mode", "config", "list"])
        .output()
        .unwrap();
    let text = stderr(&output);
    assert!(text.contains("ATD_MDS_BUCKET"), "{text}");
}

#[rstest]
#[case::help("--help")]
#[case::completions("completions zsh")]
fn a_reader_that_has_read_enough_is_no_error(#[case] line: &str) {
    let mds = assert_cmd::cargo::cargo_bin!("mds").display().to_string();
    let command = format!("{mds} {line} 2>&1 | true; exit ${{PIPESTATUS[0]}}");
    let output = Command::new("bash")
        .args(["-c", &command])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}
