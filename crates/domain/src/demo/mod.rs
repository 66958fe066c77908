//! A demo school: what an empty database is filled with to try the service, to show it and to measure it.
//!
//! The same scale always gives the same rows on every engine, whatever the day. The rows are as awkward as real ones:
//! names in many scripts, line breaks and quotes in addresses, leading zeros, texts that look like formulas, NULL
//! beside the empty text, a fee as large as fits.
//!
//! In reading order: `chance` is where every choice comes from; `people`, `courses` and `money` make the rows,
//! one at a time, with the texts of `names`; [`fill`] inserts them.

mod chance;
mod courses;
mod money;
mod names;
mod people;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, Iterable, ModelTrait, PrimaryKeyToColumn,
    QuerySelect,
};

use crate::catalog::Table;
use crate::database::Database;
use crate::entity::{attendance, course, enrollment, payment, payment_category, student, user};
use crate::error::{Error, Result};
use crate::ids::advance_ids;

/// How many values one statement brings. SQLite takes 32,766, PostgreSQL and MySQL take 65,535, and MySQL's packet has
/// a size (16 MiB and more; these are below one). Many more than the wire's buffers hold: the driver does not set
/// `TCP_NODELAY`, so over TLS on one machine a statement of 2,000 to 6,000 values waits 40 ms for an acknowledgement.
const VALUES_A_STATEMENT: usize = 20_000;

/// The one user of a demo school who can sign in.
#[derive(Clone)]
pub struct DemoAdmin {
    /// The name to sign in with.
    pub username: String,
    /// The hash of the password, as `account` makes it.
    pub password_hash: String,
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

/// Fills an empty database with a demo school.
///
/// At scale 1 it has 1,000 students, 40 courses, 3,000 enrollments, 5,000 payments and 100,000 rows of attendance;
/// `scale` multiplies these. There are always 8 payment categories and 5 users, of whom only `admin` can sign in:
/// the others have no password until one is set.
///
/// Everything happens in one transaction: the tables are found empty, filled, and generated ids are moved past the
/// inserted ones. On failure the database stays as it was. Memory does not grow with `scale`.
///
/// # Errors
/// [`Error::NotEmpty`] if any of the seven tables has a row, or if somebody else put one there in the meantime;
/// [`Error::Invalid`] if `scale` is 0.
pub async fn fill(database: &Database, scale: u32, admin: DemoAdmin) -> Result<Filled> {
    if scale == 0 {
        return Err(Error::Invalid {
            field: "scale",
            problem: "must be at least 1".to_owned(),
        });
    }
    let transaction = database.begin_write("beginning to fill the database").await?;
    refuse_rows(&transaction).await?;
    match insert_school(database, &transaction, scale, &admin).await {
        Ok(filled) => {
            transaction
                .commit()
                .await
                .map_err(Error::database("committing the demo school"))?;
            Ok(filled)
        }
        Err(error) => {
            transaction
                .rollback()
                .await
                .map_err(Error::database("taking back the demo school"))?;
            // Several copies of the service may start on one empty database. They meet at the first id, and what the
            // slower one has to be told is that the database is no longer empty.
            refuse_rows(database.connection()).await?;
            Err(error)
        }
    }
}

async fn refuse_rows(connection: &impl ConnectionTrait) -> Result<()> {
    for table in Table::ALL {
        let has_rows = match table {
            Table::Users => has_rows::<user::Entity>(connection).await,
            Table::Students => has_rows::<student::Entity>(connection).await,
            Table::Courses => has_rows::<course::Entity>(connection).await,
            Table::PaymentCategories => has_rows::<payment_category::Entity>(connection).await,
            Table::Enrollments => has_rows::<enrollment::Entity>(connection).await,
            Table::Payments => has_rows::<payment::Entity>(connection).await,
            Table::Attendance => has_rows::<attendance::Entity>(connection).await,
        }?;
        if has_rows {
            return Err(Error::NotEmpty { table });
        }
    }
    Ok(())
}

async fn has_rows<E: EntityTrait>(connection: &impl ConnectionTrait) -> Result<bool> {
    let row = E::find()
        .select_only()
        .columns(E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column))
        .into_tuple::<i64>()
        .one(connection)
        .await
        .map_err(Error::database("looking for rows"))?;
    Ok(row.is_some())
}

async fn insert_school(
    database: &Database,
    transaction: &DatabaseTransaction,
    scale: u32,
    admin: &DemoAdmin,
) -> Result<Filled> {
    let mut rows = BTreeMap::new();
    for table in Table::ALL {
        let inserted = match table {
            Table::Users => insert(transaction, people::users(admin)).await,
            Table::Students => insert(transaction, people::students(scale)).await,
            Table::Courses => insert(transaction, courses::courses(scale)).await,
            Table::PaymentCategories => insert(transaction, money::categories()).await,
            Table::Enrollments => insert(transaction, courses::enrollments(scale)).await,
            Table::Payments => insert(transaction, money::payments(scale)).await,
            Table::Attendance => insert(transaction, courses::attendance(scale)).await,
        }?;
        advance_ids(database, transaction, table).await?;
        rows.insert(table, inserted);
    }
    Ok(Filled { rows })
}

/// Inserts the rows, many to a statement, and says how many there were.
async fn insert<M, E>(transaction: &DatabaseTransaction, rows: impl Iterator<Item = M>) -> Result<u64>
where
    M: ModelTrait<Entity = E> + IntoActiveModel<E::ActiveModel>,
    E: EntityTrait,
{
    let mut inserted = 0;
    let mut rows = rows.map(IntoActiveModel::into_active_model).peekable();
    let rows_a_statement = VALUES_A_STATEMENT / E::Column::iter().count();
    while rows.peek().is_some() {
        inserted += E::insert_many(rows.by_ref().take(rows_a_statement))
            .exec_without_returning(transaction)
            .await
            .map_err(Error::database("inserting the demo school"))?;
    }
    Ok(inserted)
}
