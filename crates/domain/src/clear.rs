//! Clearing: removing the rows of a table with everything that can't stand without them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::account::Admin;
use crate::catalog::{Scope, Table};
use crate::change::Change;
use crate::database::Database;
use crate::entity::user;
use crate::error::{Error, Result};
use crate::stats;

/// What to clear, and on which conditions.
#[derive(Clone, Debug)]
pub struct Clear {
    /// One of [`Table::CLEARABLE`], or all.
    pub scope: Scope,
    /// Whether it is done or only counted.
    pub mode: Mode,
    /// How many rows the caller expects to be removed. Nothing is changed if it is another number.
    pub expected: Option<Expected>,
    /// The scope's name once more, as the caller typed it.
    pub confirmation: Option<String>,
}

/// Whether a clear that removes rows has to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// A confirmation that was sent must be right.
    Optional,
    /// There must be one.
    Required,
}

/// Whether a clear is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Rows are removed.
    Remove,
    /// The answer is the same and nothing changes.
    DryRun,
}

/// How many rows a caller expects to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// In all.
    Total(u64),
    /// In each of these tables.
    ByTable(BTreeMap<Table, u64>),
}

/// What a clear removed and what it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// Rows removed, for each table that the scope concerns.
    pub removed: BTreeMap<Table, u64>,
    /// Rows left, for all seven tables.
    pub kept: BTreeMap<Table, u64>,
    /// When.
    pub cleared_at: DateTime<Utc>,
}

impl Cleared {
    /// Rows removed in all.
    pub fn removed_total(&self) -> u64 {
        self.removed.values().sum()
    }
}

/// Clears.
///
/// 1. A confirmation must be the scope's name; one that removes rows may have to have one.
/// 2. The scope is widened to every table that can't stand without it: students take their enrollments, payments and
///    attendance along, courses their enrollments and attendance. `all` also empties payment categories and removes
///    every user who is not an administrator; administrators stay, active or not.
/// 3. (Here the archives will put the safety archive, without which nothing is removed.)
/// 4. One transaction: the tables are locked against other writers, the rows are removed, dependents first, and
///    counted as they go.
/// 5. If the counts are not the expected ones, the transaction is rolled back.
/// 6. What is left is counted, no row may be left without what it refers to, and the transaction is committed.
///
/// # Errors
/// On any error nothing has changed. [`Error::RowsMoved`] if the expectation does not hold; [`Error::DatabaseBusy`]
/// if another writer does not let go in time.
pub async fn clear(_: &Admin, database: &Database, confirmation: Confirmation, request: &Clear) -> Result<Cleared> {
    let confirmed = match (&request.confirmation, request.mode, confirmation) {
        (Some(typed), ..) => typed == request.scope.name(),
        (None, Mode::Remove, Confirmation::Required) => false,
        (None, ..) => true,
    };
    if !confirmed {
        return Err(Error::WrongConfirmation {
            expected: request.scope.name(),
        });
    }
    if let Some(Expected::ByTable(expected)) = &request.expected {
        let concerned = concerned(request.scope);
        if let Some(table) = expected.keys().find(|table| !concerned.contains(table)) {
            let problem = format!(
                "names {table}, of which clearing {} removes nothing",
                request.scope.name()
            );
            return Err(Error::Invalid {
                field: "expected_rows",
                problem,
            });
        }
    }
    match request.mode {
        Mode::Remove => remove(database, request).await,
        Mode::DryRun => foresee(database, request).await,
    }
}

/// The tables that lose rows, in the order in which they can.
fn concerned(scope: Scope) -> Vec<Table> {
    Table::ALL
        .into_iter()
        .rev()
        .filter(|table| match scope {
            Scope::All => true,
            Scope::One(cleared) => *table == cleared || cleared.dependents().contains(table),
        })
        .collect()
}

async fn remove(database: &Database, request: &Clear) -> Result<Cleared> {
    let tables = concerned(request.scope);
    let mut change = Change::begin(database, tables.clone(), "clearing").await?;
    let mut removed = BTreeMap::new();
    for table in tables {
        removed.insert(table, change.remove(table).await?);
    }
    check(request.expected.as_ref(), &removed)?;
    let left = change.count().await?;
    change.commit().await?;
    Ok(Cleared {
        removed,
        kept: left.rows,
        cleared_at: left.generated_at,
    })
}

async fn foresee(database: &Database, request: &Clear) -> Result<Cleared> {
    let doing = "counting what a clear would remove";
    let transaction = database.begin_read().await?;
    let stats = stats::count(&transaction).await?;
    let administrators = user::Entity::find()
        .filter(user::COLUMN.role.eq(user::Role::Admin))
        .count(&transaction)
        .await
        .map_err(Error::database(doing))?;
    let mut kept = stats.rows;
    let mut removed = BTreeMap::new();
    for table in concerned(request.scope) {
        let stays = if table == Table::Users { administrators } else { 0 };
        let before = kept.insert(table, stays).unwrap_or_default();
        removed.insert(table, before - stays);
    }
    check(request.expected.as_ref(), &removed)?;
    Ok(Cleared {
        removed,
        kept,
        cleared_at: stats.generated_at,
    })
}

fn check(expected: Option<&Expected>, removed: &BTreeMap<Table, u64>) -> Result<()> {
    let differences: Vec<_> = match expected {
        None => Vec::new(),
        Some(Expected::Total(expected)) => vec![("total", *expected, removed.values().sum())],
        Some(Expected::ByTable(tables)) => tables
            .iter()
            .map(|(table, expected)| (table.name(), *expected, removed.get(table).copied().unwrap_or_default()))
            .collect(),
    };
    let differences: Vec<_> = differences
        .into_iter()
        .filter(|(_, expected, found)| expected != found)
        .collect();
    if differences.is_empty() {
        Ok(())
    } else {
        Err(Error::RowsMoved { differences })
    }
}
