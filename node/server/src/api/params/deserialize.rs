//! Deserializers of the parameters of a name, and of one of them.

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::namespace::NameParams;

/// All parameters.
pub struct NameDeserializer<'de>(pub &'de NameParams);

/// One parameter.
#[derive(Clone, Copy)]
struct Text<'de>(&'de str);

impl<'de> NameDeserializer<'de> {
    fn values(&self) -> impl Iterator<Item = Text<'de>> + use<'de> {
        self.0.iter().map(|(_, value)| Text(value))
    }

    /// The only parameter, if there is just one.
    fn single(&self) -> Result<Text<'de>, Error> {
        match &self.0[..] {
            [(_, value)] => Ok(Text(value)),
            [] => Err(Error::custom("the name has no parameters")),
            several => Err(Error::custom(format!(
                "the name has {} parameters: take them as a tuple or a struct",
                several.len()
            ))),
        }
    }

    fn check_len(&self, len: usize) -> Result<(), Error> {
        match self.0.len() {
            count if count == len => Ok(()),
            count => Err(Error::custom(format!("the name has {count} parameters, and not {len}"))),
        }
    }
}

macro_rules! by_the_only_one {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.single()?.$method(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for NameDeserializer<'de> {
    type Error = Error;

    by_the_only_one! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_identifier deserialize_option
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(self.0.iter().map(|(name, value)| (&**name, Text(value)))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.values()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.check_len(len)?;
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.single()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $kind:ty)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let value: $kind = self.0.parse().map_err(|error| {
                Error::custom(format!("{:?} is not of type {}: {error}", self.0, stringify!($kind)))
            })?;
            visitor.$visit(value)
        })*
    };
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    parsed! {
        deserialize_bool visit_bool bool
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
        deserialize_char visit_char char
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf identifier unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}

impl<'de> IntoDeserializer<'de> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A variant without fields, by its name.
impl<'de> EnumAccess<'de> for Text<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: serde::de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        Ok((seed.deserialize(self)?, self))
    }
}

impl<'de> VariantAccess<'de> for Text<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: serde::de::DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Error> {
        Err(Error::custom("a parameter cannot be a variant with fields"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a parameter cannot be a variant with fields"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a parameter cannot be a variant with fields"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(params: &[(&str, &str)]) -> Result<T, String> {
        let params: NameParams =
            params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        T::deserialize(NameDeserializer(&params)).map_err(|error| error.to_string())
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Chess,
        Go,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Game {
        id: u64,
        kind: Kind,
        round: Option<u8>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(u64);

    #[test]
    fn parameters_become_what_is_asked_for() {
        assert_eq!(read::<String>(&[("tenant", "acme")]), Ok("acme".into()));
        assert_eq!(read::<Id>(&[("id", "7")]), Ok(Id(7)));
        assert_eq!(read::<(u8, String)>(&[("a", "7"), ("b", "x")]), Ok((7, "x".into())));
        assert_eq!(read::<Vec<bool>>(&[("a", "true"), ("b", "false")]), Ok(vec![true, false]));
        assert_eq!(read::<(char,)>(&[("a", "x")]), Ok(('x',)));
        assert_eq!(read::<Kind>(&[("kind", "go")]), Ok(Kind::Go));
        let game = read::<Game>(&[("id", "12"), ("kind", "chess"), ("round", "3")]);
        assert_eq!(game, Ok(Game { id: 12, kind: Kind::Chess, round: Some(3) }));
        let map = read::<HashMap<String, i32>>(&[("a", "-1"), ("b", "2")]);
        assert_eq!(map, Ok(HashMap::from([("a".into(), -1), ("b".into(), 2)])));
        assert_eq!(read::<()>(&[]), Ok(()));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        assert!(read::<u8>(&[("a", "300")]).unwrap_err().contains("\"300\" is not of type u8"));
        assert!(read::<u8>(&[]).unwrap_err().contains("no parameters"));
        assert!(read::<String>(&[("a", "1"), ("b", "2")]).unwrap_err().contains("has 2 parameters"));
        assert!(read::<(u8, u8)>(&[("a", "1")]).unwrap_err().contains("1 parameters, and not 2"));
        assert!(read::<Game>(&[("id", "1")]).unwrap_err().contains("kind"));
    }
}
