//! `mds probe`: checks a provider's feed before anything depends on it.

use std::process::ExitCode;

use comfy_table::ContentArrangement;
use pipeline::{Conclusion, HourOutcome, ProbeReport, ProbedHour, Purpose, Verdict};
use trips::block::ProviderName;
use trips::words::counted;

use crate::args::ProbeArgs;
use crate::commands::connect;
use crate::failure::{self, FAILED};
use crate::output;
use crate::table::table;

/// The width of a table that goes to a pipe or a file.
const WIDTH: u16 = 100;

pub(crate) async fn probe(args: &ProbeArgs, json: bool) -> anyhow::Result<ExitCode> {
    let name: ProviderName = args
        .provider
        .parse()
        .map_err(|e| failure::usage(format!("{e}")))?;
    let ctx = connect::context(None).await?;
    let show = |hour: &ProbedHour| note!("{}", line(hour));
    let report = pipeline::probe(&ctx, &name, args.time_max.as_deref(), show).await?;
    if json {
        output::json(&report)?;
    } else {
        output::text(&text(&report))?;
    }
    Ok(match report.conclusion {
        Conclusion::CanBeIngested => ExitCode::SUCCESS,
        Conclusion::Harmful | Conclusion::Unreachable => ExitCode::from(FAILED),
    })
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
        HourOutcome::Ready(report) => counted(report.trips, "trip").to_string(),
        HourOutcome::NotYet { http_status } => format!("not published yet (HTTP {http_status})"),
        HourOutcome::NotOperating => "no service in that hour".to_owned(),
        HourOutcome::Failed { name, .. } => name.to_string(),
    };
    format!(
        "{} ({purpose}): {outcome}, {:.1} s",
        hour.label, hour.seconds
    )
}

fn text(report: &ProbeReport) -> String {
    let mut found = table(&["", "about", "finding"], 3);
    found.set_content_arrangement(ContentArrangement::Dynamic);
    // A terminal's own width is known to the table.
    if found.width().is_none() {
        found.set_width(WIDTH);
    }
    for finding in &report.findings {
        let verdict = match finding.verdict {
            Verdict::Good => "good",
            Verdict::Note => "note",
            Verdict::Harm => "HARM",
            Verdict::Unreachable => "unreachable",
        };
        found.add_row([verdict, finding.about, &finding.text]);
    }
    let mut lines = vec![found.to_string()];
    for finding in &report.findings {
        if let Some(remedy) = &finding.remedy {
            lines.push(format!("For {}: {remedy}", finding.about));
        }
    }
    let conclusion = match report.conclusion {
        Conclusion::CanBeIngested => "can be ingested",
        Conclusion::Harmful => "would lose or spoil trips: do not ingest it yet",
        Conclusion::Unreachable => {
            "could not be reached or did not answer, so nothing is known about its feed: look at \
             mds_api_url, or try again later"
        }
    };
    lines.push(format!("{} {conclusion}.", report.provider));
    lines.join("\n")
}
