//! The log lines of a run at every level.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use local_stack::{LocalStack, StackOptions};
use pipeline::{
    BlockOutcome, PlanRequest, RunObserver, RunOptions, plan, probe, run_local, summarize,
};
use sandbox_provider::{Fault, MdsVersion, ProviderOptions, Times};
use serde_json::{Map, Value, json};
use telemetry::LogFormat;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::page::Page;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> Vec<Map<String, Value>> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let lines = String::from_utf8(bytes).unwrap();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

struct Quiet;

impl RunObserver for Quiet {
    fn block_ended(&self, _: &BlockOutcome) {}
}

/// Two hours of a provider with vehicles, of one that fails once, and of one that is late.
async fn stack() -> LocalStack {
    let versions = [
        ("bird", MdsVersion::V2_0),
        ("lime", MdsVersion::V0_3),
        ("wheels", MdsVersion::V1_2),
    ];
    let providers = versions.map(|(name, version)| {
        let options = ProviderOptions {
            version,
            ..ProviderOptions::default()
        };
        (name.to_owned(), options)
    });
    let stack = LocalStack::start(StackOptions::with_providers(BTreeMap::from(providers)))
        .await
        .unwrap();
    let hour = "2020-01-15T18:00:00Z".parse().unwrap();
    let status = |status| Fault::Status {
        status,
        retry_after: None,
    };
    stack.providers["lime"].fail_hour(hour, status(503), Times::Next(1));
    stack.providers["wheels"].fail_hour(hour, status(401), Times::Always);
    stack.portal.fail_next(sandbox_portal::Fault::Status {
        status: 503,
        retry_after: None,
    });
    stack
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_run_has_listed_fields_and_those_of_its_block() {
    let lines = Lines::default();
    telemetry::init_logs(LogFormat::Json, "trace", lines.clone());
    let stack = stack().await;
    let ctx = stack.context().await.unwrap();
    lines.take();

    let request = json!({"provider": "all", "time_max": "2020-01-15-14", "interval": 2});
    let request = PlanRequest::from_json(request).unwrap();
    let plan = plan(&ctx, &request, |_| {}).await.unwrap();
    let options = RunOptions {
        concurrency: 2,
        cancel: CancellationToken::new(),
    };
    let ended = run_local(Arc::clone(&ctx), &plan, options, Arc::new(Quiet)).await;
    assert!(!ended.unwrap().summary.is_success());
    let run = lines.take();
    let provider = "bird".parse().unwrap();
    let probed = probe(&ctx, &provider, Some("2020-01-15-13"), |_| {}).await;
    assert!(!probed.unwrap().hours.is_empty());
    assert!(summarize(&ctx, plan.run_id).await.is_err());
    let after = lines.take();

    let page = Page::read();
    for line in run.iter().chain(&after) {
        let unlisted: Vec<_> = line.keys().filter(|name| !page.has(name)).collect();
        assert!(unlisted.is_empty(), "{unlisted:?}: {line:?}");
    }
    let run_id = Value::from(plan.run_id.to_string());
    let of_run = run.iter().filter(|line| line.contains_key("run_id"));
    assert!(of_run.clone().all(|line| line["run_id"] == run_id));
    let messages: BTreeSet<&str> = run
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    for message in [
        "plan ready",
        "vehicle list stored",
        "block archived",
        "block loaded",
        "block published",
        "block failed",
        "request to provider failed, retrying",
        "request to portal failed, retrying",
    ] {
        assert!(messages.contains(message), "{message}: {messages:?}");
    }
    for line in run.iter().filter(|line| line["message"] != "plan ready") {
        for field in &page.span_fields {
            assert!(line.contains_key(field), "{field}: {line:?}");
        }
    }
}
