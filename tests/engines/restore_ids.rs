//! Ids at the end of their range: an id that leaves no room for new rows is refused, and exhausted ids are reset.

use campus_backup_archive::Cell;
use campus_backup_domain::catalog::LARGEST_ID;
use campus_backup_domain::restore::{BlockerCode, Restore, RestoreMode};
use campus_backup_domain::{Error, Table};
use harness::restore_rig::{Archive, RestorePlace, everything, one};
use harness::{Engine, Scratch, on_every_engine, small_school};
use sea_orm::ConnectionTrait as _;

/// Tables whose rows no row of the small school refers to, with a new row, and their last id.
const TABLES: [(Table, &str, i64); 3] = [
    (
        Table::Users,
        "insert into users (username, password_hash, role) values ('new', '!', 'teacher')",
        9,
    ),
    (
        Table::Payments,
        "insert into payments (student_id, category_id, amount_paid, status) values (3, 2, 1, 'paid')",
        3,
    ),
    (
        Table::Attendance,
        "insert into attendance (student_id, course_id, date, status) values (3, 2, '2024-01-01', 'present')",
        5,
    ),
];

/// The same archive with another id for the last row of a table.
fn with_last_id(archive: &Archive, table: Table, last: i64, id: i64) -> Archive {
    archive.rewritten(|name, cells| {
        if name == table.name() && cells[0] == Cell::Integer(last) {
            cells[0] = Cell::Integer(id);
        }
        true
    })
}

async fn can_insert(scratch: &Scratch, row: &str) -> bool {
    scratch.connection().execute_unprepared(row).await.is_ok()
}

/// Gives the last row the greatest possible id, as a faulty application could.
async fn exhaust(scratch: &Scratch, table: Table, last: i64) {
    let name = table.name();
    scratch
        .execute(&format!("update {name} set id = {} where id = {last}", i64::MAX))
        .await;
    match scratch.engine() {
        Engine::Sqlite => {
            let sql = format!("update sqlite_sequence set seq = {} where name = '{name}'", i64::MAX);
            scratch.execute(&sql).await;
        }
        Engine::Postgres => {
            let sql = format!("select setval(pg_get_serial_sequence('{name}', 'id'), {})", i64::MAX);
            scratch.execute(&sql).await;
        }
        Engine::Mysql => {
            let sql = format!("alter table {name} auto_increment = {}", i64::MAX);
            scratch.execute(&sql).await;
        }
    }
}

fn requests(table: Table) -> [Restore; 5] {
    [
        everything(RestoreMode::Replace),
        everything(RestoreMode::Merge),
        one(table, RestoreMode::Replace),
        one(table, RestoreMode::Merge),
        one(table, RestoreMode::InsertMissing),
    ]
}

#[on_every_engine]
async fn id_without_room_is_a_blocker_and_changes_nothing(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let whole = place.archive().await;
    for (table, row, last) in TABLES {
        let before = school.scratch.everything().await;
        for id in [LARGEST_ID + 1, i64::MAX] {
            let archive = with_last_id(&whole, table, last, id);
            for request in requests(table) {
                let plan = place.plan(&archive, &request).await.unwrap();
                let blocker = plan
                    .blockers
                    .iter()
                    .find(|blocker| blocker.code == BlockerCode::IdsWithoutRoom);
                let blocker = blocker.unwrap_or_else(|| panic!("{request:?}: {plan:?}"));
                assert_eq!(blocker.table, table);
                assert!(blocker.text.contains(&id.to_string()), "{}", blocker.text);
                let refused = place.restore(&archive, &request).await.unwrap_err();
                // A row of one table alone also has the unique values of the row that it was copied from.
                let is_refused = match &refused {
                    Error::Unrestorable { table: named, problem } => {
                        *named == table && problem.contains(&id.to_string())
                    }
                    Error::Conflict { table: named, row } => *named == table && *row == id,
                    _ => false,
                };
                assert!(is_refused, "{request:?}: {refused:?}");
                assert_eq!(school.scratch.everything().await, before, "{request:?}");
            }
        }
        assert!(can_insert(&school.scratch, row).await, "{table}");
    }
}

#[on_every_engine]
async fn largest_id_is_restored_and_leaves_room(engine: Engine) {
    for (table, row, last) in TABLES {
        let school = small_school(engine).await;
        let place = RestorePlace::on(&school.scratch).await;
        let archive = with_last_id(&place.archive().await, table, last, LARGEST_ID);
        for request in [everything(RestoreMode::Replace), one(table, RestoreMode::Replace)] {
            let plan = place.plan(&archive, &request).await.unwrap();
            assert_eq!(plan.blockers, []);
            place.restore(&archive, &request).await.unwrap();
        }
        assert_eq!(place.digests().await, archive.summary().sha256);
        assert!(can_insert(&school.scratch, row).await, "{table}");
        let highest = format!("select max(id) from {table}");
        assert_eq!(school.scratch.number(&highest).await, LARGEST_ID + 1, "{table}");
    }
}

/// The state after a restore by an earlier version.
#[on_every_engine]
async fn replace_resets_exhausted_ids(engine: Engine) {
    for (table, row, last) in TABLES {
        for is_removed_before in [false, true] {
            for request in [everything(RestoreMode::Replace), one(table, RestoreMode::Replace)] {
                let school = small_school(engine).await;
                let scratch = &school.scratch;
                let place = RestorePlace::on(scratch).await;
                let archive = place.archive().await;
                exhaust(scratch, table, last).await;
                assert!(!can_insert(scratch, row).await, "{table} is not exhausted");
                if is_removed_before {
                    scratch
                        .execute(&format!("delete from {table} where id = {}", i64::MAX))
                        .await;
                }
                place.restore(&archive, &request).await.unwrap();
                assert_eq!(place.digests().await, archive.summary().sha256);
                assert!(can_insert(scratch, row).await, "{table} {request:?}");
                let highest = format!("select max(id) from {table}");
                assert_eq!(scratch.number(&highest).await, last + 1, "{table} {request:?}");
            }
        }
    }
}

/// The table had this id before, so it takes no more room.
#[on_every_engine]
async fn id_that_the_table_had_is_restored(engine: Engine) {
    for (table, _, last) in TABLES {
        let school = small_school(engine).await;
        let scratch = &school.scratch;
        let place = RestorePlace::on(scratch).await;
        exhaust(scratch, table, last).await;
        let archive = place.archive().await;
        for wrecking in ["delete from", "select 1 from"] {
            for request in requests(table) {
                let wrecking = format!("{wrecking} {table} where id = {}", i64::MAX);
                scratch.execute(&wrecking).await;
                let plan = place.plan(&archive, &request).await.unwrap();
                assert_eq!(plan.blockers, [], "{request:?}");
                place.restore(&archive, &request).await.unwrap();
                assert_eq!(place.digests().await, archive.summary().sha256, "{request:?}");
            }
        }
    }
}

/// The archived user has the id of an administrator who stays, and the greatest possible id is used.
#[on_every_engine]
async fn renumbering_finds_an_id_that_leaves_room(engine: Engine) {
    let school = small_school(engine).await;
    let scratch = &school.scratch;
    let place = RestorePlace::on(scratch).await;
    let archive = place.archive().await.rewritten(|table, cells| {
        if table == "users" && cells[0] == Cell::Integer(1) {
            (cells[1], cells[4]) = (Cell::Text("newcomer"), Cell::Text("teacher"));
        }
        true
    });
    exhaust(scratch, Table::Users, 9).await;
    let newcomer = "select id from users where username = 'newcomer'";
    let restored = place
        .restore(&archive, &everything(RestoreMode::Replace))
        .await
        .unwrap();
    assert_eq!(restored.tables[&Table::Users].renumbered, 1);
    assert_eq!(scratch.number(newcomer).await, 10);
    scratch.execute("delete from users where username = 'newcomer'").await;
    scratch
        .execute(&format!("update users set id = {LARGEST_ID} where id = 9"))
        .await;
    place
        .restore(&archive, &one(Table::Users, RestoreMode::InsertMissing))
        .await
        .unwrap_err();
    scratch
        .execute(&format!("update users set username = 'other' where id = {LARGEST_ID}"))
        .await;
    place
        .restore(&archive, &one(Table::Users, RestoreMode::InsertMissing))
        .await
        .unwrap();
    assert!(scratch.number(newcomer).await <= LARGEST_ID);
}
