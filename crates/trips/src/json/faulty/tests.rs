use super::*;

const NAMES: [&str; 2] = ["trip_id", "end_time"];

#[test]
fn what_has_an_id_twice_or_is_no_object_is_not_one_record() {
    for one in [
        r#"{"trip_id":1,"device_id":2,"a":01}"#,
        r#"{"a":01}"#,
        r#"{"trip_ids":[1],"my_trip_id":1,"trip_id2":1,"trip_id":1}"#,
    ] {
        assert!(is_one_record(one.as_bytes()), "{one}");
    }
    for other in [
        r#"[{"trip_id":1}]"#,
        r#"{"trip_id":1]"#,
        r#"{"trip_id":1},{"trip_id":2}"#,
        r#"{"a":"{'trip_id':1}","trip_id":2}"#,
        r#"{"a":{"device_id":1},"device_id":2}"#,
        r#"{trip_id:1},{trip_id:2}"#,
        "{trip_id}{trip_id}",
    ] {
        assert!(!is_one_record(other.as_bytes()), "{other}");
    }
}

#[test]
fn members_are_read_as_far_as_they_are_whole() {
    let read = |text: &'static str| readable_members(text.as_bytes(), &NAMES);
    let both = [("trip_id", r#""t""#), ("end_time", "1.50")];
    assert_eq!(read(r#"{"trip_id":"t","end_time":1.50,}"#), both);
    assert_eq!(
        read("{ \"trip_id\" :\n\"t\" , \"a\" : 'b' \"end_time\":1.50 }"),
        both
    );
    assert_eq!(
        read(r#"{"a":["end_time",{"end_time":2}],"trip_id":"t",1.50}"#),
        both[..1]
    );
    for none in [
        r#"{"trip_id":{"a":1},"end_time":[1]}"#,
        r#"{"trip_id":null,"end_time":}"#,
        r#"{"trip_id":01,"end_time":true}"#,
        "{\"trip_id\":\"\t\",\"end_time\":\"\\x\"}",
        r#"{"end_time":1,"end_time":1}"#,
        r#"{"end_time":1,"end_time":x}"#,
        r#"{"trip_id""#,
        r#"{"trip_id":"#,
        r#"{"trip_id"#,
        "{",
        "",
    ] {
        assert_eq!(read(none), [], "{none}");
    }
    let long = format!("{{\"trip_id\":\"{}\"}}", "x".repeat(MAX_READABLE_BYTES));
    assert_eq!(readable_members(long.as_bytes(), &NAMES), []);
}
