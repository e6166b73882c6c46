//! Findings about an hour's trips: their fields, times, coordinates, ids and routes.

use mds_client::{HourReport, ProviderConfig};
use trips::CostUnit;
use trips::trip::{Flag, RejectReason};
use trips::words::counted;

use super::{finding, good, harm, note};
use crate::error::PipelineError;
use crate::probe::report::{Finding, ProbedHour, Verdict};
use crate::probe::sample::Sample;

/// A larger share of rejects is a fault of the feed and not of single trips.
const TOLERATED_REJECTS: f64 = 0.01;
/// Fewer rejects than this are faults of single trips, whatever their share.
const MIN_REJECTS: u64 = 3;
/// Some trips end just outside of the hour because of a wrong clock. With a larger share, the feed
/// ignores the requested hour.
const TOLERATED_OUTSIDE_HOUR: f64 = 0.05;
/// With a larger share of faulty trips, the fault is the feed's.
const MAJORITY: f64 = 0.5;

pub(super) fn no_trips(report: &HourReport) -> Finding {
    let about = "trips";
    match report.trips_outside_window {
        0 => note(
            about,
            "the hour has no trips: choose a busy one with --time-max",
        ),
        n => note(
            about,
            format!(
                "the hour has none, but {} of other hours came with it: choose another with --time-max. If the same happens there, the provider ignores the query",
                counted(n, "trip")
            ),
        ),
    }
}

pub(super) fn fields(sample: &Sample) -> Finding {
    let about = "fields";
    if sample.rejected == 0 {
        return good(about, "every trip has its required fields");
    }
    let mut reasons: Vec<_> = sample.reasons.iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1));
    let listed: Vec<_> = reasons
        .iter()
        .map(|(reason, n)| match sample.examples.get(*reason) {
            Some(example) if !example.is_empty() => format!("{reason} ({n}; {example})"),
            _ => format!("{reason} ({n})"),
        })
        .collect();
    let text = format!(
        "{} of {} would be rejected: {}",
        sample.rejected,
        counted(sample.trips, "trip"),
        listed.join(", ")
    );
    let share = share(sample.rejected, sample);
    if share > MAJORITY || (share > TOLERATED_REJECTS && sample.rejected >= MIN_REJECTS) {
        harm(about, text, None)
    } else {
        note(about, text)
    }
}

pub(super) fn requested_hour(sample: &Sample, neighbour: Option<&ProbedHour>) -> Finding {
    let about = "the hour asked for";
    let remedy = "\"mds_param_override\" renames the parameters of the query, \"time_format\" changes how times are written";
    let neighbour = neighbour.and_then(|hour| hour.sample.as_ref());
    if neighbour.is_some_and(|it| it.trips > 0 && it.digest == sample.digest) {
        return harm(
            about,
            "another hour returns the same trips: the provider ignores the hour",
            Some(remedy),
        );
    }
    let outside = sample.flagged(Flag::OutsideHour);
    let text = format!(
        "{outside} of {} outside of it",
        counted(sample.trips, "trip").with("ends", "end")
    );
    match outside {
        0 => good(about, "every trip ends within it"),
        _ if share(outside, sample) > TOLERATED_OUTSIDE_HOUR => harm(about, text, Some(remedy)),
        _ => note(about, text),
    }
}

pub(super) fn time_units(sample: &Sample) -> Finding {
    let about = "units of time";
    match sample.flagged(Flag::SecondsForMilliseconds) {
        0 => good(about, "as the version requires"),
        n => note(
            about,
            format!(
                "{n} of {} seconds instead of milliseconds; they are repaired",
                counted(sample.trips, "trip").with("has", "have")
            ),
        ),
    }
}

pub(super) fn coordinates(
    config: &ProviderConfig,
    boundaries_error: Option<&PipelineError>,
    sample: &Sample,
) -> Finding {
    let about = "coordinates";
    if let Some(error) = boundaries_error {
        return note(about, format!("not compared with the city: {error}"));
    }
    let swapped = sample.flagged(Flag::SwappedCoordinatesSuspected) + sample.swapped_off_globe;
    if share(swapped, sample) > MAJORITY {
        let remedy = format!("\"swap_coordinates\": {}", !config.swap_coordinates);
        let text = format!(
            "latitude and longitude are swapped in {swapped} of {}",
            counted(sample.trips, "trip")
        );
        return harm(about, text, Some(&remedy));
    }
    let outside = sample.flagged(Flag::OutsideArea);
    let text = format!(
        "{outside} of {} outside of the city",
        counted(sample.trips, "trip").with("starts or ends", "start or end")
    );
    match outside {
        0 => good(about, "every trip starts and ends in the city"),
        _ if share(outside, sample) > MAJORITY => harm(about, text, None),
        _ => note(about, text),
    }
}

pub(super) fn ids(config: &ProviderConfig, sample: &Sample) -> Finding {
    let reason = RejectReason::ForeignProvider.to_string();
    if let Some(n) = sample.reasons.get(&reason) {
        let ids: Vec<_> = sample
            .foreign_providers
            .iter()
            .map(|id| format!("\"{id}\""))
            .collect();
        let others = if ids.is_empty() {
            "no UUID".to_owned()
        } else {
            ids.join(", ")
        };
        let text = format!(
            "{n} of {} another provider_id ({others}) than the entry ({}); they would be rejected",
            counted(sample.trips, "trip").with("has", "have"),
            config.provider_id
        );
        let remedy = format!("\"provider_ids\": [{}]", ids.join(", "));
        return harm("ids", text, (!ids.is_empty()).then_some(remedy.as_str()));
    }
    match sample.integer_ids {
        0 => good("ids", "UUIDs"),
        n => note(
            "ids",
            format!(
                "{n} of {} integer ids; each is converted to a UUID",
                counted(sample.trips, "trip").with("has", "have")
            ),
        ),
    }
}

pub(super) fn costs(config: &ProviderConfig, sample: &Sample) -> Finding {
    let about = "costs";
    let fractional = sample.flagged(Flag::FractionalCost);
    if fractional == 0 {
        return good(about, "whole numbers of the minor unit");
    }
    let text = format!(
        "{fractional} of {} costs with a fraction of the minor unit, which would be loaded as null",
        counted(sample.trips, "trip").with("has", "have")
    );
    match config.cost_unit {
        CostUnit::Minor => harm(about, text, Some("\"cost_unit\": \"major\"")),
        CostUnit::Major => harm(about, text, None),
    }
}

pub(super) fn durations(sample: &Sample) -> Finding {
    let about = "durations";
    if share(sample.in_milliseconds, sample) > MAJORITY {
        let text = format!(
            "look like milliseconds: those of {} of {} a thousand times what the times say; talk to the provider",
            sample.in_milliseconds,
            counted(sample.trips, "trip").with("are", "are")
        );
        return harm(about, text, None);
    }
    let mismatches = sample.flagged(Flag::DurationMismatch);
    let text = format!(
        "{mismatches} of {} a duration that their times contradict",
        counted(sample.trips, "trip").with("has", "have")
    );
    match mismatches {
        0 => good(about, "as the times say"),
        _ if share(mismatches, sample) > MAJORITY => harm(about, text, None),
        _ => note(about, text),
    }
}

pub(super) fn optional_fields(sample: &Sample) -> Finding {
    let about = "optional fields";
    let found: Vec<_> = [
        (
            Flag::UnusableField,
            "with values that cannot be read, which are loaded as null or left out of the route",
        ),
        (
            Flag::UnknownVehicleType,
            "with a vehicle type that MDS does not have",
        ),
    ]
    .into_iter()
    .filter_map(|(flag, what)| {
        let n = sample.flagged(flag);
        (n > 0).then(|| format!("{n} of {} {what}", counted(sample.trips, "trip")))
    })
    .collect();
    if found.is_empty() {
        good(about, "as MDS has them")
    } else {
        note(about, found.join(", "))
    }
}

pub(super) fn duplicates(sample: &Sample) -> Finding {
    match sample.duplicates {
        0 => good("duplicates", "none"),
        n => note(
            "duplicates",
            format!(
                "{n} of {} repeated; one of each is loaded",
                counted(sample.trips, "trip").with("is", "are")
            ),
        ),
    }
}

pub(super) fn routes(config: &ProviderConfig, sample: &Sample) -> Finding {
    let about = "routes";
    if config.version.rules().vehicles_apart {
        return good(about, "from /telemetry, if \"telemetry\" is set");
    }
    if sample.routes == 0 {
        return note(about, "none");
    }
    let unordered = sample.flagged(Flag::UnorderedRoute);
    let single = sample.flagged(Flag::SinglePoint);
    let text = format!(
        "{:.1} points each, {unordered} of {} not in time order, {single} with one point",
        as_float(sample.points) / as_float(sample.routes),
        sample.routes
    );
    finding(
        about,
        if unordered + single == 0 {
            Verdict::Good
        } else {
            Verdict::Note
        },
        text,
    )
}

fn share(n: u64, sample: &Sample) -> f64 {
    as_float(n) / as_float(sample.trips.max(1))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of an hour are far below 2^53"
)]
fn as_float(n: u64) -> f64 {
    n as f64
}
