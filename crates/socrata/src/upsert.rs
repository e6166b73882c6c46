//! What the portal says it did with an upload.

use serde::{Deserialize, Serialize};

use crate::error::SocrataError;

/// What the portal did with an upload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upsert {
    /// Rows with an identifier that was new.
    pub created: u64,
    /// Rows that replaced one of the same identifier.
    pub updated: u64,
    /// Rows that the portal refused; they are missing there.
    pub errors: u64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Rows Created")]
    created: Option<u64>,
    #[serde(rename = "Rows Updated")]
    updated: Option<u64>,
    #[serde(rename = "Errors", default)]
    errors: u64,
}

impl Upsert {
    /// Reads the body of a 200.
    pub(crate) fn read(body: &[u8]) -> Result<Self, SocrataError> {
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|_| SocrataError::senseless("it answers 200 with no counts of rows"))?;
        match (answer.created, answer.updated) {
            (Some(created), Some(updated)) => Ok(Self {
                created,
                updated,
                errors: answer.errors,
            }),
            _ => Err(SocrataError::senseless(
                "it answers 200 without `Rows Created` and `Rows Updated`",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
