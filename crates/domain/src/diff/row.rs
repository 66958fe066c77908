//! The differing columns of a row.

use serde_json::{Map, Value};

use super::merge::Difference;
use super::{DOING, DifferenceKind};
use crate::error::{Error, Result};

/// A row that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferingRow {
    /// Its id.
    pub id: i64,
    /// How it differs.
    pub change: DifferenceKind,
    /// The differing columns of a changed row; all columns except the id of an added or removed one. In the order of the schema.
    pub fields: Vec<DifferingField>,
}

/// A column of a row that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferingField {
    /// The column.
    pub column: &'static str,
    /// Its values.
    pub values: Values,
}

/// The values of a column of a differing row, as archives write them: decimals, dates and times are texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Values that people may see.
    Shown {
        /// The value in `from`; none if it does not have the row.
        from: Option<Value>,
        /// The value in `to`; none if it does not have the row.
        to: Option<Value>,
    },
    /// Values that are never shown, such as password hashes.
    Hidden,
}

impl DifferingRow {
    pub(super) fn of(difference: Difference<'_>) -> Result<Self> {
        let Difference {
            table,
            id,
            change,
            from,
            to,
        } = difference;
        let (mut from, mut to) = (parsed(from)?, parsed(to)?);
        let mut fields = Vec::new();
        for column in table.columns().iter().filter(|column| column.name != "id") {
            let take = |row: &mut Option<Map<String, Value>>| row.as_mut().and_then(|row| row.remove(column.name));
            let (from, to) = (take(&mut from), take(&mut to));
            if from == to {
                continue;
            }
            let values = match table.is_exported(column.name) {
                true => Values::Shown { from, to },
                false => Values::Hidden,
            };
            fields.push(DifferingField {
                column: column.name,
                values,
            });
        }
        Ok(Self { id, change, fields })
    }
}

fn parsed(json: Option<&[u8]>) -> Result<Option<Map<String, Value>>> {
    let row = json.map(serde_json::from_slice).transpose();
    row.map_err(Error::internal(DOING))
}
