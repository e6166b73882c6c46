//! `mds migrate`: the database's tables.

use std::process::ExitCode;

use crate::commands::connect;

#[expect(clippy::print_stdout, reason = "the list is this command's data")]
pub(crate) async fn migrate() -> anyhow::Result<ExitCode> {
    let (_, store) = connect::store(1).await?;
    let applied = store.migrate().await?;
    if applied.is_empty() {
        println!("the tables are up to date");
    }
    for name in applied {
        println!("applied {name}");
    }
    Ok(ExitCode::SUCCESS)
}
