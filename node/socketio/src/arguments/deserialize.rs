//! Reads a type from the arguments: serde_json reads each from its part of the packet's text, and nothing is
//! built that the type does not ask for. Only an argument with a placeholder becomes a tree first.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{ArgumentError, Arguments};
use crate::value::Value;

/// By this name serde_json asks for the text of a value. It is a newtype in name only.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// The arguments as a data format in which a tuple spreads over them.
#[derive(Clone, Copy)]
pub(super) struct Spread<'a> {
    arguments: &'a Arguments,
}

/// One argument, in the form that it is read from.
enum Source<'a> {
    Text(&'a str),
    Tree(Value),
    /// Reads as `null`, so that it may be an `Option`.
    Missing,
}

impl<'a> Spread<'a> {
    pub(super) fn new(arguments: &'a Arguments) -> Self {
        Spread { arguments }
    }

    fn source(self, index: usize) -> Result<Source<'a>, ArgumentError> {
        let Some(json) = self.arguments.json(index) else { return Ok(Source::Missing) };
        if self.arguments.attachments.is_none() {
            return Ok(Source::Text(json));
        }
        match self.arguments.raw(index) {
            Some(raw) if !raw.is_plain() => match raw.to_value() {
                Ok(tree) => Ok(Source::Tree(tree)),
                Err(source) => Err(ArgumentError::Mismatch { position: index + 1, source }),
            },
            _ => Ok(Source::Text(json)),
        }
    }

    fn spread<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_seq(Rest { spread: self, index: 0, len })
    }
}

/// Calls a method of the deserializer of one argument.
macro_rules! read {
    ($spread:expr, $index:expr, $deserializer:ident => $read:expr) => {{
        let position = $index + 1;
        match $spread.source($index)? {
            Source::Text(json) => {
                let $deserializer = &mut serde_json::Deserializer::from_str(json);
                $read.map_err(|source| ArgumentError::Mismatch { position, source })
            }
            Source::Tree($deserializer) => {
                $read.map_err(|source| ArgumentError::Mismatch { position, source })
            }
            Source::Missing => {
                let $deserializer = Value::Null;
                $read.map_err(|_: serde_json::Error| ArgumentError::Missing { position })
            }
        }
    }};
}

macro_rules! first_argument {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, ArgumentError> {
            read!(self, 0, deserializer => deserializer.$method($($name,)* visitor))
        })*
    };
}

impl<'de> Deserializer<'de> for Spread<'de> {
    type Error = ArgumentError;

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ArgumentError> {
        self.spread(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        self.spread(len, visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgumentError> {
        if name == RAW_VALUE {
            return read!(self, 0, deserializer => deserializer.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    first_argument! {
        deserialize_any()
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_string()
        deserialize_bytes()
        deserialize_byte_buf()
        deserialize_option()
        deserialize_seq()
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
        deserialize_ignored_any()
    }
}

/// The arguments from `index` on, as elements of a tuple of `len`.
struct Rest<'a> {
    spread: Spread<'a>,
    index: usize,
    len: usize,
}

impl<'de> SeqAccess<'de> for Rest<'de> {
    type Error = ArgumentError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ArgumentError> {
        if self.index == self.len {
            return Ok(None);
        }
        let index = self.index;
        self.index += 1;
        read!(self.spread, index, deserializer => seed.deserialize(deserializer)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.index)
    }
}
