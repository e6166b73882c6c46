//! Reads a run's counts from `api.runs`, `api.run_blocks` and `api.schedule`.

use tokio_postgres::Row;
use trips::status::{BlockStatus, Step};
use trips::time::CivilZone;
use uuid::Uuid;

use super::{
    FailedBlock, FailureGroup, MAX_NAMED, MAX_NAMED_IN_GROUP, NotedBlock, ProviderSummary,
    RunSummary, RunTrips, removed,
};
use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{
    get, read_block, read_count, read_count_if_any, read_hour, read_provider, read_status,
    status_code,
};

/// The counts by provider. A block's trips count where this run has moved them: its row names the
/// run, and times later than the run's beginning. A later run that moves them again takes them
/// over. Of what is published, the portal's own counts are summed up: a trip that two hours deliver
/// is one row, which one of them sends. Older tools stored other JSON there.
///
/// A run that was stopped, killed or has given up has moved trips of blocks that have no outcome.
/// No index leads to them, so they are looked for only if the plan has such blocks.
const BY_PROVIDER: &str = "
    WITH b AS (
        SELECT schedule_id, outcome FROM api.run_blocks WHERE run_id = $1
        UNION ALL
        SELECT s.schedule_id, NULL
        FROM api.schedule s
        WHERE s.run_id = $1
          AND (SELECT block_count FROM api.runs WHERE run_id = $1) > (SELECT count(*) FROM api.run_blocks WHERE run_id = $1)
          AND NOT EXISTS (SELECT FROM api.run_blocks o WHERE o.run_id = $1 AND o.schedule_id = s.schedule_id)
    )
    SELECT p.provider_name,
           count(*) FILTER (WHERE b.outcome = 'done') AS done,
           count(*) FILTER (WHERE b.outcome = 'not_ready') AS not_ready,
           count(*) FILTER (WHERE b.outcome = 'failed') AS failed,
           coalesce(sum(s.payload_trips_count) FILTER (WHERE s.run_id = r.run_id AND s.extracted_at >= r.created_at), 0)::bigint AS archived,
           coalesce(sum(s.records_total) FILTER (WHERE s.run_id = r.run_id AND s.loaded_at >= r.created_at), 0)::bigint AS fetched,
           coalesce(sum(s.records_processed) FILTER (WHERE s.run_id = r.run_id AND s.loaded_at >= r.created_at), 0)::bigint AS loaded,
           coalesce(sum(s.records_error_count) FILTER (WHERE s.run_id = r.run_id AND s.loaded_at >= r.created_at), 0)::bigint AS rejected,
           coalesce(sum(s.records_duplicate_count) FILTER (WHERE s.run_id = r.run_id AND s.loaded_at >= r.created_at), 0)::bigint AS duplicates,
           coalesce(sum(
               CASE WHEN jsonb_typeof(s.socrata_status -> 'created') = 'number' THEN (s.socrata_status ->> 'created')::numeric ELSE 0 END
               + CASE WHEN jsonb_typeof(s.socrata_status -> 'updated') = 'number' THEN (s.socrata_status ->> 'updated')::numeric ELSE 0 END
           ) FILTER (WHERE s.published_at >= r.created_at), 0)::bigint AS published
    FROM b
    JOIN api.schedule s USING (schedule_id)
    JOIN api.providers p USING (provider_id)
    JOIN api.runs r ON r.run_id = $1
    GROUP BY p.provider_name
    ORDER BY p.provider_name COLLATE \"C\"";

const FIRST_FAILED: &str = "
    SELECT b.schedule_id, p.provider_name, s.block_start, b.step, b.error_name, b.message,
           s.status_id, s.status_id = $3 AS is_rejected, r.request @> '{\"force\": true}' AS is_forced,
           r.request @> '{\"no_extract\": true}' AS is_without_request
    FROM api.run_blocks b
    JOIN api.runs r USING (run_id)
    JOIN api.schedule s USING (schedule_id)
    JOIN api.providers p USING (provider_id)
    WHERE b.run_id = $1 AND b.outcome = 'failed'
    ORDER BY s.block_start, p.provider_name
    LIMIT $2";

/// The first blocks of each group of failures, the groups in a fixed order. What cannot be read is
/// told apart by its kind, that is the message without keys and numbers: each has its own remedy.
const FAILURES: &str = "
    SELECT * FROM (
        SELECT p.provider_name, b.step, b.error_name, b.message, s.block_start,
               max(s.status_id) OVER whole AS status_id, bool_or(s.status_id = $3) OVER whole AS is_rejected,
               r.request @> '{\"force\": true}' AS is_forced,
               r.request @> '{\"no_extract\": true}' AS is_without_request,
               count(*) OVER whole AS blocks, max(s.block_start) OVER whole AS last_start,
               row_number() OVER (whole ORDER BY s.block_start) AS n, k.kind
        FROM api.run_blocks b
        CROSS JOIN LATERAL (
            SELECT CASE WHEN b.error_name = 'ArchiveUnreadable'
                   THEN regexp_replace(b.message, '\"[^\"]*\"|[0-9]+', '', 'g') END AS kind
        ) AS k
        JOIN api.runs r USING (run_id)
        JOIN api.schedule s USING (schedule_id)
        JOIN api.providers p USING (provider_id)
        WHERE b.run_id = $1 AND b.outcome = 'failed'
        WINDOW whole AS (PARTITION BY p.provider_name, b.step, b.error_name, k.kind)
    ) AS failed
    WHERE n <= $2
    ORDER BY provider_name COLLATE \"C\", step, error_name, kind COLLATE \"C\", n";

/// The first blocks whose archives the run has made or loaded, and whose rows keep a note.
const NOTED: &str = "
    SELECT p.provider_name, s.block_start, s.error_payload ->> 'note' AS note, count(*) OVER () AS noted
    FROM api.run_blocks b
    JOIN api.runs r USING (run_id)
    JOIN api.schedule s USING (schedule_id)
    JOIN api.providers p USING (provider_id)
    WHERE b.run_id = $1 AND s.run_id = $1 AND s.error_payload ->> 'note' IS NOT NULL
      AND greatest(s.extracted_at, s.loaded_at) >= r.created_at
    ORDER BY s.block_start, p.provider_name
    LIMIT $2";

impl Store {
    /// Counts a run's blocks by their outcome in `api.run_blocks`, and their trips in
    /// `api.schedule`. Returns `None` for a run that is not in `api.runs`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn run_summary(
        &self,
        run_id: Uuid,
        zone: &CivilZone,
    ) -> Result<Option<RunSummary>, StoreError> {
        let doing = failed("summarizing a run");
        let client = self.client().await?;
        let run = client
            .query_opt(
                "SELECT block_count FROM api.runs WHERE run_id = $1",
                &[&run_id],
            )
            .await
            .map_err(doing)?;
        let Some(run) = run else {
            return Ok(None);
        };
        let planned = read_count_if_any(&run, "block_count")?;
        let providers = client
            .query(BY_PROVIDER, &[&run_id])
            .await
            .map_err(doing)?
            .iter()
            .map(ProviderSummary::read)
            .collect::<Result<Vec<_>, _>>()?;
        let mut summary = RunSummary::of(run_id, planned, providers);
        if summary.unfinished > 0 {
            let removed = removed::count(&client, run_id)
                .await?
                .min(summary.unfinished);
            summary.failed += removed;
            summary.unfinished -= removed;
        }
        if summary.failed > 0 {
            let rejected = status_code(BlockStatus::AllRejected);
            summary.first_failed = client
                .query(FIRST_FAILED, &[&run_id, &i64::from(MAX_NAMED), &rejected])
                .await
                .map_err(doing)?
                .iter()
                .map(|row| FailedBlock::read(row, zone))
                .collect::<Result<_, _>>()?;
            let failures = client
                .query(
                    FAILURES,
                    &[&run_id, &i64::from(MAX_NAMED_IN_GROUP), &rejected],
                )
                .await
                .map_err(doing)?;
            summary.failures = FailureGroup::read_all(&failures, zone)?;
        }
        let noted = client
            .query(NOTED, &[&run_id, &i64::from(MAX_NAMED)])
            .await
            .map_err(doing)?;
        for row in &noted {
            summary.noted = read_count(row, "noted")?;
            summary.first_noted.push(NotedBlock::read(row, zone)?);
        }
        Ok(Some(summary))
    }

    /// Finds those of the given blocks that have no outcome in a run, in the given order.
    ///
    /// # Errors
    ///
    /// As [`Store::run_summary`].
    pub async fn blocks_without_outcome(
        &self,
        run_id: Uuid,
        schedule_ids: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        self.client()
            .await?
            .query(
                "SELECT schedule_id
                 FROM unnest($2::bigint[]) WITH ORDINALITY AS given (schedule_id, n)
                 WHERE NOT EXISTS (
                     SELECT FROM api.run_blocks b WHERE b.run_id = $1 AND b.schedule_id = given.schedule_id
                 )
                 ORDER BY n",
                &[&run_id, &schedule_ids],
            )
            .await
            .map_err(failed("looking for blocks that did not end"))?
            .iter()
            .map(|row| get(row, "schedule_id"))
            .collect()
    }
}

impl RunSummary {
    fn of(run_id: Uuid, planned: Option<u64>, providers: Vec<ProviderSummary>) -> Self {
        let sum = |count: fn(&ProviderSummary) -> u64| providers.iter().map(count).sum::<u64>();
        let (done, not_ready, failed) = (
            sum(|it| it.done),
            sum(|it| it.not_ready),
            sum(|it| it.failed),
        );
        Self {
            run_id,
            planned,
            done,
            not_ready,
            failed,
            unfinished: planned
                .unwrap_or(0)
                .saturating_sub(done + not_ready + failed),
            trips: providers.iter().map(|it| it.trips).sum(),
            providers,
            failures: Vec::new(),
            first_failed: Vec::new(),
            first_unfinished: Vec::new(),
            noted: 0,
            first_noted: Vec::new(),
        }
    }
}

impl ProviderSummary {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let count = |column| read_count(row, column);
        Ok(Self {
            provider: read_provider(row, "provider_name")?,
            done: count("done")?,
            not_ready: count("not_ready")?,
            failed: count("failed")?,
            trips: RunTrips {
                trips_archived: count("archived")?,
                trips_fetched: count("fetched")?,
                trips_loaded: count("loaded")?,
                trips_rejected: count("rejected")?,
                trips_duplicates: count("duplicates")?,
                trips_published: count("published")?,
            },
        })
    }
}

impl FailedBlock {
    fn read(row: &Row, zone: &CivilZone) -> Result<Self, StoreError> {
        let block = read_block(row)?;
        Ok(Self {
            schedule_id: get(row, "schedule_id")?,
            label: block.hour.label(zone),
            block_start: block.hour,
            step: get(row, "step")?,
            error_name: get(row, "error_name")?,
            message: get(row, "message")?,
            command: with_option(block.command(zone), row)?,
            provider: block.provider,
        })
    }
}

impl NotedBlock {
    fn read(row: &Row, zone: &CivilZone) -> Result<Self, StoreError> {
        let block = read_block(row)?;
        Ok(Self {
            label: block.hour.label(zone),
            provider: block.provider,
            note: get(row, "note")?,
        })
    }
}

impl FailureGroup {
    fn read_all(rows: &[Row], zone: &CivilZone) -> Result<Vec<Self>, StoreError> {
        let mut groups: Vec<Self> = Vec::new();
        for row in rows {
            let block = read_block(row)?;
            let label = block.hour.label(zone);
            match groups.last_mut() {
                Some(group) if get::<i64>(row, "n")? > 1 => group.labels.push(label),
                _ => groups.push(Self {
                    step: get(row, "step")?,
                    error_name: get(row, "error_name")?,
                    message: get(row, "message")?,
                    blocks: read_count(row, "blocks")?,
                    labels: vec![label],
                    command: with_option(
                        block.command_to(read_hour(get(row, "last_start")?)?, zone),
                        row,
                    )?,
                    provider: block.provider,
                }),
            }
        }
        Ok(groups)
    }
}

/// The command with the option without which it would find nothing to do. A block whose trips were
/// all rejected counts as done, unless a sweep is asked for, and a step that was repeated by force
/// was done before.
fn with_option(command: String, row: &Row) -> Result<String, StoreError> {
    if get::<bool>(row, "is_rejected")? {
        return Ok(format!("{command} --incomplete-only"));
    }
    let (step, status): (&str, _) = (get(row, "step")?, read_status(get(row, "status_id")?)?);
    let mut steps = Step::ALL.into_iter();
    let was_done = steps.any(|it| it.as_str() == step && status.has_done(it));
    // Whoever holds the block does the work.
    let is_busy = get::<Option<&str>>(row, "error_name")? == Some("BlockBusy");
    if is_busy || !was_done || !get::<bool>(row, "is_forced")? {
        return Ok(command);
    }
    // A request would replace what the run was only to load again.
    let only_loads = get::<bool>(row, "is_without_request")?;
    let without_request = if only_loads { " --no-extract" } else { "" };
    Ok(format!("{command} --force{without_request}"))
}
