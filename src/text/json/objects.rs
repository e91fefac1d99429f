//! Reading of structs, from objects only.
//!
//! serde also reads a struct from an array, by position. Input from outside must not have that second form: other readers of the same
//! text, such as those of a token, do not know it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

/// A part of serde's machinery, and all parts that it gives access to, with structs from objects only.
pub(super) struct Objects<T>(pub(super) T);

/// Forwards methods of a deserializer without parameters other than the visitor.
macro_rules! forward {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
                self.0.$method(Objects(visitor))
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Objects(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Objects(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(length, Objects(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, length, Objects(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Objects(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Forwards the values of a visitor that have no parts.
macro_rules! forward_values {
    ($($method:ident: $Value:ty),* $(,)?) => {
        $(
            fn $method<E: Error>(self, value: $Value) -> Result<V::Value, E> {
                self.0.$method(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    forward_values! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_u8: u8, visit_u16: u16, visit_u32: u32,
        visit_u64: u64, visit_f32: f32, visit_f64: f64, visit_char: char, visit_str: &str, visit_borrowed_str: &'de str,
        visit_string: String, visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(access))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(access))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Objects(access))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Objects(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Objects<A::Variant>), A::Error> {
        let (value, variant) = self.0.variant_seed(Objects(seed))?;
        Ok((value, Objects(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(ObjectSeed(visitor))
    }
}

/// Reads the members of a variant.
struct ObjectSeed<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for ObjectSeed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_map(Objects(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{read, read_text};
    use serde::Deserialize;
    use serde_json::Value;
    use serde_json::value::RawValue;
    use std::borrow::Cow;
    use std::collections::HashMap;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Inner {
        a: u8,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Wrapper(Inner);

    #[derive(Debug, Deserialize, PartialEq)]
    enum Choice {
        Unit,
        Newtype(Inner),
        Tuple(u8, Inner),
        Struct { a: u8 },
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Outer<'a> {
        one: Inner,
        some: Option<Inner>,
        many: Vec<Inner>,
        named: HashMap<String, Inner>,
        wrapped: Option<Wrapper>,
        pair: (u8, Inner),
        choice: Option<Choice>,
        any: Value,
        #[serde(borrow)]
        raw: Option<&'a RawValue>,
        owned: Option<Box<RawValue>>,
        #[serde(borrow)]
        text: Cow<'a, str>,
        number: f64,
        letter: Option<char>,
    }

    #[test]
    fn everything_is_read_as_serde_reads_it() {
        let text = r#"{"one":{"a":1},"some":{"a":2},"many":[{"a":3},{}],"named":{"x":{"a":4}},"wrapped":{"a":5},"pair":[6,{"a":7}],
            "choice":{"Struct":{"a":8}},"any":[{"b":[1]}],"raw":[ 1 ],"owned":{ "c": null },"text":"t","number":1.5,"letter":"l"}"#;
        let read: Outer<'_> = read_text(text).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", serde_json::from_str::<Outer<'_>>(text).unwrap()));
        assert_eq!(read.raw.map(RawValue::get), Some("[ 1 ]"));
        for (text, choice) in [
            (r#""Unit""#, Choice::Unit),
            (r#"{"Newtype":{"a":1}}"#, Choice::Newtype(Inner { a: 1 })),
            (r#"{"Tuple":[1,{"a":2}]}"#, Choice::Tuple(1, Inner { a: 2 })),
        ] {
            assert_eq!(read_text::<Choice>(text).unwrap(), choice);
        }
        assert!(read_text::<Inner>("{} {}").is_err() && read_text::<Inner>("{\"a\":1,\"a\":2}").is_err());
        assert_eq!(read_text::<Inner>("{\"a\":x}").unwrap_err().to_string(), "expected value at line 1 column 6");
    }

    #[test]
    fn no_struct_is_read_from_an_array() {
        for text in [
            "[1]",
            r#"{"one":[1]}"#,
            r#"{"some":[1]}"#,
            r#"{"many":[[1]]}"#,
            r#"{"named":{"x":[1]}}"#,
            r#"{"wrapped":[1]}"#,
            r#"{"pair":[1,[2]]}"#,
            r#"{"choice":{"Newtype":[1]}}"#,
            r#"{"choice":{"Tuple":[1,[2]]}}"#,
            r#"{"choice":{"Struct":[1]}}"#,
        ] {
            let error = read::<Outer<'_>>(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("invalid type: sequence, expected struct "), "{text}: {error}");
            assert!(text == "[1]" || serde_json::from_str::<Outer<'_>>(text).is_ok(), "serde itself reads {text}");
        }
    }
}
