//! Keys of the configuration files that nothing reads: mostly a slip of the pen.

use crate::warning::ConfigWarning;

/// Names the schema of a file for editors. Allowed in both files, and not read.
pub const SCHEMA: &str = "$schema";

/// The warning of a key that is not known, with the known one that is nearest.
///
/// `place` is what the key belongs to, such as a provider with a dot, or empty.
pub(crate) fn unknown(place: &str, key: &str, known: &[&'static str]) -> Option<ConfigWarning> {
    (!known.contains(&key)).then(|| ConfigWarning::UnknownKey {
        key: format!("{place}{key}"),
        nearest: nearest_name(key, known),
    })
}

/// The known name from which the fewest edits lead to `key`, whatever its case; empty if none is
/// known.
#[must_use]
pub fn nearest_name<'a>(key: &str, known: &[&'a str]) -> &'a str {
    let key = key.to_lowercase();
    let edits = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &key);
    known
        .iter()
        .copied()
        .min_by_key(|known| edits(known))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
