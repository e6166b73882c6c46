//! Reads the definition and evaluates its choices, which need a part of Amazon States Language.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A state machine: the whole one, or the one of a Map's items.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Machine {
    pub(crate) start_at: String,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) states: BTreeMap<String, State>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    #[serde(rename = "Type")]
    pub(crate) kind: String,
    pub(crate) comment: String,
    pub(crate) next: Option<String>,
    #[serde(default)]
    pub(crate) end: bool,
    pub(crate) timeout_seconds: Option<u64>,
    #[serde(default)]
    pub(crate) choices: Vec<Rule>,
    pub(crate) default: Option<String>,
    #[serde(default)]
    pub(crate) retry: Vec<Retrier>,
    #[serde(default)]
    pub(crate) catch: Vec<Catcher>,
    pub(crate) item_processor: Option<Machine>,
    pub(crate) error_path: Option<String>,
    pub(crate) cause_path: Option<String>,
    pub(crate) result_path: Option<String>,
    pub(crate) tolerated_failure_percentage: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rule {
    pub(crate) next: String,
    #[serde(flatten)]
    test: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Retrier {
    pub(crate) error_equals: Vec<String>,
    pub(crate) max_attempts: u64,
    #[serde(flatten)]
    pub(crate) backoff: Option<Backoff>,
}

/// How long a retrier waits. One without attempts has none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Backoff {
    pub(crate) interval_seconds: f64,
    pub(crate) backoff_rate: f64,
    pub(crate) max_delay_seconds: f64,
    pub(crate) jitter_strategy: String,
}

impl Retrier {
    /// The longest that each wait can be, in seconds. With full jitter, a wait is anything between
    /// zero and that.
    pub(crate) fn longest_waits(&self) -> Vec<f64> {
        let Some(backoff) = &self.backoff else {
            return Vec::new();
        };
        let mut next = backoff.interval_seconds;
        let mut waits = Vec::new();
        for _ in 0..self.max_attempts {
            waits.push(next.min(backoff.max_delay_seconds));
            next *= backoff.backoff_rate;
        }
        waits
    }

    /// The time in seconds that the waits together outlast in 99 of 100 cases, as a sum of even
    /// distributions.
    pub(crate) fn outlasts(&self) -> f64 {
        let waits = self.longest_waits();
        let mean = waits.iter().sum::<f64>() / 2.0;
        let variance = waits.iter().map(|it| it * it / 12.0).sum::<f64>();
        mean - 2.33 * variance.sqrt()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Catcher {
    pub(crate) error_equals: Vec<String>,
    pub(crate) next: String,
    pub(crate) result_path: String,
}

pub(crate) const TEXT: &str = include_str!("../../../../statemachine.asl.json");

pub(crate) fn whole() -> Machine {
    serde_json::from_str(TEXT).unwrap()
}

/// The machine that each block runs through.
pub(crate) fn of_a_block() -> Machine {
    whole()
        .states
        .remove("Blocks")
        .and_then(|map| map.item_processor)
        .unwrap()
}

impl State {
    /// Every state that may follow this one.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &str> {
        let chosen = self.choices.iter().map(|rule| &rule.next);
        let caught = self.catch.iter().map(|catcher| &catcher.next);
        let plain = self.next.iter().chain(&self.default);
        plain.chain(chosen).chain(caught).map(String::as_str)
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.end || matches!(self.kind.as_str(), "Succeed" | "Fail")
    }

    pub(crate) fn is_task(&self) -> bool {
        self.kind == "Task"
    }

    /// The retrier that decides about an error: the first that names it, by a wildcard or in full.
    pub(crate) fn retrier_of(&self, error: &str) -> Option<&Retrier> {
        let names = |retrier: &&Retrier| {
            retrier.error_equals.iter().any(|name| {
                name == error || name == "States.TaskFailed" && error != "States.Timeout"
            })
        };
        self.retry.iter().find(names)
    }

    /// How often a task is tried that always ends with this error.
    pub(crate) fn attempts(&self, error: &str) -> u64 {
        1 + self.retrier_of(error).map_or(0, |it| it.max_attempts)
    }

    /// The state that catches an error.
    pub(crate) fn caught_by(&self, error: &str) -> Option<&str> {
        let catches = |catcher: &&Catcher| {
            let mut names = catcher.error_equals.iter();
            names.any(|name| name == error || name == "States.ALL")
        };
        self.catch.iter().find(catches).map(|it| it.next.as_str())
    }

    /// The state that a Choice leads to with this input.
    pub(crate) fn choose(&self, input: &Value) -> &str {
        let first = self.choices.iter().find(|rule| holds(&rule.test, input));
        first.map_or_else(|| self.default.as_deref().unwrap(), |rule| &rule.next)
    }
}

/// Whether the test holds for the input.
///
/// # Panics
///
/// At an unknown operator, so that a new one in the definition is noticed, and at a path that leads
/// nowhere, which ends an execution on AWS.
fn holds(test: &Map<String, Value>, input: &Value) -> bool {
    let parts = |all: &Value| all.as_array().unwrap().clone();
    let one = |test: &Value| holds(test.as_object().unwrap(), input);
    if let Some(all) = test.get("And") {
        return parts(all).iter().all(one);
    }
    if let Some(any) = test.get("Or") {
        return parts(any).iter().any(one);
    }
    let variable = test["Variable"].as_str().unwrap();
    let found = lookup(variable, input);
    let mut operators = test
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "Variable" | "Comment"));
    let (operator, wanted) = operators.next().unwrap();
    match operator.as_str() {
        "IsPresent" => Value::Bool(found.is_some()) == *wanted,
        "StringEquals" | "NumericEquals" | "BooleanEquals" => {
            found.unwrap_or_else(|| panic!("{variable} leads nowhere")) == wanted
        }
        unknown => panic!("unknown operator {unknown}"),
    }
}

/// Follows a path such as `$.steps[0]`.
fn lookup<'a>(path: &str, input: &'a Value) -> Option<&'a Value> {
    let pointer = path
        .trim_start_matches('$')
        .replace(['.', '['], "/")
        .replace(']', "");
    input.pointer(&pointer)
}
