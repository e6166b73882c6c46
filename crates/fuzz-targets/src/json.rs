//! JSON as it stands in a text: members in their order, also those that occur twice, and scalars
//! with the digits and escapes that were sent.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in their order.
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object; `None` for anything else.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The values of all members of this name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &'a RawValue> {
        let members = self.0.iter();
        members.filter_map(move |(key, value)| (key == name).then_some(*value))
    }

    /// Whether a name occurs twice.
    #[must_use]
    pub fn repeats(&self) -> bool {
        let keys = self.0.iter().map(|(key, _)| key);
        keys.collect::<std::collections::BTreeSet<_>>().len() < self.0.len()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader).map(Self)
    }
}

/// A JSON value that can be changed and written again.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A scalar, as it is written.
    Scalar(String),
    /// An array.
    List(Vec<Node>),
    /// An object.
    Object(Vec<(String, Node)>),
}

/// Deeper values stay as they are written.
const MAX_DEPTH: usize = 40;

impl Node {
    /// Reads a text; `None` if it is not JSON.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        Some(Self::of(raw, 0))
    }

    fn of(raw: &RawValue, depth: usize) -> Self {
        let text = raw.get();
        let below = |raw: &RawValue| Self::of(raw, depth + 1);
        let node = match text.as_bytes().first() {
            Some(b'{') if depth < MAX_DEPTH => Members::read(text).map(|members| {
                let members = members.0.into_iter();
                Self::Object(members.map(|(key, value)| (key, below(value))).collect())
            }),
            Some(b'[') if depth < MAX_DEPTH => serde_json::from_str::<Vec<&RawValue>>(text)
                .ok()
                .map(|list| Self::List(list.into_iter().map(below).collect())),
            _ => None,
        };
        node.unwrap_or_else(|| Self::Scalar(text.to_owned()))
    }

    /// The number of nodes of the tree.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + match self {
            Self::Scalar(_) => 0,
            Self::List(list) => list.iter().map(Self::count).sum(),
            Self::Object(members) => members.iter().map(|(_, node)| node.count()).sum(),
        }
    }

    /// The node of this number, the root being 0.
    pub fn nth(&mut self, number: usize) -> Option<&mut Self> {
        if number == 0 {
            return Some(self);
        }
        let mut number = number - 1;
        let below: Vec<&mut Self> = match self {
            Self::Scalar(_) => Vec::new(),
            Self::List(list) => list.iter_mut().collect(),
            Self::Object(members) => members.iter_mut().map(|(_, node)| node).collect(),
        };
        for node in below {
            let count = node.count();
            if number < count {
                return node.nth(number);
            }
            number -= count;
        }
        None
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(text) => f.write_str(text),
            Self::List(list) => {
                f.write_str("[")?;
                for (index, node) in list.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    node.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (key, node)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write!(f, "{}:{node}", serde_json::Value::from(key.as_str()))?;
                }
                f.write_str("}")
            }
        }
    }
}
