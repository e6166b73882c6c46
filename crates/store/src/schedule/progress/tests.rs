use serde_json::json;

use super::*;

#[test]
fn the_stored_json_keeps_its_form() {
    let progress = PublishProgress {
        object: "\"etag\"".to_owned(),
        rows_done: 10,
        created: 7,
        updated: 3,
        errors: 0,
    };
    let stored =
        json!({"object": "\"etag\"", "rows_done": 10, "created": 7, "updated": 3, "errors": 0});
    assert_eq!(serde_json::to_value(&progress).unwrap(), stored);
    assert_eq!(PublishProgress::read(Some(stored)), Some(progress));
}

#[test]
fn json_of_another_tool_is_not_progress() {
    for other in [json!({"Rows Created": 7}), json!("done"), json!(null)] {
        assert_eq!(PublishProgress::read(Some(other)), None);
    }
    assert_eq!(PublishProgress::read(None), None);
}
