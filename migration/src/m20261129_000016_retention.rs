//! Settings that administrators change by the API, and what looks wrong about an archive.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const SETTINGS: &str = "backup_settings";
const ARCHIVES: &str = "backup_archives";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so the columns can be added again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let settings = d
            .table(SETTINGS)
            .col(d.string("name", 64).not_null().primary_key())
            .col(d.text("value").not_null())
            .col(d.timestamp("updated_at").not_null())
            .col(d.string("updated_by", 255).not_null())
            .to_owned();
        manager.create_table(settings).await?;
        for (name, column) in [
            ("suspicion", d.text("suspicion")),
            ("accepted_at", d.timestamp("accepted_at")),
            ("accepted_by", d.string("accepted_by", 255)),
        ] {
            if !manager.has_column(ARCHIVES, name).await? {
                let add = Table::alter().table(ARCHIVES).add_column(column).to_owned();
                manager.alter_table(add).await?;
            }
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["accepted_by", "accepted_at", "suspicion"] {
            let remove = Table::alter().table(ARCHIVES).drop_column(name).to_owned();
            manager.alter_table(remove).await?;
        }
        manager.drop_table(Table::drop().table(SETTINGS).to_owned()).await
    }
}
