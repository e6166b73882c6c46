//! Reads the definition and evaluates its choices, which need a part of Amazon States Language.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A state machine: the whole one, or the one of a Map's items.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Machine {
    pub(crate) start_at: String,
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
    pub(crate) interval_seconds: u64,
    pub(crate) backoff_rate: f64,
    pub(crate) max_attempts: u64,
    pub(crate) max_delay_seconds: u64,
    pub(crate) jitter_strategy: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Catcher {
    pub(crate) error_equals: Vec<String>,
    pub(crate) next: String,
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
/// At an unknown operator, so that a new one in the definition is noticed.
fn holds(test: &Map<String, Value>, input: &Value) -> bool {
    let parts = |all: &Value| -> Vec<bool> {
        let tests = all.as_array().unwrap().iter();
        tests
            .map(|test| holds(test.as_object().unwrap(), input))
            .collect()
    };
    if let Some(all) = test.get("And") {
        return parts(all).into_iter().all(|it| it);
    }
    if let Some(any) = test.get("Or") {
        return parts(any).into_iter().any(|it| it);
    }
    let found = lookup(test["Variable"].as_str().unwrap(), input);
    let mut operators = test
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "Variable" | "Comment"));
    let (operator, wanted) = operators.next().unwrap();
    match operator.as_str() {
        "IsPresent" => Value::Bool(found.is_some()) == *wanted,
        "StringEquals" | "NumericEquals" | "BooleanEquals" => found == Some(wanted),
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
