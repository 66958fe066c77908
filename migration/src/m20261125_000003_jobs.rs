//! Long work: its jobs, the lease of the one that changes data, and from when on sessions count.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        for table in [
            d.table("backup_jobs")
                .col(d.string("id", 36).not_null().primary_key())
                .col(d.string("kind", 16).not_null())
                .col(d.word("state", &STATES))
                .col(d.string("phase", 16).not_null())
                .col(count("rows_done").not_null())
                .col(count("rows_total"))
                .col(count("bytes").not_null())
                .col(count("eta_seconds"))
                .col(count("user_id"))
                .col(d.string("username", 255).not_null())
                .col(d.timestamp("created_at").not_null())
                .col(d.timestamp("started_at"))
                .col(d.timestamp("heartbeat_at").not_null())
                .col(d.timestamp("ended_at"))
                .col(d.string("runner", 36).not_null())
                .col(d.text("parameters").not_null())
                .col(d.text("result"))
                .col(d.string("error_code", 64))
                .col(d.text("error_detail"))
                .col(d.string("idempotency_key", 255))
                .col(d.string("fingerprint", 64)),
            d.table("backup_leases")
                .col(d.string("name", 16).not_null().primary_key())
                .col(d.string("job_id", 36))
                .col(d.string("runner", 36))
                .col(d.timestamp("acquired_at"))
                .col(d.timestamp("expires_at")),
            d.table("backup_sessions")
                .col(d.string("name", 16).not_null().primary_key())
                .col(count("epoch").not_null())
                .col(d.string("spared", 36)),
        ] {
            manager.create_table(table.to_owned()).await?;
        }
        for (columns, unique) in [(&["username", "idempotency_key"][..], true), (&["state"], false)] {
            manager.create_index(index(columns, unique)).await?;
        }
        // What is only ever updated can be taken by one alone, and no engine needs to be asked whether a row was there.
        let connection = manager.get_connection();
        for row in [
            "INSERT INTO backup_leases (name) VALUES ('writer')",
            "INSERT INTO backup_sessions (name, epoch) VALUES ('all', 0)",
        ] {
            connection.execute_unprepared(row).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["backup_sessions", "backup_leases", "backup_jobs"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const STATES: [&str; 7] = [
    "queued",
    "running",
    "cancelling",
    "succeeded",
    "failed",
    "cancelled",
    "interrupted",
];

fn count(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer();
    column
}

fn index(columns: &[&'static str], unique: bool) -> IndexCreateStatement {
    let kind = if unique { "uq" } else { "ix" };
    let mut index = Index::create();
    index
        .name(format!("{kind}_backup_jobs_{}", columns.join("_")))
        .table("backup_jobs");
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    index
}
