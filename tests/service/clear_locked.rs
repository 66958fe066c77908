//! `POST /backup/clear` while another program is writing.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use serde_json::json;

use harness::service::Setup;
use harness::{Engine, Scratch, on_every_engine, small_school};

/// Another program with an uncommitted change to a student.
struct OtherWriter {
    connection: DatabaseConnection,
}

impl OtherWriter {
    async fn holding(scratch: &Scratch) -> Self {
        let connection = scratch.another_connection().await;
        let begin = if scratch.engine() == Engine::Sqlite {
            "begin immediate"
        } else {
            "begin"
        };
        for statement in [
            begin,
            "update students set phone = '1' where id = 1",
            "update attendance set status = 'leave'",
        ] {
            connection.execute_unprepared(statement).await.unwrap();
        }
        Self { connection }
    }

    async fn lets_go(self) {
        self.connection.execute_unprepared("rollback").await.unwrap();
    }
}

#[on_every_engine]
async fn clear_waits_and_then_answers_busy(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_DATABASE_TIMEOUT", 2)
        .start()
        .await;
    let admin = service.admin().await;
    let before = school.scratch.everything().await;
    let writer = OtherWriter::holding(&school.scratch).await;
    for table in ["students", "attendance", "all"] {
        let start = Instant::now();
        admin
            .clear(&json!({"table": table}))
            .await
            .expect_retry_after(503, "database_busy");
        let waited = start.elapsed();
        assert!(
            waited > Duration::from_millis(900),
            "{table}: it must wait, not {waited:?}"
        );
        assert!(
            waited < Duration::from_secs(20),
            "{table}: it must not wait for ever: {waited:?}"
        );
    }
    // Reading still works.
    let stats = admin.get("/backup/stats").await.expect(200).json();
    assert_eq!(stats["total"], 25);
    admin.csv("/backup/download/students").await;
    admin.get("/backup/download/all").await.expect(200);
    writer.lets_go().await;
    assert_eq!(school.scratch.everything().await, before, "nothing half done");
    let cleared = admin.clear(&json!({"table": "students"})).await.expect(200).json();
    assert_eq!(cleared["removed_total"], 14);
}

#[on_every_engine]
async fn waiting_clear_runs_when_the_lock_is_released(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_DATABASE_TIMEOUT", 20)
        .start()
        .await;
    let admin = service.admin().await;
    let writer = OtherWriter::holding(&school.scratch).await;
    let other = admin.clone();
    let clear = tokio::spawn(async move { other.clear(&json!({"table": "attendance"})).await });
    school.scratch.until_waiting(1).await;
    admin.get("/backup/stats").await.expect(200);
    assert!(!clear.is_finished(), "it waits");
    writer.lets_go().await;
    assert_eq!(clear.await.unwrap().expect(200).json()["removed_total"], 3);
}

/// The client disconnects while its clear waits: everything or nothing was cleared.
#[on_every_engine]
async fn clear_without_its_client_is_complete_or_absent(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_DATABASE_TIMEOUT", 10)
        .start()
        .await;
    let admin = service.admin().await;
    let writer = OtherWriter::holding(&school.scratch).await;
    let other = admin.clone();
    let clear = tokio::spawn(async move { other.clear(&json!({"table": "students"})).await });
    school.scratch.until_waiting(1).await;
    admin.get("/backup/stats").await.expect(200);
    clear.abort();
    writer.lets_go().await;
    // No client waits for the job, if it began at all. It ends nevertheless, and then the service can stop.
    let jobs = admin.get("/backup/jobs?kind=clear").await.expect(200).json();
    if let Some(id) = jobs["items"][0]["id"].as_str() {
        admin.ended(&format!("/backup/jobs/{id}")).await;
    }
    service.stop().await;
    let counts = [
        school.scratch.count("students").await,
        school.scratch.count("enrollments").await,
        school.scratch.count("payments").await,
        school.scratch.count("attendance").await,
    ];
    assert!(counts == [5, 3, 3, 3] || counts == [0; 4], "{counts:?}");
}
