//! The id of the installation, which its tokens name.

use sea_orm_migration::prelude::*;

use crate::text;

const KEYS: &str = "backup_keys";
const NAME: &str = "installation";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// On MySQL the row of a migration that was interrupted stays, and is as good as another.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let existing = Query::select()
            .column("name")
            .from(KEYS)
            .and_where(Expr::col("name").eq(NAME))
            .to_owned();
        if manager.get_connection().query_one(&existing).await?.is_some() {
            return Ok(());
        }
        let id: [u8; 16] = rand::random();
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut insert = Query::insert();
        insert
            .into_table(KEYS)
            .columns(["name", "value"])
            .values_panic([NAME.into(), id.into()]);
        manager.execute(insert).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut delete = Query::delete();
        delete.from_table(KEYS).and_where(Expr::col("name").eq(NAME));
        manager.execute(delete).await
    }
}
