//! A hash of a JSON text that depends on what it says and not on how it is written.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The hash of a JSON text. The order of an object's members and the spacing make no difference.
/// `None` for a text that is not JSON, or that is nested too deeply.
///
/// The text is hashed while it is read, because a trip may have as many bytes as fit into memory
/// once, but not as a tree of values. Only the members of the objects that are open are kept, as
/// sixteen bytes each.
pub(super) fn hash_of_json(text: &str) -> Option<u64> {
    let ValueHash(value) = serde_json::from_str(text).ok()?;
    Some(hash_of(&(value, digits::hash_of_long_numbers(text))))
}

/// What precedes a value in its hash, so that a text and a number never look alike.
#[derive(Hash)]
enum Kind {
    Null,
    Bool,
    Integer,
    Float,
    Text,
    List,
    Object,
}

pub(super) fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

struct ValueHash(u64);

impl ValueHash {
    fn of<E>(kind: Kind, value: impl Hash) -> Result<Self, E> {
        Ok(Self(hash_of(&(kind, value))))
    }
}

impl<'de> Deserialize<'de> for ValueHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = ValueHash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<ValueHash, E> {
        ValueHash::of(Kind::Null, ())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<ValueHash, E> {
        ValueHash::of(Kind::Bool, value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<ValueHash, E> {
        ValueHash::of(Kind::Integer, i128::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<ValueHash, E> {
        ValueHash::of(Kind::Integer, i128::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<ValueHash, E> {
        ValueHash::of(Kind::Float, value.to_bits())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<ValueHash, E> {
        ValueHash::of(Kind::Text, value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ValueHash, A::Error> {
        let mut hasher = DefaultHasher::new();
        Kind::List.hash(&mut hasher);
        while let Some(ValueHash(element)) = list.next_element()? {
            element.hash(&mut hasher);
        }
        Ok(ValueHash(hasher.finish()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<ValueHash, A::Error> {
        let mut members = Vec::new();
        while let Some((ValueHash(name), ValueHash(value))) = object.next_entry()? {
            members.push((name, value));
        }
        members.sort_unstable();
        ValueHash::of(Kind::Object, members)
    }
}

mod digits;

#[cfg(test)]
mod tests;
