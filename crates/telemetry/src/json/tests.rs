#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

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

/// The one line that `work` writes, without its time.
fn line_of(work: impl FnOnce()) -> Value {
    let buffer = Buffer::default();
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(JsonLines)
        .with_writer(buffer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
    let mut line: Value = serde_json::from_slice(&buffer.0.lock().unwrap()).unwrap();
    let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
    assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
    line
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
