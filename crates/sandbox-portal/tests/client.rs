//! A client of Socrata that others have written, unchanged.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sandbox_portal::{Portal, PortalOptions};

/// Finds a Python that has the module. Without one the test fails: it must not pass untested.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let candidates = [
        std::env::var_os("MDS_PYTHON").map(PathBuf::from),
        Some(root.join(".venv/bin/python")),
        Some(PathBuf::from("python3")),
    ];
    let has_module = |python: &PathBuf| {
        Command::new(python)
            .args(["-c", "import sodapy"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    candidates
        .into_iter()
        .flatten()
        .find(has_module)
        .unwrap_or_else(|| {
            panic!(
                "no Python with the module sodapy was found: run `make setup`, or set MDS_PYTHON"
            )
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn sodapy_uploads_queries_and_deletes() {
    let portal = Portal::start(PortalOptions::default()).await.unwrap();
    let options = portal.options();
    let mut client = Command::new(python());
    client
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client.py"))
        .arg(portal.url().trim_start_matches("http://"))
        .args([
            &options.dataset,
            &options.app_token,
            &options.key_id,
            &options.key_secret,
        ]);
    let output = tokio::task::spawn_blocking(move || client.output().unwrap());
    let output = output.await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(portal.row_count(), 1);
}
