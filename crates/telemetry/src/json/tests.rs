#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::LogFormat;
use crate::logs::{filtered, lines};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The one line that `work` writes.
fn text_of(format: LogFormat, work: impl FnOnce()) -> String {
    let buffer = Buffer::default();
    let subscriber = filtered(Targets::new().with_default(LevelFilter::TRACE))
        .with(lines(format, buffer.clone()));
    tracing::subscriber::with_default(subscriber, work);
    let bytes = buffer.0.lock().unwrap();
    String::from_utf8(bytes.clone()).unwrap()
}

/// The one line in JSON, without its time.
fn line_of(work: impl FnOnce()) -> Value {
    let mut line: Value = serde_json::from_str(&text_of(LogFormat::Json, work)).unwrap();
    let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
    assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
    line
}

fn load_a_block() {
    let step = tracing::error_span!("step", run_id = %"r", block.label = %"2020-01-15-13");
    step.in_scope(|| tracing::info!(trips.loaded = 41_u64, error.message = %"a b", "block loaded"));
}

#[test]
fn a_text_line_has_the_same_fields() {
    let json = line_of(load_a_block);
    let text = text_of(LogFormat::Text { ansi: false }, load_a_block);
    let (_, text) = text.split_once("Z ").unwrap();
    assert_eq!(
        text,
        " INFO step: block loaded trips.loaded=41 error.message=a b run_id=r block.label=2020-01-15-13\n"
    );
    let fields = json.as_object().unwrap().iter();
    for (name, value) in fields.filter(|(name, _)| !["level", "message"].contains(&name.as_str())) {
        let value = value.as_str().map_or(value.to_string(), str::to_owned);
        assert!(text.contains(&format!("{name}={value}")), "{name}");
    }
}

#[test]
fn a_line_has_the_fields_of_its_spans_next_to_its_own() {
    let line = line_of(|| {
        let run = tracing::info_span!("run", run_id = "r", step = "plan");
        let step =
            run.in_scope(|| tracing::info_span!("step", step = "extract", block.label = "l"));
        let _step = step.entered();
        tracing::warn!(
            trips.fetched = 3_u64,
            trips.new = None::<u64>,
            rate = 0.5,
            "block \"archived\""
        );
    });
    assert_eq!(
        line,
        json!({
            "level": "WARN",
            "message": "block \"archived\"",
            "run_id": "r",
            "step": "extract",
            "block.label": "l",
            "trips.fetched": 3,
            "rate": 0.5,
        })
    );
}

#[test]
fn a_line_outside_of_spans_has_its_own_fields() {
    let line = line_of(|| tracing::info!(error.message = %"a\nb", dry_run = true, "plan ready"));
    assert_eq!(
        line,
        json!({"level": "INFO", "message": "plan ready", "error.message": "a\nb", "dry_run": true})
    );
}
