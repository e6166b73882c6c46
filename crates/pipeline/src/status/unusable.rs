//! Entries of the providers file and rows of `api.providers` that cannot be used.

use serde::Serialize;

use crate::context::Context;
use crate::error::PipelineError;

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
pub(crate) fn unusable_entries(ctx: &Context) -> Vec<UnusableEntry> {
    let invalid = ctx.config().providers.all_invalid();
    invalid
        .map(|(name, why)| UnusableEntry {
            name: name.to_owned(),
            why: why.to_string(),
            file: ctx.config().env.providers_key.clone(),
        })
        .collect()
}

/// The rows of `api.providers` whose name no provider can have: for each, what is wrong and the way
/// out. Reports leave them out.
///
/// # Errors
///
/// `DatabaseUnavailable`.
pub async fn odd_providers(ctx: &Context) -> Result<Vec<String>, PipelineError> {
    Ok(ctx.store().odd_providers().await?)
}
