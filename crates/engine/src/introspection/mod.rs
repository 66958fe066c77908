//! Reads the [`Catalog`] of a database from the engine's own catalogs.
//!
//! Each engine has a fixed number of queries, whose rows are grouped by table here. Nothing else is asked: no query
//! reads a row of a table or needs a right besides that of reading the table. Run it inside the transaction whose rows
//! the catalogue should describe.
//!
//! What a role may not see is absent, such as triggers on MySQL without the right `TRIGGER`. Columns, keys and
//! references are the same for every role.

mod mysql;
mod postgres;
mod sqlite;

use std::borrow::Borrow;
use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TryGetable};

use crate::catalog::{Catalog, Column, Key, KeySource, Unique};

/// Reads the catalogue of the connected database.
///
/// # Errors
/// An error of the database.
pub async fn introspect(connection: &impl ConnectionTrait) -> Result<Catalog, DbErr> {
    match connection.get_database_backend() {
        DbBackend::Postgres => postgres::introspect(connection).await,
        DbBackend::MySql => mysql::introspect(connection).await,
        _ => sqlite::introspect(connection).await,
    }
}

async fn query(connection: &impl ConnectionTrait, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await
}

/// One value of a row.
fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T, DbErr> {
    row.try_get("", column)
}

/// Rows by the table that they belong to, in the order of the query.
fn group_by<K: Ord, V>(rows: impl IntoIterator<Item = Result<(K, V), DbErr>>) -> Result<BTreeMap<K, Vec<V>>, DbErr> {
    let mut groups = BTreeMap::<K, Vec<V>>::new();
    for row in rows {
        let (key, value) = row?;
        groups.entry(key).or_default().push(value);
    }
    Ok(groups)
}

/// Names by the table that they belong to, which this column identifies.
async fn names_by_table<K: Ord + TryGetable>(
    connection: &impl ConnectionTrait,
    sql: &str,
    table: &str,
) -> Result<BTreeMap<K, Vec<String>>, DbErr> {
    let rows = query(connection, sql).await?;
    group_by(rows.iter().map(|row| Ok((get(row, table)?, get(row, "name")?))))
}

/// The rows of one table.
fn slice<'a, K: Borrow<Q> + Ord, Q: Ord + ?Sized, T>(groups: &'a BTreeMap<K, Vec<T>>, table: &Q) -> &'a [T] {
    groups.get(table).map_or(&[], Vec::as_slice)
}

/// The key of a table: the primary key if none of its columns may be NULL, otherwise the first unique key for which that
/// is true. The rest of the unique keys stays in `uniques`, a primary key with NULLs among them.
fn choose_key(columns: &[Column], primary: Option<Unique>, uniques: &mut Vec<Unique>) -> Option<Key> {
    uniques.sort_by(|a, b| a.columns.cmp(&b.columns));
    let is_strict = |key: &Unique| key.columns.iter().all(|place| !columns[*place].nullable);
    match primary {
        Some(key) if is_strict(&key) => {
            return Some(Key {
                columns: key.columns,
                source: KeySource::Primary,
            });
        }
        // It still is unique.
        Some(key) => uniques.insert(0, key),
        None => {}
    }
    let chosen = uniques.iter().position(is_strict)?;
    Some(Key {
        columns: uniques.remove(chosen).columns,
        source: KeySource::Unique,
    })
}
