//! The tables of a database, as a value.
//!
//! All values that refer to a column do so by its place among the columns of the table, because a name may be empty and
//! may be written in several ways. Tables are referred to by [`TableName`], because a reference may lead to a table that
//! the catalogue does not have.

mod kind;
mod order;

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

pub use self::kind::{Kind, MAX_SCALE};
use crate::Engine;

/// The tables of one database.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The engine that the description comes from.
    pub engine: Engine,
    /// SHA-256 of the canonical description, as hexadecimal digits. It is the same for every role that may see the
    /// tables, and at every time until a table changes.
    pub digest: String,
    /// The tables that have rows of their own, in an order in which rows can be inserted: a referenced table comes first,
    /// unless both are in one of the [cycles](Self::cycles). Tables without references between them are in the order of
    /// their names.
    pub tables: Vec<Table>,
    /// Sets of several tables that refer to each other in a circle.
    pub cycles: Vec<Vec<TableName>>,
    /// Everything else that looks like a table. Its rows are derived from tables, or lie elsewhere.
    pub other_objects: Vec<OtherObject>,
}

impl Catalog {
    /// Puts the tables in order and computes the digest.
    pub fn new(engine: Engine, mut tables: Vec<Table>, mut other_objects: Vec<OtherObject>) -> Self {
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        other_objects.sort_by(|a, b| a.name.cmp(&b.name));
        let digest = digest(engine, &tables);
        let (tables, cycles) = order::by_references(tables);
        Self {
            engine,
            digest,
            tables,
            cycles,
            other_objects,
        }
    }

    /// The table of that name.
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

/// The tables in the order of their names, as JSON.
fn digest(engine: Engine, tables: &[Table]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(engine.name());
    for table in tables {
        hasher.update("\n");
        // Strings, numbers and lists can always be written.
        hasher.update(serde_json::to_vec(table).unwrap_or_default());
    }
    hex::encode(hasher.finalize())
}

/// The name of a table or of another object. Without a schema it is one of `public` on PostgreSQL, of the connected
/// database on MySQL, and of the file on SQLite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema, if it is not the usual one. On MySQL: another database of the server.
    pub schema: Option<String>,
    /// The name, as the engine stores it.
    pub name: String,
}

impl TableName {
    /// A name in the usual schema.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            schema: None,
            name: name.into(),
        }
    }

    /// A name in another schema.
    pub fn in_schema(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: Some(schema.into()),
            name: name.into(),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Both parts, so that a point in a name makes no two names equal.
impl Serialize for TableName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.schema, &self.name).serialize(serializer)
    }
}

/// A table that has rows of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Every column, in the order of the table.
    pub columns: Vec<Column>,
    /// What identifies a row, if anything does.
    pub key: Option<Key>,
    /// Unique keys of columns, without the [key](Self::key).
    pub uniques: Vec<Unique>,
    /// The foreign keys that the database has.
    pub references: Vec<Reference>,
    /// How the table behaves. Not in the digest, because another role may see less of it.
    #[serde(skip)]
    pub traits: Traits,
    /// Why its rows can't be read completely and exactly. Not in the digest, because another right may remove it.
    #[serde(skip)]
    pub problems: Vec<Problem>,
}

impl Table {
    /// The place of the column of that name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The names of these columns, with commas between them.
    pub fn column_names(&self, places: &[usize]) -> String {
        let names: Vec<_> = places
            .iter()
            .filter_map(|place| self.columns.get(*place))
            .map(|column| column.name.as_str())
            .collect();
        names.join(", ")
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name, which may be empty on SQLite.
    pub name: String,
    /// What its values are. A single value may still be something else, such as `0000-00-00` in a date.
    pub kind: Kind,
    /// The type in the engine's own words, such as `varchar(20)`.
    pub native: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether the database computes it from other columns.
    pub generated: bool,
    /// Whether two values are equal only if their bytes are.
    pub collation_exact: bool,
}

impl Column {
    /// Whether the database can compare its values with those of another column of the same database.
    pub fn is_comparable(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match self.kind {
                Kind::Native => false,
                Kind::Text => comparison_type(&self.native) == comparison_type(&other.native),
                _ => true,
            }
    }
}

/// PostgreSQL compares texts with texts, but `uuid` and each enumeration only with itself. Lengths don't matter.
fn comparison_type(native: &str) -> String {
    let name = native.split('(').next().unwrap_or_default().trim_end().to_lowercase();
    match name.as_str() {
        "character varying" | "character" | "name" | "varchar" | "nvarchar" | "char" | "tinytext" | "mediumtext"
        | "longtext" | "clob" | "enum" | "set" => "text".to_owned(),
        _ => name,
    }
}

/// The columns that identify a row. None of them may be NULL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// The columns, in the order of the key.
    pub columns: Vec<usize>,
    /// Where the key comes from.
    pub source: KeySource,
}

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// The primary key.
    Primary,
    /// A unique key, because there is no primary key.
    Unique,
}

/// A unique key of whole columns, for all rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unique {
    /// Its name in the database. Not in the digest: SQLite makes such names up.
    #[serde(skip)]
    pub name: String,
    /// The columns, in the order of the key.
    pub columns: Vec<usize>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The columns of this table.
    pub columns: Vec<usize>,
    /// The table that they refer to.
    pub table: TableName,
    /// The names of the columns there, in the same order.
    pub target_columns: Vec<String>,
    /// What the deletion of the referenced row does. None if this role may not see it. Not in the digest for that reason.
    #[serde(skip)]
    pub on_delete: Option<OnDelete>,
    /// Whether the database can check it at the end of the transaction.
    pub deferrable: bool,
}

/// What the deletion of a referenced row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// It is refused.
    Refuse,
    /// It also deletes the referring row.
    Cascade,
    /// It empties the referring column, or gives it its default.
    Clear,
}

/// How a table behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Whether a transaction covers it. MySQL's MyISAM, Aria and MEMORY tables have no consistent snapshot and no
    /// rollback.
    pub storage: Storage,
    /// The triggers that this role may see.
    pub triggers: Vec<String>,
    /// PostgreSQL's rules, which replace or accompany a change of the table.
    pub rules: Vec<String>,
    /// Unique indexes and constraints that are not a [`Unique`]: partial ones, of expressions, of the beginning of a
    /// text; exclusion constraints and checks. On SQLite without checks, which its catalog does not list.
    pub other_constraints: Vec<String>,
    /// Whether its rows lie in partitions. They are read as one table.
    pub partitioned: bool,
    /// Whether the database keeps earlier versions of rows, which are not read.
    pub system_versioned: bool,
    /// Whether PostgreSQL empties it after a crash.
    pub unlogged: bool,
}

/// Whether a transaction covers a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// It does.
    #[default]
    Transactional,
    /// It does not. This is the storage engine.
    NonTransactional(String),
}

/// Why the rows of a table can't be read completely and exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The role may not read it.
    NotReadable,
    /// A policy of PostgreSQL hides rows from the role.
    RowSecurity,
}

/// A view, or another object that looks like a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherObject {
    /// Its name.
    pub name: TableName,
    /// What it is.
    pub kind: ObjectKind,
}

/// What an object is that looks like a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A view: rows of tables.
    View,
    /// A view whose rows PostgreSQL stores.
    MaterializedView,
    /// A partition, which is read as a part of its table.
    Partition,
    /// A table whose rows lie in another database.
    ForeignTable,
    /// A table of an extension of PostgreSQL.
    ExtensionTable,
    /// A generator of numbers.
    Sequence,
    /// A table that a module of SQLite computes, such as a full-text index.
    VirtualTable,
    /// A table in which such a module keeps its own data.
    ShadowTable,
}

impl ObjectKind {
    /// The words for one and for several.
    pub const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::View => ("view", "views"),
            Self::MaterializedView => ("materialized view", "materialized views"),
            Self::Partition => ("partition", "partitions"),
            Self::ForeignTable => ("foreign table", "foreign tables"),
            Self::ExtensionTable => ("table of an extension", "tables of extensions"),
            Self::Sequence => ("sequence", "sequences"),
            Self::VirtualTable => ("virtual table", "virtual tables"),
            Self::ShadowTable => ("shadow table", "shadow tables"),
        }
    }
}
