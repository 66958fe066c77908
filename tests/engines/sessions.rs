//! The service does not depend on any session default of a server, a database or a role.

use std::time::Duration;

use campus_backup_archive::Cell;
use campus_backup_domain::Table;
use campus_backup_domain::change::Change;
use campus_backup_domain::restore::{BlockerCode, RestoreMode};
use campus_backup_domain::snapshot::{ReadStrategy, Selection, Sink, Snapshot};
use sea_orm::{ConnectionTrait as _, Statement};

use harness::defaults::Defaults;
use harness::restore_rig::{RestorePlace, everything};
use harness::{Engine, Scratch, fill, on_every_engine, small_school, small_school_in};

/// Defaults that change the meaning of a value, a statement or a commit.
const CHANGED_MEANINGS: Defaults = Defaults {
    postgres: &[
        ("default_transaction_isolation", "'serializable'"),
        ("TimeZone", "'Asia/Kolkata'"),
        ("DateStyle", "'German, DMY'"),
        ("IntervalStyle", "'sql_standard'"),
        ("bytea_output", "'escape'"),
        ("client_encoding", "'LATIN1'"),
        ("extra_float_digits", "-15"),
        ("standard_conforming_strings", "off"),
        ("session_replication_role", "replica"),
        ("synchronous_commit", "off"),
    ],
    mysql: &[
        ("sql_mode", "''"),
        ("tx_isolation", "'READ-COMMITTED'"),
        ("time_zone", "'+05:30'"),
        ("autocommit", "OFF"),
        ("completion_type", "'CHAIN'"),
        ("foreign_key_checks", "OFF"),
        ("unique_checks", "OFF"),
        ("sql_safe_updates", "ON"),
        ("sql_select_limit", "2"),
        ("sql_auto_is_null", "ON"),
        ("character_set_client", "latin1"),
        ("character_set_connection", "latin1"),
        ("character_set_results", "latin1"),
    ],
};

/// Limits that end a session or a statement that takes longer than about a second.
const SHORT_LIMITS: Defaults = Defaults {
    postgres: &[
        ("statement_timeout", "'900ms'"),
        ("idle_in_transaction_session_timeout", "'900ms'"),
        ("idle_session_timeout", "'900ms'"),
        ("lock_timeout", "'1ms'"),
    ],
    mysql: &[
        ("max_statement_time", "0.9"),
        ("wait_timeout", "1"),
        ("net_read_timeout", "1"),
        ("net_write_timeout", "1"),
        ("idle_transaction_timeout", "1"),
        ("idle_write_transaction_timeout", "1"),
        ("idle_readonly_transaction_timeout", "1"),
        ("innodb_lock_wait_timeout", "1"),
        ("lock_wait_timeout", "1"),
    ],
};

/// Rows that a session with wrong settings would change: an id of 0, and texts with more than one byte a character.
async fn add_delicate_rows(scratch: &Scratch) {
    for sql in [
        "insert into payment_categories (id, name, description) values (70, 'Zéro ₹ 💰', 'a || b')",
        "update payment_categories set id = 0 where id = 70",
        "insert into payments (id, student_id, category_id, amount_paid, status) values (70, 1, 0, 0.10, 'paid')",
    ] {
        scratch.execute(sql).await;
    }
}

#[on_every_engine]
async fn a_restore_is_exact_under_any_defaults(engine: Engine) {
    let Some(scratch) = CHANGED_MEANINGS.database(engine).await else {
        return;
    };
    let school = small_school_in(scratch).await;
    let scratch = &school.scratch;
    add_delicate_rows(scratch).await;
    let place = RestorePlace::on(scratch).await;
    let archive = place.archive().await;
    for mode in [RestoreMode::Replace, RestoreMode::Merge, RestoreMode::InsertMissing] {
        for table in ["attendance", "payments", "enrollments", "payment_categories"] {
            scratch.execute(&format!("delete from {table}")).await;
        }
        place.restore(&archive, &everything(mode)).await.unwrap();
        for sql in ["payments where category_id = 0", "payment_categories where id = 0"] {
            assert_eq!(scratch.number(&format!("select count(*) from {sql}")).await, 1);
        }
        assert_eq!(place.digests().await, archive.summary().sha256, "{mode:?}");
    }
}

#[on_every_engine]
async fn foreign_keys_are_checked_under_any_defaults(engine: Engine) {
    let Some(scratch) = CHANGED_MEANINGS.database(engine).await else {
        return;
    };
    let database = scratch.database().await;
    let orphan = "insert into enrollments (student_id, course_id) values (4711, 4711)";
    let refused = database.connection().execute_unprepared(orphan).await;
    assert!(refused.is_err(), "a row that refers to nothing was inserted");
    assert_eq!(scratch.count("enrollments").await, 0);
}

/// If a default changed while the service runs, a backup could otherwise read other tables than a clear empties.
#[tokio::test]
async fn all_connections_find_their_tables_in_the_same_schema() {
    if !Engine::Postgres.is_available() {
        return;
    }
    let school = small_school(Engine::Postgres).await;
    let scratch = &school.scratch;
    let database = scratch.database().await;
    // The first connection finds the schema of the tables.
    database.ping().await.unwrap();
    let other = "create schema other; create table other.students (like public.students)";
    scratch.execute(other).await;
    let path = format!("alter database {} set search_path = other, public", scratch.name());
    scratch.execute(&path).await;
    // A pool has one connection from the beginning, so the others are new.
    let mut snapshots = Vec::new();
    for _ in 0..3 {
        let snapshot = Snapshot::take(&database, ReadStrategy::Native, &Table::ALL)
            .await
            .unwrap();
        assert_eq!(snapshot.rows_of(Table::Students), 5);
        snapshots.push(snapshot);
    }
    for snapshot in snapshots {
        snapshot.end().await.unwrap();
    }
}

/// Defaults with which a long transaction may not update a row that was updated after its first read.
const SNAPSHOT_ISOLATION: [Defaults; 2] = [
    Defaults {
        postgres: &[("default_transaction_isolation", "'repeatable read'")],
        mysql: &[("innodb_snapshot_isolation", "ON")],
    },
    Defaults {
        postgres: &[("default_transaction_isolation", "'serializable'")],
        mysql: &[("tx_isolation", "'SERIALIZABLE'"), ("innodb_snapshot_isolation", "ON")],
    },
];

/// The heartbeat updates the rows in which a change records its end.
#[on_every_engine]
async fn change_can_update_rows_that_were_updated_after_its_start(engine: Engine) {
    for defaults in SNAPSHOT_ISOLATION {
        // On SQLite no other client can update a row during a change.
        let Some(scratch) = defaults.database(engine).await.filter(|_| engine != Engine::Sqlite) else {
            continue;
        };
        let database = scratch.database().await;
        let mut change = Change::begin(&database, vec![Table::Attendance], "a test")
            .await
            .unwrap();
        let backend = database.connection().get_database_backend();
        let statement = |sql: &str| Statement::from_string(backend, sql);
        change
            .execute(&statement("select count(*) from backup_leases"))
            .await
            .unwrap();
        scratch.execute("update backup_leases set runner = 'heartbeat'").await;
        let end = statement("update backup_leases set runner = 'end'");
        assert_eq!(change.execute(&end).await.unwrap(), 1, "{defaults:?}");
        change.commit().await.unwrap();
        assert_eq!(
            scratch.value("select runner from backup_leases").await.as_deref(),
            Some("end")
        );
    }
}

/// A reader that pauses once, without taking any rows.
#[derive(Default)]
struct SlowReader {
    rows: u64,
    has_paused: bool,
}

impl Sink for SlowReader {
    fn row(&mut self, _: &[Cell<'_>]) -> campus_backup_domain::Result<()> {
        self.rows += 1;
        Ok(())
    }

    async fn flush_if_full(&mut self) -> campus_backup_domain::Result<()> {
        if !std::mem::replace(&mut self.has_paused, true) {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// Longer than any of [`SHORT_LIMITS`].
const PAUSE: Duration = Duration::from_millis(2_500);

#[on_every_engine]
async fn slow_reader_is_not_stopped_by_short_limits(engine: Engine) {
    let Some(scratch) = SHORT_LIMITS.database(engine).await else {
        return;
    };
    // More than the buffers between server and service hold.
    const ROWS: u32 = 12_000;
    for _ in 0..4 {
        let done = scratch.count("students").await;
        fill::wide_students_after(&scratch, done, ROWS / 4, 1_024).await;
    }
    let database = scratch.database().await;
    let mut snapshot = Snapshot::take(&database, ReadStrategy::Native, &Table::ALL)
        .await
        .unwrap();
    let mut reader = SlowReader::default();
    snapshot
        .read(Table::Students, Selection::Columns, &mut reader)
        .await
        .unwrap();
    assert_eq!(reader.rows, u64::from(ROWS));
    snapshot.end().await.unwrap();
}

/// A change waits for its safety backup, has long statements, and waits for locks as long as the service's setting says.
#[on_every_engine]
async fn change_is_not_stopped_by_short_limits(engine: Engine) {
    let Some(scratch) = SHORT_LIMITS.database(engine).await else {
        return;
    };
    let database = scratch.database().await;
    let other = scratch.another_connection().await;
    let begin = if engine == Engine::Sqlite {
        "begin immediate"
    } else {
        "begin"
    };
    other.execute_unprepared(begin).await.unwrap();
    let hold = "insert into courses (id, name, fee, seats) values (1, 'Course', 1, 1)";
    other.execute_unprepared(hold).await.unwrap();
    let beginning = {
        let database = database.clone();
        tokio::spawn(async move { Change::begin(&database, vec![Table::Courses], "a test").await })
    };
    // The other client's session has short limits, too.
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.execute_unprepared("commit").await.unwrap();
    let mut change = beginning.await.unwrap().unwrap();
    tokio::time::sleep(PAUSE).await;
    let backend = database.connection().get_database_backend();
    let long = match engine {
        Engine::Sqlite => "select 1",
        Engine::Postgres => "select pg_sleep(1.5)",
        Engine::Mysql => "select sleep(1.5)",
    };
    change.execute(&Statement::from_string(backend, long)).await.unwrap();
    let update = Statement::from_string(backend, "update courses set seats = 2");
    assert_eq!(change.execute(&update).await.unwrap(), 1);
    change.commit().await.unwrap();
    assert_eq!(scratch.number("select seats from courses").await, 2);
}

/// A server that accepts only small packets.
const SMALL_PACKETS: Defaults = Defaults {
    postgres: &[],
    mysql: &[("max_allowed_packet", "1048576")],
};

#[on_every_engine]
async fn packets_fit_the_limit_of_the_server(engine: Engine) {
    let Some(scratch) = SMALL_PACKETS.database(engine).await else {
        return;
    };
    let school = small_school_in(scratch).await;
    let scratch = &school.scratch;
    fill::wide_students_after(scratch, 100, 3_000, 1_024).await;
    let place = RestorePlace::on(scratch).await;
    let archive = place.archive().await;
    for mode in [RestoreMode::Replace, RestoreMode::InsertMissing] {
        for table in ["attendance", "payments", "enrollments", "students"] {
            scratch.execute(&format!("delete from {table}")).await;
        }
        place.restore(&archive, &everything(mode)).await.unwrap();
        assert_eq!(place.digests().await, archive.summary().sha256, "{mode:?}");
    }
    if engine != Engine::Mysql {
        return;
    }
    let long: &str = "x".repeat(1_100_000).leak();
    let larger = archive.rewritten(|table, cells| {
        if table == "students" && cells[0] == Cell::Integer(3) {
            cells[5] = Cell::Text(long);
        }
        true
    });
    for mode in [RestoreMode::Replace, RestoreMode::Merge] {
        let blockers = place.plan(&larger, &everything(mode)).await.unwrap().blockers;
        let [blocker] = blockers.as_slice() else {
            panic!("{blockers:?}");
        };
        assert_eq!(
            (blocker.code, blocker.table),
            (BlockerCode::RowsTooLarge, Table::Students)
        );
        assert!(blocker.text.contains("id 3."), "{blocker:?}");
        let before = place.digests().await;
        let refused = place.restore(&larger, &everything(mode)).await.unwrap_err();
        let said = refused.to_string();
        for word in ["students", "row 3 ", "max_allowed_packet"] {
            assert!(said.contains(word), "{said}");
        }
        assert_eq!(place.digests().await, before, "{mode:?}");
    }
}
