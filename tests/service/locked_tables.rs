//! Another program locks whole tables, as during a change of the schema. Waiting requests get a response in time, and
//! cancelled ones release all resources.

use std::time::Duration;

use reqwest::Method;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use harness::service::Setup;
use harness::{Engine, Scratch, Service, WAIT_LIMIT, Wire, on_every_engine, small_school, until};

/// Locks the table of students.
pub(crate) struct LockedTable {
    connection: DatabaseConnection,
    engine: Engine,
}

impl LockedTable {
    /// Locks it against all other clients.
    pub(crate) async fn holding(scratch: &Scratch) -> Self {
        let statements = match scratch.engine() {
            Engine::Postgres => &["begin", "lock table students in access exclusive mode"][..],
            Engine::Mysql => &["lock tables students write"],
            Engine::Sqlite => &[],
        };
        Self::by(scratch, statements).await
    }

    /// Locks it against writers. Readers are not blocked.
    pub(crate) async fn against_writers(scratch: &Scratch) -> Self {
        let statements = match scratch.engine() {
            Engine::Postgres => &["begin", "lock table students in share mode"][..],
            Engine::Mysql => &["lock tables students read"],
            Engine::Sqlite => &[],
        };
        Self::by(scratch, statements).await
    }

    async fn by(scratch: &Scratch, statements: &[&str]) -> Self {
        let connection = scratch.another_connection().await;
        let engine = scratch.engine();
        for statement in statements {
            connection.execute_unprepared(statement).await.unwrap();
        }
        Self { connection, engine }
    }

    pub(crate) async fn lets_go(self) {
        let statement = match self.engine {
            Engine::Postgres => "rollback",
            Engine::Mysql => "unlock tables",
            Engine::Sqlite => return,
        };
        self.connection.execute_unprepared(statement).await.unwrap();
    }
}

fn impatient(scratch: &Scratch) -> Setup {
    Setup::on(scratch)
        .set("CAMPUS_BACKUP_DATABASE_TIMEOUT", 2)
        .set("CAMPUS_BACKUP_DATABASE_CONNECTIONS", 3)
        .set("CAMPUS_BACKUP_MAX_DOWNLOADS", 3)
}

#[on_every_engine]
async fn waiting_requests_get_a_response_in_time(engine: Engine) {
    let school = small_school(engine).await;
    let service = impatient(&school.scratch).start().await;
    let admin = service.admin().await;
    let locked = LockedTable::holding(&school.scratch).await;
    if engine != Engine::Sqlite {
        for path in ["/backup/stats", "/backup/download/students"] {
            admin.get(path).await.expect_retry_after(503, "database_busy");
        }
        admin
            .clear(&json!({"table": "students"}))
            .await
            .expect_retry_after(503, "database_busy");
        admin.get("/auth/me").await.expect(200);
    }
    locked.lets_go().await;
    assert_eq!(admin.get("/backup/stats").await.expect(200).json()["students"], 5);
}

/// A statement that ended while it waited for a lock would leave its connection unusable.
#[on_every_engine]
async fn cancelled_request_releases_its_connection(engine: Engine) {
    let school = small_school(engine).await;
    let service = impatient(&school.scratch).start().await;
    let admin = service.admin().await;
    for _ in 0..2 {
        let locked = LockedTable::holding(&school.scratch).await;
        let given_up = (0..9).map(|number| {
            let clear = json!({"table": "students", "dry_run": false, "expected_rows": 999_999});
            let request = match number % 3 {
                0 => admin.request(Method::GET, "/backup/download/students"),
                1 => admin.request(Method::GET, "/backup/stats"),
                _ => admin.request(Method::POST, "/backup/clear").json(&clear),
            };
            request.timeout(Duration::from_millis(300)).send()
        });
        futures_util::future::join_all(given_up).await;
        // Waits until the statements have ended too.
        until("nothing waits any more", WAIT_LIMIT, async || {
            admin.get("/auth/me").await.status.is_success()
        })
        .await;
        locked.lets_go().await;
        until("all connections work", WAIT_LIMIT, async || {
            let asked = (0..6).map(|number| {
                admin.get(if number % 2 == 0 {
                    "/backup/stats"
                } else {
                    "/backup/download/students"
                })
            });
            let answers = futures_util::future::join_all(asked).await;
            answers.iter().all(|answer| answer.status == 200)
        })
        .await;
    }
    school
        .scratch
        .execute("create index while_nothing_is_open on students (phone)")
        .await;
}

/// A client without a token must not keep a connection for ever by sending an unwanted body slowly.
#[tokio::test(flavor = "multi_thread")]
async fn slow_request_body_is_cut_off() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_BODY_TIMEOUT", 1)
        .start()
        .await;
    let dripping = [
        ("GET", "/healthz"),
        ("POST", "/nope"),
        ("POST", "/backup/clear"),
        ("POST", "/auth/login"),
    ];
    let dripping = dripping.into_iter().flat_map(|(method, path)| {
        ["Transfer-Encoding: chunked", "Content-Length: 65000"].map(|length| drip(&service, method, path, length))
    });
    futures_util::future::join_all(dripping).await;
    service.anonymous().get("/readyz").await.expect(200);
}

/// Sends a request with an endless body, until the service answers and closes the connection.
async fn drip(service: &Service, method: &str, path: &str, length: &str) {
    let mut connection = Wire::connect(service).await;
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n10000\r\n{{");
    connection.write_all(head.as_bytes()).await.unwrap();
    let ended = async {
        let mut answer = Vec::new();
        let mut piece = [0; 1024];
        loop {
            tokio::select! {
                read = connection.read(&mut piece) => match read {
                    Ok(0) | Err(_) => break answer,
                    Ok(read) => answer.extend_from_slice(&piece[..read]),
                },
                () = tokio::time::sleep(Duration::from_millis(200)) => {
                    let _ = connection.write_all(b" ").await;
                }
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), ended).await;
    let answer = answer.unwrap_or_else(|_| panic!("{method} {path} with {length} is still open"));
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
}
