//! Further destinations of archives and the state of each copy, and archives that the store refuses to delete.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const DESTINATIONS: &str = "backup_destinations";
const COPIES: &str = "backup_archive_copies";
const ARCHIVES: &str = "backup_archives";

const STATES: [&str; 5] = ["pending", "copied", "failed", "deleting", "retained"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so the columns can be added again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let destinations = d
            .table(DESTINATIONS)
            .col(d.id())
            .col(d.string("name", 100).not_null().unique_key())
            .col(d.text("url").not_null())
            .col(d.text("endpoint"))
            .col(d.string("region", 64))
            .col(d.text("access_key_id"))
            .col(d.text("secret"))
            .col(ColumnDef::new("deletes").boolean().not_null())
            .col(ColumnDef::new("enabled").boolean().not_null())
            .col(d.timestamp("created_at").not_null())
            .col(d.timestamp("updated_at").not_null())
            .col(d.string("created_by", 255).not_null())
            .col(d.string("idempotency_key", 255))
            .col(d.string("fingerprint", 64))
            .col(big_integer("failures"))
            .col(d.timestamp("retry_at"))
            .col(d.timestamp("last_copied_at"))
            .col(d.text("last_error"))
            .col(d.timestamp("failing_since"))
            .to_owned();
        manager.create_table(destinations).await?;
        let copies = d
            .table(COPIES)
            .col(d.id())
            .col(big_integer("destination_id"))
            .col(d.string("archive_id", 36).not_null())
            .col(d.word("state", &STATES))
            .col(big_integer("attempts"))
            .col(d.timestamp("next_attempt_at").not_null())
            .col(d.timestamp("claimed_until"))
            .col(ColumnDef::new("size").big_integer())
            .col(d.string("manifest_digest", 64))
            .col(d.text("error"))
            .col(d.timestamp("created_at").not_null())
            .col(d.timestamp("copied_at"))
            .col(d.timestamp("retained_since"))
            .to_owned();
        manager.create_table(copies).await?;
        let key = index("uq", DESTINATIONS, &["created_by", "idempotency_key"])
            .unique()
            .to_owned();
        let copy = index("uq", COPIES, &["destination_id", "archive_id"])
            .unique()
            .to_owned();
        for index in [key, copy, index("ix", COPIES, &["archive_id"])] {
            manager.create_index(index).await?;
        }
        for (name, column) in [
            ("retained_since", d.timestamp("retained_since")),
            ("retained_checked_at", d.timestamp("retained_checked_at")),
            ("retained_detail", d.text("retained_detail")),
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
        for name in ["retained_detail", "retained_checked_at", "retained_since"] {
            let remove = Table::alter().table(ARCHIVES).drop_column(name).to_owned();
            manager.alter_table(remove).await?;
        }
        for table in [COPIES, DESTINATIONS] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn big_integer(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer().not_null();
    column
}

fn index(kind: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{kind}_{table}_{}", columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
