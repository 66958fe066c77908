//! The key that signs certificates of archives, and the version of the schema that each archive was created with.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const KEYS: &str = "backup_keys";
const NAME: &str = "certificates";
const ARCHIVES: &str = "backup_archives";
const SCHEMA_VERSION: &str = "schema_version";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between. The column and the row of an interrupted migration stay, and the next attempt uses them.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        if !manager.has_column(ARCHIVES, SCHEMA_VERSION).await? {
            let column = d.string(SCHEMA_VERSION, 64);
            let add = Table::alter().table(ARCHIVES).add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        let existing = Query::select()
            .column("name")
            .from(KEYS)
            .and_where(Expr::col("name").eq(NAME))
            .to_owned();
        if manager.get_connection().query_one(&existing).await?.is_some() {
            return Ok(());
        }
        // The seed of an Ed25519 key pair (RFC 8032). All copies of the service read this one.
        let seed: [u8; 32] = rand::random();
        let seed = seed.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut insert = Query::insert();
        insert
            .into_table(KEYS)
            .columns(["name", "value"])
            .values_panic([NAME.into(), seed.into()]);
        manager.execute(insert).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut delete = Query::delete();
        delete.from_table(KEYS).and_where(Expr::col("name").eq(NAME));
        manager.execute(delete).await?;
        let remove = Table::alter().table(ARCHIVES).drop_column(SCHEMA_VERSION).to_owned();
        manager.alter_table(remove).await
    }
}
