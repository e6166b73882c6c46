//! Logins of a secret, servers that take no writes, and connections that nobody uses.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sandbox_postgres::Cluster;
use secrecy::SecretString;
use store::{
    Address, Login, ReadLogin, ReadLoginError, SecretLogin, Store, StoreError, StoreOptions,
};
use tokio::time::sleep;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::fixture::{bird, open, ping, sql};

/// A secret whose password somebody changes after the program has read it.
struct Secret {
    user: String,
    passwords: Vec<&'static str>,
    reads: AtomicUsize,
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<Login, ReadLoginError>> + Send + 'a>>;

impl ReadLogin for Secret {
    fn read_login(&self) -> Reading<'_> {
        Box::pin(async {
            let read = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
            let password = self.passwords.get(read).or(self.passwords.last());
            Ok(self.login(password.unwrap()))
        })
    }
}

impl Secret {
    fn new(user: &str, passwords: &[&'static str]) -> Arc<Self> {
        Arc::new(Self {
            user: user.to_owned(),
            passwords: passwords.to_vec(),
            reads: AtomicUsize::new(0),
        })
    }

    fn login(&self, password: &str) -> Login {
        Login {
            user: self.user.clone(),
            password: SecretString::from(password),
        }
    }

    fn open(self: &Arc<Self>, url: &str) -> Store {
        let options = StoreOptions {
            max_connections: 4,
            login: Some(SecretLogin {
                login: self.login(self.passwords[0]),
                address: Address::default(),
                source: Arc::clone(self) as Arc<dyn ReadLogin>,
            }),
            ..StoreOptions::default()
        };
        Store::connect(&SecretString::from(url.to_owned()), &options).unwrap()
    }
}

/// A database with a role of its own. Returns the URL without a login, and a superuser's client.
async fn database_and_role(password: &str) -> (String, String, Client) {
    let url = Cluster::shared()
        .await
        .unwrap()
        .create_database()
        .await
        .unwrap();
    let client = sql(&url).await;
    let role = format!("role_{}", Uuid::new_v4().simple());
    client
        .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
        .await
        .unwrap();
    let (_, server) = url.split_once('@').unwrap();
    (format!("postgresql://{server}"), role, client)
}

async fn change_password(client: &Client, role: &str, password: &str) {
    client
        .batch_execute(&format!("ALTER ROLE {role} PASSWORD '{password}'"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_login_that_was_replaced_is_read_again_from_its_secret_once() {
    let (url, role, client) = database_and_role("first").await;
    let secret = Secret::new(&role, &["first", "second"]);
    let store = secret.open(&url);
    ping(&store).await.unwrap();

    change_password(&client, &role, "second").await;
    ping(&store).await.unwrap();
    assert_eq!(
        secret.reads.load(Ordering::SeqCst),
        0,
        "open connections stay"
    );
    store.close_idle().await;
    let all = futures::future::join_all((0..4).map(|_| ping(&store))).await;
    assert!(all.into_iter().all(|pong| pong.is_ok()));
    assert_eq!(secret.reads.load(Ordering::SeqCst), 1, "one reads for all");
}

#[tokio::test]
async fn a_secret_that_changes_a_little_later_than_the_database_is_waited_for() {
    let (url, role, client) = database_and_role("first").await;
    let secret = Secret::new(&role, &["first", "first", "second"]);
    let store = secret.open(&url);
    change_password(&client, &role, "second").await;
    ping(&store).await.unwrap();
    assert_eq!(secret.reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_login_that_stays_wrong_is_refused() {
    let (url, role, _client) = database_and_role("first").await;
    let secret = Secret::new(&role, &["canary"]);
    let error = ping(&secret.open(&url)).await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, StoreError::Refused(_)), "{message}");
    assert!(
        message.contains("DATABASE_SECRET") && !message.contains("canary"),
        "{message}"
    );
}

#[tokio::test]
async fn a_role_whose_transactions_are_read_only_is_named() {
    let (url, role, client) = database_and_role("first").await;
    client
        .batch_execute(&format!(
            "ALTER ROLE {role} SET default_transaction_read_only = on"
        ))
        .await
        .unwrap();
    let url = url.replacen("//", &format!("//{role}:first@"), 1);
    let error = ping(&open(&url, 2)).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly), "{error}");
    assert!(error.to_string().contains("default_transaction_read_only"));
}

async fn sessions(client: &Client) -> i64 {
    client
        .query_one(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mds-etl' AND datname = current_database()",
            &[],
        )
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn connections_that_nobody_uses_are_closed_and_opened_again() {
    let url = Cluster::shared()
        .await
        .unwrap()
        .create_database()
        .await
        .unwrap();
    let client = sql(&url).await;
    let store = open(&url, 4);
    ping(&store).await.unwrap();
    let slots = store.request_slots();
    let slot = slots.take(&bird(), 1, None).await.unwrap();
    assert!(sessions(&client).await >= 2);

    store.close_idle().await;
    drop(slot);
    slots.close_idle().await;
    for _ in 0..200 {
        if sessions(&client).await == 0 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(sessions(&client).await, 0);
    ping(&store).await.unwrap();
    drop(slots.take(&bird(), 1, None).await.unwrap());
}

#[tokio::test]
async fn a_server_that_goes_down_may_come_back() {
    let cluster = Cluster::start().await.unwrap();
    let url = cluster.create_database().await.unwrap();
    let store = open(&url, 2);
    store.migrate().await.unwrap();
    let fence = sql(&url).await;
    ping(&store).await.unwrap();
    fence
        .batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mds-etl'")
        .await
        .unwrap();
    // A connection that was in use just now is not checked: its client has to notice the end.
    sleep(Duration::from_millis(100)).await;
    ping(&store).await.unwrap();
    drop(cluster);
    let error = ping(&store).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
