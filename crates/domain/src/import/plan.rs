//! The plan of an import: what it would do, for people, and what its application has to know.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::{ImportMode, ImportRequest};
use crate::catalog::Table;

/// How many changes and how many errors a plan names; the rest are counted.
pub(super) const MAX_NAMED: usize = 100;

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportPlan, example = json!({
    "id": "0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70", "table": "students", "mode": "upsert", "skip_wrong": false,
    "create_missing": [],
    "file": {
        "name": "students.csv", "bytes": 48210, "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "format": "csv", "encoding": "UTF-8", "sheet": null,
    },
    "columns": [
        {"heading": "Reg No", "column": "registration_number"}, {"heading": "Student Name", "column": "full_name"},
    ],
    "ignored": [{"heading": "Remarks", "reason": "The table has no such column."}],
    "notes": ["Row 1 is a title above the headings and is left out."],
    "rows": {
        "read": 402, "new": 2, "changed": 1, "unchanged": 399, "skipped": 0, "conflicting": 0, "wrong": 0, "removed": 0,
    },
    "tables": {"students": {"rows_before": 400, "rows_after": 402, "inserted": 2, "updated": 1, "removed": 0}},
    "money": null,
    "changes": [{
        "kind": "changed", "row": 17, "id": 16,
        "fields": [{"column": "phone", "old": "+91 98450 12345", "new": "+91 98450 54321"}],
    }],
    "errors": [],
    "can_apply": true, "undo_needs_identity": false,
    "hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "created_by": "admin", "created_at": "2026-11-23T09:30:00Z", "expires_at": "2026-11-24T09:30:00Z",
}))]
pub struct ImportPlan {
    /// The id of the import.
    #[schema(format = "uuid")]
    pub id: String,
    /// The table.
    #[schema(value_type = String)]
    pub table: Table,
    /// Which rows of the file are used.
    pub mode: ImportMode,
    /// Whether wrong and conflicting rows are left out.
    pub skip_wrong: bool,
    /// The tables in which missing rows are created.
    #[schema(value_type = BTreeSet<String>)]
    pub create_missing: BTreeSet<Table>,
    /// The file.
    pub file: ImportedFile,
    /// The headings that belong to columns of the table.
    pub columns: Vec<MatchedColumn>,
    /// The headings that are ignored.
    pub ignored: Vec<IgnoredColumn>,
    /// What was noticed in the file, as sentences.
    pub notes: Vec<String>,
    /// The rows of the file, counted.
    pub rows: ImportCounts,
    /// The outcome for each table that the import changes.
    #[schema(value_type = BTreeMap<String, ImportTable>)]
    pub tables: BTreeMap<Table, ImportTable>,
    /// The sum of all payments; none if the import concerns no payments.
    pub money: Option<ImportMoney>,
    /// The first 100 changes, field by field. Those of rows of the file are in its order; removed rows follow.
    pub changes: Vec<RowChange>,
    /// The first 100 errors, in the order of the rows. `GET /backup/imports/{id}/errors` has all.
    pub errors: Vec<RowError>,
    /// Whether the import can be applied. If not, `errors` says why.
    pub can_apply: bool,
    /// Whether the undo of the import will need the secret key of the backups (`X-Archive-Identity`), because the service does not
    /// have it.
    pub undo_needs_identity: bool,
    /// The hash of the plan, which the application requires. It covers the file, the request, and the live rows of all tables
    /// that the import concerns.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
    /// The name of the user who sent the file.
    pub created_by: String,
    /// When the plan was made, UTC. New rows without a time get this one.
    pub created_at: DateTime<Utc>,
    /// Until when it can be applied, UTC. Then the file and the plan are deleted.
    pub expires_at: DateTime<Utc>,
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedFile {
    /// Its name, if the client sent one.
    pub name: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its format, recognized by its content: `csv`, `xlsx`, `ods` or `json`.
    pub format: String,
    /// The encoding of its text; none for a workbook.
    pub encoding: Option<String>,
    /// The sheet that was read; none if the format has no sheets.
    pub sheet: Option<String>,
}

/// A heading of the file that belongs to a column of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchedColumn {
    /// The heading, as it is in the file.
    pub heading: String,
    /// The column of the table, by its name in the API.
    pub column: String,
}

/// A heading of the file that is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IgnoredColumn {
    /// The heading, as it is in the file.
    pub heading: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// The rows of a file, counted by what is done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportCounts {
    /// All rows of the file below its headings, without blank ones.
    pub read: u64,
    /// Rows that are inserted.
    pub new: u64,
    /// Rows that change an existing row.
    pub changed: u64,
    /// Rows that are equal to the existing row.
    pub unchanged: u64,
    /// Rows that the mode leaves out: existing ones with `insert`, new ones with `update`.
    pub skipped: u64,
    /// Rows that are in conflict with an existing row that has the same unique value.
    pub conflicting: u64,
    /// Rows with a wrong value, and rows that are twice in the file.
    pub wrong: u64,
    /// Existing rows that are removed because the file does not have them.
    pub removed: u64,
}

/// The outcome of an import for one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportTable {
    /// Rows before.
    pub rows_before: u64,
    /// Rows afterwards.
    pub rows_after: u64,
    /// Rows that are inserted.
    pub inserted: u64,
    /// Rows that are changed.
    pub updated: u64,
    /// Rows that are removed, with those that refer to a removed row.
    pub removed: u64,
}

/// The sum of all payments, as exact decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportMoney {
    /// Now.
    pub before: String,
    /// After the import.
    pub after: String,
}

/// The change of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowChange {
    /// What is done.
    pub kind: RowChangeKind,
    /// The row of the file, counted as a spreadsheet counts it; none for a removed row.
    pub row: Option<u64>,
    /// The id of the row in the table; none for a new row that gets one when the import is applied.
    pub id: Option<i64>,
    /// The fields that change: of a new or removed row all that are not empty.
    pub fields: Vec<FieldChange>,
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowChangeKind {
    /// It is inserted.
    New,
    /// It gets other values.
    Changed,
    /// It is removed.
    Removed,
}

/// The change of one field. Long texts are cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// The column, by its name in the API.
    pub column: String,
    /// The value before, as in an archive; none if it is empty.
    pub old: Option<String>,
    /// The value afterwards, as in an archive; none if it is empty.
    pub new: Option<String>,
}

/// A row that can't be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// The row of the file, counted as a spreadsheet counts it.
    pub row: u64,
    /// The heading of the column; none if the row as a whole is wrong.
    pub column: Option<String>,
    /// The value, as it is in the file; a long one is cut.
    pub value: Option<String>,
    /// What is wrong, as a sentence.
    pub reason: String,
}

/// A stored plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredImport {
    pub(crate) plan: ImportPlan,
    pub(crate) request: ImportRequest,
    /// The time zone of times in the file.
    pub(crate) time_zone: String,
    /// The headings of all columns of the file.
    pub(crate) headings: Vec<String>,
    /// The ids that new rows have in the staging database, by table.
    pub(crate) generated: BTreeMap<Table, GeneratedIds>,
}

/// The ids of new rows: consecutive ones after the greatest id that the table ever had. They are those of the plan; the
/// application shifts them if the database has generated others since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GeneratedIds {
    /// The greatest id before.
    pub(crate) after: i64,
    /// The greatest id that the file itself gives to a new row, or 0.
    pub(crate) given: i64,
    /// How many there are.
    pub(crate) count: u64,
}
