//! `mds doctor` against set-ups that are broken in one way each.

use std::process::Command;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{World, options, stderr, stdout, world, world_of};

/// What is wrong, with which variable, its value, the checks that are broken, and words of the
/// first one.
type BrokenVariable<'a> = (
    &'a str,
    &'a str,
    Option<&'a str>,
    &'a [&'a str],
    &'a [&'a str],
);

/// The checks of a run of `mds doctor`.
struct Diagnosis {
    status: Option<i32>,
    text: String,
    checks: Vec<Value>,
}

impl Diagnosis {
    async fn of(mut command: Command) -> Self {
        command.args(["doctor", "--json", "--timeout", "20"]);
        let output = World::output_of(command).await;
        let text = stdout(&output);
        let report: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text}\n{}", stderr(&output)));
        Self {
            status: output.status.code(),
            text: text + &stderr(&output),
            checks: report["checks"].as_array().unwrap().clone(),
        }
    }

    fn broken(&self) -> Vec<&str> {
        let broken = self.checks.iter().filter(|it| it["outcome"] == "broken");
        broken.map(|it| it["check"].as_str().unwrap()).collect()
    }

    /// Exactly these checks are broken; the first one's finding or remedy has the words.
    fn expect(&self, what: &str, broken: &[&str], words: &[&str]) {
        assert_eq!(self.broken(), broken, "{what}: {}", self.text);
        assert_eq!(self.status, Some(1), "{what}");
        let first = self
            .checks
            .iter()
            .find(|it| it["outcome"] == "broken")
            .unwrap();
        let said = format!("{} {}", first["finding"], first["remedy"]);
        assert!(first["remedy"].is_string(), "{what}: {said}");
        for word in words {
            assert!(said.contains(word), "{what}: `{word}` is missing in {said}");
        }
        for secret in [
            "secret-password",
            "wrong-token",
            "sandbox-secret-key",
            "sandbox-key-secret",
        ] {
            assert!(!self.text.contains(secret), "{what}: {}", self.text);
        }
    }
}

async fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

impl World {
    /// A command against this world, with one variable changed; `None` removes it.
    fn with_variable(&self, name: &str, value: Option<&str>) -> Command {
        let mut command = self.mds(&[]);
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        command
    }

    /// What the doctor finds after `edit` of the settings, which are put back.
    async fn with_settings(&self, edit: impl FnOnce(&mut Value)) -> Diagnosis {
        let before = self
            .vault()
            .await
            .get_json::<Value>("config/settings_staging.json")
            .await
            .unwrap();
        self.edit_settings(edit).await;
        let found = Diagnosis::of(self.mds(&[])).await;
        self.edit_settings(|settings| *settings = before).await;
        found
    }

    async fn with_providers(&self, edit: impl FnOnce(&mut Value)) -> Diagnosis {
        let before = self
            .vault()
            .await
            .get_json::<Value>("config/providers_staging.json")
            .await
            .unwrap();
        self.edit_providers(edit).await;
        let found = Diagnosis::of(self.mds(&[])).await;
        self.edit_providers(|providers| *providers = before).await;
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_set_up_is_found_whole_and_left_as_it_was() {
    let world = world().await;
    let before = world.stored();
    let found = Diagnosis::of(world.mds(&[])).await;
    assert_eq!(found.broken(), Vec::<&str>::new(), "{}", found.text);
    assert_eq!(found.status, Some(0));
    let odd = found.checks.iter().filter(|it| it["outcome"] != "ok");
    assert_eq!(odd.count(), 0, "{}", found.text);
    assert_eq!(world.stored(), before, "the object of the trial is gone");

    let output = world.expect(0, &["doctor"]).await;
    assert!(
        stdout(&output).contains("The set-up is whole"),
        "{}",
        stdout(&output)
    );
    assert!(
        stdout(&output).contains("provider bird: it accepts the login"),
        "{}",
        stdout(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_environment_is_named() {
    let world = world().await;
    let address = closed_address().await;
    let url = format!("http://{address}");
    let other_key = secrecy::ExposeSecret::expose_secret(&vault::FernetKeys::generate()).to_owned();
    let cases: [BrokenVariable<'_>; 10] = [
        (
            "a proxy that is none",
            "HTTPS_PROXY",
            Some("http://user:secret-password@proxy.example.gov:port"),
            &["environment"],
            &["HTTPS_PROXY is not the address of a proxy"],
        ),
        (
            "no authorities",
            "SSL_CERT_FILE",
            Some("/nowhere/authorities.pem"),
            &["environment"],
            &["SSL_CERT_FILE should lead to certificate authorities"],
        ),
        (
            "no credentials",
            "AWS_ACCESS_KEY_ID",
            None,
            &["credentials"],
            &["AWS_ACCESS_KEY_ID", "AWS_PROFILE"],
        ),
        (
            "wrong secret key",
            "AWS_SECRET_ACCESS_KEY",
            Some("wrong"),
            &["bucket"],
            &["AWS_SECRET_ACCESS_KEY"],
        ),
        (
            "misspelt bucket",
            "ATD_MDS_BUCKET",
            Some("mds-archvie"),
            &["bucket"],
            &["mds-archvie", "ATD_MDS_BUCKET"],
        ),
        (
            "no bucket",
            "ATD_MDS_BUCKET",
            None,
            &["bucket"],
            &["ATD_MDS_BUCKET"],
        ),
        (
            "S3 out of reach",
            "AWS_ENDPOINT_URL_S3",
            Some(&url),
            &["bucket"],
            &[&address],
        ),
        (
            "wrong Fernet key",
            "ATD_MDS_FERNET_KEY",
            Some(&other_key),
            &["fernet key"],
            &["settings_staging.json", "ATD_MDS_FERNET_KEY"],
        ),
        (
            "malformed Fernet key",
            "ATD_MDS_FERNET_KEY",
            Some("short"),
            &["fernet key"],
            &["ATD_MDS_FERNET_KEY"],
        ),
        (
            "unknown stage",
            "ATD_MDS_RUN_MODE",
            Some("TEST"),
            &["environment"],
            &["ATD_MDS_RUN_MODE", "PRODUCTION"],
        ),
    ];
    for (what, name, value, broken, words) in cases {
        let mut command = world.with_variable(name, value);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        Diagnosis::of(command).await.expect(what, broken, words);
    }
    let mut command = world.mds(&[]);
    command.env("ATD_MDS_STATE_MACHINE_ARN", "mds-etl");
    Diagnosis::of(command)
        .await
        .expect("ARN", &["state machine"], &["ATD_MDS_STATE_MACHINE_ARN"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_and_the_check_of_the_configuration_judge_alike() {
    let world = world().await;
    let name = "config/settings_staging.json";
    let settings = world.vault().await.get_bytes(name).await.unwrap();
    let settings = String::from_utf8(settings).unwrap();
    let stored = world.stack.bucket_folder().join(name);
    let twice = settings.replacen(
        '{',
        r#"{"SOCRATA_DATASETT": "x", "TIME_ZONE": "US/Eastern", "#,
        1,
    );
    let hidden = settings.replacen("sandbox-app-token", "<hidden>", 1);
    let no_load = settings.replacen("PUBLIC_ID_KEY", "$comment", 1);
    for (text, words) in [
        (
            twice,
            &["SOCRATA_DATASETT", "`TIME_ZONE` stands more than once"][..],
        ),
        (hidden, &["SOCRATA_APP_TOKEN is <hidden>"]),
        (no_load, &["PUBLIC_ID_KEY", "so no hour is loaded"]),
        ("{,}".to_owned(), &["it is not JSON: "]),
    ] {
        std::fs::write(&stored, text).unwrap();
        let check = World::output_of(world.mds(&["config", "check"])).await;
        let doctor = Diagnosis::of(world.mds(&[])).await;
        for word in words {
            assert!(stdout(&check).contains(word), "{word}: {}", stdout(&check));
            assert!(doctor.text.contains(word), "{word}: {}", doctor.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_settings_is_named() {
    let world = world().await;
    let found = world
        .with_settings(|it| {
            it.as_object_mut().unwrap().remove("DATABASE_URL");
        })
        .await;
    found.expect(
        "no DATABASE_URL",
        &["settings", "database"],
        &["DATABASE_URL", "mds config edit settings"],
    );
    let found = world
        .with_settings(|it| it["TIME_ZONE"] = json!("Texas"))
        .await;
    found.expect("zone", &["settings"], &["TIME_ZONE"]);
    let found = world.with_settings(|it| it["BOUNDARIES"] = json!([{"layer": "cell", "key": "boundaries/cell.json", "property": "name_of_cell"}])).await;
    found.expect("property", &["boundaries"], &["name_of_cell", "BOUNDARIES"]);
    let found = world
        .with_settings(|it| it["SOCRATA_KEY_SECRET"] = json!("secret-password"))
        .await;
    found.expect("portal login", &["portal"], &["SOCRATA_KEY_ID"]);
    let found = world
        .with_settings(|it| it["SOCRATA_DATASET"] = json!("none-9999"))
        .await;
    found.expect("dataset id", &["portal"], &["SOCRATA_DATASET"]);

    let address = closed_address().await;
    let url = format!("postgresql://user:secret-password@{address}/mds");
    let found = world
        .with_settings(|it| it["DATABASE_URL"] = json!(url))
        .await;
    found.expect(
        "database down",
        &["database"],
        &[&address, "start the server"],
    );

    std::fs::write(
        world.stack.bucket_folder().join("boundaries/cell.json"),
        "{\"type\": \"Feature",
    )
    .unwrap();
    Diagnosis::of(world.mds(&[])).await.expect(
        "boundaries",
        &["boundaries"],
        &["boundaries/cell.json", "mds config put"],
    );
    std::fs::remove_file(world.stack.bucket_folder().join("boundaries/cell.json")).unwrap();
    Diagnosis::of(world.mds(&[])).await.expect(
        "boundaries",
        &["boundaries"],
        &["boundaries/cell.json"],
    );
    std::fs::remove_file(
        world
            .stack
            .bucket_folder()
            .join("config/settings_staging.json"),
    )
    .unwrap();
    let found = Diagnosis::of(world.mds(&[])).await;
    found.expect(
        "no settings",
        &["settings"],
        &["config/settings_staging.json", "mds config put settings"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_provider_is_named() {
    let world = world().await;
    let found = world
        .with_providers(|it| it["bird"]["token"] = json!("wrong-token"))
        .await;
    found.expect("token", &["provider"], &["bird", "token"]);
    let address = closed_address().await;
    let found = world
        .with_providers(|it| it["lime"]["mds_api_url"] = json!(format!("http://{address}")))
        .await;
    found.expect("out of reach", &["provider"], &["lime", &address]);
    let found = world
        .with_providers(|it| it["lime"]["provider_id"] = json!("five"))
        .await;
    found.expect(
        "entry",
        &["providers"],
        &["lime.provider_id", "mds config edit providers"],
    );
    let found = world.with_providers(|it| *it = json!({})).await;
    assert_eq!(found.status, Some(0), "{}", found.text);
    assert!(
        found.text.contains("no hour is requested"),
        "{}",
        found.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_database_is_named() {
    let world = world().await;
    let role = format!("reader_{}", uuid::Uuid::new_v4().simple());
    let name = world.text("SELECT current_database()::text").await;
    let login = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret-password'; REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC;"
    );
    world.database.batch_execute(&login).await.unwrap();
    let owner = world.stack.database_url.clone();
    let mut url: Vec<&str> = owner.splitn(2, "://").collect();
    let server = url.pop().unwrap();
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    let without_rights = format!("postgresql://{role}:secret-password@{server}");
    let with_login = |it: &mut Value| {
        it["MIGRATION_DATABASE_URL"] = json!(owner);
        it["DATABASE_URL"] = json!(without_rights);
    };
    let found = world.with_settings(with_login).await;
    found.expect("rights", &["rights"], &["api", "infra/grants.sql"]);

    let wrong = format!("postgresql://{role}_of_nobody:secret-password@{server}");
    let found = world
        .with_settings(|it| it["DATABASE_URL"] = json!(wrong))
        .await;
    found.expect("login", &["database"], &["user, password"]);

    let read_only = format!("ALTER ROLE {role} SET default_transaction_read_only = on");
    world.database.batch_execute(&read_only).await.unwrap();
    let found = world
        .with_settings(|it| it["DATABASE_URL"] = json!(without_rights))
        .await;
    found.expect(
        "read-only",
        &["database"],
        &["default_transaction_read_only"],
    );

    world.database.batch_execute("DELETE FROM api.schema_history WHERE version = (SELECT max(version) FROM api.schema_history)").await.unwrap();
    Diagnosis::of(world.mds(&[]))
        .await
        .expect("migration", &["migrations"], &["mds migrate"]);
    world
        .database
        .batch_execute("DROP SCHEMA api CASCADE")
        .await
        .unwrap();
    let found = Diagnosis::of(world.mds(&[])).await;
    found.expect("no tables", &["migrations"], &["no tables", "mds migrate"]);
    world
        .database
        .batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
}

/// A trigger raises what the server reports when a table needs another page and gets none.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_be_read_but_takes_no_rows_is_broken() {
    let world = world().await;
    let full = "CREATE FUNCTION public.full_disk() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE EVENT TRIGGER full_disk ON ddl_command_start WHEN TAG IN ('CREATE TABLE')
            EXECUTE FUNCTION public.full_disk()";
    world.database.batch_execute(full).await.unwrap();
    Diagnosis::of(world.mds(&[])).await.expect(
        "full",
        &["trial rows"],
        &["disk is full", "enlarge the disk", "docs/RUNBOOK.md"],
    );
    let room = "DROP EVENT TRIGGER full_disk; DROP FUNCTION public.full_disk";
    world.database.batch_execute(room).await.unwrap();
    let tables = "SELECT count(*) FROM pg_class WHERE relkind = 'r'";
    let before = world.number(tables).await;
    let found = Diagnosis::of(world.mds(&[])).await;
    assert_eq!(found.status, Some(0), "{}", found.text);
    assert_eq!(world.number(tables).await, before);
}

/// A server that has trouble of its own says so when somebody connects.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_serve_is_named_by_its_own_words() {
    let world = world().await;
    let folder = "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database
                  WHERE datname = current_database()";
    let map = std::path::Path::new(&world.text(folder).await).join("pg_filenode.map");
    std::fs::remove_file(map).unwrap();
    Diagnosis::of(world.mds(&[])).await.expect(
        "files are gone",
        &["database"],
        &["pg_filenode.map", "the server's log and disk"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_without_identifier_or_column_is_named() {
    let mut without_identifier = options(&["bird"]);
    without_identifier.portal.has_row_identifier = false;
    let world = world_of(without_identifier).await;
    Diagnosis::of(world.mds(&[])).await.expect(
        "identifier",
        &["dataset"],
        &["row identifier", "trip_id"],
    );

    let mut without_column = options(&["bird"]);
    without_column
        .portal
        .columns
        .retain(|column| column.name != "day_of_week");
    let world = world_of(without_column).await;
    Diagnosis::of(world.mds(&[])).await.expect(
        "column",
        &["dataset"],
        &["day_of_week", "docs/SETUP.md"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_no_audit_can_sum_up_and_another_stage_in_the_tables_are_warnings() {
    let mut with_texts = options(&["bird"]);
    for column in &mut with_texts.portal.columns {
        if ["trip_duration", "end_time", "month"].contains(&column.name.as_str()) {
            column.data_type = "text".to_owned();
        }
    }
    let world = world_of(with_texts).await;
    let warning = |found: &Diagnosis, check: &str| {
        let warnings = found.checks.iter().filter(|it| it["outcome"] == "warning");
        let found: Vec<_> = warnings
            .filter(|it| it["check"] == check)
            .cloned()
            .collect();
        format!("{found:?}")
    };
    let found = Diagnosis::of(world.mds(&[])).await;
    assert_eq!(found.status, Some(0), "{}", found.text);
    let dataset = warning(&found, "dataset");
    assert!(
        dataset.contains("texts: trip_duration, end_time\""),
        "{dataset}"
    );
    assert_eq!(warning(&found, "migrations"), "[]");

    let run = "INSERT INTO api.runs (run_id, stage, request) VALUES (gen_random_uuid(), 'production', '{}')";
    world.database.batch_execute(run).await.unwrap();
    let migrations = warning(&Diagnosis::of(world.mds(&[])).await, "migrations");
    assert!(
        migrations.contains("stage production") && migrations.contains("database of its own"),
        "{migrations}"
    );
}

/// A server that gives every request the same answer.
async fn always(status: u16) -> wiremock::MockServer {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(status))
        .mount(&server)
        .await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_looked_at_by_the_login_of_a_run_too() {
    let world = world().await;
    let closed = closed_address().await;
    let closed = format!("postgresql://user:secret-password@{closed}/mds");
    let with_login = |it: &mut Value| it["MIGRATION_DATABASE_URL"] = json!(closed);
    let found = world.with_settings(with_login).await;
    assert_eq!(found.broken(), Vec::<&str>::new(), "{}", found.text);
    let mut checks = found.checks.iter();
    let said = checks.find(|it| it["check"] == "migrations").unwrap();
    assert_eq!(said["outcome"], "warning", "{said}");
    let said = said.to_string();
    assert!(
        said.contains("`mds migrate` fails") && said.contains("MIGRATION_DATABASE_URL"),
        "{said}"
    );
    world
        .database
        .batch_execute("DROP SCHEMA api CASCADE")
        .await
        .unwrap();
    let found = world.with_settings(with_login).await;
    found.expect("no tables", &["migrations"], &["mds migrate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_or_a_provider_that_cannot_serve_is_broken() {
    let world = world().await;
    let away = always(503).await;
    let found = world
        .with_settings(|it| it["SOCRATA_DATA_ENDPOINT"] = json!(away.uri()))
        .await;
    found.expect("status 503", &["portal"], &["503", "the portal's support"]);
    let found = world
        .with_providers(|it| it["bird"]["mds_api_url"] = json!(away.uri()))
        .await;
    found.expect("status 503", &["provider"], &["503", "ask the provider"]);
}

/// Whichever version is asked for: a login that nobody has looked at is not accepted.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_where_nothing_is_found_looks_like_no_login_that_works() {
    let world = world().await;
    for status in [404, 410] {
        let empty = always(status).await;
        for version in ["0.2", "1.2", "2.0"] {
            let found = world
                .with_providers(|it| {
                    it["bird"]["mds_api_url"] = json!(empty.uri());
                    it["bird"]["version"] = json!(version);
                })
                .await;
            found.expect(
                version,
                &["provider"],
                &["the login could not be tested", "mds_api_url of bird"],
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_late_has_a_login_that_works() {
    use wiremock::matchers::{any, query_param_contains};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    let world = world().await;
    let late = MockServer::start().await;
    let old = chrono::Utc::now() - chrono::TimeDelta::days(8);
    let mut days =
        [old, old - chrono::TimeDelta::days(1)].map(|it| it.format("%Y-%m-%d").to_string());
    days.sort();
    for day in &days {
        Mock::given(query_param_contains("end_time", day.as_str()))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "version": "1.2.0",
                "data": {"trips": []},
            })))
            .mount(&late)
            .await;
    }
    Mock::given(any())
        .respond_with(ResponseTemplate::new(404))
        .with_priority(9)
        .mount(&late)
        .await;
    let found = world
        .with_providers(|it| it["bird"]["mds_api_url"] = json!(late.uri()))
        .await;
    assert_eq!(found.status, Some(0), "{}", found.text);
    assert!(
        found.text.contains("it accepts the login, but has no hour"),
        "{}",
        found.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_named_although_nothing_can_be_signed() {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    let world = world().await;
    let server = MockServer::start().await;
    let past = chrono::Utc::now() - chrono::TimeDelta::hours(1);
    let refusal = "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>";
    let answer = ResponseTemplate::new(403)
        .insert_header("date", past.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .set_body_raw(refusal, "application/xml");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let uri = server.uri();
    let found = Diagnosis::of(world.with_variable("AWS_ENDPOINT_URL_S3", Some(&uri))).await;
    found.expect(
        "clock",
        &["clock", "bucket"],
        &["s ahead of that of S3", "clock"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_looked_at_in_the_tables_is_not_ok() {
    let world = world().await;
    for (broken, what) in [
        (
            "ALTER TABLE api.runs RENAME COLUMN stage TO phase",
            "the stages of the runs could not be checked",
        ),
        (
            "ALTER TABLE api.devices RENAME COLUMN device_id TO other_id",
            "the public ids could not be checked",
        ),
    ] {
        world.database.batch_execute(broken).await.unwrap();
        let found = Diagnosis::of(world.mds(&[])).await;
        let migrations = found.checks.iter().find(|it| it["check"] == "migrations");
        let migrations = migrations.unwrap();
        assert_eq!(migrations["outcome"], "warning", "{migrations}");
        assert!(
            migrations["finding"].as_str().unwrap().contains(what),
            "{migrations}"
        );
    }
}
