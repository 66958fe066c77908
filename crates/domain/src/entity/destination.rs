//! Further places to which archives are copied, see [`destination`](crate::destination).

use sea_orm::entity::prelude::*;

/// One destination, with the state of its connection.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_destinations")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "String(StringLen::N(100))", unique)]
    pub name: String,
    /// `file:/FOLDER`, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`.
    #[sea_orm(column_type = "Text")]
    pub url: String,
    #[sea_orm(column_type = "Text")]
    pub endpoint: Option<String>,
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub region: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub access_key_id: Option<String>,
    /// The secret of the credentials, encrypted, see `notify::secret`.
    #[sea_orm(column_type = "Text")]
    pub secret: Option<String>,
    /// Whether a copy is deleted when its archive is deleted.
    pub deletes: bool,
    pub enabled: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// The name of the user who created it.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub created_by: String,
    /// The idempotency key of the request that created it.
    #[sea_orm(column_type = "String(StringLen::N(255))", unique_key = "idempotency")]
    pub idempotency_key: Option<String>,
    /// SHA-256 of operation and body of that request, in lower-case hexadecimal.
    #[sea_orm(column_type = "String(StringLen::N(64))")]
    pub fingerprint: Option<String>,
    /// How many attempts in a row have failed because of the destination as a whole.
    pub failures: i64,
    /// When it is asked again after such a failure.
    pub retry_at: Option<DateTimeUtc>,
    /// When an archive was last copied to it.
    pub last_copied_at: Option<DateTimeUtc>,
    /// Why the last attempt failed; none after a success.
    #[sea_orm(column_type = "Text")]
    pub last_error: Option<String>,
    /// Since when all attempts have failed; none after a success.
    pub failing_since: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
