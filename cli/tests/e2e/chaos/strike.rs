//! Faults that happen at their moment, beside the executions.

use std::time::{Duration, Instant};

use local_stack::Counts;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::storm::{Blow, Fate, Strike};
use crate::aws::Aws;
use crate::database::Database;
use crate::network::Sky;
use crate::schedule::{DatabaseFault, Moment, Outage};

const PAUSE: Duration = Duration::from_millis(4);

/// Tells the local Lambda what will happen to an invocation.
pub(crate) fn announce(aws: &Aws, fate: &Fate) {
    let mut told = json!({
        "function": fate.function,
        "invocation": fate.invocation,
        "after_ms": milliseconds(fate.after),
    });
    let (member, value) = match fate.blow {
        Blow::Kill => ("kill", json!(true)),
        Blow::CutOff => ("cut", json!(true)),
        Blow::Freeze(pause) => ("freeze_ms", milliseconds(pause)),
        Blow::Timeout(timeout) => ("timeout_ms", milliseconds(timeout)),
    };
    told[member] = value;
    let answer = aws.command(&format!("fate {told}"));
    assert!(answer.get("fates").is_some(), "{answer}");
}

fn milliseconds(duration: Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap())
}

/// Waits for a moment. It may never come.
async fn has_come(sky: &Sky, at: Moment, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        if sky.has_come(at, Counts::default()) {
            return true;
        }
        sleep(PAUSE).await;
    }
    false
}

/// Strikes whatever works at the moment.
pub(crate) async fn strike(aws: &Aws, sky: &Sky, strike: &Strike, deadline: Instant) {
    if !has_come(sky, strike.at, deadline).await {
        return;
    }
    let function = strike.function;
    let answer = match strike.freeze {
        Some(pause) => aws.command(&format!("freeze {function} {}", milliseconds(pause))),
        None => aws.command(&format!("kill {function}")),
    };
    assert!(answer.get("error").is_none(), "{answer}");
}

/// Cuts a link for a while. Returns how many times it was cut.
pub(crate) async fn outage(sky: &Sky, outage: Option<Outage>, deadline: Instant) -> u64 {
    let Some(outage) = outage else { return 0 };
    if !has_come(sky, outage.at, deadline).await {
        return 0;
    }
    let place = outage.at.place;
    sky.cut(place);
    sleep(outage.pause).await;
    sky.mend(place);
    1
}

/// Lets the database have its fault. Returns how many it had.
pub(crate) async fn fault(
    database: &Database,
    sky: &Sky,
    fault: Option<DatabaseFault>,
    deadline: Instant,
) -> u64 {
    let Some(fault) = fault else { return 0 };
    if !has_come(sky, fault.at, deadline).await {
        return 0;
    }
    database.suffer(fault).await;
    1
}
