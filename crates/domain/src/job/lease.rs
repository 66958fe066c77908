//! The lease of the one who changes the live data.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, UpdateMany};

use super::Jobs;
use crate::entity::lease::{Column, Entity};
use crate::error::{Error, Result};

/// The one lease that there is.
const WRITER: &str = "writer";

/// Who holds the lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) job_id: String,
    pub(super) expires_at: DateTime<Utc>,
}

impl Jobs {
    /// Who holds the writer lease, dead or alive.
    pub(super) async fn holder(&self) -> Result<Option<Holder>> {
        let lease = Entity::find_by_id(WRITER).one(self.0.database.connection()).await;
        let lease = lease.map_err(Error::database("looking who changes the data"))?;
        Ok(lease.and_then(|lease| {
            Some(Holder {
                job_id: lease.job_id?,
                expires_at: lease.expires_at?,
            })
        }))
    }

    /// Takes the lease for a job, and says whether it was to be had.
    pub(super) async fn acquire(
        &self,
        transaction: &DatabaseTransaction,
        job_id: &str,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let free = Condition::any()
            .add(Column::JobId.is_null())
            .add(Column::ExpiresAt.lt(now));
        let taken = Entity::update_many()
            .col_expr(Column::JobId, Expr::value(job_id))
            .col_expr(Column::Runner, Expr::value(self.0.runner.id()))
            .col_expr(Column::AcquiredAt, Expr::value(now))
            .col_expr(Column::ExpiresAt, Expr::value(now + self.0.settings.patience()))
            .filter(Column::Name.eq(WRITER))
            .filter(free)
            .exec(transaction)
            .await;
        let taken = taken.map_err(Error::database("taking the lease of a change"))?;
        Ok(taken.rows_affected == 1)
    }

    /// Keeps the lease, and says whether it was still the job's.
    pub(super) async fn renew(
        &self,
        connection: &impl ConnectionTrait,
        job_id: &str,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let renewed = held_by(job_id)
            .col_expr(Column::ExpiresAt, Expr::value(now + self.0.settings.patience()))
            .exec(connection)
            .await;
        let renewed = renewed.map_err(Error::database("renewing the lease of a change"))?;
        Ok(renewed.rows_affected == 1)
    }
}

/// Frees the lease if it is the job's. In the transaction of an effect it must concern one row.
pub(super) fn release(job_id: &str) -> UpdateMany<Entity> {
    held_by(job_id)
        .col_expr(Column::JobId, Expr::value(None::<String>))
        .col_expr(Column::Runner, Expr::value(None::<String>))
        .col_expr(Column::AcquiredAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::ExpiresAt, Expr::value(None::<DateTime<Utc>>))
}

fn held_by(job_id: &str) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Name.eq(WRITER))
        .filter(Column::JobId.eq(job_id))
}
