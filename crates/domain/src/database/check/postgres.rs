//! PostgreSQL.

use std::collections::BTreeSet;

use sea_orm::SqlxError;
use sea_orm::sqlx::postgres::{PgConnection, PgRow};
use sea_orm::sqlx::{self, AssertSqlSafe, PgPool, Row as _};

use super::super::defect::{Defect, DefectReason};
use super::super::inspection::SchemaState;
use super::quoted;

/// How often two sessions are compared. A pooler gives out the connection that was used last, or each in turn.
const ROUNDS: usize = 4;

/// Identifies a session of the server. A process number is reused only after its end.
const SESSION: &str =
    "SELECT pg_backend_pid() || ' ' || backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";

/// Checked first: behind a transaction pooler no other answer is reliable.
pub(super) async fn pooling(pool: &PgPool) -> Result<Option<Defect>, SqlxError> {
    Ok(is_pooled(pool).await?.then(|| {
        Defect::new(
            DefectReason::TransactionPooling,
            "A connection pooler in transaction mode is between the service and PostgreSQL, so settings of a session, locks \
             and prepared statements get lost. Connect to the server itself, or give the database `pool_mode=session` in \
             pgbouncer.ini.",
        )
    }))
}

pub(super) async fn server(pool: &PgPool, schema: &SchemaState) -> Result<Option<Defect>, SqlxError> {
    let mut connection = pool.acquire().await?;
    let row = one(
        &mut connection,
        "SELECT current_setting('server_encoding'), quote_ident(current_database()), quote_ident(current_user), \
         quote_ident(current_schema()), coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), \
         has_database_privilege(current_database(), 'TEMPORARY')",
    );
    let row = row.await?;
    let text = |index: usize| row.try_get::<Option<String>, _>(index).map(Option::unwrap_or_default);
    let (encoding, database, role, schema_name) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let (may_create, may_use_temporary): (bool, bool) = (row.try_get(4)?, row.try_get(5)?);
    if encoding != "UTF8" {
        let detail = format!(
            "The database {database} has the encoding {encoding}, which can't hold every text. Make a new one with `CREATE \
             DATABASE {database}_utf8 ENCODING 'UTF8' TEMPLATE template0`, and move the data with pg_dump."
        );
        return Ok(Some(Defect::new(DefectReason::Encoding, detail)));
    }
    let needs_tables = !matches!(schema, SchemaState::Current);
    let rights = |detail: String| Some(Defect::new(DefectReason::MissingRights, detail));
    Ok(if schema_name.is_empty() {
        rights(format!(
            "The role {role} can use no schema of the database {database}. `GRANT USAGE, CREATE ON SCHEMA public TO {role}` \
             mends that; better make it the owner of a database of its own."
        ))
    } else if needs_tables && !may_create {
        rights(format!(
            "The role {role} may not make tables in the schema {schema_name} of the database {database}. `GRANT CREATE ON \
             SCHEMA {schema_name} TO {role}` mends that; better make it the owner of a database of its own."
        ))
    } else if !may_use_temporary {
        rights(format!(
            "The role {role} may not make temporary tables in the database {database}. `GRANT TEMPORARY ON DATABASE \
             {database} TO {role}` mends that."
        ))
    } else {
        None
    })
}

pub(super) async fn writable(pool: &PgPool) -> Result<Option<Defect>, SqlxError> {
    let mut connection = pool.acquire().await?;
    let row = one(
        &mut connection,
        "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on', \
         quote_ident(current_database()), quote_ident(current_user)",
    );
    let row = row.await?;
    let (is_standby, is_read_only): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if is_standby {
        return Ok(Some(Defect::new(
            DefectReason::Standby,
            "The PostgreSQL server is a standby, which takes no writes. Connect to the primary server; if this is to be the \
             primary, `SELECT pg_promote()` makes it one.",
        )));
    }
    let (database, role): (String, String) = (row.try_get(2)?, row.try_get(3)?);
    Ok(is_read_only.then(|| {
        let detail = format!(
            "The database takes no writes: `default_transaction_read_only` is on. `ALTER DATABASE {database} RESET \
             default_transaction_read_only`, the same with `ALTER ROLE {role}`, or postgresql.conf mends that."
        );
        Defect::new(DefectReason::ReadOnly, detail)
    }))
}

/// A restore drops indexes and foreign keys for the bulk load, which only the owner of a table may.
pub(super) async fn tables(pool: &PgPool, tables: &BTreeSet<&str>) -> Result<Option<Defect>, SqlxError> {
    let mut connection = pool.acquire().await?;
    let sql = format!(
        "SELECT c.relname::text, privilege, pg_has_role(c.relowner, 'USAGE'), quote_ident(current_user), \
         quote_ident(current_schema()) FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege \
         WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname IN ({}) \
         AND NOT (has_table_privilege(c.oid, privilege) AND pg_has_role(c.relowner, 'USAGE')) ORDER BY 1, 2 LIMIT 1",
        quoted(tables)
    );
    let lacking = rows(&mut connection, &sql).await?;
    let Some(row) = lacking.first() else {
        return Ok(None);
    };
    let (table, privilege, is_owner): (String, String, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let (role, schema): (String, String) = (row.try_get(3)?, row.try_get(4)?);
    let detail = match is_owner {
        true => format!(
            "The role {role} lacks the right {privilege} on the table {table}. `GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO \
             {role}` mends that."
        ),
        false => format!(
            "The table {table} does not belong to the role {role}, so a restore could not load it. `ALTER TABLE {table} OWNER \
             TO {role}` mends that, for each table."
        ),
    };
    Ok(Some(Defect::new(DefectReason::MissingRights, detail)))
}

/// Whether two open connections share a session of the server, or one uses several. Only a transaction pooler does
/// either.
async fn is_pooled(pool: &PgPool) -> Result<bool, SqlxError> {
    let (mut first, mut second) = (pool.acquire().await?, pool.acquire().await?);
    let (mut of_first, mut of_second) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..ROUNDS {
        of_first.insert(session(&mut first).await?);
        // While a transaction holds its session, a pooler must give the first connection another one.
        rows(&mut second, "BEGIN").await?;
        of_second.insert(session(&mut second).await?);
        of_first.insert(session(&mut first).await?);
        rows(&mut second, "ROLLBACK").await?;
    }
    Ok(of_first.len() > 1 || of_second.len() > 1 || of_first == of_second)
}

async fn session(connection: &mut PgConnection) -> Result<Option<String>, SqlxError> {
    one(connection, SESSION).await?.try_get(0)
}

/// Uses the simple protocol, which a pooler can't break.
async fn rows(connection: &mut PgConnection, sql: &str) -> Result<Vec<PgRow>, SqlxError> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await
}

async fn one(connection: &mut PgConnection, sql: &str) -> Result<PgRow, SqlxError> {
    rows(connection, sql)
        .await?
        .into_iter()
        .next()
        .ok_or(SqlxError::RowNotFound)
}
