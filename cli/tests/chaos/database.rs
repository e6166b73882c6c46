//! The faults of the database itself.

use std::process::Command;

use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use crate::schedule::{DatabaseFault, DatabaseFaultKind};
use crate::support::World;

const GRANTS: &str = include_str!("../../../infra/grants.sql");
/// Raises what Postgres raises when its disk is full.
const FULL: &str = "
    CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON api.trips EXECUTE FUNCTION public.full_disk()";
const NOT_FULL: &str = "DROP FUNCTION public.full_disk() CASCADE";

/// The database of a world, with the login that `mds` uses.
pub(crate) struct Database {
    url: String,
    role: String,
}

impl Database {
    /// Creates a login with the rights that a deployment has.
    pub(crate) async fn of(world: &World, own_server: bool) -> Self {
        let role = format!("runtime_{}", uuid::Uuid::new_v4().simple());
        let database = Self {
            url: world.stack.database_url.clone(),
            role,
        };
        let create = format!("CREATE ROLE {} LOGIN PASSWORD 'chaos'", database.role);
        database.execute(&create).await;
        if own_server {
            // Servers of tests write their log a moment after a commit. A crash loses that moment.
            let name = database.name();
            let durable = format!("ALTER DATABASE {name} SET synchronous_commit = on");
            database.execute(&durable).await;
        }
        database
            .execute(&GRANTS.replace("mds_runtime", &database.role))
            .await;
        database
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    /// The URL for `mds`.
    pub(crate) fn url_of_role(&self) -> String {
        let (_, server) = self.url.split_once('@').unwrap();
        format!("postgresql://{}:chaos@{server}", self.role)
    }

    /// A connection. A server that is restarting is waited for.
    pub(crate) async fn connect(&self) -> Client {
        loop {
            if let Ok((client, connection)) = tokio_postgres::connect(&self.url, NoTls).await {
                tokio::spawn(connection);
                return client;
            }
            sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn execute(&self, statements: &str) {
        self.connect()
            .await
            .batch_execute(statements)
            .await
            .unwrap();
    }

    /// Lets a fault begin, last, and end.
    pub(crate) async fn suffer(&self, fault: DatabaseFault) {
        let name = self.name();
        let role = &self.role;
        let (begin, end) = match fault.kind {
            DatabaseFaultKind::Terminates => (self.terminate(), String::new()),
            DatabaseFaultKind::ReadOnly => {
                let begin = format!(
                    "ALTER ROLE {role} IN DATABASE {name} SET default_transaction_read_only = on; "
                );
                let end = format!(
                    "ALTER ROLE {role} IN DATABASE {name} RESET default_transaction_read_only; "
                );
                (begin + &self.terminate(), end + &self.terminate())
            }
            DatabaseFaultKind::Locks(table) => {
                let client = self.connect().await;
                let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
                client.batch_execute(&lock).await.unwrap();
                sleep(fault.pause).await;
                client.batch_execute("ROLLBACK").await.unwrap();
                return;
            }
            DatabaseFaultKind::Full => (FULL.to_owned(), NOT_FULL.to_owned()),
            DatabaseFaultKind::NoConnections => (
                format!("ALTER ROLE {role} CONNECTION LIMIT 1"),
                format!("ALTER ROLE {role} CONNECTION LIMIT -1"),
            ),
            DatabaseFaultKind::Crashes => return self.crash().await,
        };
        self.execute(&begin).await;
        sleep(fault.pause).await;
        self.execute(&end).await;
    }

    fn terminate(&self) -> String {
        format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
            self.role
        )
    }

    /// Kills the server process of one session. The server then restarts all of them, since memory
    /// that they share may be damaged.
    async fn crash(&self) {
        let client = self.connect().await;
        let own = client
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .unwrap();
        let own: i32 = own.get(0);
        let killed = Command::new("kill")
            .args(["-KILL", &own.to_string()])
            .status();
        assert!(killed.unwrap().success());
    }
}
