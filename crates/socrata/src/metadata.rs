//! What a portal says about a dataset: its columns, and the one that identifies a row.

use serde::Deserialize;
use trips::json::{Object, objects};

use crate::error::SocrataError;

/// What a column of a dataset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text only: an identifier, which a number could not hold.
    Text,
    /// A number. A text column holds it too.
    Number,
    /// A date and time without an offset. A text column holds it too, and one of the type `date`
    /// does not: a portal takes it for UTC and returns it with an offset, which the civil times are
    /// not in, and cannot take its parts.
    Time,
    /// A label that may be a number or a text.
    Label,
}

impl ColumnKind {
    /// Whether a column of this Socrata type can hold it.
    fn fits(self, data_type: &str) -> bool {
        match self {
            Self::Text => data_type == "text",
            Self::Number | Self::Label => matches!(data_type, "number" | "text"),
            Self::Time => matches!(data_type, "calendar_date" | "text"),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number | Self::Label => "number or text",
            Self::Time => "calendar_date",
        }
    }
}

/// The columns of a dataset, as `/api/views/{4x4}.json` describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetInfo {
    row_identifier: Option<String>,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Column {
    id: Option<i64>,
    field_name: String,
    data_type_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    row_identifier_column_id: Option<i64>,
    #[serde(deserialize_with = "objects")]
    columns: Vec<Column>,
}

impl DatasetInfo {
    /// Reads the body of a 200.
    pub(crate) fn read(body: &[u8]) -> Result<Self, SocrataError> {
        let Object(view): Object<View> = serde_json::from_slice(body).map_err(|_| {
            SocrataError::malformed("its description of the dataset has no columns")
        })?;
        let identifier = view
            .row_identifier_column_id
            .and_then(|id| view.columns.iter().find(|column| column.id == Some(id)))
            .map(|column| column.field_name.clone());
        Ok(Self {
            row_identifier: identifier,
            columns: view.columns,
        })
    }

    /// Those of the columns whose numbers or times the dataset has as texts. Uploads work, but no
    /// query can sum them up.
    #[must_use]
    pub fn held_as_text<'a>(&self, columns: &[(&'a str, ColumnKind)]) -> Vec<&'a str> {
        let is_text = |name: &str| {
            (self.columns.iter())
                .any(|column| column.field_name == name && column.data_type_name == "text")
        };
        let numbers = |kind| matches!(kind, ColumnKind::Number | ColumnKind::Time);
        (columns.iter())
            .filter(|(name, kind)| numbers(*kind) && is_text(name))
            .map(|(name, _)| *name)
            .collect()
    }

    /// Checks that rows with these columns can be upserted by the column `identifier`.
    ///
    /// # Errors
    ///
    /// [`SocrataError::Config`] with what to change in the dataset.
    pub fn check(
        &self,
        identifier: &str,
        columns: &[(&str, ColumnKind)],
    ) -> Result<(), SocrataError> {
        let wrong = |why: String| {
            Err(SocrataError::Config {
                key: "SOCRATA_DATASET",
                why,
            })
        };
        match self.row_identifier.as_deref() {
            Some(column) if column == identifier => {}
            Some(column) => {
                return wrong(format!(
                    "names a dataset whose row identifier is the column `{column}`, so no upload could replace a row: \
                     set the row identifier to `{identifier}` in the dataset's settings"
                ));
            }
            None => {
                return wrong(format!(
                    "names a dataset without a row identifier, so every upload would append its rows again: set the \
                     row identifier to `{identifier}` in the dataset's settings"
                ));
            }
        }
        for (name, kind) in columns {
            let Some(column) = self
                .columns
                .iter()
                .find(|column| column.field_name == *name)
            else {
                return wrong(format!(
                    "names a dataset without the column `{name}`: add it as {}",
                    kind.expected()
                ));
            };
            if !kind.fits(&column.data_type_name) {
                return wrong(format!(
                    "names a dataset whose column `{name}` has the type {}: change it to {}",
                    shown(&column.data_type_name),
                    kind.expected()
                ));
            }
        }
        Ok(())
    }
}

/// The portal's name of a type. Anything that does not look like one is not repeated.
fn shown(data_type: &str) -> &str {
    let is_name = data_type.len() <= 40
        && data_type
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_name { data_type } else { "(unknown)" }
}

#[cfg(test)]
mod tests;
