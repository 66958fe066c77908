//! Download links for one use, see `account::link`.

use sea_orm::entity::prelude::*;

/// A download link. The token itself is never stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_download_links")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// SHA-256 of the token, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))", unique)]
    pub token_digest: String,
    /// The user who created it; none for an administrator of an identity provider.
    pub user_id: Option<i64>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub username: String,
    /// The path and query of its download.
    #[sea_orm(column_type = "Text")]
    pub path: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
    /// The session that created it, with the state that must still hold when it is used; none if `user_id` is none.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub session_id: Option<String>,
    pub session_epoch: Option<i64>,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub account_digest: Option<String>,
    /// The bytes of the file that were sent, if it can be sent in parts.
    pub sent_bytes: Option<i64>,
    /// The outcome of its last download; none before that.
    pub outcome: Option<DownloadOutcome>,
    /// The bytes that were sent or are in transit, counted when a response begins.
    pub begun_bytes: Option<i64>,
    /// The identity of an administrator of an identity provider, see `Admin::subject_digest`.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub subject_digest: Option<String>,
    /// The named token that created it, which must still be valid when it is used.
    pub token_id: Option<i64>,
}

/// The outcome of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum DownloadOutcome {
    /// All bytes were sent.
    Delivered,
    /// It ended before.
    BrokenOff,
}

impl ActiveModelBehavior for ActiveModel {}
