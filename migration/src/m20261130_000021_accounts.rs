//! One-time passwords, and named tokens for scripts, also as the makers of download links.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const PASSWORDS: &str = "backup_one_time_passwords";
const TOKENS: &str = "backup_named_tokens";
const LINKS: &str = "backup_download_links";
const COLUMN: &str = "token_id";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so the change of a table that stays can be done again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column(LINKS, COLUMN).await? {
            let column = big_integer(COLUMN);
            let add = Table::alter().table(LINKS).add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        let d = Dialect::of(manager).await?;
        let passwords = d
            .table(PASSWORDS)
            .col(d.string("password_digest", 64).not_null().primary_key())
            .col(d.timestamp("expires_at").not_null())
            .to_owned();
        manager.create_table(passwords).await?;
        let tokens = d
            .table(TOKENS)
            .col(d.id())
            .col(big_integer("user_id").not_null())
            .col(d.string("username", 255).not_null())
            .col(d.string("name", 100).not_null())
            .col(d.string("token_digest", 64).not_null().unique_key())
            .col(d.string("scopes", 64).not_null())
            .col(d.timestamp("created_at").not_null())
            .col(d.timestamp("expires_at"))
            .col(d.timestamp("last_used_at"))
            .col(d.string("last_used_from", 45))
            .to_owned();
        manager.create_table(tokens).await?;
        let name = Index::create()
            .name("uq_backup_named_tokens_user_id_username_name")
            .table(TOKENS)
            .col("user_id")
            .col("username")
            .col("name")
            .unique()
            .to_owned();
        manager.create_index(name).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [TOKENS, PASSWORDS] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        let drop = Table::alter().table(LINKS).drop_column(COLUMN).to_owned();
        manager.alter_table(drop).await
    }
}

fn big_integer(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer();
    column
}
