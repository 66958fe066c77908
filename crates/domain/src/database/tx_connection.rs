//! A connection in a transaction that is either returned in order or closed.

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{Database, Executor};

use crate::error::{Error, Result};

/// A pooled connection in a transaction.
///
/// Unless [`end`](Self::end) is called, the connection is closed and not returned to the pool. The driver would have to
/// read the rest of an interrupted result first, and after an interrupted copy the next statement fails. The pool opens
/// another connection when it needs one.
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

    /// Commits the transaction and returns the connection to the pool.
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
