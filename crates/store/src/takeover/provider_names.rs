//! The names of providers, which are keys of the providers file.
//!
//! The Python tool looked names up as they are, and made keys of the bucket in lower case. So its
//! table has them in any case.

use tokio_postgres::Transaction;
use trips::block::ProviderName;

use super::Obstacle;
use super::inspect::Work;
use super::problems::{of_rows, set_aside};
use super::shape::literal;
use crate::error::{StoreError, failed, failed_to_change};
use crate::schedule::get;

/// Whether the tables are those of this program, and the login may read the names.
const MIGRATED: &str = "
    SELECT EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'provider_name' AND NOT a.attisdropped
        WHERE n.nspname = 'api' AND c.relname = 'providers' AND c.relkind = 'r'
          AND has_table_privilege(c.oid, 'SELECT')
    ) AS is_readable";

/// The rows of `api.providers`.
pub(super) struct Names {
    rows: Vec<Named>,
    /// The columns of `api.schedule` that tell the hour of a block.
    hour: &'static str,
    /// Whether the schedule has the numbers of the rows.
    is_numbered: bool,
    /// Whether trips have blocks.
    has_owners: bool,
}

struct Named {
    number: i32,
    given: String,
    /// The name as this program needs it.
    short: String,
}

impl Names {
    /// Those of a table that is taken over.
    pub(super) async fn of_work(
        transaction: &Transaction<'_>,
        work: &Work,
    ) -> Result<Option<Self>, StoreError> {
        let columns = (work.value("provider_id"), work.value("provider_name"));
        let (Some(number), Some(name)) = columns else {
            return Ok(None);
        };
        Ok(Some(Self {
            rows: read(transaction, number, name).await?,
            hour: "year, month, day, hour",
            is_numbered: work.renames.is_empty(),
            has_owners: false,
        }))
    }

    /// Those of a table that was migrated before; `None` if there is none that the login may read.
    pub(super) async fn of_migrated(
        transaction: &Transaction<'_>,
    ) -> Result<Option<Self>, StoreError> {
        let row = transaction.query_one(MIGRATED, &[]).await;
        let row = row.map_err(failed("reading the providers"))?;
        if !get::<bool>(&row, "is_readable")? {
            return Ok(None);
        }
        Ok(Some(Self {
            rows: read(transaction, "provider_id", "provider_name").await?,
            hour: "block_start",
            is_numbered: true,
            has_owners: true,
        }))
    }

    fn changed(&self) -> impl Iterator<Item = &Named> {
        self.rows.iter().filter(|it| it.given != it.short)
    }

    /// Whether a name becomes another one.
    pub(super) fn has_changes(&self) -> bool {
        self.changed().next().is_some()
    }

    /// Which names become lower case, in a sentence.
    pub(super) fn note(&self) -> Option<String> {
        let names: Vec<String> = self.changed().map(|it| format!("{:?}", it.given)).collect();
        let become_lower = match names.len() {
            0 => return None,
            1 => "1 name of a provider becomes".to_owned(),
            several => format!("{several} names of providers become"),
        };
        Some(format!("{become_lower} lower case: {}", names.join(", ")))
    }

    /// The names that no provider can have, and those that become the same.
    pub(super) fn obstacles(&self) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        for (n, row) in self.rows.iter().enumerate() {
            let before = self.rows.get(..n).unwrap_or_default();
            if let Err(why) = row.short.parse::<ProviderName>() {
                let what = format!("whose provider_name is no short name: {why}");
                let repair = format!("{}; {FROM_FILE}", renaming(&row.given));
                obstacles.push(of_rows("providers", 1, what, repair));
            } else if let Some(kept) = before.iter().find(|it| it.short == row.short) {
                let what = format!(
                    "whose provider_name is in lower case that of another row, too: \
                     provider_id {} has {:?}, and provider_id {} has {:?}",
                    kept.number, kept.given, row.number, row.given
                );
                let repair = self.merging(kept.number, row.number);
                obstacles.push(of_rows("providers", 1, what, repair));
            }
        }
        obstacles
    }

    /// The statements that make one provider of two rows, and the one that keeps both.
    fn merging(&self, kept: i32, other: i32) -> String {
        if !self.is_numbered {
            return format!(
                "lead the rows of api.schedule to one of the rows {kept} and {other} of api.providers, and delete the other"
            );
        }
        let hour = self.hour;
        let owners = if self.has_owners {
            format!(
                "UPDATE api.trips t SET schedule_id = k.schedule_id FROM api.schedule k JOIN api.schedule o USING ({hour}) \
                 WHERE k.provider_id = {kept} AND o.provider_id = {other} AND t.schedule_id = o.schedule_id; "
            )
        } else {
            String::new()
        };
        let both = format!(
            "provider_id = {other} AND ({hour}) IN (SELECT {hour} FROM api.schedule WHERE provider_id = {kept})"
        );
        format!(
            "one provider: {owners}{} UPDATE api.schedule SET provider_id = {kept} WHERE provider_id = {other}; \
             DELETE FROM api.providers WHERE provider_id = {other}; \
             two providers: UPDATE api.providers SET provider_name = 'short_name' WHERE provider_id = {other}; {FROM_FILE}",
            set_aside("schedule", &both)
        )
    }
}

const FROM_FILE: &str = "with the name of its entry in the providers file";

/// What to do about a row of a migrated table whose name no provider can have.
pub(crate) fn remedy_for_name(given: &str) -> String {
    if shortened(given).parse::<ProviderName>().is_ok() {
        "`mds migrate` makes it lower case".to_owned()
    } else {
        format!("correct it: {}; {FROM_FILE}", renaming(given))
    }
}

/// The statement that gives a provider another name.
fn renaming(given: &str) -> String {
    let given = literal(given);
    format!("UPDATE api.providers SET provider_name = 'short_name' WHERE provider_name = {given}")
}

/// The name as this program needs it.
fn shortened(given: &str) -> String {
    given.trim().to_lowercase()
}

async fn read(
    transaction: &Transaction<'_>,
    number: &str,
    name: &str,
) -> Result<Vec<Named>, StoreError> {
    let query = format!(
        "SELECT ({number})::int AS number, ({name})::text AS name FROM api.providers ORDER BY 1"
    );
    let rows = transaction.query(&query, &[]).await;
    let rows = rows.map_err(failed("reading the providers"))?;
    let named = rows.iter().map(|row| {
        let given: String = get(row, "name")?;
        Ok(Named {
            number: get(row, "number")?,
            short: shortened(&given),
            given,
        })
    });
    named.collect()
}

/// Makes the names lower case.
pub(super) async fn write(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let rows = read(transaction, "provider_id", "provider_name").await?;
    let changed = rows.iter().filter(|it| it.given != it.short);
    let (numbers, names): (Vec<i32>, Vec<&str>) =
        changed.map(|it| (it.number, it.short.as_str())).unzip();
    transaction
        .execute(
            "UPDATE api.providers p SET provider_name = it.name
             FROM unnest($1::int[], $2::text[]) AS it (number, name) WHERE p.provider_id = it.number",
            &[&numbers, &names],
        )
        .await
        .map_err(failed_to_change("making the names of providers lower case"))?;
    Ok(())
}
