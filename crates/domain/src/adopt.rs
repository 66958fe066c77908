//! Looks at the database of another program: what it has, what can be read of it, and what a mapping file says about it.
//!
//! Everything here reads and nothing writes ([`ReadOnlyDatabase`]). This version can't serve such a database yet.

use campus_backup_engine::catalog::Catalog;
use campus_backup_engine::mapping::{Closure, MappedReference, suggested_references};
use campus_backup_engine::{introspect, survey};
use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use crate::database::ReadOnlyDatabase;
use crate::error::{Error, Result};

/// What a database has.
#[derive(Debug)]
pub struct Survey {
    /// Its tables.
    pub catalog: Catalog,
    /// The number of rows of each table. None of a table that can't be read completely.
    pub rows: Vec<Option<i64>>,
    /// References that only the names of columns suggest, with the number of rows that refer to nothing. None if a table
    /// can't be read.
    pub suggested: Vec<(MappedReference, Option<i64>)>,
    /// Whether triggers can be seen. On MySQL that needs the right `TRIGGER`.
    pub sees_triggers: bool,
}

/// Reads what a database has, and counts its rows.
///
/// # Errors
/// Any error of reading.
pub async fn survey(database: &ReadOnlyDatabase) -> Result<Survey> {
    let surveyed = match database {
        ReadOnlyDatabase::Server(transaction) => survey_of(transaction).await,
        ReadOnlyDatabase::File(connection) => survey_of(connection).await,
    };
    surveyed.map_err(Error::database("reading the tables of the database"))
}

/// Reads the catalogue of a database.
///
/// # Errors
/// As [`survey()`].
pub async fn catalog(database: &ReadOnlyDatabase) -> Result<Catalog> {
    let read = match database {
        ReadOnlyDatabase::Server(transaction) => introspect(transaction).await,
        ReadOnlyDatabase::File(connection) => introspect(connection).await,
    };
    read.map_err(Error::database("reading the tables of the database"))
}

/// Counts the rows that belong to a sheet, table by table.
///
/// # Errors
/// As [`survey()`].
pub async fn count_closure(database: &ReadOnlyDatabase, closure: &Closure<'_>) -> Result<Vec<i64>> {
    let counted = match database {
        ReadOnlyDatabase::Server(transaction) => closure.count(transaction).await,
        ReadOnlyDatabase::File(connection) => closure.count(connection).await,
    };
    counted.map_err(Error::database("counting the rows that belong to the sheet"))
}

async fn survey_of(connection: &impl ConnectionTrait) -> std::result::Result<Survey, DbErr> {
    let catalog = introspect(connection).await?;
    let mut rows = Vec::with_capacity(catalog.tables.len());
    for table in &catalog.tables {
        // Counting the rest would be refused, which ends a transaction on PostgreSQL.
        rows.push(match table.problems.is_empty() {
            true => Some(survey::count_rows(connection, &catalog, table).await?),
            false => None,
        });
    }
    let mut suggested = Vec::new();
    for reference in suggested_references(&catalog) {
        let is_readable = rows[reference.table].is_some() && rows[reference.target].is_some();
        let broken = match is_readable {
            true => count_broken(connection, &catalog, &reference).await?,
            false => None,
        };
        suggested.push((reference, broken));
    }
    let sees_triggers = survey::sees_triggers(connection).await?;
    Ok(Survey {
        catalog,
        rows,
        suggested,
        sees_triggers,
    })
}

/// MySQL compares no texts of different collations.
async fn count_broken(
    connection: &impl ConnectionTrait,
    catalog: &Catalog,
    reference: &MappedReference,
) -> std::result::Result<Option<i64>, DbErr> {
    match survey::count_broken(connection, catalog, reference).await {
        Err(_) if connection.get_database_backend() == DbBackend::MySql => Ok(None),
        counted => counted.map(Some),
    }
}
