//! Deserializers for JSON and for forms whose errors are values, so that no text of serde has to be read.
//!
//! They compare the kind of a value with the requested kind themselves, and name the expected kind in words for people.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::{self, Display};

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::fields::{MESSAGE_SHOWN, shorten};
use super::strict_json::StrictJson;

const UNSIGNED: &str = "a whole number, 0 or greater";
const SIGNED: &str = "a whole number";
const NUMBER: &str = "a number";
const TEXT: &str = "text";

/// Why a value was refused. The value itself is never part of it: it may be long, and it may be a password.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A field is missing.
    Missing(&'static str),
    /// A field is given more than once.
    Repeated(&'static str),
    /// A field is not known.
    Unknown {
        /// Its name.
        name: String,
        /// The known fields.
        known: &'static [&'static str],
    },
    /// Anything else, as the rest of a sentence after the field's name.
    Other(String),
}

impl Refusal {
    fn expected(what: impl Display) -> Self {
        Self::Other(format!("must be {what}"))
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "`{name}` is missing"),
            Self::Repeated(name) => write!(f, "`{name}` is given more than once"),
            Self::Unknown { name, .. } => write!(f, "`{name}` is not known"),
            Self::Other(detail) => f.write_str(detail),
        }
    }
}

impl StdError for Refusal {}

impl serde::de::Error for Refusal {
    fn custom<T: Display>(message: T) -> Self {
        Self::Other(shorten(&message.to_string(), MESSAGE_SHOWN))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::expected(expected)
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        match &names[..] {
            [one, other] => Self::expected(format_args!("{one} or {other}")),
            [one] => Self::expected(one),
            names => Self::expected(format_args!("one of {}", names.join(", "))),
        }
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::Unknown {
            name: name.to_owned(),
            known,
        }
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::Repeated(name)
    }
}

/// The methods that both deserializers have. They differ in how they name an unsigned number.
macro_rules! shared_methods {
    ($unsigned:expr) => {
        integers! {
            deserialize_u8 u8, visit_u8, $unsigned;
            deserialize_u16 u16, visit_u16, $unsigned;
            deserialize_u32 u32, visit_u32, $unsigned;
            deserialize_u64 u64, visit_u64, $unsigned;
            deserialize_i8 i8, visit_i8, SIGNED;
            deserialize_i16 i16, visit_i16, SIGNED;
            deserialize_i32 i32, visit_i32, SIGNED;
            deserialize_i64 i64, visit_i64, SIGNED;
        }

        fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            self.deserialize_f64(visitor)
        }

        fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
            visitor.visit_newtype_struct(self)
        }

        fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            visitor.visit_unit()
        }
    };
}

macro_rules! integers {
    ($($method:ident $number:ty, $visit:ident, $expected:expr;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            match <$number>::try_from(self.integer().ok_or_else(|| Refusal::expected($expected))?) {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Refusal::expected($expected)),
            }
        })+
    };
}

/// A JSON value as a deserializer.
#[derive(Clone, Copy)]
pub(super) struct JsonDeserializer<'j>(pub(super) &'j StrictJson);

impl<'de> IntoDeserializer<'de, Refusal> for JsonDeserializer<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> JsonDeserializer<'de> {
    fn integer(self) -> Option<i128> {
        match self.0 {
            StrictJson::Unsigned(number) => Some((*number).into()),
            StrictJson::Signed(number) => Some((*number).into()),
            _ => None,
        }
    }

    fn members(
        members: &'de [(String, StrictJson)],
    ) -> MapDeserializer<'de, impl Iterator<Item = (&'de str, Self)>, Refusal> {
        MapDeserializer::new(members.iter().map(|(name, value)| (name.as_str(), Self(value))))
    }
}

impl<'de> Deserializer<'de> for JsonDeserializer<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            StrictJson::Null => visitor.visit_unit(),
            StrictJson::Bool(value) => visitor.visit_bool(*value),
            StrictJson::Unsigned(number) => visitor.visit_u64(*number),
            StrictJson::Signed(number) => visitor.visit_i64(*number),
            StrictJson::Float(number) => visitor.visit_f64(*number),
            StrictJson::String(text) => visitor.visit_borrowed_str(text),
            StrictJson::Array(_) => self.deserialize_seq(visitor),
            StrictJson::Object(_) => self.deserialize_map(visitor),
        }
    }

    shared_methods!(UNSIGNED);

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            StrictJson::Bool(value) => visitor.visit_bool(*value),
            _ => Err(Refusal::expected("`true` or `false`")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            StrictJson::Unsigned(_) | StrictJson::Signed(_) | StrictJson::Float(_) => self.deserialize_any(visitor),
            _ => Err(Refusal::expected(NUMBER)),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            StrictJson::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(Refusal::expected(TEXT)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            StrictJson::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            StrictJson::Null => visitor.visit_unit(),
            _ => Err(Refusal::expected("`null`")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let StrictJson::Array(items) = self.0 else {
            return Err(Refusal::expected("a list"));
        };
        let mut items = SeqDeserializer::new(items.iter().map(JsonDeserializer));
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let StrictJson::Object(members) = self.0 else {
            return Err(Refusal::expected("an object"));
        };
        let mut members = Self::members(members);
        let value = visitor.visit_map(&mut members)?;
        members.end()?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self.0 {
            StrictJson::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            StrictJson::Object(members) if members.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Self::members(members)))
            }
            _ => Err(Refusal::expected("one of the words listed for it")),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! { i128 u128 bytes byte_buf unit_struct tuple tuple_struct }
}

/// A value of a form or of a query string. It is always a text.
pub(super) struct FormDeserializer<'f>(pub(super) Cow<'f, str>);

impl<'de> IntoDeserializer<'de, Refusal> for FormDeserializer<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl FormDeserializer<'_> {
    fn integer(&self) -> Option<i128> {
        self.0.parse().ok()
    }
}

impl<'de> Deserializer<'de> for FormDeserializer<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    shared_methods!(SIGNED);

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &*self.0 {
            "true" | "on" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Refusal::expected(r#""true", "on" or "false""#)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0.parse() {
            Ok(number) => visitor.visit_f64(number),
            Err(_) => Err(Refusal::expected(NUMBER)),
        }
    }

    /// An empty text counts as not sent.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0.is_empty() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}
