//! Names the providers of the trips that were counted.

use std::collections::{BTreeMap, HashMap};

use deadpool_postgres::Transaction;
use trips::block::HourRange;
use uuid::Uuid;

use super::TripGroup;
use super::sums::{GroupKey, Sums};
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// A provider is that of its blocks: an id can belong to several entries of the providers file.
const NAMES: &str = "
    SELECT coalesce(p.provider_name, (
               SELECT min(e.provider_name) FROM api.providers e WHERE e.mds_provider_id = k.id
           )) AS name
    FROM unnest($1::int[], $2::uuid[]) WITH ORDINALITY AS k (entry, id, n)
    LEFT JOIN api.providers p ON p.provider_id = k.entry
    ORDER BY k.n";

/// What providers call themselves that no block and no entry knows.
const OWN_NAMES: &str = "
    SELECT provider_id, lower(max(provider_name)) AS name FROM api.trips
    WHERE end_time >= $1 AND end_time < $2 AND provider_id = ANY ($3)
    GROUP BY provider_id";

/// The groups with the names of their providers, in the order of the names.
pub(super) async fn name_groups(
    transaction: &Transaction<'_>,
    range: HourRange,
    sums: Sums,
) -> Result<Vec<TripGroup>, StoreError> {
    let doing = failed("naming the providers of trips");
    let mut by_provider = BTreeMap::<(Option<i32>, Uuid), Vec<(Option<String>, TripGroup)>>::new();
    for (key, group) in sums.into_groups() {
        let GroupKey {
            entry,
            id,
            vehicle_type,
        } = key;
        let groups = by_provider.entry((entry, id)).or_default();
        groups.push((vehicle_type, group));
    }
    let (entries, ids): (Vec<_>, Vec<_>) = by_provider.keys().copied().unzip();
    let rows = transaction
        .query(NAMES, &[&entries, &ids])
        .await
        .map_err(doing)?;
    let names: Vec<Option<String>> = rows
        .iter()
        .map(|row| get(row, "name"))
        .collect::<Result<_, _>>()?;
    let unknown: Vec<_> = (names.iter().zip(&ids))
        .filter_map(|(name, id)| name.is_none().then_some(*id))
        .collect();
    let own_names = own_names(transaction, range, &unknown).await?;
    let mut named = Vec::new();
    for ((name, id), groups) in names.into_iter().zip(ids).zip(by_provider.into_values()) {
        let provider = name
            .or_else(|| own_names.get(&id).cloned())
            .unwrap_or_else(|| id.to_string());
        named.extend(groups.into_iter().map(|(vehicle_type, group)| TripGroup {
            provider: provider.clone(),
            vehicle_type,
            ..group
        }));
    }
    named.sort_by(|one, other| {
        let order = |group: &TripGroup| {
            (
                group.provider.clone(),
                group.vehicle_type.is_none(),
                group.vehicle_type.clone(),
            )
        };
        order(one).cmp(&order(other))
    });
    Ok(named)
}

/// One pass over the trips, and none if every provider is known.
async fn own_names(
    transaction: &Transaction<'_>,
    range: HourRange,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, String>, StoreError> {
    let mut names = HashMap::new();
    if ids.is_empty() {
        return Ok(names);
    }
    let (first, end) = (range.first().start(), range.end().start());
    let rows = transaction
        .query(OWN_NAMES, &[&first, &end, &ids])
        .await
        .map_err(failed("naming the providers of trips"))?;
    for row in rows {
        if let Some(name) = get(&row, "name")? {
            names.insert(get(&row, "provider_id")?, name);
        }
    }
    Ok(names)
}
