//! Keys of the configuration files that nothing reads: mostly a slip of the pen.

/// Warns of a key that is not known, and names the known one that is nearest.
///
/// `place` is what the key belongs to, such as a provider with a dot, or empty.
pub(crate) fn warn_if_unknown(place: &str, key: &str, known: &[&str]) {
    if known.contains(&key) {
        return;
    }
    tracing::warn!(
        config.key = format!("{place}{key}"),
        config.nearest_key = nearest_name(key, known),
        "configuration has a key that nothing reads; is the nearest known key meant?"
    );
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
