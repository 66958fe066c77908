//! A demo school: data for an empty database, to try the service, to show it and to measure it.
//!
//! The same scale always gives the same rows on every engine, on any day. The rows are as awkward as real ones: names
//! in many scripts, line breaks and quotes in addresses, leading zeros, texts that look like formulas, NULL beside the
//! empty text, and the largest possible fee.
//!
//! In reading order: `chance` makes every choice; `people`, `courses` and `money` make the rows, one at a time, with
//! the texts of `names`; [`fill`] inserts them.

mod chance;
mod courses;
mod money;
mod names;
mod people;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use campus_backup_archive::Cell;
use sea_orm::{ColumnTrait, EntityTrait, Iterable, ModelTrait, PaginatorTrait, QueryFilter, Value};

use crate::catalog::{MAX_COLUMNS, Table};
use crate::change::{Change, LoadMode, RowStream};
use crate::database::Database;
use crate::entity::{change as recorded, user};
use crate::error::{Error, Result};
use crate::stats::{self, Stats};

/// The only user of a demo school who can sign in.
#[derive(Clone)]
pub enum DemoAdmin {
    /// A new user.
    New {
        /// The name to sign in with.
        username: String,
        /// The hash of the password, as `account` makes it.
        password_hash: String,
    },
    /// An existing user: the only row of the database, see [`sole_administrator`].
    Existing {
        /// The account's id.
        id: i64,
        /// The name to sign in with.
        username: String,
    },
}

impl DemoAdmin {
    fn username(&self) -> &str {
        match self {
            Self::New { username, .. } | Self::Existing { username, .. } => username,
        }
    }

    /// How many rows a table may have before the database is filled.
    fn rows_before(&self, table: Table) -> u64 {
        match (self, table) {
            (Self::Existing { .. }, Table::Users) => 1,
            _ => 0,
        }
    }
}

/// The administrator whose account is the only row of the seven tables, as after the first start. None if a clear or a
/// restore has left only that row: such a school must not be filled.
///
/// # Errors
/// Those of the database.
pub async fn sole_administrator(database: &Database) -> Result<Option<DemoAdmin>> {
    let stats = stats::stats(database).await?;
    if stats.total() != 1 || stats.of(Table::Users) != 1 {
        return Ok(None);
    }
    let doing = "looking whether the school was ever changed";
    let changes = recorded::Entity::find().count(database.connection()).await;
    if changes.map_err(Error::database(doing))? != 0 {
        return Ok(None);
    }
    let found = user::Entity::find()
        .filter(user::COLUMN.role.eq(user::Role::Admin))
        .one(database.connection())
        .await;
    let found = found.map_err(Error::database("looking for the first administrator"))?;
    Ok(found.map(|account| DemoAdmin::Existing {
        id: account.id,
        username: account.username,
    }))
}

/// What [`fill`] inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// How many rows went into each of the seven tables.
    pub rows: BTreeMap<Table, u64>,
}

impl Filled {
    /// The rows of all tables.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// Fills a database with a demo school. It must be empty, except for an [existing](DemoAdmin::Existing) administrator.
///
/// At scale 1 it has 1,000 students, 40 courses, 3,000 enrollments, 5,000 payments and 100,000 rows of attendance;
/// `scale` multiplies these. There are always 8 payment categories and 5 users. Only `admin` can sign in: the others
/// have no password until one is set.
///
/// Everything happens in one transaction: it checks that the tables are empty, fills them, and moves generated ids past
/// the inserted ones. On failure the database is unchanged. Memory does not grow with `scale`.
///
/// # Errors
/// [`Error::NotEmpty`] if one of the seven tables has another row, or if another process inserts one meanwhile;
/// [`Error::Invalid`] if `scale` is 0.
pub async fn fill(database: &Database, scale: u32, admin: DemoAdmin) -> Result<Filled> {
    if scale == 0 {
        return Err(Error::Invalid {
            field: "scale",
            problem: "must be at least 1".to_owned(),
        });
    }
    match insert_school(database, scale, &admin).await {
        Ok(filled) => Ok(filled),
        Err(error) => {
            // Several copies of the service may start on one empty database. They conflict at the first id, and the
            // slower one must report that the database is no longer empty.
            refuse_rows(&stats::stats(database).await?, &admin)?;
            Err(error)
        }
    }
}

fn refuse_rows(stats: &Stats, admin: &DemoAdmin) -> Result<()> {
    let has_others = |table: &Table| stats.of(*table) != admin.rows_before(*table);
    match Table::ALL.into_iter().find(has_others) {
        Some(table) => Err(Error::NotEmpty { table }),
        None => Ok(()),
    }
}

async fn insert_school(database: &Database, scale: u32, admin: &DemoAdmin) -> Result<Filled> {
    let mut change = Change::begin(database, Table::ALL.to_vec(), "inserting the demo school").await?;
    refuse_rows(&change.count().await?, admin)?;
    let mut rows = BTreeMap::new();
    for table in Table::ALL {
        let inserted = match table {
            Table::Users => {
                change
                    .load(table, &mut Models::of(people::users(admin)), LoadMode::Bulk)
                    .await
            }
            Table::Students => {
                change
                    .load(table, &mut Models::of(people::students(scale)), LoadMode::Bulk)
                    .await
            }
            Table::Courses => {
                change
                    .load(table, &mut Models::of(courses::courses(scale)), LoadMode::Bulk)
                    .await
            }
            Table::PaymentCategories => {
                change
                    .load(table, &mut Models::of(money::categories()), LoadMode::Bulk)
                    .await
            }
            Table::Enrollments => {
                change
                    .load(table, &mut Models::of(courses::enrollments(scale)), LoadMode::Bulk)
                    .await
            }
            Table::Payments => {
                change
                    .load(table, &mut Models::of(money::payments(scale)), LoadMode::Bulk)
                    .await
            }
            Table::Attendance => {
                change
                    .load(table, &mut Models::of(courses::attendance(scale)), LoadMode::Bulk)
                    .await
            }
        }?;
        rows.insert(table, inserted);
    }
    change.commit().await?;
    Ok(Filled { rows })
}

/// The rows of one table as the models of its entity.
struct Models<I> {
    models: I,
    values: [Value; MAX_COLUMNS],
}

impl<I> Models<I> {
    fn of(models: I) -> Self {
        Self {
            models,
            values: [const { Value::Bool(None) }; MAX_COLUMNS],
        }
    }
}

impl<M, E, I> RowStream for Models<I>
where
    M: ModelTrait<Entity = E>,
    E: EntityTrait,
    I: Iterator<Item = M> + Send,
{
    fn next<'a>(&'a mut self, cells: &mut [Cell<'a>; MAX_COLUMNS]) -> Result<bool> {
        let Some(model) = self.models.next() else {
            return Ok(false);
        };
        for ((column, value), cell) in E::Column::iter().zip(&mut self.values).zip(cells) {
            *value = model.get(column);
            *cell = read(value)?;
        }
        Ok(true)
    }
}

fn read(value: &Value) -> Result<Cell<'_>> {
    let cell = match value {
        Value::BigInt(value) => value.map(Cell::Integer),
        Value::Bool(value) => value.map(Cell::Boolean),
        Value::String(value) => value.as_deref().map(Cell::Text),
        Value::Decimal(value) => value.map(Cell::Decimal),
        Value::ChronoDate(value) => value.map(Cell::Date),
        Value::ChronoDateTimeUtc(value) => value.map(Cell::Timestamp),
        _ => {
            return Err(Error::internal("inserting the demo school")(
                "a column is of a type that no table has",
            ));
        }
    };
    Ok(cell.unwrap_or(Cell::Null))
}
