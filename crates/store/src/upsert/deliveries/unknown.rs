//! A big load of trips that nobody has loaded, as in a backfill. They are inserted without a look
//! at what is in the table, in two thirds of the time.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::sql::{INSERT_UNKNOWN, IS_KNOWN};
use crate::in_order::in_order;
use crate::values::{Parameter, values};

/// Inserts the trips, and returns their number. `None` if the table has one of them, or any of the
/// block.
pub(super) async fn insert(
    client: &Client,
    schedule_id: i64,
    parameters: &[Parameter<'_>],
) -> Result<Option<u64>, Error> {
    let block = values![schedule_id];
    let is_known = client.query_typed_one(IS_KNOWN, block).await?;
    if is_known.try_get(0)? {
        return Ok(None);
    }
    let ((), inserted) = in_order!(client.batch_execute("SAVEPOINT unknown"), async {
        Ok(client.execute_typed(&INSERT_UNKNOWN, parameters).await)
    },)?;
    match inserted {
        // Another load was faster. It is waited for, so now the table has its trips.
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            client.batch_execute("ROLLBACK TO unknown").await?;
            Ok(None)
        }
        inserted => inserted.map(Some),
    }
}
