use rstest::rstest;

use super::*;

#[test]
fn says_what_was_tried_and_which_constraint() {
    let failure = DatabaseFailure {
        place: None,
        doing: "loading trips",
        what: sqlstate::describe("23505").to_owned(),
        sqlstate: Some("23505".to_owned()),
        names: ", table trips".to_owned(),
    };
    assert_eq!(
        failure.to_string(),
        "loading trips: a key exists already (SQLSTATE 23505, table trips)"
    );
}

#[rstest]
#[case("53100", "disk is full", "enlarge the disk")]
#[case("53200", "out of memory", "fewer blocks at once")]
#[case("53300", "too many connections", "fewer blocks at once")]
#[case("53400", "a limit of its own", "raise the limit")]
#[case("58030", "system failed", "log and disk")]
#[case("58P01", "system failed", "log and disk")]
fn a_server_that_lacks_something_says_what_and_the_way_out(
    #[case] sqlstate: &str,
    #[case] what: &str,
    #[case] way_out: &str,
) {
    let failure = DatabaseFailure {
        place: None,
        doing: "preparing a load",
        what: sqlstate::describe(sqlstate).to_owned(),
        sqlstate: Some(sqlstate.to_owned()),
        names: String::new(),
    };
    let shown = failure.to_string();
    assert!(shown.contains(what) && shown.contains(way_out), "{shown}");
}
