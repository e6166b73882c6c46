//! Typed access to an entry of the providers file. Other tools have written these files for years:
//! a number may be written as text, and nearly every value may be a secret. So no message here
//! repeats a value.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

/// What is wrong with an entry of the providers file. Names the key, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {why}")]
pub struct ProviderConfigError {
    /// The key in the file.
    pub key: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl ProviderConfigError {
    pub(crate) fn new(key: &str, why: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            why: why.into(),
        }
    }
}

type Result<T> = std::result::Result<T, ProviderConfigError>;

const SCOPE: &str = "scope";
/// Longest duration of a setting in seconds.
const MAX_SECONDS: f64 = 86_400.0;

/// How the body of a token request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// A JSON object (`json`).
    Json,
    /// A URL-encoded form (`form`).
    Form,
}

/// The keys and values of one entry. Null is the same as absent.
pub(crate) struct Fields {
    values: Map<String, Value>,
    /// The keys that may be read: the public list, which the documents are compared with.
    known: &'static [&'static str],
}

impl Fields {
    pub(crate) fn new(value: Value, known: &'static [&'static str]) -> Result<Self> {
        match value {
            Value::Object(values) => Ok(Self { values, known }),
            _ => Err(ProviderConfigError::new(
                "provider",
                "must be a JSON object",
            )),
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        debug_assert!(
            self.known.contains(&key),
            "`{key}` is not in the list of keys"
        );
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// The value of `key` as text. It may be a number.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>> {
        self.get(key).map(|value| text(key, value)).transpose()
    }

    /// As [`Fields::text`], for a value that must not be printed. An empty one counts as absent.
    pub(crate) fn secret(&self, key: &str) -> Result<Option<SecretString>> {
        let text = self.text(key)?.filter(|text| !text.is_empty());
        Ok(text.map(SecretString::from))
    }

    /// Text that must not be missing.
    pub(crate) fn required(&self, key: &str) -> Result<String> {
        self.text(key)?
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .ok_or_else(|| ProviderConfigError::new(key, "is missing"))
    }

    /// A URL that credentials may be sent to; `None` if it is absent or empty.
    pub(crate) fn url(&self, key: &str) -> Result<Option<Url>> {
        let text = self.text(key)?.filter(|text| !text.is_empty());
        text.map(|text| url(key, text.trim())).transpose()
    }

    /// As [`Fields::url`], but it must not be missing.
    pub(crate) fn required_url(&self, key: &str) -> Result<Url> {
        url(key, &self.required(key)?)
    }

    /// `json` or `form`.
    pub(crate) fn body_format(&self, key: &str, default: BodyFormat) -> Result<BodyFormat> {
        match self.text(key)?.as_deref().map(str::trim) {
            None | Some("") => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("json") => Ok(BodyFormat::Json),
            Some(text) if text.eq_ignore_ascii_case("form") => Ok(BodyFormat::Form),
            Some(_) => Err(ProviderConfigError::new(key, "must be json or form")),
        }
    }

    /// One of a few words, in any case; `None` if it is absent or empty.
    pub(crate) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let text = self.text(key)?;
        let Some(text) = text.as_deref().map(str::trim).filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            ProviderConfigError::new(key, format!("must be {}", words.join(" or ")))
        })
    }

    /// A list of UUIDs, or a single one.
    pub(crate) fn uuids(&self, key: &str) -> Result<Vec<Uuid>> {
        let ids = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(ids)) => ids.as_slice(),
            Some(id) => std::slice::from_ref(id),
        };
        ids.iter()
            .map(|id| id.as_str().and_then(|id| Uuid::parse_str(id.trim()).ok()))
            .collect::<Option<_>>()
            .ok_or_else(|| ProviderConfigError::new(key, "must be a list of UUIDs"))
    }

    /// A switch: a JSON boolean, 0 or 1, or a word such as `yes` or `off`.
    pub(crate) fn switch(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(key) else {
            return Ok(default);
        };
        let word = match value {
            Value::Bool(on) => return Ok(*on),
            other => text(key, other)?,
        };
        match word.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(ProviderConfigError::new(key, "must be true or false")),
        }
    }

    /// A switch that only the boolean `false` turns off. Words and numbers are checked as those of
    /// a switch, and leave it on.
    pub(crate) fn unless_false(&self, key: &str) -> Result<bool> {
        self.switch(key, true)?;
        Ok(self.get(key) != Some(&Value::Bool(false)))
    }

    /// A duration in seconds, fractions allowed.
    pub(crate) fn seconds(&self, key: &str) -> Result<Option<Duration>> {
        let Some(seconds) = self.number(key)? else {
            return Ok(None);
        };
        if (0.0..=MAX_SECONDS).contains(&seconds) {
            Ok(Some(Duration::from_secs_f64(seconds)))
        } else {
            Err(ProviderConfigError::new(
                key,
                format!("must be between 0 and {MAX_SECONDS} seconds"),
            ))
        }
    }

    /// A share from 0 to 1.
    pub(crate) fn share(&self, key: &str) -> Result<Option<f64>> {
        match self.number(key)? {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                Err(ProviderConfigError::new(key, "must be between 0 and 1"))
            }
            share => Ok(share),
        }
    }

    /// A whole number within `min..=max`.
    pub(crate) fn whole(&self, key: &str, min: u32, max: u32) -> Result<Option<u32>> {
        let Some(number) = self.number(key)? else {
            return Ok(None);
        };
        (min..=max)
            .contains(&whole_part(number))
            .then(|| whole_part(number))
            .filter(|whole| f64::from(*whole) == number)
            .map(Some)
            .ok_or_else(|| {
                ProviderConfigError::new(key, format!("must be a whole number from {min} to {max}"))
            })
    }

    /// A list of whole numbers within `min..=max`, or a single one. Sorted and without duplicates.
    pub(crate) fn ascending(&self, key: &str, min: u32, max: u32) -> Result<Vec<u32>> {
        let Some(Value::Array(values)) = self.get(key) else {
            return Ok(self.whole(key, min, max)?.into_iter().collect());
        };
        let mut numbers = Vec::with_capacity(values.len());
        for value in values {
            let one = Self {
                values: Map::from_iter([(key.to_owned(), value.clone())]),
                known: self.known,
            };
            numbers.extend(one.whole(key, min, max)?);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.trim().is_empty() => return Ok(None),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|number| number.is_finite())
            .map(Some)
            .ok_or_else(|| ProviderConfigError::new(key, "must be a number"))
    }

    /// A nested object, read by `read`.
    pub(crate) fn object<T>(
        &self,
        key: &str,
        known: &'static [&'static str],
        read: impl Fn(&Self) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let Value::Object(map) = value else {
            return Err(ProviderConfigError::new(key, "must be an object"));
        };
        read(&Self {
            values: map.clone(),
            known,
        })
        .map(Some)
        .map_err(|error| ProviderConfigError::new(&format!("{key}.{}", error.key), error.why))
    }

    /// An object with members of any type.
    pub(crate) fn members(&self, key: &str) -> Result<Map<String, Value>> {
        match self.get(key) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map.clone()),
            Some(_) => Err(ProviderConfigError::new(key, "must be an object")),
        }
    }

    /// An object of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<BTreeMap<String, String>> {
        match self.get(key) {
            None => Ok(BTreeMap::new()),
            Some(value) => texts(key, value),
        }
    }

    /// As [`Fields::texts`]; empty text, an empty list and `false` count as absent, since the older
    /// tools passed over what is no object.
    pub(crate) fn texts_if_any(&self, key: &str) -> Result<BTreeMap<String, String>> {
        match self.get(key) {
            Some(Value::Bool(false)) => Ok(BTreeMap::new()),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(BTreeMap::new()),
            Some(Value::Array(values)) if values.is_empty() => Ok(BTreeMap::new()),
            _ => self.texts(key),
        }
    }

    /// An object of texts that must not be printed.
    pub(crate) fn secrets(&self, key: &str) -> Result<BTreeMap<String, SecretString>> {
        Ok(secret_values(self.texts(key)?))
    }

    /// As [`Fields::secrets`], for the fields of a login. OAuth's `scope` may be a list: a form and
    /// JSON have its words in one text, with blanks between them (RFC 6749, 3.3). In a form, a
    /// boolean is the word of Python, in which the older tools posted it.
    pub(crate) fn login(
        &self,
        key: &str,
        format: BodyFormat,
    ) -> Result<BTreeMap<String, SecretString>> {
        let mut login = self.members(key)?;
        for value in login.values_mut() {
            if let (Value::Bool(boolean), BodyFormat::Form) = (&*value, format) {
                *value = if *boolean { "True" } else { "False" }.into();
            }
        }
        if let Some(Value::Array(words)) = login.get(SCOPE) {
            let words = words
                .iter()
                .map(|word| text(&format!("{key}.{SCOPE}"), word))
                .collect::<Result<Vec<_>>>()?;
            login.insert(SCOPE.to_owned(), words.join(" ").into());
        }
        Ok(secret_values(texts(key, &Value::Object(login))?))
    }

    /// As [`Fields::secrets`], for a key that may also be written as nested objects:
    /// `"request.auth.headers": {…}` or `"request": {"auth": {"headers": {…}}}`.
    pub(crate) fn dotted_secrets(&self, key: &str) -> Result<BTreeMap<String, SecretString>> {
        if self.get(key).is_some() {
            return self.secrets(key);
        }
        let mut parts = key.split('.');
        let first = parts.next().and_then(|part| self.values.get(part));
        let nested = parts.try_fold(first, |value, part| match value {
            Some(Value::Object(map)) => Some(map.get(part).filter(|value| !value.is_null())),
            _ => None,
        });
        match nested.flatten() {
            None => Ok(BTreeMap::new()),
            Some(value) => texts(key, value).map(secret_values),
        }
    }
}

fn secret_values(map: BTreeMap<String, String>) -> BTreeMap<String, SecretString> {
    map.into_iter()
        .map(|(name, value)| (name, SecretString::from(value)))
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and the caller compares the result with the argument"
)]
fn whole_part(number: f64) -> u32 {
    number as u32
}

fn url(key: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| ProviderConfigError::new(key, "must be a URL such as https://host/path"))?;
    if http_kit::is_secure(&url) {
        Ok(url)
    } else {
        Err(ProviderConfigError::new(
            key,
            "must start with https:// (plain http is for loopback hosts only)",
        ))
    }
}

fn text(key: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(ProviderConfigError::new(key, "must be text")),
    }
}

fn texts(key: &str, value: &Value) -> Result<BTreeMap<String, String>> {
    let Value::Object(map) = value else {
        return Err(ProviderConfigError::new(key, "must be an object"));
    };
    map.iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| Ok((name.clone(), text(&format!("{key}.{name}"), value)?)))
        .collect()
}
