//! [`LastAudit`]: what the last audit of each provider has found on the portal.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use trips::block::{HourRange, ProviderName};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_usual_provider, to_bigint};

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
    /// What is done about the rows that differ.
    pub repair: AuditRepair,
}

/// What an audit does about the rows that it has found to differ. A later audit may mend what
/// nobody has tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditRepair {
    /// Nothing: the audit only compared.
    #[default]
    NotTried,
    /// A run was planned to publish them again, or it has deleted them.
    Run(Uuid),
    /// A run was to mend them, and has left them: no later one will do more.
    Left,
}

impl AuditRepair {
    /// Column `run_id`, in which the nil UUID, which no run has, stands for rows that are left.
    fn column(self) -> Option<Uuid> {
        match self {
            Self::NotTried => None,
            Self::Run(run_id) => Some(run_id),
            Self::Left => Some(Uuid::nil()),
        }
    }

    fn of_column(run_id: Option<Uuid>) -> Self {
        match run_id {
            None => Self::NotTried,
            Some(run_id) if run_id.is_nil() => Self::Left,
            Some(run_id) => Self::Run(run_id),
        }
    }
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
    /// What was found.
    pub finding: AuditFinding,
}

/// An audit of an older range says less about now, so it does not replace a newer one's. One that
/// only compares, and finds no more rows than those that were left, does not know better than the
/// run that has left them.
const RECORD: &str = "
    INSERT INTO api.audits AS a (provider_name, time_min, time_max, run_id, database_rows, missing, different, waiting, extra)
    SELECT given.name, $1, $2, given.run_id, given.database_rows, given.missing, given.different, given.waiting, given.extra
    FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $3::uuid[])
        AS given (name, database_rows, missing, different, waiting, extra, run_id)
    ORDER BY given.name
    ON CONFLICT (provider_name) DO UPDATE
    SET audited_at = excluded.audited_at, time_min = excluded.time_min, time_max = excluded.time_max,
        run_id = CASE WHEN excluded.run_id IS NULL AND a.run_id = '00000000-0000-0000-0000-000000000000'
                           AND excluded.missing + excluded.different <= a.missing + a.different AND excluded.extra <= a.extra
                           AND excluded.missing + excluded.different + excluded.extra > 0
                      THEN a.run_id ELSE excluded.run_id END,
        database_rows = excluded.database_rows, missing = excluded.missing,
        different = excluded.different, waiting = excluded.waiting, extra = excluded.extra
    WHERE a.time_max <= excluded.time_max";

const LAST: &str = "
    SELECT provider_name, audited_at, time_min, time_max, run_id, database_rows, missing, different, waiting, extra
    FROM api.audits";

impl Store {
    /// Records what an audit of a range has found, and what is done about it, unless a later range
    /// has been audited.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`], [`StoreError::Refused`].
    pub async fn record_audit(
        &self,
        range: HourRange,
        findings: &[AuditFinding],
    ) -> Result<(), StoreError> {
        let names: Vec<&str> = findings
            .iter()
            .map(|it| it.provider.as_ref().map_or("", ProviderName::as_str))
            .collect();
        let numbers = |number: fn(&AuditFinding) -> u64| -> Vec<i64> {
            findings.iter().map(|it| to_bigint(number(it))).collect()
        };
        let runs: Vec<Option<Uuid>> = findings.iter().map(|it| it.repair.column()).collect();
        self.client()
            .await?
            .execute(
                RECORD,
                &[
                    &range.first().start(),
                    &range.end().start(),
                    &runs,
                    &names,
                    &numbers(|it| it.database_rows),
                    &numbers(|it| it.missing),
                    &numbers(|it| it.different),
                    &numbers(|it| it.waiting),
                    &numbers(|it| it.extra),
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
        let number = |column| get::<i64>(row, column).map(i64::unsigned_abs);
        let belongs_to_none = get::<&str>(row, "provider_name")?.is_empty();
        let provider = match read_usual_provider(row, "provider_name")? {
            None if !belongs_to_none => return Ok(None),
            provider => provider,
        };
        Ok(Some(Self {
            audited_at: get(row, "audited_at")?,
            time_min: get(row, "time_min")?,
            time_max: get(row, "time_max")?,
            finding: AuditFinding {
                provider,
                database_rows: number("database_rows")?,
                missing: number("missing")?,
                different: number("different")?,
                waiting: number("waiting")?,
                extra: number("extra")?,
                repair: AuditRepair::of_column(get(row, "run_id")?),
            },
        }))
    }
}
