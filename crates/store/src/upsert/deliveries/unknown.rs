//! Trips that nobody has loaded, as those of most hours: a plain `INSERT` takes two thirds of the
//! time that it takes to compare each of them with the table.

use deadpool_postgres::ClientWrapper;
use futures::join;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Statement};

use super::sql::{ARE_FEW_KNOWN, ARE_MANY_KNOWN, INSERT_UNKNOWN};
use super::{PARAMETERS, with_kept_plan};
use crate::error::{StoreError, failed};
use crate::upsert::MANY_TRIPS;
use crate::values::{Parameter, values};

/// Whether the table has a trip of the block, or one of the trips in the temporary table.
pub(in crate::upsert) async fn are_known(
    client: &Client,
    schedule_id: i64,
    copied: u64,
) -> Result<bool, Error> {
    let query = match copied < MANY_TRIPS {
        true => ARE_FEW_KNOWN.as_str(),
        false => ARE_MANY_KNOWN.as_str(),
    };
    let row = client.query_typed_one(query, values![schedule_id]).await?;
    row.try_get(0)
}

/// Has the database read the statement that inserts the trips of a usual hour.
pub(crate) async fn prepare(client: &ClientWrapper) -> Result<Statement, Error> {
    client
        .prepare_typed_cached(&INSERT_UNKNOWN, &PARAMETERS)
        .await
}

/// Inserts the trips, and returns their number with what is asked for together with the statement.
/// `few` is the statement of [`prepare`] if the trips are few.
///
/// `None` if another load has inserted one of them since the table was asked. Then the transaction
/// has to be rolled back. There is no savepoint for that: a report tells by the numbers of
/// transactions which rows an earlier one has seen, and the rows of a savepoint have another number
/// than their transaction.
pub(super) async fn insert<T>(
    client: &Client,
    few: Option<&Statement>,
    parameters: &[Parameter<'_>],
    beside: impl Future<Output = Result<T, StoreError>>,
) -> Result<Option<(u64, T)>, StoreError> {
    let insert = async {
        let Some(statement) = few else {
            return client.execute_typed(&INSERT_UNKNOWN, parameters).await;
        };
        let parameters: Vec<_> = parameters.iter().map(|(value, _)| *value).collect();
        with_kept_plan(client, client.execute(statement, &parameters)).await
    };
    match join!(insert, beside) {
        (Err(error), _) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(None),
        (inserted, beside) => Ok(Some((inserted.map_err(failed("loading trips"))?, beside?))),
    }
}
