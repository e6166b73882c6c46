//! A certain version of an object.

use serde::{Deserialize, Serialize};
use trips::json::Object;

/// A version of an object: what the bucket had under a key at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Object<Members>")]
pub struct ObjectVersion {
    /// Its entity tag as the bucket returns it, in quotation marks.
    pub etag: String,
    /// Its id, if the bucket keeps versions. Without it, the version can only be read while it is
    /// the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

#[derive(Deserialize)]
struct Members {
    etag: String,
    version_id: Option<String>,
}

impl From<Object<Members>> for ObjectVersion {
    fn from(Object(Members { etag, version_id }): Object<Members>) -> Self {
        Self { etag, version_id }
    }
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
