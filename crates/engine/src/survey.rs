//! Counts rows, and the rows that break a reference.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::catalog::{Catalog, Table};
use crate::mapping::MappedReference;
use crate::sql::{literal, quote, source};

/// The number of rows of a table.
///
/// # Errors
/// An error of the database, also if a policy hides rows from the role.
pub async fn count_rows(connection: &impl ConnectionTrait, catalog: &Catalog, table: &Table) -> Result<i64, DbErr> {
    let sql = format!("SELECT count(*) AS n FROM {}", source(catalog.engine, table));
    number(connection, &sql).await
}

/// The number of rows that refer to a row that does not exist. NULL refers to nothing.
///
/// # Errors
/// As [`count_rows`].
pub async fn count_broken(
    connection: &impl ConnectionTrait,
    catalog: &Catalog,
    reference: &MappedReference,
) -> Result<i64, DbErr> {
    let engine = catalog.engine;
    let (table, target) = (&catalog.tables[reference.table], &catalog.tables[reference.target]);
    let name = |table: &Table, column: usize| quote(engine, &table.columns[column].name);
    let none: Vec<_> = reference.none.iter().map(|value| literal(engine, value)).collect();
    let present: Vec<_> = reference
        .columns
        .iter()
        .map(|column| match none.is_empty() {
            true => format!("r.{} IS NOT NULL", name(table, *column)),
            false => format!("r.{} NOT IN ({})", name(table, *column), none.join(", ")),
        })
        .collect();
    let sql = format!(
        "SELECT count(*) AS n FROM {} r WHERE {} AND NOT EXISTS (SELECT 1 FROM {} s WHERE {})",
        source(engine, table),
        present.join(" AND "),
        source(engine, target),
        reference
            .columns
            .iter()
            .zip(&reference.target_columns)
            .map(|(column, key)| format!("s.{} = r.{}", name(target, *key), name(table, *column)))
            .collect::<Vec<_>>()
            .join(" AND ")
    );
    number(connection, &sql).await
}

async fn number(connection: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    row.map_or(Ok(0), |row| row.try_get("", "n"))
}

/// Whether this role sees the triggers of the tables. MySQL hides them from a role without the right `TRIGGER`.
///
/// # Errors
/// An error of the database.
pub async fn sees_triggers(connection: &impl ConnectionTrait) -> Result<bool, DbErr> {
    if connection.get_database_backend() != DbBackend::MySql {
        return Ok(true);
    }
    let sql = "SELECT count(*) AS n FROM ( \
        SELECT grantee, privilege_type FROM information_schema.user_privileges UNION ALL \
        SELECT grantee, privilege_type FROM information_schema.schema_privileges WHERE DATABASE() LIKE table_schema) p \
        WHERE p.privilege_type = 'TRIGGER' \
        AND p.grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')";
    Ok(number(connection, sql).await? > 0)
}
