//! Clearing: removing the rows of a table together with the rows that refer to them.
//!
//! This module has the request, its [`preview`] and the removal itself. The safe procedure around it is in
//! [`operations`](crate::operations).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::account::Admin;
use crate::catalog::{Table, TableScope};
use crate::change::Change;
use crate::database::Database;
use crate::entity::user;
use crate::error::{Error, Result};
use crate::stats;

/// The request of a clear, with its conditions.
#[derive(Clone, Debug)]
pub struct Clear {
    /// One of [`Table::CLEARABLE`], or all.
    pub scope: TableScope,
    /// Whether rows are removed or only counted.
    pub mode: ClearMode,
    /// How many rows the caller expects to be removed. If the number differs, nothing is changed.
    pub expected: Option<ExpectedRemoval>,
    /// The name of the scope, typed by the caller as a confirmation.
    pub confirmation: Option<String>,
}

/// Whether a clear that removes rows has to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// A confirmation may be missing, but must not be wrong.
    Optional,
    /// A correct confirmation is required.
    Required,
}

/// Whether a clear removes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearMode {
    /// Rows are removed.
    Remove,
    /// Rows are only counted, and nothing is changed.
    DryRun,
}

/// How many rows a caller expects to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedRemoval {
    /// In total.
    Total(u64),
    /// In each of these tables.
    ByTable(BTreeMap<Table, u64>),
}

/// The result of a clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// Rows removed, for each table that the scope concerns.
    pub removed: BTreeMap<Table, u64>,
    /// Rows left, for all seven tables.
    pub kept: BTreeMap<Table, u64>,
    /// The time.
    pub cleared_at: DateTime<Utc>,
}

impl Cleared {
    /// The total of removed rows.
    pub fn removed_total(&self) -> u64 {
        self.removed.values().sum()
    }
}

/// The names of the scopes that can be cleared.
pub fn scope_names() -> Vec<&'static str> {
    Table::CLEARABLE.into_iter().map(Table::name).chain(["all"]).collect()
}

/// The schema of such a name.
pub fn scope_schema() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(scope_names()))
        .description(Some("The table, or `all`."))
        .into()
}

impl Clear {
    /// Checks the request. A confirmation must be the name of the scope, and may be required if rows are removed. Expected
    /// rows must belong to tables that the clear concerns.
    ///
    /// # Errors
    /// [`Error::WrongConfirmation`], [`Error::Invalid`].
    pub fn check(&self, confirmation: Confirmation) -> Result<()> {
        let confirmed = match (&self.confirmation, self.mode, confirmation) {
            (Some(typed), ..) => typed == self.scope.name(),
            (None, ClearMode::Remove, Confirmation::Required) => false,
            (None, ..) => true,
        };
        if !confirmed {
            return Err(Error::WrongConfirmation {
                expected: self.scope.name(),
            });
        }
        let Some(ExpectedRemoval::ByTable(expected)) = &self.expected else {
            return Ok(());
        };
        let concerned = self.tables();
        match expected.keys().find(|table| !concerned.contains(table)) {
            None => Ok(()),
            Some(table) => Err(Error::Invalid {
                field: "expected_rows",
                problem: format!("names {table}, of which clearing {} removes nothing", self.scope.name()),
            }),
        }
    }

    /// The tables that lose rows, referring tables first. Students are removed with their enrollments, payments and attendance,
    /// courses with their enrollments and attendance. `all` also empties payment categories and removes all users except
    /// administrators, active or not.
    pub(crate) fn tables(&self) -> Vec<Table> {
        Table::ALL
            .into_iter()
            .rev()
            .filter(|table| match self.scope {
                TableScope::All => true,
                TableScope::One(cleared) => *table == cleared || cleared.dependents().contains(table),
            })
            .collect()
    }
}

/// Removes the rows, in a change that has begun with [`Clear::tables`] and that the caller commits.
///
/// # Errors
/// [`Error::RowCountChanged`] if the expectation does not hold. On any error the change must be dropped, and then nothing has
/// changed.
pub(crate) async fn remove(change: &mut Change, request: &Clear) -> Result<Cleared> {
    let before = change.count().await?;
    let (accounts, emptied): (Vec<_>, Vec<_>) = request.tables().into_iter().partition(|table| *table == Table::Users);
    change.empty(&emptied).await?;
    let mut removed: BTreeMap<_, _> = emptied.into_iter().map(|table| (table, before.of(table))).collect();
    for table in accounts {
        removed.insert(table, change.remove_accounts().await?);
    }
    ensure_expected(request.expected.as_ref(), &removed)?;
    let left = change.count().await?;
    Ok(Cleared {
        removed,
        kept: left.rows,
        cleared_at: left.generated_at,
    })
}

/// Counts the rows that a clear would remove, and changes nothing.
///
/// # Errors
/// [`Error::RowCountChanged`] if the expectation does not hold.
pub async fn preview(_: &Admin, database: &Database, request: &Clear) -> Result<Cleared> {
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
    for table in request.tables() {
        let stays = if table == Table::Users { administrators } else { 0 };
        let before = kept.insert(table, stays).unwrap_or_default();
        removed.insert(table, before - stays);
    }
    ensure_expected(request.expected.as_ref(), &removed)?;
    Ok(Cleared {
        removed,
        kept,
        cleared_at: stats.generated_at,
    })
}

fn ensure_expected(expected: Option<&ExpectedRemoval>, removed: &BTreeMap<Table, u64>) -> Result<()> {
    let differences: Vec<_> = match expected {
        None => Vec::new(),
        Some(ExpectedRemoval::Total(expected)) => vec![("total", *expected, removed.values().sum())],
        Some(ExpectedRemoval::ByTable(tables)) => tables
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
        Err(Error::RowCountChanged { differences })
    }
}
