//! [`InTransaction`]: migrations as a part of a transaction.

use refinery_core::AsyncMigrate;
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use tokio_postgres::Transaction;

/// Runs migrations in a transaction that has begun, where the library would begin its own.
pub(super) struct InTransaction<'t, 'c>(pub(super) &'t Transaction<'c>);

impl AsyncTransaction for InTransaction<'_, '_> {
    type Error = tokio_postgres::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Self::Error> {
        let mut count = 0;
        for query in queries {
            self.0.batch_execute(query).await?;
            count += 1;
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<refinery::Migration>> for InTransaction<'_, '_> {
    async fn query<'a>(
        &'a mut self,
        query: &'a str,
    ) -> Result<Vec<refinery::Migration>, Self::Error> {
        let rows = self.0.query(query, &[]).await?;
        rows.iter()
            .map(|row| {
                let checksum: String = row.try_get("checksum")?;
                Ok(refinery::Migration::applied(
                    row.try_get("version")?,
                    row.try_get("name")?,
                    // Only name and checksum are compared.
                    time::OffsetDateTime::UNIX_EPOCH,
                    checksum.parse().unwrap_or_default(),
                ))
            })
            .collect()
    }
}

impl AsyncMigrate for InTransaction<'_, '_> {}
