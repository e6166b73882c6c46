//! `mds sandbox` and `mds demo` leave no process and no temporary folder behind, however they end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rstest::rstest;
use tempfile::TempDir;

use crate::support::until;

/// A running command that keeps all its files in a folder of its own.
struct Started {
    mds: Child,
    folder: TempDir,
}

impl Started {
    fn new(args: &[&str]) -> Self {
        let folder = TempDir::with_prefix("mds-leftovers-").unwrap();
        // Postgres may run as another user, who must be able to enter the folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        fs::set_permissions(
            folder.path().join("tmp"),
            fs::Permissions::from_mode(0o1777),
        )
        .unwrap();
        let mds = Command::new(assert_cmd::cargo::cargo_bin!("mds"))
            .args(args)
            .current_dir(folder.path())
            .env("TMPDIR", folder.path().join("tmp"))
            // Not the Postgres that the tests share.
            .env_remove("NEXTEST_RUN_ID")
            .stdin(Stdio::null())
            .stdout(fs::File::create(folder.path().join("stdout")).unwrap())
            .stderr(fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Self { mds, folder }
    }

    /// Waits until the output contains `word`.
    async fn wait_for_output(&mut self, word: &str) {
        until(word, async || {
            let output = self.output();
            assert!(
                self.mds.try_wait().unwrap().is_none(),
                "ended too soon: {output}"
            );
            output.contains(word)
        })
        .await;
    }

    fn output(&self) -> String {
        ["stdout", "stderr"]
            .map(|file| fs::read_to_string(self.folder.path().join(file)).unwrap())
            .concat()
    }

    fn signal(&self, signal: &str) {
        let id = self.mds.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the command and of its child processes, and for the removal of its
    /// temporary folders. Returns the exit status.
    async fn wait_for_cleanup(mut self) -> Option<i32> {
        let mut code = None;
        until("its end", async || {
            let ended = self.mds.try_wait().unwrap();
            code = ended.and_then(|status| status.code());
            ended.is_some()
        })
        .await;
        until("the end of its children", async || {
            processes(self.folder.path()).is_empty()
        })
        .await;
        let left = || {
            fs::read_dir(self.folder.path().join("tmp"))
                .unwrap()
                .count()
        };
        until("its temporary folders to go", async || left() == 0).await;
        code
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.mds.kill();
        let _ = self.mds.wait();
    }
}

/// The command lines of the processes that mention the folder.
fn processes(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.unwrap().path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(folder))
        .collect()
}

#[rstest]
#[case::ctrl_c("-INT", Some(130))]
#[case::terminated("-TERM", Some(143))]
#[case::killed("-KILL", None)]
#[tokio::test]
async fn a_sandbox_leaves_nothing(#[case] signal: &str, #[case] code: Option<i32>) {
    let mut sandbox = Started::new(&["sandbox"]);
    sandbox.wait_for_output("Ctrl-C ends it").await;
    assert!(!processes(sandbox.folder.path()).is_empty());
    sandbox.signal(signal);
    assert_eq!(sandbox.wait_for_cleanup().await, code);
}

#[rstest]
#[case::ctrl_c("-INT", Some(130))]
#[case::killed("-KILL", None)]
#[tokio::test]
async fn a_sandbox_that_is_just_starting_leaves_nothing(
    #[case] signal: &str,
    #[case] code: Option<i32>,
) {
    let sandbox = Started::new(&["sandbox"]);
    until("its first child", async || {
        !processes(sandbox.folder.path()).is_empty()
    })
    .await;
    sandbox.signal(signal);
    assert_eq!(sandbox.wait_for_cleanup().await, code);
}

#[tokio::test]
async fn a_provider_of_the_sandbox_ends_by_a_signal_too() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut provider = Started::new(&["sandbox", "provider"]);
        provider.wait_for_output("provider_id").await;
        provider.signal(signal);
        assert_eq!(provider.wait_for_cleanup().await, Some(code), "{signal}");
    }
}

#[rstest]
#[case::ctrl_c("-INT", Some(130))]
#[case::terminated("-TERM", Some(143))]
#[case::killed("-KILL", None)]
#[tokio::test]
async fn a_demo_leaves_nothing_but_its_folder(#[case] signal: &str, #[case] code: Option<i32>) {
    let mut demo = Started::new(&["demo", "--folder", "demo"]);
    // This line is printed during the first run.
    demo.wait_for_output("blocks after").await;
    assert!(!processes(demo.folder.path()).is_empty());
    demo.signal(signal);
    assert_eq!(demo.wait_for_cleanup().await, code);
}

#[tokio::test]
async fn a_demo_says_what_failed_and_what_repaired_it() {
    let folder = TempDir::with_prefix("mds-demo-").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("mds"))
        .args(["demo", "--folder", "demo"])
        .current_dir(folder.path())
        .env_remove("NEXTEST_RUN_ID")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let part = |from: &str, to: &str| -> Vec<String> {
        let after = text.split(from).nth(1).unwrap();
        let part = after.split(to).next().unwrap();
        part.lines().map(|line| line.trim().to_owned()).collect()
    };
    // The same in each run.
    let failed = part("and why:\n", "\n\n");
    let begins = |n: usize, text: &str| failed[n].starts_with(text);
    assert_eq!(failed.len(), 4, "{text}");
    assert!(
        begins(
            0,
            "bird 2020-10-31-09   extract: the provider has not published"
        ),
        "{text}"
    );
    // All rows of the hour, in whatever upload they came.
    let refused = "bird 2020-10-31-18   sync-socrata: the portal refused 152 rows";
    assert!(begins(1, refused), "{text}");
    assert!(begins(2, "lime 2020-10-31-18   extract: "), "{text}");
    assert!(begins(3, "bird 2020-11-01-01b  extract: "), "{text}");
    let repaired = part("this would do:\n", "\n\n");
    assert_eq!(
        repaired,
        [
            "bird 2020-10-31-09   mds run --provider bird --time-max 2020-10-31-09",
            "bird 2020-10-31-18   mds run --provider bird --time-max 2020-10-31-18",
            "lime 2020-10-31-18   mds run --provider lime --time-max 2020-10-31-18",
            "bird 2020-11-01-01b  mds run --provider bird --time-max 2020-11-01T07:00:00Z",
        ]
    );
}
