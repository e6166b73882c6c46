//! Events of `plan-blocks`.

use pipeline::{ErrorName, MigrationRequest, PlanRequest};
use plan_blocks::Request;
use serde_json::{Map, Value};

use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "provider",
    "providers",
    "time_min",
    "time_max",
    "interval",
    "scheduled_time",
    "lag_hours",
    "force",
    "accept_losses",
    "incomplete_only",
    "audit",
    "dry_run",
    "no_extract",
    "no_sync_db",
    "no_sync_socrata",
    "max_concurrency",
    "execution",
    "summarize",
    "run_id",
    "migrate",
    "timestamps_in",
    "hours_are",
    "all",
    "2020-01-15-13",
    "2020-01-16T09:00:00Z",
    "0197a1b2-0000-7000-8000-000000000000",
];

pub(super) fn check(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let request = match Request::read(event.clone()) {
        Ok(request) => request,
        Err(error) => {
            assert_eq!(error.name, ErrorName::InvalidInput);
            return check_names_key(&event, &error.message);
        }
    };
    let Value::Object(sent) = &event else {
        panic!("an event that is no object")
    };
    match request {
        Request::Plan(request) => check_nothing_lost(sent, &request),
        Request::Summarize { run_id, config } => {
            let sent = event["summarize"]["run_id"]
                .as_str()
                .expect("the id of a run");
            assert_eq!(sent.parse(), Ok(run_id));
            let is_sent = !event["summarize"]["config"].is_null();
            assert_eq!(config.is_some(), is_sent, "the configuration is lost");
        }
        Request::Migrate(request) => check_migration(&event["migrate"], &request),
    }
}

/// Every option that was sent is in the request.
fn check_migration(sent: &Value, request: &MigrationRequest) {
    if sent.is_object() {
        assert_eq!(
            sent["timestamps_in"].as_str(),
            request.timestamps_in.as_deref()
        );
        assert_eq!(sent["hours_are"].is_null(), request.hours_are.is_none());
        assert_eq!(
            sent["dry_run"].as_bool().unwrap_or_default(),
            request.dry_run
        );
    } else {
        assert_eq!(sent, true);
    }
}

/// Every member that was sent means something in the request.
fn check_nothing_lost(sent: &Map<String, Value>, request: &PlanRequest) {
    let written = pipeline::to_json(request).unwrap();
    let read = PlanRequest::from_json(written.clone()).expect("a request that was written");
    assert_eq!(pipeline::to_json(&read).unwrap(), written);
    for (name, value) in sent {
        let kept = written.get(name);
        let is_default = value.is_null() || value == &Value::Array(Vec::new());
        // A time is written with the offset of UTC.
        let is_time = name == "scheduled_time";
        assert!(
            is_default || kept == Some(value) || (is_time && kept.is_some_and(Value::is_string)),
            "`{name}` is lost"
        );
    }
}

/// A message names the key that is wrong.
pub(super) fn check_names_key(event: &Value, message: &str) {
    check_message(message);
    let Value::Object(members) = event else {
        return;
    };
    let names_one = members.keys().any(|key| message.contains(key.as_str()));
    let is_missing = message.contains("missing field");
    let is_cut = members.keys().any(|key| key.len() > 200);
    assert!(
        names_one || is_missing || is_cut || members.is_empty(),
        "no key is named: {message}"
    );
}
