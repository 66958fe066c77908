//! Schedules of backups, and their runs.

use sea_orm_migration::prelude::*;

use crate::text::{self, Dialect};

const SCHEDULES: &str = "backup_schedules";
const RUNS: &str = "backup_schedule_runs";

const VERIFY: [&str; 3] = ["none", "digest", "test_restore"];
const STATES: [&str; 6] = ["waiting", "running", "verifying", "succeeded", "failed", "missed"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let schedules = d
            .table(SCHEDULES)
            .col(d.id())
            .col(d.string("name", 100).not_null().unique_key())
            .col(d.string("cron", 100).not_null())
            .col(d.string("timezone", 64).not_null())
            .col(d.string("label", 100))
            .col(d.word("verify", &VERIFY))
            .col(ColumnDef::new("enabled").boolean().not_null())
            .col(d.timestamp("next_run_at"))
            .col(d.timestamp("created_at").not_null())
            .col(d.timestamp("updated_at").not_null())
            .col(d.string("created_by", 255).not_null())
            .col(d.string("idempotency_key", 255))
            .col(d.string("fingerprint", 64))
            .to_owned();
        manager.create_table(schedules).await?;
        let runs = d
            .table(RUNS)
            .col(d.id())
            .col(big_integer("schedule_id").not_null())
            .col(d.timestamp("due_at").not_null())
            .col(d.word("state", &STATES))
            .col(d.string("label", 100).not_null())
            .col(d.word("verify", &VERIFY))
            .col(big_integer("attempt").not_null())
            .col(d.timestamp("retry_at"))
            .col(d.string("job_id", 36))
            .col(d.string("verify_job_id", 36))
            .col(d.string("archive_id", 64))
            .col(d.string("error_code", 64))
            .col(d.text("error_detail"))
            .col(d.timestamp("started_at"))
            .col(d.timestamp("ended_at"))
            .to_owned();
        manager.create_table(runs).await?;
        let key = index("uq", SCHEDULES, &["created_by", "idempotency_key"])
            .unique()
            .to_owned();
        let due = index("uq", RUNS, &["schedule_id", "due_at"]).unique().to_owned();
        for index in [key, due, index("ix", RUNS, &["state"])] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [RUNS, SCHEDULES] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn big_integer(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer();
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
