//! A restore whose rows differ from those of the archive is rolled back, and the error names the row.

use campus_backup_domain::Error;
use campus_backup_domain::Table;
use campus_backup_domain::restore::{Restore, RestoreMode};

use harness::restore_rig::{RestorePlace, everything, one, student};
use harness::{Engine, Scratch, on_every_engine, small_school};

/// A trigger of another program, which writes another value into one row.
async fn alter_written_row(scratch: &Scratch, table: &str, id: i64, column: &str, value: &str) {
    match scratch.engine() {
        Engine::Sqlite => {
            for event in ["insert", "update"] {
                let body = format!("update {table} set {column} = {value} where id = {id} and {column} is not {value}");
                let trigger = format!("create trigger {event}_{table} after {event} on {table} begin {body}; end");
                scratch.execute(&trigger).await;
            }
        }
        Engine::Postgres => {
            let function = format!(
                "create function alter_{table}() returns trigger language plpgsql as \
                 $$ begin if new.id = {id} then new.{column} = {value}; end if; return new; end $$"
            );
            scratch.execute(&function).await;
            let trigger = format!(
                "create trigger alter_{table} before insert or update on {table} \
                 for each row execute function alter_{table}()"
            );
            scratch.execute(&trigger).await;
        }
        Engine::Mysql => {
            for event in ["insert", "update"] {
                let set = format!("set new.{column} = if(new.id = {id}, {value}, new.{column})");
                let trigger = format!("create trigger {event}_{table} before {event} on {table} for each row {set}");
                scratch.execute(&trigger).await;
            }
        }
    }
}

/// Ensures that the restore is refused because of a row, and changes nothing.
async fn refused(
    place: &RestorePlace<'_>,
    archive: &harness::restore_rig::Archive,
    request: &Restore,
    row: &str,
    column: &str,
) {
    let before = place.scratch.everything().await;
    let error = place.restore(archive, request).await.unwrap_err();
    let Error::Unrestorable { table, problem } = &error else {
        panic!("{request:?}: {error:?}");
    };
    assert!(
        problem.contains(row) && problem.contains(column),
        "{request:?}: {table}: {problem}"
    );
    assert!(place.scratch.everything().await == before, "{request:?}");
}

#[on_every_engine]
async fn altered_inserted_rows_are_found(engine: Engine) {
    let school = small_school(engine).await;
    let scratch = &school.scratch;
    let place = RestorePlace::on(scratch).await;
    let archive = place.archive().await;
    scratch.execute("delete from payments").await;
    alter_written_row(scratch, "payments", 2, "amount_paid", "7.77").await;
    let (row, column) = ("row 2", "amount_paid");
    for mode in [RestoreMode::Replace, RestoreMode::Merge, RestoreMode::InsertMissing] {
        refused(&place, &archive, &everything(mode), row, column).await;
        refused(&place, &archive, &one(Table::Payments, mode), row, column).await;
    }
    let payer = archive_student(&archive);
    refused(&place, &archive, &student(payer, RestoreMode::Replace), row, column).await;
}

/// The student of payment 2.
fn archive_student(archive: &harness::restore_rig::Archive) -> i64 {
    let found = std::cell::Cell::new(0);
    archive.rewritten(|table, cells| {
        if let (
            "payments",
            [
                campus_backup_archive::Cell::Integer(2),
                campus_backup_archive::Cell::Integer(student),
                ..,
            ],
        ) = (table, cells.as_slice())
        {
            found.set(*student);
        }
        true
    });
    found.get()
}

/// A row that is overwritten, and an account.
#[on_every_engine]
async fn altered_overwritten_rows_are_found(engine: Engine) {
    let school = small_school(engine).await;
    let scratch = &school.scratch;
    let place = RestorePlace::on(scratch).await;
    let archive = place.archive().await;
    scratch.execute("update courses set seats = 1 where id = 2").await;
    scratch
        .execute("update users set email = 'now' where role = 'teacher'")
        .await;
    alter_written_row(scratch, "courses", 2, "seats", "3").await;
    for mode in [RestoreMode::Replace, RestoreMode::Merge] {
        refused(&place, &archive, &one(Table::Courses, mode), "row 2", "seats").await;
    }
    let teacher = scratch.number("select min(id) from users where role = 'teacher'").await;
    alter_written_row(scratch, "users", teacher, "email", "'other'").await;
    let row = format!("row {teacher}");
    refused(&place, &archive, &everything(RestoreMode::Replace), &row, "email").await;
    refused(&place, &archive, &one(Table::Users, RestoreMode::Merge), &row, "email").await;
}
