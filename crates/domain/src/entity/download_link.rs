//! Links with which a browser downloads once, see `account::link`.

use sea_orm::entity::prelude::*;

/// A link that was handed out. The token itself is never stored.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_download_links")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    /// SHA-256 of the token, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))", unique)]
    pub token_digest: String,
    /// The user it was made for; none for an administrator of an outside identity provider.
    pub user_id: Option<i64>,
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub username: String,
    /// Path and query of the one download that it opens.
    #[sea_orm(column_type = "Text")]
    pub path: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
    /// The session it was made in, with what must still be so when it is used; none if `user_id` is none.
    #[sea_orm(column_type = "String(StringLen::N(36))")]
    pub session_id: Option<String>,
    pub session_epoch: Option<i64>,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub account_digest: Option<String>,
    /// How many bytes of the file were sent, if it is one that has parts.
    pub sent_bytes: Option<i64>,
    /// How its last download has ended; none before that.
    pub outcome: Option<Outcome>,
    /// How many were sent or are on their way, counted when an answer begins.
    pub begun_bytes: Option<i64>,
}

/// How the download of a link has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Outcome {
    /// All of it was sent.
    Delivered,
    /// It ended before that.
    BrokenOff,
}

impl ActiveModelBehavior for ActiveModel {}
