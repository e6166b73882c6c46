//! `mds archive list`: which objects the blocks of a range have.

use std::collections::BTreeMap;
use std::io::{self, Write, stdout};
use std::process::ExitCode;

use chrono::{DateTime, Datelike as _, NaiveDate, SecondsFormat, Utc};
use pipeline::PipelineError;
use serde::Serialize;
use trips::block::{Block, Hour, HourRange, ProviderName, TimeWindow};

use super::{Archive, provider};
use crate::args::{ArchiveListArgs, ProviderArg};
use crate::failure::usage;
use crate::output;

/// An object of a block.
#[derive(Serialize)]
struct Listed {
    provider: ProviderName,
    label: String,
    object: String,
    bytes: u64,
    modified: Option<DateTime<Utc>>,
    key: String,
}

pub(super) async fn list(
    archive: &Archive,
    args: &ArchiveListArgs,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let range = range(archive, args)?;
    let mut printed = Printed::new(json);
    let mut providers = Vec::new();
    for name in &args.provider {
        match name {
            ProviderArg::All => providers.extend(archive.providers().await?),
            ProviderArg::Name(name) => providers.push(provider(name)?),
        }
    }
    providers.sort();
    providers.dedup();
    for provider in &providers {
        for (day, hours) in days(archive, range) {
            let objects = objects(archive, provider, day, &hours).await?;
            match printed.add(&objects) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                added => added?,
            }
        }
    }
    if printed.is_empty {
        return Err(usage(nothing(archive, &providers, range).await));
    }
    output::tolerate(printed.end())?;
    Ok(ExitCode::SUCCESS)
}

fn range(archive: &Archive, args: &ArchiveListArgs) -> anyhow::Result<HourRange> {
    let parse = |text: &Option<String>| {
        let time = text.as_deref().map(|text| archive.zone.parse_time(text));
        time.transpose().map_err(PipelineError::from)
    };
    let window = TimeWindow {
        time_min: parse(&args.range.time_min)?,
        time_max: parse(&args.range.time_max)?,
        interval: args.range.interval,
    };
    let resolved = window.resolve(Utc::now()).map_err(PipelineError::from)?;
    resolved
        .range
        .ok_or_else(|| usage("no hour of the range has ended, so none is archived"))
}

/// The hours of a range by the civil day on which they start, which their keys name.
fn days(archive: &Archive, range: HourRange) -> impl Iterator<Item = (NaiveDate, Vec<Hour>)> {
    let zone = archive.zone;
    let mut hours = range.into_iter().peekable();
    std::iter::from_fn(move || {
        let day = |hour: &Hour| zone.civil(hour.start()).date();
        let first = hours.next()?;
        let mut of_day = vec![first];
        while let Some(hour) = hours.next_if(|hour| day(hour) == day(&first)) {
            of_day.push(hour);
        }
        Some((day(&first), of_day))
    })
}

/// The objects of a provider's hours on a day, in the order of the hours.
async fn objects(
    archive: &Archive,
    provider: &ProviderName,
    day: NaiveDate,
    hours: &[Hour],
) -> anyhow::Result<Vec<Listed>> {
    let folders: BTreeMap<String, Hour> = hours
        .iter()
        .map(|hour| {
            let block = Block {
                provider: provider.clone(),
                hour: *hour,
            };
            (archive.folder(&block), *hour)
        })
        .collect();
    let prefix = match folders.first_key_value() {
        Some((folder, _)) if hours.len() == 1 => folder.clone(),
        _ => format!(
            "{}/{provider}/{}/{}/{}/",
            archive.env.stage,
            day.year(),
            day.month(),
            day.day()
        ),
    };
    let mut pages = archive.vault.list(&prefix);
    let mut found = Vec::new();
    while let Some(objects) = pages.next_page().await? {
        for object in objects {
            let folder = object.key.rfind('/').map_or("", |at| &object.key[..=at]);
            if let Some(hour) = folders.get(folder) {
                let listed = Listed {
                    provider: provider.clone(),
                    label: hour.label(&archive.zone),
                    object: object.key[folder.len()..].to_owned(),
                    bytes: object.size,
                    modified: object.modified.map(DateTime::from),
                    key: object.key,
                };
                found.push((*hour, listed));
            }
        }
    }
    // Keys are in the order of their texts: 10 before 2.
    found.sort_by_key(|(hour, _)| *hour);
    Ok(found.into_iter().map(|(_, listed)| listed).collect())
}

/// What was printed of a list that is never in memory as a whole: a table, or a JSON array.
struct Printed {
    json: bool,
    is_empty: bool,
}

impl Printed {
    fn new(json: bool) -> Self {
        Self {
            json,
            is_empty: true,
        }
    }

    fn add(&mut self, objects: &[Listed]) -> io::Result<()> {
        let mut out = stdout().lock();
        for object in objects {
            let is_first = std::mem::replace(&mut self.is_empty, false);
            if self.json {
                write!(out, "{}", if is_first { "[\n  " } else { ",\n  " })?;
                serde_json::to_writer(&mut out, object)?;
                continue;
            }
            if is_first {
                writeln!(
                    out,
                    "{:<12} {:<14} {:>12}  {:<20}  key",
                    "provider", "block", "bytes", "modified"
                )?;
            }
            let modified = object
                .modified
                .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
            writeln!(
                out,
                "{:<12} {:<14} {:>12}  {:<20}  {}",
                object.provider.as_str(),
                object.label,
                object.bytes,
                modified.unwrap_or_default(),
                object.key
            )?;
        }
        out.flush()
    }

    /// Ends the array.
    fn end(&self) -> io::Result<()> {
        let mut out = stdout().lock();
        if self.json && !self.is_empty {
            writeln!(out, "\n]")?;
        }
        out.flush()
    }
}

/// What to do if there is not one object.
async fn nothing(archive: &Archive, providers: &[ProviderName], range: HourRange) -> String {
    let names: Vec<_> = providers.iter().map(ProviderName::as_str).collect();
    let label = |hour: Hour| hour.label(&archive.zone);
    let (first, end) = (range.first(), range.end().previous());
    let hours = if first == end {
        label(first)
    } else {
        format!("{} to {}", label(first), label(end))
    };
    let Some(provider) = providers.first() else {
        return "the providers file has no provider".to_owned();
    };
    let command = format!(
        "mds extract --provider {} --time-min {} --time-max {}",
        names.join(","),
        label(first.previous()),
        label(end)
    );
    format!(
        "{} {hours}: nothing is archived; {}",
        names.join(", "),
        archive.advice(provider, &command).await
    )
}
