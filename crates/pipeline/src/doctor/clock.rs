//! This machine's clock, compared with that of S3.

use chrono::{DateTime, TimeDelta, Utc};
use config::Environment;

use super::report::Verdict;

/// From this difference on, somebody should set the clock.
const ODD: TimeDelta = TimeDelta::minutes(1);
/// From this difference on, signatures come to be refused. S3 allows a quarter of an hour, others
/// less.
const TOO_MUCH: TimeDelta = TimeDelta::minutes(5);
const REMEDY: &str = "set this machine's clock, for example by NTP: timedatectl set-ntp true";

/// Compares the clock with the `Date` of a response of S3. The request needs no credentials.
pub(super) async fn against_s3(env: &Environment) -> Verdict {
    let Some(url) = env.aws.find_s3_url().await else {
        return Verdict::not_tried("the region is not known");
    };
    let Ok(http) = http_kit::client() else {
        return Verdict::not_tried("this machine's HTTP client cannot be built");
    };
    let sent = Utc::now();
    let response = match http.get(url).send().await {
        Ok(response) => response,
        Err(error) => return Verdict::not_tried(http_kit::transport_cause(&error)),
    };
    let here = sent + (Utc::now() - sent) / 2;
    let date = response.headers().get("date");
    let there = date
        .and_then(|date| date.to_str().ok())
        .and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    match there {
        Some(there) => compare(here, there.with_timezone(&Utc)),
        None => Verdict::not_tried("S3 does not say what time it is"),
    }
}

fn compare(here: DateTime<Utc>, there: DateTime<Utc>) -> Verdict {
    let ahead = here - there;
    let shown = format!(
        "this machine's clock is {} s {} that of S3",
        ahead.num_seconds().abs(),
        if ahead >= TimeDelta::zero() {
            "ahead of"
        } else {
            "behind"
        }
    );
    let off = ahead.abs();
    if off >= TOO_MUCH {
        Verdict::broken(format!("{shown}, so signatures are refused"), REMEDY)
    } else if off >= ODD {
        Verdict::warning(shown, REMEDY)
    } else {
        Verdict::ok("it agrees with that of S3")
    }
}

#[cfg(test)]
mod tests;
