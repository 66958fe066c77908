//! The request of an import: the table, the mode, and which rows of other tables it may create.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::read::ReadOptions;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::restore::RestoreMode;
use crate::restore::request::{Extent, Extents};

/// The tables that a file can be imported into.
pub const IMPORTABLE: [Table; 6] = [
    Table::Students,
    Table::Courses,
    Table::PaymentCategories,
    Table::Enrollments,
    Table::Payments,
    Table::Attendance,
];

/// The tables in which an import of other rows may create missing rows: those whose rows need no more than a name.
const CREATABLE: [Table; 1] = [Table::PaymentCategories];

/// What to import, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// One of [`IMPORTABLE`].
    pub table: Table,
    /// Which rows of the file are used.
    pub mode: ImportMode,
    /// Whether wrong and conflicting rows are left out. Otherwise a file with such rows can't be applied.
    pub skip_wrong: bool,
    /// The tables in which missing rows are created if rows of the file name them.
    pub create_missing: BTreeSet<Table>,
    /// How the file is read.
    pub reading: ReadOptions,
}

/// Which rows of a file are used: `insert` those that the table does not have, `update` those that it has, `upsert` both;
/// `replace` also removes the rows that the file does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// New rows are inserted; existing rows stay unchanged.
    Insert,
    /// Existing rows are changed; new rows are left out.
    Update,
    /// New rows are inserted and existing rows are changed.
    #[default]
    Upsert,
    /// The same, and rows that the file does not have are removed, with the rows that refer to them.
    Replace,
}

impl ImportMode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Upsert, Self::Replace];

    /// Its name in the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Replace => "replace",
        }
    }

    /// Whether rows that the table does not have are inserted.
    pub(super) fn inserts(self) -> bool {
        self != Self::Update
    }

    /// Whether rows that the table has are changed.
    pub(super) fn updates(self) -> bool {
        self != Self::Insert
    }

    /// The mode of a restore that does the same with the rows of an archive.
    fn of_restore(self) -> RestoreMode {
        match self {
            Self::Insert => RestoreMode::InsertMissing,
            Self::Update | Self::Upsert => RestoreMode::Merge,
            Self::Replace => RestoreMode::Replace,
        }
    }
}

impl ImportRequest {
    /// Checks the request, apart from the options for reading the file.
    ///
    /// # Errors
    /// [`Error::Invalid`]
    pub fn check(&self) -> Result<()> {
        let invalid = |field, problem: String| Err(Error::Invalid { field, problem });
        if self.table == Table::Users {
            let problem = "must not be users: a file has no passwords, and must not make or remove administrators. \
                           Create and change accounts on the page Accounts or with `campus-backup admin`";
            return invalid("table", problem.to_owned());
        }
        if self.skip_wrong && self.mode == ImportMode::Replace {
            let problem =
                "can't be used with the mode `replace`: rows that are left out would be removed. Correct them first";
            return invalid("skip_wrong", problem.to_owned());
        }
        let references = self.table.references();
        let is_creatable =
            |table: &Table| CREATABLE.contains(table) && references.iter().any(|reference| reference.table == *table);
        match self.create_missing.iter().find(|table| !is_creatable(table)) {
            None => Ok(()),
            Some(table) => invalid(
                "create_missing",
                format!(
                    "can't be {table} for {}: only payments create payment_categories",
                    self.table
                ),
            ),
        }
    }

    /// The rows that may change: those of the table; those that refer to them, if rows are removed; and rows that are created in
    /// tables that they refer to.
    pub(crate) fn extents(&self) -> Extents {
        let mut tables: BTreeMap<_, _> = self
            .create_missing
            .iter()
            .map(|table| (*table, Extent::Referred))
            .collect();
        tables.insert(self.table, Extent::Whole);
        if self.mode == ImportMode::Replace {
            tables.extend(self.table.dependents().iter().map(|table| (*table, Extent::Cascade)));
        }
        Extents {
            mode: self.mode.of_restore(),
            tables,
        }
    }

    /// The tables whose rows can change, and the tables that these refer to. They must be locked, and the hash covers them.
    pub(crate) fn tables(&self) -> Vec<Table> {
        let mut tables: BTreeSet<_> = self.extents().tables.into_keys().collect();
        tables.extend(self.table.references().iter().map(|reference| reference.table));
        tables.into_iter().collect()
    }
}

/// The hash of a plan. It covers the file (`sha256` of its bytes), the request, and the live rows of every table of
/// [`ImportRequest::tables`].
///
/// Equal hashes mean that the import will do what the plan says.
pub(crate) fn hash(request: &ImportRequest, file: &str, live: &BTreeMap<String, String>) -> String {
    let mut text = format!("import 1\n{file}\n");
    // Lists of words and texts always have a JSON form.
    text += &serde_json::to_string(request).unwrap_or_default();
    for table in request.tables() {
        let digest = live.get(table.name()).map_or("", String::as_str);
        // Writing to a `String` can't fail.
        let _ = write!(text, "\n{table} {digest}");
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}
