//! What an error says of a service that cannot be reached or is not set up: which one, where, and
//! what to do.

use std::process::Command;

use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{ONE_HOUR, World, stderr, world};

/// A port on loopback at which nobody listens.
async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// Runs a command that must fail with this exit status and these words.
async fn fails(command: Command, status: i32, words: &[&str]) {
    let output = World::output_of(command).await;
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
    for debug in [
        "ProviderError",
        "source:",
        "dispatch failure",
        "ATD_MDS_SETTINGS: there",
    ] {
        assert!(!text.contains(debug), "`{debug}` is in: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_bucket_names_it_and_the_way_out() {
    let world = world().await;
    let run = || world.mds(&ONE_HOUR);

    let mut no_credentials = run();
    no_credentials
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let words = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"];
    fails(no_credentials, 2, &words).await;

    let mut misspelt = run();
    misspelt.env("ATD_MDS_BUCKET", "mds-archvie");
    let host = world.stack.s3.endpoint_url().replace("http://", "");
    fails(misspelt, 2, &["mds-archvie", "ATD_MDS_BUCKET", &host]).await;

    let mut wrong_secret = run();
    wrong_secret.env("AWS_SECRET_ACCESS_KEY", "wrong");
    fails(wrong_secret, 2, &["AWS_SECRET_ACCESS_KEY", "\"mds\""]).await;

    let mut unreachable = run();
    let address = format!("127.0.0.1:{}", closed_port().await);
    unreachable.env("AWS_ENDPOINT_URL_S3", format!("http://{address}"));
    fails(unreachable, 1, &[&address, "refused"]).await;

    std::fs::remove_file(
        world
            .stack
            .bucket_folder()
            .join("config/settings_staging.json"),
    )
    .unwrap();
    let words = [
        "config/settings_staging.json",
        "\"mds\"",
        "mds config put settings",
    ];
    fails(run(), 2, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_connecting_names_host_and_port() {
    let world = world().await;
    let address = format!("127.0.0.1:{}", closed_port().await);
    let right = world.stack.database_url.clone();

    let url = format!("postgresql://user:secret-password@{address}/mds");
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = json!(url))
        .await;
    fails(
        world.mds(&["status"]),
        1,
        &[&format!("connecting to {address}"), "refused"],
    )
    .await;
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = json!(right))
        .await;

    world
        .edit_providers(|it| {
            it["bird"]["mds_api_url"] = json!(format!("http://{address}/secret-path"));
        })
        .await;
    let output = World::output_of(world.mds(&ONE_HOUR)).await;
    assert!(
        stderr(&output).contains(&format!("no connection to {address}")),
        "{}",
        stderr(&output)
    );
    assert!(
        !stderr(&output).contains("secret-path"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_not_there_is_told_apart_from_a_file_without_any() {
    let world = world().await;
    world
        .edit_providers(|providers| *providers = json!({}))
        .await;
    fails(
        world.mds(&ONE_HOUR),
        2,
        &["which has none", "mds config provider add"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_line_of_an_env_file_is_named_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.env");
    std::fs::write(&file, "# mine\nA=1\n\nATD_MDS_FERNET_KEY='secret-key\n").unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mds"));
    command.arg("--env-file").arg(&file).args(ONE_HOUR);
    fails(command, 2, &["my.env, line 4", "ATD_MDS_FERNET_KEY"]).await;

    std::fs::write(&file, "A=1\nno assignment\n").unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mds"));
    command.arg("--env-file").arg(&file).args(ONE_HOUR);
    fails(command, 2, &["line 2", "NAME=value"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_civil_hour_that_is_written_as_an_instant_is_answered_with_the_accepted_form() {
    let world = world().await;
    let args = ["run", "--provider", "bird", "--time-max", "2020-01-01T23"];
    fails(world.mds(&args), 2, &["`2020-01-01-23`"]).await;
}
