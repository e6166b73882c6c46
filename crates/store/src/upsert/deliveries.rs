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
use crate::values::{Parameter, parameter, values};
use crate::work::{KEEP_PLAN, NO_MERGE_JOINS, PLAN_ANEW};

mod sql;
pub(super) mod unknown;

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
#[derive(Default)]
pub(super) struct Written {
    /// Whether the rows are all new, and all that the block has.
    pub(super) are_all_new: bool,
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

    /// Inserts trips of which the table has none. `few` is the statement of [`unknown::prepare`] if
    /// they are few. `None` if another load inserts one of them: then the transaction has to be
    /// rolled back, and [`write`](Self::write) writes them.
    pub(super) async fn insert(
        &self,
        client: &Client,
        few: Option<&Statement>,
        schedule_id: i64,
        request: &LoadRequest,
    ) -> Result<Option<Written>, StoreError> {
        let public_rows = few_public_rows(client, schedule_id, few.is_some());
        let parameters = self.parameters(&schedule_id, request);
        let inserted = unknown::insert(client, few, &parameters, public_rows).await?;
        Ok(inserted.map(|(inserted, public_rows)| Written {
            are_all_new: true,
            inserted,
            public_rows,
            ..Written::default()
        }))
    }

    /// The parameters of a statement that writes trips; [`PARAMETERS`] are their types.
    fn parameters<'p>(
        &'p self,
        schedule_id: &'p i64,
        request: &'p LoadRequest,
    ) -> [Parameter<'p>; 5] {
        [
            parameter(schedule_id),
            parameter(&request.version),
            parameter(&request.requested_at),
            parameter(&self.later),
            parameter(&self.is_new),
        ]
    }

    /// Inserts, updates and withdraws trips.
    pub(super) async fn write(
        &self,
        client: &ClientWrapper,
        are_few: bool,
        schedule_id: i64,
        request: &LoadRequest,
    ) -> Result<Written, StoreError> {
        let doing = failed("loading trips");
        let parameters = self.parameters(&schedule_id, request);
        // It is prepared before the rows are asked for, which have to come after it.
        let few = match are_few {
            true => Some(prepare_few(client).await.map_err(doing)?),
            false => None,
        };
        let written = async {
            let row = match &few {
                Some(statement) => write_few(client, statement, &parameters).await,
                None => write_many(client, &parameters).await,
            };
            row.map_err(doing)
        };
        let public_rows = few_public_rows(client, schedule_id, are_few);
        let (row, mut public_rows) = in_order!(written, public_rows)?;
        let count = |column| read_count(&row, column);
        let (seen, mut changed_others) = (count("seen")?, count("others")?);
        if seen > 0 {
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
            are_all_new: false,
            inserted: count("inserted")?,
            updated: count("updated")?,
            withdrawn: count("withdrawn")?,
            has_moved: count("moved")? > 0,
            public_rows,
        })
    }
}

/// The rows for the portal, if the trips are few. They are asked for together with the statement
/// that writes the trips, since mostly nothing else changes them. More rows would hold up every
/// other statement of the load on the connection, and whoever should take them may wait for one of
/// those.
async fn few_public_rows(
    client: &Client,
    schedule_id: i64,
    are_few: bool,
) -> Result<Option<Vec<PublicTrip>>, StoreError> {
    match are_few {
        true => publish::few_rows(client, schedule_id, MANY_TRIPS).await,
        false => Ok(None),
    }
}

/// The types of the parameters of a statement that writes trips.
const PARAMETERS: [Type; 5] = [
    Type::INT8,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ_ARRAY,
    Type::BOOL,
];

/// Has the database read the statement that writes the trips of a usual hour. To read and to plan
/// it takes longer than the trips, so that is done once for each connection.
async fn prepare_few(client: &ClientWrapper) -> Result<Statement, Error> {
    client.prepare_typed_cached(&WRITE_FEW, &PARAMETERS).await
}

async fn write_many(client: &Client, parameters: &[Parameter<'_>]) -> Result<Row, Error> {
    let ((), row, ()) = in_order!(
        client.batch_execute(NO_MERGE_JOINS),
        client.query_typed_one(&WRITE_MANY, parameters),
        client.batch_execute(PLAN_ANEW),
    )?;
    Ok(row)
}

async fn write_few(
    client: &Client,
    statement: &Statement,
    parameters: &[Parameter<'_>],
) -> Result<Row, Error> {
    let parameters: Vec<_> = parameters.iter().map(|(value, _)| *value).collect();
    with_kept_plan(client, client.query_one(statement, &parameters)).await
}

/// Executes a prepared statement by the plan that is kept for it. All the messages go out together.
async fn with_kept_plan<T>(
    client: &Client,
    statement: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let ((), done, ()) = in_order!(
        client.batch_execute(KEEP_PLAN),
        statement,
        client.batch_execute(PLAN_ANEW),
    )?;
    Ok(done)
}

const READ: &str = "
    SELECT ARRAY(SELECT loaded FROM unnest(loaded_deliveries) AS loaded WHERE loaded > $2) AS later,
           coalesce($2 = ANY (loaded_deliveries), false) AS known
    FROM api.schedule WHERE schedule_id = $1";
