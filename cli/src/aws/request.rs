//! The execution's input and name.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::args::RunArgs;

/// The longest name that Step Functions takes, less what the number of a further try needs.
const LONGEST: usize = 80 - 4;
const HASH: usize = 12;

/// The request as the state machine takes it, without what is not set. A range that hangs on the
/// clock is pinned to the current hour, so that the same command within the hour is the same
/// request.
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
mod tests;
