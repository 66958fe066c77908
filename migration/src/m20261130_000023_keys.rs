//! The new object of an archive that is encrypted again, beside the current one.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const ARCHIVES: &str = "backup_archives";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so the columns can be added again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let mut size = ColumnDef::new("rekeyed_size");
        size.big_integer();
        for (name, column) in [
            ("rekeyed_sha256", d.string("rekeyed_sha256", 64)),
            ("rekeyed_size", size),
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
        for name in ["rekeyed_size", "rekeyed_sha256"] {
            let remove = Table::alter().table(ARCHIVES).drop_column(name).to_owned();
            manager.alter_table(remove).await?;
        }
        Ok(())
    }
}
