//! The input and the name of an execution.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use trips::block::{Hour, HourRange};
use trips::time::{CivilZone, TimeError};

use crate::args::RunArgs;
use crate::failure::usage;

/// Step Functions accepts names of up to 80 characters; the number of a later attempt needs four.
const MAX_NAME: usize = 80 - 4;
const HASH_DIGITS: usize = 12;
/// No civil time comes later than here, 12 hours behind UTC.
const LAST_ZONE: &str = "Etc/GMT+12";

/// The request as input of the state machine, without the fields that are not set. A range relative
/// to the current time is pinned to the current hour, so that the same command within the hour is
/// the same request.
pub(crate) fn input(args: &RunArgs, now: DateTime<Utc>) -> anyhow::Result<Value> {
    let mut request = args.request();
    request.dry_run = false;
    let hour = now.duration_trunc(TimeDelta::hours(1))?;
    if request.scheduled_time.is_some() {
        request.scheduled_time = Some(hour);
    } else if request.time_max.is_none() && request.time_min.is_none() {
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

/// A name derived from the input: readable, and made unique by a hash. If the same request may have
/// something else to do in the next hour, the name has the current hour as well.
///
/// # Errors
///
/// A wrong usage, if a time of the request cannot be read.
pub(crate) fn name(input: &Value, now: DateTime<Utc>) -> anyhow::Result<String> {
    let hour = changes_by_the_hour(input, now)?.then(|| now.format("at-%Y-%m-%dT%H").to_string());
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    let providers = input.get("providers").and_then(Value::as_array);
    let providers = providers.into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<&str> = std::iter::once("mds")
        .chain(text("provider"))
        .chain(providers)
        .chain(["time_min", "time_max"].into_iter().filter_map(text))
        .chain(hour.as_deref())
        .collect();
    Ok(name_of(
        &words,
        &format!("{input}{}", hour.as_deref().unwrap_or_default()),
    ))
}

fn name_of(words: &[&str], hashed: &str) -> String {
    let mut name: String = words
        .join("-")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(MAX_NAME - HASH_DIGITS - 1)
        .collect();
    name.push('-');
    for byte in &Sha256::digest(hashed)[..HASH_DIGITS / 2] {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

/// Whether the same request may have something else to do in the next hour: hours of its range are
/// still to come, or it asks for what has been done already.
fn changes_by_the_hour(input: &Value, now: DateTime<Utc>) -> anyhow::Result<bool> {
    let end = latest_end(input).map_err(|error| usage(error.to_string()))?;
    let repeats = ["force", "incomplete_only", "audit", "accept_losses"]
        .iter()
        .any(|key| input.get(key).is_some());
    Ok(repeats || end.is_none_or(|end| end > now))
}

/// The latest instant at which the request's range can end, whatever the city's time zone: that is
/// a setting in the bucket, which a command for the state machine need not be able to read.
fn latest_end(input: &Value) -> Result<Option<DateTime<Utc>>, TimeError> {
    let time = |key: &str| {
        let text = input.get(key).and_then(Value::as_str);
        text.map(latest).transpose()
    };
    let (time_min, time_max) = (time("time_min")?, time("time_max")?);
    let interval = input.get("interval").and_then(Value::as_u64).unwrap_or(1);
    let from_min = |hour: Hour| {
        let interval = TimeDelta::try_hours(i64::try_from(interval).ok()?)?;
        hour.start().checked_add_signed(interval)
    };
    Ok(match time_max {
        Some(end) => Some(end.start()),
        None => time_min.and_then(from_min),
    })
}

/// The number of hours of each provider that the request names, whether they have ended or not.
///
/// # Errors
///
/// A wrong usage, if a time of the request cannot be read.
pub(crate) fn hours(input: &Value) -> anyhow::Result<u64> {
    let interval = input.get("interval").and_then(Value::as_u64).unwrap_or(1);
    let time = |key: &str| {
        let text = input.get(key).and_then(Value::as_str);
        text.map(latest)
            .transpose()
            .map_err(|error| usage(error.to_string()))
    };
    Ok(match (time("time_min")?, time("time_max")?) {
        (Some(first), Some(end)) => HourRange::new(first, end).map_or(0, |range| range.len()),
        _ => interval,
    })
}

/// The latest instant that a time of the command line can mean.
fn latest(text: &str) -> Result<Hour, TimeError> {
    match LAST_ZONE
        .parse::<CivilZone>()
        .unwrap_or_default()
        .parse_time(text)
    {
        Err(TimeError::NotRepeated { .. }) => {
            latest(text.trim_end_matches('b')).map(|it| it.next())
        }
        read => read,
    }
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
