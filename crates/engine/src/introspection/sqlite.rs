//! SQLite 3.37 and newer, from its pragmas as tables. It has no roles.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::{choose_key, get, group_by, names_by_table, query, slice};
use crate::Engine;
use crate::catalog::{
    Catalog, Column, Kind, ObjectKind, OnDelete, OtherObject, Reference, Table, TableName, Traits, Unique,
};

const TABLES: &str = "SELECT name, type AS kind, wr AS is_without_rowid, strict AS is_strict FROM pragma_table_list \
    WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

/// The column `hidden` is 1 for those of a module, 2 for a computed value and 3 for a stored computed value.
const COLUMNS: &str = "SELECT t.name AS table_name, c.name, c.type AS native, c.\"notnull\" AS is_not_null, \
    c.pk AS place_in_key, c.hidden > 1 AS is_generated \
    FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c \
    WHERE t.schema = 'main' AND t.type = 'table' AND c.hidden <> 1 ORDER BY t.name, c.cid";

/// The columns of unique indexes, also of those that SQLite makes for a key. An expression has no name. Indexes of
/// tables `WITHOUT ROWID` also have columns that are no part of the key.
const UNIQUES: &str = "SELECT t.name AS table_name, i.name AS index_name, i.origin, i.partial AS is_partial, \
    c.name AS column_name, c.coll AS collation \
    FROM pragma_table_list t JOIN pragma_index_list(t.name) i JOIN pragma_index_xinfo(i.name) c \
    WHERE t.schema = 'main' AND t.type = 'table' AND i.\"unique\" AND c.key ORDER BY t.name, i.name, c.seqno";

/// `REFERENCES t` without columns has no name of the column there: it is the primary key.
const REFERENCES: &str = "SELECT t.name AS table_name, k.id, k.\"table\" AS target, k.\"from\" AS column_name, \
    k.\"to\" AS target_column, k.on_delete \
    FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) k \
    WHERE t.schema = 'main' AND t.type = 'table' ORDER BY t.name, k.id, k.seq";

const TRIGGERS: &str = "SELECT tbl_name AS table_name, name FROM sqlite_schema WHERE type = 'trigger' ORDER BY 1, 2";

/// A column and its place in the primary key, from 1, or 0.
struct KeyColumn {
    column: Column,
    place_in_key: i64,
}

struct IndexColumn {
    index: String,
    is_of_primary_key: bool,
    is_partial: bool,
    column: Option<String>,
    is_exact: bool,
}

struct ReferenceColumn {
    id: i64,
    column: String,
    target: String,
    target_column: Option<String>,
    on_delete: OnDelete,
}

pub(super) async fn introspect(connection: &impl ConnectionTrait) -> Result<Catalog, DbErr> {
    let listed = query(connection, TABLES).await?;
    let described = Described::read(connection).await?;
    let mut tables = Vec::new();
    let mut other_objects = Vec::new();
    for row in &listed {
        let name = TableName::new(get::<String>(row, "name")?);
        let kind = match get::<String>(row, "kind")?.as_str() {
            "view" => Some(ObjectKind::View),
            "virtual" => Some(ObjectKind::VirtualTable),
            "shadow" => Some(ObjectKind::ShadowTable),
            _ => None,
        };
        match kind {
            Some(kind) => other_objects.push(OtherObject { name, kind }),
            None => {
                let forbids_null = get::<bool>(row, "is_without_rowid")? || get::<bool>(row, "is_strict")?;
                tables.push(described.table(name, forbids_null));
            }
        }
    }
    Ok(Catalog::new(Engine::Sqlite, tables, other_objects))
}

/// The rows of the pragmas, by the name of the table.
struct Described {
    columns: BTreeMap<String, Vec<KeyColumn>>,
    uniques: BTreeMap<String, Vec<IndexColumn>>,
    references: BTreeMap<String, Vec<ReferenceColumn>>,
    triggers: BTreeMap<String, Vec<String>>,
}

impl Described {
    async fn read(connection: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let columns = query(connection, COLUMNS).await?;
        let uniques = query(connection, UNIQUES).await?;
        let references = query(connection, REFERENCES).await?;
        Ok(Self {
            columns: group_by(columns.iter().map(read_column))?,
            uniques: group_by(uniques.iter().map(read_index_column))?,
            references: group_by(references.iter().map(read_reference))?,
            triggers: names_by_table(connection, TRIGGERS, "table_name").await?,
        })
    }

    fn table(&self, name: TableName, forbids_null: bool) -> Table {
        let indexes = slice(&self.uniques, &name.name);
        let inexact: BTreeSet<_> = indexes
            .iter()
            .filter(|index| !index.is_exact)
            .filter_map(|index| index.column.as_deref())
            .collect();
        let mut columns: Vec<_> = slice(&self.columns, &name.name)
            .iter()
            .map(|column| Column {
                collation_exact: !inexact.contains(column.column.name.as_str()),
                ..column.column.clone()
            })
            .collect();
        let mut traits = Traits {
            triggers: slice(&self.triggers, &name.name).to_vec(),
            ..Traits::default()
        };
        let mut uniques = Vec::new();
        let mut is_alias_of_rowid = true;
        for index in indexes.chunk_by(|a, b| a.index == b.index) {
            is_alias_of_rowid &= !index[0].is_of_primary_key;
            if index[0].is_of_primary_key {
                continue;
            }
            let name = index[0].index.clone();
            match index_places(&columns, index) {
                Some(columns) => uniques.push(Unique { name, columns }),
                None => traits.other_constraints.push(name),
            }
        }
        let primary = self.primary_key(&name.name);
        // A key without an index of its own is the number of the row, which is never NULL.
        if forbids_null || is_alias_of_rowid {
            for place in primary.iter().flat_map(|key| &key.columns) {
                columns[*place].nullable = false;
            }
        }
        let key = choose_key(&columns, primary, &mut uniques);
        let references = self.references_of(&name.name, &columns);
        Table {
            name,
            columns,
            key,
            uniques,
            references,
            traits,
            problems: Vec::new(),
        }
    }

    fn primary_key(&self, table: &str) -> Option<Unique> {
        let columns = slice(&self.columns, table).iter().enumerate();
        let mut places: Vec<_> = columns
            .filter(|(_, column)| column.place_in_key > 0)
            .map(|(place, column)| (column.place_in_key, place))
            .collect();
        places.sort_unstable();
        (!places.is_empty()).then(|| Unique {
            name: "primary key".to_owned(),
            columns: places.into_iter().map(|(_, place)| place).collect(),
        })
    }

    fn references_of(&self, table: &str, columns: &[Column]) -> Vec<Reference> {
        let keys = slice(&self.references, table).chunk_by(|a, b| a.id == b.id);
        let mut references: Vec<_> = keys
            .map(|key| {
                let target = self.stored_name(&key[0].target);
                let named: Option<Vec<_>> = key.iter().map(|column| column.target_column.clone()).collect();
                Reference {
                    columns: key.iter().filter_map(|column| place(columns, &column.column)).collect(),
                    target_columns: named.unwrap_or_else(|| self.names_of_primary_key(&target)),
                    table: TableName::new(target),
                    on_delete: Some(key[0].on_delete),
                    // Every check can wait: `PRAGMA defer_foreign_keys`.
                    deferrable: true,
                }
            })
            .collect();
        references.sort_by(|a, b| a.columns.cmp(&b.columns));
        references
    }

    /// The name as the table was created. A reference may write it in another case.
    fn stored_name(&self, name: &str) -> String {
        let stored = self.columns.keys().find(|table| table.eq_ignore_ascii_case(name));
        stored.map_or(name, String::as_str).to_owned()
    }

    fn names_of_primary_key(&self, table: &str) -> Vec<String> {
        let columns = slice(&self.columns, table);
        let key = self.primary_key(table).map_or_else(Vec::new, |key| key.columns);
        key.into_iter()
            .map(|place| columns[place].column.name.clone())
            .collect()
    }
}

/// The columns of a unique index, unless it is partial or has an expression.
fn index_places(columns: &[Column], index: &[IndexColumn]) -> Option<Vec<usize>> {
    let places = index.iter().map(|one| place(columns, one.column.as_deref()?));
    places.collect::<Option<_>>().filter(|_| !index[0].is_partial)
}

/// Names of columns are equal in any case.
fn place(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
}

fn read_column(row: &QueryResult) -> Result<(String, KeyColumn), DbErr> {
    let native: String = get(row, "native")?;
    let column = Column {
        name: get(row, "name")?,
        kind: kind(&native),
        nullable: !get::<bool>(row, "is_not_null")?,
        generated: get(row, "is_generated")?,
        collation_exact: true,
        native,
    };
    let place_in_key = get(row, "place_in_key")?;
    Ok((get(row, "table_name")?, KeyColumn { column, place_in_key }))
}

fn read_index_column(row: &QueryResult) -> Result<(String, IndexColumn), DbErr> {
    let column = IndexColumn {
        index: get(row, "index_name")?,
        is_of_primary_key: get::<String>(row, "origin")? == "pk",
        is_partial: get(row, "is_partial")?,
        column: get(row, "column_name")?,
        is_exact: get::<String>(row, "collation")? == "BINARY",
    };
    Ok((get(row, "table_name")?, column))
}

fn read_reference(row: &QueryResult) -> Result<(String, ReferenceColumn), DbErr> {
    let column = ReferenceColumn {
        id: get(row, "id")?,
        column: get(row, "column_name")?,
        target: get(row, "target")?,
        target_column: get(row, "target_column")?,
        on_delete: match get::<String>(row, "on_delete")?.as_str() {
            "CASCADE" => OnDelete::Cascade,
            "SET NULL" | "SET DEFAULT" => OnDelete::Clear,
            _ => OnDelete::Refuse,
        },
    };
    Ok((get(row, "table_name")?, column))
}

/// The kind that a declared type suggests. Any column can have any value, so this is what to expect and not what to rely
/// on. The order is that of SQLite's own rules for affinity, after the types that it does not know.
fn kind(native: &str) -> Kind {
    let declared = native.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["BOOL"]) {
        Kind::Boolean
    } else if has(&["TIMESTAMP_WITH_TIMEZONE"]) {
        // SeaORM's name for it.
        Kind::Timestamp
    } else if has(&["DATETIME", "TIMESTAMP"]) {
        Kind::Datetime
    } else if has(&["DATE"]) {
        Kind::Date
    } else if has(&["DEC", "NUMERIC"]) || (has(&["REAL"]) && scale(&declared).is_some()) {
        // SeaORM writes a decimal as `real(12, 2)`.
        scale(&declared).map_or(Kind::Native, Kind::decimal)
    } else if has(&["INT"]) {
        Kind::Integer
    } else if has(&["CHAR", "CLOB", "TEXT", "JSON", "UUID", "ENUM", "TIME"]) {
        Kind::Text
    } else if has(&["BLOB", "BINARY"]) {
        Kind::Bytes
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Kind::Real
    } else {
        Kind::Native
    }
}

/// The digits after the point in `DECIMAL(12, 2)`.
fn scale(declared: &str) -> Option<u32> {
    let (_, arguments) = declared.split_once('(')?;
    let (_, scale) = arguments.trim_end().strip_suffix(')')?.split_once(',')?;
    scale.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_follows_the_declared_type() {
        for (native, expected) in [
            ("INTEGER", Kind::Integer),
            ("SMALLINT UNSIGNED", Kind::Integer),
            ("varchar(20)", Kind::Text),
            ("CHAR(36)", Kind::Text),
            ("TIME", Kind::Text),
            ("boolean", Kind::Boolean),
            ("date_text", Kind::Date),
            ("DATETIME", Kind::Datetime),
            ("timestamp_with_timezone_text", Kind::Timestamp),
            ("DECIMAL(12, 2)", Kind::Decimal),
            ("real(12, 2)", Kind::Decimal),
            ("REAL", Kind::Real),
            ("DECIMAL", Kind::Native),
            ("NUMERIC", Kind::Native),
            ("DOUBLE PRECISION", Kind::Real),
            ("BLOB", Kind::Bytes),
            ("ANY", Kind::Native),
            ("", Kind::Native),
        ] {
            assert_eq!(kind(native), expected, "{native}");
        }
    }
}
