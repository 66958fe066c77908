//! What is to be restored, which tables that concerns, and the hash that binds a restore to its plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use campus_backup_archive::Summary;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::account::Admin;
use crate::catalog::Table;
use crate::error::{Error, Result};

/// What is to be restored, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Which rows.
    pub scope: Scope,
    /// How they meet those that are there.
    pub mode: Mode,
    /// Whether active administrators become what the archive has also where that disables them: inactive, of another role, or
    /// with a password with which nobody can sign in. Otherwise their accounts stay as they are.
    pub disable_administrators: bool,
}

/// Which rows are restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those of all seven tables.
    All,
    /// Those of some tables.
    Tables(BTreeSet<Table>),
    /// One row with everything that hangs on it. So far it is a student's.
    Entity {
        /// [`Table::Students`]
        table: Table,
        /// The row's id.
        id: i64,
    },
}

/// How the archive's rows meet those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The scope becomes what the archive has.
    Replace,
    /// Rows that are missing come back, rows that differ become what they were; nothing is removed.
    Merge,
    /// Rows that are missing come back.
    InsertMissing,
}

/// Where an archive's rows come from, as far as a restore depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// From anywhere. Ids that leave no room for rows that come later are refused, and user names that no new account may have.
    Unknown,
    /// From this database, before a clear or another restore: what it admitted then comes back.
    SafetyArchive,
    /// The same, for the undo of a clear. No clear removes an administrator, so none comes back.
    Undo,
}

/// Which rows of a table a restore may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of them.
    Whole,
    /// Those of one student.
    OfStudent(i64),
    /// Those that something refers to and that are missing.
    Referred,
    /// None but those that hang on a row that is removed.
    Cascade,
}

impl Restore {
    /// Whether there is such a restore.
    ///
    /// # Errors
    /// [`Error::Invalid`] if no table is named, or a row of a table whose rows can't be restored one by one.
    pub fn check(&self) -> Result<()> {
        let problem = match &self.scope {
            Scope::Tables(tables) if tables.is_empty() => "must name at least one table",
            Scope::Entity { table, .. } if *table != Table::Students => {
                "only students can be restored one by one, with all that hangs on them"
            }
            _ => return Ok(()),
        };
        Err(Error::Invalid {
            field: "scope",
            problem: problem.to_owned(),
        })
    }

    /// Every table whose rows can change, or whose rows others refer to: those that must be locked, and those that the
    /// hash is about.
    pub fn tables(&self) -> Vec<Table> {
        let mut tables: BTreeSet<_> = Table::ALL
            .into_iter()
            .filter(|table| self.extent(*table).is_some())
            .collect();
        let targets = tables.iter().filter(|table| self.is_target(**table));
        let referred: Vec<_> = targets.flat_map(|table| table.references()).collect();
        tables.extend(referred.into_iter().map(|reference| reference.table));
        tables.into_iter().collect()
    }

    /// The tables that the archive must have.
    pub(super) fn wanted(&self) -> Vec<Table> {
        Table::ALL.into_iter().filter(|table| self.is_target(*table)).collect()
    }

    /// Whether rows of this table come from the archive.
    pub(super) fn is_target(&self, table: Table) -> bool {
        !matches!(self.extent(table), None | Some(Extent::Cascade))
    }

    /// How many rows of an archive are read for it.
    pub fn rows_in(&self, archive: &Summary) -> u64 {
        let tables = self.wanted().into_iter();
        tables.filter_map(|table| archive.rows.get(table.name())).sum()
    }

    /// Which of a table's rows may be touched; none if it has nothing to do with the restore.
    pub(super) fn extent(&self, table: Table) -> Option<Extent> {
        match &self.scope {
            Scope::All => Some(Extent::Whole),
            Scope::Tables(tables) if tables.contains(&table) => Some(Extent::Whole),
            Scope::Tables(tables) => {
                let hangs = tables.iter().any(|chosen| chosen.dependents().contains(&table));
                (hangs && self.mode == Mode::Replace).then_some(Extent::Cascade)
            }
            Scope::Entity { table: root, id } => match table {
                Table::Users => None,
                _ if table == *root || root.dependents().contains(&table) => Some(Extent::OfStudent(*id)),
                _ => Some(Extent::Referred),
            },
        }
    }
}

/// The hash of a plan without [its administrators](super::Administrators::bind): of the archive (`digest` of its summary), the request, who asks, and the live rows of every table
/// of [`Restore::tables`] (`sha256` of a summary of them, be it the plan's own or that of the safety archive).
///
/// Equal hashes mean that the plan is what the restore will do.
pub fn hash(admin: &Admin, request: &Restore, archive: &str, live: &BTreeMap<String, String>) -> String {
    let mut text = format!("restore 2\n{archive}\n{:?}\n", admin.user_id());
    // A list of words and numbers always has a JSON form.
    text += &serde_json::to_string(request).unwrap_or_default();
    for table in request.tables() {
        let digest = live.get(table.name()).map_or("", String::as_str);
        // Writing to a `String` can't fail.
        let _ = write!(text, "\n{table} {digest}");
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}
