//! SQLite: any value in any column, as its SQL literal. A text is unchanged, unless it looks like a literal.

use campus_backup_archive::Kind;

use crate::snapshot::sqlite::is_ordinary;
use crate::statement::{BoundValue, StatementValue};

/// The value of a native text.
#[derive(Debug, PartialEq)]
pub(crate) enum Stored {
    Integer(i64),
    Real(f64),
    /// May not be UTF-8.
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl Stored {
    pub(crate) fn bound(&self) -> BoundValue<'_> {
        match self {
            Self::Integer(value) => BoundValue::Integer(*value),
            Self::Real(value) => BoundValue::Real(*value),
            Self::Text(text) => BoundValue::Text(text),
            Self::Blob(bytes) => BoundValue::Blob(bytes),
        }
    }

    fn value(&self) -> StatementValue<'_> {
        match self {
            Self::Integer(value) => StatementValue::Integer(*value),
            Self::Real(value) => StatementValue::Real(*value),
            Self::Text(text) => StatementValue::Text(text),
            Self::Blob(bytes) => StatementValue::Blob(bytes),
        }
    }
}

/// The text of a value. `None` for NULL, because the column decides whether NULL is allowed.
pub(crate) fn text(value: &StatementValue<'_>) -> Option<String> {
    Some(match value {
        StatementValue::Null | StatementValue::Unreadable => return None,
        StatementValue::Integer(value) => value.to_string(),
        StatementValue::Real(value) if value.is_infinite() => {
            if *value > 0.0 { INFINITE } else { MINUS_INFINITE }.to_owned()
        }
        StatementValue::Real(value) => format!("{value:?}"),
        StatementValue::Blob(bytes) => blob(bytes),
        StatementValue::Text(bytes) => match str::from_utf8(bytes) {
            Ok(text) if text.contains('\0') => cast(bytes),
            Ok(text) if text.is_empty() || literal(text).is_some() => format!("'{}'", text.replace('\'', "''")),
            Ok(text) => text.to_owned(),
            Err(_) => cast(bytes),
        },
    })
}

/// The value of a text. Every text has exactly one.
pub(crate) fn stored(native: &str) -> Stored {
    literal(native).unwrap_or_else(|| Stored::Text(native.as_bytes().to_vec()))
}

pub(super) fn is_native(kind: Kind, native: &str) -> bool {
    let stored = stored(native);
    text(&stored.value()).as_deref() == Some(native) && !is_ordinary(kind, stored.value())
}

/// A literal that SQL reads as infinite, because it has no keyword for that.
const INFINITE: &str = "9e999";
const MINUS_INFINITE: &str = "-9e999";

fn literal(native: &str) -> Option<Stored> {
    let quoted = |start: &str, end: &str| native.strip_prefix(start)?.strip_suffix(end);
    if let Some(hexadecimal) = quoted("X'", "'") {
        return bytes(hexadecimal).map(Stored::Blob);
    }
    if let Some(hexadecimal) = quoted("CAST(X'", "' AS TEXT)") {
        return bytes(hexadecimal).map(Stored::Text);
    }
    if let Some(text) = quoted("'", "'") {
        let single = text.replace("''", "");
        return (!single.contains('\'')).then(|| Stored::Text(text.replace("''", "'").into_bytes()));
    }
    match native {
        INFINITE => return Some(Stored::Real(f64::INFINITY)),
        MINUS_INFINITE => return Some(Stored::Real(f64::NEG_INFINITY)),
        _ => {}
    }
    if let Some(value) = native.parse::<i64>().ok().filter(|value| value.to_string() == native) {
        return Some(Stored::Integer(value));
    }
    let real = native.parse::<f64>().ok().filter(|value| value.is_finite());
    real.filter(|value| format!("{value:?}") == native).map(Stored::Real)
}

fn blob(bytes: &[u8]) -> String {
    format!("X'{}'", hex::encode_upper(bytes))
}

fn cast(bytes: &[u8]) -> String {
    format!("CAST({} AS TEXT)", blob(bytes))
}

/// The bytes of upper-case digits, as [`blob`] writes them.
fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let is_upper = !hexadecimal.bytes().any(|digit| digit.is_ascii_lowercase());
    is_upper.then(|| hex::decode(hexadecimal).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_literals_or_unchanged() {
        for (value, expected) in [
            (StatementValue::Text(b"31-12-2024"), "31-12-2024"),
            (StatementValue::Text(b""), "''"),
            (StatementValue::Text(b"7"), "'7'"),
            (StatementValue::Text(b"0.5"), "'0.5'"),
            (StatementValue::Text(b"'"), "'"),
            (StatementValue::Text(b"''"), "''''''"),
            (StatementValue::Text(b"X'00'"), "'X''00'''"),
            (StatementValue::Text(b"\xff"), "CAST(X'FF' AS TEXT)"),
            (StatementValue::Text(b"a\0"), "CAST(X'6100' AS TEXT)"),
            (StatementValue::Blob(b"\x00\xab"), "X'00AB'"),
            (StatementValue::Blob(b""), "X''"),
            (StatementValue::Integer(2), "2"),
            (StatementValue::Real(2.0), "2.0"),
            (StatementValue::Real(f64::NEG_INFINITY), "-9e999"),
        ] {
            assert_eq!(text(&value).as_deref(), Some(expected));
            assert_eq!(stored(expected).value(), value);
        }
        assert!(is_native(Kind::Date, "31-12-2024"));
        for (kind, other) in [
            (Kind::Date, "2024-12-31"),
            (Kind::Date, "'31-12-2024'"),
            (Kind::Text, "a"),
            (Kind::Boolean, "1"),
            (Kind::Text, "X'ab'"),
        ] {
            assert!(!is_native(kind, other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn read_texts_are_written_unchanged(
            number: i64,
            real in any::<f64>().prop_filter("SQLite has no NaN", |real| !real.is_nan()),
            text_bytes: Vec<u8>,
            words in "['X0-9a. ]{0,12}",
        ) {
            for stored_value in [
                Stored::Integer(number),
                Stored::Real(real),
                Stored::Text(text_bytes.clone()),
                Stored::Blob(text_bytes),
                Stored::Text(words.into_bytes()),
            ] {
                let native = text(&stored_value.value()).unwrap();
                prop_assert!(!native.is_empty() && !native.contains('\0'));
                prop_assert_eq!(stored(&native), stored_value);
            }
        }
    }
}
