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
        label.is_none_or(|label| label.len() <= MAX_LABEL_BYTES && !is_point(label))
    }
}

/// Whether a label is a pair of coordinates, as a layer of parcels may have them for names: two
/// numbers with three decimals or more, which tell a place to a hundred metres. No row with such a
/// label is published.
#[must_use]
pub fn is_point(label: &str) -> bool {
    let is_separator = |it: char| it.is_whitespace() || matches!(it, ',' | ';' | '(' | ')');
    let is_exact = |part: &&str| {
        let decimals = part.rsplit_once('.').map_or("", |(_, decimals)| decimals);
        let are_digits = decimals.bytes().all(|it| it.is_ascii_digit());
        decimals.len() >= 3 && are_digits && part.parse::<f64>().is_ok()
    };
    label.split(is_separator).filter(is_exact).count() >= 2
}

impl Serialize for Label<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(label) => serializer.serialize_str(label),
            None => serializer.serialize_u8(0),
        }
    }
}
