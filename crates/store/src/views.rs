//! What the views for other tools need to know of the configuration.

use chrono::{DateTime, Utc};
use trips::block::{Hour, ProviderName};
use trips::time::CivilZone;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;

/// What the views need to know of an entry of the providers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFacts {
    /// The provider's name.
    pub name: ProviderName,
    /// The first hour that is expected, if the entry says so.
    pub active_from: Option<Hour>,
    /// How many hours after its end an hour is due.
    pub lag_hours: u32,
    /// Whether runs for all providers include it.
    pub enabled: bool,
}

const CITY: &str = "
    INSERT INTO api.city (time_zone)
    SELECT $1 WHERE NOT EXISTS (SELECT FROM api.city known WHERE known.time_zone = $1)
    ON CONFLICT (id) DO UPDATE SET time_zone = excluded.time_zone";

/// Another zone than the given one, if an hour was archived under it. The look for such an hour may
/// read the whole schedule. `AND` would let it come first, `CASE` does not.
const ARCHIVED_UNDER: &str = "
    SELECT time_zone FROM api.city
    WHERE CASE WHEN time_zone <> $1 THEN EXISTS (SELECT FROM api.schedule WHERE payload IS NOT NULL) END";

/// Two plans that see a new configuration at once lock the rows in the same order.
const PROVIDERS: &str = "
    changed AS (
        SELECT p.provider_id, given.active_from, given.lag_hours, coalesce(given.enabled, false) AS enabled
        FROM api.providers p
        LEFT JOIN unnest($2::text[], $3::timestamptz[], $4::int[], $5::boolean[])
            AS given (name, active_from, lag_hours, enabled) ON given.name = p.provider_name
        WHERE p.provider_name <> ALL ($6::text[])
          AND ROW(p.active_from, p.lag_hours, p.enabled)
            IS DISTINCT FROM ROW(given.active_from, given.lag_hours, coalesce(given.enabled, false))
        ORDER BY p.provider_name
        FOR UPDATE OF p
    )
    UPDATE api.providers p
    SET active_from = changed.active_from, lag_hours = changed.lag_hours, enabled = changed.enabled
    FROM changed
    WHERE p.provider_id = changed.provider_id";

/// Whether the session and its login can write both.
const MAY_WRITE: &str = "
    SELECT current_setting('transaction_read_only') = 'off' AND bool_and(has_table_privilege(name, kind)) AS may_write
    FROM unnest(ARRAY['api.city', 'api.providers']) AS written (name), unnest(ARRAY['INSERT', 'UPDATE']) AS kinds (kind)";

impl Store {
    /// Whether [`Store::write_configuration`] can be called: somebody who only looks may have a
    /// login that only reads.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn may_write_configuration(&self) -> Result<bool, StoreError> {
        let client = self.client().await?;
        let row = client.query_one(MAY_WRITE, &[]).await;
        get(
            &row.map_err(failed("looking at the rights of the login"))?,
            "may_write",
        )
    }

    /// Writes the city's time zone, unless the database has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherZone`], [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn write_time_zone(&self, zone: &CivilZone) -> Result<(), StoreError> {
        self.check_time_zone(zone).await?;
        let doing = failed("writing the time zone");
        let client = self.client().await?;
        // A login that may only read has nothing to write where the zone is known.
        let known = "SELECT FROM api.city WHERE time_zone = $1";
        let known = client.query_opt(known, &[&zone.name()]).await;
        if known.map_err(doing)?.is_none() {
            let written = client.execute(CITY, &[&zone.name()]).await;
            written.map_err(doing)?;
        }
        Ok(())
    }

    /// Writes the city's time zone and the facts of the providers that the database knows, where
    /// they differ. A provider that is not among these is no longer enabled, but for those whose
    /// entries cannot be read: of them stays what was known.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherZone`], [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn write_configuration(
        &self,
        zone: &CivilZone,
        providers: &[ProviderFacts],
        unreadable: &[&str],
    ) -> Result<(), StoreError> {
        self.check_time_zone(zone).await?;
        let names: Vec<&str> = providers.iter().map(|it| it.name.as_str()).collect();
        let starts: Vec<Option<DateTime<Utc>>> = providers
            .iter()
            .map(|it| it.active_from.map(|hour| hour.start()))
            .collect();
        let lags: Vec<i32> = providers
            .iter()
            .map(|it| i32::try_from(it.lag_hours).unwrap_or(i32::MAX))
            .collect();
        let enabled: Vec<bool> = providers.iter().map(|it| it.enabled).collect();
        let statement = format!("WITH city AS ({CITY}), {PROVIDERS}");
        self.client()
            .await?
            .execute(
                &statement,
                &[&zone.name(), &names, &starts, &lags, &enabled, &unreadable],
            )
            .await
            .map_err(failed("writing the facts of the providers"))?;
        Ok(())
    }

    /// Refuses a zone with other clocks than the one under which hours were archived: their folders
    /// would be those of other blocks.
    ///
    /// # Errors
    ///
    /// As [`Store::write_time_zone`].
    pub async fn check_time_zone(&self, zone: &CivilZone) -> Result<(), StoreError> {
        let row = self
            .client()
            .await?
            .query_opt(ARCHIVED_UNDER, &[&zone.name()])
            .await
            .map_err(failed("reading the time zone"))?;
        let Some(row) = row else {
            return Ok(());
        };
        let known: String = get(&row, "time_zone")?;
        if known
            .parse()
            .is_ok_and(|known| zone.has_the_clocks_of(&known))
        {
            return Ok(());
        }
        Err(StoreError::OtherZone {
            given: zone.name().to_owned(),
            known,
        })
    }
}
