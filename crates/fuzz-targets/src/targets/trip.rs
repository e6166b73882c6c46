//! One trip, of any version of MDS.

use serde_json::value::RawValue;
use trips::fixtures::rules;
use trips::public_row::{PublicForm, PublishedRow};
use trips::trip::{Reject, RejectReason, Rules, Trip, TripGlance};
use trips::{CostUnit, Feed};

use super::known_trip;
use crate::json::Members;
use crate::outcome::check_message;

pub(super) const WORDS: &[&str] = &[
    "provider_id",
    "provider_name",
    "data_provider_id",
    "device_id",
    "vehicle_id",
    "vehicle_type",
    "propulsion_type",
    "propulsion_types",
    "trip_id",
    "trip_duration",
    "duration",
    "trip_distance",
    "distance",
    "accuracy",
    "start_time",
    "end_time",
    "publication_time",
    "standard_cost",
    "actual_cost",
    "currency",
    "journey_id",
    "trip_type",
    "parking_category",
    "parking_verification_url",
    "route",
    "features",
    "geometry",
    "coordinates",
    "properties",
    "timestamp",
    "start_location",
    "end_location",
    "lat",
    "lng",
    "USD",
    "JPY",
    "YEN",
    "KWD",
    "0309585e-599f-4e57-ac85-ffffffffffff",
    "{0309585e-599f-4e57-ac85-ffffffffffff}",
    "104865",
    "1591014000",
    "1591014600000.0005",
    "mds_etl_too_large",
    "mds_etl_not_utf8",
    "mds_etl_not_json",
];

pub(super) fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let Ok(raw) = serde_json::from_str::<&RawValue>(text) else {
        let outcome = rules().check(text);
        assert!(outcome.is_err(), "a trip that is no JSON is loaded");
        return;
    };
    let text = raw.get();
    let swapped = Feed {
        swap_coordinates: true,
        cost_unit: CostUnit::Major,
        ..rules().feed
    };
    for feed in [rules().feed, swapped] {
        check_with(&Rules { feed, ..rules() }, text);
    }
}

fn check_with(rules: &Rules<'_>, text: &str) {
    let outcome = rules.check(text);
    match &outcome {
        Ok(trip) => check_loaded(rules, text, trip),
        Err(reject) => check_rejected(reject),
    }
    compare_with_ahead(rules, text, &outcome);
    compare_with_other_forms(rules, text, &outcome);
}

fn check_loaded(rules: &Rules<'_>, text: &str, trip: &Trip) {
    assert!(text.starts_with('{'), "a trip that is no object is loaded");
    assert!(trip.start.is_on_globe() && trip.end.is_on_globe());
    assert!(trip.start_time <= trip.end_time);
    assert!(rules.provider_ids.contains(&trip.provider_id));
    let mut texts = known_trip::texts(trip);
    assert!(texts.all(|text| !text.contains('\0') && !text.is_empty()));
    check_currency(text, trip);
    let glance = TripGlance::of(text).expect("a trip that is loaded has an end");
    assert_eq!(glance.provider_id, trip.provider_id);
    assert_eq!(glance.end_time, trip.end_time);
    check_published(trip, rules);
}

/// Without a code, costs are in US dollars: so there is one if anything was sent.
fn check_currency(text: &str, trip: &Trip) {
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|it| it.is_ascii_uppercase());
    assert!(trip.currency.as_deref().is_none_or(is_code));
    let members = Members::read(text).expect("a trip that is loaded is an object");
    let sent: Vec<_> = members.named("currency").map(RawValue::get).collect();
    if let [sent] = sent[..] {
        assert_eq!(trip.currency.is_none(), ["null", "\"\""].contains(&sent));
    }
}

/// A trip that is loaded can be published, and what is written reads as the same row.
fn check_published(trip: &Trip, rules: &Rules<'_>) {
    let form = PublicForm::default();
    let public = known_trip::public(trip, rules.now);
    let row = PublishedRow::of_trip(&public, &form).expect("a trip that is loaded has a row");
    let written = serde_json::to_string(&row).unwrap();
    let read = PublishedRow::parse(&written, &form.times).expect("a row that was written");
    assert_eq!(serde_json::to_string(&read).unwrap(), written);
}

fn check_rejected(reject: &Reject) {
    assert!(
        !reject.reasons.is_empty(),
        "a trip is rejected without a reason"
    );
    assert!(
        reject
            .trip_id
            .as_ref()
            .is_none_or(|id| id.chars().count() <= 64)
    );
    for reason in &reject.reasons {
        check_message(&reason.to_string());
        assert!(reason.to_string().starts_with(reason.code()));
    }
    serde_json::to_string(reject).expect("a reject is JSON");
}

/// A trip that is checked in the pass that finds its end.
fn compare_with_ahead(rules: &Rules<'_>, text: &str, alone: &Result<Trip, Reject>) {
    for behind in ["", ",", "]}", " \n]", "\u{0}"] {
        let longer = format!("{text}{behind}");
        let ahead = rules.check_ahead(longer.as_bytes());
        match (&ahead, alone) {
            (Some((trip, own)), Ok(alone)) => {
                assert_eq!(*own, text, "the end of the trip is elsewhere");
                assert_eq!(trip, alone);
            }
            (Some(_), Err(reject)) => panic!("loaded although {:?}", reject.reasons),
            (None, Ok(_)) => assert!(!text.starts_with('{'), "not loaded before {behind:?}"),
            (None, Err(_)) => {}
        }
    }
}

/// The order of members, white space and unknown members mean nothing.
fn compare_with_other_forms(rules: &Rules<'_>, text: &str, outcome: &Result<Trip, Reject>) {
    let Some(members) = Members::read(text) else {
        return;
    };
    if members.repeats() || text.starts_with("{\"mds_etl_too_large\":") {
        return;
    }
    let members = members.0.iter().rev();
    let mut other = String::from("{\n \"zz\" : [ 1, {\"trip_id\": 2} ]");
    for (name, value) in members {
        let name = serde_json::Value::from(name.as_str());
        other.push_str(&format!(" ,\t{name} :{value}"));
    }
    other.push_str(" }");
    match (rules.check(&other), outcome) {
        (Ok(other), Ok(trip)) => assert_eq!(&other, trip),
        (Err(other), Err(reject)) => {
            assert_eq!(without_cause(&other), without_cause(reject));
        }
        _ => panic!("another outcome in another order"),
    }
}

/// Of several faults that make a trip unreadable, the first one is the cause.
fn without_cause(reject: &Reject) -> Reject {
    let mut reject = reject.clone();
    for reason in &mut reject.reasons {
        if let RejectReason::Unreadable { why } = reason {
            *why = "";
        }
    }
    reject
}
