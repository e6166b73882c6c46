//! Values that parse whatever their JSON type is.
//!
//! A value of the wrong type must give one reason, not hide the rest of the trip behind a parse
//! error.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scalar::Scalar;

/// A type that every JSON value can be read as. An implementation overrides the methods for the
/// JSON types that it expects; every other value reads as [`Lenient::ABSENT`].
pub(super) trait Lenient<'de>: Sized {
    const ABSENT: Self;

    fn from_number(_: f64) -> Self {
        Self::ABSENT
    }

    fn from_text(_: &str) -> Self {
        Self::ABSENT
    }

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        skip_list(list).map(|()| Self::ABSENT)
    }

    fn from_object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        skip_object(object).map(|()| Self::ABSENT)
    }
}

/// Reads any value as a `T`; an implementation of `Deserialize` for it.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Lenient<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(AnyValue(PhantomData))
}

struct AnyValue<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for AnyValue<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::ABSENT)
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::ABSENT)
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::from_number(number))
    }

    // Degrees and timestamps are far below 2^53, where every integer is exact.
    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::from_number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::from_number(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::from_object(object)
    }
}

/// A number as its digits: a route has many, and only those of its ends are parsed. Any other value
/// is `None`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number<'a>(Option<&'a str>);

impl Number<'_> {
    /// No number.
    pub(super) const NONE: Self = Self(None);

    pub(super) fn is_number(self) -> bool {
        self.0.is_some()
    }

    /// The nearest `f64`.
    pub(super) fn value(self) -> Option<f64> {
        self.0.and_then(number_in)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Number<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Scalar::Number(digits) = Scalar::of(<&RawValue>::deserialize(deserializer)?) else {
            return Ok(Self::NONE);
        };
        if may_be_out_of_range(digits) && number_in(digits).is_none() {
            return Err(D::Error::custom(OUT_OF_RANGE));
        }
        Ok(Self(Some(digits)))
    }
}

/// The parser's words for a number that no `f64` holds.
pub(super) const OUT_OF_RANGE: &str = "number out of range";

/// The greatest `f64` has 309 digits.
fn may_be_out_of_range(number: &str) -> bool {
    number.len() > 300 || number.contains(['e', 'E'])
}

/// An object that reads as `T`. Any other value is `None`.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Lenient<'de> for Object<T> {
    const ABSENT: Self = Self(None);

    fn from_object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|value| Self(Some(value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer)
    }
}

/// The number that a text holds.
pub(super) fn number_in(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

/// Reads the rest of a list, because the parser continues after it.
pub(super) fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}
