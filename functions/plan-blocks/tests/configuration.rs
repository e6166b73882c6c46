//! Which configuration the function plans with: on a Lambda Runtime API, with real services.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use local_stack::{LocalStack, StackOptions};
use sandbox_lambda::{FunctionProcess, InvokeError};
use sandbox_provider::ProviderOptions;
use serde_json::{Value, json};

async fn stack() -> LocalStack {
    let providers = BTreeMap::from([("bird".to_owned(), ProviderOptions::default())]);
    LocalStack::start(StackOptions::with_providers(providers))
        .await
        .unwrap()
}

async fn function(stack: &LocalStack) -> FunctionProcess {
    stack
        .function(env!("CARGO_BIN_EXE_plan-blocks"))
        .await
        .unwrap()
}

fn request() -> Value {
    json!({"provider": "bird", "time_max": "2020-01-15-13", "interval": 2})
}

fn error_of(result: Result<Value, InvokeError>) -> (String, String) {
    match result.unwrap_err() {
        InvokeError::Function(error) => (error.error_type, error.error_message),
        other => panic!("{other}"),
    }
}

/// The manifest's items.
fn items(stack: &LocalStack, plan: &Value) -> Vec<Value> {
    let key = plan["manifest"]["key"].as_str().unwrap();
    let text = std::fs::read(stack.bucket_folder().join(key)).unwrap();
    serde_json::from_slice(&text).unwrap()
}

async fn etag(stack: &LocalStack, key: &str) -> String {
    let vault = config::open_vault(&stack.environment().unwrap())
        .await
        .unwrap();
    vault.head(key).await.unwrap().unwrap().etag.unwrap()
}

async fn etags_of_run(stack: &LocalStack, plan: &Value) -> (String, String) {
    let (client, connection) = tokio_postgres::connect(&stack.database_url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let query = "SELECT settings_etag, providers_etag FROM api.runs WHERE run_id::text = $1";
    let run_id = plan["run_id"].as_str().unwrap();
    let row = client.query_one(query, &[&run_id]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_has_the_configuration_of_its_start_and_names_it_everywhere() {
    let stack = stack().await;
    let function = function(&stack).await;
    let env = stack.environment().unwrap();
    let mut seen = Vec::new();
    for zone in ["US/Central", "UTC"] {
        stack.put_setting("TIME_ZONE", json!(zone)).await.unwrap();
        let plan = function.invoke(&request()).await.unwrap();
        let (settings, providers) = (
            etag(&stack, &env.settings_key).await,
            etag(&stack, &env.providers_key).await,
        );
        let items = items(&stack, &plan);
        assert_eq!(items.len(), 2);
        for item in items {
            let config = &item["config"];
            assert_eq!(config["settings"]["etag"], settings);
            assert_eq!(config["providers"]["etag"], providers);
            let districts = &config["boundaries"]["boundaries/council_district.json"];
            assert!(districts["etag"].is_string(), "{config}");
        }
        assert_eq!(etags_of_run(&stack, &plan).await, (settings, providers));
        seen.push(plan["blocks"][0]["block_start"].clone());
    }
    assert_eq!(seen, ["2020-01-15T17:00:00Z", "2020-01-15T11:00:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_not_repeated_with_another_configuration() {
    let stack = stack().await;
    let function = function(&stack).await;
    let mut request = request();
    request["execution"] = json!("arn:aws:states:us-east-1:123456789012:execution:mds-etl:one");
    let first = function.invoke(&request).await.unwrap();
    let manifest = items(&stack, &first);
    stack
        .put_setting("SOCRATA_CHUNK_ROWS", json!(5000))
        .await
        .unwrap();
    let (name, message) = error_of(function.invoke(&request).await);
    assert_eq!(name, "ConfigInvalid");
    assert!(message.contains("start the run again"), "{message}");
    assert_eq!(items(&stack, &first), manifest);

    request.as_object_mut().unwrap().remove("execution");
    function.invoke(&request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_names_what_its_steps_will_lack_though_it_keeps_no_secret_of_theirs() {
    let stack = stack().await;
    let function = function(&stack).await;
    for (key, without) in [
        ("PUBLIC_ID_KEY", "no_sync_db"),
        ("SOCRATA_KEY_SECRET", "no_sync_socrata"),
    ] {
        stack.put_setting(key, json!(null)).await.unwrap();
        let (name, message) = error_of(function.invoke(&request()).await);
        assert_eq!(name, "ConfigInvalid");
        assert!(message.contains(key), "{message}");
        let mut extraction = request();
        for without in [without, "no_sync_socrata", "no_sync_db"] {
            extraction[without] = json!(true);
        }
        function.invoke(&extraction).await.unwrap();
        stack
            .put_setting(key, json!("a text that nobody could guess so soon"))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_function_audits_with_the_portal_of_now() {
    let stack = stack().await;
    let function = function(&stack).await;
    function.invoke(&request()).await.unwrap();
    let mut audit = request();
    audit["audit"] = json!(true);
    function.invoke(&audit).await.unwrap();
    stack
        .put_setting("SOCRATA_KEY_SECRET", json!("wrong"))
        .await
        .unwrap();
    let (name, _) = error_of(function.invoke(&audit).await);
    assert_eq!(name, "SocrataRejected");
}

/// The settings of now lead to another database, which knows nothing of the run.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_summed_up_with_the_configuration_that_it_began_with() {
    let stack = stack().await;
    stack.keep_versions().unwrap();
    stack.put_setting("TIME_ZONE", json!("UTC")).await.unwrap();
    let warm = function(&stack).await;
    let plan = warm.invoke(&request()).await.unwrap();
    let elsewhere = json!("postgresql://nobody@127.0.0.1:1/nowhere");
    stack.put_setting("DATABASE_URL", elsewhere).await.unwrap();
    let cold = function(&stack).await;
    let mut summarize = json!({"summarize": {"run_id": plan["run_id"]}});
    summarize["summarize"]["config"] = plan["config"].clone();
    for function in [&warm, &cold] {
        let (name, message) = error_of(function.invoke(&summarize).await);
        assert_eq!(name, "RunHadFailures", "{message}");
        assert!(message.contains("2 did not end"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_configuration_is_gone_is_summed_up_with_the_current_one() {
    let stack = stack().await;
    let function = function(&stack).await;
    let plan = function.invoke(&request()).await.unwrap();
    stack.put_setting("TIME_ZONE", json!("UTC")).await.unwrap();
    let config = [plan["config"].clone(), json!(null)];
    for config in config {
        let summarize = json!({"summarize": {"run_id": plan["run_id"], "config": config}});
        let cold = stack.function(env!("CARGO_BIN_EXE_plan-blocks"));
        let (name, message) = error_of(cold.await.unwrap().invoke(&summarize).await);
        assert_eq!(name, "RunHadFailures", "{message}");
    }
}
