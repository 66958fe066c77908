//! The log of changes: every clear, restore and undo, independent of how long its job is remembered.

use std::collections::HashSet;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::prelude::{ChronoDateTimeUtc, ChronoUtc};
use serde_json::{Map, Value as Json, json};

use crate::text::{self, Dialect};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// MySQL commits in between, so every step can be done again after an interruption.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let d = Dialect::of(manager).await?;
        let mut user_id = ColumnDef::new("user_id");
        user_id.big_integer();
        let table = d
            .table("backup_changes")
            .if_not_exists()
            .col(d.string("id", 36).not_null().primary_key())
            .col(d.word("kind", &["clear", "restore", "undo"]))
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
        copy_job_history(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("backup_changes").to_owned())
            .await
    }
}

/// Copies the changes that the job history still has, so that they are listed. An undo of a clear from before this version is
/// refused (`undo_unproven`), since nothing proves its safety archive; the archive is restored by a plan.
async fn copy_job_history(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let copied = connection
        .query_all(Query::select().column("id").from("backup_changes"))
        .await?;
    let copied: HashSet<String> = copied
        .iter()
        .map(|row| row.try_get("", "id"))
        .collect::<Result<_, _>>()?;
    let jobs = Query::select()
        .columns(["id", "kind", "user_id", "username", "ended_at", "parameters", "result"])
        .from("backup_jobs")
        .and_where(Expr::col("kind").is_in(["clear", "restore", "undo"]))
        .and_where(Expr::col("state").eq("succeeded"))
        .and_where(Expr::col("result").is_not_null())
        // A clear comes before its undo.
        .order_by("id", Order::Asc)
        .to_owned();
    for job in connection.query_all(&jobs).await? {
        let id: String = job.try_get("", "id")?;
        let (parameters, result): (String, String) = (job.try_get("", "parameters")?, job.try_get("", "result")?);
        // A result that can't be read belongs to no change that could be undone.
        let (Ok(asked), Ok(report)) = (parameters.parse::<Json>(), result.parse::<Json>()) else {
            continue;
        };
        let kind: String = job.try_get("", "kind")?;
        let username: String = job.try_get("", "username")?;
        let ended_at: Option<ChronoDateTimeUtc> = job.try_get("", "ended_at")?;
        let changed_at = ended_at.unwrap_or_else(ChronoUtc::now);
        if !copied.contains(&id) {
            let safety = if kind == "clear" {
                "archive_id"
            } else {
                "safety_archive_id"
            };
            let undo_until = report["undo_until"].as_str().and_then(|time| time.parse().ok());
            let row = Query::insert()
                .into_table("backup_changes")
                .columns([
                    "id",
                    "kind",
                    "user_id",
                    "username",
                    "changed_at",
                    "parameters",
                    "rows_by_table",
                    "safety_archive_id",
                    "undo_until",
                ])
                .values([
                    id.into(),
                    kind.as_str().into(),
                    job.try_get::<Option<i64>>("", "user_id")?.into(),
                    username.as_str().into(),
                    changed_at.into(),
                    parameters.into(),
                    rows_by_table(&kind, &report).into(),
                    report[safety].as_str().map(str::to_owned).into(),
                    Option::<ChronoDateTimeUtc>::into(undo_until),
                ])
                .map_err(|error| DbErr::Migration(error.to_string()))?
                .to_owned();
            connection.execute(&row).await?;
        }
        if let Some(undone) = asked["clear_id"].as_str().filter(|_| kind == "undo") {
            let mark = Query::update()
                .table("backup_changes")
                .value("undone_at", changed_at)
                .value("undone_by", username)
                .and_where(Expr::col("id").eq(undone))
                .to_owned();
            connection.execute(&mark).await?;
        }
    }
    Ok(())
}

/// `{"students": {"removed": 2, "written": 0}}`, from what the job said of each table.
fn rows_by_table(kind: &str, report: &Json) -> String {
    let number = |value: &Json| value.as_u64().unwrap_or_default();
    let tables = if kind == "clear" {
        &report["removed"]
    } else {
        &report["tables"]
    };
    let rows = tables.as_object().into_iter().flatten().map(|(table, done)| {
        let done = match kind {
            "clear" => json!({"removed": number(done), "written": 0}),
            _ => json!({
                "removed": number(&done["removed"]), "written": number(&done["inserted"]) + number(&done["updated"]),
            }),
        };
        (table.clone(), done)
    });
    Json::Object(rows.collect::<Map<_, _>>()).to_string()
}
