use super::*;

fn same(a: &str, b: &str) -> bool {
    hash_of_json(a).is_some() && hash_of_json(a) == hash_of_json(b)
}

#[test]
fn order_of_members_and_spelling_make_no_difference() {
    assert!(same(
        r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#,
        r#"{"b":{"d":null,"c":[1,2]},"a":1}"#
    ));
    assert!(same(r#""\u0041b""#, r#""Ab""#));
}

#[test]
fn another_value_makes_a_difference() {
    let values = [
        "1",
        "1.5",
        "\"1\"",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        "[1]",
        "[[1]]",
        "[1,2]",
        "[2,1]",
        r#"{"a":1}"#,
        r#"{"a":2}"#,
        r#"{"b":1}"#,
        r#"["a",1]"#,
        "-1",
        "\"\"",
        r#"{"a":{"b":1}}"#,
        r#"{"a":null,"b":1}"#,
    ];
    for (n, value) in values.iter().enumerate() {
        for other in &values[n + 1..] {
            assert!(!same(value, other), "{value} and {other}");
        }
    }
}

#[test]
fn digits_that_a_float_drops_make_a_difference() {
    for (number, other) in [
        ("1180591620717411303424", "1180591620717411303425"),
        ("-97.74306000000001", "-97.743060000000012"),
        ("0.1234567890123456789", "0.1234567890123456788"),
    ] {
        assert_eq!(number.parse::<f64>(), other.parse::<f64>());
        assert!(!same(number, other), "{number}");
        let [one, another] = [number, other].map(|it| format!(r#"{{"a":"\\","b\"":[{it}]}}"#));
        assert!(!same(&one, &another), "{one}");
        let turned = format!(r#"{{ "b\u0022": [ {number} ], "a": "\u005c" }}"#);
        assert!(same(&one, &turned), "{turned}");
    }
}

#[test]
fn digits_in_a_text_are_a_text() {
    let text = r#""12345678901234567890\" 12345678901234567890""#;
    assert_eq!(digits::hash_of_long_numbers(text), 0);
    assert!(same(
        r#""1234567890123456789\u0030""#,
        r#""12345678901234567890""#
    ));
}

#[test]
fn what_is_not_json_has_no_hash() {
    for text in ["", "{", "NaN", &"[".repeat(100_000), "1e999"] {
        assert_eq!(hash_of_json(text), None, "{}", &text[..text.len().min(9)]);
    }
}
