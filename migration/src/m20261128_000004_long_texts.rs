//! Long texts on MySQL and MariaDB: `TEXT` ends there at 65,535 bytes, and elsewhere it does not.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::text::Dialect;

/// Table, column, and whether the column must have a value.
const TEXTS: [(&str, &str, bool); 7] = [
    ("students", "address", false),
    ("courses", "description", false),
    ("payment_categories", "description", false),
    ("backup_download_links", "path", true),
    ("backup_jobs", "parameters", true),
    ("backup_jobs", "result", false),
    ("backup_jobs", "error_detail", false),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change_type(manager, "LONGTEXT").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        change_type(manager, "TEXT").await
    }
}

/// Changes the columns one by one. What is done again after an interruption is done as before.
async fn change_type(manager: &SchemaManager<'_>, kind: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::MySql {
        return Ok(());
    }
    let dialect = Dialect::of(manager).await?;
    for (table, column, required) in TEXTS {
        let null = if required { "NOT NULL" } else { "NULL" };
        let check = dialect.check_in_column(column);
        let modify = format!("ALTER TABLE {table} MODIFY {column} {kind} {null} {check}");
        manager.get_connection().execute_unprepared(&modify).await?;
    }
    Ok(())
}
