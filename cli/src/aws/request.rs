//! The execution's input and name.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::args::RunArgs;

/// The longest name that Step Functions takes, less what the number of a further try needs.
const LONGEST: usize = 80 - 4;
const HASH: usize = 12;

/// The request as the state machine takes it, without what is not set. A range that hangs on the clock is pinned to the
/// current hour, so that the same command within the hour is the same request.
pub(crate) fn input(args: &RunArgs, now: DateTime<Utc>) -> anyhow::Result<Value> {
    let mut request = args.request();
    request.dry_run = false;
    if request.time_max.is_none() && request.time_min.is_none() {
        let hour = now.duration_trunc(TimeDelta::hours(1))?;
        request.time_max = Some(hour.to_rfc3339_opts(SecondsFormat::Secs, true));
    }
    let Value::Object(members) = serde_json::to_value(&request)? else {
        anyhow::bail!("a request is a JSON object");
    };
    let set = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    Ok(Value::Object(
        members
            .into_iter()
            .filter(|(_, value)| set(value))
            .collect::<Map<_, _>>(),
    ))
}

/// A name that is the same for the same input: readable, and told from all others by a hash.
pub(crate) fn name(input: &Value) -> String {
    let said = ["provider", "time_min", "time_max"]
        .iter()
        .filter_map(|key| input.get(key)?.as_str());
    let words: Vec<&str> = std::iter::once("mds").chain(said).collect();
    let mut name: String = words
        .join("-")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(LONGEST - HASH - 1)
        .collect();
    name.push('-');
    for byte in &Sha256::digest(input.to_string())[..HASH / 2] {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

/// A name given by hand, if Step Functions takes it.
pub(crate) fn checked_name(name: &str) -> Result<String, String> {
    let fits = (1..=80).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits {
        return Ok(name.to_owned());
    }
    Err(format!(
        "--name `{name}`: an execution's name has 1 to 80 letters, digits, `-` and `_`"
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn made(args: &str, now: &str) -> Value {
        let line = format!("mds run --on aws {args}");
        let Command::Run(args) = Cli::parse_from(line.split(' ')).command else {
            panic!("no run")
        };
        input(&args, now.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_input_holds_what_is_set_and_nothing_else() {
        let input = made(
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
        let at = |now| name(&made(sweep, now));
        assert_eq!(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:59:59Z"));
        assert_ne!(at("2026-01-01T10:59:59Z"), at("2026-01-01T11:00:00Z"));
        assert_ne!(
            at("2026-01-01T10:00:00Z"),
            name(&made(
                "--provider all --interval 840",
                "2026-01-01T10:00:00Z"
            ))
        );
        assert!(at("2026-01-01T10:00:00Z").starts_with("mds-all-2026-01-01T10-00-00Z-"));
    }

    #[test]
    fn a_name_is_one_that_step_functions_takes() {
        let provider = "p".repeat(63);
        let long = made(
            &format!("--provider {provider} --time-min 2020-03-01-00 --time-max 2020-04-01-00"),
            "2026-01-01T10:00:00Z",
        );
        let name = name(&long);
        assert!(name.len() <= LONGEST);
        assert!(checked_name(&format!("{name}-99")).is_ok());
        for wrong in ["", "a b", "a:b", &"x".repeat(81)] {
            assert!(checked_name(wrong).is_err());
        }
    }
}
