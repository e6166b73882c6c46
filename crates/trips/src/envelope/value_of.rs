//! Values of members beside the trips.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::element::Element;

/// The value, with null for numbers that are not finite; `None` if it is too large or too deep.
pub(super) fn value_of(element: &Element<'_>) -> Option<Value> {
    let read = |raw: &RawValue| serde_json::from_str(raw.get()).ok();
    match element {
        Element::Json(raw) => read(raw),
        Element::NonFinite { with_nulls, .. } => read(with_nulls),
        Element::NotUtf8 { .. } | Element::NotJson(_) | Element::TooLarge(_) => None,
    }
}
