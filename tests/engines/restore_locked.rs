//! Other clients during a restore: readers see the old rows, writers wait and lose nothing.

use campus_backup_archive::Cell;
use campus_backup_domain::Table;
use campus_backup_domain::restore::RestoreMode;
use campus_backup_domain::snapshot::{ReadStrategy, Selection, Sink, Snapshot};
use sea_orm::{ConnectionTrait as _, Statement};

use harness::restore_rig::{RestorePlace, everything};
use harness::{Engine, fill, on_every_engine, small_school};

#[derive(Default)]
struct Names(Vec<String>);

impl Sink for Names {
    fn row(&mut self, cells: &[Cell<'_>]) -> campus_backup_domain::Result<()> {
        self.0.push(format!("{:?}", cells[1]));
        Ok(())
    }

    async fn flush_if_full(&mut self) -> campus_backup_domain::Result<()> {
        Ok(())
    }
}

#[on_every_engine]
async fn reader_sees_all_old_rows(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    school.scratch.execute("delete from attendance").await;
    school.scratch.execute("update students set full_name = 'now'").await;
    let mut before = Snapshot::take(&place.database, ReadStrategy::Native, &Table::ALL)
        .await
        .unwrap();
    let request = everything(RestoreMode::Replace);
    let mut change = place.begin(&request).await.unwrap();
    // A snapshot, as the safety backup takes one.
    let mut meanwhile = Snapshot::take(&place.database, ReadStrategy::Native, &Table::ALL)
        .await
        .unwrap();
    place.apply(&mut change, &archive, &request).await.unwrap();
    let mut names = Names::default();
    meanwhile
        .read(Table::Students, Selection::Columns, &mut names)
        .await
        .unwrap();
    assert_eq!(names.0, ["Text(\"now\")"; 5]);
    change.commit().await.unwrap();
    let mut names = Names::default();
    before
        .read(Table::Students, Selection::Columns, &mut names)
        .await
        .unwrap();
    assert_eq!(names.0, ["Text(\"now\")"; 5]);
    let mut none = Names::default();
    before
        .read(Table::Attendance, Selection::Columns, &mut none)
        .await
        .unwrap();
    assert!(none.0.is_empty());
    assert_eq!(before.rows_of(Table::Students), 5);
    meanwhile.end().await.unwrap();
    before.end().await.unwrap();
    assert_eq!(place.digests().await, archive.summary().sha256);
}

#[on_every_engine]
async fn writer_waits_and_loses_nothing(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    let request = everything(RestoreMode::Replace);
    let mut change = place.begin(&request).await.unwrap();
    let writers = [
        "insert into payments (id, student_id, category_id, amount_paid, status) values (90, 1, 1, 3, 'paid')",
        "insert into students (id, full_name, registration_number) values (90, 'New', 'new')",
        "insert into attendance (id, student_id, course_id, date, status) values (90, 3, 2, '2024-01-01', 'leave')",
    ];
    let mut waiting = Vec::new();
    for sql in writers {
        let connection = school.scratch.another_connection().await;
        waiting.push(tokio::spawn(async move { connection.execute_unprepared(sql).await }));
    }
    school.scratch.until_waiting(3).await;
    // Other clients keep reading.
    assert_eq!(school.scratch.count("students").await, 5);
    assert!(waiting.iter().all(|writer| !writer.is_finished()), "they wait");
    place.apply(&mut change, &archive, &request).await.unwrap();
    change.commit().await.unwrap();
    for writer in waiting {
        writer.await.unwrap().unwrap();
    }
    for table in ["payments", "students", "attendance"] {
        assert_eq!(
            school
                .scratch
                .number(&format!("select count(*) from {table} where id = 90"))
                .await,
            1,
            "{table}"
        );
    }
    for table in ["payments", "attendance", "students"] {
        school
            .scratch
            .execute(&format!("delete from {table} where id = 90"))
            .await;
    }
    assert_eq!(place.digests().await, archive.summary().sha256);
}

/// A change of many rows continues without the exclusive lock while a client reads, and otherwise takes it.
#[on_every_engine]
async fn many_rows_are_loaded_while_a_client_reads(engine: Engine) {
    let school = small_school(engine).await;
    for table in ["attendance", "payments", "enrollments", "students"] {
        school.scratch.execute(&format!("delete from {table}")).await;
    }
    fill::wide_students(&school.scratch, 3_000, 32).await;
    let place = RestorePlace::on(&school.scratch).await;
    let archive = place.archive().await;
    let request = everything(RestoreMode::Replace);
    let reader = Snapshot::take(&place.database, ReadStrategy::Native, &Table::ALL)
        .await
        .unwrap();
    place.restore(&archive, &request).await.unwrap();
    reader.end().await.unwrap();
    assert_eq!(place.digests().await, archive.summary().sha256);
    place.restore(&archive, &request).await.unwrap();
    assert_eq!(place.digests().await, archive.summary().sha256);
}

#[on_every_engine]
async fn rows_of_the_service_are_written_in_the_same_transaction(engine: Engine) {
    let school = small_school(engine).await;
    let place = RestorePlace::on(&school.scratch).await;
    let request = everything(RestoreMode::Replace);
    let archive = place.archive().await;
    let backend = place.database.connection().get_database_backend();
    let place_of = |number: usize| match backend {
        sea_orm::DbBackend::Postgres => format!("${number}"),
        _ => "?".to_owned(),
    };
    let sql = format!(
        "insert into backup_download_links (token_digest, user_id, username, path, created_at, expires_at) \
         values ({}, {}, {}, {}, {}, {})",
        place_of(1),
        place_of(2),
        place_of(3),
        place_of(4),
        place_of(5),
        place_of(6)
    );
    let now = chrono::Utc::now();
    for committed in [false, true] {
        let mut change = place.begin(&request).await.unwrap();
        place.apply(&mut change, &archive, &request).await.unwrap();
        let values: [sea_orm::Value; 6] = [
            "x".into(),
            None::<i64>.into(),
            "y".into(),
            "z".into(),
            now.into(),
            now.into(),
        ];
        let statement = Statement::from_sql_and_values(backend, &sql, values);
        assert_eq!(change.execute(&statement).await.unwrap(), 1);
        if committed {
            change.commit().await.unwrap();
        } else {
            drop(change);
        }
        // On servers the end of a connection takes a moment.
        let count = "select count(*) from backup_download_links where user_id is null";
        assert_eq!(school.scratch.number(count).await, i64::from(committed));
    }
}
