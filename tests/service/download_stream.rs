//! Downloads with slow, stalled or disconnected clients.

use std::time::Duration;

use harness::service::Setup;
use harness::{Client, Engine, Scratch, Service, WAIT_LIMIT, Wire, fill, on_every_engine, until};

/// More rows than the socket buffers of both sides hold.
pub(crate) const ROWS: u32 = 30_000;

/// The memory that all stalled clients together may use.
const BUFFERS: u64 = 24 * 1024 * 1024;

pub(crate) const STUDENTS: &str = "/backup/download/students?format=json";

/// Students with 30 megabytes of data.
pub(crate) async fn wide_school(engine: Engine) -> Scratch {
    let scratch = Scratch::migrated(engine).await;
    fill::wide_students(&scratch, ROWS, 1_000).await;
    scratch
}

/// Clients that read the head of a response and then stop.
async fn stalled_readers(service: &Service, admin: &Client, number: usize) -> Vec<Wire> {
    let mut readers = Vec::new();
    for _ in 0..number {
        readers.push(Wire::download(service, admin.token(), STUDENTS).await);
    }
    readers
}

#[on_every_engine]
async fn slow_reader_gets_everything_in_bounded_memory(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    admin.get("/backup/download/courses?format=json").await.expect(200);
    let before = service.memory().now;
    let mut reader = Wire::download(&service, admin.token(), STUDENTS).await;
    for megabytes in 1..=6 {
        reader.read(megabytes << 20).await;
        // Small reads give the service time to read too far ahead.
        let mut looks = 0;
        until("a look at the memory", WAIT_LIMIT, async || {
            looks += 1;
            looks > 10
        })
        .await;
    }
    let grown = service.memory().peak.saturating_sub(before);
    assert!(grown < BUFFERS, "{} MiB for one slow reader", grown >> 20);
    let body = String::from_utf8(reader.ending().await.whole()).unwrap();
    assert_eq!(
        body.lines().filter(|line| line.starts_with("{\"id\":")).count(),
        ROWS as usize
    );
    assert!(body.contains("\"summary\":"));
}

#[on_every_engine]
async fn stalled_client_is_cut_off(engine: Engine) {
    let scratch = wide_school(engine).await;
    let setup = Setup::on(&scratch)
        .set("CAMPUS_BACKUP_STALL_TIMEOUT", 2)
        .set("CAMPUS_BACKUP_MAX_DOWNLOADS", 1);
    let service = setup.start().await;
    let admin = service.admin().await;
    let mut readers = stalled_readers(&service, &admin, 1).await;
    admin.get(STUDENTS).await.expect_retry_after(429, "too_many_downloads");
    let limit = Duration::from_secs(20);
    until("its place is free", limit, async || {
        admin.get(STUDENTS).await.status.is_success()
    })
    .await;
    readers.pop().unwrap().ending().await.broken();
}

/// The timeout applies to the time without progress, not to the whole download.
#[on_every_engine]
async fn slow_client_is_not_cut_off(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_STALL_TIMEOUT", 2).start().await;
    let admin = service.admin().await;
    let mut reader = Wire::download(&service, admin.token(), STUDENTS).await;
    let start = std::time::Instant::now();
    let mut taken = 0;
    until("longer than the limit", WAIT_LIMIT, async || {
        taken += 400_000;
        reader.read(taken).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        start.elapsed() > Duration::from_secs(5)
    })
    .await;
    reader.ending().await.whole();
}

#[on_every_engine]
async fn downloads_beyond_the_limit_are_refused_at_once(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_MAX_DOWNLOADS", 3).start().await;
    let admin = service.admin().await;
    let readers = stalled_readers(&service, &admin, 3).await;
    // The refusals come at once. If they waited for the clients, the permits would be free at the end.
    let refused = futures_util::future::join_all((0..5).map(|_| admin.get("/backup/download/courses")));
    let refused = tokio::time::timeout(WAIT_LIMIT, refused).await.expect("they wait");
    for answer in refused {
        answer.expect_retry_after(429, "too_many_downloads");
    }
    drop(readers);
    until("there is room again", WAIT_LIMIT, async || {
        admin.get("/backup/download/courses").await.status.is_success()
    })
    .await;
}

#[on_every_engine]
async fn stalled_clients_do_not_delay_others(engine: Engine) {
    let scratch = wide_school(engine).await;
    let setup = Setup::on(&scratch)
        .set("CAMPUS_BACKUP_MAX_DOWNLOADS", 20)
        .set("CAMPUS_BACKUP_DATABASE_CONNECTIONS", 3);
    let service = setup.start().await;
    let admin = service.admin().await;
    let readers = stalled_readers(&service, &admin, 20).await;
    // There are many more clients than connections for requests. A request that waited for a client's connection would
    // get 503.
    for _ in 0..50 {
        admin.get("/backup/stats").await.expect(200);
    }
    service.admin().await;
    admin
        .clear(&serde_json::json!({"table": "attendance"}))
        .await
        .expect(200);
    drop(readers);
}

#[on_every_engine]
async fn disconnected_clients_leave_no_resources(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_MAX_DOWNLOADS", 4).start().await;
    let admin = service.admin().await;
    // A first round creates the pools and threads.
    let first = stalled_readers(&service, &admin, 4).await;
    drop(first);
    let settled = async || {
        until("a place is free", WAIT_LIMIT, async || {
            admin.get("/backup/download/courses").await.status.is_success()
        })
        .await;
    };
    settled().await;
    let (files, connections) = (service.open_files(), scratch.connections_of_others().await);
    let memory = service.memory().now;
    for _ in 0..15 {
        let mut readers = Vec::new();
        until("four places are free", WAIT_LIMIT, async || {
            let bearer = format!("Authorization: Bearer {}", admin.token());
            let mut reader = Wire::send(&service, "GET", STUDENTS, &[&bearer]).await;
            if reader.head().await.starts_with("HTTP/1.1 200 ") {
                reader.read(100_000).await;
                readers.push(reader);
            }
            readers.len() == 4
        })
        .await;
        drop(readers);
    }
    settled().await;
    service.until_open_files(files + 2).await;
    until(
        "connections to the database are no more than before",
        WAIT_LIMIT,
        async || scratch.connections_of_others().await <= connections.max(5),
    )
    .await;
    let grown = service.memory().now.saturating_sub(memory);
    assert!(grown < BUFFERS, "{} MiB stayed", grown >> 20);
    let whole = admin.get(STUDENTS).await.expect(200).json();
    assert_eq!(whole["summary"]["total"], ROWS);
}

/// A client that disconnects before the first byte.
#[on_every_engine]
async fn disconnecting_before_the_response_leaves_no_resources(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_MAX_DOWNLOADS", 2).start().await;
    let admin = service.admin().await;
    let bearer = format!("Authorization: Bearer {}", admin.token());
    for _ in 0..20 {
        drop(Wire::send(&service, "GET", "/backup/download/students?format=xlsx", &[&bearer]).await);
    }
    until("there is room again", Duration::from_secs(60), async || {
        admin.get("/backup/download/students").await.status.is_success()
    })
    .await;
}

/// A change during a download is not in the file.
#[on_every_engine]
async fn clear_does_not_change_a_running_download(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let mut reader = Wire::download(&service, admin.token(), STUDENTS).await;
    reader.read(100_000).await;
    let cleared = admin
        .clear(&serde_json::json!({"table": "students"}))
        .await
        .expect(200)
        .json();
    assert_eq!(cleared["removed"]["students"], ROWS);
    let body = reader.ending().await.whole();
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["summary"]["total"], ROWS);
    assert_eq!(document["tables"]["students"].as_array().unwrap().len(), ROWS as usize);
}
