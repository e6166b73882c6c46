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
        nearest: nearest_of(key, known).map_or("", |(_, name)| name),
    })
}

/// The known name from which the fewest edits lead to `key`, whatever its case. `None` if it takes
/// so many that no slip of the pen explains them: more than a third of its characters.
fn nearest_name<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let (edits, known) = nearest_of(key, known)?;
    let length = key.chars().count();
    let slips = (length / 3).max(1).min(length.saturating_sub(1));
    (edits <= slips).then_some(known)
}

/// The nearest known name, however far, and how many edits lead to it.
fn nearest_of<'a>(key: &str, known: &[&'a str]) -> Option<(usize, &'a str)> {
    let key = key.to_lowercase();
    let edits = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &key);
    let nearest = known.iter().map(|known| (edits(known), *known));
    nearest.min_by_key(|(edits, _)| *edits)
}

/// Asks whether the nearest known name is meant, as the end of a sentence; empty if none is near.
#[must_use]
pub fn suggestion(key: &str, known: &[&str]) -> String {
    let nearest = nearest_name(key, known);
    nearest.map_or_else(String::new, |name| format!("; is `{name}` meant?"))
}

#[cfg(test)]
mod tests;
