//! Metrics in CloudWatch's embedded metric format: CloudWatch reads them from a log line, so a
//! function reports them without a request ("Specification: Embedded metric format" in the
//! CloudWatch user guide).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// The namespace of all our metrics.
const NAMESPACE: &str = "mds-etl";

/// A property that metrics are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// `staging` or `production`.
    Stage,
    /// The provider's short name.
    Provider,
    /// `extract`, `sync-db` or `sync-socrata`.
    Step,
    /// The name of an error, such as `ProviderUnavailable`.
    Error,
}

impl Dimension {
    fn name(self) -> &'static str {
        match self {
            Self::Stage => "Stage",
            Self::Provider => "Provider",
            Self::Step => "Step",
            Self::Error => "Error",
        }
    }
}

/// A metric's unit, in CloudWatch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Count,
    Seconds,
    None,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::None => "None",
        }
    }
}

/// A measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    name: &'static str,
    unit: Unit,
    value: f64,
}

impl Metric {
    /// Creates a count.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "CloudWatch keeps doubles")]
    pub fn count(name: &'static str, value: u64) -> Self {
        Self {
            name,
            unit: Unit::Count,
            value: value as f64,
        }
    }

    /// Creates a number of hours, for which CloudWatch has no unit.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "CloudWatch keeps doubles")]
    pub fn hours(name: &'static str, value: u64) -> Self {
        Self {
            name,
            unit: Unit::None,
            value: value as f64,
        }
    }

    /// Creates a duration in seconds.
    #[must_use]
    pub fn seconds(name: &'static str, value: f64) -> Self {
        Self {
            name,
            unit: Unit::Seconds,
            value,
        }
    }
}

/// One line of metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    timestamp: DateTime<Utc>,
    directives: Vec<Value>,
    members: Map<String, Value>,
}

impl Metrics {
    /// Creates an empty line for what happened at `timestamp`.
    #[must_use]
    pub fn at(timestamp: DateTime<Utc>) -> Self {
        Self {
            timestamp,
            directives: Vec::new(),
            members: Map::new(),
        }
    }

    /// Sets a dimension for every metric of the line.
    #[must_use]
    pub fn dimension(self, dimension: Dimension, value: &str) -> Self {
        self.property(dimension.name(), value)
    }

    /// Adds a member that is searched for and not measured, such as the run's id.
    #[must_use]
    pub fn property(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds measured values. CloudWatch counts each once for every set of dimensions.
    #[must_use]
    pub fn measure(mut self, dimensions: &[&[Dimension]], metrics: &[Metric]) -> Self {
        let sets: Vec<Vec<&str>> = dimensions
            .iter()
            .map(|set| set.iter().map(|d| d.name()).collect())
            .collect();
        let definitions: Vec<Value> = metrics
            .iter()
            .map(|m| json!({ "Name": m.name, "Unit": m.unit.name() }))
            .collect();
        self.directives.push(json!({
            "Namespace": NAMESPACE,
            "Dimensions": sets,
            "Metrics": definitions,
        }));
        for metric in metrics {
            self.members
                .insert(metric.name.to_owned(), json!(metric.value));
        }
        self
    }

    /// Returns the line.
    #[must_use]
    pub fn line(self) -> String {
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": self.timestamp.timestamp_millis(),
                "CloudWatchMetrics": self.directives,
            }),
        );
        line.extend(self.members);
        Value::Object(line).to_string()
    }
}

#[cfg(test)]
mod tests;
