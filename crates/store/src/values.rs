//! The parameters of statements, with their types.
//!
//! A statement whose types the client knows needs one round trip: it is parsed, bound and executed
//! by the messages of one packet. Otherwise the client asks for the types first. A statement that
//! is prepared needs one as well, but only when a connection sends it again, and the connections of
//! a function are new each time.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value as JsonValue;
use tokio_postgres::types::{Json, ToSql, Type};
use uuid::Uuid;

/// A parameter with its type.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A type of parameters.
pub(crate) trait Value: ToSql + Sync {
    /// Its type in the database.
    const TYPE: Type;
    /// The type of an array of it.
    const ARRAY: Type;
}

macro_rules! value {
    ($($rust:ty => $sql:ident, $array:ident;)*) => {
        $(impl Value for $rust {
            const TYPE: Type = Type::$sql;
            const ARRAY: Type = Type::$array;
        })*
    };
}

value! {
    bool => BOOL, BOOL_ARRAY;
    i32 => INT4, INT4_ARRAY;
    i64 => INT8, INT8_ARRAY;
    f64 => FLOAT8, FLOAT8_ARRAY;
    String => TEXT, TEXT_ARRAY;
    &str => TEXT, TEXT_ARRAY;
    Uuid => UUID, UUID_ARRAY;
    DateTime<Utc> => TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    NaiveDate => DATE, DATE_ARRAY;
    JsonValue => JSONB, JSONB_ARRAY;
}

/// An array. Postgres has no type for arrays of arrays.
macro_rules! array {
    ($($rust:ty),*) => {
        $(impl<T: Value> Value for $rust {
            const TYPE: Type = T::ARRAY;
            const ARRAY: Type = T::ARRAY;
        })*
    };
}

array!(Vec<T>, &[T]);

impl<T: Value> Value for Option<T> {
    const TYPE: Type = T::TYPE;
    const ARRAY: Type = T::ARRAY;
}

impl Value for Json<&JsonValue> {
    const TYPE: Type = Type::JSONB;
    const ARRAY: Type = Type::JSONB_ARRAY;
}

/// A parameter whose type follows from its value.
pub(crate) fn parameter<T: Value>(value: &T) -> Parameter<'_> {
    (value, T::TYPE)
}

/// The parameters of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::values::parameter(&$value)),*]
    };
}
pub(crate) use values;
