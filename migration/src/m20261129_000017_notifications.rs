//! Notifications, and the outbox of their messages.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const NOTIFICATIONS: &str = "backup_notifications";
const OUTBOX: &str = "backup_outbox";

const KINDS: [&str; 3] = ["email", "webhook", "ping"];
const STATES: [&str; 3] = ["waiting", "sent", "failed"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let notifications = d
            .table(NOTIFICATIONS)
            .col(d.id())
            .col(d.string("name", 100).not_null().unique_key())
            .col(d.word("kind", &KINDS))
            .col(d.text("target").not_null())
            .col(d.text("events").not_null())
            .col(d.text("secret"))
            .col(ColumnDef::new("attach_archive").boolean().not_null())
            .col(ColumnDef::new("enabled").boolean().not_null())
            .col(d.timestamp("created_at").not_null())
            .col(d.timestamp("updated_at").not_null())
            .col(d.string("created_by", 255).not_null())
            .col(d.string("idempotency_key", 255))
            .col(d.string("fingerprint", 64))
            .col(d.timestamp("last_sent_at"))
            .col(d.text("last_error"))
            .col(d.timestamp("failing_since"))
            .to_owned();
        manager.create_table(notifications).await?;
        let outbox = d
            .table(OUTBOX)
            .col(d.id())
            .col(big_integer("notification_id"))
            .col(d.string("event_id", 36).not_null())
            .col(d.string("event", 32).not_null())
            .col(d.text("payload").not_null())
            .col(d.timestamp("created_at").not_null())
            .col(d.word("state", &STATES))
            .col(big_integer("attempts"))
            .col(d.timestamp("next_attempt_at").not_null())
            .col(d.timestamp("claimed_until"))
            .col(d.text("delivered_to"))
            .col(d.text("last_error"))
            .col(d.timestamp("sent_at"))
            .to_owned();
        manager.create_table(outbox).await?;
        let key = index("uq", NOTIFICATIONS, &["created_by", "idempotency_key"])
            .unique()
            .to_owned();
        let event = index("uq", OUTBOX, &["notification_id", "event_id"])
            .unique()
            .to_owned();
        for index in [key, event, index("ix", OUTBOX, &["state"])] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [OUTBOX, NOTIFICATIONS] {
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
