//! Describes the fault of a row whose keys are not the expected ones. Only refused rows are read here.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::error::{Error, Position};
use crate::schema::TableSchema;

pub(super) fn diagnose(json: &[u8], schema: &TableSchema, at: Position) -> Error {
    let keys = match serde_json::from_slice::<ObjectKeys>(json) {
        Ok(ObjectKeys(keys)) => keys,
        Err(error) if error.is_data() => {
            return Error::InvalidRow {
                at,
                problem: "not an object",
            };
        }
        Err(_) => {
            return Error::Corrupt {
                at,
                problem: "not the JSON of a row",
            };
        }
    };
    let columns: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
    let missing = columns.iter().find(|column| !keys.iter().any(|key| key == *column));
    let twice = columns
        .iter()
        .find(|column| keys.iter().filter(|key| key == *column).count() > 1);
    let in_column = |column: &str| Position {
        column: Some(column.to_owned()),
        ..at.clone()
    };
    if let Some(column) = twice {
        return Error::InvalidRow {
            at: in_column(column),
            problem: "a column occurs twice",
        };
    }
    if keys.iter().any(|key| !columns.contains(&key.as_str())) {
        return Error::InvalidRow {
            at,
            problem: "a column that the table does not have",
        };
    }
    if let Some(column) = missing {
        return Error::InvalidRow {
            at: in_column(column),
            problem: "a column is missing",
        };
    }
    if keys != columns {
        return Error::InvalidRow {
            at,
            problem: "the columns stand in another order",
        };
    }
    Error::NotCanonical {
        at,
        problem: "spaces, or something else between the values",
    }
}

/// The keys of an object, including repeated ones.
struct ObjectKeys(Vec<String>);

impl<'de> Deserialize<'de> for ObjectKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = ObjectKeys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ObjectKeys, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            keys.push(key);
        }
        Ok(ObjectKeys(keys))
    }
}
