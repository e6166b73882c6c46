//! `mds migrate`: creates or updates the database's tables.

use std::process::ExitCode;

use config::{Environment, Scope};

pub(crate) async fn migrate() -> anyhow::Result<ExitCode> {
    let config = Box::pin(config::load_for(
        Environment::from_process()?,
        Scope::Migrate,
        None,
    ))
    .await?;
    let migrated = Box::pin(pipeline::migrate(&config)).await?;
    match migrated.applied.as_slice() {
        [] => eprintln!("the tables are up to date: version {}", migrated.version),
        applied => {
            let applied: Vec<_> = applied.iter().map(ToString::to_string).collect();
            eprintln!(
                "applied migrations {}: the tables are up to date",
                applied.join(", ")
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
