//! A certain version of an object.

use serde::{Deserialize, Serialize};

/// A version of an object: what the bucket had under a key at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// Its entity tag as the bucket returns it, in quotation marks.
    pub etag: String,
    /// Its id, if the bucket keeps versions. Without it, the version can only be read while it is
    /// the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

impl ObjectVersion {
    pub(crate) fn of(etag: Option<&String>, version_id: Option<&String>) -> Option<Self> {
        Some(Self {
            etag: etag?.clone(),
            version_id: version_id.cloned(),
        })
    }

    /// Whether both have the same content.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.etag == other.etag
    }
}
