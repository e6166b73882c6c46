//! `mds migrate`: creates or updates the database's tables.

use std::process::ExitCode;

use crate::commands::connect;

pub(crate) async fn migrate() -> anyhow::Result<ExitCode> {
    let (_, store) = connect::store(1).await?;
    store.migrate().await?;
    eprintln!("the tables are up to date");
    Ok(ExitCode::SUCCESS)
}
