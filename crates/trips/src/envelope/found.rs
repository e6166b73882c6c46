//! Whether what an answer has in the place of its list is one.

use serde_json::Value;

use super::value_of::value_of;
use crate::json::element::Element;

/// What an answer has in the place of its list, and whether it names an error.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) list: bool,
    /// Some languages write an empty list so.
    pub(super) null: bool,
    /// Neither a list nor null.
    pub(super) other: bool,
    pub(super) error: bool,
}

impl Found {
    /// Why the answer has no list of this name, with so many elements. `None` if it has one: null
    /// is an empty list, unless something else in the answer speaks against it. An error speaks
    /// against any list without elements.
    pub(super) fn problem(&self, list: &str, elements: u64) -> Option<String> {
        if !self.list && self.other {
            Some(format!("its `{list}` is neither a list nor null"))
        } else if !self.list && !self.null {
            let places = "neither at the top nor in `data`";
            Some(format!("it has no list `{list}`, {places}"))
        } else if self.error && elements == 0 {
            let what = if self.list { "empty" } else { "null" };
            Some(format!("its `{list}` is {what}, and it names an error"))
        } else {
            None
        }
    }
}

/// Members in which MDS and others put an error.
const ERRORS: [&str; 4] = ["error", "error_description", "error_details", "errors"];

pub(super) fn is_about_error(key: &str) -> bool {
    ERRORS.contains(&key)
}

/// Texts in these members where there is no error, in any case.
const NO_ERROR: [&str; 7] = ["", "0", "none", "null", "false", "no error", "ok"];

/// Whether the value of such a member names an error.
pub(super) fn names_error(value: &Element<'_>) -> bool {
    matches!(value, Element::NonFinite { .. })
        || value_of(value).is_none_or(|value| says_something(&value))
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::String(text) => {
            let text = text.trim();
            !NO_ERROR.iter().any(|no| no.eq_ignore_ascii_case(text))
        }
        Value::Array(errors) => errors.iter().any(says_something),
        Value::Object(members) => members.values().any(says_something),
    }
}
