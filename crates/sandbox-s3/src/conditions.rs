//! `If-Match` and `If-None-Match` of reads.

use s3s::dto::{ETag, ETagCondition, IfMatch, IfNoneMatch};
use s3s::{S3Result, s3_error};

/// The conditions of a read, which `s3s-fs` does not check.
pub(super) struct Conditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl Conditions {
    pub(super) fn new(if_match: &Option<IfMatch>, if_none_match: &Option<IfNoneMatch>) -> Self {
        Self {
            if_match: if_match.clone(),
            if_none_match: if_none_match.clone(),
        }
    }

    /// Refuses the response with the `ETag` if a condition fails.
    pub(super) fn check(&self, etag: Option<&ETag>) -> S3Result<()> {
        let Some(etag) = etag else { return Ok(()) };
        let holds = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(expected) => etag.weak_cmp(expected),
        };
        if self
            .if_match
            .as_ref()
            .is_some_and(|condition| !holds(condition))
        {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.if_none_match.as_ref().is_some_and(holds) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}
