//! Looking at jobs.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::idempotency::{ensure_key, requested_with};
use super::{Job, JobState, Jobs, Kind};
use crate::account::Admin;
use crate::entity::job::{self, Column, Entity};
use crate::error::{Error, Result};

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of this kind.
    pub kind: Option<Kind>,
    /// Only those that stand like this.
    pub state: Option<JobState>,
    /// Only the one that the caller has requested with this idempotency key.
    pub idempotency_key: Option<String>,
}

/// Some jobs of a list, newest first, and how many there are in all.
#[derive(Clone, Debug)]
pub struct Page {
    /// The jobs.
    pub items: Vec<Job>,
    /// How many the whole list has.
    pub total: u64,
}

impl Jobs {
    /// Lists jobs, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the idempotency key can't be one, and what the database says.
    pub async fn list(&self, admin: &Admin, filter: &Filter, limit: u64, offset: u64) -> Result<Page> {
        let doing = "listing jobs";
        let mut jobs = Entity::find();
        if let Some(kind) = filter.kind {
            jobs = jobs.filter(Column::Kind.eq(kind));
        }
        if let Some(state) = filter.state {
            jobs = jobs.filter(Column::State.eq(state));
        }
        if let Some(key) = &filter.idempotency_key {
            ensure_key(key, "idempotency_key")?;
            jobs = jobs.filter(requested_with(admin, key));
        }
        let connection = self.0.database.connection();
        let total = jobs.clone().count(connection).await.map_err(Error::database(doing))?;
        let rows = jobs
            .order_by_desc(Column::Id)
            .limit(limit)
            .offset(offset)
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        Ok(Page {
            items: rows.into_iter().map(|row| self.shown(row)).collect(),
            total,
        })
    }

    /// One job, as it is now if this process does it, and otherwise as it was at its last sign of life.
    ///
    /// # Errors
    /// [`Error::UnknownJob`].
    pub async fn get(&self, id: &str) -> Result<Job> {
        // An id that is none is not worth a question, and PostgreSQL would not take every text.
        let id = Uuid::try_parse(id).map_err(|_| Error::UnknownJob)?.to_string();
        if let Some(running) = self.running(&id) {
            return Ok(running.row().into());
        }
        let row = Entity::find_by_id(&id).one(self.0.database.connection()).await;
        row.map_err(Error::database("looking at a job"))?
            .map(Job::from)
            .ok_or(Error::UnknownJob)
    }

    /// A row that was read, or what is known better.
    pub(super) fn shown(&self, row: job::Model) -> Job {
        let running = self.running(&row.id).filter(|_| !row.state.has_ended());
        running.map_or(row, |running| running.row()).into()
    }
}
