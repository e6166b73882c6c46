//! How a plan request is read.

use pipeline::{BlockItem, ErrorName, PlanRequest};
use rstest::rstest;
use serde_json::{Value, json};

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

#[test]
fn null_stands_for_a_member_that_is_left_out() {
    let all = PlanRequest {
        providers: vec!["bird".to_owned()],
        ..PlanRequest::default()
    };
    let mut nulls = serde_json::to_value(all).unwrap();
    for value in nulls.as_object_mut().unwrap().values_mut() {
        *value = Value::Null;
    }
    nulls["provider"] = json!("bird");
    let request = PlanRequest::from_json(nulls).unwrap();
    let left_out = PlanRequest::from_json(json!({"provider": "bird"})).unwrap();
    assert_eq!(format!("{request:?}"), format!("{left_out:?}"));
}

#[test]
fn null_stands_for_false_in_a_block_item() {
    let item = BlockItem::from_json(json!({
        "run_id": "00000000-0000-0000-0000-000000000001", "schedule_id": 1, "provider": "bird",
        "block_start": "2020-01-15T18:00:00Z", "block_end": "2020-01-15T19:00:00Z", "label": "2020-01-15-13",
        "steps": ["extract"], "force": null, "accept_losses": null
    }))
    .unwrap();
    assert!(!item.force && !item.accept_losses);
}

#[test]
fn a_whole_number_may_be_written_as_a_float() {
    let request = PlanRequest::from_json(
        json!({"provider": "bird", "interval": 24.0, "lag_hours": 0.0, "max_concurrency": 1e3}),
    )
    .unwrap();
    assert_eq!(request.interval, Some(24));
    assert_eq!(request.lag_hours, Some(0));
    assert_eq!(request.max_concurrency, Some(1_000));
}

#[rstest]
#[case(json!({"interval": 24.5}), "interval: must be a whole number from 0 to 4294967295, not 24.5")]
#[case(json!({"lag_hours": 1e10}), "lag_hours: must be a whole number")]
#[case(json!({"max_concurrency": -1.0}), "max_concurrency: must be a whole number")]
#[case(json!({"interval": "24"}), "interval: ")]
#[case(json!({"force": 1}), "force: ")]
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
