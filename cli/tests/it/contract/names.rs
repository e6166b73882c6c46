//! Statuses, error names, reject reasons, flags, objects and the published row.

use std::collections::BTreeMap;

use boundaries::{Layer, LayerName, default_layers};
use chrono::DateTime;
use pipeline::ErrorName;
use serde_json::Value;
use trips::block::{Block, BlockObject, Hour, Stage, backup_key, manifest_key, object_key};
use trips::public_row::{PublicForm, PublicRow, PublicTrip};
use trips::status::{BlockStatus, Step, StepSelection, steps_to_do};
use trips::time::CivilZone;
use trips::trip::{Flag, RejectReason, TripEnd};
use uuid::Uuid;

use super::page::{section, table};

const STATE_MACHINE: &str = include_str!("../../../../statemachine.asl.json");

#[test]
fn statuses_have_the_numbers_and_names_of_the_contract() {
    let page = table("Statuses of a block", "status");
    let written: Vec<_> = page
        .cells("status")
        .into_iter()
        .zip(page.cells("name"))
        .collect();
    let code = BlockStatus::ALL.map(|status| (status.code().to_string(), status.to_string()));
    assert_eq!(written, code);
}

#[test]
fn a_block_gets_the_steps_that_the_contract_says() {
    let page = table("Statuses of a block", "status");
    let steps = |status, force, incomplete_only| {
        let steps = steps_to_do(status, StepSelection::default(), force, incomplete_only);
        steps.iter().map(Step::to_string).collect::<Vec<_>>()
    };
    let plain = page.names_by_row("steps to do");
    let incomplete = page.names_by_row("steps with `incomplete_only`");
    let same = page.cells("steps with `incomplete_only`");
    for (row, status) in BlockStatus::ALL.into_iter().enumerate() {
        assert_eq!(plain[row], steps(status, false, false), "{status}");
        let expected = if same[row] == "the same" {
            &plain[row]
        } else {
            &incomplete[row]
        };
        assert_eq!(
            *expected,
            steps(status, false, true),
            "{status}, incomplete_only"
        );
        assert_eq!(
            steps(status, true, false).len(),
            Step::ALL.len(),
            "{status}, force"
        );
    }
}

#[test]
fn error_names_are_those_of_the_contract() {
    let page = table("Error names", "error");
    page.assert_names_in_order("error", ErrorName::ALL);
    let transient = page.cells("transient");
    let retries = page.cells("retries by the state machine");
    let attempts = attempts_by_error();
    for (row, name) in ErrorName::ALL.into_iter().enumerate() {
        assert_eq!(transient[row] == "yes", name.is_transient(), "{name}");
        let expected = attempts.get(name.as_str()).copied().unwrap_or(0);
        assert_eq!(retries[row], expected.to_string(), "{name}");
    }
}

/// How often the state machine retries each error, which is the same in all of its states.
fn attempts_by_error() -> BTreeMap<String, u64> {
    fn visit(value: &Value, attempts: &mut BTreeMap<String, u64>) {
        match value {
            Value::Object(members) => {
                if let (Some(Value::Array(names)), Some(times)) =
                    (members.get("ErrorEquals"), members.get("MaxAttempts"))
                {
                    for name in names.iter().filter_map(Value::as_str) {
                        let times = times.as_u64().unwrap();
                        let before = attempts.insert(name.to_owned(), times);
                        assert!(before.is_none_or(|before| before == times), "{name}");
                    }
                }
                members.values().for_each(|member| visit(member, attempts));
            }
            Value::Array(items) => items.iter().for_each(|item| visit(item, attempts)),
            _ => {}
        }
    }
    let mut attempts = BTreeMap::new();
    visit(&serde_json::from_str(STATE_MACHINE).unwrap(), &mut attempts);
    attempts
}

#[test]
fn flags_are_those_of_the_contract_in_its_order() {
    table("Flags", "flag").assert_names_in_order("flag", Flag::ALL);
}

#[test]
fn reject_reasons_and_their_members_are_those_of_the_contract() {
    let page = table("Reject reasons", "code");
    let reasons = every_reject_reason().map(|reason| serde_json::to_value(reason).unwrap());
    let code_of = |reason: &Value| reason["code"].as_str().unwrap().to_owned();
    page.assert_names_in_order("code", reasons.iter().map(code_of));
    let members = page.names_by_row("further members");
    for (row, reason) in reasons.iter().enumerate() {
        let mut keys: Vec<_> = reason.as_object().unwrap().keys().collect();
        keys.retain(|key| *key != "code");
        keys.sort();
        let mut members: Vec<_> = members[row].iter().collect();
        members.sort();
        assert_eq!(members, keys, "{reason}");
    }
}

/// One of each. A new reason does not compile here until it is in the list.
fn every_reject_reason() -> [RejectReason; 13] {
    let field = "trip_id";
    let end = TripEnd::Start;
    let reasons = [
        RejectReason::Unreadable {
            why: "member_twice",
        },
        RejectReason::NonFiniteNumber,
        RejectReason::TooLarge,
        RejectReason::NotUtf8,
        RejectReason::NotJson,
        RejectReason::MissingField { field },
        RejectReason::MistypedField {
            field,
            expected: "a text",
        },
        RejectReason::NotAUuid { field },
        RejectReason::NoUsablePoint { end },
        RejectReason::OffTheGlobe {
            end,
            swapped_fits: false,
        },
        RejectReason::TimeOutOfRange { field },
        RejectReason::EndBeforeStart,
        RejectReason::ForeignProvider,
    ];
    for reason in &reasons {
        match reason {
            RejectReason::Unreadable { .. }
            | RejectReason::NonFiniteNumber
            | RejectReason::TooLarge
            | RejectReason::NotUtf8
            | RejectReason::NotJson
            | RejectReason::MissingField { .. }
            | RejectReason::MistypedField { .. }
            | RejectReason::NotAUuid { .. }
            | RejectReason::NoUsablePoint { .. }
            | RejectReason::OffTheGlobe { .. }
            | RejectReason::TimeOutOfRange { .. }
            | RejectReason::EndBeforeStart
            | RejectReason::ForeignProvider => {}
        }
    }
    reasons
}

#[test]
fn objects_have_the_names_of_the_contract() {
    let objects = section("Objects in the bucket");
    let zone = CivilZone::default();
    let block = Block {
        provider: "bird".parse().unwrap(),
        hour: Hour::from_label(&zone, "2020-01-01-23").unwrap(),
    };
    let folder = "production/bird/2020/1/1/22/";
    let mut names = Vec::new();
    for object in BlockObject::ALL {
        let key = object_key(Stage::Production, &block, &zone, object);
        names.push(key.strip_prefix(folder).unwrap().to_owned());
    }
    let copied_at = DateTime::parse_from_rfc3339("2020-01-03T05:00:12Z")
        .unwrap()
        .to_utc();
    let copy = backup_key(&format!("{folder}trips.json"), copied_at);
    let copy = copy.strip_prefix(folder).unwrap();
    names.push(copy.replace("2020-01-03T05-00-12Z", "{time}"));
    let page = objects.table("object");
    page.assert_names("object", names);
    assert!(
        page.names("holds").iter().any(|name| name == copy),
        "{copy}"
    );

    let run_id = Uuid::from_u128(1);
    let manifest = manifest_key(Stage::Staging, run_id)
        .replace("staging", "{stage}")
        .replace(&run_id.to_string(), "{run_id}");
    let others = page_of_other_objects();
    assert!(others.contains(&manifest), "{manifest}: {others:?}");
    for layer in default_layers() {
        let key = layer.key.replace(&layer.layer.to_string(), "{layer}");
        assert!(others.contains(&key), "{key}: {others:?}");
    }
    assert!(STATE_MACHINE.contains("${Stage}/runs/map-results"));
}

/// The second table of objects: those outside of the blocks' folders.
fn page_of_other_objects() -> Vec<String> {
    section("Objects in the bucket")
        .last_table()
        .names("object")
}

#[test]
fn layers_are_those_of_the_contract() {
    let page = table("Boundaries", "layer");
    page.assert_names_in_order("layer", LayerName::ALL);
    let defaults: Vec<Layer> = default_layers();
    page.assert_names_in_order("default key", defaults.iter().map(|layer| &layer.key));
    page.assert_names_in_order(
        "default property",
        defaults.iter().map(|layer| &layer.property),
    );
}

#[test]
fn a_published_row_has_the_members_of_the_contract_in_its_order() {
    let trip = PublicTrip {
        trip_id: Uuid::from_u128(1),
        device_id: Uuid::from_u128(2),
        has_provider_id: false,
        vehicle_type: Some("scooter".to_owned()),
        trip_duration: 60,
        trip_distance: 100,
        start_time: DateTime::UNIX_EPOCH,
        end_time: DateTime::UNIX_EPOCH,
        modified_date: DateTime::UNIX_EPOCH,
        council_district_start: Some("1".to_owned()),
        council_district_end: Some("1".to_owned()),
        census_geoid_start: Some("1".to_owned()),
        census_geoid_end: Some("1".to_owned()),
    };
    let row = serde_json::to_string(&PublicRow::new(&trip, &PublicForm::default())).unwrap();
    let row = members_in_order(&row);
    let section = section("The published row");
    let page = section.table("member");
    page.assert_names_in_order("member", row.iter().map(|(name, _)| name));
    for ((name, value), written) in row.iter().zip(page.cells("type")) {
        let kind = if value.starts_with('"') {
            "text"
        } else {
            "number"
        };
        assert_eq!(kind, written, "{name}");
    }
    let example = section.examples[0].as_object().unwrap();
    assert_eq!(example.len(), row.len());
    for (name, _) in &row {
        assert!(example.contains_key(name), "the example lacks {name}");
    }
}

/// The members of a flat JSON object, in the order of its text.
fn members_in_order(object: &str) -> Vec<(String, String)> {
    let members = object.trim_matches(['{', '}']).split(",\"");
    members
        .map(|member| {
            let (name, value) = member.split_once("\":").unwrap();
            (name.trim_start_matches('"').to_owned(), value.to_owned())
        })
        .collect()
}
