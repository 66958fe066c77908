//! JSON that has exactly one meaning and one form: read without repeated members, and written by the JSON Canonicalization Scheme
//! (RFC 8785) for values without fractions.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The largest integer that every reader of JSON holds exactly, 2^53 - 1 (RFC 8785, section 3.2.2.3).
const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// A value that has no canonical form here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has a number that is not an integer between -(2^53 - 1) and 2^53 - 1")]
pub(crate) struct CanonicalError;

/// Writes a value by the JSON Canonicalization Scheme: without spaces, with the members of each object sorted by the UTF-16 code
/// units of their names.
///
/// # Errors
/// If a number is not an integer that every reader holds exactly.
pub(crate) fn canonical(value: &Value) -> Result<String, CanonicalError> {
    let mut written = String::new();
    write(value, &mut written)?;
    Ok(written)
}

fn write(value: &Value, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        Value::Number(number) => {
            let magnitude = number
                .as_u64()
                .or_else(|| number.as_i64().map(i64::unsigned_abs))
                .ok_or(CanonicalError)?;
            if magnitude > LARGEST_INTEGER {
                return Err(CanonicalError);
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(name, out);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// `serde_json` escapes as the scheme demands (section 3.2.2.2): the short forms where there are some, other control characters
/// as `\u00xx` in lower case, and nothing else.
fn write_string(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}

/// A JSON value in which no object repeats a member. Two readers could otherwise see two values in one signed document.
pub(crate) struct UniqueValue(pub(crate) Value);

impl<'de> Deserialize<'de> for UniqueValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(UniqueValue(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, UniqueValue(value))) = members.next_entry::<String, UniqueValue>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is repeated"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of RFC 8785, section 3.2.3: the order of UTF-16 code units is not that of code points.
    #[test]
    fn members_are_sorted_by_utf_16_code_units() {
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
                        \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
                        \"\u{1f600}\":\"Emoji: Grinning Face\",\
                        \"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
        assert_eq!(canonical(&value).unwrap(), expected);
    }

    /// The strings and literals of RFC 8785, section 3.2.2.
    #[test]
    fn strings_are_escaped_as_the_scheme_demands() {
        let value: Value = serde_json::from_str(
            r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
        )
        .unwrap();
        let expected = "{\"literals\":[null,true,false],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(&value).unwrap(), expected);
        let controls = canonical(&json!("\u{0}\u{8}\t\u{c}\u{1f}\u{7f}\u{2028}")).unwrap();
        assert_eq!(controls, "\"\\u0000\\b\\t\\f\\u001f\u{7f}\u{2028}\"");
    }

    #[test]
    fn numbers_that_are_not_exact_integers_are_refused() {
        for text in [
            "1.5",
            "1.0",
            "1e2",
            "-0",
            "9007199254740992",
            "-9007199254740992",
            "1e400",
        ] {
            let refused = match serde_json::from_str(text) {
                Ok(value) => canonical(&value).is_err(),
                Err(_) => true,
            };
            assert!(refused, "{text}");
        }
        for text in ["0", "-1", "9007199254740991", "-9007199254740991"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(canonical(&value).unwrap(), text);
        }
    }

    #[test]
    fn repeated_members_are_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            assert!(serde_json::from_str::<UniqueValue>(text).is_err(), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
        }
        let text = r#"{"a":[1,-2,"x",null,true,{"a":{}}],"b":{"a":1.5}}"#;
        let UniqueValue(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    }
}
