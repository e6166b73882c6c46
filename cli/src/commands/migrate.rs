//! `mds migrate`: creates or updates the database's tables.

use std::process::ExitCode;

use config::{Config, Environment, Scope};

pub(crate) async fn migrate(dry_run: bool) -> anyhow::Result<ExitCode> {
    let config = Box::pin(config::load_for(
        Environment::from_process()?,
        Scope::Migrate,
        None,
    ))
    .await?;
    if dry_run {
        return show_missing(&config).await;
    }
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

#[expect(clippy::print_stdout, reason = "the list is this command's data")]
async fn show_missing(config: &Config) -> anyhow::Result<ExitCode> {
    let missing = Box::pin(pipeline::missing_migrations(config)).await?;
    if missing.is_empty() {
        eprintln!(
            "the tables are up to date: version {}",
            pipeline::newest_migration()
        );
    }
    for migration in missing {
        println!("{migration}");
    }
    Ok(ExitCode::SUCCESS)
}
