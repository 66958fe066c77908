//! MySQL and MariaDB.

use std::collections::BTreeSet;

use sea_orm::SqlxError;
use sea_orm::sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlRow};
use sea_orm::sqlx::{self, AssertSqlSafe, MySqlPool, Row as _};

use super::super::defect::{Defect, DefectReason};
use super::quoted;

/// Access denied to a database, a table or a column.
const DENIED: [u16; 3] = [1044, 1142, 1143];

pub(super) async fn writable(pool: &MySqlPool) -> Result<Option<Defect>, SqlxError> {
    let mut connection = pool.acquire().await?;
    // Not every server has each of these. Only the server sets the session's own value.
    let shown = rows(
        &mut connection,
        "SHOW VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'innodb_read_only', 'tx_read_only', \
         'transaction_read_only')",
    );
    for row in shown.await? {
        let (name, value) = (text(&row, 0)?, text(&row, 1)?);
        if value == "OFF" || value == "0" {
            continue;
        }
        let how = match name.as_str() {
            "innodb_read_only" => "Start the server without it, or connect to another one.".to_owned(),
            name => {
                format!("Connect to the primary server; if this is the primary, `SET GLOBAL {name} = OFF` mends that.")
            }
        };
        let detail = format!("The database server takes no writes: `{name}` is {value}. {how}");
        return Ok(Some(Defect::new(DefectReason::ReadOnly, detail)));
    }
    Ok(None)
}

pub(super) async fn tables(pool: &MySqlPool, tables: &BTreeSet<&str>) -> Result<Option<Defect>, SqlxError> {
    let mut connection = pool.acquire().await?;
    let sql = format!(
        "SELECT table_name, character_set_name FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name IN ({}) AND character_set_name <> 'utf8mb4' ORDER BY 1 LIMIT 1",
        quoted(tables)
    );
    if let Some(row) = rows(&mut connection, &sql).await?.first() {
        let (table, set) = (text(row, 0)?, text(row, 1)?);
        let detail = format!(
            "The table {table} has the character set {set}, which can't hold every text. Stop the service, make a backup of \
             the database, and convert it with `ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE` and the \
             collation of the other tables."
        );
        return Ok(Some(Defect::new(DefectReason::Encoding, detail)));
    }
    // Each table that the role may use in some way, with its first column.
    let sql = format!(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name IN ({}) AND ordinal_position = 1",
        quoted(tables)
    );
    let mut unseen = tables.clone();
    for row in rows(&mut connection, &sql).await? {
        let (table, column) = (text(&row, 0)?, text(&row, 1)?);
        unseen.remove(table.as_str());
        if let Some(right) = lacking(&mut connection, &table, &column).await? {
            return grant(&mut connection, right, &table).await.map(Some);
        }
    }
    match unseen.first() {
        Some(table) => grant(&mut connection, "SELECT", table).await.map(Some),
        None => Ok(None),
    }
}

/// The missing right of a role that was denied access: a right on a table, or else one for migrations.
pub(super) async fn denied(pool: &MySqlPool, names: &BTreeSet<&str>) -> Result<Option<Defect>, SqlxError> {
    match tables(pool, names).await? {
        Some(defect) if defect.reason == DefectReason::MissingRights => Ok(Some(defect)),
        _ => {
            let mut connection = pool.acquire().await?;
            grant(&mut connection, "CREATE, ALTER or DROP", "*").await.map(Some)
        }
    }
}

/// `EXPLAIN` of a statement needs the same rights as the statement, through any role, and changes nothing.
async fn lacking(
    connection: &mut MySqlConnection,
    table: &str,
    column: &str,
) -> Result<Option<&'static str>, SqlxError> {
    let statements = [
        ("SELECT", format!("SELECT 1 FROM `{table}` LIMIT 0")),
        (
            "INSERT",
            format!("INSERT INTO `{table}` SELECT * FROM `{table}` WHERE FALSE"),
        ),
        (
            "UPDATE",
            format!("UPDATE `{table}` SET `{column}` = `{column}` WHERE FALSE"),
        ),
        ("DELETE", format!("DELETE FROM `{table}` WHERE FALSE")),
    ];
    for (right, statement) in statements {
        match rows(connection, &format!("EXPLAIN {statement}")).await {
            Err(error) if is_denied(&error) => return Ok(Some(right)),
            explained => drop(explained?),
        }
    }
    Ok(None)
}

fn is_denied(error: &SqlxError) -> bool {
    let error = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(|error| DENIED.contains(&error.number()))
}

async fn grant(connection: &mut MySqlConnection, right: &str, table: &str) -> Result<Defect, SqlxError> {
    let asked = rows(
        connection,
        "SELECT CAST(CURRENT_USER() AS CHAR), CAST(DATABASE() AS CHAR)",
    )
    .await?;
    let row = asked.first().ok_or(SqlxError::RowNotFound)?;
    let (user, database) = (text(row, 0)?, text(row, 1)?);
    let (name, host) = user.rsplit_once('@').unwrap_or((&user, "%"));
    let what = match table {
        "*" => format!("tables of the database {database}"),
        table => format!("the table {table}"),
    };
    let detail = format!(
        "The user {user} lacks the right {right} on {what}. `GRANT ALL ON `{database}`.* TO '{name}'@'{host}'` mends that."
    );
    Ok(Defect::new(DefectReason::MissingRights, detail))
}

async fn rows(connection: &mut MySqlConnection, sql: &str) -> Result<Vec<MySqlRow>, SqlxError> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await
}

fn text(row: &MySqlRow, index: usize) -> Result<String, SqlxError> {
    row.try_get_unchecked::<String, _>(index)
}
