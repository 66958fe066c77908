//! Counts of all seven tables, of one moment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, Utc};
use sea_orm::sqlx::{self, AssertSqlSafe, ColumnIndex, Decode, Executor, Row as _, Type};
use sea_orm::{ConnectionTrait, Statement};
use tokio::sync::Mutex;

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

/// How long a count that others wait for may take.
const LONGEST: Duration = Duration::from_secs(60);

/// Shares counts between concurrent requests. A count is never older than its request.
#[derive(Debug)]
pub struct Counter {
    database: Database,
    latest: Latest<Stats>,
}

impl Counter {
    /// Creates a counter for a service.
    pub fn new(database: Database) -> Self {
        let latest = Latest::default();
        Self { database, latest }
    }

    /// Counts as of a time after the call.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stats(&self) -> Result<Stats> {
        // A query that never returns, because the server is gone, must not delay all later requests.
        let count = async || match tokio::time::timeout(LONGEST, stats(&self.database)).await {
            Ok(counted) => counted,
            Err(_) => Err(Error::internal(DOING)("the database did not answer in time")),
        };
        self.latest.get(count).await
    }
}

/// The last result, and when its query began.
///
/// A request that arrives while a query runs can't use its result, because it may be older than the request. Such
/// requests wait, and then share one new query.
#[derive(Debug)]
struct Latest<T>(Mutex<Option<(Instant, Option<T>)>>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Latest<T> {
    async fn get(&self, look: impl AsyncFn() -> Result<T>) -> Result<T> {
        let asked = Instant::now();
        let mut latest = self.0.lock().await;
        match &*latest {
            Some((began, Some(found))) if *began >= asked => return Ok(found.clone()),
            // Otherwise each waiting request would wait for a timeout of its own.
            Some((began, None)) if *began >= asked => {
                drop(latest);
                return look().await;
            }
            _ => {}
        }
        let began = Instant::now();
        let found = look().await;
        *latest = Some((began, found.as_ref().ok().cloned()));
        found
    }
}

/// Counts all seven tables, in a transaction or outside.
pub(crate) async fn count(connection: &impl ConnectionTrait) -> Result<Stats> {
    let statement = Statement::from_string(connection.get_database_backend(), sql(&Table::ALL));
    let generated_at = now();
    let row = connection
        .query_one_raw(statement)
        .await
        .map_err(Error::database(DOING))?
        .ok_or_else(|| Error::internal(DOING)("the database answered nothing"))?;
    let rows = rows(&Table::ALL, |position| {
        row.try_get_by_index(position).map_err(Error::database(DOING))
    })?;
    Ok(Stats { rows, generated_at })
}

/// Counts some tables on a driver's connection.
pub(crate) async fn count_on<DB>(connection: &mut DB::Connection, tables: &[Table]) -> Result<BTreeMap<Table, u64>>
where
    DB: sqlx::Database,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    usize: ColumnIndex<DB::Row>,
    for<'r> i64: Decode<'r, DB> + Type<DB>,
{
    let counted = sqlx::raw_sql(AssertSqlSafe(sql(tables))).fetch_one(connection).await;
    let counted = counted.map_err(Error::sqlx(DOING))?;
    rows(tables, |position| counted.try_get(position).map_err(Error::sqlx(DOING)))
}

/// The current time in microseconds: no engine and no archive stores more digits.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// The action, for errors.
const DOING: &str = "counting the rows";

/// One statement that counts tables. One statement sees one moment on every engine and at every isolation level.
fn sql(tables: &[Table]) -> String {
    let counts: Vec<_> = tables
        .iter()
        .map(|table| format!("(SELECT COUNT(*) FROM {table})"))
        .collect();
    format!("SELECT {}", counts.join(", "))
}

/// Reads its answer, position by position.
fn rows(tables: &[Table], count: impl Fn(usize) -> Result<i64>) -> Result<BTreeMap<Table, u64>> {
    let counts = tables.iter().enumerate();
    counts
        .map(|(position, table)| Ok((*table, count(position)?.unsigned_abs())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn concurrent_requests_share_one_count_that_begins_after_them() {
        let (latest, looks) = (Latest::default(), AtomicU32::new(0));
        let ask = || {
            latest.get(async || {
                let look = looks.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::task::yield_now().await;
                Ok(look)
            })
        };
        let found = join_all((0..16).map(|_| ask())).await;
        let found: Vec<u32> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(found[0], 1);
        assert_eq!(
            found[1..],
            [2; 15],
            "those who asked during the first look must not take what it finds"
        );
        assert_eq!(ask().await.unwrap(), 3, "nothing is kept for those who ask later");
    }

    #[tokio::test]
    async fn failed_count_does_not_delay_others() {
        let (latest, looks) = (Latest::<u32>::default(), AtomicU32::new(0));
        let at_once = AtomicU32::new(0);
        let most = AtomicU32::new(0);
        let ask = || {
            latest.get(async || {
                looks.fetch_add(1, Ordering::Relaxed);
                most.fetch_max(at_once.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                at_once.fetch_sub(1, Ordering::Relaxed);
                Err(Error::Gone)
            })
        };
        let found = join_all((0..16).map(|_| ask())).await;
        assert!(found.iter().all(Result::is_err));
        assert_eq!(looks.load(Ordering::Relaxed), 16);
        assert!(most.load(Ordering::Relaxed) > 4, "they look side by side");
    }
}
