#![allow(clippy::unwrap_used, reason = "a test may panic")]
use sandbox_postgres::Cluster;

use super::*;

#[tokio::test]
async fn a_session_does_not_end_for_being_idle_and_does_not_outlast_its_machine_by_a_minute() {
    let cluster = Cluster::shared().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(SESSION_SETTINGS).await.unwrap();
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
