//! How the database is reached: by a secret, by own authorities, and by a role that owns nothing.

use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{ONE_HOUR, World, stderr, stdout, with, world};

const GRANTS: &str = include_str!("../../../infra/grants.sql");

/// A role of this test alone, since roles belong to the whole server.
async fn create_role(world: &World, password: &str) -> String {
    let role = format!("runtime_{}", uuid::Uuid::new_v4().simple());
    world
        .database
        .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
        .await
        .unwrap();
    role
}

async fn grant(world: &World, role: &str) {
    world
        .database
        .batch_execute(&GRANTS.replace("mds_runtime", role))
        .await
        .unwrap();
}

/// `postgresql://host:port/database`, without a login.
fn address(world: &World) -> String {
    let (_, server) = world.stack.database_url.split_once('@').unwrap();
    format!("postgresql://{server}")
}

fn url_of(world: &World, role: &str, password: &str) -> String {
    address(world).replacen("//", &format!("//{role}:{password}@"), 1)
}

fn secret(id: &str, status: u16, body: Value) -> Mock {
    Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
        .and(body_partial_json(json!({"SecretId": id})))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
}

/// Secrets Manager, with one secret.
struct Secrets(MockServer);

impl Secrets {
    async fn start(world: &mut World) -> Self {
        let server = MockServer::start().await;
        world
            .stack
            .env
            .insert("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), server.uri());
        Self(server)
    }

    /// Replaces the secret.
    async fn hold(&self, id: &str, status: u16, body: Value) {
        self.0.reset().await;
        secret(id, status, body).mount(&self.0).await;
    }

    async fn hold_login(&self, id: &str, content: Value) {
        self.hold(id, 200, json!({"SecretString": content.to_string()}))
            .await;
    }

    /// Holds one login for the first read, and another one from then on.
    async fn hold_logins(&self, id: &str, first: Value, then: Value) {
        self.0.reset().await;
        secret(id, 200, json!({"SecretString": first.to_string()}))
            .up_to_n_times(1)
            .mount(&self.0)
            .await;
        secret(id, 200, json!({"SecretString": then.to_string()}))
            .mount(&self.0)
            .await;
    }

    async fn reads(&self) -> usize {
        self.0.received_requests().await.unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_the_rights_of_the_file_does_everything_but_migrate() {
    let world = world().await;
    let role = create_role(&world, "secret").await;
    grant(&world, &role).await;
    // A second time changes nothing.
    grant(&world, &role).await;
    let owner = world.stack.database_url.clone();
    let url = url_of(&world, &role, "secret");
    world
        .edit_settings(|settings| {
            settings["DATABASE_URL"] = json!(url);
            settings["MIGRATION_DATABASE_URL"] = json!(owner);
        })
        .await;
    world.expect(0, &ONE_HOUR).await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    world.expect_whole(&["bird"], &["12"]).await;
    for command in [
        &["audit", "--month", "2020-01", "--repair"][..],
        &["report", "privacy"],
        &["report", "trips", "--month", "2020-01"],
        &["migrate"],
    ] {
        world.expect(0, command).await;
    }

    // It can be read, and years of hours are missing.
    world.expect(1, &["status", "--since", "2020-01-15"]).await;

    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    for forbidden in [
        "CREATE TABLE api.other (n int)",
        "ALTER TABLE api.trips ADD COLUMN other int",
        "DROP TABLE api.trips",
        "TRUNCATE api.trips",
        "DELETE FROM api.trips",
        "DELETE FROM api.schedule",
        "DELETE FROM api.devices",
        "DELETE FROM api.publications",
        "UPDATE api.schedule_status SET description = ''",
        "UPDATE api.schema_history SET name = ''",
        "CREATE SCHEMA other",
    ] {
        let error = client.batch_execute(forbidden).await.unwrap_err();
        let state = error.code().map(|state| state.code().to_owned());
        assert_eq!(state.as_deref(), Some("42501"), "{forbidden}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_only_read_gets_results_and_is_told_which_right_it_lacks() {
    let world = world().await;
    world.expect(0, &ONE_HOUR).await;
    let role = create_role(&world, "secret").await;
    let grants = format!(
        "GRANT USAGE ON SCHEMA api TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA api TO {role}"
    );
    world.database.batch_execute(&grants).await.unwrap();
    let url = url_of(&world, &role, "secret");
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = json!(url))
        .await;

    let output = world.expect(0, &["audit", "--month", "2020-01"]).await;
    assert!(
        stdout(&output).contains("no differences"),
        "{}",
        stdout(&output)
    );
    let note = stderr(&output);
    assert!(
        note.contains("not recorded") && note.contains("permission denied for table"),
        "{note}"
    );
    let output = world
        .expect(0, &["audit", "--month", "2020-01", "--json"])
        .await;
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["missing"], 0);
    world
        .expect(0, &["report", "trips", "--month", "2020-01"])
        .await;

    // Nothing is missing, so that nothing has to be allowed.
    let output = world.expect(0, &["migrate"]).await;
    assert!(
        stderr(&output).contains("nothing to do"),
        "{}",
        stderr(&output)
    );

    let forced = with(&ONE_HOUR, &["--force"]);
    let range = [
        "--provider",
        "bird",
        "--time-min",
        "2020-01-15-12",
        "--time-max",
        "2020-01-15-13",
    ];
    let forget = with(&["schedule", "forget"], &range);
    let owner = ["MIGRATION_DATABASE_URL", "owner"];
    for (command, way_out) in [
        (&forced, ["infra/grants.sql", "mds doctor"]),
        (&forget, owner),
    ] {
        let said = stderr(&world.expect(2, command).await);
        for words in ["permission denied for table ", way_out[0], way_out[1]] {
            assert!(said.contains(words), "{command:?}: {said}");
        }
    }

    let newest = "DELETE FROM api.schema_history WHERE version = (SELECT max(version) FROM api.schema_history)";
    world.database.batch_execute(newest).await.unwrap();
    let said = stderr(&world.expect(2, &["migrate"]).await);
    for words in ["permission denied for schema api", "MIGRATION_DATABASE_URL"] {
        assert!(said.contains(words), "{said}");
    }
}

/// A trigger may put a row into its error.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_that_a_trigger_tells_of_shows_no_row() {
    let world = world().await;
    world
        .database
        .batch_execute(
            "CREATE FUNCTION api.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'permission denied for canary' USING ERRCODE = '42501'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON api.trips FOR EACH ROW EXECUTE FUNCTION api.refuse()",
        )
        .await
        .unwrap();
    let output = world.expect(1, &ONE_HOUR).await;
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("permission denied"), "{said}");
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_for_migrations_is_used_by_the_migration_alone() {
    let world = world().await;
    let role = create_role(&world, "secret").await;
    let url = url_of(&world, &role, "secret");
    world
        .edit_settings(|settings| settings["MIGRATION_DATABASE_URL"] = json!(url))
        .await;
    let output = world.expect(2, &["migrate"]).await;
    let said = stderr(&output);
    assert!(said.contains("MIGRATION_DATABASE_URL"), "{said}");
    world.expect(0, &ONE_HOUR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_for_migrations_is_named_by_its_own_setting() {
    let world = world().await;
    let url = url_of(&world, "nobody_has_this_name", "secret");
    world
        .edit_settings(|settings| settings["MIGRATION_DATABASE_URL"] = json!(url))
        .await;
    for command in [&["migrate"][..], &["migrate", "--dry-run"]] {
        let output = world.expect(2, command).await;
        let said = stdout(&output) + &stderr(&output);
        assert!(
            said.contains("TLS in MIGRATION_DATABASE_URL or MIGRATION_DATABASE_SECRET"),
            "{said}"
        );
        assert!(!said.contains("TLS in DATABASE_URL"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_comes_from_a_secret_that_is_read_again_after_a_rotation() {
    let mut world = world().await;
    let secrets = Secrets::start(&mut world).await;
    let role = create_role(&world, "first").await;
    grant(&world, &role).await;
    let address = address(&world);
    world
        .edit_settings(|settings| {
            // As RDS manages it: the secret has the login alone.
            settings["DATABASE_URL"] = json!(address);
            settings["DATABASE_SECRET"] = json!("rds!db-1");
        })
        .await;
    let login = |password: &str| json!({"username": role, "password": password});
    secrets.hold_login("rds!db-1", login("first")).await;
    world.expect(0, &ONE_HOUR).await;
    assert_eq!(secrets.reads().await, 1);

    // A rotation between the read and the login.
    secrets
        .hold_logins("rds!db-1", login("former"), login("first"))
        .await;
    world.expect(0, &with(&ONE_HOUR, &["--force"])).await;
    assert_eq!(secrets.reads().await, 2);

    // A secret of RDS that has everything.
    let (host, database) = address["postgresql://".len()..].split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    let whole = json!({
        "engine": "postgres", "host": host, "port": port.parse::<u16>().unwrap(), "dbname": database,
        "username": role, "password": "first",
    });
    secrets.hold_login("rds!db-1", whole).await;
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = Value::Null)
        .await;
    world.expect(0, &ONE_HOUR).await;
    // Without a name, it would be the database that has the login's.
    let nameless = json!({"host": host, "port": port, "username": role, "password": "first"});
    secrets.hold_login("rds!db-1", nameless).await;
    let output = world.expect(2, &ONE_HOUR).await;
    assert!(stderr(&output).contains("DATABASE_SECRET names a secret without the member dbname"));
    world
        .edit_settings(|settings| {
            settings["DATABASE_URL"] = json!(format!("postgres://{host}:{port}"));
        })
        .await;
    let output = world.expect(2, &ONE_HOUR).await;
    assert!(stderr(&output).contains("dbname"), "{}", stderr(&output));
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = json!(address))
        .await;
    world.expect(0, &ONE_HOUR).await;
    // The password of a URL gives way to the secret, and its presence is told.
    let url = url_of(&world, "nobody", "canary");
    world
        .edit_settings(|settings| settings["DATABASE_URL"] = json!(url))
        .await;
    let output = world.expect(0, &ONE_HOUR).await;
    let text = stderr(&output);
    assert!(
        text.contains("is not used") && !text.contains("canary"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_holds_no_login_is_told_by_what_is_wrong() {
    let mut world = world().await;
    let secrets = Secrets::start(&mut world).await;
    let address = address(&world);
    world
        .edit_settings(|settings| {
            settings["DATABASE_URL"] = json!(address);
            settings["DATABASE_SECRET"] = json!("mds/database");
        })
        .await;
    let string = |text: &str| json!({"SecretString": text});
    for (status, body, word) in [
        (200, string("canary"), "JSON"),
        (200, string(r#"{"username": "canary"}"#), "password"),
        (
            200,
            string(r#"{"username": "canary-role", "password": "canary"}"#),
            "DATABASE_SECRET",
        ),
        (200, json!({"SecretBinary": "Y2FuYXJ5"}), "binary"),
        (
            400,
            json!({"__type": "ResourceNotFoundException", "message": "no such secret"}),
            "ResourceNotFoundException",
        ),
        (
            400,
            json!({"__type": "AccessDeniedException", "message": "not authorized"}),
            "AccessDeniedException",
        ),
    ] {
        secrets.hold("mds/database", status, body).await;
        let output = world.expect(2, &ONE_HOUR).await;
        let text = stderr(&output);
        assert!(
            text.contains("DATABASE_SECRET") && text.contains(word),
            "{word}: {text}"
        );
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_authorities_that_cannot_be_used_are_told_by_what_is_wrong() {
    let world = world().await;
    for (value, word) in [
        (
            "-----BEGIN CERTIFICATE-----\ncanary!\n-----END CERTIFICATE-----\n",
            "certificate 1",
        ),
        ("config/no-such.pem", "config/no-such.pem"),
        ("config/empty.pem", "no certificate"),
        ("two\nlines", "PEM"),
    ] {
        world
            .vault()
            .await
            .put_bytes("config/empty.pem", b"nothing", vault::Seal::Encrypt)
            .await
            .unwrap();
        world
            .edit_settings(|settings| settings["DATABASE_CA"] = json!(value))
            .await;
        let output = world.expect(2, &ONE_HOUR).await;
        let text = stderr(&output);
        assert!(
            text.contains("DATABASE_CA") && text.contains(word),
            "{word}: {text}"
        );
        assert!(!text.contains("canary"), "{text}");
    }
}
