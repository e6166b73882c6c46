//! Rules that are about a table's rows among themselves, or with those of another table.

use tokio_postgres::Transaction;
use trips::status::BlockStatus;

use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count, status_list};
use crate::takeover::Obstacle;
use crate::takeover::inspect::{Work, lacks_provider};
use crate::takeover::problems::{of_rows, set_aside, set_older_aside};
use crate::takeover::shape::{DEVICES, PROVIDERS, SCHEDULE, TRIPS};

/// Counts what is against the rules.
pub(super) async fn table_rules(
    transaction: &Transaction<'_>,
    work: &mut Work,
) -> Result<Vec<Obstacle>, StoreError> {
    let name = work.table.name;
    let mut obstacles = Vec::new();
    if name == PROVIDERS.name {
        number_providers(transaction, work).await?;
    } else if name == SCHEDULE.name {
        obstacles.extend(statuses(transaction, work).await?);
        obstacles.extend(orphans(transaction, work).await?);
    }
    obstacles.extend(duplicates(transaction, work).await?);
    Ok(obstacles)
}

/// Keeps which number belongs to which MDS id, for a schedule that names providers by their MDS id.
async fn number_providers(transaction: &Transaction<'_>, work: &Work) -> Result<(), StoreError> {
    let number = work.value("provider_id").unwrap_or("NULL::int");
    let mds_id = work.value("mds_provider_id").unwrap_or("NULL::uuid");
    transaction
        .batch_execute(&format!(
            "CREATE TEMP TABLE mds_provider_numbers ON COMMIT DROP AS
                 SELECT ({number})::int AS number, ({mds_id})::uuid AS mds_id FROM api.providers;
             CREATE FUNCTION pg_temp.mds_provider_number(given uuid) RETURNS int LANGUAGE sql STABLE AS
                 'SELECT number FROM pg_temp.mds_provider_numbers WHERE mds_id = given ORDER BY number LIMIT 1'"
        ))
        .await
        .map_err(failed("reading the providers"))
}

async fn statuses(transaction: &Transaction<'_>, work: &Work) -> Result<Vec<Obstacle>, StoreError> {
    let Some(status) = work.value("status_id") else {
        return Ok(Vec::new());
    };
    let known = status_list(BlockStatus::ALL);
    let rows = transaction
        .query(
            &format!(
                "SELECT {status} AS status, count(*) AS rows FROM api.schedule
                 WHERE ({status}) NOT IN ({known}) GROUP BY 1 ORDER BY 1"
            ),
            &[],
        )
        .await
        .map_err(failed("reading the statuses of the schedule"))?;
    rows.iter()
        .map(|row| {
            let status: i32 = get(row, "status")?;
            Ok(of_rows(
                "schedule",
                read_count(row, "rows")?,
                format!("with the status {status}, which this program does not know"),
                format!(
                    "UPDATE api.schedule SET status_id = 0 WHERE status_id::text = '{status}'; \
                     then the next run over these hours takes their archives from the bucket, or requests what has none"
                ),
            ))
        })
        .collect()
}

async fn orphans(transaction: &Transaction<'_>, work: &Work) -> Result<Vec<Obstacle>, StoreError> {
    let Some(provider) = work.value("provider_id") else {
        return Ok(Vec::new());
    };
    let numbers = transaction
        .query_one(
            "SELECT to_regclass('pg_temp.mds_provider_numbers') IS NOT NULL AS is_read,
                    to_regclass('api.providers') IS NOT NULL AS is_there",
            &[],
        )
        .await
        .map_err(failed("reading the providers"))?;
    let known = if get(&numbers, "is_read")? {
        "SELECT number FROM pg_temp.mds_provider_numbers"
    } else if get(&numbers, "is_there")? {
        "SELECT provider_id FROM api.providers"
    } else {
        "SELECT NULL::int WHERE false"
    };
    let condition = format!("coalesce({provider}, -1) NOT IN ({known})");
    let row = transaction
        .query_one(
            &format!("SELECT count(*) AS rows FROM api.schedule WHERE {condition}"),
            &[],
        )
        .await
        .map_err(failed("looking for rows without a provider"))?;
    let rows = read_count(&row, "rows")?;
    if rows == 0 {
        return Ok(Vec::new());
    }
    let repair = set_aside(
        "schedule",
        "provider_id NOT IN (SELECT provider_id FROM api.providers)",
    );
    let what = "whose provider_id api.providers does not have".to_owned();
    Ok(vec![of_rows("schedule", rows, what, repair)])
}

async fn duplicates(
    transaction: &Transaction<'_>,
    work: &Work,
) -> Result<Vec<Obstacle>, StoreError> {
    let table = work.table;
    let mut key: Vec<&str> = table.key.to_vec();
    if lacks_provider(work) {
        key.retain(|it| *it != "provider_id");
    }
    let mut sets = vec![key];
    if table.name == TRIPS.name {
        sets.push(vec!["id"]);
    }
    let mut obstacles = Vec::new();
    for columns in sets {
        let values: Option<Vec<&str>> = columns.iter().map(|it| work.value(it)).collect();
        let Some(values) = values else { continue };
        let is_text = work.columns.iter().any(|(target, actual, _)| {
            columns.contains(&target.name)
                && matches!(actual.base.as_str(), "text" | "varchar" | "bpchar")
        });
        if work.found.keeps_unique(&columns) && !is_text {
            continue;
        }
        let same: Vec<_> = values.iter().map(|it| format!("({it})")).collect();
        let same = same.join(", ");
        let row = transaction
            .query_one(
                &format!(
                    "SELECT coalesce(sum(n - 1), 0)::bigint AS rows FROM (
                         SELECT count(*) AS n FROM api.{} GROUP BY {same} HAVING count(*) > 1
                     ) AS d",
                    table.name
                ),
                &[],
            )
            .await
            .map_err(failed("looking for duplicates"))?;
        let rows = read_count(&row, "rows")?;
        if rows > 0 {
            obstacles.push(duplicate(work, rows, &columns, &same));
        }
    }
    Ok(obstacles)
}

fn duplicate(work: &Work, rows: u64, columns: &[&str], same: &str) -> Obstacle {
    let table = work.table.name;
    let newest = if table == DEVICES.name || work.found.column("modified_date").is_none() {
        "ctid DESC"
    } else {
        "modified_date DESC NULLS LAST, ctid DESC"
    };
    let repair = if columns == ["id"] {
        format!(
            "UPDATE api.{table} t SET id = gen_random_uuid() FROM (SELECT ctid AS row, row_number() OVER \
             (PARTITION BY {same} ORDER BY ctid) AS n FROM api.{table}) AS r WHERE t.ctid = r.row AND r.n > 1;"
        )
    } else {
        set_older_aside(table, same, newest)
    };
    let what = format!("whose {} an other row has too", columns.join(" and "));
    of_rows(table, rows, what, repair)
}
