use clap::Parser;

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

#[test]
fn the_same_command_within_the_hour_is_the_same_request() {
    let sweep = "--provider all --interval 840 --incomplete-only";
    let at = |now| name(&input_of(sweep, now));
    assert_eq!(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:59:59Z"));
    assert_ne!(at("2026-01-01T10:59:59Z"), at("2026-01-01T11:00:00Z"));
    assert_ne!(
        at("2026-01-01T10:00:00Z"),
        name(&input_of(
            "--provider all --interval 840",
            "2026-01-01T10:00:00Z"
        ))
    );
    assert!(at("2026-01-01T10:00:00Z").starts_with("mds-all-2026-01-01T10-00-00Z-"));
}

#[test]
fn a_name_is_valid_for_step_functions() {
    let provider = "p".repeat(63);
    let long = input_of(
        &format!("--provider {provider} --time-min 2020-03-01-00 --time-max 2020-04-01-00"),
        "2026-01-01T10:00:00Z",
    );
    let name = name(&long);
    assert!(name.len() <= MAX_NAME);
    assert!(checked_name(&format!("{name}-99")).is_ok());
    for wrong in ["", "a b", "a:b", &"x".repeat(81)] {
        assert!(checked_name(wrong).is_err());
    }
}
