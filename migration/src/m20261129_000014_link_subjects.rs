//! The identity of the administrator of an identity provider who created a download link. Names can be reassigned there.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const LINKS: &str = "backup_download_links";
const COLUMN: &str = "subject_digest";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so it can be done again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column(LINKS, COLUMN).await? {
            return Ok(());
        }
        let column = Dialect::of(manager).await?.string(COLUMN, 64);
        manager
            .alter_table(Table::alter().table(LINKS).add_column(column).to_owned())
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table(LINKS).drop_column(COLUMN).to_owned())
            .await
    }
}
