//! The service over a real socket, with a database of its own.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::body::{Body, BodyLimits, RequestBody};
use crate::cli::Serve;

fn settings(folder: &tempfile::TempDir, flags: &[&str]) -> Settings {
    let data_dir = format!("--data-dir={}", folder.path().display());
    let own = ["--listen=127.0.0.1:0", "--body-timeout=1", &data_dir];
    let serve = Serve::of_flags(own.into_iter().chain(flags.iter().copied()));
    Settings::check(&serve, "info", &Default::default()).unwrap()
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ExitError>>,
    folder: tempfile::TempDir,
}

async fn start(flags: &[&str]) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, flags);
    start_with(settings, folder).await
}

async fn start_with(settings: Settings, folder: tempfile::TempDir) -> Running {
    let service = Service::build(settings).await.unwrap();
    let (stop, stopping) = oneshot::channel::<()>();
    Running {
        address: service.address(),
        stop,
        served: tokio::spawn(service.run_until(async {
            let _ = stopping.await;
        })),
        folder,
    }
}

impl Running {
    /// Sends it and reads until the service closes the connection.
    async fn send(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer));
        let _ = read.await.expect("no answer");
        String::from_utf8(answer).unwrap()
    }

    async fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_start_has_the_documented_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let code = async |settings: Settings| Service::build(settings).await.map(|_| ()).unwrap_err();

    let missing = folder.path().join("missing/x.db");
    let missing = format!("--database-url=sqlite:{}", missing.display());
    let unreachable = code(settings(&folder, &[&missing])).await;
    assert_eq!(
        (unreachable.code(), unreachable.lines().len()),
        (3, 1),
        "{unreachable:?}"
    );
    // Bound and never listened on: connections to this port are refused.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = silent.local_addr().unwrap();
    let refused = format!("--database-url=postgres://u:s3cret@{address}/x");
    let refused = [refused.as_str(), "--database-timeout=1"];
    let refused = code(settings(&folder, &refused)).await;
    assert_eq!((refused.code(), refused.lines().len()), (3, 1), "{refused:?}");
    assert!(!refused.lines()[0].contains("s3cret"));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut busy = settings(&folder, &[]);
    busy.listen = taken.local_addr().unwrap();
    assert_eq!(code(busy).await.code(), 4);

    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let below = file.join("below");
    let no_store = code(settings(&folder, &[&format!("--archives={}", below.display())])).await;
    assert_eq!((no_store.code(), no_store.lines().len()), (2, 1), "{no_store:?}");
    assert!(no_store.lines()[0].starts_with("--archives (CAMPUS_BACKUP_ARCHIVES): "));

    let mut no_folder = settings(&folder, &[]);
    no_folder.data_dir = below;
    assert_eq!(code(no_folder).await.code(), 2);

    let database = connect(&settings(&folder, &[])).await.unwrap();
    migrate(&settings(&folder, &[]), &database).await.unwrap();
    let newer = "INSERT INTO backup_migrations (version, applied_at) VALUES ('m99990101_000001_later', 0)";
    sea_orm_execute(&database, newer).await;
    let newer = code(settings(&folder, &[])).await;
    assert_eq!((newer.code(), newer.lines().len()), (5, 1), "{newer:?}");
}

async fn sea_orm_execute(database: &Database, sql: &str) {
    use sea_orm::ConnectionTrait;
    database.connection().execute_unprepared(sql).await.unwrap();
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

impl RequestBody for Note {
    type Form = Self;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_large_bodies_are_answered_and_the_connection_closed() {
    let limits = BodyLimits {
        size: 1_024,
        time: Duration::from_millis(300),
    };
    let echo = async |note: Body<Note>| note.0.text;
    let server = HttpServer::new(move || {
        let app = App::new().app_data(limits).route("/echo", web::post().to(echo));
        middleware::wrap(app, &[])
    });
    let server = server.disable_signals().workers(1).bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    let server = tokio::spawn(server.run());
    let post = async |length: usize, body: Vec<u8>| {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length";
        socket
            .write_all(format!("{head}: {length}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        // A service that has heard enough may close while this is still being sent.
        let _ = socket.write_all(&body).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer))
            .await
            .unwrap();
        String::from_utf8(answer).unwrap()
    };
    let slow = post(500, b"{".to_vec()).await;
    assert!(
        slow.starts_with("HTTP/1.1 408") && slow.contains("\"request_timeout\""),
        "{slow}"
    );
    let announced = post(10_000_000, Vec::new()).await;
    assert!(
        announced.starts_with("HTTP/1.1 413") && announced.contains("1024 bytes"),
        "{announced}"
    );
    let sent = post(10_000_000, vec![b' '; 10_000_000]).await;
    assert!(
        sent.starts_with("HTTP/1.1 413") && sent.contains("connection: close"),
        "{sent}"
    );
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_left_by_a_crash_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(&folder, &[]);
    settings.archives.leftover_age = Duration::ZERO;
    let left = folder.path().join("archives/2026-11-25T03-53-08Z-5f1c2a9b");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("archive.json.zst"), "never listed").unwrap();
    std::fs::write(left.join("unfinished"), "").unwrap();
    let service = start_with(settings, folder).await;
    let swept = async {
        while left.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), swept).await.unwrap();
    service.stop.send(()).unwrap();
    service.served.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_answers_and_stops() {
    use std::os::unix::fs::PermissionsExt;
    let service = start(&[]).await;
    let mode = std::fs::metadata(service.folder.path().join("campus-backup.db"))
        .unwrap()
        .permissions()
        .mode();
    assert!(mode & 0o400 != 0);

    let missing = service.get("/nothing?link=t0ken").await;
    assert!(
        missing.starts_with("HTTP/1.1 404") && missing.contains("\"unknown_path\""),
        "{missing}"
    );
    assert!(!missing.contains("t0ken"));
    assert!(service.get("/healthz").await.contains("{\"status\":\"ok\"}"));
    assert!(service.get("/readyz").await.starts_with("HTTP/1.1 200"));
    let head = service
        .send("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(
        head.contains("content-length: 15") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let metrics = service.get("/metrics").await;
    assert!(
        metrics.contains(r#"http_requests_total{method="GET",route="/healthz",status="200"}"#),
        "{metrics}"
    );
    assert!(metrics.contains(r#"route="unknown",status="404""#) && !metrics.contains("t0ken"));
    assert!(metrics.contains("http_request_duration_seconds_bucket"));
    let document = service.get("/api-docs/openapi.json").await;
    assert!(document.contains("\"openapi\"") && document.contains("default-src 'none'; frame-ancestors"));
    let page = service.get("/swagger-ui/").await;
    assert!(
        page.contains("<title>Swagger UI</title>") && page.contains("script-src 'self'"),
        "{page}"
    );
    let initializer = service.get("/swagger-ui/swagger-initializer.js").await;
    for setting in [
        "/api-docs/openapi.json",
        "persistAuthorization",
        "tryItOutEnabled",
        "displayRequestDuration",
    ] {
        assert!(initializer.contains(setting), "{initializer}");
    }
    assert!(service.get("/swagger-ui").await.contains("location: /swagger-ui/"));
    let wrong = service
        .send("DELETE /api-docs/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(
        wrong.starts_with("HTTP/1.1 405") && wrong.contains("allow: GET, HEAD"),
        "{wrong}"
    );

    std::fs::remove_file(service.folder.path().join("campus-backup.db")).unwrap();
    let gone = service.get("/readyz").await;
    assert!(
        gone.starts_with("HTTP/1.1 503") && gone.contains("\"database_unavailable\""),
        "{gone}"
    );

    // A connection that is kept open and idle must not hold it up.
    let mut idle = TcpStream::connect(service.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 1024];
    assert!(idle.read(&mut some).await.unwrap() > 0);
    service.stop.send(()).unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(10), service.served).await;
    stopped.expect("it does not stop").unwrap().unwrap();
    assert!(TcpStream::connect(service.address).await.is_err());
}

/// A service with a download that takes a while, or for ever.
async fn slow_download(chunks: usize, shutdown_timeout: u64) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let state = state(settings(&folder, &[]), Installation::CreateIfMissing, |_| {
        Ok(Runner::ephemeral())
    });
    let AppState {
        jobs,
        deliveries,
        copies,
        ..
    } = state.await.unwrap();
    let download = move || async move {
        let chunks = futures_util::stream::unfold(0, move |sent| async move {
            if sent == chunks {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((Ok::<_, Error>(web::Bytes::from_static(b"row\n")), sent + 1))
        });
        actix_web::HttpResponse::Ok().streaming(chunks)
    };
    let server = HttpServer::new(move || middleware::wrap(App::new().route("/download", web::get().to(download)), &[]))
        .disable_signals()
        .workers(1)
        .shutdown_timeout(shutdown_timeout)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = server.addrs()[0];
    Service {
        server: server.run(),
        address,
        jobs,
        deliveries,
        copies,
        shutdown_timeout: Duration::from_secs(shutdown_timeout),
    }
}

/// A connection on which the download has begun.
async fn begin_download(address: SocketAddr) -> (TcpStream, Vec<u8>) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket
        .write_all(b"GET /download HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 64];
    socket.read_exact(&mut answer).await.unwrap();
    (socket, answer)
}

/// Begins to download, stops the service, and reads on.
async fn stop_while_downloading(chunks: usize, shutdown_timeout: u64) -> String {
    let service = slow_download(chunks, shutdown_timeout).await;
    let address = service.address();
    let (stop, stopping) = oneshot::channel::<()>();
    let served = tokio::spawn(service.run_until(async {
        let _ = stopping.await;
    }));
    let (mut socket, mut answer) = begin_download(address).await;
    stop.send(()).unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer))
        .await
        .unwrap();
    let served = tokio::time::timeout(Duration::from_secs(20), served).await;
    served.unwrap().unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_download_ends_before_the_service() {
    let answer = stop_while_downloading(20, 30).await;
    assert_eq!(answer.matches("row\n").count(), 20);
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_download_ends_as_a_broken_transfer() {
    let answer = stop_while_downloading(usize::MAX, 1).await;
    assert!(answer.contains("row\n") && !answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_signal_stops_at_once() {
    let terminate = || {
        let id = std::process::id().to_string();
        assert!(
            std::process::Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
    };
    let service = slow_download(usize::MAX, 600).await;
    let address = service.address();
    let served = tokio::spawn(service.run());
    let (_socket, _) = begin_download(address).await;
    terminate();
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap();
    assert!(!served.is_finished());
    terminate();
    tokio::time::timeout(Duration::from_secs(10), served)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
