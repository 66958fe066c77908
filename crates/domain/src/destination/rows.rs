//! The rows of copies and of destinations. Each change of a state is a conditional update, so that of several copies of the
//! service one makes it.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::entity::prelude::Expr;
use sea_orm::sea_query::{Func, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::fault::CopyFailure;
use crate::database::Database;
use crate::entity::archive_copy::{ActiveModel, Column, CopyState, Entity, Model as CopyRow};
use crate::entity::destination::{self, Column as Of, Model as Destination};
use crate::error::{Error, Result};
use crate::stats;

/// For how long a copy is claimed. The claim is renewed while bytes are moving.
pub(super) const CLAIM: TimeDelta = TimeDelta::minutes(5);

/// The longest pause between two attempts.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// The pause before a destination that refuses a deletion is asked again.
pub(super) const RETAINED_PAUSE: TimeDelta = TimeDelta::days(1);

/// The clocks of several copies of the service may differ by this much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// How many rows one statement inserts or changes.
const BATCH: usize = 200;

/// The enabled destinations, in the order of their creation.
pub(super) async fn enabled(database: &Database) -> Result<Vec<Destination>> {
    destination::Entity::find()
        .filter(Of::Enabled.eq(true))
        .order_by_asc(Of::Id)
        .all(database.connection())
        .await
        .map_err(Error::database("reading the destinations"))
}

/// All copies of a destination.
pub(super) async fn of_destination(database: &Database, destination_id: i64) -> Result<Vec<CopyRow>> {
    Entity::find()
        .filter(Column::DestinationId.eq(destination_id))
        .all(database.connection())
        .await
        .map_err(Error::database("reading the copies of a destination"))
}

/// A change of the state of copies.
#[derive(Clone, Copy, Debug)]
pub(super) struct StateChange {
    pub(super) from: &'static [CopyState],
    pub(super) to: CopyState,
}

/// Inserts copies that are to be made. Those that another copy of the service has inserted stay as they are.
pub(super) async fn insert(
    database: &Database,
    destination_id: i64,
    archives: &[(String, u64)],
    now: DateTime<Utc>,
) -> Result<()> {
    let doing = "adding the copies of archives";
    for batch in archives.chunks(BATCH) {
        let rows = batch.iter().map(|(archive_id, size)| ActiveModel {
            id: ActiveValue::NotSet,
            destination_id: ActiveValue::Set(destination_id),
            archive_id: ActiveValue::Set(archive_id.clone()),
            state: ActiveValue::Set(CopyState::Pending),
            attempts: ActiveValue::Set(0),
            next_attempt_at: ActiveValue::Set(now),
            claimed_until: ActiveValue::Set(None),
            size: ActiveValue::Set(Some(size.cast_signed())),
            manifest_digest: ActiveValue::Set(None),
            error: ActiveValue::Set(None),
            created_at: ActiveValue::Set(now),
            copied_at: ActiveValue::Set(None),
            retained_since: ActiveValue::Set(None),
        });
        // A change without an effect, which every engine has.
        let again = OnConflict::columns([Column::DestinationId, Column::ArchiveId])
            .update_column(Column::ArchiveId)
            .to_owned();
        let transaction = database.begin_write(doing).await?;
        // The destination may have been deleted meanwhile.
        if !lock_destination(&transaction, destination_id).await? {
            return Ok(());
        }
        Entity::insert_many(rows)
            .on_conflict(again)
            .exec_without_returning(&transaction)
            .await
            .map_err(Error::database(doing))?;
        transaction.commit().await.map_err(Error::database(doing))?;
    }
    Ok(())
}

/// Takes the lock of the row of a destination; false if there is none.
async fn lock_destination(transaction: &impl ConnectionTrait, id: i64) -> Result<bool> {
    let touched = destination::Entity::update_many()
        .col_expr(Of::Failures, Expr::col(Of::Failures))
        .filter(Of::Id.eq(id))
        .exec(transaction)
        .await;
    touched
        .map(|touched| touched.rows_affected == 1)
        .map_err(Error::database("locking a destination"))
}

/// Changes the state of unclaimed copies.
pub(super) async fn change_state(
    database: &Database,
    ids: &[i64],
    change: StateChange,
    now: DateTime<Utc>,
) -> Result<()> {
    for batch in ids.chunks(BATCH) {
        let mut update = Entity::update_many()
            .col_expr(Column::State, Expr::value(change.to))
            .col_expr(Column::NextAttemptAt, Expr::value(now))
            .col_expr(Column::Error, Expr::value(None::<String>))
            .col_expr(Column::RetainedSince, Expr::value(None::<DateTime<Utc>>));
        if change.to == CopyState::Pending {
            update = update.col_expr(Column::CreatedAt, Expr::value(now));
        }
        update
            .filter(Column::Id.is_in(batch.iter().copied()))
            .filter(Column::State.is_in(change.from.iter().copied()))
            .filter(is_unclaimed(now))
            .exec(database.connection())
            .await
            .map_err(Error::database("changing the state of copies"))?;
    }
    Ok(())
}

/// Marks the existing copies of an archive as due, because the archive was encrypted again and has `size` bytes now. A copy that is
/// being made is not changed: its runner finds the difference later. The time of the last attempt stays, so a copy is due at once.
///
/// # Errors
/// Database errors.
pub(crate) async fn copy_again(database: &Database, archive_id: &str, size: u64) -> Result<()> {
    let now = stats::now();
    Entity::update_many()
        .col_expr(Column::State, Expr::value(CopyState::Pending))
        .col_expr(Column::Size, Expr::value(size.cast_signed()))
        .col_expr(Column::CreatedAt, Expr::value(now))
        .filter(Column::ArchiveId.eq(archive_id))
        .filter(Column::State.eq(CopyState::Copied))
        .filter(is_unclaimed(now))
        .exec(database.connection())
        .await
        .map(drop)
        .map_err(Error::database("making the copies of an archive again"))
}

/// Sets the time of the next attempt of an unclaimed copy. Its state stays.
pub(super) async fn postpone(database: &Database, id: i64, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(until))
        .filter(Column::Id.eq(id))
        .filter(is_unclaimed(now))
        .exec(database.connection())
        .await
        .map(drop)
        .map_err(Error::database("postponing an attempt"))
}

/// Deletes the rows of unclaimed copies whose existence is unknown. The destination keeps what it has.
pub(super) async fn forget(
    database: &Database,
    ids: &[i64],
    from: &'static [CopyState],
    now: DateTime<Utc>,
) -> Result<()> {
    for batch in ids.chunks(BATCH) {
        Entity::delete_many()
            .filter(Column::Id.is_in(batch.iter().copied()))
            .filter(Column::State.is_in(from.iter().copied()))
            .filter(is_unclaimed(now))
            .exec(database.connection())
            .await
            .map_err(Error::database("forgetting copies"))?;
    }
    Ok(())
}

/// Remembers the manifest that a copy has now.
pub(super) async fn set_manifest_digest(database: &Database, id: i64, digest: &str) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::ManifestDigest, Expr::value(digest))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(CopyState::Copied))
        .exec(database.connection())
        .await
        .map(drop)
        .map_err(Error::database("remembering the manifest of a copy"))
}

/// What is to be done with a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopyTask {
    /// It is made.
    Copy,
    /// It is deleted.
    Delete,
}

impl CopyTask {
    const fn states(self) -> [CopyState; 2] {
        match self {
            Self::Copy => CopyState::TO_COPY,
            Self::Delete => CopyState::TO_DELETE,
        }
    }
}

/// Whether a destination may be asked now. A time of the far future was written before the clock was set back.
pub(super) fn is_reachable(destination: &Destination, now: DateTime<Utc>) -> bool {
    destination
        .retry_at
        .is_none_or(|retry_at| retry_at <= now || retry_at > now + LONGEST_PAUSE + CLOCK_TOLERANCE)
}

/// The next copy of a destination that is due and unclaimed: the newest archive of those with the
/// fewest attempts, so that one that always fails delays no other.
pub(super) async fn next_due(
    database: &Database,
    destination_id: i64,
    task: CopyTask,
    now: DateTime<Utc>,
) -> Result<Option<CopyRow>> {
    due(destination_id, task, now)
        .order_by_asc(Column::Attempts)
        .order_by_desc(Column::ArchiveId)
        .limit(1)
        .one(database.connection())
        .await
        .map_err(Error::database("looking for copies that are due"))
}

fn due(destination_id: i64, task: CopyTask, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::DestinationId.eq(destination_id))
        .filter(Column::State.is_in(task.states()))
        .filter(is_due(now))
}

fn is_due(now: DateTime<Utc>) -> Condition {
    let attempt = Condition::any()
        .add(Column::NextAttemptAt.lte(now))
        .add(Column::NextAttemptAt.gt(now + RETAINED_PAUSE + CLOCK_TOLERANCE));
    Condition::all().add(attempt).add(is_unclaimed(now))
}

fn is_unclaimed(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(Column::ClaimedUntil.is_null())
        .add(Column::ClaimedUntil.lte(now))
        .add(Column::ClaimedUntil.gt(now + CLAIM + CLOCK_TOLERANCE))
}

/// What is written of a copy that was proven.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProvenCopy<'a> {
    pub(super) manifest_digest: &'a str,
    /// The bytes of its file.
    pub(super) size: u64,
    /// A note for administrators.
    pub(super) note: Option<&'static str>,
}

/// A copy that this copy of the service has claimed.
#[derive(Clone, Debug)]
pub(super) struct ClaimedCopy {
    pub(super) row: CopyRow,
    pub(super) task: CopyTask,
}

/// Claims a copy for this copy of the service, if it is still due, and no administrator has edited the destination since it
/// was read.
pub(super) async fn claim(
    database: &Database,
    destination: &Destination,
    row: CopyRow,
    task: CopyTask,
    now: DateTime<Utc>,
) -> Result<Option<ClaimedCopy>> {
    let doing = "claiming a copy";
    let transaction = database.begin_write(doing).await?;
    let claimed = Entity::update_many()
        .col_expr(Column::ClaimedUntil, Expr::value(now + CLAIM))
        .col_expr(Column::Attempts, Expr::value(row.attempts + 1))
        .filter(Column::Id.eq(row.id))
        .filter(Column::State.is_in(task.states()))
        .filter(Column::Attempts.eq(row.attempts))
        .filter(is_due(now))
        .filter(Column::DestinationId.in_subquery(permitting(destination, task)))
        .exec(&transaction)
        .await
        .map_err(Error::database(doing))?;
    transaction.commit().await.map_err(Error::database(doing))?;
    let attempts = row.attempts + 1;
    let row = CopyRow { attempts, ..row };
    Ok((claimed.rows_affected == 1).then_some(ClaimedCopy { row, task }))
}

/// The id of a destination that is as it was read, and is to be served in this way.
fn permitting(destination: &Destination, task: CopyTask) -> SelectStatement {
    let mut permitting = Query::select()
        .column(Of::Id)
        .from(destination::Entity)
        .and_where(Of::Id.eq(destination.id))
        .and_where(Of::UpdatedAt.eq(destination.updated_at))
        .and_where(Of::Enabled.eq(true))
        .to_owned();
    if task == CopyTask::Delete {
        permitting.and_where(Of::Deletes.eq(true));
    }
    permitting
}

impl ClaimedCopy {
    /// The row, if the claim is still that of this copy of the service.
    fn condition(&self) -> Condition {
        Condition::all()
            .add(Column::Id.eq(self.row.id))
            .add(Column::State.is_in(self.task.states()))
            .add(Column::Attempts.eq(self.row.attempts))
    }

    /// Renews the claim. False if another copy of the service has claimed it since, or it was deleted.
    pub(super) async fn renew(&self, database: &Database, now: DateTime<Utc>) -> Result<bool> {
        let renewed = Entity::update_many()
            .col_expr(Column::ClaimedUntil, Expr::value(now + CLAIM))
            .filter(self.condition())
            .exec(database.connection())
            .await
            .map_err(Error::database("renewing the claim of a copy"))?;
        Ok(renewed.rows_affected == 1)
    }

    /// Writes that the copy is there, with so many bytes, and was proven.
    pub(super) async fn mark_copied(
        &self,
        database: &Database,
        proven: ProvenCopy<'_>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let doing = "writing that an archive was copied";
        let transaction = database.begin_write(doing).await?;
        let marked = Entity::update_many()
            .col_expr(Column::State, Expr::value(CopyState::Copied))
            .col_expr(Column::ClaimedUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::ManifestDigest, Expr::value(proven.manifest_digest))
            .col_expr(Column::Size, Expr::value(proven.size.cast_signed()))
            .col_expr(Column::Error, Expr::value(proven.note))
            .col_expr(Column::CopiedAt, Expr::value(now))
            .filter(self.condition())
            .exec(&transaction)
            .await
            .map_err(Error::database(doing))?;
        if marked.rows_affected == 1 {
            mark_reached(&transaction, self.row.destination_id, Some(now)).await?;
        }
        transaction.commit().await.map_err(Error::database(doing))
    }

    /// Forgets a copy that was deleted.
    pub(super) async fn mark_deleted(&self, database: &Database) -> Result<()> {
        let doing = "writing that a copy was deleted";
        let transaction = database.begin_write(doing).await?;
        let deleted = Entity::delete_many().filter(self.condition()).exec(&transaction).await;
        if deleted.map_err(Error::database(doing))?.rows_affected == 1 {
            mark_reached(&transaction, self.row.destination_id, None).await?;
        }
        transaction.commit().await.map_err(Error::database(doing))
    }

    /// Writes that an attempt failed.
    pub(super) async fn mark_failed(
        &self,
        database: &Database,
        destination: &Destination,
        failure: &CopyFailure,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let doing = "writing that a copy failed";
        let failed = match self.task {
            CopyTask::Copy => CopyState::Failed,
            CopyTask::Delete => self.row.state,
        };
        let (state, error, next_attempt_at) = match failure {
            CopyFailure::Interrupted => (self.row.state, self.row.error.clone(), now),
            CopyFailure::FirstStore(detail) | CopyFailure::Archive(detail) => {
                (failed, Some(detail.clone()), now + pause(self.row.attempts))
            }
            CopyFailure::Destination(detail) => match self.task {
                CopyTask::Copy => (failed, Some(detail.clone()), now + pause(destination.failures + 1)),
                CopyTask::Delete => (failed, Some(detail.clone()), now + pause(self.row.attempts)),
            },
            CopyFailure::Retained(detail) => (CopyState::Retained, Some(detail.clone()), now + RETAINED_PAUSE),
        };
        let retained_since = match state {
            CopyState::Retained => Some(self.row.retained_since.unwrap_or(now)),
            _ => None,
        };
        let transaction = database.begin_write(doing).await?;
        let marked = Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::ClaimedUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::NextAttemptAt, Expr::value(next_attempt_at))
            .col_expr(Column::Error, Expr::value(error))
            .col_expr(Column::RetainedSince, Expr::value(retained_since))
            .filter(self.condition())
            .exec(&transaction)
            .await
            .map_err(Error::database(doing))?;
        if marked.rows_affected == 1 {
            match failure {
                CopyFailure::Destination(detail) => match self.task {
                    CopyTask::Copy => mark_unreachable(&transaction, destination, detail, now).await?,
                    // A deletion that fails keeps no archive from being copied.
                    CopyTask::Delete => postpone_deletions(&transaction, destination.id, next_attempt_at).await?,
                },
                // It has answered.
                CopyFailure::Retained(_) => mark_reached(&transaction, destination.id, None).await?,
                CopyFailure::Interrupted | CopyFailure::FirstStore(_) | CopyFailure::Archive(_) => {}
            }
        }
        transaction.commit().await.map_err(Error::database(doing))
    }
}

/// Postpones the deletions of a destination to that time.
async fn postpone_deletions(
    transaction: &impl ConnectionTrait,
    destination_id: i64,
    until: DateTime<Utc>,
) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::NextAttemptAt, Expr::value(until))
        .filter(Column::DestinationId.eq(destination_id))
        .filter(Column::State.is_in(CopyState::TO_DELETE))
        .filter(Column::NextAttemptAt.lt(until))
        .exec(transaction)
        .await
        .map(drop)
        .map_err(Error::database("postponing the deletions of a destination"))
}

/// Writes that a destination works again, without a copy for which that was found.
pub(super) async fn mark_inspected(database: &Database, destination: &Destination) -> Result<()> {
    mark_reached(database.connection(), destination.id, None).await
}

/// Writes that a destination can't be used, without a copy for which that was found.
pub(super) async fn mark_unusable(
    database: &Database,
    destination: &Destination,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let doing = "writing that a destination can't be used";
    let transaction = database.begin_write(doing).await?;
    mark_unreachable(&transaction, destination, detail, now).await?;
    transaction.commit().await.map_err(Error::database(doing))
}

/// Writes that a destination has failed as a whole, if no copy of the service has written something since it was read.
async fn mark_unreachable(
    transaction: &impl ConnectionTrait,
    destination: &Destination,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let since = Func::coalesce([Expr::col(Of::FailingSince), Expr::value(now)]);
    destination::Entity::update_many()
        .col_expr(Of::Failures, Expr::value(destination.failures + 1))
        .col_expr(Of::RetryAt, Expr::value(now + pause(destination.failures + 1)))
        .col_expr(Of::LastError, Expr::value(detail))
        .col_expr(Of::FailingSince, since.into())
        .filter(Of::Id.eq(destination.id))
        .filter(Of::UpdatedAt.eq(destination.updated_at))
        .filter(Of::Failures.eq(destination.failures))
        .exec(transaction)
        .await
        .map(drop)
        .map_err(Error::database("writing that a destination has failed"))
}

/// Writes that a destination has worked. `copied_at` is the time of a copy that was made.
async fn mark_reached(
    transaction: &impl ConnectionTrait,
    destination_id: i64,
    copied_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let mut update = destination::Entity::update_many()
        .col_expr(Of::Failures, Expr::value(0_i64))
        .col_expr(Of::RetryAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Of::LastError, Expr::value(None::<String>))
        .col_expr(Of::FailingSince, Expr::value(None::<DateTime<Utc>>))
        .filter(Of::Id.eq(destination_id));
    if let Some(copied_at) = copied_at {
        update = update.col_expr(Of::LastCopiedAt, Expr::value(copied_at));
    }
    update
        .exec(transaction)
        .await
        .map(drop)
        .map_err(Error::database("writing that a destination works"))
}

/// The pause after so many failures: one minute, then twice as long each time, up to an hour.
fn pause(failures: i64) -> TimeDelta {
    let doublings = failures.clamp(1, 7) - 1;
    TimeDelta::minutes(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let minutes: Vec<_> = (0..10).map(|failures| pause(failures).num_minutes()).collect();
        assert_eq!(minutes, [1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(i64::MAX), LONGEST_PAUSE);
    }
}
