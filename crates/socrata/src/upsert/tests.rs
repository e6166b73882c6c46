use super::*;
use rstest::rstest;

#[test]
fn reads_the_counts() {
    let body = br#"{"By RowIdentifier":3,"Rows Updated":2,"Rows Deleted":0,
        "Rows Created":1,"Errors":4,"By SID":0}"#;
    let upsert = Upsert::read(body).unwrap();
    let expected = Upsert {
        created: 1,
        updated: 2,
        errors: 4,
    };
    assert_eq!(upsert, expected);
}

#[rstest]
#[case("")]
#[case("<html>canary</html>")]
#[case("[]")]
#[case("{}")]
#[case(r#"{"Rows Created": 1}"#)]
#[case(r#"{"Rows Created": "canary", "Rows Updated": 1}"#)]
#[case(r#"{"Rows Created": -1, "Rows Updated": 1}"#)]
#[case(r#"{"Rows Created": 1, "Rows Updated": 1, "Errors": "canary"}"#)]
fn other_bodies_are_refused(#[case] body: &str) {
    let error = Upsert::read(body.as_bytes()).unwrap_err();
    assert!(matches!(error, SocrataError::Rejected { status: 200, .. }));
    assert!(!format!("{error} {error:?}").contains("canary"));
}
