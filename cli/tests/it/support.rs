//! A stack of services on loopback, the `mds` binary to run against it, and queries of the result.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use local_stack::{LocalStack, StackOptions};
use sandbox_network::{Disturbance, Exchange, Link, Reply};
use sandbox_provider::{MdsVersion, ProviderOptions};
use serde_json::{Map, Value, json};
use trips::status::BlockStatus;
use trips::time::CivilZone;
use uuid::Uuid;
use vault::{Seal, Vault};

/// One hour of one provider, which starts at 12:00.
pub(crate) const ONE_HOUR: [&str; 7] = run("bird", "2020-01-15-12", "2020-01-15-13");
/// An audit of that hour.
pub(crate) const REPAIR: [&str; 6] = [
    "audit",
    "--time-min",
    "2020-01-15-12",
    "--time-max",
    "2020-01-15-13",
    "--repair",
];

/// The arguments of `mds run` for the hours of `provider` from `time_min` up to `time_max`.
pub(crate) const fn run<'a>(
    provider: &'a str,
    time_min: &'a str,
    time_max: &'a str,
) -> [&'a str; 7] {
    [
        "run",
        "--provider",
        provider,
        "--time-min",
        time_min,
        "--time-max",
        time_max,
    ]
}

/// A command with further arguments.
pub(crate) fn with<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [command, more].concat()
}

pub(crate) struct World {
    pub(crate) stack: LocalStack,
    pub(crate) database: tokio_postgres::Client,
}

/// Two providers with about 40 trips an hour.
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

/// Options to change before the stack starts. A failed request to a provider is not retried.
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

    /// Waits for the end on a blocking thread, so that the services in this process keep running.
    pub(crate) async fn output(&self, args: &[&str]) -> Output {
        Self::output_of(self.mds(args)).await
    }

    pub(crate) async fn output_of(mut command: Command) -> Output {
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// Runs `mds` and checks its exit status.
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

    /// Every trip with all its columns, except the time of its last change and its block.
    pub(crate) async fn trips(&self) -> String {
        self.text(
            "SELECT coalesce(jsonb_agg(to_jsonb(t) - ARRAY['modified_date', 'schedule_id', 'delivered_at', 'withdrawn_at']
                                       || jsonb_build_object('counts', withdrawn_at IS NULL)
                                       ORDER BY provider_id, trip_id)::text, '')
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

    /// The status of each block, by hour and provider.
    pub(crate) async fn statuses(&self) -> Vec<BlockStatus> {
        let blocks = "SELECT status_id FROM api.schedule ORDER BY block_start, provider_id";
        let rows = self.database.query(blocks, &[]).await.unwrap();
        rows.iter().map(|row| status(row, 0)).collect()
    }

    /// Every row of every table, including runs and schedule.
    pub(crate) async fn dump(&self) -> String {
        self.text(
            "SELECT string_agg(table_name || query_to_xml('SELECT t::text AS row FROM api.' || table_name
                 || ' t ORDER BY 1', true, false, '')::text, '' ORDER BY table_name)
             FROM information_schema.tables WHERE table_schema = 'api' AND table_type = 'BASE TABLE'",
        )
        .await
    }

    /// The number of requests to the provider `bird` so far.
    pub(crate) fn request_count(&self) -> u64 {
        self.stack.providers["bird"].log().total()
    }

    /// The HTTP status of each upload to the portal so far; `None` if the connection was dropped.
    pub(crate) fn uploads(&self) -> Vec<Option<u16>> {
        let requests = self.stack.portal.log().requests();
        requests
            .into_iter()
            .filter(|request| request.method == "POST")
            .map(|request| request.status)
            .collect()
    }

    /// The portal's rows by row identifier, without the time of their last change.
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

    /// The objects of the blocks, decrypted; reports without their times.
    pub(crate) async fn objects(&self) -> BTreeMap<String, Value> {
        let vault = self.vault().await;
        let mut objects = BTreeMap::new();
        let mut pages = vault.list("staging/");
        while let Some(page) = pages.next_page().await.unwrap() {
            let of_blocks = |key: &str| !key.contains("/runs/") && !key.ends_with("/status.html");
            for object in page.into_iter().filter(|o| of_blocks(&o.key)) {
                let bytes = vault.get_bytes(&object.key).await.unwrap();
                let mut value: Value = serde_json::from_slice(&bytes).unwrap();
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

    /// Changes the providers file in the bucket.
    pub(crate) async fn edit_providers(&self, edit: impl FnOnce(&mut Value)) {
        self.edit_config("providers", edit).await;
    }

    /// Changes the settings file in the bucket.
    pub(crate) async fn edit_settings(&self, edit: impl FnOnce(&mut Value)) {
        self.edit_config("settings", edit).await;
    }

    async fn edit_config(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        let vault = self.vault().await;
        let key = format!("config/{name}_staging.json");
        let mut config = vault.get_json(&key).await.unwrap();
        edit(&mut config);
        vault.put_json(&key, &config, Seal::Encrypt).await.unwrap();
    }

    /// A way to the bucket on which requests are refused that begin with this method and mention
    /// this text, and the variable that leads `mds` over it.
    pub(crate) async fn bucket_refusing(
        &self,
        method: &'static str,
        text: &'static str,
    ) -> (Link, [(&'static str, String); 1]) {
        let refusal = Reply {
            status: 403,
            headers: "content-type: application/xml\r\n".to_owned(),
            body: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
                .to_owned(),
        };
        let decide = move |exchange: &Exchange<'_>| {
            let is_meant = exchange.head.starts_with(method.as_bytes()) && exchange.mentions(text);
            if is_meant {
                Disturbance::Answer(refusal.clone())
            } else {
                Disturbance::Pass
            }
        };
        self.way_to_bucket(decide).await
    }

    /// A way to the bucket, and the variable that leads `mds` over it.
    pub(crate) async fn way_to_bucket(
        &self,
        decide: impl Fn(&Exchange<'_>) -> Disturbance + Send + Sync + 'static,
    ) -> (Link, [(&'static str, String); 1]) {
        let server = self.stack.s3.endpoint_url();
        let server = server.strip_prefix("http://").unwrap().parse().unwrap();
        let link = Link::start(server, decide).await.unwrap();
        let endpoint = format!("http://{}", link.address());
        (link, [("AWS_ENDPOINT_URL_S3", endpoint)])
    }

    /// The bytes of an object as they are stored.
    pub(crate) fn raw_object(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.stack.bucket_folder().join(key)).unwrap()
    }

    /// An object of the stage, decrypted.
    pub(crate) async fn object(&self, key: &str) -> Value {
        self.vault()
            .await
            .get_json(&format!("staging/{key}"))
            .await
            .unwrap()
    }

    /// Every object of the bucket as stored.
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

    /// Checks that every valid trip of these hours of 15 January is loaded and published, and no
    /// other.
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

/// The status in a column of a row.
pub(crate) fn status(row: &tokio_postgres::Row, column: usize) -> BlockStatus {
    let code = i16::try_from(row.get::<_, i32>(column)).unwrap();
    code.try_into().unwrap()
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

/// Waits until a condition holds, for at most a minute.
pub(crate) async fn until(what: &str, mut is_reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_reached().await {
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
