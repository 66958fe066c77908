//! The length and digest of downloads, with which every client detects a broken transfer, also behind a proxy.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::download_stream::{ROWS, STUDENTS, wide_school};
use harness::archives_rig::ArchivesPlace;
use harness::service::Setup;
use harness::{Client, Engine, Scratch, Service, WAIT_LIMIT, Wire, fill, on_every_engine, until};

/// Nearly every proxy sends this header.
const PROXY: &str = "X-Forwarded-For: 198.51.100.7";

/// A download of several megabytes.
const CSV: &str = "/backup/download/students";

/// The status line and headers in lower case, and the received bytes.
async fn received(service: &Service, admin: &Client, path: &str, lines: &[&str]) -> (String, Vec<u8>) {
    let mut wire = ask(service, admin, path, lines).await;
    let head = wire.head().await.to_ascii_lowercase();
    (head, wire.ending().await.whole())
}

async fn ask(service: &Service, admin: &Client, path: &str, lines: &[&str]) -> Wire {
    let bearer = format!("Authorization: Bearer {}", admin.token());
    let lines: Vec<_> = lines.iter().copied().chain([bearer.as_str()]).collect();
    Wire::send(service, "GET", path, &lines).await
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
}

#[track_caller]
fn assert_measured(head: &str, body: &[u8]) {
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(
        header(head, "content-length"),
        Some(body.len().to_string().as_str()),
        "{head}"
    );
    assert_eq!(header(head, "transfer-encoding"), None, "{head}");
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body))).to_ascii_lowercase();
    assert_eq!(header(head, "repr-digest"), Some(digest.as_str()), "{head}");
    assert_eq!(header(head, "content-digest"), Some(digest.as_str()), "{head}");
}

#[on_every_engine(nightly)]
async fn short_downloads_have_their_exact_length_and_digest(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (service, admin) = (&place.service, &place.admin);
    let id = admin.create_backup().await;
    admin.clear(&json!({"table": "payments"})).await.expect(200);
    let paths = [
        "/backup/download/students".to_owned(),
        "/backup/download/students?format=xlsx".to_owned(),
        "/backup/download/all".to_owned(),
        format!("/backup/archives/{id}/download/payments"),
        format!("/backup/archives/{id}/download/payments?format=json"),
        format!("/backup/diff?from={id}&to=live&format=csv"),
    ];
    for path in paths {
        for encoding in ["identity", "gzip", "br", "zstd"] {
            let accept = format!("Accept-Encoding: {encoding}");
            let (head, body) = received(service, admin, &path, &[&accept]).await;
            assert_measured(&head, &body);
            let coded = encoding != "identity" && !path.contains("xlsx");
            assert_eq!(header(&head, "content-encoding"), coded.then_some(encoding), "{path}");
        }
        let headed = admin.request(Method::HEAD, &path).send().await.unwrap();
        let (_, body) = received(service, admin, &path, &["Accept-Encoding: identity"]).await;
        assert_eq!(headed.headers()["content-length"], body.len().to_string(), "{path}");
        assert!(headed.headers().contains_key("repr-digest"), "{path}");
        assert!(!headed.headers().contains_key("content-digest"), "{path}");
    }
}

#[on_every_engine]
async fn every_download_through_a_proxy_has_its_length_and_digest(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    for path in [CSV, STUDENTS, "/backup/download/all"] {
        // The other encodings are slow in a debug build.
        for encoding in ["identity", "zstd"] {
            let accept = format!("Accept-Encoding: {encoding}");
            let (head, body) = received(&service, &admin, path, &[&accept, PROXY]).await;
            assert_measured(&head, &body);
            assert!(body.len() > 10 << 20, "{path}: {} bytes", body.len());
        }
    }
    for said in [
        "Via: 1.1 proxy",
        "Forwarded: for=198.51.100.7",
        "X-Forwarded-Proto: https",
    ] {
        let (head, body) = received(&service, &admin, CSV, &[said]).await;
        assert_measured(&head, &body);
    }
    let (head, body) = received(&service, &admin, CSV, &[]).await;
    assert_eq!(
        header(&head, "transfer-encoding"),
        Some("chunked"),
        "a direct one goes out while it is read"
    );
    assert!(body.len() > 10 << 20);
}

/// A proxy without this header is recognized by its address.
#[tokio::test(flavor = "multi_thread")]
async fn trusted_proxy_without_headers_is_recognized() {
    let scratch = wide_school(Engine::Sqlite).await;
    let service = Setup::on(&scratch)
        .set("CAMPUS_BACKUP_TRUSTED_PROXIES", "127.0.0.0/8")
        .start()
        .await;
    let admin = service.admin().await;
    let (head, body) = received(&service, &admin, CSV, &[]).await;
    assert_measured(&head, &body);
}

/// In HTTP/1.0, only the end of the connection would mark the end of a download without a length.
#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_response_has_a_length() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let scratch = wide_school(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let mut stream = Wire::connect(&service).await;
    let request = format!("GET {CSV} HTTP/1.0\r\nAuthorization: Bearer {}\r\n\r\n", admin.token());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    let length = answer.len() - end;
    assert_eq!(
        header(&head, "content-length"),
        Some(length.to_string().as_str()),
        "{head}"
    );
    assert!(length > 10 << 20);
}

/// An error in the middle is reported before the first byte, with its place.
#[on_every_engine]
async fn unreadable_row_is_reported_through_a_proxy(engine: Engine) {
    if engine != Engine::Sqlite {
        return; // The other engines refuse to store such a value.
    }
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    fill::unreadable_enrollment(&scratch).await;
    let request = admin
        .request(Method::GET, "/backup/download/all")
        .header("X-Forwarded-For", "198.51.100.7");
    let problem = harness::Answer::of(request).await.problem(422, "unexportable");
    let detail = problem["detail"].as_str().unwrap().to_lowercase();
    for place in ["enrollments", "7", "student_id"] {
        assert!(detail.contains(place), "{detail}");
    }
}

/// A cell in Excel has at most 32,767 characters.
#[on_every_engine]
async fn text_too_long_for_a_cell_is_reported_before_the_first_byte(engine: Engine) {
    let scratch = wide_school(engine).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let long = format!(
        "update students set address = '{}' where id = {ROWS}",
        "x".repeat(32_768)
    );
    scratch.execute(&long).await;
    let problem = admin
        .get("/backup/download/students?format=xlsx")
        .await
        .problem(422, "unexportable");
    let detail = problem["detail"].as_str().unwrap().to_lowercase();
    for place in ["students", &ROWS.to_string(), "address", "32767"] {
        assert!(detail.contains(place), "{detail}");
    }
    for format in ["csv", "json"] {
        let answer = admin
            .get(&format!("/backup/download/students?format={format}"))
            .await
            .expect(200);
        assert!(answer.text().contains(&"x".repeat(32_768)), "{format}");
    }
}

/// A slow client of a spooled download holds no database connection, but keeps its permit.
#[on_every_engine]
async fn spooled_download_holds_a_permit_and_no_connection(engine: Engine) {
    let scratch = wide_school(engine).await;
    let setup = Setup::on(&scratch).set("CAMPUS_BACKUP_MAX_DOWNLOADS", 1);
    let service = setup.start().await;
    let admin = service.admin().await;
    let mut reader = ask(&service, &admin, STUDENTS, &[PROXY]).await;
    reader.head().await;
    reader.read(100_000).await;
    admin
        .get("/backup/download/courses")
        .await
        .expect_retry_after(429, "too_many_downloads");
    if engine != Engine::Sqlite {
        scratch.terminate_connections_of_the_service().await;
    }
    scratch.execute("delete from students").await;
    let document: serde_json::Value = serde_json::from_slice(&reader.ending().await.whole()).unwrap();
    assert_eq!(document["summary"]["total"], ROWS);
    until("its place is free", WAIT_LIMIT, async || {
        admin.get("/backup/download/courses").await.status.is_success()
    })
    .await;
}

/// The spooled file has no name, so it is gone after a kill.
#[tokio::test(flavor = "multi_thread")]
async fn spooled_download_leaves_nothing_behind() {
    let scratch = wide_school(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    let admin = service.admin().await;
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(service.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let (before, open) = (names(), service.open_files());
    let memory = service.memory().now;
    let mut readers = Vec::new();
    for _ in 0..8 {
        let mut reader = ask(&service, &admin, STUDENTS, &[PROXY]).await;
        reader.head().await;
        readers.push(reader);
    }
    assert_eq!(names(), before);
    let grown = service.memory().peak.saturating_sub(memory);
    assert!(grown < 48 << 20, "{} MiB for eight of thirty", grown >> 20);
    drop(readers);
    service.until_open_files(open + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn download_through_a_proxy_is_refused_without_room() {
    let scratch = wide_school(Engine::Sqlite).await;
    let limit = 40 << 20;
    let service = Setup::on(&scratch)
        .set("CAMPUS_BACKUP_SPOOL_LIMIT", limit)
        .start()
        .await;
    let admin = service.admin().await;
    let through = async |path: &str| {
        let request = admin.request(Method::GET, path).header("Via", "1.1 proxy");
        harness::Answer::of(request).await
    };
    let mut reader = ask(&service, &admin, STUDENTS, &[PROXY]).await;
    reader.head().await;
    // Another download uses the space.
    let problem = through(STUDENTS).await;
    let problem = {
        assert!(problem.headers.contains_key("retry-after"), "{problem:?}");
        problem.problem(507, "insufficient_storage")
    };
    assert!(problem["hint"].as_str().unwrap().contains("--spool-limit"), "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains(&limit.to_string()),
        "{problem}"
    );
    // Short downloads, and downloads without a proxy, need no space.
    through("/backup/download/courses").await.expect(200);
    admin.get(STUDENTS).await.expect(200);
    drop(reader);
    until("the room is given back", WAIT_LIMIT, async || {
        through(STUDENTS).await.status.is_success()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn download_larger_than_the_limit_has_no_retry_time() {
    let scratch = wide_school(Engine::Sqlite).await;
    let service = Setup::on(&scratch)
        .set("CAMPUS_BACKUP_SPOOL_LIMIT", 8 << 20)
        .start()
        .await;
    let admin = service.admin().await;
    let request = admin.request(Method::GET, STUDENTS).header("Via", "1.1 proxy");
    let answer = harness::Answer::of(request).await;
    assert!(!answer.headers.contains_key("retry-after"), "{answer:?}");
    answer.problem(507, "insufficient_storage");
}

/// A client that disconnects during the spooling ends the query and releases the space.
#[on_every_engine]
async fn disconnected_client_ends_the_spooling(engine: Engine) {
    let scratch = wide_school(engine).await;
    fill::wide_students_after(&scratch, i64::from(ROWS), ROWS, 1_000).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_MAX_DOWNLOADS", 1).start().await;
    let admin = service.admin().await;
    for _ in 0..5 {
        drop(ask(&service, &admin, STUDENTS, &[PROXY]).await);
    }
    until("its place is free", WAIT_LIMIT, async || {
        admin.get("/backup/download/courses").await.status.is_success()
    })
    .await;
    assert!(until_idle(&scratch).await);
}

/// Whether no connection of the service is in a transaction.
async fn until_idle(scratch: &Scratch) -> bool {
    if scratch.engine() != Engine::Postgres {
        return true;
    }
    let busy = "select count(*) from pg_stat_activity \
                where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()";
    until("nothing is read any more", WAIT_LIMIT, async || {
        scratch.rows(busy).await[0][0].as_deref() == Some("0")
    })
    .await;
    true
}

/// A client that is much slower than its connection, with the large buffers of a browser.
#[on_every_engine(nightly)]
async fn steady_slow_reader_is_not_cut_off(engine: Engine) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let scratch = wide_school(engine).await;
    let service = Setup::on(&scratch).set("CAMPUS_BACKUP_STALL_TIMEOUT", 3).start().await;
    let admin = service.admin().await;
    for proxy in ["", "Via: 1.1 proxy\r\n"] {
        let mut stream = tokio::net::TcpStream::connect(service.address()).await.unwrap();
        let head = format!(
            "GET {STUDENTS} HTTP/1.1\r\nHost: x\r\n{proxy}Authorization: Bearer {}\r\n\r\n",
            admin.token()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // 64 kB a second: even a third of the megabytes in the kernel's buffers takes much longer than the timeout.
        let mut buffer = vec![0; 6_400];
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            let read = tokio::time::timeout(WAIT_LIMIT, stream.read_exact(&mut buffer))
                .await
                .unwrap();
            read.expect("it was cut off");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.ok();
        let end = String::from_utf8_lossy(&rest[rest.len() - 4096..]).into_owned();
        assert!(end.contains("\"summary\""), "it was cut off");
    }
}
