//! A time in nanoseconds, which JSON's numbers cannot hold: many readers keep 53 bits of them.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<S: Serializer>(time: &Option<i64>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) if out.is_human_readable() => out.collect_str(time),
        other => other.serialize(out),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<Nanoseconds>::deserialize(input)?.map(|time| time.0))
}

struct Nanoseconds(i64);

impl<'de> Deserialize<'de> for Nanoseconds {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(NanosecondsVisitor)
    }
}

struct NanosecondsVisitor;

impl Visitor<'_> for NanosecondsVisitor {
    type Value = Nanoseconds;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("nanoseconds as a number or as a text of digits")
    }

    fn visit_i64<E: Error>(self, time: i64) -> Result<Self::Value, E> {
        Ok(Nanoseconds(time))
    }

    fn visit_u64<E: Error>(self, time: u64) -> Result<Self::Value, E> {
        i64::try_from(time).map(Nanoseconds).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, time: &str) -> Result<Self::Value, E> {
        time.parse().map(Nanoseconds).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(time), &self))
    }
}

#[cfg(feature = "schema")]
pub(super) fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": ["string", "integer", "null"], "pattern": "^-?[0-9]+$" })
}
