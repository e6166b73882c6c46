//! A client of Socrata that others have written, unchanged.

#[path = "../../../tools/testing/python.rs"]
mod python;

use std::process::Command;

use sandbox_portal::{Portal, PortalOptions};

#[tokio::test(flavor = "multi_thread")]
async fn sodapy_uploads_queries_and_deletes() {
    let portal = Portal::start(PortalOptions::default()).await.unwrap();
    let options = portal.options();
    let mut client = Command::new(python::with_modules("sodapy"));
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
