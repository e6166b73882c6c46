//! The drill of docs/RUNBOOK.md, "Restore the bucket", with the commands that stand there and the
//! AWS command line.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::aws::python;
use crate::runbook::commands;
use crate::support::{World, run, stderr, stdout, with, world};

const HOURS: [&str; 7] = run("all", "2020-01-15-12", "2020-01-15-14");

impl World {
    async fn shell(&self, folder: &Path, commands: &str) -> String {
        let mds = assert_cmd::cargo::cargo_bin!("mds").parent().unwrap();
        let python = python("MDS_E2E_PYTHON");
        let aws = Path::new(&python).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", commands])
            .current_dir(folder)
            .env_clear()
            .envs(&self.stack.env)
            .env(
                "PATH",
                format!("{}:{}:{path}", mds.display(), aws.display()),
            )
            .stdin(Stdio::null());
        let output = Self::output_of(shell).await;
        let (out, err) = (stdout(&output), stderr(&output));
        assert!(output.status.success(), "{out}\n{err}");
        out
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_replaced_or_lost_comes_back_from_versions_and_from_a_copy() {
    let world = world().await;
    world.stack.keep_versions().unwrap();
    world.expect(0, &HOURS).await;
    let folder = TempDir::new().unwrap();
    let [copy, deleted, replaced, lost] = [
        "Make a copy",
        "What was deleted",
        "What was replaced",
        "From the copy",
    ]
    .map(commands);
    let before = world.objects().await;
    let settled = [world.schedule().await, world.trips().await];
    world.shell(folder.path(), &copy).await;

    let delete = r#"aws s3 rm --recursive "s3://$ATD_MDS_BUCKET/staging/bird/2020/1/15/12/""#;
    world.shell(folder.path(), delete).await;
    assert_ne!(world.objects().await, before);
    world.shell(folder.path(), &deleted).await;
    assert_eq!(world.objects().await, before);

    let replace =
        r#"echo damaged | aws s3 cp - "s3://$ATD_MDS_BUCKET/staging/bird/2020/1/15/12/trips.json""#;
    world.shell(folder.path(), replace).await;
    world.shell(folder.path(), &replaced).await;
    assert_eq!(world.objects().await, before);

    let bucket = world.stack.bucket_folder();
    for part in ["config", "boundaries", "staging/lime"] {
        std::fs::remove_dir_all(bucket.join(part)).unwrap();
    }
    std::fs::write(
        bucket.join("staging/bird/2020/1/15/13/trips.json"),
        "damaged",
    )
    .unwrap();
    world.shell(folder.path(), &lost).await;
    assert_eq!(world.objects().await, before);

    world
        .expect(0, &with(&HOURS, &["--no-extract", "--force"]))
        .await;
    assert_eq!([world.schedule().await, world.trips().await], settled);
}
