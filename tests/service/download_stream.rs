//! Downloads whose readers are slow, stop reading, or go away.

use std::time::Duration;

use harness::service::Setup;
use harness::{Client, Engine, PATIENCE, Scratch, Service, Wire, fill, on_every_engine, until};

/// Far more than a socket's buffers take on both sides together.
pub(crate) const ROWS: u32 = 30_000;

/// What a reader who stops must not cost.
const BUFFERS: u64 = 24 * 1024 * 1024;

pub(crate) const STUDENTS: &str = "/backup/download/students?format=json";

/// Thirty megabytes of students.
pub(crate) async fn wide_school(engine: Engine) -> Scratch {
    let scratch = Scratch::migrated(engine).await;
    fill::wide_students(&scratch, ROWS, 1_000).await;
    scratch
}

/// Readers who read the head of an answer and then nothing.
async fn stalled_readers(service: &Service, admin: &Client, number: usize) -> Vec<Wire> {
    let mut readers = Vec::new();
    for _ in 0..number {
        readers.push(Wire::download(service, admin.token(), STUDENTS).await);
    }
    readers
}

#[on_every_engine]
async fn a_slow_reader_gets_everything_in_bounded_memory(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    admin.get("/backup/download/courses?format=json").await.expect(200);
    let before = service.memory().now;
    let mut reader = Wire::download(&service, admin.token(), STUDENTS).await;
    for megabytes in 1..=6 {
        reader.read(megabytes << 20).await;
        // Small reads leave the service time to run ahead, if it does.
        let mut looks = 0;
        until("a look at the memory", PATIENCE, async || {
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
    admin.get(STUDENTS).await.come_again(429, "too_many_downloads");
    let limit = Duration::from_secs(20);
    until("its place is free", limit, async || {
        admin.get(STUDENTS).await.status.is_success()
    })
    .await;
    readers.pop().unwrap().ending().await.broken();
}

/// Reading slowly is not stalling: the limit is on progress, not on the whole.
#[on_every_engine]
async fn slow_client_is_not_cut_off(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_STALL_TIMEOUT", 2).start().await;
    let admin = service.admin().await;
    let mut reader = Wire::download(&service, admin.token(), STUDENTS).await;
    let start = std::time::Instant::now();
    let mut taken = 0;
    until("longer than the limit", PATIENCE, async || {
        taken += 400_000;
        reader.read(taken).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        start.elapsed() > Duration::from_secs(5)
    })
    .await;
    reader.ending().await.whole();
}

#[on_every_engine]
async fn more_downloads_than_allowed_are_sent_away_at_once(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_MAX_DOWNLOADS", 3).start().await;
    let admin = service.admin().await;
    let readers = stalled_readers(&service, &admin, 3).await;
    // At once: what has to wait for the readers ends only after them, and their places would be free then.
    let refused = futures_util::future::join_all((0..5).map(|_| admin.get("/backup/download/courses")));
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("they wait");
    for answer in refused {
        answer.come_again(429, "too_many_downloads");
    }
    drop(readers);
    until("there is room again", PATIENCE, async || {
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
    // The readers have many times the connections of the requests: one that had to wait for theirs would be answered 503.
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
    // One whole round first, so that pools and threads are there.
    let first = stalled_readers(&service, &admin, 4).await;
    drop(first);
    let settled = async || {
        until("a place is free", PATIENCE, async || {
            admin.get("/backup/download/courses").await.status.is_success()
        })
        .await;
    };
    settled().await;
    let (files, connections) = (service.open_files(), scratch.connections_of_others().await);
    let memory = service.memory().now;
    for _ in 0..15 {
        let mut readers = Vec::new();
        until("four places are free", PATIENCE, async || {
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
        PATIENCE,
        async || scratch.connections_of_others().await <= connections.max(5),
    )
    .await;
    let grown = service.memory().now.saturating_sub(memory);
    assert!(grown < BUFFERS, "{} MiB stayed", grown >> 20);
    let whole = admin.get(STUDENTS).await.expect(200).json();
    assert_eq!(whole["summary"]["total"], ROWS);
}

/// A client that leaves before the first byte.
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

/// What changes while a download runs is not in it.
#[on_every_engine]
async fn a_clear_during_a_download_does_not_change_it(engine: Engine) {
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
