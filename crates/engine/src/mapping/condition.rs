//! Conditions: `{ role = "Student" }`, `{ level = [1, 2] }`, `{ role_id = { of = "roles", where = { name = "x" } } }`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

/// Conditions that a row must all fulfil, by column.
pub type Conditions = BTreeMap<String, Condition>;

/// A condition on one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The column has one of these values.
    AnyOf(Vec<Scalar>),
    /// The column refers to a row of this table that fulfils these conditions.
    Of {
        /// The table.
        table: String,
        /// The conditions on its row.
        conditions: Conditions,
    },
}

/// A value in a condition.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text, also for every other kind.
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTable {
    of: String,
    #[serde(rename = "where")]
    conditions: Conditions,
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

/// In place of `untagged`, whose errors do not say what is wrong.
struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, true or false, a list of them, or { of = \"table\", where = {...} }")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Condition, E> {
        Ok(Condition::AnyOf(vec![Scalar::Boolean(value)]))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Condition, E> {
        Ok(Condition::AnyOf(vec![Scalar::Integer(value)]))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Condition, E> {
        Ok(Condition::AnyOf(vec![Scalar::Text(value.to_owned())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Condition, A::Error> {
        let values = Vec::<Scalar>::deserialize(SeqAccessDeserializer::new(list))?;
        match values.is_empty() {
            true => Err(de::Error::invalid_length(0, &"at least one value")),
            false => Ok(Condition::AnyOf(values)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Condition, A::Error> {
        let OfTable { of, conditions } = OfTable::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Condition::Of { table: of, conditions })
    }
}
