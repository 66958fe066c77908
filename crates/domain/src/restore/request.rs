//! The request of a restore: its scope and mode, the tables that it concerns, and the hash that binds it to its plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use campus_backup_archive::{Keys, Summary};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::account::Admin;
use crate::catalog::Table;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::open::ArchiveSource;

/// What to restore, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The rows to restore.
    pub scope: Scope,
    /// How they replace or complete the live rows.
    pub mode: RestoreMode,
    /// Whether active administrators get the archive's values also where that disables them: inactive, with another role, or
    /// with a password that can't be used. Otherwise their accounts stay unchanged.
    pub disable_administrators: bool,
}

/// The rows that are restored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// All rows of all seven tables.
    #[default]
    All,
    /// All rows of some tables.
    Tables(BTreeSet<Table>),
    /// One row with the rows that refer to it. Only students can be restored in this way.
    Entity {
        /// [`Table::Students`]
        table: Table,
        /// The row's id.
        id: i64,
    },
}

/// How the archive's rows replace or complete the live rows: `replace` gives the scope exactly the rows of the archive;
/// `merge` overwrites differing rows, inserts missing rows, and removes nothing; `insert_missing` inserts missing rows and
/// changes no other row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoreMode {
    /// The scope gets exactly the rows of the archive.
    Replace,
    /// Missing rows are inserted and differing rows are overwritten; nothing is removed.
    Merge,
    /// Missing rows are inserted; no other row changes.
    InsertMissing,
}

impl RestoreMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Replace, Self::Merge, Self::InsertMissing];

    /// Its name in the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Merge => "merge",
            Self::InsertMissing => "insert_missing",
        }
    }
}

fn string(values: &[&'static str], description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.iter().copied()))
        .description(Some(description))
}

fn object() -> ObjectBuilder {
    ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// `all`, some tables, or one row. Written by hand, because only students can be restored one by one.
impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        let tables = ArrayBuilder::new()
            .items(string(&Table::ALL.map(Table::name), "A table."))
            .min_items(Some(1));
        OneOfBuilder::new()
            .description(Some(
                "The rows to restore: `all` rows, those of some tables, or one student with the rows that refer to them.",
            ))
            .item(string(&["all"], "All rows of all seven tables."))
            .item(object().property("tables", tables).required("tables"))
            .item(
                object()
                    .property("entity", Ref::from_schema_name(ENTITY_SCHEMA))
                    .required("entity"),
            )
            .into()
    }
}

/// The name of the schema of one row. Generators of clients need a name for a nested object.
const ENTITY_SCHEMA: &str = "RestoreEntity";

impl ToSchema for Scope {
    fn name() -> std::borrow::Cow<'static, str> {
        "RestoreScope".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        let entity = object()
            .property("table", string(&[Table::Students.name()], "The table of the row."))
            .property(
                "id",
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                    .description(Some("The id of the row.")),
            )
            .required("table")
            .required("id")
            .description(Some("One student with the rows that refer to them."));
        schemas.push((ENTITY_SCHEMA.to_owned(), RefOr::T(entity.into())));
    }
}

/// The origin of an archive's rows, as far as a restore depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Unknown. Ids that leave no room for later rows are refused, and so are user names that new accounts may not have.
    Unknown,
    /// This database, before a clear or another restore: values that it accepted then are accepted again.
    SafetyArchive,
    /// The same, for the undo of a clear. A clear removes no administrator, so the undo restores none.
    Undo,
}

/// The rows of a table that a restore or an import may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of them.
    Whole,
    /// The rows of one student.
    OfStudent(i64),
    /// Missing rows that restored rows refer to.
    Referred,
    /// Only rows that refer to a removed row.
    Cascade,
}

/// The rows of each table that may change, and how the new rows replace or complete the live rows.
#[derive(Clone, Debug)]
pub(crate) struct Extents {
    pub(crate) mode: RestoreMode,
    pub(crate) tables: BTreeMap<Table, Extent>,
}

impl Extents {
    /// The rows of a table that may change; none if the table is not concerned.
    pub(crate) fn extent(&self, table: Table) -> Option<Extent> {
        self.tables.get(&table).copied()
    }

    /// Whether rows of this table are written.
    pub(crate) fn is_target(&self, table: Table) -> bool {
        !matches!(self.extent(table), None | Some(Extent::Cascade))
    }

    /// The tables that keep no row that the new rows do not have.
    pub(super) fn replaced_tables(&self) -> Vec<Table> {
        let is_whole = |(table, extent): (&Table, &Extent)| (*extent == Extent::Whole).then_some(*table);
        match self.mode {
            RestoreMode::Replace => self.tables.iter().filter_map(is_whole).collect(),
            RestoreMode::Merge | RestoreMode::InsertMissing => Vec::new(),
        }
    }
}

/// What a plan and a restore need.
#[derive(Clone, Copy)]
pub struct RestoreContext<'a> {
    /// The acting administrator, whose account stays unchanged.
    pub admin: &'a Admin,
    /// The live data.
    pub database: &'a Database,
    /// The bytes of the archive.
    pub source: &'a dyn ArchiveSource,
    /// The keys that open the archive.
    pub keys: &'a Keys,
    /// The request.
    pub request: &'a Restore,
    /// The origin of the archive's rows.
    pub provenance: Provenance,
    /// A folder with room for the live rows and the archive's.
    pub scratch: &'a Path,
    /// Where the work reports its progress.
    pub progress: &'a Progress,
}

impl Restore {
    /// Checks that the scope is valid.
    ///
    /// # Errors
    /// [`Error::Invalid`] if no table is named, or a row of a table whose rows can't be restored one by one.
    pub fn check(&self) -> Result<()> {
        let problem = match &self.scope {
            Scope::Tables(tables) if tables.is_empty() => "must name at least one table",
            Scope::Entity { table, .. } if *table != Table::Students => {
                "only students can be restored one by one, with the rows that refer to them"
            }
            _ => return Ok(()),
        };
        Err(Error::Invalid {
            field: "scope",
            problem: problem.to_owned(),
        })
    }

    /// The tables whose rows can change, and the tables that these refer to. They must be locked, and the hash covers
    /// them.
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

    /// The rows of all tables that may change.
    pub(super) fn extents(&self) -> Extents {
        let extents = Table::ALL.into_iter().map(|table| (table, self.extent(table)));
        Extents {
            mode: self.mode,
            tables: extents.filter_map(|(table, extent)| Some((table, extent?))).collect(),
        }
    }

    /// How many rows of an archive the restore reads.
    pub fn rows_in(&self, archive: &Summary) -> u64 {
        let tables = self.wanted().into_iter();
        tables.filter_map(|table| archive.rows.get(table.name())).sum()
    }

    /// The rows of a table that may change; none if the restore does not concern the table.
    pub(super) fn extent(&self, table: Table) -> Option<Extent> {
        match &self.scope {
            Scope::All => Some(Extent::Whole),
            Scope::Tables(tables) if tables.contains(&table) => Some(Extent::Whole),
            Scope::Tables(tables) => {
                let is_dependent = tables.iter().any(|chosen| chosen.dependents().contains(&table));
                (is_dependent && self.mode == RestoreMode::Replace).then_some(Extent::Cascade)
            }
            Scope::Entity { table: root, id } => match table {
                Table::Users => None,
                _ if table == *root || root.dependents().contains(&table) => Some(Extent::OfStudent(*id)),
                _ => Some(Extent::Referred),
            },
        }
    }
}

/// The hash of a plan without [its administrators](super::Administrators::bind). It covers the archive (`digest` of its
/// summary), the request, the acting administrator, and the live rows of every table of [`Restore::tables`] (`sha256` of a
/// summary of them: the plan's own, or that of the safety backup).
///
/// Equal hashes mean that the restore will do what the plan says.
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
