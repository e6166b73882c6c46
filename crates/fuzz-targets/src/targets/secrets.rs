//! Whether a message or a log would show a value of a configuration file.

use std::collections::BTreeSet;

use serde_json::Value;

/// Shorter texts occur in messages by chance.
const MIN_BYTES: usize = 8;

/// The values of a file, but for the texts that also are keys or stand in known places.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The values of this file. Those under `public` may be shown.
    pub(super) fn of(json: &[u8], public: &[&str]) -> Self {
        let mut found = Found::default();
        if let Ok(value) = serde_json::from_slice(trips::text::strip_byte_order_mark(json)) {
            found.collect(&value, false, public);
        }
        let Found { values, shown } = found;
        // An id is shown in small letters, however the file writes it.
        let shown: Vec<String> = shown.iter().map(|it| it.to_lowercase()).collect();
        let is_hidden = |value: &String| {
            let value = value.to_lowercase();
            !shown.iter().any(|shown| shown.contains(&value))
        };
        Self(values.into_iter().filter(is_hidden).collect())
    }

    /// Fails if the text shows one of them. The program's own words may.
    pub(super) fn check(&self, text: &str, own_words: &[&str]) {
        for value in &self.0 {
            let is_own = own_words.iter().any(|word| word.contains(value.as_str()));
            assert!(is_own || !shows(text, value), "a value is shown: {text}");
        }
    }
}

/// Whether the text has the value, and not as a part of one of its words.
fn shows(text: &str, value: &str) -> bool {
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(value).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + value.len()..].chars().next();
        !before.is_some_and(is_of_a_word) && !after.is_some_and(is_of_a_word)
    })
}

#[derive(Default)]
struct Found {
    values: BTreeSet<String>,
    /// Keys, and values that may be shown.
    shown: BTreeSet<String>,
}

impl Found {
    fn collect(&mut self, value: &Value, is_public: bool, public: &[&str]) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    self.shown.insert(key.clone());
                    self.collect(value, is_public || public.contains(&key.as_str()), public);
                }
            }
            Value::Array(list) => list
                .iter()
                .for_each(|it| self.collect(it, is_public, public)),
            Value::String(text) if is_public => {
                self.shown.insert(text.trim().to_owned());
            }
            Value::String(text) if text.trim().len() >= MIN_BYTES => {
                self.values.insert(text.trim().to_owned());
            }
            _ => {}
        }
    }
}
