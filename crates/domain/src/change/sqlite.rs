//! SQLite: the loading thread binds rows to a prepared statement, while the table has only the indexes of its constraints.
//! Foreign keys are checked before the commit.

use std::collections::{BTreeMap, BTreeSet};

use campus_backup_archive::Cell;
use campus_backup_archive::digits::write_iso_date;
use rust_decimal::Decimal;
use sea_orm::sqlx::{self, AssertSqlSafe, Executor as _, Sqlite, SqliteConnection, SqlitePool, Transaction};
use sea_query_sqlx::SqlxValues;

use super::{LoadMode, RowStream, all_but_the_id, column_names, text};
use crate::catalog::{FOREIGN_KIND, LARGEST_ID, Table, cells};
use crate::error::{Error, Result};
use crate::native;
use crate::statement::{BoundValue, Statement, StatementError};
use crate::stats;

/// A transaction that holds SQLite's write lock. Its connection does not check foreign keys; [`SqliteWriter::commit`] does.
#[derive(Debug)]
pub(super) struct SqliteWriter {
    transaction: Transaction<'static, Sqlite>,
    /// Whether the references of all rows were checked since the last change.
    checked: bool,
    doing: &'static str,
}

impl SqliteWriter {
    pub(super) async fn begin(pool: &SqlitePool, doing: &'static str) -> Result<Self> {
        let transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(Error::sqlx(doing))?;
        Ok(Self {
            transaction,
            checked: false,
            doing,
        })
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<u64> {
        self.checked = false;
        let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = self.transaction.execute(statement).await;
        Ok(done.map_err(Error::sqlx(self.doing))?.rows_affected())
    }

    pub(super) async fn execute(&mut self, sql: &str, values: SqlxValues) -> Result<u64> {
        let statement = sqlx::query_with(AssertSqlSafe(sql.to_owned()), values);
        let done = self.transaction.execute(statement).await;
        Ok(done.map_err(Error::sqlx(self.doing))?.rows_affected())
    }

    pub(super) async fn sum(&mut self, table: Table, column: &str) -> Result<Decimal> {
        // A sum of floats would lose cents; hundredths are whole numbers.
        let sql = format!("SELECT COALESCE(SUM(CAST(ROUND({column} * 100) AS INTEGER)), 0) FROM {table}");
        let cents = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *self.transaction);
        Ok(Decimal::new(cents.await.map_err(Error::sqlx(self.doing))?, 2))
    }

    /// The one number that a query returns; none for NULL and for no row.
    pub(super) async fn number(&mut self, sql: &str) -> Result<Option<i64>> {
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut *self.transaction);
        let number: Option<Option<i64>> = number.await.map_err(Error::sqlx(self.doing))?;
        Ok(number.flatten())
    }

    /// The one text that a query returns; none for NULL and for no row.
    pub(super) async fn text(&mut self, sql: &str) -> Result<Option<String>> {
        let text = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_optional(&mut *self.transaction);
        let text: Option<Option<String>> = text.await.map_err(Error::sqlx(self.doing))?;
        Ok(text.flatten())
    }

    pub(super) async fn reclaim_ids(&mut self, table: Table, highest: i64) -> Result<()> {
        let back = format!("UPDATE sqlite_sequence SET seq = {highest} WHERE name = '{table}' AND seq > {LARGEST_ID}");
        self.run(&back).await.map(drop)
    }

    pub(super) async fn count(&mut self) -> Result<BTreeMap<Table, u64>> {
        stats::count_on::<Sqlite>(&mut self.transaction, &Table::ALL).await
    }

    pub(super) async fn load(&mut self, table: Table, rows: &mut impl RowStream, mode: LoadMode) -> Result<u64> {
        let places = vec!["?"; table.columns().len()].join(", ");
        let insert = format!("INSERT INTO {table} ({}) VALUES ({places})", column_names(table));
        let indexes = match mode {
            LoadMode::Bulk => self.indexes(table).await?,
            LoadMode::InPlace => Vec::new(),
        };
        for (name, _) in &indexes {
            self.run(&format!("DROP INDEX {name}")).await?;
        }
        let inserted = self.each(&insert, table, rows).await?;
        for (_, create) in &indexes {
            self.run(create).await?;
        }
        Ok(inserted)
    }

    pub(super) async fn overwrite(&mut self, table: Table, rows: &mut impl RowStream) -> Result<u64> {
        // Parameters are counted from 1, and the first is the id.
        let values = all_but_the_id(table, |position, name| format!("{name} = ?{}", position + 1));
        let update = format!("UPDATE {table} SET {values} WHERE id = ?1");
        self.each(&update, table, rows).await
    }

    /// Name and definition of every index without a constraint.
    async fn indexes(&mut self, table: Table) -> Result<Vec<(String, String)>> {
        let sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL";
        let indexes = sqlx::query_as(sql).bind(table.name()).fetch_all(&mut *self.transaction);
        indexes.await.map_err(Error::sqlx(self.doing))
    }

    /// Runs a statement once for each row, whose cells are its parameters.
    async fn each(&mut self, sql: &str, table: Table, rows: &mut impl RowStream) -> Result<u64> {
        self.checked = false;
        let failed = |failure: StatementError| Error::sqlite(self.doing, failure.code, failure);
        let columns = table.columns();
        let mut handle = self.transaction.lock_handle().await.map_err(Error::sqlx(self.doing))?;
        let mut statement = Statement::prepare(&mut handle, sql).map_err(failed)?;
        let mut written = Vec::new();
        let mut inserted = 0;
        loop {
            let mut row = cells();
            if !rows.next(&mut row)? {
                return Ok(inserted);
            }
            for (position, cell) in row[..columns.len()].iter().enumerate() {
                written.clear();
                let stored;
                let bound = match cell {
                    // A value of another engine in a test restore, where it is only stored and read back.
                    Cell::Native(text) => {
                        stored = native::sqlite::stored(text);
                        stored.bound()
                    }
                    Cell::Null => BoundValue::Null,
                    Cell::Integer(value) => BoundValue::Integer(*value),
                    Cell::Boolean(value) => BoundValue::Integer((*value).into()),
                    Cell::Text(text) => BoundValue::Text(text.as_bytes()),
                    Cell::Decimal(value) => BoundValue::Real(real(*value)?),
                    Cell::Date(date) => {
                        write_iso_date(*date, &mut written);
                        BoundValue::Text(&written)
                    }
                    Cell::Timestamp(time) => {
                        text::write_timestamp(*time, &mut written);
                        BoundValue::Text(&written)
                    }
                    Cell::Real(_) | Cell::Real32(_) | Cell::Datetime(_) | Cell::Bytes(_) | Cell::Stored(_) => {
                        return Err(Error::internal(self.doing)(FOREIGN_KIND));
                    }
                };
                statement.bind(position, &bound).map_err(failed)?;
            }
            statement.run().map_err(failed)?;
            inserted += 1;
        }
    }

    pub(super) async fn check(&mut self, tables: &[Table]) -> Result<()> {
        match self.orphan(tables).await? {
            Some((table, row)) => Err(Error::Orphan { table, row }),
            None => {
                self.checked = true;
                Ok(())
            }
        }
    }

    /// A row that refers to a missing row, if there is one.
    async fn orphan(&mut self, tables: &[Table]) -> Result<Option<(Table, i64)>> {
        let dependents = tables.iter().flat_map(|table| table.dependents());
        for table in tables.iter().chain(dependents).collect::<BTreeSet<_>>() {
            let check = format!("SELECT rowid FROM pragma_foreign_key_check('{table}')");
            let orphan = sqlx::query_scalar(AssertSqlSafe(check)).fetch_optional(&mut *self.transaction);
            if let Some(row) = orphan.await.map_err(Error::sqlx(self.doing))? {
                return Ok(Some((*table, row)));
            }
        }
        Ok(None)
    }

    pub(super) async fn commit(mut self, tables: &[Table]) -> Result<()> {
        if !self.checked
            && let Some((table, _)) = self.orphan(tables).await?
        {
            return Err(Error::internal(self.doing)(format!(
                "a row of {table} would refer to a missing row"
            )));
        }
        self.transaction.commit().await.map_err(Error::sqlx(self.doing))
    }
}

/// The float nearest to a decimal, which reading converts back to the same decimal.
fn real(value: Decimal) -> Result<f64> {
    let exact = i64::try_from(value.mantissa())
        .ok()
        .filter(|mantissa| mantissa.unsigned_abs() < 1 << 53);
    match (exact, value.scale()) {
        // Both numbers are exact, and the division rounds to the nearest float.
        (Some(mantissa), scale @ 0..=22) => Ok(mantissa as f64 / 10f64.powi(scale.cast_signed())),
        _ => Err(Error::internal("inserting rows")(
            "SQLite has no decimals of so many digits",
        )),
    }
}
