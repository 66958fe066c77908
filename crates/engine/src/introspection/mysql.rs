//! MySQL 8 and MariaDB 10.5 and newer, from `information_schema`. It shows a role only the tables that it may read, and
//! a role with nothing but `SELECT` neither triggers nor the actions of foreign keys.
//!
//! Every text is cast, because MySQL gives some of them as bytes and writes the names of columns in capitals.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::{choose_key, get, group_by, names_by_table, query, slice};
use crate::Engine;
use crate::catalog::{
    Catalog, Column, Kind, ObjectKind, OnDelete, OtherObject, Reference, Storage, Table, TableName, Traits, Unique,
};

/// The engine of a view, and of a table whose engine is not there, is NULL.
const TABLES: &str = "SELECT CAST(t.table_name AS CHAR) AS name, CAST(t.table_type AS CHAR) AS kind, \
    CAST(t.engine AS CHAR) AS engine, COALESCE(t.create_options, '') LIKE '%partitioned%' AS is_partitioned, \
    COALESCE(e.transactions, '') = 'YES' AS is_transactional \
    FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine \
    WHERE t.table_schema = DATABASE()";

const COLUMNS: &str = "SELECT CAST(table_name AS CHAR) AS table_name, CAST(column_name AS CHAR) AS name, \
    CAST(column_type AS CHAR) AS native, CAST(data_type AS CHAR) AS type, is_nullable = 'YES' AS is_nullable, \
    extra LIKE '%VIRTUAL GENERATED%' OR extra LIKE '%STORED GENERATED%' OR extra LIKE '%PERSISTENT%' AS is_generated, \
    CAST(collation_name AS CHAR) AS collation, CAST(COALESCE(numeric_scale, 0) AS SIGNED) AS scale \
    FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position";

/// The columns of unique keys. A key over expressions has rows without a column, and one over the beginning of a text
/// has its length.
const UNIQUES: &str = "SELECT CAST(table_name AS CHAR) AS table_name, CAST(index_name AS CHAR) AS name, \
    CAST(column_name AS CHAR) AS column_name, sub_part IS NOT NULL AS is_prefix \
    FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 \
    ORDER BY table_name, index_name, seq_in_index";

const REFERENCES: &str = "SELECT CAST(k.table_name AS CHAR) AS table_name, CAST(k.constraint_name AS CHAR) AS name, \
    CAST(k.column_name AS CHAR) AS column_name, \
    CAST(NULLIF(k.referenced_table_schema, DATABASE()) AS CHAR) AS target_schema, \
    CAST(k.referenced_table_name AS CHAR) AS target, CAST(k.referenced_column_name AS CHAR) AS target_column \
    FROM information_schema.key_column_usage k \
    WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL \
    ORDER BY k.table_name, k.constraint_name, k.ordinal_position";

/// Empty for a role with nothing but `SELECT`.
const ACTIONS: &str = "SELECT CAST(table_name AS CHAR) AS table_name, CAST(constraint_name AS CHAR) AS name, \
    CAST(delete_rule AS CHAR) AS on_delete \
    FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()";

/// Empty for a role without the right `TRIGGER`.
const TRIGGERS: &str = "SELECT CAST(event_object_table AS CHAR) AS table_name, CAST(trigger_name AS CHAR) AS name \
    FROM information_schema.triggers WHERE event_object_schema = DATABASE() ORDER BY event_object_table, trigger_name";

/// Empty for a role with nothing but `SELECT`.
const CHECKS: &str = "SELECT CAST(table_name AS CHAR) AS table_name, CAST(constraint_name AS CHAR) AS name \
    FROM information_schema.table_constraints WHERE table_schema = DATABASE() AND constraint_type = 'CHECK' \
    ORDER BY table_name, constraint_name";

pub(super) async fn introspect(connection: &impl ConnectionTrait) -> Result<Catalog, DbErr> {
    let listed = query(connection, TABLES).await?;
    let described = Described::read(connection).await?;
    let mut tables = Vec::new();
    let mut other_objects = Vec::new();
    for row in &listed {
        let name = TableName::new(get::<String>(row, "name")?);
        let kind = match get::<String>(row, "kind")?.as_str() {
            "VIEW" | "SYSTEM VIEW" => Some(ObjectKind::View),
            "SEQUENCE" => Some(ObjectKind::Sequence),
            // BASE TABLE, or MariaDB's SYSTEM VERSIONED.
            _ => None,
        };
        match kind {
            Some(kind) => other_objects.push(OtherObject { name, kind }),
            None => tables.push(described.table(name, row)?),
        }
    }
    Ok(Catalog::new(Engine::Mysql, tables, other_objects))
}

/// The rows of the other views, by the name of the table.
struct Described {
    columns: BTreeMap<String, Vec<Column>>,
    uniques: BTreeMap<String, Vec<UniqueColumn>>,
    references: BTreeMap<String, Vec<ReferenceColumn>>,
    /// By the names of the table and of the constraint.
    actions: BTreeMap<(String, String), OnDelete>,
    triggers: BTreeMap<String, Vec<String>>,
    checks: BTreeMap<String, Vec<String>>,
}

/// A column of a unique key. None for an expression.
struct UniqueColumn {
    key: String,
    column: Option<String>,
    is_prefix: bool,
}

struct ReferenceColumn {
    key: String,
    column: String,
    target: TableName,
    target_column: String,
}

impl Described {
    async fn read(connection: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let columns = query(connection, COLUMNS).await?;
        let uniques = query(connection, UNIQUES).await?;
        let references = query(connection, REFERENCES).await?;
        let actions = query(connection, ACTIONS).await?;
        Ok(Self {
            columns: group_by(columns.iter().map(read_column))?,
            uniques: group_by(uniques.iter().map(read_unique))?,
            references: group_by(references.iter().map(read_reference))?,
            actions: actions.iter().map(read_action).collect::<Result<_, _>>()?,
            triggers: names_by_table(connection, TRIGGERS, "table_name").await?,
            checks: names_by_table(connection, CHECKS, "table_name").await?,
        })
    }

    fn table(&self, name: TableName, row: &QueryResult) -> Result<Table, DbErr> {
        let columns = slice(&self.columns, &name.name).to_vec();
        let mut traits = Traits {
            storage: match get::<bool>(row, "is_transactional")? {
                true => Storage::Transactional,
                false => Storage::NonTransactional(get::<Option<String>>(row, "engine")?.unwrap_or_default()),
            },
            triggers: slice(&self.triggers, &name.name).to_vec(),
            other_constraints: slice(&self.checks, &name.name).to_vec(),
            partitioned: get(row, "is_partitioned")?,
            system_versioned: get::<String>(row, "kind")? == "SYSTEM VERSIONED",
            ..Traits::default()
        };
        let (primary, mut uniques) = self.uniques_of(&name.name, &columns, &mut traits);
        let key = choose_key(&columns, primary, &mut uniques);
        let references = self.references_of(&name.name, &columns);
        Ok(Table {
            name,
            columns,
            key,
            uniques,
            references,
            traits,
            problems: Vec::new(),
        })
    }

    /// The primary key and the other unique keys of whole columns. The names of the rest go to the traits.
    fn uniques_of(&self, table: &str, columns: &[Column], traits: &mut Traits) -> (Option<Unique>, Vec<Unique>) {
        let (mut primary, mut uniques) = (None, Vec::new());
        for key in slice(&self.uniques, table).chunk_by(|a, b| a.key == b.key) {
            let name = key[0].key.clone();
            let places: Option<Vec<_>> = key
                .iter()
                .map(|column| place(columns, column.column.as_deref().filter(|_| !column.is_prefix)?))
                .collect();
            match places {
                Some(columns) if name == "PRIMARY" => primary = Some(Unique { name, columns }),
                Some(columns) => uniques.push(Unique { name, columns }),
                None => traits.other_constraints.push(name),
            }
        }
        (primary, uniques)
    }

    fn references_of(&self, table: &str, columns: &[Column]) -> Vec<Reference> {
        let keys = slice(&self.references, table).chunk_by(|a, b| a.key == b.key);
        let mut references: Vec<_> = keys
            .map(|key| Reference {
                columns: key.iter().filter_map(|column| place(columns, &column.column)).collect(),
                table: key[0].target.clone(),
                target_columns: key.iter().map(|column| column.target_column.clone()).collect(),
                on_delete: self.actions.get(&(table.to_owned(), key[0].key.clone())).copied(),
                deferrable: false,
            })
            .collect();
        references.sort_by(|a, b| a.columns.cmp(&b.columns));
        references
    }
}

fn place(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.name == name)
}

fn read_column(row: &QueryResult) -> Result<(String, Column), DbErr> {
    let native: String = get(row, "native")?;
    let data_type: String = get(row, "type")?;
    let collation: Option<String> = get(row, "collation")?;
    let column = Column {
        name: get(row, "name")?,
        kind: kind(&data_type, &native, get(row, "scale")?),
        nullable: get(row, "is_nullable")?,
        generated: get(row, "is_generated")?,
        collation_exact: collation.is_none_or(|collation| is_exact(&collation)),
        native,
    };
    Ok((get(row, "table_name")?, column))
}

fn read_unique(row: &QueryResult) -> Result<(String, UniqueColumn), DbErr> {
    let column = UniqueColumn {
        key: get(row, "name")?,
        column: get(row, "column_name")?,
        is_prefix: get(row, "is_prefix")?,
    };
    Ok((get(row, "table_name")?, column))
}

fn read_reference(row: &QueryResult) -> Result<(String, ReferenceColumn), DbErr> {
    let column = ReferenceColumn {
        key: get(row, "name")?,
        column: get(row, "column_name")?,
        target: TableName {
            schema: get(row, "target_schema")?,
            name: get(row, "target")?,
        },
        target_column: get(row, "target_column")?,
    };
    Ok((get(row, "table_name")?, column))
}

fn read_action(row: &QueryResult) -> Result<((String, String), OnDelete), DbErr> {
    let action = match get::<String>(row, "on_delete")?.as_str() {
        "CASCADE" => OnDelete::Cascade,
        "SET NULL" | "SET DEFAULT" => OnDelete::Clear,
        _ => OnDelete::Refuse,
    };
    Ok(((get(row, "table_name")?, get(row, "name")?), action))
}

/// Collations that compare bytes, with blanks at the end. All others, `utf8mb4_bin` among them, ignore case, accents or
/// such blanks.
fn is_exact(collation: &str) -> bool {
    collation == "binary" || collation == "utf8mb4_0900_bin" || collation.ends_with("_nopad_bin")
}

/// `native` has what `data_type` has not, such as `tinyint(1) unsigned`.
fn kind(data_type: &str, native: &str, scale: i64) -> Kind {
    match data_type {
        // The type of a truth value in all programs. Other values are possible.
        "tinyint" if native == "tinyint(1)" => Kind::Boolean,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Kind::Integer,
        "decimal" => u32::try_from(scale).map_or(Kind::Native, Kind::decimal),
        "float" => Kind::Real32,
        "double" => Kind::Real,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" | "json" | "uuid" => {
            Kind::Text
        }
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
        "date" => Kind::Date,
        "datetime" => Kind::Datetime,
        "timestamp" => Kind::Timestamp,
        // `time` has up to 838 hours; `bit`, geometries, `inet6`.
        _ => Kind::Native,
    }
}
