//! Wrong usage and configuration: refused with a reason and exit status 2, before anything changes.

use serde_json::{Map, Value, json};
use trips::block::Stage;
use vault::Seal;

use crate::flags::HOURS;
use crate::support::{World, stderr, stdout, with, world_with};

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_its_reason_and_status_2() {
    let world = world_with(&["bird"], Map::new()).await;
    let before = world.everything().await;
    let cases: [(&[&str], &str); 15] = [
        (
            &["--time-max", "2020-01-15-24"],
            "`2020-01-15-24` has the hour 24; use an hour from 00 to 23, or `2020-01-16-00`",
        ),
        (&["--time-max", "2020-13-15-01"], "has the month 13"),
        (
            &["--time-max", "2020-02-30-01"],
            "has the day 30; use a day from 01 to 29",
        ),
        (&["--time-max", "2020-01-15"], "has no hour"),
        (&["--time-max", "yesterday"], "`yesterday` is not a time"),
        (
            &["--time-max", "2020-01-15T14:30:00Z"],
            "is not on a whole hour",
        ),
        (
            &["--time-min", "2020-01-15-14", "--time-max", "2020-01-15-14"],
            "a range without an hour",
        ),
        (
            &["--time-min", "2020-01-15-15", "--time-max", "2020-01-15-14"],
            "is after time_max",
        ),
        (&["--interval", "0"], "the interval is 0 hours"),
        (&["--interval", "-1"], "'-1'"),
        (&["--concurrency", "0"], "--concurrency"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--file", "trips.json"], "--file"),
        (&["--on", "mars"], "mars"),
        (&["--env-file", "/nowhere.env"], "--env-file /nowhere.env"),
    ];
    for (arguments, message) in cases {
        let output = world
            .expect(2, &with(&["run", "--provider", "bird"], arguments))
            .await;
        assert!(
            stderr(&output).contains(message),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "");
    }
    let output = world.expect(2, &["run", "--provider", "heron"]).await;
    assert!(stderr(&output).contains(
        "provider heron is not in the providers file config/providers_staging.json; it has: bird"
    ));
    let output = world.expect(2, &["run", "--provider", "no bird"]).await;
    assert!(stderr(&output).contains("no bird"), "{}", stderr(&output));
    let output = world.expect(2, &["run"]).await;
    assert!(stderr(&output).contains("--provider"));
    assert_eq!(before, world.everything().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_that_is_missing_or_wrong_is_named_with_status_2() {
    let world = world_with(&["bird"], Map::new()).await;
    for (name, message) in [
        ("ATD_MDS_BUCKET", "ATD_MDS_BUCKET is missing"),
        ("ATD_MDS_FERNET_KEY", "ATD_MDS_FERNET_KEY is missing"),
    ] {
        let mut command = world.mds(&HOURS);
        command.env_remove(name);
        let output = World::output_of(command).await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    for (name, value, message) in [
        (
            "ATD_MDS_FERNET_KEY",
            "too-short",
            "ATD_MDS_FERNET_KEY is not a list of keys",
        ),
        (
            "ATD_MDS_RUN_MODE",
            "REHEARSAL",
            "ATD_MDS_RUN_MODE must be STAGING or PRODUCTION",
        ),
        (
            "ATD_MDS_SETTINGS",
            "config/nothing.json",
            "config/nothing.json",
        ),
        (
            "ATD_MDS_RUN_MODE",
            "PRODUCTION",
            "config/settings_production.json",
        ),
    ] {
        let mut command = world.mds(&HOURS);
        command.env(name, value);
        let output = World::output_of(command).await;
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
        assert!(!stderr(&output).contains("too-short"));
    }

    let vault = world.vault().await;
    let key = format!("config/settings_{}.json", Stage::Staging);
    let whole: Value = vault.get_json(&key).await.unwrap();
    for (name, value, message) in [
        (
            "TIME_ZONE",
            json!("America/St_Johns"),
            "TIME_ZONE is a zone that is -03:30 from UTC",
        ),
        ("TIME_ZONE", json!("Austin"), "TIME_ZONE is not a time zone"),
        ("DATABASE_URL", Value::Null, "DATABASE_URL is missing"),
        ("PUBLIC_ID_KEY", Value::Null, "PUBLIC_ID_KEY is missing"),
        ("SOCRATA_DATASET", json!("abcd"), "SOCRATA_DATASET"),
    ] {
        let mut settings = whole.clone();
        settings[name] = value;
        vault
            .put_json(&key, &settings, Seal::Encrypt)
            .await
            .unwrap();
        let output = world.expect(2, &HOURS).await;
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    assert_eq!(world.number("SELECT count(*) FROM api.schedule").await, 0);
    assert_eq!(world.request_count(), 0);
}
