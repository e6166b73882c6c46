//! What an event asks the function for.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use pipeline::ErrorName;
use plan_blocks::Request;
use serde_json::json;

#[test]
fn what_is_asked_of_the_function_itself_is_no_input_of_an_execution() {
    let run_id = "0197a1b2-0000-7000-8000-000000000000";
    for (key, mut event) in [
        ("migrate", json!({"migrate": true})),
        ("summarize", json!({"summarize": {"run_id": run_id}})),
    ] {
        Request::read(event.clone()).unwrap();
        // The state machine adds it to whatever it is given.
        event["execution"] = json!("arn:aws:states:us-east-1:123456789012:execution:mds-etl:a");
        let error = Request::read(event).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidInput);
        for said in [key, "invoke plan-blocks itself"] {
            assert!(error.message.contains(said), "{}", error.message);
        }
        assert!(
            !error.message.contains("unknown field"),
            "{}",
            error.message
        );
    }
}
