//! How many bytes of a file have begun to go out by a download link, so that parts of it at the same time are bounded.

use sea_orm_migration::prelude::*;

use crate::text;

const LINKS: &str = "backup_download_links";
const COLUMN: &str = "begun_bytes";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so it can be done again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column(LINKS, COLUMN).await? {
            return Ok(());
        }
        let mut column = ColumnDef::new(COLUMN);
        column.big_integer();
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
