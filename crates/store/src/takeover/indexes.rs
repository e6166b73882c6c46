//! Indexes over expressions and over a part of the rows, which new types may not fit.

use tokio_postgres::Transaction;

use super::inspect::Work;
use crate::error::{StoreError, failed_to_change};
use crate::schedule::get;

/// An index to make again.
#[derive(Debug)]
pub(super) struct Index {
    name: String,
    definition: String,
}

/// Drops the indexes of a table over expressions and over a part of the rows, and returns them.
pub(super) async fn drop_indexes(
    transaction: &Transaction<'_>,
    work: &Work,
) -> Result<Vec<Index>, StoreError> {
    let doing = failed_to_change("dropping indexes");
    let rows = transaction
        .query(
            "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
             FROM pg_index
             WHERE indrelid = $1::text::regclass AND NOT indisunique AND (indexprs IS NOT NULL OR indpred IS NOT NULL)",
            &[&format!("api.{}", work.table.name)],
        )
        .await
        .map_err(doing)?;
    let mut indexes = Vec::new();
    for row in &rows {
        let index = Index {
            name: get(row, "name")?,
            definition: get(row, "definition")?,
        };
        let drop = format!("DROP INDEX {}", index.name);
        transaction.batch_execute(&drop).await.map_err(doing)?;
        indexes.push(index);
    }
    Ok(indexes)
}

/// Makes the indexes again that the new types fit, and tells of the others.
pub(super) async fn create_indexes(
    transaction: &Transaction<'_>,
    indexes: &[Index],
    notes: &mut Vec<String>,
) -> Result<(), StoreError> {
    let doing = failed_to_change("making indexes again");
    for index in indexes {
        let save = "SAVEPOINT mds_index";
        transaction.batch_execute(save).await.map_err(doing)?;
        let end = match transaction.batch_execute(&index.definition).await {
            Ok(()) => "RELEASE SAVEPOINT mds_index",
            Err(error) if error.as_db_error().is_some() => {
                notes.push(format!(
                    "the index {} does not fit the new types and was dropped: {}",
                    index.name, index.definition
                ));
                "ROLLBACK TO SAVEPOINT mds_index"
            }
            Err(error) => return Err(doing(error)),
        };
        transaction.batch_execute(end).await.map_err(doing)?;
    }
    Ok(())
}
