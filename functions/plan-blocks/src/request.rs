//! What an event asks `plan-blocks` for.

use config::ConfigVersion;
use pipeline::{ErrorName, MigrationRequest, PipelineError, PlanRequest, read_event};
use serde::Deserialize;
use serde_json::Value;
use trips::json::Object;
use uuid::Uuid;

/// What an event asks for.
#[derive(Debug, Clone)]
pub enum Request {
    /// The plan of a run.
    Plan(Box<PlanRequest>),
    /// The counts of a run.
    Summarize {
        /// The run.
        run_id: Uuid,
        /// Its configuration. The plan of an older function has none.
        config: Option<ConfigVersion>,
    },
    /// The migration of the database.
    Migrate(MigrationRequest),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SummarizeEvent {
    summarize: Object<Summarize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Summarize {
    run_id: Uuid,
    #[serde(default)]
    config: Option<Object<ConfigVersion>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MigrateEvent {
    migrate: Value,
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// `InvalidInput` that names the key.
    pub fn read(event: Value) -> Result<Self, PipelineError> {
        if event.get("summarize").is_some() {
            refuse_execution("summarize", &event)?;
            let event: SummarizeEvent = read_event("summarize", event)?;
            let Object(Summarize { run_id, config }) = event.summarize;
            let config = config.map(|Object(config)| config);
            return Ok(Self::Summarize { run_id, config });
        }
        if event.get("migrate").is_some() {
            refuse_execution("migrate", &event)?;
            let event: MigrateEvent = read_event("migrate", event)?;
            return match event.migrate {
                Value::Bool(true) => Ok(Self::Migrate(MigrationRequest::default())),
                options @ Value::Object(_) => read_event("migrate", options).map(Self::Migrate),
                _ => Err(PipelineError::new(
                    ErrorName::InvalidInput,
                    "migrate: must be true, or an object with timestamps_in, hours_are and dry_run",
                )),
            };
        }
        PlanRequest::from_json(event).map(|request| Self::Plan(Box::new(request)))
    }
}

/// The state machine adds `execution` to its input, and goes on with a plan. Whoever gave it
/// something else has not written that key.
fn refuse_execution(key: &str, event: &Value) -> Result<(), PipelineError> {
    if event.get("execution").is_none() {
        return Ok(());
    }
    let why = format!(
        "{key}: the state machine only takes requests for a plan; invoke plan-blocks itself with it"
    );
    Err(PipelineError::new(ErrorName::InvalidInput, why))
}
