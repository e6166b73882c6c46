use clap::Parser;
use rstest::rstest;

use super::*;
use crate::args::{Cli, Command};

fn input_of(args: &str, now: &str) -> Value {
    let line = format!("mds run --on aws {args}");
    let Command::Run(args) = Cli::parse_from(line.split(' ')).command else {
        panic!("no run")
    };
    input(&args, now.parse().unwrap()).unwrap()
}

#[test]
fn the_input_holds_what_is_set_and_nothing_else() {
    let input = input_of(
        "--provider bird --time-min 2020-03-01-00 --time-max 2020-04-01-00 --no-extract --concurrency 20 --dry-run",
        "2026-01-01T10:20:30Z",
    );
    assert_eq!(
        input,
        serde_json::json!({
            "provider": "bird", "time_min": "2020-03-01-00", "time_max": "2020-04-01-00",
            "no_extract": true, "max_concurrency": 20
        })
    );
}

fn name_of(args: &str, now: &str) -> String {
    name(&input_of(args, now), now.parse().unwrap()).unwrap()
}

#[test]
fn the_same_command_within_the_hour_is_the_same_request() {
    for sweep in [
        "--provider all --interval 840 --incomplete-only",
        "--provider all --time-min 2020-01-01-00 --time-max 2020-02-01-00 --force",
        "--provider all --time-min 2020-01-01-00 --time-max 2020-02-01-00 --incomplete-only",
        "--provider all --time-min 2020-01-01-00 --time-max 2020-02-01-00 --audit",
    ] {
        let at = |now| name_of(sweep, now);
        assert_eq!(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:59:59Z"));
        assert_ne!(at("2026-01-01T10:59:59Z"), at("2026-01-01T11:00:00Z"));
    }
    let name = name_of("--provider all --interval 840", "2026-01-01T10:20:00Z");
    assert!(name.starts_with("mds-all-2026-01-01T10-00-00Z-"), "{name}");
    let other = "--provider all --interval 840 --no-extract";
    assert_ne!(name, name_of(other, "2026-01-01T10:20:00Z"));
}

#[rstest]
#[case("--time-min 2026-03-01-00 --time-max 2026-04-01-00")]
#[case("--time-min 2026-03-01-00 --interval 744")]
#[case("--time-min 2026-03-01-00 --time-max 2026-04-01T00:00:00Z")]
fn a_range_with_hours_to_come_is_another_request_in_each_hour(#[case] range: &str) {
    let at = |now| name_of(&format!("--provider all {range}"), now);
    let name = at("2026-03-20T10:00:00Z");
    assert!(name.starts_with("mds-all-2026-03-01-00-"), "{name}");
    assert!(name.contains("-at-2026-03-20T10-"), "{name}");
    assert_eq!(name, at("2026-03-20T10:59:59Z"));
    assert_ne!(name, at("2026-03-20T11:00:00Z"));
    // Once the range has ended everywhere on earth, it is one request for ever.
    assert_eq!(at("2026-04-01T13:00:00Z"), at("2027-01-01T00:00:00Z"));
    assert!(!at("2026-04-01T13:00:00Z").contains("-at-"));
}

#[test]
fn a_time_that_cannot_be_read_is_refused_before_anything_starts() {
    let now = "2026-01-01T10:00:00Z";
    let input = input_of("--provider all --time-max 2020-01-01-24", now);
    let error = name(&input, now.parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("2020-01-02-00"), "{error}");
    let second = "--provider all --time-max 2020-11-01-01b";
    assert!(name_of(second, now).contains("2020-11-01-01b"));
}

#[test]
fn a_name_is_valid_for_step_functions() {
    let provider = "p".repeat(63);
    let name = name_of(
        &format!("--provider {provider} --time-min 2020-03-01-00 --time-max 2020-04-01-00 --force"),
        "2026-01-01T10:00:00Z",
    );
    assert!(name.len() <= MAX_NAME);
    assert!(checked_name(&format!("{name}-99")).is_ok());
    for wrong in ["", "a b", "a:b", &"x".repeat(81)] {
        assert!(checked_name(wrong).is_err());
    }
}
