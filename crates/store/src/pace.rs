//! The pace of the requests to a provider, over all processes: when the next one may be sent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use trips::block::ProviderName;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;
use crate::values::values;

/// Longer than any work.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The turn of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// It is reserved, and comes after this time.
    In(Duration),
    /// The provider asked for a wait that is longer than the request can wait.
    HeldOff(HeldOff),
    /// The requests before it take longer than the request can wait.
    TooLate,
}

/// The wait that a provider asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOff {
    /// Its end.
    pub until: DateTime<Utc>,
    /// How long that is from now, by the database's clock.
    pub wait: Duration,
}

/// The wait that the provider asked for at an address; what it asked for at another is void. A wait
/// without an address holds for each: a version before this one noted it.
macro_rules! not_before {
    ($address:literal) => {
        concat!(
            "CASE WHEN held_off_address IS NULL OR held_off_address = ",
            $address,
            " THEN not_before END"
        )
    };
}

/// Reserves a turn that begins in time. `greatest` ignores nulls.
const RESERVE: &str = concat!(
    "UPDATE api.providers
     SET next_request_at = greatest(next_request_at, ",
    not_before!("$5"),
    ", clock_timestamp()) + make_interval(secs => $2)
     WHERE provider_name = $1
       AND coalesce(",
    not_before!("$5"),
    " <= clock_timestamp() + make_interval(secs => $3), true)
       AND greatest(next_request_at, ",
    not_before!("$5"),
    ", clock_timestamp()) <= clock_timestamp() + make_interval(secs => $4)
     RETURNING extract(epoch FROM next_request_at - make_interval(secs => $2) - clock_timestamp())::float8 AS wait"
);

const HELD_OFF: &str = concat!(
    "SELECT not_before, extract(epoch FROM not_before - clock_timestamp())::float8 AS wait
     FROM (SELECT ",
    not_before!("$2"),
    " AS not_before FROM api.providers WHERE provider_name = $1) AS provider"
);

const HOLD_OFF: &str = concat!(
    "UPDATE api.providers
     SET not_before = greatest(",
    not_before!("$3"),
    ", clock_timestamp() + make_interval(secs => $2)), held_off_address = $3
     WHERE provider_name = $1"
);

impl Store {
    /// Reserves the next turn of a request to a provider, `delay` after the one before it.
    ///
    /// Nothing is reserved for a request that cannot wait so long: `patience` limits the wait that
    /// the provider asked for at this address, `time_left` every wait.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownProvider`], [`StoreError::Unavailable`], [`StoreError::NotMigrated`].
    pub async fn reserve_turn(
        &self,
        provider: &ProviderName,
        address: &str,
        delay: Duration,
        patience: Duration,
        time_left: Option<Duration>,
    ) -> Result<Turn, StoreError> {
        let time_left = time_left.unwrap_or(FOREVER);
        let limits = [delay, patience.min(time_left), time_left].map(|it| it.as_secs_f64());
        let reserved = self
            .client()
            .await?
            .query_typed_opt(
                RESERVE,
                values![provider.as_str(), limits[0], limits[1], limits[2], address],
            )
            .await
            .map_err(failed("reserving a provider's turn"))?;
        if let Some(row) = reserved {
            return Ok(Turn::In(seconds(get(&row, "wait")?)));
        }
        let held_off = self.held_off(provider, address).await?;
        let too_long = held_off.filter(|it| it.wait > patience.min(time_left));
        Ok(too_long.map_or(Turn::TooLate, Turn::HeldOff))
    }

    /// The wait that a provider asked for at an address, by its hash; `None` if it asked for none
    /// there, or if it is over.
    ///
    /// # Errors
    ///
    /// As [`reserve_turn`](Self::reserve_turn).
    pub async fn held_off(
        &self,
        provider: &ProviderName,
        address: &str,
    ) -> Result<Option<HeldOff>, StoreError> {
        let row = self
            .client()
            .await?
            .query_typed_opt(HELD_OFF, values![provider.as_str(), address])
            .await
            .map_err(failed("reading a provider's pace"))?
            .ok_or_else(|| unknown(provider))?;
        let until: Option<DateTime<Utc>> = get(&row, "not_before")?;
        let wait: Option<f64> = get(&row, "wait")?;
        Ok(until
            .zip(wait)
            .filter(|(_, wait)| *wait > 0.0)
            .map(|(until, wait)| HeldOff {
                until,
                wait: seconds(wait),
            }))
    }

    /// Notes that a provider asked for no request to an address, by its hash, for this time.
    ///
    /// # Errors
    ///
    /// As [`reserve_turn`](Self::reserve_turn).
    pub async fn hold_off(
        &self,
        provider: &ProviderName,
        address: &str,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let changed = self
            .client()
            .await?
            .execute_typed(
                HOLD_OFF,
                values![provider.as_str(), wait.as_secs_f64(), address],
            )
            .await
            .map_err(failed("noting a provider's wait"))?;
        if changed == 0 {
            return Err(unknown(provider));
        }
        Ok(())
    }
}

fn unknown(provider: &ProviderName) -> StoreError {
    StoreError::UnknownProvider {
        provider: provider.clone(),
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}
