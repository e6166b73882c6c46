//! Under which condition an object becomes visible.

use crate::vault::ObjectHead;

/// Under which condition a written object may take its place in the bucket.
///
/// Where the condition fails, the object in the bucket stays as it is, and the writer gets
/// [`VaultError::Changed`](crate::VaultError::Changed).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WriteCondition {
    /// Whatever the bucket has under the key is replaced.
    #[default]
    Always,
    /// The bucket has no object under the key.
    IfAbsent,
    /// The bucket's object under the key has this entity tag.
    IfMatch(String),
}

impl WriteCondition {
    /// The condition that the bucket still has what a request has seen there.
    #[must_use]
    pub fn still(seen: Option<&ObjectHead>) -> Self {
        seen.map_or(Self::IfAbsent, |head| Self::tagged(head.etag.clone()))
    }

    /// The condition that the bucket still has the object with this entity tag. Without one, which
    /// only a server other than S3 may leave out, whatever is there is replaced.
    #[must_use]
    pub fn tagged(etag: Option<String>) -> Self {
        etag.map_or(Self::Always, Self::IfMatch)
    }

    /// The header `If-Match`.
    pub(crate) fn if_match(&self) -> Option<String> {
        match self {
            Self::IfMatch(tag) => Some(tag.clone()),
            Self::Always | Self::IfAbsent => None,
        }
    }

    /// The header `If-None-Match`.
    pub(crate) fn if_none_match(&self) -> Option<String> {
        (*self == Self::IfAbsent).then(|| "*".to_owned())
    }
}
