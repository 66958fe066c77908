//! The audit: its events, the head of their chain, and how each job was requested.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const EVENTS: &str = "backup_audit_events";
const HEAD: &str = "backup_audit_head";
const JOBS: &str = "backup_jobs";

/// The columns of a job that say how it was requested.
const ORIGIN: [&str; 3] = ["method", "client", "token_id"];

/// The hash before the first event.
const FIRST_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so the change of a table that stays can be done again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        for name in ORIGIN {
            if !manager.has_column(JOBS, name).await? {
                let column = match name {
                    "method" => d.string(name, 16),
                    "client" => d.string(name, 45),
                    _ => big_integer(name),
                };
                let add = Table::alter().table(JOBS).add_column(column).to_owned();
                manager.alter_table(add).await?;
            }
        }
        let events = d
            .table(EVENTS)
            .col(big_integer("id").not_null().primary_key())
            .col(d.timestamp("at").not_null())
            .col(d.string("event", 32).not_null())
            .col(d.string("result", 16).not_null())
            .col(d.string("username", 255))
            .col(big_integer("user_id"))
            .col(d.string("method", 16))
            .col(big_integer("token_id"))
            .col(d.string("client", 45))
            .col(d.string("subject", 64))
            .col(d.string("table_name", 64))
            .col(ColumnDef::new("status").integer())
            .col(d.string("reason", 255))
            .col(d.text("details"))
            .col(d.string("hash", 64).not_null())
            .to_owned();
        manager.create_table(events).await?;
        for (name, columns) in [
            ("idx_backup_audit_events_event_id", &["event", "id"][..]),
            ("idx_backup_audit_events_username_id", &["username", "id"]),
            ("idx_backup_audit_events_at", &["at"]),
        ] {
            let mut index = Index::create();
            index.name(name).table(EVENTS);
            for column in columns {
                index.col(*column);
            }
            manager.create_index(index).await?;
        }
        let head = d
            .table(HEAD)
            .col(big_integer("id").not_null().primary_key())
            .col(big_integer("last_id").not_null())
            .col(d.string("last_hash", 64).not_null())
            .col(big_integer("anchor_id").not_null())
            .col(d.string("anchor_hash", 64).not_null())
            .to_owned();
        manager.create_table(head).await?;
        let mut insert = Query::insert();
        insert
            .into_table(HEAD)
            .columns(["id", "last_id", "last_hash", "anchor_id", "anchor_hash"])
            .values_panic([1.into(), 0.into(), FIRST_HASH.into(), 0.into(), FIRST_HASH.into()]);
        manager.execute(insert).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [HEAD, EVENTS] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for name in ORIGIN {
            let drop = Table::alter().table(JOBS).drop_column(name).to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}

fn big_integer(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer();
    column
}
