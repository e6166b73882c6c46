//! Which configuration the function works with: on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use local_stack::{LocalStack, StackOptions, planned_item};
use sandbox_lambda::{FunctionProcess, InvokeError};
use sandbox_provider::ProviderOptions;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use vault::{FernetKeys, StoredAs};

const CHANGED: &str = "the configuration changed after the run was planned; start the run again";

async fn stack() -> LocalStack {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    let mut options = StackOptions::with_providers(providers);
    options
        .provider_settings
        .insert("max_attempts".to_owned(), json!(1));
    LocalStack::start(options).await.unwrap()
}

async fn function(stack: &LocalStack) -> FunctionProcess {
    let binary = env!("CARGO_BIN_EXE_extract");
    stack.function(binary).await.unwrap()
}

/// The item of a run that is planned now.
async fn planned(stack: &LocalStack) -> Value {
    let ctx = stack.context().await.unwrap();
    let item = planned_item(&ctx, "bird", "2020-01-15-13").await.unwrap();
    serde_json::to_value(item).unwrap()
}

async fn put_token(stack: &LocalStack, token: &str) {
    let put = stack.put_provider("bird", "token", json!(token));
    put.await.unwrap();
}

fn right_token(stack: &LocalStack) -> String {
    let entry = stack.providers["bird"].entry();
    entry["token"].as_str().unwrap().to_owned()
}

fn error_of(result: Result<Value, InvokeError>) -> (String, String) {
    match result.unwrap_err() {
        InvokeError::Function(error) => (error.error_type, error.error_message),
        other => panic!("{other}"),
    }
}

fn times_loaded(function: &FunctionProcess) -> usize {
    let lines = function.lines();
    let loaded = |line: &&String| line.contains("configuration loaded");
    lines.iter().filter(loaded).count()
}

/// One value of the database, as text.
async fn text(stack: &LocalStack, query: &str) -> Option<String> {
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.query_one(query, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_token_is_used_by_the_next_run_in_a_warm_function() {
    let stack = stack().await;
    put_token(&stack, "mistyped").await;
    let function = function(&stack).await;
    let refused = error_of(function.invoke(&planned(&stack).await).await);
    assert_eq!(refused.0, "ProviderRejected");

    put_token(&stack, &right_token(&stack)).await;
    function.invoke(&planned(&stack).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_the_configuration_that_it_began_with() {
    let stack = stack().await;
    stack.keep_versions().unwrap();
    put_token(&stack, &right_token(&stack)).await;
    let warm = function(&stack).await;
    let first = planned(&stack).await;
    warm.invoke(&first).await.unwrap();

    put_token(&stack, "mistyped").await;
    let second = planned(&stack).await;
    assert_ne!(first["config"]["providers"], second["config"]["providers"]);
    assert_eq!(first["config"]["settings"], second["config"]["settings"]);
    let cold = function(&stack).await;
    for function in [&warm, &cold] {
        for _ in 0..2 {
            function.invoke(&first).await.unwrap();
            let refused = error_of(function.invoke(&second).await);
            assert_eq!(refused.0, "ProviderRejected");
        }
        assert_eq!(times_loaded(function), 2, "an environment holds both");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_fails_when_its_configuration_is_gone_and_leaves_the_block_alone() {
    let stack = stack().await;
    let item = planned(&stack).await;
    let row = "SELECT (to_jsonb(schedule) - 'run_id')::text FROM api.schedule";
    let before = text(&stack, row).await;
    put_token(&stack, &right_token(&stack)).await;
    let function = function(&stack).await;
    let (name, message) = error_of(function.invoke(&item).await);
    assert_eq!(name, "ConfigInvalid");
    assert!(message.contains(CHANGED), "{message}");
    assert_eq!(text(&stack, row).await, before);
    let outcome = "SELECT outcome || ' ' || error_name || ' ' || message FROM api.run_blocks";
    let outcome = text(&stack, outcome).await.unwrap();
    assert!(
        outcome.starts_with("failed ConfigInvalid") && outcome.contains(CHANGED),
        "{outcome}"
    );
    function.invoke(&planned(&stack).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_other_steps_do_not_matter() {
    let stack = stack().await;
    let mut item = planned(&stack).await;
    item.as_object_mut().unwrap().remove("config");
    for (key, value) in [
        ("SOCRATA_KEY_SECRET", json!({"not": "a text"})),
        ("PUBLIC_ID_KEY", json!("short")),
        ("SOCRATA_DATASET", json!(["neither"])),
    ] {
        stack.put_setting(key, value).await.unwrap();
    }
    function(&stack).await.invoke(&item).await.unwrap();
}

/// A Secrets Manager that answers with the keys of now. Returns its address.
async fn secrets_manager(keys: Arc<Mutex<String>>) -> String {
    let handler = move || async move {
        let body = json!({"SecretString": *keys.lock().unwrap()}).to_string();
        ([("content-type", "application/x-amz-json-1.1")], body)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/", post(handler));
    tokio::spawn(async move { axum::serve(listener, app).await });
    endpoint
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_function_writes_under_the_new_key_in_the_first_run_after_a_rotation() {
    let mut stack = stack().await;
    let old = stack.env["ATD_MDS_FERNET_KEY"].clone();
    let new = FernetKeys::generate();
    let keys = Arc::new(Mutex::new(old.clone()));
    let mut with_secret = stack.env.clone();
    with_secret.remove("ATD_MDS_FERNET_KEY");
    let endpoint = secrets_manager(Arc::clone(&keys)).await;
    for (name, value) in [
        ("ATD_MDS_FERNET_KEY_SECRET", "mds/fernet".to_owned()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint),
    ] {
        with_secret.insert(name.to_owned(), value);
    }
    let binary = env!("CARGO_BIN_EXE_extract");
    let function = FunctionProcess::start(binary.as_ref(), &with_secret);
    let function = function.await.unwrap();
    function.invoke(&planned(&stack).await).await.unwrap();

    let both = format!("{},{old}", new.expose_secret());
    keys.lock().unwrap().clone_from(&both);
    stack.env.insert("ATD_MDS_FERNET_KEY".to_owned(), both);
    let vault = config::open_vault(&stack.environment().unwrap())
        .await
        .unwrap();
    vault.rotate("", |_| {}).await.unwrap();
    let done = function.invoke(&planned(&stack).await).await.unwrap();

    let key = done["extract"]["trips_key"].as_str().unwrap();
    let report = vault.open(&key.replace("trips", "extract")).await.unwrap();
    let StoredAs::Sealed { key_index, .. } = report.info().stored_as else {
        panic!("{:?}", report.info())
    };
    assert_eq!(key_index, 0, "the first key is the new one");
}
