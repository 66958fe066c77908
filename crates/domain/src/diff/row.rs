//! The differing columns of a row.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::merge::Difference;
use super::{DOING, DifferenceKind};
use crate::error::{Error, Result};

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DiffRow)]
pub struct DifferingRow {
    /// The row's id.
    pub id: i64,
    /// How it differs.
    pub change: DifferenceKind,
    /// The differing columns of a changed row; all columns except the id of an added or removed one. In the order of the schema.
    pub fields: Vec<DifferingField>,
}

/// A column of a row that differs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DiffField)]
pub struct DifferingField {
    /// The column.
    #[serde(rename = "field")]
    pub column: &'static str,
    /// The value in `from`; none if it does not have the row. Decimals, dates and times are texts. A value that only its engine
    /// can store is an object with one member, `{"native": "..."}`, as in an archive.
    pub from: Option<Value>,
    /// The value in `to`, in the same form.
    pub to: Option<Value>,
    /// Whether the values are hidden. Values such as the hash of a password are never shown.
    pub hidden: bool,
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
            let (from, to, hidden) = match table.is_exported(column.name) {
                true => (from, to, false),
                false => (None, None, true),
            };
            fields.push(DifferingField {
                column: column.name,
                from,
                to,
                hidden,
            });
        }
        Ok(Self { id, change, fields })
    }
}

fn parsed(json: Option<&[u8]>) -> Result<Option<Map<String, Value>>> {
    let row = json.map(serde_json::from_slice).transpose();
    row.map_err(Error::internal(DOING))
}
