//! Which known key is nearest.

use rstest::rstest;

use super::*;

#[rstest]
#[case("max_atempts", "max_attempts")]
#[case("swap_coordinate", "swap_coordinates")]
#[case("Paging", "paging")]
#[case("mds-api-url", "mds_api_url")]
#[case("dealy", "delay")]
fn the_nearest_key_is_the_one_that_was_meant(#[case] key: &str, #[case] meant: &str) {
    let known = [
        "mds_api_url",
        "max_attempts",
        "paging",
        "delay",
        "deadline",
        "swap_coordinates",
    ];
    assert_eq!(nearest_name(key, &known), Some(meant));
}

#[rstest]
#[case("nope", &["lime", "bird"])]
#[case("canary", &["mds_api_url", "token"])]
#[case("", &["a"])]
#[case("lime", &[])]
fn no_slip_leads_to_a_name_that_is_far_away(#[case] key: &str, #[case] known: &[&str]) {
    assert_eq!(nearest_name(key, known), None);
    assert_eq!(suggestion(key, known), "");
}

#[test]
fn the_warning_of_an_unknown_key_names_the_nearest_one_however_far() {
    let warning = unknown("bird.", "colour", &["token", "mds_api_url"]);
    let expected = ConfigWarning::UnknownKey {
        key: "bird.colour".to_owned(),
        nearest: "token",
    };
    assert_eq!(warning, Some(expected));
}
