//! The result of an upload.

use serde::{Deserialize, Serialize};

use crate::error::SocrataError;

/// How many rows of an upload the portal took and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upsert {
    /// Rows whose identifier was new.
    pub created: u64,
    /// Rows that replaced one with the same identifier.
    pub updated: u64,
    /// Rows that the portal refused. They are missing there.
    pub errors: u64,
}

#[derive(Deserialize)]
struct Response {
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
        let response: Response = serde_json::from_slice(body).map_err(|_| {
            SocrataError::malformed("it returned status 200 without counts of rows")
        })?;
        match (response.created, response.updated) {
            (Some(created), Some(updated)) => Ok(Self {
                created,
                updated,
                errors: response.errors,
            }),
            _ => Err(SocrataError::malformed(
                "it returned status 200 without `Rows Created` and `Rows Updated`",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
