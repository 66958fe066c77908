//! A JSON value that keeps repeated names, so that they can be refused.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::fields::{GIVEN_TWICE, HAS_NUL, NAME_SHOWN, shorten};
use crate::problem::ApiError;

/// Any JSON value. The parser limits its depth.
#[derive(Debug)]
pub(super) enum StrictJson {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    String(String),
    Array(Vec<Self>),
    /// The members in their order, repeated ones included.
    Object(Vec<(String, Self)>),
}

impl StrictJson {
    /// Demands that no name is repeated in an object, and that no name and no string has a NUL character.
    ///
    /// # Errors
    /// 422 `invalid_field` with the path of the first one.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        self.check_at(&mut Vec::new())
    }

    fn check_at<'s>(&'s self, path: &mut Vec<Step<'s>>) -> Result<(), ApiError> {
        match self {
            Self::String(text) if text.contains('\0') => Err(ApiError::invalid(shown(path), HAS_NUL)),
            Self::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(Step::Index(index));
                    item.check_at(path)?;
                    path.pop();
                }
                Ok(())
            }
            Self::Object(members) => {
                let mut seen = HashSet::new();
                for (name, value) in members {
                    path.push(Step::Name(name));
                    if name.contains('\0') {
                        return Err(ApiError::invalid(shown(path), HAS_NUL));
                    }
                    if !seen.insert(name) {
                        return Err(ApiError::invalid(shown(path), GIVEN_TWICE));
                    }
                    value.check_at(path)?;
                    path.pop();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

enum Step<'s> {
    Index(usize),
    Name(&'s str),
}

fn shown(path: &[Step<'_>]) -> String {
    let mut shown = String::new();
    for step in path {
        match step {
            Step::Index(index) => shown.push_str(&format!("[{index}]")),
            Step::Name(name) => {
                if !shown.is_empty() {
                    shown.push('.');
                }
                shown.push_str(&shorten(name, NAME_SHOWN));
            }
        }
    }
    match shown.is_empty() {
        true => "body".to_owned(),
        false => shown,
    }
}

impl<'de> Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = StrictJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<StrictJson, E> {
        Ok(StrictJson::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<StrictJson, E> {
        Ok(StrictJson::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<StrictJson, E> {
        Ok(StrictJson::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<StrictJson, E> {
        Ok(StrictJson::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<StrictJson, E> {
        Ok(StrictJson::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<StrictJson, E> {
        Ok(StrictJson::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<StrictJson, E> {
        Ok(StrictJson::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<StrictJson, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(StrictJson::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<StrictJson, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(StrictJson::Object(object))
    }
}
