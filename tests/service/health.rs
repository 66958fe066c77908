//! `/backup/health`, its alarms, `campus-backup health --backups`, and the metrics of the backups.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVE_KEY, ArchivesPlace, OTHER_ARCHIVE_KEY, of};
use harness::s3::S3;
use harness::service::Setup;
use harness::{
    Client, Engine, Scratch, Service, WAIT_LIMIT, on_every_engine, small_school, tool, until, write_private,
};

const HEALTH: &str = "/backup/health";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn codes(health: &Value) -> Vec<&str> {
    let reasons = health["reasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}

/// The health, when it is no longer the one of the second before.
async fn health(admin: &Client, status: u16, expected: &[&str]) -> Value {
    let mut health = Value::Null;
    until("the health has these reasons", WAIT_LIMIT, async || {
        let answer = admin.get(HEALTH).await;
        let is_status = answer.status.as_u16() == status;
        health = answer.json();
        is_status && codes(&health) == expected
    })
    .await;
    health
}

async fn metrics(service: &Service) -> String {
    service.anonymous().get("/metrics").await.expect(200).text()
}

fn measured(metrics: &str, line: &str) -> bool {
    metrics.lines().any(|measured| measured == line)
}

/// As if the schedules had been there for days, and no copy of the service had made their runs.
async fn age_schedules(scratch: &Scratch) {
    let days_ago = |days: u8| match scratch.engine() {
        Engine::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:00+00:00', 'now', '-{days} days')"),
        Engine::Postgres => format!("date_trunc('minute', now()) - interval '{days} days'"),
        Engine::Mysql => format!("date_format(utc_timestamp() - interval {days} day, '%Y-%m-%d %H:%i:00')"),
    };
    let sql = format!(
        "update backup_schedules set updated_at = {}, next_run_at = {}",
        days_ago(3),
        days_ago(2)
    );
    scratch.execute(&sql).await;
}

/// Whether a value fits a schema of the document: types, enumerations, and exactly the required members.
fn assert_fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        return assert_fits(document, schema, value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let is_null = |schema: &&Value| schema["type"] == "null";
        let schema = choices.iter().find(|schema| is_null(schema) == value.is_null());
        return assert_fits(
            document,
            schema.unwrap_or_else(|| panic!("{place}: {value}")),
            value,
            place,
        );
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value}");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = &schema["type"];
    let is_allowed = allowed == kind || allowed.as_array().is_some_and(|kinds| kinds.contains(&json!(kind)));
    assert!(is_allowed, "{place}: {value} is not {allowed}");
    if let Some(members) = value.as_object() {
        let required: BTreeSet<_> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        let present: BTreeSet<_> = members.keys().map(String::as_str).collect();
        assert_eq!(present, required, "{place}");
        for (name, value) in members {
            assert_fits(document, &schema["properties"][name], value, &format!("{place}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        assert_fits(document, &schema["items"], item, place);
    }
}

#[on_every_engine]
async fn overdue_backup_is_answered_with_503_and_the_body_of_the_document(engine: Engine) {
    let school = small_school(engine).await;
    // Another copy would have made the runs.
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_SCHEDULES", "off");
    let service = setup.start().await;
    let admin = service.admin().await;
    let document = service
        .anonymous()
        .get("/api-docs/openapi.json")
        .await
        .expect(200)
        .json();
    let schema = &document["components"]["schemas"]["BackupHealth"];
    let first = admin.get(HEALTH).await.expect(200);
    assert_eq!(first.header("cache-control"), "no-store");
    let first = first.json();
    assert_eq!(
        (&first["status"], codes(&first)),
        (&json!("warning"), vec!["never_backed_up", "no_schedule"])
    );
    assert_fits(&document, schema, &first, "health");

    admin
        .post("/backup/schedules", &json!({"name": "hourly", "preset": "hourly"}))
        .await
        .expect(201);
    age_schedules(&school.scratch).await;
    let failing = health(&admin, 503, &["never_backed_up", "scheduler_stalled"]).await;
    assert_eq!(failing["status"], "failing");
    assert_fits(&document, schema, &failing, "health");
    let answer = admin.get(HEALTH).await.expect(503);
    assert_eq!(answer.header("content-type"), "application/json");
    // The service still works, so it gets requests.
    let measures = metrics(&service).await;
    for line in [
        "campus_backup_health_status{status=\"failing\"} 1",
        "campus_backup_health_status{status=\"ok\"} 0",
        "campus_backup_health_reason{code=\"scheduler_stalled\"} 1",
        "campus_backup_health_reason{code=\"backup_stale\"} 0",
        "campus_backup_warning{code=\"backups_failing\"} 1",
        "campus_backup_warning{code=\"little_room\"} 0",
        "campus_backup_ready 1",
    ] {
        assert!(measured(&measures, line), "{line}: {measures}");
    }
    let ready = service.anonymous().get("/readyz").await.expect(200).json();
    assert_eq!(ready["status"], "warning");
    assert_eq!(ready["warnings"][0]["code"], "backups_failing", "{ready}");
    let detail = ready["warnings"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("never_backed_up, scheduler_stalled"), "{ready}");

    admin.create_backup().await;
    let stalled = health(&admin, 503, &["scheduler_stalled", "never_verified"]).await;
    assert!(stalled["last_backup"]["at"].is_string());
    assert_fits(&document, schema, &stalled, "health");
}

/// A row of an alarm as old as if it had been raised hours ago.
async fn raise_hours_ago(scratch: &Scratch, code: &str, hours: u8) {
    let at = match scratch.engine() {
        Engine::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-{hours} hours')"),
        Engine::Postgres => format!("now() - interval '{hours} hours'"),
        Engine::Mysql => format!("utc_timestamp() - interval {hours} hour"),
    };
    let sql = format!(
        "insert into backup_alarms (code, severity, detail, raised_at) values ('{code}', 'warning', 'x', {at})"
    );
    scratch.execute(&sql).await;
}

#[on_every_engine]
async fn one_of_two_copies_tells_an_alarm_although_neither_makes_scheduled_backups(engine: Engine) {
    let scratch = Scratch::migrated(engine).await;
    raise_hours_ago(&scratch, "no_schedule", 1).await;
    let setup = Setup::on(&scratch).set("CAMPUS_BACKUP_SCHEDULES", "off");
    let (first, second) = tokio::join!(setup.start(), async {
        Setup::on(&scratch).set("CAMPUS_BACKUP_SCHEDULES", "off").start().await
    });
    let told = "a warning about backups";
    let count = || {
        [&first, &second]
            .map(|service| service.logs().matches(told).count())
            .iter()
            .sum::<usize>()
    };
    until("an alarm is told", WAIT_LIMIT, async || count() > 0).await;
    let sql = "select count(*) from backup_alarms where code = 'no_schedule' and told_at is not null";
    assert_eq!(scratch.number(sql).await, 1);
    // Both copies have checked.
    until("both copies have checked", WAIT_LIMIT, async || {
        let mut checked = true;
        for service in [&first, &second] {
            checked &= measured(
                &metrics(service).await,
                "campus_backup_health_reason{code=\"no_schedule\"} 1",
            );
        }
        checked
    })
    .await;
    assert_eq!(count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_does_not_open_the_last_backup_is_failing() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let key = setup.folder().join("key");
    write_private(&key, ARCHIVE_KEY);
    let with_key = |setup: Setup| setup.set("CAMPUS_BACKUP_ARCHIVE_KEY_FILE", key.display());
    let service = with_key(setup.again()).start().await;
    let admin = service.admin().await;
    admin.create_backup().await;
    let usable = health(&admin, 200, &["no_schedule", "never_verified"]).await;
    assert_eq!(
        usable["key"],
        json!({"encrypts": true, "opens_last_backup": true, "needs_identity": false})
    );
    drop(service);
    write_private(&key, OTHER_ARCHIVE_KEY);
    let service = with_key(setup.again()).start().await;
    let admin = service.admin().await;
    let unusable = health(&admin, 503, &["key_unusable", "no_schedule", "never_verified"]).await;
    assert_eq!(
        unusable["key"],
        json!({"encrypts": true, "opens_last_backup": false, "needs_identity": false})
    );
    // Without any key, too.
    drop(service);
    let service = setup.start().await;
    let unusable = health(
        &service.admin().await,
        503,
        &["key_unusable", "no_schedule", "never_verified"],
    )
    .await;
    assert_eq!(
        unusable["key"],
        json!({"encrypts": false, "opens_last_backup": false, "needs_identity": false})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_backup_is_failing_until_another_one_is_verified() {
    let place = ArchivesPlace::on(Engine::Sqlite).await;
    let admin = &place.admin;
    let id = admin.create_backup().await;
    let verify = async |id: &str| {
        admin
            .job(admin.post(&of(id, "/verify"), &json!({"level": "digest"})).await)
            .await
    };
    let object = place.object(&id);
    let mut bytes = std::fs::read(&object).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    verify(&id).await;
    let damaged = health(admin, 503, &["verification_failed", "no_schedule", "never_verified"]).await;
    assert_eq!(damaged["last_verified"], Value::Null);
    let intact = admin.create_backup().await;
    assert_eq!(verify(&intact).await["state"], "succeeded");
    let well = health(admin, 200, &["no_schedule"]).await;
    assert_eq!(well["last_verified"]["archive_id"], json!(intact));
    assert_eq!(
        (&well["last_verified"]["level"], &well["store"]["archives"]),
        (&json!("digest"), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_store_that_refuses_connections_is_failing() {
    let school = small_school(Engine::Sqlite).await;
    let s3 = S3::start().await;
    let service = s3.configure(Setup::on(&school.scratch)).start().await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    let reached = health(&admin, 200, &["no_schedule", "never_verified"]).await;
    assert_eq!(reached["store"]["reachable"], true);
    assert_eq!(reached["store"]["free_bytes"], Value::Null);
    drop(s3);
    let lost = health(&admin, 503, &["store_unavailable", "no_schedule"]).await;
    assert_eq!(
        lost["store"],
        json!({"reachable": false, "free_bytes": null, "archives": null, "bytes": null, "retained": null})
    );
    // The record in the database still knows the last backup.
    assert_eq!(lost["last_backup"]["archive_id"], json!(id));
}

#[on_every_engine]
async fn command_shows_the_health_without_the_service(engine: Engine) {
    let school = small_school(engine).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let command = |arguments: &[&str]| {
        let setup = setup.again().arguments(&["health", "--backups"]).arguments(arguments);
        async move { setup.run().await }
    };
    let warned = command(&[]).await;
    assert_eq!(warned.code, Some(0), "{warned:?}");
    assert!(warned.stdout.starts_with("warning\n"), "{warned:?}");
    assert!(
        warned.stdout.contains("no_schedule: There is no schedule"),
        "{warned:?}"
    );
    let failing = setup.again().set("CAMPUS_BACKUP_STALE_AFTER", "26h");
    let failing = failing.arguments(&["health", "--backups", "--json"]).run().await;
    assert_eq!(failing.code, Some(1), "{failing:?}");
    let shown: Value = serde_json::from_str(&failing.stdout).unwrap();
    assert_eq!(
        (&shown["status"], codes(&shown)[0]),
        (&json!("failing"), "never_backed_up")
    );
    let error: Value = serde_json::from_str(&failing.stderr).unwrap();
    assert_eq!(error["code"], "backups_failing");
    let quiet = command(&["--quiet"]).await;
    assert_eq!((quiet.code, quiet.stdout.as_str()), (Some(0), ""));
    let refused = setup.again().arguments(&["health", "--store", "--backups"]).run().await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

/// The names in the table of `docs/reference/metrics.md`, which is generated from the code.
fn documented_metrics() -> BTreeSet<String> {
    let page = std::fs::read_to_string(repository().join("docs/reference/metrics.md")).unwrap();
    let (_, table) = page.split_once("`cargo xtask docs`: metrics -->").unwrap();
    let (table, _) = table.split_once("<!-- end").unwrap();
    let names = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

#[on_every_engine]
async fn metrics_are_those_of_the_reference_and_count_what_happened(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let (admin, service) = (&place.admin, &place.service);
    let id = admin.create_backup().await;
    let verified = admin.post(&of(&id, "/verify"), &json!({"level": "digest"})).await;
    admin.done(verified).await;
    let wrong = json!({"username": "admin", "password": "wrong"});
    service
        .anonymous()
        .post("/auth/login", &wrong)
        .await
        .problem(401, "wrong_credentials");
    let unknown = json!({"username": "nobody", "password": "wrong"});
    service
        .anonymous()
        .post("/auth/login", &unknown)
        .await
        .problem(401, "wrong_credentials");
    // Nothing is copied to it.
    let destination = json!({
        "name": "off-site", "url": "s3://school/backups", "endpoint": "https://10.255.255.1", "access_key_id": "x",
        "secret_access_key": "y", "enabled": false,
    });
    admin.post("/backup/destinations", &destination).await.expect(201);
    // The health of this moment.
    let mut health = health(admin, 200, &["no_schedule"]).await;
    until("the health has the destination", WAIT_LIMIT, async || {
        health = admin.get(HEALTH).await.expect(200).json();
        health["destinations"][0]["name"] == "off-site"
    })
    .await;

    let measures = metrics(service).await;
    let types = measures
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let served: BTreeSet<_> = types.map(str::to_owned).collect();
    assert_eq!(served, documented_metrics());
    for name in &served {
        assert!(measures.contains(&format!("# HELP {name} ")), "{name}");
    }
    let students = place.school.scratch.count("students").await;
    let bytes = health["store"]["bytes"].as_u64().unwrap();
    for line in [
        "campus_backup_jobs_total{kind=\"archive\",result=\"succeeded\"} 1".to_owned(),
        "campus_backup_jobs_total{kind=\"verify\",result=\"succeeded\"} 1".to_owned(),
        "campus_backup_jobs_total{kind=\"restore\",result=\"failed\"} 0".to_owned(),
        "campus_backup_schedule_runs_total{result=\"missed\"} 0".to_owned(),
        "campus_backup_sign_ins_total{result=\"succeeded\"} 1".to_owned(),
        "campus_backup_sign_ins_total{result=\"wrong_credentials\"} 2".to_owned(),
        "campus_backup_sign_ins_total{result=\"too_many_attempts\"} 0".to_owned(),
        "campus_backup_archives{kind=\"created\"} 1".to_owned(),
        "campus_backup_archives{kind=\"safety\"} 0".to_owned(),
        format!("campus_backup_stored_bytes{{kind=\"created\"}} {bytes}"),
        format!("campus_backup_last_archive_bytes {bytes}"),
        format!("campus_backup_last_archive_rows{{table=\"students\"}} {students}"),
        "campus_backup_next_run_timestamp_seconds NaN".to_owned(),
        "campus_backup_destination_copies{destination=\"off-site\",state=\"copied\"} 0".to_owned(),
        "campus_backup_destination_last_copy_timestamp_seconds{destination=\"off-site\"} NaN".to_owned(),
        "campus_backup_database_connections_max{pool=\"requests\"} 10".to_owned(),
        "campus_backup_database_connections{pool=\"readers\",state=\"in_use\"} 0".to_owned(),
    ] {
        assert!(measured(&measures, &line), "{line}: {measures}");
    }
    let seconds = |name: &str| {
        let value = measures.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        value
            .unwrap_or_else(|| panic!("{name}: {measures}"))
            .parse::<f64>()
            .unwrap()
    };
    let at = |time: &Value| {
        let time: chrono::DateTime<chrono::Utc> = time.as_str().unwrap().parse().unwrap();
        time.timestamp_millis() as f64 / 1_000.0
    };
    assert_eq!(
        seconds("campus_backup_last_success_timestamp_seconds"),
        at(&health["last_backup"]["at"])
    );
    assert_eq!(
        seconds("campus_backup_last_verification_timestamp_seconds"),
        at(&health["last_verified"]["at"])
    );
    check_with_promtool(&measures);
}

/// Prometheus' own tool finds nothing to complain of.
fn check_with_promtool(measures: &str) {
    if !tool::is_available("promtool") {
        return;
    }
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(measures.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&checked.stderr) + String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && complaints.trim().is_empty(), "{complaints}");
}

#[test]
fn alert_rules_are_valid_and_fire_when_they_should() {
    if !tool::is_available("promtool") {
        return;
    }
    for arguments in [
        ["check", "rules", "crates/api/dist/alerts.yml"],
        ["test", "rules", "tests/outside/alerts.test.yml"],
    ] {
        tool::run(Command::new("promtool").args(arguments).current_dir(repository()));
    }
}

/// A misspelled name in a rule or a panel would stay silent for ever.
#[test]
fn rules_and_panels_name_existing_metrics() {
    let documented = documented_metrics();
    let rules = std::fs::read_to_string(repository().join("crates/api/dist/alerts.yml")).unwrap();
    let dashboard = std::fs::read_to_string(repository().join("crates/api/dist/grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert_eq!(expressions.len(), dashboard.to_string().matches("\"expr\"").count());
    for (text, least) in [(rules.as_str(), 15), (expressions.join("\n").as_str(), 18)] {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let named: BTreeSet<_> = words
            .filter(|word| word.starts_with("campus_backup_") || word.starts_with("http_re"))
            .map(|word| word.trim_end_matches("_bucket"))
            .collect();
        assert!(named.len() >= least, "{named:?}");
        for name in named {
            assert!(documented.contains(name), "{name} does not exist");
        }
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
}
