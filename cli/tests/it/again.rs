//! A sandbox starts again on its folder, whatever was put into its configuration.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use config::Environment;
use local_stack::{LocalStack, StackError, StackOptions};
use sandbox_provider::ProviderOptions;
use serde_json::{Value, json};
use tempfile::TempDir;
use vault::{FernetKeys, Seal};

const SETTINGS: &str = "config/settings_staging.json";
const PROVIDERS: &str = "config/providers_staging.json";

struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let folder = TempDir::with_prefix("mds-again-").unwrap();
        // Postgres may run as another user, who must be able to enter the folder.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.folder.path().join("sandbox").join(file)
    }

    async fn try_start(&self) -> Result<LocalStack, StackError> {
        let bird = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
        LocalStack::start(StackOptions {
            folder: Some(self.path("")),
            ..StackOptions::with_providers(bird)
        })
        .await
    }

    async fn start(&self) -> LocalStack {
        self.try_start().await.unwrap()
    }

    /// What a start that fails tells a person.
    async fn refusal(&self) -> String {
        let Err(error) = self.try_start().await else {
            panic!("it started");
        };
        format!("{:#}", anyhow::Error::from(error))
    }
}

fn environment(stack: &LocalStack) -> Environment {
    stack.environment().unwrap()
}

async fn file(stack: &LocalStack, key: &str) -> Value {
    let vault = config::open_vault(&environment(stack)).await.unwrap();
    vault.get_json(key).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_starts_again_keeps_what_was_put_into_it() {
    let sandbox = Sandbox::new();
    let first = sandbox.start().await;
    let former = json!({"mds_api_url": first.providers["bird"].base_url()});
    let database = format!("{}?application_name=me", first.database_url);
    let portal = format!("{}/", first.portal.url());
    let bird = format!("{}/", first.providers["bird"].base_url());
    for (key, value) in [
        ("SOCRATA_CHUNK_ROWS", json!(7)),
        ("DATABASE_URL", json!(database)),
        ("SOCRATA_DATA_ENDPOINT", json!(portal)),
    ] {
        first.put_setting(key, value).await.unwrap();
    }
    for (key, value) in [("lag_hours", json!(3)), ("mds_api_url", json!(bird))] {
        first.put_provider("bird", key, value).await.unwrap();
    }
    drop(first);

    let second = sandbox.start().await;
    let settings = file(&second, SETTINGS).await;
    assert_eq!(settings["SOCRATA_CHUNK_ROWS"], 7);
    assert_eq!(settings["DATABASE_URL"], second.database_url);
    let portal = format!("{}/", second.portal.url());
    assert_eq!(settings["SOCRATA_DATA_ENDPOINT"], portal);
    let mut providers = file(&second, PROVIDERS).await;
    assert_eq!(providers["bird"]["lag_hours"], 3);
    let bird = format!("{}/", second.providers["bird"].base_url());
    assert_eq!(providers["bird"]["mds_api_url"], bird);

    // A version of the history, and an address of somebody else.
    providers["bird"]["mds_api_url"] = former["mds_api_url"].clone();
    providers["more"] = providers["bird"].clone();
    providers["more"]["mds_api_url"] = json!("http://127.0.0.1:9/mds");
    let vault = config::open_vault(&environment(&second)).await.unwrap();
    vault
        .put_json(PROVIDERS, &providers, Seal::Encrypt)
        .await
        .unwrap();
    drop(second);

    let third = sandbox.start().await;
    let providers = file(&third, PROVIDERS).await;
    let bird = third.providers["bird"].base_url();
    assert_eq!(providers["bird"]["mds_api_url"], bird);
    assert_eq!(providers["more"]["mds_api_url"], "http://127.0.0.1:9/mds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_that_cannot_start_on_its_settings_names_their_file() {
    let sandbox = Sandbox::new();
    let first = sandbox.start().await;
    first
        .put_setting("TIME_ZONE", json!("US/Nowhere"))
        .await
        .unwrap();
    drop(first);

    let settings = sandbox.path("s3/mds").join(SETTINGS);
    let text = sandbox.refusal().await;
    assert!(text.contains("TIME_ZONE"), "{text}");
    assert!(text.contains(settings.to_str().unwrap()), "{text}");
    fs::remove_file(settings).unwrap();
    let stack = sandbox.start().await;
    assert_eq!(file(&stack, SETTINGS).await["TIME_ZONE"], "US/Central");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_whose_key_opens_nothing_names_the_file_of_the_key() {
    use secrecy::ExposeSecret;
    let sandbox = Sandbox::new();
    drop(sandbox.start().await);
    let key = sandbox.path("fernet.key");
    let old = fs::read_to_string(&key).unwrap();
    let new = FernetKeys::generate();
    fs::write(&key, new.expose_secret()).unwrap();

    let text = sandbox.refusal().await;
    assert!(text.contains(key.to_str().unwrap()), "{text}");
    assert!(!text.contains(new.expose_secret()), "{text}");
    fs::write(&key, format!("{},{old}", new.expose_secret())).unwrap();
    drop(sandbox.start().await);

    fs::write(&key, "no key").unwrap();
    let text = sandbox.refusal().await;
    assert!(text.contains(key.to_str().unwrap()), "{text}");
}
