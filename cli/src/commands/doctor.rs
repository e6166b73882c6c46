//! `mds doctor`: says what is missing in a set-up, each with the line that fixes it.

use std::process::ExitCode;
use std::time::Duration;

use pipeline::{Check, DoctorReport, DoctorVerdict as Verdict, Outcome};
use serde_json::json;
use trips::words::counted;

use crate::args::DoctorArgs;
use crate::aws::{STATE_MACHINE, StateMachineArn};
use crate::failure::FAILED;
use crate::output;

pub(crate) async fn doctor(args: &DoctorArgs, json: bool) -> anyhow::Result<ExitCode> {
    let lookup = |name: &str| std::env::var(name).ok();
    let limit = Duration::from_secs(args.timeout);
    let mut report = Box::pin(pipeline::examine(&lookup, limit)).await;
    report.checks.extend(state_machine(&lookup));
    if json {
        output::json(&json!({
            "broken": report.count(Outcome::Broken),
            "warnings": report.count(Outcome::Warning),
            "checks": report.checks,
        }))?;
    } else {
        output::text(&text(&report))?;
    }
    Ok(if report.is_broken() {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Only who runs on AWS needs it.
fn state_machine(lookup: &dyn Fn(&str) -> Option<String>) -> Option<Check> {
    let arn = lookup(STATE_MACHINE).filter(|arn| !arn.trim().is_empty())?;
    let verdict = match arn.parse::<StateMachineArn>() {
        Ok(arn) => Verdict::ok(format!("{STATE_MACHINE} is an ARN in {}", arn.region)),
        Err(error) => Verdict::broken(
            format!("{STATE_MACHINE}: {error}"),
            format!("set {STATE_MACHINE} to the output StateMachineArn of the stack"),
        ),
    };
    Some(Check::at_once("state machine", verdict))
}

/// One check for each line, what to do below it: a table would wrap the sentences.
pub(crate) fn text(report: &DoctorReport) -> String {
    let mut lines = Vec::new();
    for check in &report.checks {
        let name = match &check.about {
            Some(about) => format!("{} {about}", check.check),
            None => check.check.to_owned(),
        };
        let word = check.outcome.as_str().replace('_', " ");
        lines.push(format!("{word:<9}  {name}: {}", check.finding));
        if let Some(remedy) = &check.remedy {
            lines.push(format!("{:<9}  -> {remedy}", ""));
        }
    }
    lines.push(String::new());
    lines.push(summary(report));
    lines.join("\n")
}

fn summary(report: &DoctorReport) -> String {
    let count = |outcome| report.count(outcome);
    let (broken, warnings) = (count(Outcome::Broken), count(Outcome::Warning));
    let ok = count(Outcome::Ok);
    let not_tried = count(Outcome::NotTried);
    let verdict = match (broken, warnings) {
        (0, 0) => "The set-up is whole",
        (0, _) => "A run works; look at the warnings",
        _ => "A run would fail",
    };
    format!(
        "{verdict}: {ok} ok, {}, {broken} broken, {not_tried} not tried.",
        counted(warnings, "warning")
    )
}
