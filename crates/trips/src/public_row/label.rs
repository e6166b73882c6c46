//! The form of a label in a published row.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// The longest label that is published. A longer text is none of a district or a tract.
pub const MAX_LABEL_BYTES: usize = 200;

/// A label, or the number 0 for a point without one, as the dataset has always had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label<'a>(pub(super) Option<Cow<'a, str>>);

impl<'a> Label<'a> {
    pub(super) fn of(label: Option<&'a str>) -> Self {
        Self(label.map(Cow::Borrowed))
    }

    pub(super) fn has_form(&self) -> bool {
        let label = self.0.as_ref();
        label.is_none_or(|label| label.len() <= MAX_LABEL_BYTES)
    }
}

impl Serialize for Label<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(label) => serializer.serialize_str(label),
            None => serializer.serialize_u8(0),
        }
    }
}
