//! The JSON and the text of rejects.

use super::*;

#[test]
fn a_reject_names_fields_and_codes_in_json() {
    let reject = Reject {
        trip_id: Some("7".to_owned()),
        reasons: vec![
            RejectReason::MissingField { field: "route" },
            RejectReason::OffTheGlobe {
                end: TripEnd::Start,
                swapped_fits: true,
            },
            RejectReason::EndBeforeStart,
        ],
        row_ids: vec![Uuid::nil()],
    };
    insta::assert_json_snapshot!(reject, @r#"
    {
      "trip_id": "7",
      "reasons": [
        {
          "code": "missing_field",
          "field": "route"
        },
        {
          "code": "off_the_globe",
          "end": "start",
          "swapped_fits": true
        },
        {
          "code": "end_before_start"
        }
      ]
    }
    "#);
}

#[test]
fn a_reason_prints_its_code_and_what_it_is_about() {
    let reason = RejectReason::NotAUuid { field: "device_id" };
    assert_eq!(reason.to_string(), "not_a_uuid:device_id");
    let reason = RejectReason::NoUsablePoint { end: TripEnd::End };
    assert_eq!(reason.to_string(), "no_usable_point:end");
}
