use super::*;
use rstest::rstest;

#[test]
fn reads_the_counts() {
    let body = br#"{"By RowIdentifier":3,"Rows Updated":2,"Rows Deleted":5,
        "Rows Created":1,"Errors":4,"By SID":0}"#;
    let upsert = Upsert::read(body, 12).unwrap();
    let expected = Upsert {
        created: 1,
        updated: 2,
        deleted: 5,
        errors: 4,
    };
    assert_eq!(upsert, expected);
}

#[rstest]
#[case(r#"{"Rows Updated": 12}"#)]
#[case(r#"{"Rows Created": 12, "Errors": 0}"#)]
#[case(r#"{"Rows Deleted": 11, "Errors": 1}"#)]
fn a_count_that_is_left_out_is_0(#[case] body: &str) {
    Upsert::read(body.as_bytes(), 12).unwrap();
}

#[rstest]
#[case("")]
#[case("<html>canary</html>")]
#[case("[]")]
#[case("{}")]
#[case(r#"{"Errors": 12}"#)]
#[case(r#"{"Rows Created": "canary", "Rows Updated": 1}"#)]
#[case(r#"{"Rows Created": -1, "Rows Updated": 1}"#)]
#[case(r#"{"Rows Created": 1, "Rows Updated": 1, "Errors": "canary"}"#)]
fn other_bodies_are_refused(#[case] body: &str) {
    let error = Upsert::read(body.as_bytes(), 12).unwrap_err();
    assert!(matches!(error, SocrataError::Rejected { status: 200, .. }));
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[rstest]
#[case::too_few(r#"{"Rows Created": 9, "Rows Updated": 0, "Errors": 0}"#)]
#[case::none(r#"{"Rows Created": 0, "Rows Updated": 0, "Errors": 0}"#)]
#[case::too_many(r#"{"Rows Created": 10, "Rows Updated": 3, "Errors": 0}"#)]
#[case::more_than_a_number_holds(r#"{"Rows Created": 18446744073709551615, "Rows Updated": 13}"#)]
fn counts_that_do_not_add_up_are_refused(#[case] body: &str) {
    let error = Upsert::read(body.as_bytes(), 12).unwrap_err();
    assert!(matches!(error, SocrataError::Rejected { status: 200, .. }));
    assert!(error.to_string().contains("12 were sent"), "{error}");
}
