//! Downloads that the database, the server's end or a full disk cuts short: none may look whole.

use std::process::Command;
use std::time::Duration;

use crate::download_stream::{ROWS, STUDENTS, wide_school};
use harness::service::Setup;
use harness::{Answer, Engine, PATIENCE, Scratch, Service, Wire, fill, on_every_engine, tool, until};

const ALL: &str = "/backup/download/all";

/// The server of the database ends its connections in mid-stream.
#[on_every_engine]
async fn a_download_whose_connection_is_terminated_is_visibly_broken(engine: Engine) {
    if engine == Engine::Sqlite {
        return; // It has no connections that anybody could end.
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
async fn a_download_that_meets_an_unreadable_row_is_visibly_broken(engine: Engine) {
    if engine != Engine::Sqlite {
        return; // The others don't let such a value in.
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
async fn an_unreadable_first_row_is_refused_before_the_first_byte(engine: Engine) {
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
            !detail.contains("nobody"),
            "the detail must not contain the value: {detail}"
        );
    }
}

#[on_every_engine(nightly)]
async fn a_running_download_may_end_when_the_service_stops(engine: Engine) {
    let scratch = wide_school(engine).await;
    let mut service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let mut reader = Wire::download(&service, admin.token(), STUDENTS).await;
    reader.read(100_000).await;
    service.terminate();
    until("new requests are refused", PATIENCE, async || {
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
async fn a_download_that_does_not_end_does_not_keep_the_service(engine: Engine) {
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
async fn a_killed_service_leaves_no_whole_file() {
    let scratch = wide_school(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let reader = Wire::download(&service, admin.token(), STUDENTS).await;
    drop(service);
    reader.ending().await.broken();
}

/// No file of the service may grow, as on a full disk: what writes is refused, and downloads need no file. By default the
/// system kills a process that writes beyond the limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_hinders_no_download() {
    if !tool::is_here("prlimit") {
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
        // As many as there are connections, each of which must be good for a clear and a snapshot afterwards.
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
    admin.post("/backup/download-links", &link).await.expect(201);
    let cleared = admin.clear(&everything).await.expect(200).json();
    assert_eq!(cleared["removed_total"], ROWS);
    let empty = admin.get(STUDENTS).await.expect(200).json();
    assert_eq!(empty["summary"]["total"], 0);
}

/// PostgreSQL and MySQL notice a client that left only when they write to it; the service must not wait for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_service_is_there_at_once_after_a_kill() {
    for engine in Engine::ALL.into_iter().filter(|engine| engine.is_here()) {
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
