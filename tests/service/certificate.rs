//! `/backup/archives/{id}/certificate`: a signed statement about an archive, which other programs can check.

use std::io::Write as _;
use std::process::{Command, Stdio};

use campus_backup_domain::certificate::{self, CheckedCertificate, TrustedKey};
use serde_json::{Value, json};

use harness::archives_rig::{ARCHIVES, ArchivesPlace, of};
use harness::client::fields;
use harness::service::Setup;
use harness::{Client, Engine, Service, on_every_engine, small_school, tool};
use reqwest::Method;

const KEY: &str = "/backup/certificate-key";

async fn certificate_of(admin: &Client, id: &str) -> Value {
    admin.get(&of(id, "/certificate")).await.expect(200).json()
}

fn checked(signed: &Value) -> CheckedCertificate {
    certificate::check(signed.to_string().as_bytes(), None).unwrap()
}

async fn verify(admin: &Client, id: &str, level: &str) -> Value {
    admin
        .job(admin.post(&of(id, "/verify"), &json!({"level": level})).await)
        .await
}

#[on_every_engine(nightly)]
async fn impossible_requests_are_refused(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let id = admin.create_backup().await;
    for (query, field) in [
        ("?format=pdf", "format"),
        ("?format=JSON", "format"),
        ("?begin=true", "begin"),
        ("?x=1", "x"),
    ] {
        let refused = admin.get(&of(&id, &format!("/certificate{query}"))).await;
        assert_eq!(fields(&refused.problem(422, "invalid_field")), [field], "{query}");
    }
    admin
        .get(&of("nothing", "/certificate"))
        .await
        .problem(404, "unknown_archive");
    place
        .service
        .anonymous()
        .get(&of(&id, "/certificate"))
        .await
        .problem(401, "unauthenticated");
    place.service.anonymous().get(KEY).await.problem(401, "unauthenticated");
    std::fs::write(place.store().join(&id).join("manifest.json"), "{").unwrap();
    admin
        .get(&of(&id, "/certificate"))
        .await
        .problem(500, "manifest_unreadable");
    let other = admin.create_backup().await;
    admin.delete(&of(&other, "?force=true")).await.expect(204);
    admin
        .get(&of(&other, "/certificate"))
        .await
        .problem(410, "archive_gone");
}

#[on_every_engine]
async fn certificate_agrees_with_the_archive_and_the_counts(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let created = admin
        .done(
            admin
                .post(ARCHIVES, &json!({"label": "end of term", "protected": true}))
                .await,
        )
        .await;
    let id = created["archive_id"].as_str().unwrap();
    let archive = admin.get(&of(id, "")).await.expect(200).json();
    let stats = admin.get("/backup/stats").await.expect(200).json();
    let signed = certificate_of(admin, id).await;
    let certificate = &signed["certificate"];

    let tables = certificate["tables"].as_array().unwrap();
    assert_eq!(tables.len(), harness::TABLES.len());
    for table in tables {
        let name = table["name"].as_str().unwrap();
        assert_eq!(table["rows"], stats[name], "{name}");
        assert_eq!(table["sha256"], archive["sha256"][name], "{name}");
    }
    assert_eq!(certificate["total_rows"], stats["total"]);
    let sums = certificate["money"].as_array().unwrap();
    assert_eq!(sums.len(), archive["totals"].as_object().unwrap().len());
    for sum in sums {
        assert_eq!(sum["total"], archive["totals"][sum["column"].as_str().unwrap()]);
    }
    let installation = certificate["issuer"]["installation_id"].clone();
    let schema = certificate["issuer"]["schema_version"].clone();
    assert_eq!(installation.as_str().unwrap().len(), 32);
    assert!(schema.as_str().unwrap().starts_with("m2026"), "{schema}");
    let expected = json!({
        "engine": archive["engine"], "installation_id": installation, "schema_version": schema,
        "app_version": archive["app_version"], "format_version": 1,
    });
    assert_eq!(certificate["source"], expected);
    let expected = json!({
        "id": id, "label": "end of term", "kind": "created", "created_at": archive["created_at"], "created_by": "admin",
        "job_id": certificate["archive"]["job_id"], "size": archive["size"], "compression": "zstd", "encryption": "none",
    });
    assert_eq!(certificate["archive"], expected);
    assert!(certificate["archive"]["job_id"].is_string(), "{certificate}");
    let stored = std::fs::read(place.object(id)).unwrap();
    let facts = checked(&signed).facts;
    facts.compare(&stored[..]).unwrap();
    facts.compare(&stored[1..]).unwrap_err();
    let document = admin.get("/backup/download/all").await.expect(200).json();
    assert_eq!(certificate["digests"]["document_sha256"].as_str().unwrap().len(), 64);
    for table in tables {
        assert_eq!(
            table["sha256"],
            document["summary"]["sha256"][table["name"].as_str().unwrap()]
        );
    }
    assert_eq!(
        (&certificate["proof"]["origin"], &certificate["proof"]["record"]),
        (&json!("made_here"), &json!("matches"))
    );
    assert_eq!(certificate["proof"]["is_manifest_signed"], true);
    assert_eq!(certificate["verification"]["status"], "checked_when_stored");
    assert_eq!(
        (
            &certificate["verification"]["digest"],
            &certificate["verification"]["test_restore"]
        ),
        (&Value::Null, &Value::Null)
    );
    let expected = json!({
        "protected": true, "contains_password_hashes": true, "deletion_refused_since": null, "needed_for_undo": null,
        "suspicion": null,
    });
    assert_eq!(certificate["safety"], expected);
    assert_eq!(certificate["copies"], json!([]));
    assert_eq!(certificate["issued_by"], "admin");
    let key = admin.get(KEY).await.expect(200).json();
    for member in ["algorithm", "public_key", "key_id"] {
        assert_eq!(signed["signature"][member], key[member], "{member}");
    }
    let document = admin.get("/api-docs/openapi.json").await.expect(200).json();
    assert_conforms(
        &document,
        &document["components"]["schemas"]["SignedCertificate"],
        &signed,
        "",
    );
}

/// Checks names, types and allowed values against the schema of the document.
fn assert_conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return assert_conforms(document, &document["components"]["schemas"][name], value, at);
    }
    if let Some(schemas) = schema["oneOf"].as_array() {
        let of_value = schemas.iter().find(|one| (one["type"] == "null") == value.is_null());
        return assert_conforms(document, of_value.unwrap(), value, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = &schema["type"];
    let is_allowed = types == kind || types.as_array().is_some_and(|types| types.contains(&json!(kind)));
    assert!(is_allowed, "{at}: {value} is not {types}");
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at}: {value} is not one of {allowed:?}");
    }
    match value {
        Value::Array(items) => {
            for item in items {
                assert_conforms(document, &schema["items"], item, &format!("{at}/-"));
            }
        }
        Value::Object(members) => {
            let described = schema["properties"].as_object().unwrap();
            let names = |members: &serde_json::Map<String, Value>| members.keys().cloned().collect::<Vec<_>>();
            let (mut found, mut expected) = (names(members), names(described));
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{at}");
            assert_eq!(schema["required"].as_array().unwrap().len(), described.len(), "{at}");
            for (name, value) in members {
                assert_conforms(document, &described[name], value, &format!("{at}/{name}"));
            }
        }
        _ => {}
    }
}

#[on_every_engine]
async fn verification_and_test_restore_appear_with_their_durations(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let id = admin.create_backup().await;
    for level in ["digest", "test_restore", "digest"] {
        assert_eq!(verify(admin, &id, level).await["state"], "succeeded");
    }
    let signed = certificate_of(admin, &id).await;
    let archive = admin.get(&of(&id, "")).await.expect(200).json();
    let verification = &signed["certificate"]["verification"];
    assert_eq!(verification["status"], "verified");
    for level in ["digest", "test_restore"] {
        // The newest is the first.
        let of_level = archive["verifications"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["level"] == level);
        let (expected, found) = (of_level.unwrap(), &verification[level]);
        let milliseconds = |seconds: &Value| seconds.as_f64().map(|seconds| (seconds * 1000.0) as u64);
        assert_eq!((&found["at"], &found["result"]), (&expected["at"], &json!("ok")));
        let near = |found: &Value, expected: &Value| match milliseconds(expected) {
            Some(expected) => found.as_u64().unwrap().abs_diff(expected) <= 1,
            None => found.is_null(),
        };
        assert!(near(&found["duration_ms"], &expected["seconds"]), "{found} {expected}");
        assert!(
            near(&found["restore_duration_ms"], &expected["restore_seconds"]),
            "{found} {expected}"
        );
        assert_eq!(
            found["restore_duration_ms"].is_u64(),
            level == "test_restore",
            "{found}"
        );
    }
    let page = admin.get(&of(&id, "/certificate?format=html")).await.expect(200).text();
    assert!(
        page.contains("succeeded on") && page.contains("of which the restore took"),
        "{page}"
    );
}

/// An independent implementation of the canonical form, and the signature by another library.
const CHECKER: &str = r#"
import base64, hashlib, json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

document = json.load(sys.stdin)
signature = document["signature"]
assert signature["algorithm"] == "Ed25519"
key = base64.b64decode(signature["public_key"], validate=True)
assert hashlib.sha256(key).hexdigest() == signature["key_id"]
signed = json.dumps(document["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
try:
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature["value"], validate=True), signed)
    print("valid", hashlib.sha256(signed).hexdigest())
except InvalidSignature:
    print("invalid")
"#;

/// Whether this machine can run the checker.
fn has_checker() -> bool {
    tool::is_available("python3")
        && Command::new("python3")
            .args(["-c", "import cryptography"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

fn by_python(signed: &Value) -> String {
    let mut child = Command::new("python3")
        .args(["-c", CHECKER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(signed.to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// The commands of `docs/certificate.md`, with public tools alone.
const PUBLIC_TOOLS: &str = r#"
set -eu
jq -cSj .certificate certificate.json > signed
jq -r .signature.value certificate.json | base64 -d > signature
{ printf '302a300506032b6570032100' | xxd -r -p; jq -r .signature.public_key certificate.json | base64 -d; } > key.der
openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in signed -sigfile signature
"#;

#[on_every_engine(nightly)]
async fn other_programs_accept_the_signature_and_refuse_each_change(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let body = json!({"label": "\"Ünïcode\" \\ / <b> 😀 \u{fb33}"});
    let created = admin.done(admin.post(ARCHIVES, &body).await).await;
    let id = created["archive_id"].as_str().unwrap();
    let signed = certificate_of(admin, id).await;
    if has_checker() {
        assert!(by_python(&signed).starts_with("valid "), "{signed}");
        let mut forged = signed.clone();
        forged["certificate"]["total_rows"] = json!(26);
        assert_eq!(by_python(&forged), "invalid\n");
    }
    if ["bash", "jq", "base64", "xxd", "openssl"]
        .into_iter()
        .all(tool::is_available)
    {
        let folder = tempfile::tempdir().unwrap();
        let run = |signed: &Value| {
            std::fs::write(folder.path().join("certificate.json"), signed.to_string()).unwrap();
            let done = Command::new("bash")
                .args(["-c", PUBLIC_TOOLS])
                .current_dir(folder.path())
                .output();
            done.unwrap().status.success()
        };
        assert!(run(&signed));
        let mut forged = signed.clone();
        forged["certificate"]["money"] = json!([]);
        assert!(!run(&forged));
    }
    // Each text, number and answer of the real document.
    let mut changes = 0;
    change_each(&signed["certificate"], &mut |changed| {
        let mut document = signed.clone();
        document["certificate"] = changed;
        certificate::check(document.to_string().as_bytes(), None).unwrap_err();
        changes += 1;
    });
    assert!(changes > 50, "{changes}");
}

/// Calls back with the value, with one place of it changed each time.
fn change_each(value: &Value, changed: &mut dyn FnMut(Value)) {
    match value {
        Value::Null => changed(json!("x")),
        Value::Bool(is_so) => changed(json!(!is_so)),
        Value::Number(number) => changed(json!(number.as_u64().unwrap() + 1)),
        Value::String(text) => changed(json!(format!("{text}x"))),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                change_each(item, &mut |item| {
                    let mut items = items.clone();
                    items[index] = item;
                    changed(Value::Array(items));
                });
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                change_each(member, &mut |member| {
                    let mut members = members.clone();
                    members[name] = member;
                    changed(Value::Object(members));
                });
            }
        }
    }
}

/// The text of an element, as a browser shows it.
fn text_of(page: &str, element: &str) -> String {
    let (_, rest) = page.split_once(&format!("<{element}>")).unwrap();
    let (text, _) = rest.split_once(&format!("</{element}>")).unwrap();
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&amp;", "&")
}

#[on_every_engine(nightly)]
async fn page_escapes_texts_and_contains_the_signed_document(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_TIMEZONE", "Asia/Kolkata")
        .start()
        .await;
    let admin = service.admin().await;
    let label = "</pre><script>alert(1)</script><img src=x onerror=\"alert(2)\">&amp;'";
    let created = admin.done(admin.post(ARCHIVES, &json!({"label": label})).await).await;
    let id = created["archive_id"].as_str().unwrap();
    let answer = admin.get(&of(id, "/certificate?format=html")).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("content-disposition").starts_with("inline; "));
    let policy = answer.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let page = answer.text();
    for hostile in ["<script", "<img", "</pre><"] {
        assert!(!page.contains(hostile), "{hostile} in {page}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(page.contains(" UTC (") && page.contains(" Asia/Kolkata)"), "{page}");
    let embedded: Value = serde_json::from_str(&text_of(&page, "pre")).unwrap();
    assert_eq!(embedded["certificate"]["archive"]["label"], label);
    assert_eq!(embedded["certificate"]["timezone"], "Asia/Kolkata");
    let key_id = checked(&embedded).key_id;
    assert!(page.contains(&key_id), "{page}");
    if has_checker() {
        let digest = by_python(&embedded);
        assert!(page.contains(digest.trim().strip_prefix("valid ").unwrap()), "{digest}");
    }

    let browser = admin
        .request(Method::GET, &of(id, "/certificate"))
        .header("Accept", "text/html,*/*;q=0.8");
    let shown = harness::Answer::of(browser).await.expect(200);
    assert_eq!(shown.header("content-type"), "text/html; charset=utf-8");
    let json = admin.get(&of(id, "/certificate")).await.expect(200);
    assert_eq!(json.header("content-type"), "application/json");
    assert!(json.header("content-disposition").starts_with("attachment; "));
}

#[on_every_engine]
async fn copies_of_the_service_share_the_key(engine: Engine) {
    let school = small_school(engine).await;
    let (one, other) = (Service::on(&school.scratch).await, Service::on(&school.scratch).await);
    let key = one.admin().await.get(KEY).await.expect(200).json();
    assert_eq!(other.admin().await.get(KEY).await.expect(200).json(), key);
    let other_school = small_school(engine).await;
    let foreign = Service::on(&other_school.scratch).await.admin().await.get(KEY).await;
    assert_ne!(foreign.expect(200).json()["key_id"], key["key_id"]);
    let admin = one.admin().await;
    let id = admin.create_backup().await;
    let signed = certificate_of(&admin, &id).await.to_string();
    let trusted = TrustedKey::parse(key["public_key"].as_str().unwrap()).unwrap();
    assert!(
        certificate::check(signed.as_bytes(), Some(&trusted))
            .unwrap()
            .is_trusted
    );
}

#[on_every_engine]
async fn doubtful_archives_are_certified_as_what_they_are(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let (id, other) = (admin.create_backup().await, admin.create_backup().await);
    let proof = async |id: &str| {
        let signed = certificate_of(admin, id).await;
        checked(&signed);
        let certificate = &signed["certificate"];
        let (proof, status) = (&certificate["proof"], &certificate["verification"]["status"]);
        let source = &certificate["source"]["installation_id"];
        json!([
            proof["origin"],
            proof["record"],
            proof["is_manifest_signed"],
            status,
            source.is_null()
        ])
    };
    let bytes = std::fs::read(place.object(&id)).unwrap();
    let uploaded = admin
        .post_raw(&format!("{ARCHIVES}/upload"), "application/octet-stream", bytes.clone())
        .await;
    let uploaded = uploaded.expect(201).json();
    let uploaded = uploaded["id"].as_str().unwrap();
    assert_eq!(
        proof(uploaded).await,
        json!(["uploaded", "matches", true, "checked_when_stored", true])
    );

    let found = "2026-01-01T00-00-00Z-00000001";
    std::fs::create_dir(place.store().join(found)).unwrap();
    std::fs::copy(place.object(&id), place.object(found)).unwrap();
    let manifest = place.store().join(&id).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(
        place.store().join(found).join("manifest.json"),
        text.replace(&id, found),
    )
    .unwrap();
    assert_eq!(
        proof(found).await,
        json!(["found", "absent", false, "manifest_unproven", true])
    );
    assert_eq!(verify(admin, found, "digest").await["state"], "succeeded");
    assert_eq!(proof(found).await, json!(["found", "absent", true, "verified", true]));

    // A manifest with other counts has no valid signature any more.
    std::fs::write(&manifest, text.replace("\"total\": 25", "\"total\": 26")).unwrap();
    assert_eq!(
        proof(&id).await,
        json!(["made_here", "matches", false, "manifest_unproven", false])
    );
    let page = admin.get(&of(&id, "/certificate?format=html")).await.expect(200).text();
    assert!(page.contains("status bad") && page.contains("are not proven"), "{page}");
    // One byte longer: the service must notice that the file has changed.
    std::fs::write(&manifest, format!("{text}\n")).unwrap();

    let mut damaged = bytes;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(place.object(&id), damaged).unwrap();
    assert_eq!(verify(admin, &id, "digest").await["state"], "failed");
    assert_eq!(
        proof(&id).await,
        json!(["made_here", "matches", true, "damaged", false])
    );
    let page = admin.get(&of(&id, "/certificate?format=html")).await.expect(200).text();
    assert!(
        page.contains("status bad") && page.contains("Do not rely on this archive"),
        "{page}"
    );

    // Another archive in the place of one that is recorded.
    let exchanged = std::fs::read_to_string(place.store().join(uploaded).join("manifest.json")).unwrap();
    let exchanged = exchanged.replace(uploaded, &other);
    std::fs::write(place.store().join(&other).join("manifest.json"), exchanged).unwrap();
    assert_eq!(
        proof(&other).await,
        json!(["found", "differs", false, "differs_from_record", true])
    );
}

#[on_every_engine(nightly)]
async fn safety_backup_names_the_clear_that_needs_it(engine: Engine) {
    let place = ArchivesPlace::on(engine).await;
    let admin = &place.admin;
    let cleared = admin.clear(&json!({"table": "attendance"})).await.expect(200).json();
    let signed = certificate_of(admin, cleared["archive_id"].as_str().unwrap()).await;
    let certificate = &signed["certificate"];
    assert_eq!(certificate["archive"]["kind"], "safety");
    assert_eq!(certificate["safety"]["needed_for_undo"]["change_id"], cleared["id"]);
    assert_eq!(certificate["archive"]["job_id"], cleared["id"]);
}

#[on_every_engine(nightly)]
async fn download_link_opens_the_page_once_and_is_logged(engine: Engine) {
    let school = small_school(engine).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOG_FORMAT", "json")
        .start()
        .await;
    let admin = service.admin().await;
    let id = admin.create_backup().await;
    let path = of(&id, "/certificate?format=html");
    let made = admin
        .post("/backup/download-links", &json!({"path": path}))
        .await
        .expect(201)
        .json();
    let base = reqwest::Url::parse("http://base/").unwrap();
    let url = base.join(made["url"].as_str().unwrap()).unwrap();
    let link = format!("{}?{}&begin=true", url.path(), url.query().unwrap());
    let page = service.anonymous().get(&link).await.expect(200).text();
    assert!(
        page.contains(&format!("<h1>Certificate of the backup {id}</h1>")),
        "{page}"
    );
    service.anonymous().get(&link).await.problem(410, "link_used");
    let events = || {
        let logs = service.logs();
        let of_certificates = |line: &&str| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            line["event"] == "certificate" && line["id"] == id.as_str() && line["status"] == 200
        };
        logs.lines().filter(of_certificates).count()
    };
    harness::until("the event is logged", harness::WAIT_LIMIT, async || events() == 1).await;
    certificate_of(&admin, &id).await;
    harness::until("the second event is logged", harness::WAIT_LIMIT, async || {
        events() == 2
    })
    .await;
}
