use super::*;

#[test]
fn says_what_was_tried_and_which_constraint() {
    let failure = DatabaseFailure {
        place: None,
        doing: "loading trips",
        what: describe_sqlstate("23505").to_owned(),
        sqlstate: Some("23505".to_owned()),
        names: ", table trips".to_owned(),
    };
    assert_eq!(
        failure.to_string(),
        "loading trips: a key exists already (SQLSTATE 23505, table trips)"
    );
}
