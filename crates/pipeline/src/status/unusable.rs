//! Entries of the providers file that cannot be used.

use serde::Serialize;

use crate::context::Context;

/// An entry of the providers file that cannot be used, so that runs leave its provider out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnusableEntry {
    /// The name of the entry.
    pub name: String,
    /// What is wrong with it; it names the key, and no secret.
    pub why: String,
    /// The providers file.
    pub file: String,
}

/// The entries that cannot be used and that nobody has disabled, in the order of their names.
pub(super) fn unusable_entries(ctx: &Context) -> Vec<UnusableEntry> {
    let invalid = ctx.config().providers.all_invalid();
    invalid
        .map(|(name, why)| UnusableEntry {
            name: name.to_owned(),
            why: why.to_string(),
            file: ctx.config().env.providers_key.clone(),
        })
        .collect()
}
