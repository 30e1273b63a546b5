//! Tells how many arguments a value is, by looking at the first thing that it says when serialised.

use std::fmt;

use serde::ser::{self, Impossible, Serialize, Serializer};

/// Way in which a value becomes arguments. See the rule in [`encode`](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    /// `()`, and a tuple of none.
    Nothing,
    /// A tuple, which has at least one element.
    Several,
    /// Anything else.
    One,
}

impl Spread {
    pub(super) fn of(value: &(impl Serialize + ?Sized)) -> Spread {
        match value.serialize(Probe) {
            Err(Answer(spread)) => spread,
            Ok(never) => match never {},
        }
    }
}

/// A serializer that serialises nothing: its first call ends in an error, and the error is the answer.
struct Probe;

#[derive(Debug)]
struct Answer(Spread);

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl std::error::Error for Answer {}

impl ser::Error for Answer {
    /// A value that fails on its own will fail again, with its message, when it is written.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Answer(Spread::One)
    }
}

/// There is no value of this type: the probe never succeeds.
enum Never {}

const ONE: Answer = Answer(Spread::One);

macro_rules! one {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<Never, Answer> {
            Err(ONE)
        })*
    };
}

type Nested = Impossible<Never, Answer>;

impl Serializer for Probe {
    type Ok = Never;
    type Error = Answer;
    type SerializeSeq = Nested;
    type SerializeTuple = Nested;
    type SerializeTupleStruct = Nested;
    type SerializeTupleVariant = Nested;
    type SerializeMap = Nested;
    type SerializeStruct = Nested;
    type SerializeStructVariant = Nested;

    one! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64,
    }

    fn serialize_none(self) -> Result<Never, Answer> {
        Err(ONE)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Never, Answer> {
        Err(ONE)
    }

    fn serialize_unit(self) -> Result<Never, Answer> {
        Err(Answer(Spread::Nothing))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Never, Answer> {
        Err(Answer(Spread::Nothing))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Never, Answer> {
        Err(ONE)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Never, Answer> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Never, Answer> {
        Err(ONE)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Nested, Answer> {
        Err(ONE)
    }

    fn serialize_tuple(self, len: usize) -> Result<Nested, Answer> {
        Err(Answer(if len == 0 { Spread::Nothing } else { Spread::Several }))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Nested, Answer> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Nested, Answer> {
        Err(ONE)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Nested, Answer> {
        Err(ONE)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Nested, Answer> {
        Err(ONE)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Nested, Answer> {
        Err(ONE)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<Never, Answer> {
        Err(ONE)
    }
}
