//! A connection that is either given back in order or closed.

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{Database, Executor};

use crate::error::{Error, Result};

/// A pooled connection in a transaction.
///
/// Unless it is ended in order, it is closed and not given back: the driver would have to read the rest of an
/// interrupted result first, and after an interrupted copy it fails the next statement. The pool opens another when it
/// needs one.
#[derive(Debug)]
pub(crate) struct TxConnection<DB: Database>(Option<PoolConnection<DB>>);

impl<DB: Database> TxConnection<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    pub(crate) fn new(connection: PoolConnection<DB>) -> Self {
        Self(Some(connection))
    }

    pub(crate) fn connection(&mut self) -> Result<&mut DB::Connection> {
        let connection = self.0.as_deref_mut();
        connection.ok_or_else(|| Error::internal("using a transaction")("it was ended"))
    }

    /// Ends the transaction and gives the connection back.
    pub(crate) async fn end(mut self, doing: &'static str) -> Result<()> {
        let committed = self.connection()?.execute("COMMIT").await;
        committed.map_err(Error::sqlx(doing))?;
        drop(self.0.take());
        Ok(())
    }
}

impl<DB: Database> Drop for TxConnection<DB> {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}
