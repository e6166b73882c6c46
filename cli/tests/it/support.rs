//! A stack on loopback, the `mds` binary to run against it, and ways to look at what it did.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use local_stack::{LocalStack, StackOptions};
use sandbox_provider::{MdsVersion, ProviderOptions};
use serde_json::{Map, Value, json};
use trips::time::CivilZone;
use uuid::Uuid;
use vault::Vault;

/// One hour of one provider, which starts at 12:00.
pub(crate) const ONE_HOUR: [&str; 7] = [
    "run",
    "--provider",
    "bird",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-13",
];

pub(crate) struct World {
    pub(crate) stack: LocalStack,
    pub(crate) database: tokio_postgres::Client,
}

/// Two providers with some 40 trips an hour.
pub(crate) async fn world() -> World {
    world_with(&["bird", "lime"], Map::new()).await
}

pub(crate) async fn world_with(names: &[&str], settings: Map<String, Value>) -> World {
    world_of(StackOptions {
        settings,
        ..options(names)
    })
    .await
}

/// A stack to change before it starts; a request that fails is not made again.
pub(crate) fn options(names: &[&str]) -> StackOptions {
    StackOptions {
        provider_settings: Map::from_iter([("max_attempts".to_owned(), json!(1))]),
        ..StackOptions::with_providers(providers(names))
    }
}

pub(crate) async fn world_of(options: StackOptions) -> World {
    let stack = LocalStack::start(options).await.unwrap();
    let (database, connection) =
        tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
            .await
            .unwrap();
    tokio::spawn(connection);
    World { stack, database }
}

fn providers(names: &[&str]) -> BTreeMap<String, ProviderOptions> {
    (1_u64..)
        .zip(names)
        .map(|(n, name)| {
            let options = ProviderOptions {
                seed: n,
                provider_id: Uuid::from_u128(
                    0x5eed_0000_0000_4000_8000_0000_0000_0000 + u128::from(n),
                ),
                name: (*name).to_owned(),
                version: MdsVersion::V1_2,
                trips_per_hour: 40.0,
                ..ProviderOptions::default()
            };
            ((*name).to_owned(), options)
        })
        .collect()
}

impl World {
    pub(crate) fn mds(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mds"));
        command
            .env_clear()
            .envs(&self.stack.env)
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end on a thread of its own, so that the parts in this process go on.
    pub(crate) async fn output(&self, args: &[&str]) -> Output {
        Self::output_of(self.mds(args)).await
    }

    pub(crate) async fn output_of(mut command: Command) -> Output {
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// Runs, and expects this exit status.
    pub(crate) async fn expect(&self, status: i32, args: &[&str]) -> Output {
        let output = self.output(args).await;
        assert_eq!(
            output.status.code(),
            Some(status),
            "mds {}\n{}\n{}",
            args.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.database.query_one(query, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn text(&self, query: &str) -> String {
        self.database.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Every trip with everything that was delivered, without what tells when and in which row of
    /// the schedule.
    pub(crate) async fn trips(&self) -> String {
        self.text(
            "SELECT coalesce(jsonb_agg(to_jsonb(t) - 'modified_date' - 'schedule_id' ORDER BY provider_id, trip_id)::text, '')
             FROM api.trips t",
        )
        .await
    }

    pub(crate) async fn modified(&self) -> String {
        self.text(
            "SELECT coalesce(string_agg(id || ' ' || modified_date || ' ' || xmin, ',' ORDER BY id), '') FROM api.trips",
        )
        .await
    }

    pub(crate) async fn schedule(&self) -> String {
        self.text(
            "SELECT coalesce(string_agg(concat_ws(' ', p.provider_name, s.block_start, s.status_id, s.records_total,
                 s.records_processed, s.records_error_count, s.records_duplicate_count, s.payload), ','
                 ORDER BY p.provider_name, s.block_start), '')
             FROM api.schedule s JOIN api.providers p USING (provider_id)",
        )
        .await
    }

    pub(crate) async fn statuses(&self) -> Vec<i64> {
        self.database
            .query(
                "SELECT status_id::bigint FROM api.schedule ORDER BY block_start, provider_id",
                &[],
            )
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// Every row of every table, the runs' and the schedule's included.
    pub(crate) async fn dump(&self) -> String {
        self.text(
            "SELECT string_agg(table_name || query_to_xml('SELECT t::text AS row FROM api.' || table_name
                 || ' t ORDER BY 1', true, false, '')::text, '' ORDER BY table_name)
             FROM information_schema.tables WHERE table_schema = 'api' AND table_type = 'BASE TABLE'",
        )
        .await
    }

    /// The status of each upload to the portal so far; none for a connection that was dropped.
    pub(crate) fn uploads(&self) -> Vec<Option<u16>> {
        let requests = self.stack.portal.log().requests();
        requests
            .into_iter()
            .filter(|request| request.method == "POST")
            .map(|request| request.status)
            .collect()
    }

    /// The portal's rows by row identifier, without the time of change.
    pub(crate) fn portal(&self) -> BTreeMap<String, Value> {
        self.stack
            .portal
            .rows()
            .into_iter()
            .map(|mut row| {
                row.remove("modified_date");
                (
                    row["trip_id"].as_str().unwrap().to_owned(),
                    Value::Object(row),
                )
            })
            .collect()
    }

    /// The block objects in the bucket, decrypted; reports without the times of asking.
    pub(crate) async fn objects(&self) -> BTreeMap<String, Value> {
        let vault = self.vault().await;
        let mut objects = BTreeMap::new();
        let mut pages = vault.list("staging/");
        while let Some(page) = pages.next_page().await.unwrap() {
            for object in page.into_iter().filter(|o| !o.key.contains("/runs/")) {
                let mut value: Value = vault.get_json(&object.key).await.unwrap();
                strip(&mut value);
                objects.insert(object.key, value);
            }
        }
        objects
    }

    pub(crate) async fn vault(&self) -> Vault {
        config::open_vault(&self.stack.environment().unwrap())
            .await
            .unwrap()
    }

    /// An object of the stage, decrypted.
    pub(crate) async fn object(&self, key: &str) -> Value {
        self.vault()
            .await
            .get_json(&format!("staging/{key}"))
            .await
            .unwrap()
    }

    /// Every object of the bucket as it is stored.
    pub(crate) fn stored(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut stored = BTreeMap::new();
        let mut folders = vec![self.stack.bucket_folder()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    stored.insert(path.clone(), std::fs::read(path).unwrap());
                }
            }
        }
        stored
    }

    /// Every good trip of these hours of 15 January is loaded and published, and none beside them.
    pub(crate) async fn expect_whole(&self, providers: &[&str], hours: &[&str]) {
        let expected = providers.iter().flat_map(|provider| {
            let provider = &self.stack.providers[*provider];
            hours
                .iter()
                .map(|h| provider.expected(hour(&format!("2020-01-15-{h}"))).distinct)
        });
        let expected: u64 = expected.sum();
        assert_eq!(
            self.number("SELECT count(*) FROM api.trips").await,
            expected.cast_signed()
        );
        assert_eq!(self.stack.portal.row_count() as u64, expected);
    }

    pub(crate) fn archive_file(&self, provider: &str, hour: &str) -> PathBuf {
        self.stack
            .bucket_folder()
            .join(format!("staging/{provider}/{hour}/trips.json"))
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for volatile in ["started_at", "ended_at", "modified_date", "requests"] {
                members.remove(volatile);
            }
        }
        Value::Array(rows) => rows.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Waits until something outside has happened, a minute at the most.
pub(crate) async fn until(what: &str, mut happened: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !happened().await {
        assert!(Instant::now() < deadline, "waited a minute for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The start of a civil hour of the stack's city.
pub(crate) fn hour(civil: &str) -> DateTime<Utc> {
    CivilZone::default().parse_time(civil).unwrap().start()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
