//! The log of changes also has imports.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::text::{self, Dialect};

const CHANGES: &str = "backup_changes";

/// The table while it is made again. SQLite can't change a check.
const MADE_AGAIN: &str = "backup_changes_again";

const COLUMNS: [&str; 12] = [
    "id",
    "kind",
    "user_id",
    "username",
    "changed_at",
    "parameters",
    "rows_by_table",
    "safety_archive_id",
    "safety_archive_sha256",
    "undo_until",
    "undone_at",
    "undone_by",
];

const KINDS_BEFORE: [&str; 3] = ["clear", "restore", "undo"];
const KINDS: [&str; 4] = ["clear", "restore", "undo", "import"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        allow(manager, &KINDS).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        allow(manager, &KINDS_BEFORE).await
    }
}

/// Changes the kinds that the table allows.
async fn allow(manager: &SchemaManager<'_>, kinds: &[&'static str]) -> Result<(), DbErr> {
    match manager.get_database_backend() {
        DbBackend::MySql => replace_column(manager, kinds).await,
        _ => make_again(manager, kinds).await,
    }
}

/// Replaces the column with its check. On MySQL the service has no right to drop a table. It commits in between, so every step can
/// be done again after an interruption.
async fn replace_column(manager: &SchemaManager<'_>, kinds: &[&'static str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.has_column(CHANGES, "kind").await? {
        if !manager.has_column(CHANGES, "kind_again").await? {
            let add = "ALTER TABLE backup_changes ADD COLUMN kind_again varchar(16) NULL";
            connection.execute_unprepared(add).await?;
        }
        let copy = "UPDATE backup_changes SET kind_again = kind";
        connection.execute_unprepared(copy).await?;
        // With its check, which names no other column.
        let drop = "ALTER TABLE backup_changes DROP COLUMN kind";
        connection.execute_unprepared(drop).await?;
    }
    let allowed = kinds
        .iter()
        .map(|kind| format!("'{kind}'"))
        .collect::<Vec<_>>()
        .join(", ");
    let delete = format!("DELETE FROM backup_changes WHERE kind_again NOT IN ({allowed})");
    connection.execute_unprepared(&delete).await?;
    let change = format!(
        "ALTER TABLE backup_changes CHANGE COLUMN kind_again kind varchar(16) NOT NULL CHECK (kind IN ({allowed})) AFTER id"
    );
    connection.execute_unprepared(&change).await.map(drop)
}

/// Makes the table again, with other kinds.
async fn make_again(manager: &SchemaManager<'_>, kinds: &[&'static str]) -> Result<(), DbErr> {
    let d = Dialect::of(manager).await?;
    let mut user_id = ColumnDef::new("user_id");
    user_id.big_integer();
    let table = d
        .table(MADE_AGAIN)
        .col(d.string("id", 36).not_null().primary_key())
        .col(d.word("kind", kinds))
        .col(user_id)
        .col(d.string("username", 255).not_null())
        .col(d.timestamp("changed_at").not_null())
        .col(d.text("parameters").not_null())
        .col(d.text("rows_by_table").not_null())
        .col(d.string("safety_archive_id", 64))
        .col(d.string("safety_archive_sha256", 64))
        .col(d.timestamp("undo_until"))
        .col(d.timestamp("undone_at"))
        .col(d.string("undone_by", 255))
        .to_owned();
    manager.create_table(table).await?;
    let rows = Query::select()
        .columns(COLUMNS)
        .from(CHANGES)
        .and_where(Expr::col("kind").is_in(kinds.iter().copied()))
        .to_owned();
    let mut copy = Query::insert();
    copy.into_table(MADE_AGAIN).columns(COLUMNS);
    copy.select_from(rows)
        .map_err(|error| DbErr::Migration(error.to_string()))?;
    manager.get_connection().execute(&copy).await?;
    manager.drop_table(Table::drop().table(CHANGES).to_owned()).await?;
    manager
        .rename_table(Table::rename().table(MADE_AGAIN, CHANGES).to_owned())
        .await
}
