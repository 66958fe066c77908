//! What proves an archive does not lie beside it: the digests of the archives that this installation made, and the key with
//! which it signs their manifests.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let mut object_size = ColumnDef::new("object_size");
        object_size.big_integer().not_null();
        for table in [
            d.table("backup_archives")
                .col(d.string("archive_id", 36).not_null().primary_key())
                .col(d.word("kind", &["created", "safety", "uploaded"]))
                .col(d.string("job_id", 36).not_null())
                .col(d.string("summary_digest", 64).not_null())
                .col(d.string("object_sha256", 64).not_null())
                .col(object_size)
                .col(d.timestamp("recorded_at").not_null()),
            d.table("backup_keys")
                .col(d.string("name", 16).not_null().primary_key())
                .col(d.string("value", 64).not_null()),
        ] {
            manager.create_table(table.to_owned()).await?;
        }
        // All copies of the service read this one, and nothing ever writes another.
        let key: [u8; 32] = rand::random();
        let value = key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut insert = Query::insert();
        insert
            .into_table("backup_keys")
            .columns(["name", "value"])
            .values_panic(["manifests".into(), value.into()]);
        manager.execute(insert).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["backup_keys", "backup_archives"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
