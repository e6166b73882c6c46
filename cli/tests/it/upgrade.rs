//! A new program over the tables of an older one.

use std::time::{Duration, Instant};

use crate::support::{ONE_HOUR, World, stderr, stdout, with, world};

/// Far below the patience for a database that is away.
const AT_ONCE: Duration = Duration::from_secs(20);

impl World {
    async fn expect_to_name_the_migration(&self, args: &[&str]) {
        let began = Instant::now();
        let output = self.expect(2, args).await;
        let said = stderr(&output);
        assert!(said.contains("run `mds migrate`"), "{args:?}: {said}");
        assert!(began.elapsed() < AT_ONCE, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_tables_are_named_at_once_and_after_the_migration_the_same_command_succeeds() {
    let world = world().await;
    let newest = "DELETE FROM api.schema_history WHERE version = (SELECT max(version) FROM api.schema_history)";
    world.database.batch_execute(newest).await.unwrap();
    world.expect_to_name_the_migration(&ONE_HOUR).await;
    let dry = with(&ONE_HOUR, &["--dry-run"]);
    world.expect_to_name_the_migration(&dry).await;
    let audit = with(&ONE_HOUR, &["--audit"]);
    world.expect_to_name_the_migration(&audit).await;
    assert_eq!(world.number("SELECT count(*) FROM api.runs").await, 0);

    world
        .database
        .batch_execute("DROP SCHEMA api CASCADE")
        .await
        .unwrap();
    world.expect_to_name_the_migration(&ONE_HOUR).await;
    world
        .expect_to_name_the_migration(&["audit", "--month", "2020-01"])
        .await;

    world.expect(0, &["migrate"]).await;
    world.expect(0, &ONE_HOUR).await;
    world.expect_whole(&["bird"], &["12"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_the_migration_lists_what_is_missing_and_changes_nothing() {
    let world = world().await;
    let drop = "DROP SCHEMA api CASCADE";
    world.database.batch_execute(drop).await.unwrap();
    let listed = stdout(&world.expect(0, &["migrate", "--dry-run"]).await);
    assert!(listed.starts_with("V1__tables\nV2__"), "{listed}");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'api'";
    assert_eq!(world.number(schemas).await, 0);

    world.expect(0, &["migrate"]).await;
    let applied = "SELECT count(*) FROM api.schema_history";
    assert_eq!(world.number(applied).await, listed.lines().count() as i64);
    let output = world.expect(0, &["migrate", "--dry-run"]).await;
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("up to date"));
}
