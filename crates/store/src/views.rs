//! What the views for other tools need to know of the configuration.

use chrono::{DateTime, Utc};
use trips::block::{Hour, ProviderName};
use trips::time::CivilZone;

use crate::connect::Store;
use crate::error::{StoreError, failed};

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

/// Two plans that see a new configuration at once lock the rows in the same order.
const PROVIDERS: &str = "
    changed AS (
        SELECT p.provider_id, given.active_from, given.lag_hours, coalesce(given.enabled, false) AS enabled
        FROM api.providers p
        LEFT JOIN unnest($2::text[], $3::timestamptz[], $4::int[], $5::boolean[])
            AS given (name, active_from, lag_hours, enabled) ON given.name = p.provider_name
        WHERE ROW(p.active_from, p.lag_hours, p.enabled)
            IS DISTINCT FROM ROW(given.active_from, given.lag_hours, coalesce(given.enabled, false))
        ORDER BY p.provider_name
        FOR UPDATE OF p
    )
    UPDATE api.providers p
    SET active_from = changed.active_from, lag_hours = changed.lag_hours, enabled = changed.enabled
    FROM changed
    WHERE p.provider_id = changed.provider_id";

impl Store {
    /// Writes the city's time zone, unless the database has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn write_time_zone(&self, zone: &CivilZone) -> Result<(), StoreError> {
        self.client()
            .await?
            .execute(CITY, &[&zone.name()])
            .await
            .map_err(failed("writing the time zone"))?;
        Ok(())
    }

    /// Writes the city's time zone and the facts of the providers that the database knows, where
    /// they differ. A provider that is not among these is no longer enabled.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn write_configuration(
        &self,
        zone: &CivilZone,
        providers: &[ProviderFacts],
    ) -> Result<(), StoreError> {
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
                &[&zone.name(), &names, &starts, &lags, &enabled],
            )
            .await
            .map_err(failed("writing the facts of the providers"))?;
        Ok(())
    }
}
