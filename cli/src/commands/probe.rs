//! `mds probe`: checks a provider's feed before anything depends on it.

use std::process::ExitCode;

use pipeline::{HourOutcome, ProbeReport, ProbedHour, Purpose, Verdict};
use trips::block::ProviderName;

use crate::args::ProbeArgs;
use crate::commands::connect;
use crate::failure;
use crate::table::table;

#[expect(clippy::print_stdout, reason = "the report is this command's data")]
pub(crate) async fn probe(args: &ProbeArgs, json: bool) -> anyhow::Result<ExitCode> {
    let name: ProviderName = args
        .provider
        .parse()
        .map_err(|e| failure::usage(format!("{e}")))?;
    let ctx = connect::context(None).await?;
    let show = |hour: &ProbedHour| eprintln!("{}", line(hour));
    let report = pipeline::probe(&ctx, &name, args.time_max.as_deref(), show).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(ExitCode::from(u8::from(report.is_harmful())))
}

fn line(hour: &ProbedHour) -> String {
    let purpose = match hour.purpose {
        Purpose::Whole => "an hour that should be available".to_owned(),
        Purpose::Again => "the same hour again".to_owned(),
        Purpose::Neighbour => "the hour before".to_owned(),
        Purpose::Old => "a week before".to_owned(),
        Purpose::Future => "an hour in the future".to_owned(),
        Purpose::Newest { age } => format!("{age} h old"),
    };
    let outcome = match &hour.outcome {
        HourOutcome::Ready(report) => format!("{} trips", report.trips),
        HourOutcome::NotYet { http_status } => format!("not published yet (HTTP {http_status})"),
        HourOutcome::NotOperating => "no service in that hour".to_owned(),
        HourOutcome::Failed { name, .. } => name.to_string(),
    };
    format!(
        "{} ({purpose}): {outcome}, {:.1} s",
        hour.label, hour.seconds
    )
}

#[expect(clippy::print_stdout, reason = "the report is this command's data")]
fn print(report: &ProbeReport) {
    let mut found = table(&["", "about", "finding"], 3);
    for finding in &report.findings {
        let verdict = match finding.verdict {
            Verdict::Good => "good",
            Verdict::Note => "note",
            Verdict::Harm => "HARM",
        };
        found.add_row([verdict, finding.about, &finding.text]);
    }
    println!("{found}");
    for finding in &report.findings {
        if let Some(remedy) = &finding.remedy {
            println!("For {}: {remedy}", finding.about);
        }
    }
    let verdict = if report.is_harmful() {
        "would lose or spoil trips: do not ingest it yet"
    } else {
        "can be ingested"
    };
    println!("{} {verdict}.", report.provider);
}
