//! Counts of all seven tables, of one moment.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};
use sea_orm::{ConnectionTrait, Statement};

use crate::catalog::Table;
use crate::database::Database;
use crate::error::{Error, Result};

/// How many rows each table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Rows by table, all seven.
    pub rows: BTreeMap<Table, u64>,
    /// When they were counted.
    pub generated_at: DateTime<Utc>,
}

impl Stats {
    /// The rows of one table.
    pub fn of(&self, table: Table) -> u64 {
        self.rows.get(&table).copied().unwrap_or_default()
    }

    /// The rows of all tables.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// Counts all seven tables.
pub async fn stats(database: &Database) -> Result<Stats> {
    count(database.connection()).await
}

/// Counts all seven tables, in a transaction or outside.
pub(crate) async fn count(connection: &impl ConnectionTrait) -> Result<Stats> {
    let statement = Statement::from_string(connection.get_database_backend(), sql());
    let generated_at = now();
    let row = connection
        .query_one_raw(statement)
        .await
        .map_err(Error::database(DOING))?
        .ok_or_else(|| Error::internal(DOING)("the database answered nothing"))?;
    let rows = rows(|position| row.try_get_by_index(position).map_err(Error::database(DOING)))?;
    Ok(Stats { rows, generated_at })
}

/// Now, in microseconds: no engine and no archive keeps more.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// What is being done, for errors.
pub(crate) const DOING: &str = "counting the rows";

/// One statement that counts all seven tables. One statement sees one moment on every engine and at every isolation
/// level.
pub(crate) fn sql() -> String {
    let counts = Table::ALL.map(|table| format!("(SELECT COUNT(*) FROM {table})"));
    format!("SELECT {}", counts.join(", "))
}

/// Reads its answer, position by position.
pub(crate) fn rows(count: impl Fn(usize) -> Result<i64>) -> Result<BTreeMap<Table, u64>> {
    let counts = Table::ALL.into_iter().enumerate();
    counts
        .map(|(position, table)| Ok((table, count(position)?.unsigned_abs())))
        .collect()
}
