//! Generated ids after rows were inserted with ids of their own.

use sea_orm::{ConnectionTrait, Statement};

use crate::catalog::Table;
use crate::database::{Database, Engine};
use crate::error::{Error, Result};

/// Makes the next generated id of `table` greater than every id in it.
///
/// SQLite (`AUTOINCREMENT`) and InnoDB do that by themselves whenever a row brings its id; PostgreSQL's sequence
/// knows nothing of such rows. It is only ever moved forward, so that an id that was once given out is not given out
/// again. PostgreSQL does not take a sequence back when a transaction is rolled back: then some ids are left out,
/// which harms nobody.
pub(crate) async fn advance_ids(database: &Database, connection: &impl ConnectionTrait, table: Table) -> Result<()> {
    if database.engine() != Engine::Postgres {
        return Ok(());
    }
    let sql = format!(
        "SELECT setval(sequence, greatest(highest, pg_sequence_last_value(sequence))) \
         FROM (SELECT pg_get_serial_sequence('{table}', 'id')::regclass AS sequence, max(id) AS highest FROM {table}) \
         AS ids WHERE highest IS NOT NULL"
    );
    connection
        .query_one_raw(Statement::from_string(connection.get_database_backend(), sql))
        .await
        .map_err(Error::database("advancing generated ids"))?;
    Ok(())
}
