//! How a plan request is read.

use pipeline::{ErrorName, PlanRequest};
use rstest::rstest;
use serde_json::json;

#[test]
fn the_event_of_the_contract_is_read_whole() {
    let request = PlanRequest::from_json(json!({
        "provider": "all", "providers": ["bird"], "time_min": "2020-01-01-00", "time_max": "2020-01-02-00", "interval": 3,
        "force": true, "accept_losses": true, "incomplete_only": true, "dry_run": true, "no_extract": true, "no_sync_db": true,
        "no_sync_socrata": true, "max_concurrency": 7
    }))
    .unwrap();
    assert_eq!(request.providers, ["bird"]);
    assert_eq!(request.max_concurrency, Some(7));
    assert!(request.force && request.accept_losses && request.no_sync_socrata);
}

#[test]
fn a_schedule_sends_an_instant_and_a_lag() {
    let request = PlanRequest::from_json(
        json!({"provider": "all", "scheduled_time": "2020-01-02T05:59:43Z", "lag_hours": 30}),
    )
    .unwrap();
    assert_eq!(request.lag_hours, Some(30));
    assert!(request.scheduled_time.is_some());
}

#[rstest]
#[case(json!({"provider": "bird", "forec": true}), "forec")]
#[case(json!({"provider": 3}), "provider: ")]
#[case(json!({"provider": "bird", "interval": -1}), "interval: ")]
#[case(json!({"scheduled_time": "<aws.scheduler.scheduled-time>"}), "scheduled_time must be an instant of RFC 3339, such as")]
#[case(json!({"scheduled_time": "2020-04-03 18:00"}), "scheduled_time must be an instant of RFC 3339, such as")]
#[case(json!({"scheduled_time": 1586000000}), "scheduled_time must be an instant of RFC 3339, such as")]
#[case(json!([1]), "object")]
#[case(json!([]), "object")]
fn a_wrong_event_is_invalid_input_that_names_what_is_wrong(
    #[case] event: serde_json::Value,
    #[case] named: &str,
) {
    let error = PlanRequest::from_json(event).unwrap_err();
    assert_eq!(error.name, ErrorName::InvalidInput);
    assert!(error.message.contains(named), "{}", error.message);
}
