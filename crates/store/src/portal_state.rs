//! [`LastAudit`]: what the last audit of each provider has found on the portal.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use trips::block::{HourRange, ProviderName};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count, read_usual_provider, to_bigint};

/// What an audit has found of one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFinding {
    /// The provider; `None` for rows of the portal that belong to none.
    pub provider: Option<ProviderName>,
    /// Rows that the portal should have.
    pub database_rows: u64,
    /// Rows that only the database has.
    pub missing: u64,
    /// Rows that the portal has with another content.
    pub different: u64,
    /// Of the two counts before, rows of blocks whose publishing was still to come.
    pub waiting: u64,
    /// Rows that only the portal has.
    pub extra: u64,
    /// Of all these rows, those that the run which was to mend them has left: no later one does
    /// more.
    pub rows_left: u64,
}

/// A finding that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAudit {
    /// When the audit ended.
    pub audited_at: DateTime<Utc>,
    /// The first instant that was compared.
    pub time_min: DateTime<Utc>,
    /// The first instant after those that were compared.
    pub time_max: DateTime<Utc>,
    /// The run that was planned to publish again what differed; `None` if none was.
    pub run_id: Option<Uuid>,
    /// What was found.
    pub finding: AuditFinding,
}

/// An audit of an older range says less about now, so it does not replace a newer one's. One that
/// only compares, at least the same hours, and finds just as many rows as a run has left, has found
/// these.
const RECORD: &str = "
    INSERT INTO api.audits AS a (provider_name, time_min, time_max, run_id, database_rows, missing, different, waiting,
                                 extra, rows_left)
    SELECT given.name, $1, $2, $3, given.database_rows, given.missing, given.different, given.waiting, given.extra, given.rows_left
    FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])
        AS given (name, database_rows, missing, different, waiting, extra, rows_left)
    ORDER BY given.name
    ON CONFLICT (provider_name) DO UPDATE
    SET audited_at = excluded.audited_at, time_min = excluded.time_min, time_max = excluded.time_max,
        run_id = excluded.run_id, database_rows = excluded.database_rows, missing = excluded.missing,
        different = excluded.different, waiting = excluded.waiting, extra = excluded.extra,
        rows_left = CASE WHEN excluded.run_id IS NULL
                              AND excluded.time_min <= a.time_min AND excluded.time_max >= a.time_max
                              AND excluded.missing + excluded.different + excluded.extra = a.rows_left
                         THEN a.rows_left ELSE excluded.rows_left END
    WHERE a.time_max <= excluded.time_max";

const LAST: &str = "
    SELECT provider_name, audited_at, time_min, time_max, run_id, database_rows, missing, different, waiting, extra,
        rows_left
    FROM api.audits";

impl Store {
    /// Records what an audit of a range has found, unless a later range has been audited. The run
    /// is the one that publishes again what differs.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`], [`StoreError::Refused`].
    pub async fn record_audit(
        &self,
        range: HourRange,
        run_id: Option<Uuid>,
        findings: &[AuditFinding],
    ) -> Result<(), StoreError> {
        let names: Vec<&str> = findings
            .iter()
            .map(|it| it.provider.as_ref().map_or("", ProviderName::as_str))
            .collect();
        let numbers = |number: fn(&AuditFinding) -> u64| -> Vec<i64> {
            findings.iter().map(|it| to_bigint(number(it))).collect()
        };
        self.client()
            .await?
            .execute(
                RECORD,
                &[
                    &range.first().start(),
                    &range.end().start(),
                    &run_id,
                    &names,
                    &numbers(|it| it.database_rows),
                    &numbers(|it| it.missing),
                    &numbers(|it| it.different),
                    &numbers(|it| it.waiting),
                    &numbers(|it| it.extra),
                    &numbers(|it| it.rows_left),
                ],
            )
            .await
            .map_err(failed("recording an audit"))?;
        Ok(())
    }

    /// What the last audit of each provider has found, and of rows that belong to none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn last_audits(
        &self,
    ) -> Result<BTreeMap<Option<ProviderName>, LastAudit>, StoreError> {
        let rows = self
            .client()
            .await?
            .query(LAST, &[])
            .await
            .map_err(failed("reading the last audits"))?;
        rows.iter()
            .filter_map(|row| {
                let last = LastAudit::read(row).transpose()?;
                Some(last.map(|last| (last.finding.provider.clone(), last)))
            })
            .collect()
    }
}

impl LastAudit {
    /// `None` for that of a name that no provider can have.
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let number = |column| read_count(row, column);
        let belongs_to_none = get::<&str>(row, "provider_name")?.is_empty();
        let provider = match read_usual_provider(row, "provider_name")? {
            None if !belongs_to_none => return Ok(None),
            provider => provider,
        };
        Ok(Some(Self {
            audited_at: get(row, "audited_at")?,
            time_min: get(row, "time_min")?,
            time_max: get(row, "time_max")?,
            run_id: get(row, "run_id")?,
            finding: AuditFinding {
                provider,
                database_rows: number("database_rows")?,
                missing: number("missing")?,
                different: number("different")?,
                waiting: number("waiting")?,
                extra: number("extra")?,
                rows_left: number("rows_left")?,
            },
        }))
    }
}
