use super::*;

#[test]
fn an_integer_id_is_the_one_that_its_row_has() {
    let provider = r#""provider_id": "0309585e-599f-4e57-ac85-ffffffffffff""#;
    let id = delivered_id(&format!(r#"{{"trip_id": 104865, {provider}}}"#));
    assert_eq!(
        id.map(|id| id.to_string()).as_deref(),
        Some("0309585e-599f-4e57-ac85-fffffff199a1")
    );
    for unreadable in ["{}", "[]", r#"{"trip_id": 7}"#, r#"{"trip_id": "seven"}"#] {
        assert_eq!(delivered_id(unreadable), None, "{unreadable}");
    }
}
