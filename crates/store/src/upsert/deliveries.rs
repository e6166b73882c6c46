//! [`Deliveries`]: which of several deliveries of a trip its row holds, and whether the trip is
//! withdrawn.
//!
//! Every load is a delivery of the block's trips. What a row is like afterwards depends only on the
//! deliveries that were loaded, and not on their order:
//!
//! - It holds the delivery with the latest publication time, then the latest request time, then the
//!   largest block id. That block is the row's owner.
//! - A row of another tool that has no block gets that of its hour, if that delivers the trip, even
//!   if the content stays.
//! - The trip is withdrawn since the owner's first delivery that is later than every delivery of
//!   the trip, by any block. `delivered_at` and `seen_at` tell the latest delivery of the trip;
//!   `api.schedule.loaded_deliveries` has those of the owner.

use chrono::{DateTime, Utc};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row, Statement};
use trips::public_row::PublicTrip;

use super::{LoadRequest, MANY_TRIPS};
use crate::error::{StoreError, failed};
use crate::in_order::in_order;
use crate::publications::ENTER_OTHERS;
use crate::publish;
use crate::schedule::{get, read_count};
use crate::values::{Parameter, values};
use crate::work::{KEEP_PLAN, PLAN_ANEW, WITHOUT_SORTS};

mod sql;
mod unknown;

use sql::{WITHDRAW_AGAIN, WRITE_FEW, WRITE_MANY};

/// The deliveries of a block that were loaded before, as far as this load depends on them.
pub(super) struct Deliveries {
    /// Request times of deliveries that are later than this one. Empty unless an old answer is
    /// loaded again.
    later: Vec<DateTime<Utc>>,
    /// Whether this load may withdraw trips and is the first one of this delivery.
    pub(super) is_new: bool,
}

/// How many rows of `api.trips` a load wrote.
pub(super) struct Written {
    pub(super) inserted: u64,
    pub(super) updated: u64,
    pub(super) withdrawn: u64,
    /// Whether rows became the block's own without another change.
    pub(super) has_moved: bool,
    /// The block's rows for the portal, if they were asked for, are few and are still right.
    pub(super) public_rows: Option<Vec<PublicTrip>>,
}

impl Deliveries {
    /// Reads what [`read`](Self::read) reads the deliveries from.
    pub(super) async fn query(
        client: &Client,
        schedule_id: i64,
        request: &LoadRequest,
    ) -> Result<Row, Error> {
        let values = values![schedule_id, request.requested_at];
        client.query_typed_one(READ, values).await
    }

    pub(super) fn read(
        row: &Row,
        request: &LoadRequest,
        may_withdraw: bool,
    ) -> Result<Self, StoreError> {
        let later: Vec<DateTime<Utc>> = get(row, "later")?;
        Ok(Self {
            later: if request.withdraw { later } else { Vec::new() },
            is_new: may_withdraw && !get::<bool>(row, "known")?,
        })
    }

    /// Inserts, updates and withdraws trips. `few` is the statement of [`prepare`] if they are few.
    ///
    /// If `with_public_rows`, the rows for the portal are asked for together with it, since mostly
    /// nothing else changes them. They are kept only if they are few: on the connection they would
    /// hold up every other statement of the load, and whoever should take them may wait for one of
    /// those.
    pub(super) async fn write(
        &self,
        client: &Client,
        few: Option<&Statement>,
        schedule_id: i64,
        request: &LoadRequest,
        with_public_rows: bool,
    ) -> Result<Written, StoreError> {
        let doing = failed("loading trips");
        let parameters: &[Parameter<'_>] = values![
            schedule_id,
            request.version,
            request.requested_at,
            self.later,
            self.is_new
        ];
        let written = async {
            match few {
                Some(statement) => {
                    let row = write_few(client, statement, parameters).await;
                    Counts::read(&row.map_err(doing)?)
                }
                None => write_many(client, schedule_id, parameters).await,
            }
        };
        let public_rows = async {
            match with_public_rows {
                true => publish::few_rows(client, schedule_id, MANY_TRIPS).await,
                false => Ok(None),
            }
        };
        let (counts, mut public_rows) = in_order!(written, public_rows)?;
        let mut changed_others = counts.others;
        if counts.seen > 0 {
            // They are read again: this may change the block's own trips.
            public_rows = None;
            changed_others += client
                .execute_typed(WITHDRAW_AGAIN, values![request.requested_at])
                .await
                .map_err(doing)?;
        }
        if changed_others > 0 {
            public_rows = None;
            client
                .execute_typed(ENTER_OTHERS, values![schedule_id])
                .await
                .map_err(doing)?;
        }
        Ok(Written {
            inserted: counts.inserted,
            updated: counts.updated,
            withdrawn: counts.withdrawn,
            has_moved: counts.moved > 0,
            public_rows,
        })
    }
}

/// Has the database read the statement that writes the trips of a usual hour.
pub(super) async fn prepare(client: &ClientWrapper) -> Result<Statement, Error> {
    let types = [
        Type::INT8,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ_ARRAY,
        Type::BOOL,
    ];
    client.prepare_typed_cached(&WRITE_FEW, &types).await
}

/// What the statements that write trips count.
#[derive(Default)]
struct Counts {
    inserted: u64,
    updated: u64,
    withdrawn: u64,
    /// Withdrawn trips that count again, since this delivery has them.
    seen: u64,
    /// Rows that became the block's own without another change.
    moved: u64,
    /// Rows of other blocks that have changed.
    others: u64,
}

impl Counts {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let count = |column| read_count(row, column);
        Ok(Self {
            inserted: count("inserted")?,
            updated: count("updated")?,
            withdrawn: count("withdrawn")?,
            seen: count("seen")?,
            moved: count("moved")?,
            others: count("others")?,
        })
    }
}

/// Writes many trips.
async fn write_many(
    client: &Client,
    schedule_id: i64,
    parameters: &[Parameter<'_>],
) -> Result<Counts, StoreError> {
    let doing = failed("loading trips");
    let ((), inserted) = in_order!(
        client.batch_execute(WITHOUT_SORTS),
        unknown::insert(client, schedule_id, parameters),
    )
    .map_err(doing)?;
    if let Some(inserted) = inserted {
        return Ok(Counts {
            inserted,
            ..Counts::default()
        });
    }
    let row = client.query_typed_one(&WRITE_MANY, parameters).await;
    Counts::read(&row.map_err(doing)?)
}

/// Executes the statement of [`prepare`]. All its messages go out together.
async fn write_few(
    client: &Client,
    statement: &Statement,
    parameters: &[Parameter<'_>],
) -> Result<Row, Error> {
    let parameters: Vec<_> = parameters.iter().map(|(value, _)| *value).collect();
    let ((), row, ()) = in_order!(
        client.batch_execute(KEEP_PLAN),
        client.query_one(statement, &parameters),
        client.batch_execute(PLAN_ANEW),
    )?;
    Ok(row)
}

/// Has the database plan the statement of [`prepare`], and keep the plan. It is executed for that,
/// on an empty temporary table and for no block, so it writes nothing.
pub(super) async fn plan(client: &Client, statement: &Statement) -> Result<(), Error> {
    let (version, later) = (None::<String>, Vec::<DateTime<Utc>>::new());
    let parameters = values![NO_BLOCK, version, DateTime::UNIX_EPOCH, later, false];
    in_order!(
        client.batch_execute("BEGIN"),
        write_few(client, statement, parameters),
        client.batch_execute("ROLLBACK"),
    )?;
    Ok(())
}

/// A `schedule_id` is at least 1.
const NO_BLOCK: i64 = 0;

const READ: &str = "
    SELECT ARRAY(SELECT loaded FROM unnest(loaded_deliveries) AS loaded WHERE loaded > $2) AS later,
           coalesce($2 = ANY (loaded_deliveries), false) AS known
    FROM api.schedule WHERE schedule_id = $1";
