//! The change log of an installation that is older than the log, and how long records are kept.

use campus_backup_migration::{Migrator, MigratorTrait};
use serde_json::{Value, json};

use harness::copy::{Copy, HeartbeatMode};
use harness::{Engine, Scratch, WAIT_LIMIT, on_every_engine, small_school, until};

/// Makes the migration run again at the next start.
const FORGET_MIGRATION: &str = "delete from backup_migrations where version = 'm20261128_000006_changes'";

/// A succeeded job, as every version of the service records it.
fn job(id: &str, kind: &str, parameters: &Value, result: &Value) -> String {
    format!(
        "insert into backup_jobs (id, kind, state, phase, rows_done, bytes, user_id, username, created_at, heartbeat_at, \
         ended_at, runner, parameters, result) values ('{id}', '{kind}', 'succeeded', 'committing', 0, 0, 1, 'admin', \
         '2026-11-23T09:29:00+00:00', '2026-11-23T09:30:00+00:00', '2026-11-23T09:30:00+00:00', 'r', '{parameters}', '{result}')"
    )
}

#[on_every_engine]
async fn changes_in_the_job_history_are_copied(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    scratch.execute("drop table backup_changes").await;
    scratch.execute(FORGET_MIGRATION).await;
    let ids = [
        "01890000-0000-7000-8000-000000000001",
        "01890000-0000-7000-8000-000000000002",
        "01890000-0000-7000-8000-000000000003",
    ];
    let cleared = json!({
        "removed": {"attendance": 3}, "kept": {"attendance": 0}, "cleared_at": "2026-11-23T09:30:00Z",
        "archive_id": "2026-11-23T09-29-59Z-5f1c2a9b", "undo_until": "2026-11-30T09:30:00Z",
    });
    let restored = json!({
        "archive_id": "2026-11-22T09-29-59Z-5f1c2a9b", "safety_archive_id": "2026-11-23T09-29-59Z-00000000",
        "tables": {"payments": {"inserted": 2, "updated": 1, "removed": 4}}, "restored_at": "2026-11-23T09:30:00Z",
    });
    let undone = json!({
        "clear_id": ids[0], "archive_id": "2026-11-23T09-29-59Z-5f1c2a9b",
        "tables": {"attendance": {"inserted": 3, "updated": 0, "removed": 0}}, "undone_at": "2026-11-23T09:31:00Z",
    });
    let time = |sql: String| match engine {
        // MySQL accepts no offset in a timestamp.
        Engine::Mysql => sql.replace("+00:00'", "'").replace('T', " "),
        _ => sql,
    };
    for (id, kind, parameters, result) in [
        (ids[0], "clear", json!({"table": "attendance"}), cleared),
        (ids[1], "restore", json!({"mode": "merge"}), restored),
        (ids[2], "undo", json!({"clear_id": ids[0]}), undone),
    ] {
        let sql = job(id, kind, &parameters, &result);
        let (columns, values) = sql.split_once(" values ").unwrap();
        let (times, documents) = values.split_at(values.find("'r'").unwrap());
        let sql = format!("{columns} values {}{documents}", time(times.to_owned()));
        scratch.execute(&sql).await;
    }
    Migrator::up(scratch.connection(), None).await.unwrap();
    let log = "select id, kind, user_id, username, parameters, rows_by_table, safety_archive_id, undone_by from \
               backup_changes order by id";
    let copied = scratch.rows(log).await;
    let column = |row: usize, column: usize| copied[row][column].as_deref().unwrap_or("-");
    let kinds: Vec<_> = (0..copied.len())
        .map(|row| (column(row, 0), column(row, 1), column(row, 7)))
        .collect();
    assert_eq!(
        kinds,
        [
            (ids[0], "clear", "admin"),
            (ids[1], "restore", "-"),
            (ids[2], "undo", "-")
        ]
    );
    let rows = |row: usize| serde_json::from_str::<Value>(column(row, 5)).unwrap();
    assert_eq!(rows(0), json!({"attendance": {"removed": 3, "written": 0}}));
    assert_eq!(rows(1), json!({"payments": {"removed": 4, "written": 3}}));
    assert_eq!(rows(2), json!({"attendance": {"removed": 0, "written": 3}}));
    assert_eq!((column(0, 2), column(0, 3)), ("1", "admin"));
    assert_eq!(column(0, 6), "2026-11-23T09-29-59Z-5f1c2a9b");
    assert_eq!(column(1, 6), "2026-11-23T09-29-59Z-00000000");
    let window = scratch
        .number("select count(*) from backup_changes where undo_until > changed_at")
        .await;
    assert_eq!(window, 1);

    // On MySQL an interrupted migration leaves its table. When it runs again, it copies no change twice.
    scratch.execute(FORGET_MIGRATION).await;
    Migrator::up(scratch.connection(), None).await.unwrap();
    assert_eq!(scratch.rows(log).await, copied);
}

#[on_every_engine]
async fn only_old_records_that_can_not_be_undone_are_deleted(engine: Engine) {
    let school = small_school(engine).await;
    let days = |days: i64| match engine {
        Engine::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '{days} days')"),
        Engine::Postgres => format!("now() + interval '{days} days'"),
        Engine::Mysql => format!("utc_timestamp(6) + interval {days} day"),
    };
    for (id, changed, undo_until) in [
        ("old", days(-401), "null".to_owned()),
        ("old-clear", days(-401), days(-36)),
        ("old-undoable", days(-401), days(1)),
        ("young", days(-399), "null".to_owned()),
    ] {
        let insert = format!(
            "insert into backup_changes (id, kind, username, changed_at, parameters, rows_by_table, undo_until) \
             values ('{id}', 'clear', 'admin', {changed}, '{{}}', '{{}}', {undo_until})"
        );
        school.scratch.execute(&insert).await;
    }
    let _copy = Copy::on(&school.scratch, HeartbeatMode::SILENT).await;
    until("the old ones are gone", WAIT_LIMIT, async || {
        school.scratch.count("backup_changes").await <= 2
    })
    .await;
    let left = school.scratch.rows("select id from backup_changes order by id").await;
    assert_eq!(left, [[Some("old-undoable".to_owned())], [Some("young".to_owned())]]);
}
