//! Objects that are nothing else.
//!
//! What serde derives for a struct also reads an array, as the struct's fields in their order. So
//! an answer of another form could pass for the expected one.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A value that has to be an object.
///
/// ```
/// use trips::json::Object;
///
/// #[derive(serde::Deserialize)]
/// struct Counts {
///     created: u64,
/// }
///
/// let Object(counts): Object<Counts> = serde_json::from_str(r#"{"created": 3}"#)?;
/// assert_eq!(counts.created, 3);
/// assert!(serde_json::from_str::<Object<Counts>>("[3]").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// Reads a text that is an object.
///
/// # Errors
///
/// The text is not JSON, not an object, or not a `T`.
pub fn object_in<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    serde_json::from_str(text).map(|Object(value)| value)
}

/// Reads a member that is an object or `null`, for `deserialize_with`.
///
/// # Errors
///
/// Those of the deserializer.
pub fn optional_object<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let object = Option::<Object<T>>::deserialize(deserializer)?;
    Ok(object.map(|Object(value)| value))
}

/// Reads a member that is a list of objects, for `deserialize_with`.
///
/// # Errors
///
/// Those of the deserializer.
pub fn objects<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(value)| value).collect())
}
