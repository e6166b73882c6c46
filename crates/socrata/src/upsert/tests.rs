use super::*;
use rstest::rstest;

#[test]
fn reads_the_counts() {
    let body = br#"{"By RowIdentifier":3,"Rows Updated":2,"Rows Deleted":5,
        "Rows Created":1,"Errors":4,"By SID":0}"#;
    let upsert = Upsert::read(body, 12, 6).unwrap();
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
    let deletions = if body.contains("Deleted") { 12 } else { 0 };
    Upsert::read(body.as_bytes(), 12, deletions).unwrap();
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
    let error = Upsert::read(body.as_bytes(), 12, 0).unwrap_err();
    assert!(matches!(error, SocrataError::Rejected { status: 200, .. }));
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[rstest]
#[case::too_few(r#"{"Rows Created": 9, "Rows Updated": 0, "Errors": 0}"#)]
#[case::none(r#"{"Rows Created": 0, "Rows Updated": 0, "Errors": 0}"#)]
#[case::too_many(r#"{"Rows Created": 10, "Rows Updated": 3, "Errors": 0}"#)]
#[case::more_than_a_number_holds(r#"{"Rows Created": 18446744073709551615, "Rows Updated": 13}"#)]
fn counts_that_do_not_add_up_are_refused(#[case] body: &str) {
    let error = Upsert::read(body.as_bytes(), 12, 0).unwrap_err();
    assert!(matches!(error, SocrataError::Rejected { status: 200, .. }));
    assert!(error.to_string().contains("12 were sent"), "{error}");
}

#[rstest]
#[case::all_deleted_and_none_to_be(r#"{"Rows Updated": 0, "Rows Deleted": 12}"#, 0)]
#[case::one_deleted_too_many(r#"{"Rows Updated": 9, "Rows Deleted": 3}"#, 2)]
#[case::one_written_too_many(r#"{"Rows Created": 1, "Rows Updated": 10, "Rows Deleted": 1}"#, 2)]
fn a_portal_that_deletes_other_rows_than_those_sent_is_refused(
    #[case] body: &str,
    #[case] deletions: u64,
) {
    let error = Upsert::read(body.as_bytes(), 12, deletions).unwrap_err();
    assert!(matches!(error, SocrataError::Rejected { status: 200, .. }));
    let text = error.to_string();
    assert!(
        text.contains(&format!("{deletions} of them to be deleted")),
        "{text}"
    );
}

#[rstest]
#[case::as_an_error(r#"{"Rows Updated": 10, "Rows Deleted": 1, "Errors": 1}"#, 1)]
#[case::not_at_all(r#"{"Rows Updated": 10, "Rows Deleted": 1, "Errors": 0}"#, 1)]
#[case::none_of_them(r#"{"Rows Updated": 10, "Rows Deleted": 0, "Errors": 0}"#, 2)]
#[case::all_of_them(r#"{"Rows Updated": 10, "Rows Deleted": 2, "Errors": 0}"#, 0)]
#[case::another_row_is_refused(r#"{"Rows Updated": 9, "Rows Deleted": 1, "Errors": 2}"#, 0)]
fn a_deletion_of_a_row_that_is_not_there_may_be_counted_in_any_way(
    #[case] body: &str,
    #[case] unconfirmed: u64,
) {
    let upsert = Upsert::read(body.as_bytes(), 12, 2).unwrap();
    assert_eq!(upsert.unconfirmed_deletions(12, 2), unconfirmed);
}

#[rstest]
#[case(r#"{"Rows Updated": 9, "Rows Deleted": 2, "Errors": 0}"#)]
#[case(r#"{"Rows Updated": 9, "Rows Deleted": 1, "Errors": 1}"#)]
fn only_deletions_may_be_missing_in_the_counts(#[case] body: &str) {
    Upsert::read(body.as_bytes(), 12, 2).unwrap_err();
}

/// Nobody knows whether a refused row was to be written or deleted.
#[rstest]
#[case(r#"{"Rows Updated": 10, "Rows Deleted": 1, "Errors": 1}"#)]
#[case(r#"{"Rows Updated": 9, "Rows Deleted": 2, "Errors": 1}"#)]
fn refused_rows_may_be_of_either_kind(#[case] body: &str) {
    Upsert::read(body.as_bytes(), 12, 2).unwrap();
}
