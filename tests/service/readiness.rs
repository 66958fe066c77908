//! The service reports problems of its database and store: at the start in one line, later at `/readyz`.

use serde_json::json;

use harness::service::Setup;
use harness::stub::{self, Stub};
use harness::{Engine, Scratch, Service, WAIT_LIMIT, on_every_engine, refusing_address, small_school, until};

const WRONG_REGION: &str = "<Error><Code>AuthorizationHeaderMalformed</Code></Error>";
const OUTAGE: &str = "<Error><Code>SlowDown</Code></Error>";

/// Waits until `/readyz` has this status, and returns its answer.
async fn answer(service: &Service, status: u16) -> serde_json::Value {
    until("the service has noticed", WAIT_LIMIT, async || {
        service.anonymous().get("/readyz").await.status.as_u16() == status
    })
    .await;
    service.anonymous().get("/readyz").await.json()
}

#[on_every_engine]
async fn read_only_database_is_reported(engine: Engine) {
    if engine != Engine::Postgres {
        return;
    }
    let school = small_school(engine).await;
    let (scratch, service) = (&school.scratch, Service::on(&school.scratch).await);
    let admin = service.admin().await;
    let name = scratch.name();
    scratch
        .execute(&format!("alter database {name} set default_transaction_read_only = on"))
        .await;
    scratch.terminate_connections_of_the_service().await;
    let told = answer(&service, 503).await;
    assert_eq!(
        (&told["code"], &told["reason"]),
        (&json!("database_read_only"), &json!("read_only"))
    );
    let mends = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    assert!(told["detail"].as_str().unwrap().contains(&mends), "{told}");
    let refused = admin.clear(&json!({"table": "payments"})).await;
    refused.problem(503, "database_read_only");
    admin.get("/backup/stats").await.expect(200);

    let logged = service.logs();
    assert!(logged.contains("read-only"), "{logged}");
    scratch
        .execute(&format!(
            "set default_transaction_read_only = off; alter database {name} reset default_transaction_read_only"
        ))
        .await;
    scratch.terminate_connections_of_the_service().await;
    answer(&service, 200).await;
}

#[on_every_engine]
async fn unusable_database_stops_the_start_with_one_line(engine: Engine) {
    if engine != Engine::Postgres {
        return;
    }
    let scratch = Scratch::migrated(engine).await;
    let name = scratch.name();
    scratch
        .execute(&format!("alter database {name} set default_transaction_read_only = on"))
        .await;
    let ended = Setup::on(&scratch).run().await;
    ended.assert_plain_fault(3);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("RESET default_transaction_read_only"),
        "{}",
        ended.stderr
    );
}

#[on_every_engine]
async fn readiness_probes_share_one_database_check(engine: Engine) {
    if engine != Engine::Postgres {
        return;
    }
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let transactions = async || {
        // The server's counter is updated with a delay.
        let sql = "select xact_commit from pg_stat_database where datname = current_database()";
        school
            .scratch
            .execute("select pg_stat_clear_snapshot(), pg_sleep(1.5)")
            .await;
        school.scratch.number(sql).await
    };
    let before = transactions().await;
    for _ in 0..300 {
        service.anonymous().get("/readyz").await.expect(200);
    }
    let cost = transactions().await - before;
    assert!(cost < 300, "{cost} transactions");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_with_wrong_settings_stops_the_start_with_one_line() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let store = Stub::answering(400, WRONG_REGION).await;
    let ended = store.configure(Setup::on(&scratch)).run().await;
    ended.assert_plain_fault(2);
    assert!(
        ended.stderr.contains("Set AWS_REGION to that of the bucket"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_store_is_only_a_warning_at_the_start() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let (address, _socket) = refusing_address();
    let service = stub::at(Setup::on(&scratch), address).start().await;
    let told = service.anonymous().get("/readyz").await.expect(200).json();
    assert_eq!(told["status"], "warning", "{told}");
    assert_eq!(told["warnings"][0]["code"], "store_unavailable", "{told}");
    service.admin().await.get("/backup/stats").await.expect(200);
}

/// The store is checked repeatedly, not only at the start.
#[tokio::test(flavor = "multi_thread")]
async fn outage_of_the_store_is_reported_and_measured() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    let anonymous = service.anonymous();
    let measured = async |line: &str| {
        let metrics = anonymous.get("/metrics").await.expect(200).text();
        metrics.lines().any(|measured| measured == line)
    };
    assert!(measured("campus_backup_ready 1").await);
    assert!(measured("campus_backup_store_up 1").await);
    let folder = service.folder().join("data/archives");
    std::fs::rename(&folder, folder.with_extension("away")).unwrap();
    until("the service has noticed", WAIT_LIMIT, async || {
        measured("campus_backup_store_up 0").await
    })
    .await;
    let told = anonymous.get("/readyz").await.expect(200).json();
    assert_eq!(told["status"], "warning", "{told}");
    let code = told["warnings"][0]["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("store_"), "{told}");
    assert!(measured("campus_backup_ready 1").await);
    assert!(measured(&format!("campus_backup_warning{{code=\"{code}\"}} 1")).await);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::rename(folder.with_extension("away"), &folder).unwrap();
    until("the service has noticed", WAIT_LIMIT, async || {
        measured("campus_backup_store_up 1").await
    })
    .await;
    let told = anonymous.get("/readyz").await.expect(200).json();
    assert_eq!(told["status"], "ok", "{told}");
    assert!(measured(&format!("campus_backup_warning{{code=\"{code}\"}} 0")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn store_can_be_required_for_readiness() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let (address, _socket) = refusing_address();
    let setup = stub::at(Setup::on(&scratch), address).set("CAMPUS_BACKUP_REQUIRE_STORE", "true");
    let service = setup.start().await;
    service
        .anonymous()
        .get("/readyz")
        .await
        .expect_retry_after(503, "store_unavailable");
    service.anonymous().get("/healthz").await.expect(200);
    service.admin().await.get("/backup/stats").await.expect(200);
    let metrics = service.anonymous().get("/metrics").await.expect(200).text();
    for line in ["campus_backup_ready 0", "campus_backup_store_up 0"] {
        assert!(metrics.lines().any(|measured| measured == line), "{line}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_check_is_run_on_request() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let setup = Setup::on(&scratch).installed().await;
    let ended = setup.again().arguments(&["health", "--store"]).run().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("works"), "{ended:?}");

    for (status, body, code, said) in [(400, WRONG_REGION, 2, "AWS_REGION"), (503, OUTAGE, 1, "not available")] {
        let store = Stub::answering(status, body).await;
        let ended = store
            .configure(setup.again())
            .arguments(&["health", "--store"])
            .run()
            .await;
        ended.assert_plain_fault(code);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }

    // A folder with a mistyped path is not created.
    let nowhere = setup.folder().join("nowhere");
    let mistyped = setup.again().set("CAMPUS_BACKUP_ARCHIVES", nowhere.display());
    mistyped
        .arguments(&["health", "--store"])
        .run()
        .await
        .assert_plain_fault(2);
    assert!(!nowhere.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_store_settings_are_refused() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let store = Stub::answering(503, OUTAGE).await;
    for (variable, value) in [
        ("AWS_SECRET_ACCESS_KEY", "from a file\n"),
        ("AWS_REGION", "eu central"),
        ("AWS_ENDPOINT", "minio.example:9000"),
    ] {
        let ended = store.configure(Setup::on(&scratch)).set(variable, value).run().await;
        ended.assert_plain_fault(2);
        assert!(ended.stderr.contains(variable), "{}", ended.stderr);
        assert!(!ended.stderr.contains(value), "{}", ended.stderr);
    }
}
