//! The statements that write trips, put together from what they say several times.

use std::sync::LazyLock;

use crate::copy::TRIP_DATA;

/// Whether the last response for the block `s` had the same trips as the one before.
macro_rules! says_the_same {
    () => {
        "s.trips_new = 0 AND s.trips_changed = 0 AND s.trips_gone = 0"
    };
}

/// When the delivery that the row `t` holds was requested, for the last time: if the owner was
/// requested again and returned the same, its row in the schedule tells. Rows from before
/// `delivered_at` hold the last delivery of their owner. Postgres evaluates the subquery only for
/// those rows and for rows of other blocks.
const DELIVERED: &str = concat!(
    "CASE WHEN t.schedule_id = $1 AND t.delivered_at IS NOT NULL THEN t.delivered_at ELSE coalesce(
    (SELECT CASE WHEN t.delivered_at = s.archived_at AND ",
    says_the_same!(),
    "
                 THEN greatest(s.extracted_at, t.delivered_at)
                 ELSE coalesce(t.delivered_at, s.archived_at, s.extracted_at) END
     FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    t.delivered_at,
    '-infinity') END"
);

/// Keeps only trips `i` that change something. Each is looked up in the index. A join with the
/// whole table would take longer with each hour that the table has, and as long as the database has
/// no statistics of a new table, it may choose one.
const CHANGED_FEW: &str = "LEFT JOIN LATERAL (
                 SELECT true AS stays FROM api.trips t
                 WHERE t.provider_id = i.provider_id AND t.trip_id = i.trip_id AND NOT {changes}
                 LIMIT 1
             ) AS known ON true
             WHERE known.stays IS NULL";

/// As [`CHANGED_FEW`], for so many trips that a join may take less time than so many look-ups.
const CHANGED_MANY: &str = "WHERE NOT EXISTS (
                 SELECT FROM api.trips t
                 WHERE t.provider_id = i.provider_id AND t.trip_id = i.trip_id AND NOT {changes}
             )";

/// [`write_trips`] for the trips of a usual hour.
pub(super) static WRITE_FEW: LazyLock<String> = LazyLock::new(|| write_trips(CHANGED_FEW));

/// [`write_trips`] for many trips, of which the database has statistics.
pub(super) static WRITE_MANY: LazyLock<String> = LazyLock::new(|| write_trips(CHANGED_MANY));

/// [`are_known`] for the trips of a usual hour. As for [`CHANGED_FEW`], each is looked up.
pub(super) static ARE_FEW_KNOWN: LazyLock<String> = LazyLock::new(|| {
    are_known(
        "CROSS JOIN LATERAL (
             SELECT FROM api.trips t WHERE t.provider_id = i.provider_id AND t.trip_id = i.trip_id LIMIT 1
         ) AS t",
    )
});

/// [`are_known`] for many trips.
pub(super) static ARE_MANY_KNOWN: LazyLock<String> = LazyLock::new(|| {
    are_known("JOIN api.trips t ON t.provider_id = i.provider_id AND t.trip_id = i.trip_id")
});

/// Whether `api.trips` has a trip of the block `$1`, or one of those of the temporary table. The
/// range and the order of the first query let it read the index, whatever is known of the table.
fn are_known(joined: &str) -> String {
    format!(
        "SELECT (
             SELECT true FROM api.trips WHERE schedule_id >= $1 AND schedule_id <= $1 ORDER BY schedule_id LIMIT 1
         ) IS NOT NULL OR EXISTS (SELECT FROM pg_temp.incoming i {joined})"
    )
}

/// Inserts the trips of the temporary table, of which `api.trips` has none. The parameters and the
/// order are those of [`write_trips`]; `$5` is not used.
pub(super) static INSERT_UNKNOWN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO api.trips ({}) {} ORDER BY trip_id, provider_id",
        target(),
        incoming(),
    )
});

/// Writes the trips of the temporary table, and withdraws those that are missing from it.
///
/// Parameters: `$1` the block, `$2` the MDS version, `$3` the request time, `$4` the block's later
/// deliveries, `$5` whether trips can be missing.
///
/// Everything happens in one statement. It locks rows in the order of their trip ids, as all loads
/// do. With two statements, two loads of the same trips could wait for each other.
///
/// The statement reads rows from two sources. The first has the trips of the temporary table. The
/// second has rows of `api.trips` that are missing from it; their `delivered_at` is null, which
/// tells them apart. Both leave out rows that stay as they are: `ON CONFLICT` would lock each of
/// them, and so write to it.
///
/// Another load may change a row after the sources were read. So `ON CONFLICT` decides once more
/// what is newer.
///
/// The second source also has rows that are withdrawn already. They are locked and not changed. A
/// load that lets such a trip count again waits for the lock, and then sees this delivery.
fn write_trips(changed: &str) -> String {
    let case =
        |column: &str| format!("CASE WHEN it.is_newer THEN excluded.{column} ELSE t.{column} END");
    format!(
        "WITH written AS (
             INSERT INTO api.trips AS t ({target})
             {incoming}
             {changed}
             UNION ALL
             SELECT t.id, t.provider_id, t.trip_id, {present}, t.flags, t.mds_version, t.schedule_id, NULL, $3
             FROM api.trips t
             WHERE $5::boolean AND {is_missing}
               AND NOT EXISTS (
                   SELECT FROM pg_temp.incoming i WHERE i.provider_id = t.provider_id AND i.trip_id = t.trip_id
               )
               AND NOT EXISTS (SELECT FROM pg_temp.rejected r WHERE r.trip_id = t.trip_id)
             ORDER BY trip_id, provider_id
             ON CONFLICT (provider_id, trip_id) DO UPDATE
             SET ({data}, flags, mds_version, schedule_id, delivered_at, seen_at, withdrawn_at, modified_date) = (
                 SELECT {newest}, {flags}, {mds_version},
                        CASE WHEN it.is_newer OR it.is_found THEN excluded.schedule_id ELSE t.schedule_id END,
                        {delivered_at}, it.seen_at, it.withdrawn_at,
                        CASE WHEN it.has_new_content OR (t.withdrawn_at IS NULL) <> (it.withdrawn_at IS NULL)
                                  OR (t.schedule_id IS NULL AND (it.is_newer OR it.is_found))
                             THEN now() ELSE t.modified_date END
                 FROM (
                     SELECT it.is_newer, it.is_found,
                            CASE WHEN it.is_newer THEN nullif(greatest(it.last, $3), $3)
                                 WHEN excluded.delivered_at IS NULL THEN t.seen_at
                                 ELSE greatest(t.seen_at, $3) END AS seen_at,
                            CASE WHEN it.is_newer THEN {withdrawn_later}
                                 WHEN excluded.delivered_at IS NULL THEN $3
                                 ELSE nullif(greatest(t.withdrawn_at, $3), $3) END AS withdrawn_at,
                            it.is_newer AND {has_new_content} AS has_new_content
                     FROM (
                         SELECT excluded.delivered_at IS NOT NULL AND {is_newer} AS is_newer, {last} AS last,
                                {is_found} AS is_found
                         OFFSET 0
                     ) AS it
                     OFFSET 0
                 ) AS it
             )
             WHERE CASE WHEN excluded.delivered_at IS NULL
                        THEN {is_missing} AND ($3 < t.withdrawn_at) IS NOT FALSE
                        ELSE {still_changes} END
             RETURNING xmax = 0 AS inserted, withdrawn_at = $3 AS withdrawn, seen_at = $3 AS seen,
                       modified_date = now() AS modified, schedule_id IS NOT DISTINCT FROM $1 AS own
         )
         SELECT count(*) FILTER (WHERE inserted) AS inserted,
                count(*) FILTER (WHERE NOT inserted AND modified AND withdrawn IS NOT TRUE) AS updated,
                count(*) FILTER (WHERE withdrawn) AS withdrawn,
                count(*) FILTER (WHERE seen) AS seen,
                count(*) FILTER (WHERE own AND NOT modified) AS moved,
                count(*) FILTER (WHERE modified AND NOT own) AS others
         FROM written",
        data = columns(""),
        target = target(),
        incoming = incoming(),
        present = columns("t."),
        changed = changed.replace("{changes}", &changes("i")),
        still_changes = changes("excluded"),
        is_newer = is_newer("excluded"),
        has_new_content = has_new_content("excluded"),
        last = last(),
        is_missing = is_missing(),
        withdrawn_later = first_later("greatest(it.last, $3)"),
        newest = TRIP_DATA.map(case).join(", "),
        flags = case("flags"),
        mds_version = case("mds_version"),
        is_found = is_found(),
        delivered_at = case("delivered_at"),
    )
}

/// The columns that a new row gets.
fn target() -> String {
    format!(
        "id, provider_id, trip_id, {}, flags, mds_version, schedule_id, delivered_at, withdrawn_at",
        columns("")
    )
}

/// Selects the trips of the temporary table, as new rows of `api.trips`.
fn incoming() -> String {
    format!(
        "SELECT i.id, i.provider_id, i.trip_id, {}, i.flags, $2::text, $1::bigint, $3::timestamptz, {}
             FROM pg_temp.incoming i",
        columns("i."),
        first_later("$3"),
    )
}

/// Whether the delivery in `new` is not older than the one that the row `t` holds.
fn is_newer(new: &str) -> String {
    format!(
        "((coalesce({new}.publication_time, '-infinity'), $3, $1)
          >= (coalesce(t.publication_time, '-infinity'), {DELIVERED}, coalesce(t.schedule_id, 0)))"
    )
}

/// Whether the row `t` has no block, and this one is that of its hour. Such a row is from another
/// tool, which may have stored the time of its load as the publication time: no delivery would be
/// newer. So the block becomes its owner whatever was published when, and only the content waits
/// for a later publication. Of another hour it does not, or the order of the loads would decide.
fn is_found() -> &'static str {
    "(t.schedule_id IS NULL
      AND date_trunc('hour', t.end_time, 'UTC') = (SELECT s.block_start FROM api.schedule s WHERE s.schedule_id = $1))"
}

/// When a delivery of the trip of the row `t` was last requested.
fn last() -> String {
    format!("greatest({DELIVERED}, t.seen_at)")
}

/// Whether the delivery in `new` says something else than the row `t`. Flags depend on the block,
/// so those of another one are no news.
fn has_new_content(new: &str) -> String {
    format!(
        "(({}) IS DISTINCT FROM ({}) OR (t.schedule_id = $1 AND t.flags IS DISTINCT FROM {new}.flags))",
        columns("t."),
        columns(&format!("{new}.")),
    )
}

/// Whether the delivery in `new` changes the row `t` in any way. An older delivery can only show
/// that the provider still returns the trip, or which block a row without one belongs to.
fn changes(new: &str) -> String {
    format!(
        "(CASE WHEN {is_newer}
               THEN t.delivered_at IS DISTINCT FROM $3 OR t.schedule_id IS DISTINCT FROM $1 OR {has_new_content}
                    OR t.withdrawn_at IS DISTINCT FROM {withdrawn_at}
               ELSE {last} < $3 OR {is_found} END)",
        is_newer = is_newer(new),
        has_new_content = has_new_content(new),
        withdrawn_at = first_later("greatest(t.seen_at, $3)"),
        last = last(),
        is_found = is_found(),
    )
}

/// Whether the block is the owner of the row `t`, and no delivery of the trip is as late as this
/// one. A row from before `delivered_at` holds at most the block's last delivery.
fn is_missing() -> String {
    format!(
        "(t.schedule_id = $1 AND coalesce(greatest(t.delivered_at, t.seen_at) < $3, {DELIVERED} <= $3))"
    )
}

/// The first of the block's deliveries that is later than `time`: the trip is withdrawn since then.
fn first_later(time: &str) -> String {
    format!(
        "(CASE WHEN cardinality($4::timestamptz[]) > 0
               THEN (SELECT min(later) FROM unnest($4) AS later WHERE later > {time}) END)"
    )
}

/// Withdraws trips that counted again since `$1`, although their owner was requested once more
/// after that, be it for an answer that was loaded or for one that said the same. It is a statement
/// of its own, since it has to see what was committed while the first one waited for a row.
pub(super) const WITHDRAW_AGAIN: &str = concat!(
    "
    UPDATE api.trips t
    SET withdrawn_at = it.since, modified_date = now()
    FROM (
        SELECT t.provider_id, t.trip_id, min(later) AS since
        FROM pg_temp.incoming i
        JOIN api.trips t ON t.provider_id = i.provider_id AND t.trip_id = i.trip_id
        JOIN api.schedule s ON s.schedule_id = t.schedule_id
        CROSS JOIN unnest(s.loaded_deliveries || CASE
            WHEN ",
    says_the_same!(),
    "
                 AND s.archived_at = ANY (s.loaded_deliveries) AND t.delivered_at IS DISTINCT FROM s.archived_at
            THEN ARRAY[s.extracted_at] ELSE '{}' END) AS later
        WHERE t.seen_at = $1 AND t.withdrawn_at IS NULL AND later > $1
        GROUP BY t.provider_id, t.trip_id
    ) AS it
    WHERE t.provider_id = it.provider_id AND t.trip_id = it.trip_id"
);

fn columns(prefix: &str) -> String {
    TRIP_DATA
        .map(|column| format!("{prefix}{column}"))
        .join(", ")
}
