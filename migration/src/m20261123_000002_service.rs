//! What the service itself remembers: the links with which a browser downloads.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        manager
            .create_table(
                d.table("backup_download_links")
                    .col(d.id())
                    .col(d.string("token_digest", 64).not_null().unique_key())
                    .col(ColumnDef::new("user_id").big_integer())
                    .col(d.string("username", 255).not_null())
                    .col(d.text("path").not_null())
                    .col(d.timestamp("created_at").not_null())
                    .col(d.timestamp("expires_at").not_null())
                    .col(d.timestamp("used_at"))
                    .to_owned(),
            )
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("backup_download_links").to_owned())
            .await
    }
}
