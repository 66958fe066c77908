//! Responses of the HTTP server to invalid requests, and to several requests at once.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use harness::{Engine, Service, WAIT_LIMIT, Wire, small_school, until};

/// The response to these bytes, until the server closes the connection.
async fn answers(service: &Service, bytes: &[u8]) -> String {
    let mut wire = Wire::connect(service).await;
    // The server may refuse the request before it was sent completely.
    let _ = wire.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(WAIT_LIMIT, wire.read_to_end(&mut answer)).await;
    // The connection may be reset after the response.
    let _ = read.expect("the connection is still there");
    String::from_utf8_lossy(&answer).into_owned()
}

/// RFC 9112, section 9.3.2: responses have the order of their requests, each with its own framing.
#[tokio::test(flavor = "multi_thread")]
async fn request_after_a_head_request_is_answered() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    for path in ["/healthz", "/api-docs/openapi.json", "/metrics", "/nothing", "/backup/"] {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let get = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let told = answers(&service, format!("{head}{head}{get}").as_bytes()).await;
        let parts: Vec<_> = told.split("HTTP/1.1 ").skip(1).collect();
        assert_eq!(parts.len(), 3, "{path}: {told}");
        for part in &parts[..2] {
            assert!(part.ends_with("\r\n\r\n"), "a body behind the head of {path}: {told}");
            assert!(part.to_lowercase().contains("content-length: "), "{path}: {told}");
        }
        assert!(
            parts[2].starts_with("200") && parts[2].ends_with("{\"status\":\"ok\"}"),
            "{path}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_server_are_logged_and_counted() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let large = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    for (status, request) in [
        (
            400,
            "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: secret-thing\r\n\r\n",
        ),
        (400, "secret-thing\r\n\r\n"),
        (431, &large),
        // The rest of the head never arrives.
        (408, "GET /healthz HTTP/1.1\r\nHost: secret-thing"),
    ] {
        let told = answers(&service, request.as_bytes()).await;
        assert!(
            told.is_empty() || told.starts_with(&format!("HTTP/1.1 {status} ")),
            "{told}"
        );
    }
    let anonymous = service.anonymous();
    for (status, times) in [(400, 2), (431, 1), (408, 1)] {
        let counted =
            format!("http_requests_total{{method=\"unknown\",route=\"unparsed\",status=\"{status}\"}} {times}");
        until("it is counted", WAIT_LIMIT, async || {
            anonymous.get("/metrics").await.expect(200).text().contains(&counted)
        })
        .await;
        let logs = service.logs();
        let logged = logs.lines().filter(|line| line.contains("refused by the server"));
        let logged = logged.filter(|line| line.contains(&format!("status={status}"))).count();
        assert_eq!(logged, times, "{status}: {logs}");
        assert!(!logs.contains("secret-thing"), "{logs}");
    }
}
