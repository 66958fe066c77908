//! The engine's own description of the tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Engine, Scratch};

/// Tables by name.
pub type Shape = BTreeMap<String, TableShape>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableShape {
    /// In the order of the schema.
    pub columns: Vec<Column>,
    pub primary_key: Vec<String>,
    /// The columns of each unique constraint or index, in alphabetical order.
    pub uniques: BTreeSet<Vec<String>>,
    /// The columns of each index, unique or not, in its own order.
    pub indexes: BTreeSet<Vec<String>>,
    pub foreign_keys: BTreeSet<ForeignKey>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// The type as the engine names it, with its length. MySQL's two types for a timestamp count as one, and so do its
    /// types for a long text.
    pub kind: String,
    pub nullable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    pub column: String,
    pub table: String,
    pub target: String,
}

/// Reads the shape of the whole database except the log of the migrations.
pub async fn read(scratch: &Scratch) -> Shape {
    let statements = Statements::of(scratch.engine());
    let mut shape = Shape::new();
    for [table, name, kind, nullable] in texts(scratch, statements.columns).await {
        shape.entry(table).or_default().columns.push(Column {
            kind: one_type_of_several(scratch.engine(), kind),
            nullable: nullable == "yes",
            name,
        });
    }
    for [table, columns, unique, primary] in texts(scratch, statements.indexes).await {
        let table = shape.get_mut(&table).unwrap();
        let columns: Vec<String> = columns.split(',').map(str::to_owned).collect();
        if primary == "yes" {
            table.primary_key = columns;
            continue;
        }
        table.indexes.insert(columns.clone());
        if unique == "yes" {
            let mut columns = columns;
            columns.sort();
            table.uniques.insert(columns);
        }
    }
    for [table, column, target_table, target] in texts(scratch, statements.foreign_keys).await {
        shape.get_mut(&table).unwrap().foreign_keys.insert(ForeignKey {
            column,
            table: target_table,
            target,
        });
    }
    shape.retain(|table, _| table != "backup_migrations" && table != "sqlite_sequence");
    shape
}

/// On MySQL `TIMESTAMP` and `DATETIME`, and `TEXT` and `LONGTEXT`, differ in range and precision. The migrations use
/// the larger type, which an entity can't express.
fn one_type_of_several(engine: Engine, kind: String) -> String {
    let kind = kind.to_lowercase();
    match (engine, kind.as_str()) {
        (Engine::Mysql, "longtext") => "text".to_owned(),
        (Engine::Mysql, time) if time.starts_with("timestamp") || time.starts_with("datetime") => "datetime".to_owned(),
        _ => kind,
    }
}

async fn texts<const N: usize>(scratch: &Scratch, sql: &str) -> Vec<[String; N]> {
    let rows = scratch.rows(sql).await;
    rows.into_iter()
        .map(|row| {
            let row: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            row.try_into().unwrap()
        })
        .collect()
}

struct Statements {
    /// Table, column, type, nullable; in schema order.
    columns: &'static str,
    /// Table, columns with commas, unique, primary.
    indexes: &'static str,
    /// Table, column, referenced table, referenced column.
    foreign_keys: &'static str,
}

impl Statements {
    fn of(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self {
                columns: "select m.name, c.name, c.type, case when c.\"notnull\" then 'no' else 'yes' end \
                     from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table' order by m.name, c.cid",
                indexes: "select m.name, \
                     (select group_concat(name, ',') from \
                     (select name from pragma_index_info(i.name) order by seqno)), \
                     case when i.\"unique\" then 'yes' else 'no' end, 'no' \
                     from sqlite_master m, pragma_index_list(m.name) i where m.type = 'table' and i.origin <> 'pk' \
                     union all select m.name, group_concat(c.name, ','), 'yes', 'yes' \
                     from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table' and c.pk > 0 \
                     group by m.name",
                foreign_keys: "select m.name, f.\"from\", f.\"table\", f.\"to\" \
                     from sqlite_master m, pragma_foreign_key_list(m.name) f where m.type = 'table'",
            },
            Engine::Postgres => Self {
                columns: "select table_name::text, column_name::text, \
                     concat_ws(' ', data_type, character_maximum_length, \
                         case when data_type = 'numeric' then concat_ws(',', numeric_precision, numeric_scale) end), \
                     lower(is_nullable::text) \
                     from information_schema.columns where table_schema = current_schema() \
                     order by table_name, ordinal_position",
                indexes: "select t.relname::text, \
                     (select string_agg(a.attname::text, ',' order by k.place) \
                      from unnest(i.indkey::int2[]) with ordinality k(number, place) \
                      join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number), \
                     case when i.indisunique then 'yes' else 'no' end, \
                     case when i.indisprimary then 'yes' else 'no' end \
                     from pg_index i join pg_class t on t.oid = i.indrelid \
                     join pg_namespace n on n.oid = t.relnamespace where n.nspname = current_schema()",
                foreign_keys: "select t.relname::text, a.attname::text, r.relname::text, b.attname::text \
                     from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_class r on r.oid = c.confrelid \
                     join pg_attribute a on a.attrelid = t.oid and a.attnum = c.conkey[1] \
                     join pg_attribute b on b.attrelid = r.oid and b.attnum = c.confkey[1] \
                     where c.contype = 'f' and cardinality(c.conkey) = 1",
            },
            Engine::Mysql => Self {
                columns: "select cast(table_name as char), cast(column_name as char), cast(column_type as char), \
                     lower(is_nullable) from information_schema.columns where table_schema = database() \
                     order by table_name, ordinal_position",
                indexes: "select cast(table_name as char), \
                     cast(group_concat(column_name order by seq_in_index) as char), \
                     case when non_unique = 0 then 'yes' else 'no' end, \
                     case when index_name = 'PRIMARY' then 'yes' else 'no' end \
                     from information_schema.statistics where table_schema = database() \
                     group by table_name, index_name, non_unique",
                foreign_keys: "select cast(table_name as char), cast(column_name as char), \
                     cast(referenced_table_name as char), cast(referenced_column_name as char) \
                     from information_schema.key_column_usage \
                     where table_schema = database() and referenced_table_name is not null",
            },
        }
    }
}
