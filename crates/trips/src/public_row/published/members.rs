//! Reads the members of a row as texts and numbers, before their forms are checked.
//!
//! serde's own messages quote values, so none of them is passed on.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::PublishedRowError;
use crate::public_row::Member;

const MEMBERS: usize = Member::ALL.len();
/// The longest name of an unknown member that a message shows.
const MAX_NAME_BYTES: usize = 40;

/// A value that a member of a published row may have.
#[derive(Debug)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Whole(i64),
}

/// The members found in a row.
#[derive(Debug, Default)]
pub(super) struct Members<'a>([Option<Scalar<'a>>; MEMBERS]);

impl<'a> Members<'a> {
    pub(super) fn get(&self, member: Member) -> Result<&Scalar<'a>, PublishedRowError> {
        self.0[member as usize]
            .as_ref()
            .ok_or(PublishedRowError::Missing { member })
    }
}

/// Reads a text that holds one row.
pub(super) fn read(text: &str) -> Result<Members<'_>, PublishedRowError> {
    let mut fault = PublishedRowError::NotAnObject;
    let mut json = serde_json::Deserializer::from_str(text);
    let members = RowSeed { fault: &mut fault }.deserialize(&mut json);
    match members {
        Ok(members) if json.end().is_ok() => Ok(members),
        Ok(_) => Err(PublishedRowError::NotAnObject),
        Err(_) => Err(fault),
    }
}

/// Reads the object, and leaves in `fault` what is wrong with it.
struct RowSeed<'f> {
    fault: &'f mut PublishedRowError,
}

impl RowSeed<'_> {
    fn fail<E: serde::de::Error>(&mut self, fault: PublishedRowError) -> E {
        *self.fault = fault;
        E::custom("not a published row")
    }
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Members<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Members<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let member = match name {
                Name::Known(member) => member,
                Name::Unknown(name) => return Err(self.fail(PublishedRowError::Unknown { name })),
            };
            let place = &mut members.0[member as usize];
            if place.is_some() {
                return Err(self.fail(PublishedRowError::Twice { member }));
            }
            *place = Some(map.next_value_seed(ScalarSeed).map_err(|_| {
                self.fail::<A::Error>(PublishedRowError::WrongForm {
                    member,
                    expected: "a text or a whole number",
                })
            })?);
        }
        Ok(members)
    }
}

enum Name {
    Known(Member),
    Unknown(String),
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Name, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        Ok(Member::of(name).map_or_else(|| Name::Unknown(shown(name)), Name::Known))
    }
}

/// A name that looks like that of a column, in quotes; of any other only that it exists, since a
/// name could hold data too.
fn shown(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b':';
    if name.len() <= MAX_NAME_BYTES && name.bytes().all(is_plain) {
        format!("`{name}`")
    } else {
        "a member with another name".to_owned()
    }
}

struct ScalarSeed;

impl<'de> DeserializeSeed<'de> for ScalarSeed {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Scalar<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ScalarSeed {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Scalar<'de>, E> {
        i64::try_from(number).map(Scalar::Whole).map_err(E::custom)
    }
}
