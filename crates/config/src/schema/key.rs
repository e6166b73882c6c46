//! A key of a file: its form and its meaning in one line.

use serde_json::{Map, Value, json};

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeyForm {
    /// Any text.
    Text,
    /// A text that nobody but its owner should see.
    Secret,
    /// An address.
    Url,
    /// A UUID.
    Uuid,
    /// A list of UUIDs.
    Uuids,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A switch.
    Switch,
    /// A number of seconds.
    Seconds,
    /// A share from 0 to 1.
    Share,
    /// A whole number in this range.
    Whole(u32, u32),
    /// One of these whole numbers.
    Choice(&'static [u32]),
    /// A list of whole numbers in this range.
    Wholes(u32, u32),
    /// An object of texts.
    Texts,
    /// An object of texts that nobody but their owner should see.
    Secrets,
    /// A JSON object with keys of its own, which may hold secrets.
    Object,
    /// The list of boundary layers.
    Layers,
}

/// A key of a file.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// The key.
    pub name: &'static str,
    /// What its value looks like.
    pub form: KeyForm,
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

impl KeySpec {
    pub(super) const fn new(name: &'static str, form: KeyForm, meaning: &'static str) -> Self {
        Self {
            name,
            form,
            meaning,
        }
    }

    /// Whether its value may be a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(
            self.form,
            KeyForm::Secret | KeyForm::Secrets | KeyForm::Object
        )
    }

    /// A value of the file for a text, such as that of an option.
    ///
    /// # Errors
    ///
    /// What the text should be.
    pub fn value(&self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        let parsed = || serde_json::from_str::<Value>(text).ok();
        match self.form {
            KeyForm::Text | KeyForm::Secret | KeyForm::Url | KeyForm::Uuid | KeyForm::Words(_) => {
                Ok(text.into())
            }
            KeyForm::Switch => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(true.into()),
                "false" | "no" | "off" => Ok(false.into()),
                _ => Err("must be true or false".to_owned()),
            },
            KeyForm::Seconds | KeyForm::Share | KeyForm::Whole(..) | KeyForm::Choice(_) => parsed()
                .filter(Value::is_number)
                .ok_or_else(|| "must be a number".to_owned()),
            KeyForm::Uuids | KeyForm::Wholes(..) => Ok(self.list(text)),
            KeyForm::Texts | KeyForm::Secrets | KeyForm::Object => parsed()
                .filter(Value::is_object)
                .or_else(|| pairs(text))
                .ok_or_else(|| "must be a JSON object, or NAME=VALUE".to_owned()),
            KeyForm::Layers => parsed()
                .filter(Value::is_array)
                .ok_or_else(|| "must be a JSON list".to_owned()),
        }
    }

    /// A list from JSON, or with commas between its items.
    fn list(&self, text: &str) -> Value {
        if let Ok(Value::Array(items)) = serde_json::from_str(text) {
            return items.into();
        }
        let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let item = |it: &str| -> Value {
            match self.form {
                KeyForm::Wholes(..) => serde_json::from_str(it).unwrap_or_else(|_| it.into()),
                _ => it.into(),
            }
        };
        items.map(item).collect()
    }

    pub(super) fn schema(&self) -> Value {
        let texts =
            json!({ "type": "object", "additionalProperties": { "type": ["string", "number"] } });
        let mut schema = match self.form {
            KeyForm::Text | KeyForm::Secret => json!({ "type": "string" }),
            KeyForm::Url => json!({ "type": "string", "pattern": "^https?://" }),
            KeyForm::Uuid => uuid(),
            KeyForm::Uuids => json!({ "type": "array", "items": uuid() }),
            KeyForm::Words(words) => json!({ "type": "string", "enum": words }),
            KeyForm::Switch => json!({ "type": "boolean" }),
            KeyForm::Seconds => json!({ "type": "number", "minimum": 0 }),
            KeyForm::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
            KeyForm::Whole(min, max) => whole(min, max),
            KeyForm::Choice(numbers) => json!({ "type": "integer", "enum": numbers }),
            KeyForm::Wholes(min, max) => json!({ "type": "array", "items": whole(min, max) }),
            KeyForm::Texts => texts,
            // OAuth's `scope` may be a list.
            KeyForm::Secrets | KeyForm::Object => json!({ "type": "object" }),
            KeyForm::Layers => layers(),
        };
        schema["description"] = self.meaning.into();
        schema
    }
}

/// Lines, or one line, of `NAME=VALUE`.
fn pairs(text: &str) -> Option<Value> {
    let pairs = text.lines().map(str::trim).filter(|it| !it.is_empty());
    let members = pairs.map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().into()))
    });
    let members: Map<String, Value> = members.collect::<Option<_>>()?;
    (!members.is_empty()).then_some(Value::Object(members))
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn whole(min: u32, max: u32) -> Value {
    json!({ "type": "integer", "minimum": min, "maximum": max })
}

fn layers() -> Value {
    let names = boundaries::LayerName::ALL.map(|name| name.to_string());
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "layer": { "type": "string", "enum": names },
                "key": { "type": "string" },
                "property": { "type": "string" },
            },
            "required": ["layer", "key", "property"],
        },
    })
}
