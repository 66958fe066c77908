//! Sessions that end one by one: those that were renewed or ended, how often the sessions of an account were ended, and for
//! which session a download link was made.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const LINKS: &str = "backup_download_links";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so every step can be done again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        for column in [
            d.string("session_id", 36),
            big_integer("session_epoch"),
            d.string("account_digest", 64),
        ] {
            let name = column.get_column_name();
            if !manager.has_column(LINKS, &name).await? {
                let add = Table::alter().table(LINKS).add_column(column).to_owned();
                manager.alter_table(add).await?;
            }
        }
        for table in [
            d.table("backup_login_sessions")
                .if_not_exists()
                .col(d.string("id", 36).not_null().primary_key())
                .col(big_integer("user_id").not_null())
                .col(big_integer("generation").not_null())
                .col(d.timestamp("rotated_at"))
                .col(d.timestamp("ended_at"))
                .col(d.timestamp("expires_at").not_null()),
            d.table("backup_account_epochs")
                .if_not_exists()
                .col(big_integer("user_id").not_null().primary_key())
                .col(big_integer("epoch").not_null()),
        ] {
            manager.create_table(table.to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["backup_account_epochs", "backup_login_sessions"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in ["account_digest", "session_epoch", "session_id"] {
            let drop = Table::alter().table(LINKS).drop_column(column).to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}

fn big_integer(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer();
    column
}
