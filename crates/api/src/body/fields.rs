//! Reads the bytes of a body or of a query string as a value, and names the field of a refusal.

use std::collections::HashSet;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer};
use serde_path_to_error::{Path, Segment};

use super::deserialize::{FormDeserializer, JsonDeserializer, Refusal};
use super::strict_json::StrictJson;
use crate::problem::{ApiError, Code};

/// The maximum length of a client's name in a message.
pub(super) const NAME_SHOWN: usize = 64;
/// The maximum length of a type's own message.
pub(super) const MESSAGE_SHOWN: usize = 300;

pub(super) const GIVEN_TWICE: &str = "is given more than once";
pub(super) const HAS_NUL: &str = "must not contain the NUL character";

/// Reads a JSON object.
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // RFC 8259, section 8.1, allows a parser to ignore a byte order mark, and some tools write it.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::new(Code::MalformedBody, "The body is empty."));
    }
    let malformed =
        |error: serde_json::Error| ApiError::new(Code::MalformedBody, format!("The body is not JSON: {error}."));
    let value: StrictJson = serde_json::from_slice(body).map_err(malformed)?;
    value.check()?;
    read(JsonDeserializer(&value))
}

/// Reads `application/x-www-form-urlencoded`.
pub(super) fn from_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.is_empty() {
        return Err(ApiError::new(Code::MalformedBody, "The body is empty."));
    }
    from_pairs(body)
}

/// Reads a query string, which may be empty. An empty value is refused, because it would count as not sent.
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
    let pairs = url::form_urlencoded::parse(pairs).map(|(name, value)| (name, FormDeserializer(value)));
    read(MapDeserializer::new(pairs))
}

fn read<'de, T: DeserializeOwned>(deserializer: impl Deserializer<'de, Error = Refusal>) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path();
        match error.inner() {
            Refusal::Missing(name) => ApiError::invalid(join(path, Some(name)), "is missing"),
            Refusal::Repeated(name) => ApiError::invalid(join(path, Some(name)), GIVEN_TWICE),
            Refusal::Unknown { name, known } => {
                let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                let detail = match known.is_empty() {
                    true => "is not known here".to_owned(),
                    false => format!("is not known here; known: {}", known.join(", ")),
                };
                ApiError::invalid(join(path, Some(name)), detail)
            }
            Refusal::Other(detail) => ApiError::invalid(join(path, None), detail),
        }
    })
}

/// The path with dots, and the name unless the path ends with it already. `body` for an empty path.
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

pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit).collect();
    format!("{kept}…")
}
