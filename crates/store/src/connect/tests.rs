#![allow(clippy::unwrap_used, reason = "a test may panic")]
use sandbox_postgres::Cluster;

use super::*;
use crate::work::BEGIN;

#[tokio::test]
async fn a_session_does_not_end_for_being_idle_and_does_not_outlast_its_machine_by_a_minute() {
    let cluster = Cluster::shared().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(session::SETTINGS).await.unwrap();
    for (name, value) in [
        ("idle_session_timeout", "0"),
        ("tcp_keepalives_idle", "20"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "60000"),
    ] {
        let setting = client
            .query_one("SELECT current_setting($1)", &[&name])
            .await
            .unwrap();
        assert_eq!(setting.get::<_, String>(0), value, "{name}");
    }
}

async fn client() -> tokio_postgres::Client {
    let cluster = Cluster::shared().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn two_connections_with_one_session_are_noticed() {
    let (one, other) = (client().await, client().await);
    let looks = session::look(&one).await.unwrap();
    session::check_own_session(&one, looks, &other)
        .await
        .unwrap();
    // So behaves a pooler in transaction mode whose clients take turns.
    let looks = session::look(&one).await.unwrap();
    let error = session::check_own_session(&one, looks, &one)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::SharedSession), "{error}");
    assert!(error.to_string().contains("transaction mode"));
}

#[tokio::test]
async fn a_connection_to_a_server_that_has_become_read_only_is_not_used_again() {
    let client = client().await;
    client.simple_query(session::STILL_WRITABLE).await.unwrap();
    client
        .batch_execute("SET default_transaction_read_only = on")
        .await
        .unwrap();
    assert_eq!(
        session::prepare(&client).await.unwrap(),
        Some(ReadOnly::BySetting)
    );
    client
        .simple_query(session::STILL_WRITABLE)
        .await
        .unwrap_err();
    // A statement that meets the change in the middle of a step may succeed later.
    let error = client
        .batch_execute("CREATE TABLE other (n int)")
        .await
        .unwrap_err();
    let error = crate::error::classify("writing", &error);
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_prepared_statement_that_is_gone_is_that_of_a_pooler() {
    let client = client().await;
    let statement = client.prepare("SELECT 1").await.unwrap();
    client.batch_execute("DEALLOCATE ALL").await.unwrap();
    let error = client.query(&statement, &[]).await.unwrap_err();
    let error = crate::error::classify("reading", &error);
    assert!(matches!(error, StoreError::SharedSession), "{error}");
}

/// More often than the database plans a statement before it may keep a plan.
const OFTEN: i32 = 10;

#[tokio::test]
async fn a_prepared_statement_is_planned_each_time_within_a_transaction() {
    let client = client().await;
    session::prepare(&client).await.unwrap();
    let statement = client.prepare("SELECT $1::int + 1").await.unwrap();
    client.batch_execute(BEGIN).await.unwrap();
    for n in 0..OFTEN {
        client.query_one(&statement, &[&n]).await.unwrap();
    }
    let plans = "SELECT custom_plans, generic_plans FROM pg_prepared_statements
                 WHERE statement = 'SELECT $1::int + 1'";
    let plans = client.query_typed_one(plans, &[]).await.unwrap();
    let (custom, kept): (i64, i64) = (plans.get(0), plans.get(1));
    assert_eq!((custom, kept), (i64::from(OFTEN), 0));
}

#[tokio::test]
async fn the_check_of_a_foreign_key_keeps_its_plan() {
    let client = client().await;
    session::prepare(&client).await.unwrap();
    let tables = "CREATE TABLE provider (id int PRIMARY KEY); INSERT INTO provider VALUES (1);
                  CREATE TABLE block (provider int REFERENCES provider)";
    client.batch_execute(tables).await.unwrap();
    let blocks = format!("INSERT INTO block SELECT 1 FROM generate_series(1, {OFTEN})");
    client.batch_execute(&blocks).await.unwrap();
    let kept = "SELECT count(*) FROM pg_backend_memory_contexts
                WHERE name = 'CachedPlan' AND ident LIKE 'SELECT 1 FROM ONLY %'";
    let kept = client.query_typed_one(kept, &[]).await.unwrap();
    assert_eq!(kept.get::<_, i64>(0), 1);
}
