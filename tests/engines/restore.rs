//! Restores on every engine: all values are those of the archive, to the last digit.

use campus_backup_archive::Cell;
use campus_backup_domain::Table;
use campus_backup_domain::restore::RestoreMode;

use harness::restore_rig::{RestorePlace, everything, one, student};
use harness::{Engine, Scratch, fill, on_every_engine, small_school};

/// The ids that the next rows get.
async fn next_ids(scratch: &Scratch) -> Vec<i64> {
    let rows = [
        ("students", "(full_name, registration_number) values ('Next', 'next')"),
        ("courses", "(name, fee, seats) values ('Next', 1, 1)"),
        ("payment_categories", "(name) values ('Next')"),
        ("enrollments", "(student_id, course_id) values (3, 2)"),
        (
            "payments",
            "(student_id, category_id, amount_paid, status) values (3, 2, 1, 'paid')",
        ),
        (
            "attendance",
            "(student_id, course_id, date, status) values (3, 2, '2024-01-01', 'present')",
        ),
        (
            "users",
            "(username, password_hash, role) values ('next', '!', 'teacher')",
        ),
    ];
    let mut ids = Vec::new();
    for (table, row) in rows {
        scratch.execute(&format!("insert into {table} {row}")).await;
        ids.push(scratch.number(&format!("select max(id) from {table}")).await);
    }
    ids
}

/// Clears everything as the service does.
async fn clear_all(scratch: &Scratch) {
    let emptied = [
        "attendance",
        "payments",
        "enrollments",
        "payment_categories",
        "courses",
        "students",
    ];
    for table in emptied {
        scratch.execute(&format!("delete from {table}")).await;
    }
    scratch.execute("delete from users where role <> 'admin'").await;
}

#[on_every_engine]
async fn archives_of_all_engines_are_restored(engine: Engine) {
    for source in Engine::ALL.into_iter().filter(|source| source.is_available()) {
        let original = small_school(source).await;
        let archive = RestorePlace::on(&original.scratch).await.archive().await;
        let school = small_school(engine).await;
        let place = RestorePlace::on(&school.scratch).await;
        let request = everything(RestoreMode::Replace);
        clear_all(place.scratch).await;
        let plan = place.plan(&archive, &request).await.unwrap();
        assert_eq!(plan.blockers, []);
        assert_eq!(
            (plan.money.before.as_str(), plan.money.after.as_str()),
            ("0.00", "9999999987.50")
        );
        let restored = place.restore(&archive, &request).await.unwrap();
        assert_eq!(restored.tables[&Table::Students].inserted, 5);
        assert_eq!(place.digests().await, archive.summary().sha256, "{source:?}");
        assert_eq!(
            next_ids(&school.scratch).await,
            next_ids(&original.scratch).await,
            "{source:?}"
        );
    }
}

#[on_every_engine]
async fn generated_ids_continue_after_a_restore(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    school
        .scratch
        .execute("insert into payment_categories (name) values ('Later')")
        .await;
    place
        .restore(&archive, &everything(RestoreMode::Replace))
        .await
        .unwrap();
    assert_eq!(place.digests().await, archive.summary().sha256);
    school
        .scratch
        .execute("insert into payment_categories (name) values ('Last')")
        .await;
    assert_eq!(
        school.scratch.number("select max(id) from payment_categories").await,
        5,
        "4 was given out once"
    );
}

/// Many rows are loaded in bulk, and the indexes and foreign keys are created again.
#[on_every_engine]
async fn many_rows_are_restored(engine: Engine) {
    let school = small_school(engine).await;
    let scratch = &school.scratch;
    scratch.execute("delete from attendance").await;
    scratch.execute("delete from payments").await;
    scratch.execute("delete from enrollments").await;
    scratch.execute("delete from students").await;
    fill::wide_students(scratch, 5_000, 64).await;
    scratch
        .execute("insert into enrollments (student_id, course_id) select id, 1 from students")
        .await;
    let place = RestorePlace::on(scratch).await;
    let archive = place.archive().await;
    for wrecking in [
        "delete from enrollments",
        "delete from enrollments where id > 10",
        "update students set phone = 'x'",
    ] {
        for request in [everything(RestoreMode::Replace), everything(RestoreMode::Merge)] {
            scratch.execute(wrecking).await;
            place.restore(&archive, &request).await.unwrap();
            assert_eq!(place.digests().await, archive.summary().sha256, "{wrecking}");
        }
    }
    let orphan = "insert into enrollments (student_id, course_id) values (77777, 1)";
    let refused = sea_orm::ConnectionTrait::execute_unprepared(scratch.connection(), orphan).await;
    assert!(refused.is_err(), "the foreign key is gone");
    let twice = "insert into enrollments (student_id, course_id) values (1, 1)";
    let refused = sea_orm::ConnectionTrait::execute_unprepared(scratch.connection(), twice).await;
    assert!(refused.is_err(), "the unique index is gone");
}

#[on_every_engine]
async fn every_table_can_be_restored_alone(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    let wreckings = [
        (
            Table::Users,
            "update users set username = 'other' where role = 'teacher'",
        ),
        (Table::Users, "delete from users where role <> 'admin'"),
        (
            Table::Students,
            "update students set full_name = 'x', date_of_birth = '2001-01-01'",
        ),
        (Table::Students, "delete from students where id in (3, 4)"),
        (Table::Courses, "update courses set fee = fee - 1, description = null"),
        (
            Table::Courses,
            "insert into courses (id, name, fee, seats) values (17, 'More', 1, 1)",
        ),
        (
            Table::PaymentCategories,
            "update payment_categories set description = 'x'",
        ),
        (Table::Enrollments, "delete from enrollments"),
        (Table::Enrollments, "update enrollments set course_id = 2"),
        (
            Table::Payments,
            "update payments set amount_paid = 1, transaction_id = 'x'",
        ),
        (Table::Payments, "delete from payments where id = 2"),
        (Table::Attendance, "delete from attendance where id = 2"),
        (
            Table::Attendance,
            "insert into attendance (id, student_id, course_id, date, status) \
                             values (9, 3, 2, '2024-01-01', 'leave')",
        ),
    ];
    for (table, wrecking) in wreckings {
        school.scratch.execute(wrecking).await;
        assert_ne!(place.digests().await, archive.summary().sha256, "{wrecking}");
        place
            .restore(&archive, &one(table, RestoreMode::Replace))
            .await
            .unwrap();
        assert_eq!(place.digests().await, archive.summary().sha256, "{wrecking}");
    }
}

/// Unique values that rows have exchanged since the backup.
#[on_every_engine]
async fn exchanged_unique_values_are_restored(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    for mode in [RestoreMode::Replace, RestoreMode::Merge] {
        for sql in [
            "update students set registration_number = 'z' where id = 1",
            "update students set registration_number = '000123' where id = 2",
            "update students set registration_number = '1E5' where id = 1",
            "update enrollments set student_id = 3 where id = 1",
            "update enrollments set student_id = 1 where id = 2",
            "update enrollments set student_id = 2 where id = 1",
        ] {
            school.scratch.execute(sql).await;
        }
        for table in [Table::Students, Table::Enrollments] {
            place.restore(&archive, &one(table, mode)).await.unwrap();
        }
        assert_eq!(place.digests().await, archive.summary().sha256, "{mode:?}");
    }
}

#[on_every_engine]
async fn merge_removes_no_row_and_insert_missing_changes_no_row(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    for sql in [
        "delete from payments where id = 1",
        "update payments set amount_paid = 7 where id = 2",
        "insert into payments (id, student_id, category_id, amount_paid, status) values (50, 1, 1, 3, 'paid')",
    ] {
        school.scratch.execute(sql).await;
    }
    let amounts = async || {
        let rows = school
            .scratch
            .rows("select id, cast(amount_paid * 100 as decimal(14, 0)) from payments order by id");
        let rows = rows
            .await
            .into_iter()
            .map(|row| row.into_iter().map(Option::unwrap).collect::<Vec<_>>().join(" "));
        rows.collect::<Vec<_>>()
    };
    place
        .restore(&archive, &one(Table::Payments, RestoreMode::InsertMissing))
        .await
        .unwrap();
    assert_eq!(amounts().await, ["1 999999999999", "2 700", "3 -1250", "50 300"]);
    let merge = one(Table::Payments, RestoreMode::Merge);
    let plan = place.plan(&archive, &merge).await.unwrap();
    assert_eq!(plan.tables[&Table::Payments].updates, 1);
    assert_eq!(
        (plan.money.before.as_str(), plan.money.after.as_str()),
        ("9999999997.49", "9999999990.50")
    );
    place.restore(&archive, &merge).await.unwrap();
    assert_eq!(amounts().await, ["1 999999999999", "2 1", "3 -1250", "50 300"]);
}

#[on_every_engine]
async fn one_student_is_restored_with_all_referring_rows(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    for mode in [RestoreMode::Replace, RestoreMode::Merge, RestoreMode::InsertMissing] {
        for sql in [
            "delete from payments where student_id = 1",
            "delete from attendance where student_id = 1",
            "delete from enrollments where student_id = 1",
            "delete from payment_categories where id in (1, 3)",
            "delete from students where id = 1",
        ] {
            school.scratch.execute(sql).await;
        }
        let plan = place.plan(&archive, &student(1, mode)).await.unwrap();
        assert_eq!(plan.tables[&Table::PaymentCategories].inserts, 2);
        place.restore(&archive, &student(1, mode)).await.unwrap();
        assert_eq!(place.digests().await, archive.summary().sha256, "{mode:?}");
    }
}

#[on_every_engine]
async fn acting_administrator_keeps_their_row(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await.rewritten(|table, cells| {
        // In the archive id 1 is another user, and there is no other administrator.
        if table == "users" && cells[0] == Cell::Integer(1) {
            (cells[1], cells[4]) = (Cell::Text("newcomer"), Cell::Text("teacher"));
        }
        table != "users" || cells[0] != Cell::Integer(4)
    });
    let administrators = "select * from users where role = 'admin' order by id";
    school
        .scratch
        .execute("update users set password_hash = 'new' where id = 1")
        .await;
    let before = school.scratch.rows(administrators).await;
    assert_eq!(before.len(), 2);
    let restored = place
        .restore(&archive, &everything(RestoreMode::Replace))
        .await
        .unwrap();
    let users = restored.tables[&Table::Users];
    assert_eq!((users.kept, users.renumbered, users.rows), (2, 1, 6));
    assert_eq!(school.scratch.rows(administrators).await, before);
    assert_eq!(
        school
            .scratch
            .number("select id from users where username = 'newcomer'")
            .await,
        10
    );
}
