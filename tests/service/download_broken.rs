//! Downloads that end early because of the database, the end of the service or a full disk: none may look complete.

use std::process::Command;
use std::time::Duration;

use crate::download_stream::{ROWS, STUDENTS, wide_school};
use harness::service::Setup;
use harness::{Answer, Engine, Scratch, Service, WAIT_LIMIT, Wire, fill, on_every_engine, tool, until};

const ALL: &str = "/backup/download/all";

/// The database server ends the service's connections during the download.
#[on_every_engine]
async fn download_with_a_terminated_connection_is_visibly_broken(engine: Engine) {
    if engine == Engine::Sqlite {
        return; // SQLite has no connections to a server.
    }
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    for encoding in ["identity", "gzip", "zstd", "br"] {
        let bearer = format!("Authorization: Bearer {}", admin.token());
        let accept = format!("Accept-Encoding: {encoding}");
        let mut reader = Wire::send(&service, "GET", STUDENTS, &[&bearer, &accept]).await;
        assert!(reader.head().await.starts_with("HTTP/1.1 200 "));
        scratch.terminate_connections_of_the_service().await;
        let cut = reader.ending().await.broken();
        assert!(!String::from_utf8_lossy(&cut).contains("\"summary\""), "{encoding}");
        until("the pool recovers", Duration::from_secs(5), async || {
            admin.get("/backup/stats").await.status.is_success()
        })
        .await;
        let whole = admin.get(STUDENTS).await.expect(200).json();
        assert_eq!(whole["summary"]["total"], ROWS);
    }
}

/// A value that can't be exported, far behind the first byte.
#[on_every_engine]
async fn download_with_an_unreadable_row_is_visibly_broken(engine: Engine) {
    if engine != Engine::Sqlite {
        return; // The other engines refuse to store such a value.
    }
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    fill::unreadable_enrollment(&scratch).await;
    let reader = Wire::download(&service, admin.token(), ALL).await;
    let cut = reader.ending().await.broken();
    assert!(!String::from_utf8_lossy(&cut).contains("\"summary\""));
    let request = admin.request(reqwest::Method::GET, ALL);
    assert!(
        Answer::try_of(request).await.is_err(),
        "an ordinary client must see it too"
    );
    admin.get("/backup/stats").await.expect(200);
}

#[on_every_engine]
async fn unreadable_first_row_is_reported_before_the_first_byte(engine: Engine) {
    if engine != Engine::Sqlite {
        return;
    }
    let scratch = Scratch::migrated(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    fill::unreadable_enrollment(&scratch).await;
    for format in ["json", "csv", "xlsx"] {
        let path = format!("/backup/download/enrollments?format={format}");
        let problem = admin.get(&path).await.problem(422, "unexportable");
        let detail = problem["detail"].as_str().unwrap().to_lowercase();
        for place in ["enrollments", "7", "student_id"] {
            assert!(detail.contains(place), "{detail}");
        }
        assert!(
            !detail.contains("not-a-number"),
            "the detail must not contain the value: {detail}"
        );
    }
}

#[on_every_engine(nightly)]
async fn running_download_is_completed_when_the_service_stops(engine: Engine) {
    let scratch = wide_school(engine).await;
    let mut service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let mut reader = Wire::download(&service, admin.token(), STUDENTS).await;
    reader.read(100_000).await;
    service.terminate();
    until("new requests are refused", WAIT_LIMIT, async || {
        let request = service.anonymous().request(reqwest::Method::GET, "/healthz");
        Answer::try_of(request)
            .await
            .map_or(true, |answer| !answer.status.is_success())
    })
    .await;
    let body = reader.ending().await.whole();
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["summary"]["total"], ROWS);
    assert_eq!(service.ended().await.code(), Some(0));
}

#[on_every_engine(nightly)]
async fn endless_download_does_not_delay_the_stop(engine: Engine) {
    let scratch = wide_school(engine).await;
    let mut service = Setup::on(&scratch)
        .set("CAMPUS_BACKUP_SHUTDOWN_TIMEOUT", 1)
        .start()
        .await;
    let admin = service.admin().await;
    let reader = Wire::download(&service, admin.token(), STUDENTS).await;
    service.terminate();
    service.ended().await;
    reader.ending().await.broken();
}

#[tokio::test(flavor = "multi_thread")]
async fn download_of_a_killed_service_is_visibly_broken() {
    let scratch = wide_school(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let reader = Wire::download(&service, admin.token(), STUDENTS).await;
    drop(service);
    reader.ending().await.broken();
}

/// The service can't extend any file, as on a full disk: changes are refused, and downloads need no file. By default
/// the system kills a process that writes beyond its limit.
#[tokio::test(flavor = "multi_thread")]
async fn downloads_work_on_a_full_disk() {
    if !tool::is_available("prlimit") {
        return;
    }
    let scratch = wide_school(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let limit = |bytes: &str| {
        let pid = service.pid().to_string();
        tool::run(Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]));
    };
    let link = serde_json::json!({"path": "/backup/download/students"});
    limit("8192");
    let refused = admin.post("/backup/download-links", &link).await;
    assert!([503, 507].contains(&refused.status.as_u16()), "{refused:?}");
    let everything = serde_json::json!({"table": "students"});
    for _ in 0..12 {
        // As many attempts as there are connections. Afterwards a clear and a snapshot must work on each connection.
        let refused = admin.clear(&everything).await;
        assert!([503, 507].contains(&refused.status.as_u16()), "{refused:?}");
    }
    for format in ["csv", "json", "xlsx"] {
        let answer = admin
            .get(&format!("/backup/download/students?format={format}"))
            .await
            .expect(200);
        assert!(answer.body.len() > 1 << 20, "{format}: {} bytes", answer.body.len());
    }
    admin.get("/backup/stats").await.expect(200);
    limit("unlimited");
    // Their events waited in the memory.
    let events = "select count(*) from backup_audit_events where event = 'download'";
    until("the events are in the audit", WAIT_LIMIT, async || {
        scratch.number(events).await == 3
    })
    .await;
    admin.post("/backup/download-links", &link).await.expect(201);
    let cleared = admin.clear(&everything).await.expect(200).json();
    assert_eq!(cleared["removed_total"], ROWS);
    let empty = admin.get(STUDENTS).await.expect(200).json();
    assert_eq!(empty["summary"]["total"], 0);
}

/// PostgreSQL and MySQL notice a lost client only when they write to it. The service must not wait for that.
#[tokio::test(flavor = "multi_thread")]
async fn service_starts_at_once_after_a_kill() {
    for engine in Engine::ALL.into_iter().filter(|engine| engine.is_available()) {
        let scratch = wide_school(engine).await;
        let setup = Setup::on(&scratch);
        let service = setup.start().await;
        let admin = service.admin().await;
        let _reader = Wire::download(&service, admin.token(), STUDENTS).await;
        drop(service);
        let service = setup.start().await;
        service.bearer(admin.token()).get("/backup/stats").await.expect(200);
    }
}
