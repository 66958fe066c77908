//! From the bytes of a body or a query string to a value, and from what serde says to what a person understands.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::{Path, Segment};

use crate::problem::{ApiError, Code};

/// How much of a name that somebody else chose is said back.
const NAME_SHOWN: usize = 64;
/// How much of a type's own message is said back; the messages of this service are shorter.
const MESSAGE_SHOWN: usize = 300;

const GIVEN_TWICE: &str = "is given more than once";
const HAS_NUL: &str = "must not contain the NUL character";

/// Reads a JSON object.
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // RFC 8259, section 8.1, lets a reader ignore it, and some tools write it.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::new(Code::MalformedBody, "The body is empty."));
    }
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        // serde would take a list for the fields of a struct, in their order.
        read_json::<serde::de::IgnoredAny>(body)?;
        return Err(ApiError::invalid("body", "must be an object"));
    }
    read_json::<StrictJson>(body)?;
    // It is JSON: whatever is wrong from here on is wrong with a value, also where serde_json calls it an error of syntax.
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| refusal(error.path(), &error.inner().to_string()))
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| match error.inner().classify() {
        serde_json::error::Category::Data => refusal(error.path(), &error.inner().to_string()),
        _ => malformed(error.inner()),
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::MalformedBody, format!("The body is not JSON: {error}."))
}

/// Reads `application/x-www-form-urlencoded`.
pub(super) fn from_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.is_empty() {
        return Err(ApiError::new(Code::MalformedBody, "The body is empty."));
    }
    from_pairs(body)
}

/// Reads a query string, which may be empty; a value may not, which serde would take for one that was not sent.
pub(crate) fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    if let Some((name, _)) = pairs.find(|(_, value)| value.is_empty()) {
        return Err(ApiError::invalid(shorten(&name, NAME_SHOWN), "must not be empty"));
    }
    from_pairs(query.as_bytes())
}

fn from_pairs<T: DeserializeOwned>(pairs: &[u8]) -> Result<T, ApiError> {
    let mut seen = HashSet::new();
    for (name, value) in url::form_urlencoded::parse(pairs) {
        if name.contains('\0') || value.contains('\0') {
            return Err(ApiError::invalid(shorten(&name, NAME_SHOWN), HAS_NUL));
        }
        if !seen.insert(name.clone()) {
            return Err(ApiError::invalid(shorten(&name, NAME_SHOWN), GIVEN_TWICE));
        }
    }
    let reader = serde_html_form::Deserializer::from_bytes(pairs);
    serde_path_to_error::deserialize(reader).map_err(|error| refusal(error.path(), &error.inner().to_string()))
}

/// Turns what serde says into a field and what is wrong with it. The value that was sent is never part of it: it may
/// be long, and it may be a password.
fn refusal(path: &Path, message: &str) -> ApiError {
    let message = message.rfind(" at line ").map_or(message, |end| &message[..end]);
    // The names that are allowed are ours and come last, so that a name with these words in it can't forge them.
    let (said, expected) = match message.rfind(", expected ") {
        Some(at) => (&message[..at], Some(&message[at + ", expected ".len()..])),
        None => (message, None),
    };
    let inside = |prefix: &str| said.strip_prefix(prefix)?.strip_prefix('`')?.strip_suffix('`');
    if let Some(name) = inside("missing field ") {
        return ApiError::invalid(join(path, Some(name)), "is missing");
    }
    if let Some(name) = inside("duplicate field ") {
        return ApiError::invalid(join(path, Some(name)), GIVEN_TWICE);
    }
    if let Some(name) = inside("unknown field ") {
        let known = expected.map_or_else(
            || "is not known here".to_owned(),
            |names| {
                format!(
                    "is not known here; known: {}",
                    names.strip_prefix("one of ").unwrap_or(names)
                )
            },
        );
        return ApiError::invalid(join(path, Some(name)), known);
    }
    let detail = match expected {
        Some(expected) if inside("unknown variant ").is_some() => match expected.strip_prefix("one of ") {
            Some(names) => format!("must be one of {names}"),
            None => format!("must be {expected}"),
        },
        Some(expected) => format!("must be {}", in_words(expected)),
        None if said.starts_with("data did not match any variant") => "has a wrong type".to_owned(),
        None if said.starts_with("invalid digit") || said.starts_with("cannot parse integer") => {
            "must be a whole number".to_owned()
        }
        None if said == "expected value" => "has a wrong type".to_owned(),
        None if said.starts_with("number too") => "is a number out of range".to_owned(),
        None if said.starts_with("provided string was not") => "must be `true` or `false`".to_owned(),
        None if said.starts_with("invalid float") => "must be a number".to_owned(),
        None => shorten(said, MESSAGE_SHOWN),
    };
    ApiError::invalid(join(path, None), detail)
}

/// What serde expected, in words of people who do not write Rust.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or greater",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" | "a borrowed string" | "a character" => "text",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("enum ") || other == "string or map" => "one of the words listed for it",
        other => other,
    }
}

/// The path with dots, and the name if the path does not end in it already. `body` for no path at all.
fn join(path: &Path, name: Option<&str>) -> String {
    let mut joined = String::new();
    let mut last = "";
    for segment in path {
        match segment {
            Segment::Seq { index } => joined.push_str(&format!("[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                if !joined.is_empty() {
                    joined.push('.');
                }
                joined.push_str(&shorten(key, NAME_SHOWN));
                last = key;
            }
            Segment::Unknown => {}
        }
    }
    if let Some(name) = name.filter(|name| *name != last) {
        if !joined.is_empty() {
            joined.push('.');
        }
        joined.push_str(&shorten(name, NAME_SHOWN));
    }
    if joined.is_empty() { "body".to_owned() } else { joined }
}

fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit).collect();
    format!("{kept}…")
}

/// Any value without a name given twice and without NUL. It keeps nothing.
struct StrictJson;

impl<'de> serde::Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for StrictJson {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self, E> {
        if text.contains('\0') {
            return Err(E::custom(HAS_NUL));
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            // Refused as the value's error, so that the path leads to it.
            if name.contains('\0') {
                fields.next_value_seed(Refused(HAS_NUL))?;
            }
            if seen.contains(&name) {
                fields.next_value_seed(Refused(GIVEN_TWICE))?;
            }
            seen.insert(name);
            fields.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// A value that is refused unread.
struct Refused(&'static str);

impl<'de> DeserializeSeed<'de> for Refused {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::custom(self.0))
    }
}
