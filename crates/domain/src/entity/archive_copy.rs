//! Copies of archives in destinations, see [`destination`](crate::destination).

use sea_orm::entity::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

/// One copy: one archive in one destination.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_archive_copies")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique_key = "copy")]
    pub destination_id: i64,
    #[sea_orm(column_type = "String(StringLen::N(36))", unique_key = "copy", indexed)]
    pub archive_id: String,
    pub state: CopyState,
    /// How many attempts have begun. It also tells the claims of one copy apart.
    pub attempts: i64,
    pub next_attempt_at: DateTimeUtc,
    /// Until when a copy of the service has it for itself.
    pub claimed_until: Option<DateTimeUtc>,
    /// The bytes of the archive.
    pub size: Option<i64>,
    /// SHA-256 of the manifest that was copied, in lower-case hexadecimal. With another one, label or protection have changed.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub manifest_digest: Option<String>,
    /// Why the last attempt failed; none after a success.
    #[sea_orm(column_type = "Text")]
    pub error: Option<String>,
    /// When the archive was found in the first store, or since when it is to be copied again.
    pub created_at: DateTimeUtc,
    pub copied_at: Option<DateTimeUtc>,
    /// Since when the destination refuses to delete it.
    pub retained_since: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The state of a copy. `pending`: it waits to be copied. `copied`: it was copied, read back and compared. `failed`: the last
/// attempt to copy it has failed; the next one follows. `deleting`: its archive was deleted, and so is the copy. `retained`: the
/// destination refuses to delete it, and is asked again once a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    /// It waits to be copied.
    Pending,
    /// It was copied, read back and compared.
    Copied,
    /// The last attempt to copy it has failed.
    Failed,
    /// Its archive was deleted, and so is the copy.
    Deleting,
    /// The destination refuses to delete it.
    Retained,
}

impl CopyState {
    /// The ones of copies that are to be made.
    pub const TO_COPY: [Self; 2] = [Self::Pending, Self::Failed];

    /// The ones of copies that are to be deleted.
    pub const TO_DELETE: [Self; 2] = [Self::Deleting, Self::Retained];
}
