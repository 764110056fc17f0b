//! Lists of small numbers: one byte each in binary formats, plain numbers in formats that people read.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserializer, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// More points than any writer makes: a hostile length must not reserve memory that is not there.
const RESERVE_AT_MOST: usize = 4096;

pub(crate) mod signed {
    use super::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(values: &[i8], out: S) -> Result<S::Ok, S::Error> {
        if out.is_human_readable() {
            return out.collect_seq(values);
        }
        let bytes: Vec<u8> = values.iter().map(|value| value.cast_unsigned()).collect();
        out.serialize_bytes(&bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<i8>, D::Error> {
        super::read(input, u8::cast_signed)
    }
}

pub(crate) mod unsigned {
    use super::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(values: &[u8], out: S) -> Result<S::Ok, S::Error> {
        if out.is_human_readable() { out.collect_seq(values) } else { out.serialize_bytes(values) }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u8>, D::Error> {
        super::read(input, |byte| byte)
    }
}

fn read<'de, D, T>(input: D, from_byte: fn(u8) -> T) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let visitor = Numbers { from_byte, item: PhantomData };
    if input.is_human_readable() { input.deserialize_seq(visitor) } else { input.deserialize_bytes(visitor) }
}

struct Numbers<T> {
    from_byte: fn(u8) -> T,
    item: PhantomData<T>,
}

impl<'de, T: TryFrom<i64>> Visitor<'de> for Numbers<T> {
    type Value = Vec<T>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a byte string or a list of small integers")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(bytes.iter().map(|byte| (self.from_byte)(*byte)).collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::with_capacity(items.size_hint().unwrap_or(0).min(RESERVE_AT_MOST));
        while let Some(number) = items.next_element::<i64>()? {
            values.push(
                T::try_from(number).map_err(|_| A::Error::custom(format!("{number} does not fit a byte")))?,
            );
        }
        Ok(values)
    }
}
