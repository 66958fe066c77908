//! Records of the archives that this installation created or received, see `operations::records`.

use sea_orm::entity::prelude::*;

/// The expected content of one archive. The row is written with the archive. Only the acceptance, and that the store refuses to
/// delete the archive, are added later, and the object changes when the archive is encrypted again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_archives")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "String(StringLen::N(36))")]
    pub archive_id: String,
    pub kind: RecordKind,
    /// The job that created it; for a safety backup the clear or the restore.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub job_id: String,
    /// The digest of the document, as in [`Summary::digest`](campus_backup_archive::Summary::digest).
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub summary_digest: String,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub object_sha256: String,
    pub object_size: i64,
    pub recorded_at: DateTimeUtc,
    /// What looks wrong about it, as JSON; none if nothing does.
    #[sea_orm(column_type = "Text")]
    pub suspicion: Option<String>,
    /// When an administrator said that it is right.
    pub accepted_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub accepted_by: Option<String>,
    /// Since when the store refuses to delete it.
    pub retained_since: Option<DateTimeUtc>,
    /// When the store last refused to delete it.
    pub retained_checked_at: Option<DateTimeUtc>,
    /// Why it did.
    #[sea_orm(column_type = "Text")]
    pub retained_detail: Option<String>,
    /// The object that replaces the current one while the archive is encrypted again; none otherwise.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub rekeyed_sha256: Option<String>,
    pub rekeyed_size: Option<i64>,
    /// The version of the schema when this installation created or received it; none in older records.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub schema_version: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The origin of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum RecordKind {
    /// A user or a schedule created it.
    Created,
    /// It was created before something was removed or replaced.
    Safety,
    /// A user uploaded it.
    Uploaded,
}
