//! The whole configuration, from a bucket and Secrets Manager on loopback.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use config::{ConfigError, Environment, Scope, load, load_boundaries, load_for, open_vault};
use sandbox_s3::S3;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;
use trips::trip::Point;
use vault::{Compression, FernetKeys, Seal, StoredAs, Unreadable, VaultError};

const SETTINGS: &str = "config/settings_staging.json";
const PROVIDERS: &str = "config/providers_staging.json";

struct World {
    variables: BTreeMap<&'static str, String>,
    server: S3,
    _folder: TempDir,
}

impl World {
    async fn start(key: &SecretString) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = S3::start(folder.path()).await.unwrap();
        server.create_bucket("archive").unwrap();
        let variables = BTreeMap::from([
            ("ATD_MDS_BUCKET", "archive".to_owned()),
            ("ATD_MDS_FERNET_KEY", key.expose_secret().to_owned()),
            ("AWS_ENDPOINT_URL_S3", server.endpoint_url()),
            ("AWS_ACCESS_KEY_ID", server.access_key().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", server.secret_key().to_owned()),
        ]);
        Self {
            variables,
            server,
            _folder: folder,
        }
    }

    fn env(&self) -> Environment {
        Environment::from_lookup(|name| self.variables.get(name).cloned()).unwrap()
    }

    async fn put(&self, key: &str, value: &Value, seal: Seal) {
        let vault = open_vault(&self.env()).await.unwrap();
        vault
            .with_compression(Compression::None)
            .put_json(key, value, seal)
            .await
            .unwrap();
    }

    async fn with_files(key: &SecretString) -> Self {
        let world = Self::start(key).await;
        world.put(SETTINGS, &settings(), Seal::Encrypt).await;
        world.put(PROVIDERS, &providers(), Seal::Encrypt).await;
        world
    }
}

fn settings() -> Value {
    json!({
        "DATABASE_URL": "postgres://canary:canary@db.example.org/canary",
        "SOCRATA_DATA_ENDPOINT": "data.example.gov",
        "SOCRATA_DATASET": "abcd-1234",
        "SOCRATA_APP_TOKEN": "canary",
        "SOCRATA_KEY_ID": "canary",
        "SOCRATA_KEY_SECRET": "canary",
        "PUBLIC_ID_KEY": "canary-canary-canary",
        "BOUNDARIES": [
            {"layer": "council_district", "key": "boundaries/districts.json", "property": "n"},
        ],
        "ARCHIVE_COMPRESSION": "none",
    })
}

fn providers() -> Value {
    json!({"bird": {
        "mds_api_url": "https://mds.example.com/trips?key=canary",
        "provider_id": "2411d395-04f2-47c9-ab66-d09e9e3c3251",
        "auth_type": "OAuth",
        "token": "canary",
        "token_url": "https://mds.example.com/token?key=canary",
        "auth_data": {"client_secret": "canary"},
        "headers": {"x-key": "canary"},
        "request.auth.headers": {"x-key": "canary"},
    }})
}

#[tokio::test]
async fn a_configuration_loads_and_prints_no_secret() {
    let key = FernetKeys::generate();
    let world = World::with_files(&key).await;
    let config = load(world.env()).await.unwrap();
    assert_eq!(config.providers.iter().len(), 1);
    assert_eq!(config.env.settings_key, SETTINGS);
    config.settings.check().unwrap();
    let printed = format!("{config:?}");
    assert!(
        !printed.contains("canary") && !printed.contains(key.expose_secret()),
        "{printed}"
    );

    config
        .vault
        .put_json("a", &json!({}), Seal::Encrypt)
        .await
        .unwrap();
    let reader = config.vault.open("a").await.unwrap();
    let expected = StoredAs::Sealed {
        key_index: 0,
        compressed: false,
    };
    assert_eq!(
        reader.info().stored_as,
        expected,
        "the settings turn compression off"
    );
}

#[tokio::test]
async fn plain_files_load_too() {
    let world = World::start(&FernetKeys::generate()).await;
    world.put(SETTINGS, &settings(), Seal::Plain).await;
    world.put(PROVIDERS, &providers(), Seal::Plain).await;
    load(world.env()).await.unwrap();
}

#[tokio::test]
async fn plain_files_are_refused_in_production_unless_they_are_allowed() {
    let mut world = World::start(&FernetKeys::generate()).await;
    let settings_key = "config/settings_production.json";
    world
        .variables
        .insert("ATD_MDS_RUN_MODE", "PRODUCTION".to_owned());
    world
        .put(
            "config/providers_production.json",
            &providers(),
            Seal::Encrypt,
        )
        .await;
    world.put(settings_key, &settings(), Seal::Plain).await;
    let message = load(world.env()).await.unwrap_err().to_string();
    assert!(
        message.starts_with("ATD_MDS_SETTINGS ")
            && message.contains(settings_key)
            && message.contains("ATD_MDS_PLAIN_CONFIG=allow"),
        "{message}"
    );
    assert!(!message.contains("canary"));
    world
        .variables
        .insert("ATD_MDS_PLAIN_CONFIG", "allow".to_owned());
    load(world.env()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_by_its_variable_and_key() {
    let world = World::start(&FernetKeys::generate()).await;
    world.put(SETTINGS, &settings(), Seal::Encrypt).await;
    let error = load(world.env()).await.unwrap_err();
    assert!(
        matches!(
            &error,
            ConfigError::Object {
                source: VaultError::NotFound { .. },
                ..
            }
        ),
        "{error}"
    );
    let message = error.to_string();
    assert!(
        message.contains("ATD_MDS_PROVIDERS") && message.contains(PROVIDERS),
        "{message}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_wrong_key_is_named() {
    let mut world = World::with_files(&FernetKeys::generate()).await;
    let other = FernetKeys::generate();
    world
        .variables
        .insert("ATD_MDS_FERNET_KEY", other.expose_secret().to_owned());
    let error = load(world.env()).await.unwrap_err();
    assert!(
        matches!(
            &error,
            ConfigError::Object {
                source: VaultError::Unreadable { why, .. },
                ..
            } if *why == Unreadable::NoKeyFits { keys: 1 }
        ),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains(other.expose_secret()));
}

#[tokio::test]
async fn a_bucket_out_of_reach_may_come_back() {
    let mut world = World::start(&FernetKeys::generate()).await;
    world
        .variables
        .insert("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1".to_owned());
    let error = load(world.env()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

fn districts() -> Value {
    json!({"type": "FeatureCollection", "features": [{
        "type": "Feature",
        "properties": {"n": 9},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]],
        },
    }]})
}

#[tokio::test]
async fn boundaries_come_from_the_bucket() {
    let world = World::with_files(&FernetKeys::generate()).await;
    let config = load(world.env()).await.unwrap();
    let missing = load_boundaries(&config.vault, &config.settings)
        .await
        .unwrap_err();
    let message = missing.to_string();
    assert!(message.contains("BOUNDARIES") && message.contains("boundaries/districts.json"));

    for seal in [Seal::Plain, Seal::Encrypt] {
        world
            .put("boundaries/districts.json", &districts(), seal)
            .await;
        let boundaries = load_boundaries(&config.vault, &config.settings)
            .await
            .unwrap();
        let labels = boundaries.labels(Point { lat: 0.5, lng: 0.5 });
        assert_eq!(labels.council_district, Some("9"));
        assert_eq!(labels.census_geoid, None);
    }

    world
        .put("boundaries/districts.json", &json!({"a": 1}), Seal::Plain)
        .await;
    let error = load_boundaries(&config.vault, &config.settings)
        .await
        .unwrap_err();
    assert!(matches!(error, ConfigError::Boundary { .. }), "{error}");
    assert!(error.to_string().starts_with("BOUNDARIES"), "{error}");
}

/// A Secrets Manager that always sends the same response, and counts the requests.
async fn secrets_manager(status: StatusCode, response: String) -> (String, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let handler = move |headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
        let request: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(request["SecretId"], "mds/fernet");
        counter.fetch_add(1, Ordering::SeqCst);
        (
            status,
            [("content-type", "application/x-amz-json-1.1")],
            response,
        )
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/", post(handler));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (endpoint, requests)
}

fn use_secrets_manager(world: &mut World, endpoint: String) {
    world.variables.remove("ATD_MDS_FERNET_KEY");
    world
        .variables
        .insert("ATD_MDS_FERNET_KEY_SECRET", "mds/fernet".to_owned());
    world
        .variables
        .insert("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint);
}

#[tokio::test]
async fn the_keys_may_be_kept_in_secrets_manager() {
    let key = FernetKeys::generate();
    let mut world = World::with_files(&key).await;
    let response = json!({"Name": "mds/fernet", "SecretString": key.expose_secret()});
    let (endpoint, requests) = secrets_manager(StatusCode::OK, response.to_string()).await;
    use_secrets_manager(&mut world, endpoint);
    let config = load(world.env()).await.unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    assert!(!format!("{config:?}").contains(key.expose_secret()));
}

#[tokio::test]
async fn keys_that_were_replaced_since_the_start_are_read_again() {
    let (old, new) = (FernetKeys::generate(), FernetKeys::generate());
    let mut world = World::start(&new).await;
    world.put("a", &json!({"b": 1}), Seal::Encrypt).await;
    let answer = |keys: &str| json!({"SecretString": keys}).to_string();
    let answers = Arc::new(std::sync::Mutex::new(answer(old.expose_secret())));
    let current = Arc::clone(&answers);
    let handler = move || async move {
        let body = current.lock().unwrap().clone();
        ([("content-type", "application/x-amz-json-1.1")], body)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/", post(handler));
    tokio::spawn(async move { axum::serve(listener, app).await });
    use_secrets_manager(&mut world, endpoint);
    let vault = open_vault(&world.env()).await.unwrap();

    let both = format!("{},{}", new.expose_secret(), old.expose_secret());
    *answers.lock().unwrap() = answer(&both);
    assert_eq!(vault.get_json::<Value>("a").await.unwrap(), json!({"b": 1}));
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_told_apart_from_one_that_is_no_key() {
    let mut world = World::start(&FernetKeys::generate()).await;
    let cases = [
        (
            StatusCode::OK,
            json!({"SecretString": "canary"}),
            false,
            "not a list of keys",
        ),
        (
            StatusCode::OK,
            json!({"SecretBinary": "Y2FuYXJ5"}),
            false,
            "binary",
        ),
        (
            StatusCode::BAD_REQUEST,
            json!({"__type": "ResourceNotFoundException", "message": "no such secret"}),
            false,
            "ResourceNotFoundException",
        ),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            json!({"__type": "InternalServiceError", "message": "later"}),
            true,
            "InternalServiceError",
        ),
    ];
    for (status, response, transient, expected) in cases {
        let (endpoint, _) = secrets_manager(status, response.to_string()).await;
        use_secrets_manager(&mut world, endpoint);
        let error = open_vault(&world.env()).await.unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("ATD_MDS_FERNET_KEY_SECRET") && message.contains(expected),
            "{message}"
        );
        assert_eq!(error.is_transient(), transient, "{message}");
        assert!(!format!("{message} {error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_does_not_print_itself() {
    let mut world = World::start(&FernetKeys::generate()).await;
    let response = "{\"SecretString\": \"canary".to_owned();
    let (endpoint, _) = secrets_manager(StatusCode::OK, response).await;
    use_secrets_manager(&mut world, endpoint);
    let error = open_vault(&world.env()).await.unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("canary"),
        "{error:?}"
    );
}

/// What the printed settings say that they hold: keys, never values.
fn keys(config: &config::Config) -> String {
    format!("{:?}", config.settings)
}

#[tokio::test]
async fn each_step_keeps_the_secrets_that_it_needs_and_no_others() {
    let world = World::with_files(&FernetKeys::generate()).await;
    let cases = [
        (Scope::All, true, true, true),
        (Scope::Plan, false, false, false),
        (Scope::Audit, true, false, false),
        (Scope::Extract, false, false, true),
        (Scope::SyncDb, false, true, false),
        (Scope::SyncSocrata, true, false, false),
        (Scope::Migrate, false, false, false),
    ];
    for (scope, has_portal, has_id_key, has_tokens) in cases {
        let config = load_for(world.env(), scope, None).await.unwrap();
        let kept = keys(&config);
        assert!(kept.contains("DATABASE_URL"), "{scope:?}: {kept}");
        for key in ["SOCRATA_KEY_SECRET", "SOCRATA_APP_TOKEN", "SOCRATA_KEY_ID"] {
            assert_eq!(kept.contains(key), has_portal, "{scope:?}: {kept}");
        }
        assert_eq!(config.settings.socrata().is_ok(), has_portal, "{scope:?}");
        assert_eq!(kept.contains("PUBLIC_ID_KEY"), has_id_key, "{scope:?}");
        assert!(config.settings.check_load().is_ok(), "{scope:?}");
        assert!(config.settings.check_publish().is_ok(), "{scope:?}");
        let bird = config.providers.iter().next();
        assert_eq!(bird.is_some(), scope.has_providers());
        if let Some((_, bird)) = bird {
            let has = [
                bird.token.is_some(),
                bird.token_url.is_some(),
                !bird.auth_data.is_empty(),
                !bird.headers.is_empty(),
                !bird.auth_headers.is_empty(),
                bird.mds_api_url.query().is_some(),
            ];
            assert_eq!(has, [has_tokens; 6], "{scope:?}");
        }
    }
}

#[tokio::test]
async fn the_secret_of_the_public_ids_is_kept_for_the_portal_if_ids_change() {
    let world = World::with_files(&FernetKeys::generate()).await;
    let mut settings = settings();
    settings["PUBLIC_DEVICE_ID_PERIOD"] = json!("week");
    world.put(SETTINGS, &settings, Seal::Encrypt).await;
    for scope in [Scope::Audit, Scope::SyncSocrata] {
        let config = load_for(world.env(), scope, None).await.unwrap();
        assert!(config.settings.public_form().is_ok(), "{scope:?}");
    }
}

#[tokio::test]
async fn a_missing_providers_file_stops_only_who_reads_it() {
    let world = World::start(&FernetKeys::generate()).await;
    world.put(SETTINGS, &settings(), Seal::Encrypt).await;
    for scope in [Scope::SyncSocrata, Scope::Migrate] {
        let config = load_for(world.env(), scope, None).await.unwrap();
        assert_eq!(config.version.providers, None);
    }
    let error = load_for(world.env(), Scope::SyncDb, None).await;
    assert!(error.unwrap_err().to_string().contains("ATD_MDS_PROVIDERS"));
}

#[tokio::test]
async fn a_version_that_was_replaced_is_read_if_the_bucket_keeps_it() {
    for is_kept in [true, false] {
        let world = World::start(&FernetKeys::generate()).await;
        if is_kept {
            world.server.keep_versions("archive").unwrap();
        }
        world.put(SETTINGS, &settings(), Seal::Encrypt).await;
        world.put(PROVIDERS, &providers(), Seal::Encrypt).await;
        let first = load(world.env()).await.unwrap().version;
        let mut other = settings();
        other["TIME_ZONE"] = json!("UTC");
        world.put(SETTINGS, &other, Seal::Encrypt).await;

        let now = load(world.env()).await.unwrap();
        assert!(!now.version.has_same_files(&first));
        assert_eq!(now.settings.time_zone.name(), "UTC");
        let again = load_for(world.env(), Scope::All, Some(&first)).await;
        if is_kept {
            let again = again.unwrap();
            assert_eq!(again.settings.time_zone.name(), "US/Central");
            assert_eq!(again.version, first);
        } else {
            let error = again.unwrap_err();
            assert!(!error.is_transient());
            assert_eq!(
                error.to_string(),
                "ATD_MDS_SETTINGS: the configuration changed after the run was planned; start the run again"
            );
        }
    }
}
