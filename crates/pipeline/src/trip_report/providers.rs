//! The trips of each provider, from the groups that were counted.

use std::collections::{BTreeMap, BTreeSet};

use store::{MadeReport, ProviderOverview, TripCounts, TripFilters, TripGroup};
use trips::VehicleType;

use super::figures::TripFigures;
use super::{ProviderTrips, SinceReport, VehicleTrips};
use crate::context::Context;

/// The trips of each provider that has blocks or trips in the month, in the order of their names.
pub(super) fn providers(
    ctx: &Context,
    counts: &TripCounts,
    earlier: Option<&MadeReport>,
    filters: TripFilters,
) -> Vec<ProviderTrips> {
    let mut by_provider: BTreeMap<&str, Vec<&TripGroup>> = BTreeMap::new();
    for overview in &counts.blocks {
        by_provider.entry(overview.provider.as_str()).or_default();
    }
    for group in &counts.groups {
        by_provider.entry(&group.provider).or_default().push(group);
    }
    let enabled = enabled_names(ctx);
    by_provider
        .into_iter()
        .map(|(name, groups)| {
            let figures: TripFigures = groups.iter().copied().collect();
            let due = counts.hours_due.get(name).copied().unwrap_or_default();
            let first_hour = counts.first_hours.get(name);
            ProviderTrips {
                provider: name.to_owned(),
                hours_loaded: hours_loaded(&counts.blocks, name),
                hours_due: due.hours,
                hours_never_requested: due.never_requested,
                enabled: enabled.contains(name),
                first_hour: first_hour.map(|hour| hour.label(ctx.zone())),
                received_at: groups.iter().filter_map(|group| group.received_at).max(),
                since: earlier.map(|report| since(name, &groups, &figures, report, filters)),
                vehicle_types: vehicle_types(&groups),
                figures,
            }
        })
        .collect()
}

/// An entry that cannot be used is one that nobody has disabled.
fn enabled_names(ctx: &Context) -> BTreeSet<String> {
    ctx.providers()
        .filter(|provider| provider.config.enabled)
        .map(|provider| provider.name.to_string())
        .chain(ctx.unusable_providers().map(|name| name.to_string()))
        .collect()
}

fn hours_loaded(blocks: &[ProviderOverview], name: &str) -> u64 {
    let of_provider = blocks.iter().filter(|it| it.provider.as_str() == name);
    of_provider
        .flat_map(|it| &it.blocks)
        .filter(|(status, _)| status.is_loaded_or_empty())
        .map(|(_, count)| count)
        .sum()
}

fn since(
    name: &str,
    groups: &[&TripGroup],
    figures: &TripFigures,
    earlier: &MadeReport,
    filters: TripFilters,
) -> SinceReport {
    // A report names every provider that had a block or a trip, so the others had none.
    let then = earlier.providers.get(name).copied().unwrap_or_default();
    SinceReport {
        arrived_or_corrected: groups.iter().map(|group| group.arrived_since).sum(),
        withdrawn: groups.iter().map(|group| group.withdrawn_since).sum(),
        trips: difference(figures.trips, then.trips),
        trips_after_filters: (earlier.filters == filters)
            .then(|| difference(figures.trips_after_filters, then.counted)),
    }
}

/// Counts are far below 2^63.
fn difference(now: u64, then: u64) -> i64 {
    now.cast_signed().wrapping_sub(then.cast_signed())
}

/// MDS's own word for a type of vehicle. The table has what the provider sent, which may be
/// anything: control characters, a formula, somebody's name.
fn known_word(sent: &str) -> &'static str {
    VehicleType::of(sent).unwrap_or(VehicleType::Other).as_str()
}

fn vehicle_types(groups: &[&TripGroup]) -> Vec<VehicleTrips> {
    let mut by_type: BTreeMap<Option<&str>, Vec<&TripGroup>> = BTreeMap::new();
    for group in groups {
        let kind = group.vehicle_type.as_deref().map(known_word);
        by_type.entry(kind).or_default().push(group);
    }
    by_type
        .into_iter()
        .map(|(kind, groups)| VehicleTrips {
            vehicle_type: kind.map(str::to_owned),
            figures: groups.into_iter().collect(),
        })
        .collect()
}
