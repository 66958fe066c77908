//! The state of destinations, for the health.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use serde::Serialize;
use utoipa::ToSchema;

use super::view::{CopyCounts, counts};
use crate::entity::archive_copy::{Column, CopyState, Entity};
use crate::entity::destination;
use crate::error::{Error, Result};

/// A destination, as far as the health of the backups is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DestinationHealth)]
pub struct DestinationStatus {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether archives are copied to it.
    pub enabled: bool,
    /// The number of copies by their state. What an immutable destination refuses to delete is `retained`.
    pub copies: CopyCounts,
    /// The time since which the oldest archive waits to be copied. `null` if all are copied.
    #[schema(required = true)]
    pub waiting_since: Option<DateTime<Utc>>,
    /// When an archive was last copied to it.
    #[schema(required = true)]
    pub last_copied_at: Option<DateTime<Utc>>,
    /// Since when all attempts have failed. `null` after a success.
    #[schema(required = true)]
    pub failing_since: Option<DateTime<Utc>>,
    /// Why the last attempt failed, or why one of the copies that have failed did.
    #[schema(required = true)]
    pub last_error: Option<String>,
    /// How many deletions of copies have failed because of an error, and not because the destination refuses them.
    #[serde(skip)]
    #[schema(ignore)]
    pub failed_deletions: u64,
}

/// All destinations, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DestinationStatuses(pub(crate) Vec<DestinationStatus>);

/// Figures about the copies in a state that is not well.
#[derive(Default)]
struct UnfinishedCopies {
    waiting_since: Option<DateTime<Utc>>,
    failed_deletions: u64,
    error: Option<String>,
}

impl DestinationStatuses {
    /// Reads the state of all destinations.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn read(connection: &impl ConnectionTrait) -> Result<Self> {
        let doing = "reading the state of destinations";
        let destinations = destination::Entity::find()
            .order_by_asc(destination::Column::Name)
            .all(connection)
            .await
            .map_err(Error::database(doing))?;
        if destinations.is_empty() {
            return Ok(Self::default());
        }
        let mut counts = counts(connection).await?;
        let mut unfinished = unfinished_copies(connection).await?;
        let statuses = destinations.into_iter().map(|destination| {
            let unfinished = unfinished.remove(&destination.id).unwrap_or_default();
            DestinationStatus {
                copies: counts.remove(&destination.id).unwrap_or_default(),
                waiting_since: unfinished.waiting_since,
                last_copied_at: destination.last_copied_at,
                failing_since: destination.failing_since,
                last_error: destination.last_error.or(unfinished.error),
                failed_deletions: unfinished.failed_deletions,
                id: destination.id,
                name: destination.name,
                enabled: destination.enabled,
            }
        });
        Ok(Self(statuses.collect()))
    }
}

async fn unfinished_copies(connection: &impl ConnectionTrait) -> Result<BTreeMap<i64, UnfinishedCopies>> {
    type Row = (i64, CopyState, Option<DateTime<Utc>>, i64, Option<String>);
    let rows: Vec<Row> = Entity::find()
        .select_only()
        .column(Column::DestinationId)
        .column(Column::State)
        .column_as(Column::CreatedAt.min(), "since")
        .column_as(Column::Error.count(), "errors")
        .column_as(Column::Error.min(), "failure")
        .filter(Column::State.is_in([CopyState::Pending, CopyState::Failed, CopyState::Deleting]))
        .group_by(Column::DestinationId)
        .group_by(Column::State)
        .into_tuple()
        .all(connection)
        .await
        .map_err(Error::database("reading the state of copies"))?;
    let mut found = BTreeMap::<i64, UnfinishedCopies>::new();
    for (destination_id, state, since, errors, error) in rows {
        let unfinished = found.entry(destination_id).or_default();
        match state {
            CopyState::Deleting => unfinished.failed_deletions = errors.unsigned_abs(),
            _ => unfinished.waiting_since = unfinished.waiting_since.into_iter().chain(since).min(),
        }
        unfinished.error = unfinished.error.take().or(error);
    }
    Ok(found)
}
