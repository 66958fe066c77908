//! The audit over HTTP and on the command line.

use std::collections::BTreeSet;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use harness::service::Setup;
use harness::{
    ADMIN_PASSWORD, Answer, Client, Engine, School, Scratch, Service, WAIT_LIMIT, small_school, tool, until,
};

/// Operations that leave no event. All others under `/backup`, `/auth` and `/accounts` leave exactly one.
const EXEMPT: &[(&str, &str)] = &[
    // They show no data of the school, but the state of the service.
    ("GET", "/auth/me"),
    ("GET", "/auth/tokens"),
    ("GET", "/accounts"),
    ("GET", "/accounts/{id}"),
    ("GET", "/backup/stats"),
    ("GET", "/backup/imports/{table}/template"),
    ("GET", "/backup/health"),
    ("GET", "/backup/download-links/{id}"),
    ("GET", "/backup/changes"),
    ("GET", "/backup/changes/{id}"),
    ("GET", "/backup/jobs"),
    ("GET", "/backup/jobs/{id}"),
    ("GET", "/backup/jobs/{id}/events"),
    ("GET", "/backup/history"),
    ("GET", "/backup/archives"),
    ("GET", "/backup/archives/{id}"),
    ("GET", "/backup/schedules"),
    ("GET", "/backup/schedules/{id}"),
    ("GET", "/backup/retention"),
    ("GET", "/backup/notifications"),
    ("GET", "/backup/notifications/{id}"),
    ("GET", "/backup/destinations"),
    ("GET", "/backup/destinations/{id}"),
    // Public keys.
    ("GET", "/backup/keys"),
    ("GET", "/backup/certificate-key"),
    // A list of events. A file of events leaves one.
    ("GET", "/backup/audit"),
    ("GET", "/backup/audit/verify"),
    // The dashboard renews its session every few minutes.
    ("POST", "/auth/session"),
];

/// Operations that end the session of the caller, so they come last.
const LAST: &[(&str, &str)] = &[("DELETE", "/auth/session"), ("DELETE", "/auth/sessions")];

async fn count(scratch: &Scratch) -> i64 {
    scratch.count("backup_audit_events").await
}

async fn until_idle(scratch: &Scratch) {
    let active = "select count(*) from backup_jobs where state in ('queued', 'running', 'cancelling')";
    until("all jobs have ended", WAIT_LIMIT, async || {
        scratch.number(active).await == 0
    })
    .await;
}

/// A valid body for an operation that does not accept an empty object.
fn body(method: &str, path: &str) -> Value {
    match (method, path) {
        ("POST", "/auth/login") => json!({"username": "admin", "password": ADMIN_PASSWORD}),
        ("POST", "/auth/password") => {
            json!({"current_password": "wrong", "new_password": "correct-horse-battery-staple"})
        }
        ("POST", "/backup/clear") => json!({"table": "attendance"}),
        ("POST", "/backup/imports/{id}/apply") => json!({"plan_hash": "0".repeat(64), "confirm": "import"}),
        ("POST", "/backup/imports/{id}") => {
            json!([{"full_name": "Bea Brown", "registration_number": "R-7", "phone": null}])
        }
        _ => json!({}),
    }
}

async fn call(client: &Client, method: &str, path: &str) -> Answer {
    let mut filled = path.replace("{table}", "students");
    if (method, path) == ("POST", "/backup/imports/{id}") {
        filled = "/backup/imports/students".to_owned();
    }
    while let (Some(start), Some(end)) = (filled.find('{'), filled.find('}')) {
        filled.replace_range(start..=end, "1");
    }
    if path == "/backup/diff" {
        filled.push_str("?from=live&to=2026-11-23T09-29-59Z-5f1c2a9b");
    }
    let request = client.request(method.parse::<Method>().unwrap(), &filled);
    Answer::of(match method {
        "GET" => request,
        _ => request.json(&body(method, path)),
    })
    .await
}

/// The operations of the document, with those that end the caller's session at the end.
async fn operations(service: &Service) -> Vec<(String, String)> {
    let document = service
        .anonymous()
        .get("/api-docs/openapi.json")
        .await
        .expect(200)
        .json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_in_scope = ["/backup", "/auth", "/accounts"]
            .iter()
            .any(|scope| path.starts_with(scope));
        for (method, operation) in item.as_object().unwrap() {
            if is_in_scope && operation["responses"].is_object() {
                operations.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    operations.sort_by_key(|(method, path)| LAST.contains(&(method.as_str(), path.as_str())));
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_that_changes_or_discloses_leaves_exactly_one_event() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOGIN_BURST", 1000)
        .set("CAMPUS_BACKUP_LOGIN_BURST_ADDRESS", 1000);
    let service = setup.start().await;
    let admin = service.admin().await;
    let mut exempt = BTreeSet::new();
    let mut with_event = 0;
    for (method, path) in operations(&service).await {
        let client = match LAST.contains(&(method.as_str(), path.as_str())) {
            true => service.admin().await,
            false => admin.clone(),
        };
        let before = count(&school.scratch).await;
        let answer = call(&client, &method, &path).await;
        until_idle(&school.scratch).await;
        let after = count(&school.scratch).await;
        let is_exempt = EXEMPT.contains(&(method.as_str(), path.as_str()));
        let last = school
            .scratch
            .rows("select event, result, reason from backup_audit_events order by id desc limit 3")
            .await;
        assert_eq!(
            after - before,
            i64::from(!is_exempt),
            "{method} {path}: {} {last:?}",
            answer.status
        );
        match is_exempt {
            true => drop(exempt.insert((method, path))),
            false => with_event += 1,
        }
    }
    assert_eq!(exempt.len(), EXEMPT.len(), "each exempt operation exists");
    assert!(with_event > 40, "{with_event}");
    let broken = "select count(*) from backup_audit_events where event = 'operation'";
    assert_eq!(school.scratch.number(broken).await, 0, "each operation has a name");
    no_secret_is_in_the_audit(&school, &[admin.token()]).await;
    let report = service
        .admin()
        .await
        .get("/backup/audit/verify")
        .await
        .expect(200)
        .json();
    assert_eq!(report["ok"], true, "{report}");
}

async fn no_secret_is_in_the_audit(school: &School, secrets: &[&str]) {
    let events = school.scratch.rows("select * from backup_audit_events").await;
    for event in events {
        let text = format!("{event:?}");
        for secret in secrets
            .iter()
            .chain(&[ADMIN_PASSWORD, "@school.example", "$argon2", "select "])
        {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// The events, newest first, without values that differ in each run.
async fn events(admin: &Client, query: &str) -> (u64, Vec<Value>) {
    let page = admin.get(&format!("/backup/audit{query}")).await.expect(200).json();
    (
        page["total"].as_u64().unwrap(),
        page["items"].as_array().unwrap().clone(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_has_one_event_with_its_counts_and_a_refused_one_has_its_reason() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_TRUSTED_PROXIES", "127.0.0.0/8");
    let service = setup.start().await;
    let admin = service.admin().await;
    let clear = async |body: Value| {
        let request = admin
            .request(Method::POST, "/backup/clear")
            .header("X-Forwarded-For", "203.0.113.7");
        Answer::of(request.json(&body)).await
    };
    clear(json!({"table": "attendance", "expected_rows": 1_000_000}))
        .await
        .problem(412, "row_count_changed");
    let done = clear(json!({"table": "attendance"})).await.expect(200).json();
    let (total, found) = events(&admin, "?event=clear").await;
    assert_eq!(total, 2, "{found:?}");
    let [cleared, refused] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(cleared["result"], "succeeded");
    assert_eq!(cleared["details"]["removed"], done["removed"], "{cleared}");
    assert_eq!(
        (
            &cleared["username"],
            &cleared["method"],
            &cleared["client"],
            &cleared["table"]
        ),
        (
            &json!("admin"),
            &json!("session"),
            &json!("203.0.113.7"),
            &json!("attendance")
        )
    );
    assert_eq!(
        (&refused["result"], &refused["reason"]),
        (&json!("refused"), &json!("row_count_changed"))
    );
    assert_eq!(refused["status"], 412);
}

/// The plan and the wrong rows show data of the school. Only the application changes something.
#[tokio::test(flavor = "multi_thread")]
async fn import_has_an_event_for_each_step() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    let file = "Full Name,Registration Number,Date of Birth\r\nBea Brown,R-7,30-02-2010\r\nCid Clark,R-8,\r\n";
    let refused = admin.send_import("students", "mode=overwrite", file).await;
    refused.problem(422, "invalid_field");
    let plan = admin.plan_import("students", "skip_wrong=true", file).await;
    let id = plan["id"].as_str().unwrap();
    let path = format!("/backup/imports/{id}");
    admin.get(&path).await.expect(200);
    admin.get(&format!("{path}/errors")).await.expect(200);
    let job = admin.job(admin.apply_import(&plan).await).await;
    let undo = format!("/backup/changes/{}/undo", job["id"].as_str().unwrap());
    admin.post(&undo, &json!({})).await.expect(200);
    admin.delete(&path).await.expect(204);
    let (_, found) = events(&admin, "?limit=7").await;
    let seen: Vec<_> = found
        .iter()
        .rev()
        .map(|event| {
            let member = |name: &str| event[name].as_str().unwrap_or_default();
            (member("event"), member("result"), member("subject"), member("table"))
        })
        .collect();
    let job_id = job["id"].as_str().unwrap();
    assert_eq!(
        seen,
        [
            ("import_plan", "refused", "", "students"),
            ("import_plan", "succeeded", id, "students"),
            ("import_plan", "succeeded", id, "students"),
            ("import_errors", "succeeded", id, "students"),
            ("import", "succeeded", job_id, "students"),
            ("undo", "succeeded", job_id, ""),
            ("import_discarded", "succeeded", id, ""),
        ]
    );
    let imported = &found[2]["details"];
    assert_eq!(
        (&imported["import_id"], &imported["skipped_wrong"], &imported["tables"]),
        (&plan["id"], &json!(1), &job["result"]["tables"]),
        "{imported}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_filtered_and_paged() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    for table in ["students", "courses", "courses"] {
        admin.get(&format!("/backup/download/{table}")).await.expect(200);
    }
    let teacher = service.login("teacher", ADMIN_PASSWORD).await;
    teacher.get("/backup/stats").await.expect(403);
    let (total, all) = events(&admin, "").await;
    assert_eq!(total, all.len() as u64);
    let ids: Vec<_> = all.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    for (query, expected) in [
        ("?event=download", 3),
        ("?event=download&table=courses", 2),
        ("?user=teacher", 2),
        ("?user=teacher&result=refused", 1),
        ("?result=refused&event=download", 0),
        ("?to=2020-01-01T00:00:00Z", 0),
        ("?from=2020-01-01T00:00:00Z&event=download", 3),
        ("?subject=nothing", 0),
    ] {
        let (total, found) = events(&admin, query).await;
        assert_eq!(
            (total, found.len()),
            (expected, expected as usize),
            "{query}: {found:?}"
        );
    }
    let (_, page) = events(&admin, "?event=download&limit=1&offset=2").await;
    assert_eq!((page.len(), &page[0]["table"]), (1, &json!("students")));
    for query in [
        "?event=nothing",
        "?limit=0",
        "?format=csv&limit=1",
        "?bom=false",
        "?user=%00",
    ] {
        admin.get(&format!("/backup/audit{query}")).await.expect(422);
    }
    admin
        .get("/backup/audit/verify?noted=1")
        .await
        .problem(422, "invalid_field");
    teacher.get("/backup/audit").await.expect(403);
    service.anonymous().get("/backup/audit").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_have_every_event_in_the_order_of_the_chain() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    admin.get("/backup/download/students").await.expect(200);
    let before = count(&school.scratch).await;
    let jsonl = admin.get("/backup/audit?format=jsonl").await.expect(200).text();
    assert_eq!(count(&school.scratch).await, before + 1, "an export is an event itself");
    let lines: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = lines.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=before).collect::<Vec<_>>());
    let csv = admin.csv("/backup/audit?format=csv").await;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headings: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        (headings[0].as_str(), headings.last().unwrap().as_str()),
        ("id", "hash")
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len() as i64, before + 1);
    for (row, event) in rows.iter().zip(&lines) {
        assert_eq!(
            (row[0].parse::<i64>().unwrap(), &row[14]),
            (event["id"].as_i64().unwrap(), event["hash"].as_str().unwrap())
        );
    }
}

/// The script of the document has the same result as the service.
#[tokio::test(flavor = "multi_thread")]
async fn script_of_the_document_verifies_an_export() {
    if !tool::is_available("python3") {
        return;
    }
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    admin.clear(&json!({"table": "attendance"})).await.expect(200);
    admin.get("/backup/download/students").await.expect(200);
    let jsonl = admin.get("/backup/audit?format=jsonl").await.expect(200).text();
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md")).unwrap();
    let (_, rest) = document.split_once("```python\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (program, export) = (folder.path().join("verify.py"), folder.path().join("audit.jsonl"));
    std::fs::write(&program, script).unwrap();
    std::fs::write(&export, &jsonl).unwrap();
    let verify = || Command::new("python3").arg(&program).arg(&export).output().unwrap();
    let verified = verify();
    assert!(verified.status.success(), "{verified:?}");
    std::fs::write(&export, jsonl.replacen("\"admin\"", "\"nimda\"", 1)).unwrap();
    let verified = verify();
    assert!(!verified.status.success(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn command_line_lists_exports_and_verifies() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let run = async |arguments: &[&str]| setup.again().arguments(arguments).run().await;
    let created = run(&["admin", "create", "second"]).await;
    assert_eq!(created.code, Some(0), "{created:?}");
    let listed = run(&["audit", "list", "--event", "account_creation", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let newest = &listed["items"][0];
    assert_eq!(
        (&newest["method"], &newest["details"]["username"]),
        (&json!("command_line"), &json!("second"))
    );
    let exported = run(&["audit", "export", "-", "--format", "jsonl"]).await;
    assert!(exported.stdout.lines().count() >= 1, "{exported:?}");
    let verified = run(&["audit", "verify", "--json"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    for wrong in [["--event", "x"], ["--result", "x"], ["--from", "x"]] {
        let refused = run(&["audit", "list", wrong[0], wrong[1]]).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    school
        .scratch
        .execute("update backup_audit_events set username = 'another' where id = 1")
        .await;
    let broken = run(&["audit", "verify"]).await;
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.stderr.contains("event 1"), "{broken:?}");
}

/// Each plan that the command line shows or refuses leaves an event.
#[tokio::test(flavor = "multi_thread")]
async fn plans_of_the_command_line_are_recorded() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let run = async |arguments: &[&str]| setup.again().arguments(arguments).run().await;
    let backup = run(&["backup", "--json"]).await;
    let backup: Value = serde_json::from_str(&backup.stdout).unwrap();
    let archive = backup["id"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("courses.csv");
    std::fs::write(&file, "Course Name,Fee\nChemistry,no money\n").unwrap();
    let (file, errors) = (file.to_str().unwrap(), folder.path().join("errors.csv"));
    let unknown = "2026-01-01T00-00-00Z-00000000";
    let commands: [(&[&str], Value); 6] = [
        (
            &["clear", "payments", "--dry-run"],
            json!([["clear_preview", "succeeded", "payments", null]]),
        ),
        (
            &["restore", archive, "--mode", "replace", "--dry-run"],
            json!([["restore_plan", "succeeded", null, archive]]),
        ),
        (
            &["restore", unknown, "--mode", "replace", "--dry-run"],
            json!([["restore_plan", "refused", null, unknown]]),
        ),
        (
            &[
                "import",
                "courses",
                file,
                "--dry-run",
                "--errors",
                errors.to_str().unwrap(),
            ],
            json!([
                ["import_plan", "succeeded", "courses"],
                ["import_errors", "succeeded", null]
            ]),
        ),
        (
            &["import", "payments", file, "--dry-run"],
            json!([["import_plan", "refused", "payments", null]]),
        ),
        (
            &["retention", "preview", "--keep-last", "1"],
            json!([["retention_preview", "succeeded", null, null]]),
        ),
    ];
    for (command, expected) in commands {
        let last = school.scratch.number("select last_id from backup_audit_head").await;
        let done = run(command).await;
        let is_refused = expected[0][1] == "refused";
        assert_eq!(done.code != Some(0), is_refused, "{done:?}");
        let listed = run(&["audit", "list", "--json"]).await;
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        let mut events: Vec<&Value> = listed["items"].as_array().unwrap().iter().collect();
        events.retain(|event| event["id"].as_i64() > Some(last));
        events.reverse();
        assert_eq!(events.len(), expected.as_array().unwrap().len(), "{events:#?}");
        for (event, expected) in events.into_iter().zip(expected.as_array().unwrap()) {
            for (field, value) in ["event", "result", "table", "subject"]
                .iter()
                .zip(expected.as_array().unwrap())
            {
                assert_eq!(&event[field], value, "{field} of {event:#}");
            }
            assert_eq!(event["method"], "command_line", "{event:#}");
            assert_eq!(event["reason"].is_string(), is_refused, "{event:#}");
        }
    }
}

/// If the audit can't be written, nothing is disclosed, and no user signs in.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_disclosed_without_an_event() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let admin = service.admin().await;
    school.scratch.execute("delete from backup_audit_head").await;
    let refused = admin.get("/backup/download/students").await.expect(500);
    assert!(!refused.text().contains("Full Name"));
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    service.anonymous().post("/auth/login", &body).await.expect(500);
    let created = json!({"username": "another", "role": "teacher"});
    admin.post("/accounts", &created).await.expect(500);
    let sql = "select count(*) from users where username = 'another'";
    assert_eq!(school.scratch.number(sql).await, 0);
}

/// Lists, filters and verifies 10 million events, or as many as `AUDIT_EVENTS` says: the memory does not grow with their number.
/// With the released program: `CAMPUS_BACKUP_PROGRAM=target/release/campus-backup cargo test -p tests audit -- --ignored`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes"]
async fn ten_million_events_are_listed_filtered_and_verified_in_flat_memory() {
    const STATEMENT: i64 = 1000;
    const LONGEST: std::time::Duration = std::time::Duration::from_secs(5);
    let events: i64 = std::env::var("AUDIT_EVENTS").map_or(10_000_000, |number| number.parse().unwrap());
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).installed().await;
    let mut last = school.scratch.number("select last_id from backup_audit_head").await;
    let mut before = school
        .scratch
        .value("select last_hash from backup_audit_head")
        .await
        .unwrap();
    while last < events {
        let mut values = Vec::new();
        for _ in 0..STATEMENT {
            last += 1;
            let (event, username) = (
                ["download", "sign_in", "clear"][last as usize % 3],
                format!("user {}", last % 100),
            );
            before = hash(&before, last, event, &username);
            values.push(format!(
                "({last}, '2026-11-30T09:15:00.123456+00:00', '{event}', 'succeeded', '{username}', '{before}')"
            ));
        }
        let sql = "insert into backup_audit_events (id, at, event, result, username, hash) values ";
        school.scratch.execute(&format!("{sql}{}", values.join(", "))).await;
    }
    let head = format!("update backup_audit_head set last_id = {last}, last_hash = '{before}'");
    school.scratch.execute(&head).await;
    let service = setup.start().await;
    let admin = service.admin().await;
    let at_first = service.memory().peak;
    for query in [
        "",
        "?event=clear&limit=1000",
        "?user=user%207",
        "?from=2026-11-30T00:00:00Z&limit=1",
    ] {
        let began = std::time::Instant::now();
        admin.get(&format!("/backup/audit{query}")).await.expect(200);
        assert!(began.elapsed() < LONGEST, "{query}: {:?}", began.elapsed());
    }
    let report = admin.get("/backup/audit/verify").await.expect(200).json();
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["events_per_second"].as_u64().unwrap() > 10_000, "{report}");
    let response = admin
        .request(Method::GET, "/backup/audit?format=jsonl")
        .send()
        .await
        .unwrap();
    let mut body = response.bytes_stream();
    let mut lines = 0;
    while let Some(bytes) = futures_util::StreamExt::next(&mut body).await {
        lines += bytes.unwrap().iter().filter(|byte| **byte == b'\n').count();
    }
    assert!(lines as i64 >= last);
    let grown = service.memory().peak.saturating_sub(at_first);
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
}

/// The hash of a generated event.
fn hash(before: &str, id: i64, event: &str, username: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hasher = Sha256::new();
    let mut line = |value: Option<&str>| match value {
        Some(value) => hasher.update(format!("{}:{value}\n", value.len())),
        None => hasher.update("-\n"),
    };
    let id = id.to_string();
    for value in [
        "campus-backup audit 1",
        before,
        &id,
        "2026-11-30T09:15:00.123456Z",
        event,
        "succeeded",
        username,
    ] {
        line(Some(value));
    }
    for _ in 0..9 {
        line(None);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
