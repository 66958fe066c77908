//! From which networks accounts have signed in lately, so that attempts from elsewhere can't keep their owners out.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const TABLE: &str = "backup_login_networks";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let mut user_id = ColumnDef::new("user_id");
        user_id.big_integer().not_null();
        let table = d
            .table(TABLE)
            .col(user_id)
            .col(d.string("network", 45).not_null())
            .col(d.timestamp("last_login_at").not_null())
            .primary_key(Index::create().col("user_id").col("network"))
            .to_owned();
        manager.create_table(table).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).to_owned()).await
    }
}
