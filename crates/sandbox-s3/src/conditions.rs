//! `If-Match` and `If-None-Match`, of reads and of the completion of an upload.

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

/// The conditions of a write that `s3s-fs` does not carry out.
pub(super) struct WriteConditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    pub(super) fn new(if_match: &Option<IfMatch>, if_none_match: &Option<IfNoneMatch>) -> Self {
        Self {
            if_match: if_match.clone(),
            if_none_match: if_none_match.clone(),
        }
    }

    /// Refuses to replace the object with the `ETag`, or to write where there is none.
    pub(super) fn check(&self, current: Option<&ETag>) -> S3Result<()> {
        let is_match = match (&self.if_match, current) {
            (None, _) | (Some(ETagCondition::Any), Some(_)) => true,
            (Some(ETagCondition::ETag(expected)), Some(etag)) => etag.strong_cmp(expected),
            (Some(_), None) => false,
        };
        let is_absent = self.if_none_match.is_none() || current.is_none();
        if is_match && is_absent {
            Ok(())
        } else {
            Err(s3_error!(PreconditionFailed))
        }
    }
}
