//! Whether what an answer has in the place of its list is one.

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
    /// Why the answer has no list of this name. `None` if it has one: null is an empty list, unless
    /// something else in the answer speaks against it.
    pub(super) fn problem(&self, list: &str) -> Option<String> {
        if self.list {
            None
        } else if self.other {
            Some(format!("its `{list}` is neither a list nor null"))
        } else if !self.null {
            let places = "neither at the top nor in `data`";
            Some(format!("it has no list `{list}`, {places}"))
        } else if self.error {
            Some(format!("its `{list}` is null, and it names an error"))
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

/// Values of these members where there is no error.
const NO_ERROR: [&str; 5] = ["null", "false", r#""""#, "[]", "{}"];

pub(super) fn says_something(value: &Element<'_>) -> bool {
    match value {
        Element::Json(value) => !NO_ERROR.contains(&value.get()),
        Element::NonFinite { .. } | Element::TooLarge(_) => true,
    }
}
