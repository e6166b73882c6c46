//! The input and the name of an execution.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::args::RunArgs;

/// Step Functions accepts names of up to 80 characters; the number of a later attempt needs four.
const MAX_NAME: usize = 80 - 4;
const HASH_DIGITS: usize = 12;

/// The request as input of the state machine, without the fields that are not set. A range relative
/// to the current time is pinned to the current hour, so that the same command within the hour is
/// the same request.
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
    let is_set = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    Ok(Value::Object(
        members
            .into_iter()
            .filter(|(_, value)| is_set(value))
            .collect::<Map<_, _>>(),
    ))
}

/// A name derived from the input: readable, and made unique by a hash.
pub(crate) fn name(input: &Value) -> String {
    let fields = ["provider", "time_min", "time_max"]
        .iter()
        .filter_map(|key| input.get(key)?.as_str());
    let words: Vec<&str> = std::iter::once("mds").chain(fields).collect();
    let mut name: String = words
        .join("-")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(MAX_NAME - HASH_DIGITS - 1)
        .collect();
    name.push('-');
    for byte in &Sha256::digest(input.to_string())[..HASH_DIGITS / 2] {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

/// Checks a name given with `--name` against the rules of Step Functions.
pub(crate) fn checked_name(name: &str) -> Result<String, String> {
    let is_valid = (1..=80).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_valid {
        return Ok(name.to_owned());
    }
    Err(format!(
        "--name `{name}`: an execution's name consists of 1 to 80 letters, digits, `-` and `_`"
    ))
}

#[cfg(test)]
mod tests;
