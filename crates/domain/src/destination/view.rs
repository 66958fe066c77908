//! Destinations and copies as they are shown. No secret is among it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::database::Database;
use crate::entity::archive_copy::{Column, CopyState, Entity};
use crate::entity::destination::{self, Model as Destination};
use crate::error::{Error, Result};

/// How many ids one query has.
const BATCH: usize = 500;

/// How many retained copies a plan or a report of retention lists.
const MAX_RETAINED: u64 = 100;

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Destination, example = json!({
    "id": 1, "name": "Off-site", "url": "s3://school-backups/campus", "endpoint": "https://s3.eu-central-1.example",
    "region": "eu-central-1", "access_key_id": "AKIAEXAMPLE", "has_secret": true, "deletes": true, "enabled": true,
    "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z", "created_by": "admin",
    "copies": {"copied": 31, "pending": 1, "failed": 0, "deleting": 0, "retained": 0},
    "last_copied_at": "2026-11-29T01:01:12Z", "last_error": null, "failing_since": null, "retry_at": null,
}))]
pub struct DestinationDetails {
    /// Its id.
    pub id: i64,
    /// Its name. No other destination has it.
    pub name: String,
    /// Where it is: `file:/FOLDER`, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    pub url: String,
    /// The address of a storage with the interface of S3. It is `null` for Amazon's and for other kinds.
    #[schema(required = true)]
    pub endpoint: Option<String>,
    /// The region of the bucket.
    #[schema(required = true)]
    pub region: Option<String>,
    /// The id of the access key, or the name of the Azure account.
    #[schema(required = true)]
    pub access_key_id: Option<String>,
    /// Whether it has a secret, which is never shown.
    pub has_secret: bool,
    /// Whether a copy is deleted when its archive is deleted.
    pub deletes: bool,
    /// Whether archives are copied to it.
    pub enabled: bool,
    /// When it was created, UTC.
    pub created_at: DateTime<Utc>,
    /// When it was edited, or created, UTC.
    pub updated_at: DateTime<Utc>,
    /// The user that created it.
    pub created_by: String,
    /// The number of copies by their state.
    pub copies: CopyCounts,
    /// When an archive was last copied to it, UTC.
    #[schema(required = true)]
    pub last_copied_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed, or why a copy that has failed did. It is `null` if nothing has failed.
    #[schema(required = true)]
    pub last_error: Option<String>,
    /// Since when all attempts have failed, UTC. It is `null` after a success.
    #[schema(required = true)]
    pub failing_since: Option<DateTime<Utc>>,
    /// When the next attempt begins after such a failure, UTC.
    #[schema(required = true)]
    pub retry_at: Option<DateTime<Utc>>,
}

/// The number of copies by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CopyCounts {
    /// Copied, read back and compared.
    pub copied: u64,
    /// Waiting to be copied.
    pub pending: u64,
    /// The last attempt to copy has failed; the next one follows.
    pub failed: u64,
    /// The archive was deleted, and so is the copy.
    pub deleting: u64,
    /// The archive was deleted, and the destination refuses to delete the copy.
    pub retained: u64,
}

/// A page of a list of destinations, by name.
#[derive(Clone, Debug)]
pub struct DestinationPage {
    /// The destinations of the page.
    pub items: Vec<DestinationDetails>,
    /// How many destinations there are.
    pub total: u64,
}

/// The copy of an archive in a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ArchiveCopy {
    /// The destination.
    pub destination_id: i64,
    /// The name of the destination.
    pub name: String,
    /// The state of the copy.
    pub state: CopyState,
    /// When it was copied, UTC.
    #[schema(required = true)]
    pub copied_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed. It is `null` after a success.
    #[schema(required = true)]
    pub error: Option<String>,
}

/// The copy of a deleted archive that its destination refuses to delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetainedCopy {
    /// The id of the archive, which was deleted from the first store.
    pub archive_id: String,
    /// The destination.
    pub destination_id: i64,
    /// The name of the destination.
    pub destination: String,
    /// Since when it refuses.
    #[schema(required = true)]
    pub since: Option<DateTime<Utc>>,
    /// Why it refuses.
    #[schema(example = "The destination refuses to delete it: Access Denied.")]
    pub detail: String,
}

impl CopyCounts {
    pub(super) fn add(&mut self, state: CopyState, count: i64) {
        let counted = match state {
            CopyState::Copied => &mut self.copied,
            CopyState::Pending => &mut self.pending,
            CopyState::Failed => &mut self.failed,
            CopyState::Deleting => &mut self.deleting,
            CopyState::Retained => &mut self.retained,
        };
        *counted = count.unsigned_abs();
    }

    /// Each state with its number.
    pub fn by_state(self) -> [(&'static str, u64); 5] {
        [
            ("copied", self.copied),
            ("pending", self.pending),
            ("failed", self.failed),
            ("deleting", self.deleting),
            ("retained", self.retained),
        ]
    }
}

/// Adds the numbers of copies, and the error of one that has failed, to destinations.
pub(super) async fn details(
    connection: &impl ConnectionTrait,
    destinations: Vec<Destination>,
) -> Result<Vec<DestinationDetails>> {
    let mut counts = counts(connection).await?;
    let mut errors = errors(connection).await?;
    let details = destinations.into_iter().map(|destination| DestinationDetails {
        copies: counts.remove(&destination.id).unwrap_or_default(),
        last_error: destination.last_error.or_else(|| errors.remove(&destination.id)),
        id: destination.id,
        name: destination.name,
        url: destination.url,
        endpoint: destination.endpoint,
        region: destination.region,
        access_key_id: destination.access_key_id,
        has_secret: destination.secret.is_some(),
        deletes: destination.deletes,
        enabled: destination.enabled,
        created_at: destination.created_at,
        updated_at: destination.updated_at,
        created_by: destination.created_by,
        last_copied_at: destination.last_copied_at,
        failing_since: destination.failing_since,
        retry_at: destination.retry_at,
    });
    Ok(details.collect())
}

/// The numbers of copies by destination.
pub(super) async fn counts(connection: &impl ConnectionTrait) -> Result<BTreeMap<i64, CopyCounts>> {
    let counted: Vec<(i64, CopyState, i64)> = Entity::find()
        .select_only()
        .column(Column::DestinationId)
        .column(Column::State)
        .column_as(Column::Id.count(), "copies")
        .group_by(Column::DestinationId)
        .group_by(Column::State)
        .into_tuple()
        .all(connection)
        .await
        .map_err(Error::database("counting the copies of archives"))?;
    let mut counts = BTreeMap::<i64, CopyCounts>::new();
    for (destination_id, state, count) in counted {
        counts.entry(destination_id).or_default().add(state, count);
    }
    Ok(counts)
}

/// The error of one failed copy of each destination that has some. The copies of deleted archives that stay are no failure.
async fn errors(connection: &impl ConnectionTrait) -> Result<BTreeMap<i64, String>> {
    let errors: Vec<(i64, Option<String>)> = Entity::find()
        .select_only()
        .column(Column::DestinationId)
        .column_as(Column::Error.min(), "failure")
        .filter(Column::State.is_in([CopyState::Failed, CopyState::Deleting]))
        .filter(Column::Error.is_not_null())
        .group_by(Column::DestinationId)
        .into_tuple()
        .all(connection)
        .await
        .map_err(Error::database("reading why copies of archives have failed"))?;
    let errors = errors.into_iter();
    Ok(errors.filter_map(|(id, error)| Some((id, error?))).collect())
}

/// The copies of archives by the id of the archive, each list by the name of the destination.
///
/// # Errors
/// Database errors.
pub(crate) async fn copies_of(database: &Database, ids: &[&str]) -> Result<BTreeMap<String, Vec<ArchiveCopy>>> {
    type Row = (String, i64, String, CopyState, Option<DateTime<Utc>>, Option<String>);
    let mut copies = BTreeMap::<String, Vec<ArchiveCopy>>::new();
    for batch in ids.chunks(BATCH) {
        let rows: Vec<Row> = Entity::find()
            .select_only()
            .column(Column::ArchiveId)
            .column(Column::DestinationId)
            .column_as(destination::Column::Name, "destination")
            .column(Column::State)
            .column(Column::CopiedAt)
            .column(Column::Error)
            .join(JoinType::InnerJoin, to_destination())
            .filter(Column::ArchiveId.is_in(batch.iter().copied()))
            .order_by_asc(destination::Column::Name)
            .into_tuple()
            .all(database.connection())
            .await
            .map_err(Error::database("reading the copies of archives"))?;
        for (archive_id, destination_id, name, state, copied_at, error) in rows {
            copies.entry(archive_id).or_default().push(ArchiveCopy {
                destination_id,
                name,
                state,
                copied_at,
                error,
            });
        }
    }
    Ok(copies)
}

/// The copies of deleted archives that their destinations refuse to delete: the newest ones.
///
/// # Errors
/// Database errors.
pub(crate) async fn retained_copies(database: &Database) -> Result<Vec<RetainedCopy>> {
    type Row = (String, i64, String, Option<DateTime<Utc>>, Option<String>);
    let rows: Vec<Row> = Entity::find()
        .select_only()
        .column(Column::ArchiveId)
        .column(Column::DestinationId)
        .column_as(destination::Column::Name, "destination")
        .column(Column::RetainedSince)
        .column(Column::Error)
        .join(JoinType::InnerJoin, to_destination())
        .filter(Column::State.eq(CopyState::Retained))
        .order_by_desc(Column::ArchiveId)
        .order_by_asc(destination::Column::Name)
        .limit(MAX_RETAINED)
        .into_tuple()
        .all(database.connection())
        .await
        .map_err(Error::database("reading the copies that could not be deleted"))?;
    let retained = rows
        .into_iter()
        .map(|(archive_id, destination_id, destination, since, error)| RetainedCopy {
            archive_id,
            destination_id,
            destination,
            since,
            detail: error.unwrap_or_default(),
        });
    Ok(retained.collect())
}

fn to_destination() -> RelationDef {
    Entity::belongs_to(destination::Entity)
        .from(Column::DestinationId)
        .to(destination::Column::Id)
        .into()
}
