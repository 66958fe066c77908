//! The options of an import, from the query string or the fields of a form.

use std::collections::{BTreeMap, BTreeSet};

use campus_backup_domain::Table;
use campus_backup_domain::import::read::{DateOrder, DecimalReading, ReadOptions};
use campus_backup_domain::import::{ImportMode, ImportRequest};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::body::fields;
use crate::problem::ApiError;

/// How a file is imported.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// Which rows of the file are used: `insert` those that the table does not have, `update` those that it has, `upsert` both,
    /// `replace` both, and rows that the file does not have are removed. Default `upsert`.
    #[param(required = false, inline)]
    mode: Option<ImportMode>,
    /// Whether wrong and conflicting rows are left out. Otherwise a file with such rows can't be applied. Not with `replace`.
    /// Default `false`.
    skip_wrong: Option<bool>,
    /// `payment_categories`: categories that don't exist are created. Only for payments.
    create_missing: Option<String>,
    /// A JSON object with the column of the table for headings that are not recognized: `{"Reg No": "registration_number"}`. An
    /// empty column ignores the heading.
    columns: Option<String>,
    /// The order of day, month and year in dates such as `03/04/2024`. Default `day_first`.
    #[param(required = false, inline)]
    dates: Option<DateOrder>,
    /// The decimal mark of amounts. Default `auto`: an amount such as `1,234`, which can be read in two ways, is an error.
    #[param(required = false, inline)]
    decimals: Option<DecimalReading>,
    /// The sheet of a workbook. Default: the only one with rows.
    sheet: Option<String>,
    /// Whether the apostrophe that protects texts in downloads from being run as formulas is removed. Default `true`.
    formula_guard: Option<bool>,
}

impl ImportQuery {
    /// Reads the query string together with the fields of a form.
    pub(super) fn read(query: &str, form: &[(String, String)]) -> Result<Self, ApiError> {
        let mut pairs = url::form_urlencoded::Serializer::new(query.to_owned());
        pairs.extend_pairs(form.iter().filter(|(_, value)| !value.is_empty()));
        fields::from_query(&pairs.finish())
    }

    /// The request for a table.
    pub(super) fn request(self, table: Table) -> Result<ImportRequest, ApiError> {
        let columns = self.columns.as_deref().map_or(Ok(BTreeMap::new()), columns)?;
        Ok(ImportRequest {
            table,
            mode: self.mode.unwrap_or_default(),
            skip_wrong: self.skip_wrong.unwrap_or_default(),
            create_missing: self.create_missing.as_deref().map_or(Ok(BTreeSet::new()), tables)?,
            reading: ReadOptions {
                columns,
                dates: self.dates.unwrap_or_default(),
                decimals: self.decimals.unwrap_or_default(),
                sheet: self.sheet,
                formula_guard: self.formula_guard.unwrap_or(true),
            },
        })
    }
}

fn columns(json: &str) -> Result<BTreeMap<String, String>, ApiError> {
    serde_json::from_str(json).map_err(|error| {
        let detail = format!("must be a JSON object such as {{\"Reg No\": \"registration_number\"}}: {error}");
        ApiError::invalid("columns", detail)
    })
}

fn tables(names: &str) -> Result<BTreeSet<Table>, ApiError> {
    let tables = names.split(',').map(|name| Table::from_name(name.trim()));
    let tables: Option<_> = tables.collect();
    tables.ok_or_else(|| ApiError::invalid("create_missing", "must be payment_categories"))
}
