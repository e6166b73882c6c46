//! The database fails over while an execution is under way: for a while nobody reaches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::aws::Aws;
use crate::support::{World, world};

const OUTAGE: Duration = Duration::from_secs(8);

/// The way of the functions to the database. The test itself goes another one.
struct Gate {
    is_open: watch::Sender<bool>,
    refused: Arc<AtomicU32>,
}

impl Gate {
    /// Puts a gate before a world's database.
    async fn before(world: &World) -> Self {
        let url = &world.stack.database_url;
        let behind = url.parse::<tokio_postgres::Config>().unwrap().get_ports()[0];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = url.replace(&format!(":{behind}/"), &format!(":{port}/"));
        world
            .stack
            .put_setting("DATABASE_URL", json!(url))
            .await
            .unwrap();
        let gate = Self {
            is_open: watch::Sender::new(true),
            refused: Arc::default(),
        };
        let (is_open, refused) = (gate.is_open.subscribe(), Arc::clone(&gate.refused));
        tokio::spawn(forward(listener, behind, is_open, refused));
        gate
    }
}

/// Forwards connections while the gate is open. When it closes, all of them are cut.
async fn forward(
    listener: TcpListener,
    port: u16,
    is_open: watch::Receiver<bool>,
    refused: Arc<AtomicU32>,
) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        if !*is_open.borrow() {
            refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let mut is_open = is_open.clone();
        tokio::spawn(async move {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = is_open.wait_for(|is_open| !is_open) => {}
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_outlasts_a_failover_of_the_database() {
    let world = world().await;
    let gate = Gate::before(&world).await;
    let aws = Aws::over(world).await;
    let failover = async {
        let begun = "SELECT count(*) FROM api.schedule WHERE status_id <> 0";
        while aws.world.number(begun).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        gate.is_open.send_replace(false);
        tokio::time::sleep(OUTAGE).await;
        gate.is_open.send_replace(true);
    };
    let request =
        json!({"provider": "all", "time_min": "2020-01-15-10", "time_max": "2020-01-15-13"});
    let (ended, ()) = tokio::join!(aws.execute("failover", &request), failover);
    assert_eq!(
        ended.status,
        ExecutionStatus::Succeeded,
        "{}\n{}",
        ended.cause,
        aws.logs()
    );
    assert_eq!(ended.output["done"], 6, "{}", ended.output);
    assert!(gate.refused.load(Ordering::Relaxed) > 0);
    let hours = ["10", "11", "12"];
    aws.world.expect_whole(&["bird", "lime"], &hours).await;
}
