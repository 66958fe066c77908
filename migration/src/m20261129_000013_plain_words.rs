//! The jobs and changes of the history get the names that phases, levels, modes and error codes have now.

use sea_orm_migration::prelude::*;

use crate::text;

type Names = (&'static str, &'static str);

/// Each old name and the new one.
const PHASES: [Names; 3] = [
    ("taking", "backing_up"),
    ("rehearsing", "test_restore"),
    ("safety", "safety_backup"),
];
const ERROR_CODES: [Names; 9] = [
    ("archive_cut", "archive_truncated"),
    ("archive_key_needed", "archive_key_required"),
    ("archive_no_row", "archive_row_not_found"),
    ("archive_no_table", "archive_table_not_found"),
    ("archive_pinned", "archive_protected"),
    ("link_spent", "link_used"),
    ("no_room", "insufficient_storage"),
    ("plan_moved", "plan_outdated"),
    ("rows_moved", "row_count_changed"),
];
/// The columns that hold JSON.
const DOCUMENTS: [Names; 3] = [
    ("backup_jobs", "parameters"),
    ("backup_jobs", "result"),
    ("backup_changes", "parameters"),
];
/// Members of that JSON as the service writes them: without spaces.
const MEMBERS: [Names; 3] = [
    (r#""mode":"missing_only""#, r#""mode":"insert_missing""#),
    (r#""level":"rehearsal""#, r#""level":"test_restore""#),
    (r#""pinned":"#, r#""protected":"#),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// It can be done again after an interruption: a new name is none of the old ones.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename(manager, |(old, new)| (old, new)).await
    }

    fn use_transaction(&self) -> Option<bool> {
        text::IN_ONE_TRANSACTION
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename(manager, |(old, new)| (new, old)).await
    }
}

async fn rename(manager: &SchemaManager<'_>, direction: fn(Names) -> Names) -> Result<(), DbErr> {
    let words = PHASES.map(|names| ("phase", names)).into_iter();
    let words = words.chain(ERROR_CODES.map(|names| ("error_code", names)));
    let replacements = words.map(|(column, names)| {
        let (from, to) = direction(names);
        Query::update()
            .table("backup_jobs")
            .value(column, to)
            .and_where(Expr::col(column).eq(from))
            .to_owned()
    });
    let members = DOCUMENTS.map(|(table, column)| {
        MEMBERS.map(|names| {
            let (from, to) = direction(names);
            let replaced = Func::cust("REPLACE").args([Expr::col(column), Expr::val(from), Expr::val(to)]);
            Query::update()
                .table(table)
                .value(column, replaced)
                .and_where(Expr::col(column).like(LikeExpr::new(format!("%{from}%"))))
                .to_owned()
        })
    });
    for update in replacements.chain(members.into_iter().flatten()) {
        manager.execute(update).await?;
    }
    Ok(())
}
