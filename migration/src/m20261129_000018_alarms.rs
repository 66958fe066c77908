//! Alarms about backups: what is wrong, and when administrators were told.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const ALARMS: &str = "backup_alarms";

const SEVERITIES: [&str; 2] = ["warning", "failing"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let alarms = d
            .table(ALARMS)
            .col(d.string("code", 64).not_null().primary_key())
            .col(d.word("severity", &SEVERITIES))
            .col(d.text("detail").not_null())
            .col(d.timestamp("raised_at").not_null())
            .col(d.timestamp("told_at"))
            .col(d.timestamp("absent_since"))
            .to_owned();
        manager.create_table(alarms).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ALARMS).to_owned()).await
    }
}
