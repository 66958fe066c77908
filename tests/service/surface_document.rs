//! The API document: it is accurate and equal to the committed one. Tests walk over all of its operations.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use harness::client::fields;
use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, School, Service, small_school};

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    description: Value,
}

impl Operation {
    /// The path with a value for each parameter.
    fn filled(&self) -> String {
        let mut path = self.path.replace("{table}", "students");
        while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
            path.replace_range(start..=end, "1");
        }
        path
    }

    async fn call(&self, client: &Client) -> Answer {
        let request = client.request(self.method.clone(), &self.filled());
        let request = if self.method == Method::GET {
            request
        } else {
            request.json(&json!({}))
        };
        Answer::of(request).await
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, description) in item.as_object().unwrap() {
            if let Ok(method) = method.to_uppercase().parse::<Method>()
                && description["responses"].is_object()
            {
                operations.push(Operation {
                    method,
                    path: path.clone(),
                    description: description.clone(),
                });
            }
        }
    }
    operations
}

fn committed() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/campus-backup.json"))
}

async fn served() -> (School, Service, Value) {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let document = service
        .anonymous()
        .get("/api-docs/openapi.json")
        .await
        .expect(200)
        .json();
    (school, service, document)
}

/// A misspelled parameter is reported, wherever it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_unknown_query_parameters() {
    let (school, service, document) = served().await;
    let before = school.scratch.everything().await;
    let admin = service.admin().await;
    for operation in operations(&document) {
        let name = format!("{} {}", operation.method, operation.path);
        let required = match operation.path.as_str() {
            "/backup/diff" => "from=live&to=1&",
            _ => "",
        };
        let path = format!("{}?{required}colour=blue", operation.filled());
        let request = admin.request(operation.method.clone(), &path);
        let request = match operation.method {
            Method::GET => request,
            _ => request.json(&json!({})),
        };
        let refused = Answer::of(request).await;
        assert_eq!(refused.status.as_u16(), 422, "{name}: {refused:?}");
        assert_eq!(fields(&refused.problem(422, "invalid_field")), ["colour"], "{name}");
        assert!(
            operation.description["responses"]["422"].is_object(),
            "{name} does not document 422"
        );
    }
    assert_eq!(school.scratch.everything().await, before);
}

/// The `maxLength` of a schema, which may be that of one of its alternatives.
fn max_length(document: &Value, schema: &Value) -> Option<usize> {
    let schema = resolved(document, schema);
    match schema["maxLength"].as_u64() {
        Some(length) => usize::try_from(length).ok(),
        None => ["oneOf", "anyOf"]
            .iter()
            .flat_map(|key| schema[key].as_array().into_iter().flatten())
            .find_map(|schema| max_length(document, schema)),
    }
}

/// A text that is one character longer than the document allows is reported with the name of its field.
#[tokio::test(flavor = "multi_thread")]
async fn documented_lengths_are_enforced() {
    let (school, service, document) = served().await;
    let before = school.scratch.everything().await;
    let admin = service.admin().await;
    let mut tried = Vec::new();
    for operation in operations(&document) {
        let parameters = operation.description["parameters"].as_array();
        for parameter in parameters.into_iter().flatten().filter(|one| one["in"] == "query") {
            let (Some(name), Some(length)) = (parameter["name"].as_str(), max_length(&document, &parameter["schema"]))
            else {
                continue;
            };
            let path = format!("{}?{name}={}", operation.filled(), "0".repeat(length + 1));
            let answer = Answer::of(admin.request(operation.method.clone(), &path)).await;
            tried.push(format!("{} {}: {name}", operation.method, operation.path));
            assert_eq!(fields(&answer.problem(422, "invalid_field")), [name], "{tried:?}");
        }
        let schema = &operation.description["requestBody"]["content"]["application/json"]["schema"];
        let schema = resolved(&document, schema);
        // A PATCH has the fields of its POST, and needs an object that exists.
        if operation.method != Method::POST || !schema["example"].is_object() {
            continue;
        }
        for (name, property) in schema["properties"].as_object().unwrap() {
            let Some(length) = max_length(&document, property) else {
                continue;
            };
            let mut body = schema["example"].clone();
            // This service has no mail server.
            if body["kind"] == "email" {
                body = json!({"kind": "webhook", "name": "Office", "url": "https://203.0.113.7/events"});
            }
            if name == "cron" {
                body.as_object_mut().unwrap().remove("preset");
            }
            body[name] = json!("0".repeat(length + 1));
            let answer = admin.post(&operation.filled(), &body).await;
            tried.push(format!("{} {}: {name}", operation.method, operation.path));
            let problem = answer.problem(422, "invalid_field");
            assert!(fields(&problem).contains(&name.as_str()), "{tried:?}: {problem}");
        }
    }
    assert!(tried.len() > 30, "{tried:?}");
    assert_eq!(school.scratch.everything().await, before);
}

/// Swagger UI sends the example of each parameter that has one, even if the parameter is optional. An example key
/// would be the same in every request.
#[tokio::test(flavor = "multi_thread")]
async fn optional_parameters_have_no_example() {
    let (_school, _service, document) = served().await;
    for operation in operations(&document) {
        let name = format!("{} {}", operation.method, operation.path);
        for parameter in operation.description["parameters"].as_array().into_iter().flatten() {
            let has_example = ["example", "examples"]
                .iter()
                .any(|member| !parameter[*member].is_null() || !parameter["schema"][*member].is_null());
            assert!(
                !has_example || parameter["required"] == true,
                "{name}: {} is optional and has an example",
                parameter["name"]
            );
        }
    }
    for schema in ["ClearRequest", "ClearForm"] {
        let example = &document["components"]["schemas"][schema]["example"];
        assert_eq!(example["dry_run"], true, "{schema}: {example}");
    }
}

/// Files are binary strings, so that generated clients can send and save them.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_binary_strings() {
    let (_school, _service, document) = served().await;
    let mut seen = 0;
    for operation in operations(&document) {
        let responses = operation.description["responses"].as_object().unwrap().values();
        for content in responses.chain([&operation.description["requestBody"]]) {
            for (media_type, body) in content["content"].as_object().into_iter().flatten() {
                if !media_type.ends_with("octet-stream") && !media_type.ends_with("sheet") {
                    continue;
                }
                let expected = json!({"type": "string", "format": "binary", "contentMediaType": media_type});
                assert_eq!(body["schema"], expected, "{} {media_type}", operation.path);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 6);
}

/// Former tokens of an administrator, each with the reason of its refusal. The last account was demoted.
async fn refused_tokens(setup: &Setup, service: &Service, school: &School) -> Vec<(&'static str, Client)> {
    let command = async |arguments: &[&str]| {
        let done = setup.again().arguments(arguments).run().await;
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    };
    let of_command_line = async || {
        let printed = command(&["token", "admin", "--lifetime", "31536000"]).await.stdout;
        service.bearer(printed.trim())
    };
    let before_reset = [of_command_line().await, service.admin().await];
    let reset = command(&["admin", "reset-password", "admin"]).await;
    // It changes the password back.
    let admin = service.first_login("admin", reset.password()).await;
    let named = json!({"name": "script", "scopes": ["admin"]});
    let named = admin.post("/auth/tokens", &named).await.expect(201).json();
    let revoked = service.bearer(named["token"].as_str().unwrap());
    revoked.get("/backup/stats").await.expect(200);
    let path = format!("/auth/tokens/{}", named["id"]);
    admin.delete(&path).await.expect(204);
    let sign_in = async || service.admin().await;
    let signed_out = sign_in().await;
    signed_out.delete("/auth/session").await.expect(204);
    let ended_everywhere = [of_command_line().await, sign_in().await];
    ended_everywhere[1].delete("/auth/sessions").await.expect(204);
    let ended_by_command = sign_in().await;
    command(&["admin", "end-sessions", "admin"]).await;
    let all_ended = sign_in().await;
    command(&["admin", "end-sessions", "--all"]).await;
    let demoted = sign_in().await;
    demoted.get("/backup/stats").await.expect(200);
    school
        .scratch
        .execute("update users set role = 'accountant' where id = 1")
        .await;
    let [script_before_reset, page_before_reset] = before_reset;
    let [script_ended, page_ended] = ended_everywhere;
    vec![
        (
            "of the command line, before the password was reset",
            script_before_reset,
        ),
        ("from before the password was reset", page_before_reset),
        ("named and revoked", revoked),
        ("signed out", signed_out),
        ("of the command line, signed out everywhere", script_ended),
        ("signed out everywhere", page_ended),
        ("whose sessions the command line ended", ended_by_command),
        ("of when all sessions were ended", all_ended),
        ("demoted", demoted),
    ]
}

/// Every operation for administrators refuses requests without a valid token of one, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_invalid_tokens() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let service = setup.start().await;
    let document = service
        .anonymous()
        .get("/api-docs/openapi.json")
        .await
        .expect(200)
        .json();
    let refused = refused_tokens(&setup, &service, &school).await;
    let teacher = service.login("teacher", ADMIN_PASSWORD).await;
    let before = school.scratch.everything().await;
    let mut walked = 0;
    for operation in operations(&document) {
        let name = format!("{} {}", operation.method, operation.path);
        let guarded = ["/backup", "/accounts", "/auth/tokens"];
        if guarded.iter().any(|scope| operation.path.starts_with(scope)) {
            let answer = operation.call(&service.anonymous()).await;
            assert_eq!(answer.status.as_u16(), 401, "{name}: {answer:?}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{name}");
            for (why, client) in refused.iter().chain([&("of a teacher", teacher.clone())]) {
                let answer = operation.call(client).await;
                let (status, challenge) = match *why {
                    "of a teacher" | "demoted" => (403, "insufficient_scope"),
                    _ => (401, "invalid_token"),
                };
                assert_eq!(answer.status.as_u16(), status, "{name}, {why}: {answer:?}");
                assert!(answer.header("www-authenticate").contains(challenge), "{name}, {why}");
                assert_eq!(
                    answer.header("content-type"),
                    "application/problem+json",
                    "{name}, {why}"
                );
            }
            for status in ["401", "403"] {
                assert!(
                    operation.description["responses"][status].is_object(),
                    "{name} does not document {status}"
                );
            }
            walked += 1;
        } else {
            // The others change nothing but one's own sessions and password.
            let sessions = ["/auth/login", "/auth/session", "/auth/sessions", "/auth/password"];
            assert!(
                operation.method == Method::GET || sessions.contains(&operation.path.as_str()),
                "{name}"
            );
            if operation.description["security"].is_null() {
                for (why, client) in refused.iter().filter(|(why, _)| *why != "demoted") {
                    let answer = operation.call(client).await;
                    assert_eq!(answer.status.as_u16(), 401, "{name}, {why}: {answer:?}");
                }
            }
        }
    }
    assert!(walked >= 50, "only {walked} operations for administrators");
    assert_eq!(school.scratch.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_served_operation_is_documented() {
    let (_school, _service, document) = served().await;
    let described: Vec<_> = operations(&document)
        .iter()
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    for expected in [
        "POST /auth/login",
        "POST /auth/session",
        "DELETE /auth/session",
        "DELETE /auth/sessions",
        "GET /auth/me",
        "POST /auth/password",
        "POST /auth/tokens",
        "GET /auth/tokens",
        "DELETE /auth/tokens/{id}",
        "POST /accounts",
        "GET /accounts",
        "GET /accounts/{id}",
        "PATCH /accounts/{id}",
        "DELETE /accounts/{id}",
        "POST /accounts/{id}/reset",
        "GET /backup/stats",
        "GET /backup/download/{table}",
        "POST /backup/download-links",
        "GET /backup/download-links/{id}",
        "POST /backup/clear",
        "GET /backup/changes",
        "GET /backup/changes/{id}",
        "POST /backup/changes/{id}/undo",
        "POST /backup/imports/{id}",
        "GET /backup/imports/{id}",
        "DELETE /backup/imports/{id}",
        "GET /backup/imports/{id}/errors",
        "POST /backup/imports/{id}/apply",
        "GET /backup/imports/{table}/template",
        "GET /backup/jobs",
        "GET /backup/jobs/{id}",
        "GET /backup/jobs/{id}/events",
        "POST /backup/jobs/{id}/cancel",
        "POST /backup/schedules",
        "GET /backup/schedules",
        "GET /backup/schedules/{id}",
        "PATCH /backup/schedules/{id}",
        "DELETE /backup/schedules/{id}",
        "POST /backup/schedules/{id}/run",
        "POST /backup/archives/{id}/accept",
        "GET /backup/archives/{id}/certificate",
        "GET /backup/certificate-key",
        "GET /backup/retention",
        "PUT /backup/retention",
        "DELETE /backup/retention",
        "POST /backup/retention/preview",
        "POST /backup/retention/apply",
        "POST /backup/notifications",
        "GET /backup/notifications",
        "GET /backup/notifications/{id}",
        "PATCH /backup/notifications/{id}",
        "DELETE /backup/notifications/{id}",
        "POST /backup/notifications/test",
        "POST /backup/notifications/{id}/test",
        "POST /backup/destinations",
        "GET /backup/destinations",
        "GET /backup/destinations/{id}",
        "PATCH /backup/destinations/{id}",
        "DELETE /backup/destinations/{id}",
        "POST /backup/destinations/test",
        "POST /backup/destinations/{id}/test",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    ] {
        assert!(
            described.iter().any(|operation| operation == expected),
            "{expected} is missing in {described:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_complete_description() {
    let (_school, _service, document) = served().await;
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut names = std::collections::HashSet::new();
    for operation in operations(&document) {
        let Operation {
            method,
            path,
            description,
        } = &operation;
        let id = description["operationId"]
            .as_str()
            .unwrap_or_else(|| panic!("{method} {path} has no operationId"));
        assert!(names.insert(id.to_owned()), "{id} twice");
        assert!(
            id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(|c| c.is_ascii_alphanumeric()),
            "{id}"
        );
        assert_eq!(description["tags"].as_array().map(Vec::len), Some(1), "{id}");
        assert!(description["summary"].is_string(), "{id}");
        for (status, response) in description["responses"].as_object().unwrap() {
            let response = resolved(&document, response);
            assert!(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                "{id} {status}"
            );
            if status.starts_with(['4', '5']) {
                let problem = &response["content"]["application/problem+json"]["schema"];
                assert!(problem.is_object(), "{id} {status} is no problem+json");
            }
        }
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// Programs tell refusals apart by their codes, so the document must list every code that is used.
#[tokio::test(flavor = "multi_thread")]
async fn problem_codes_are_a_closed_list() {
    let (_school, service, document) = served().await;
    let problem = &document["components"]["schemas"]["Problem"];
    let codes = resolved(&document, &problem["properties"]["code"]);
    let codes: Vec<_> = codes["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap())
        .collect();
    for code in [
        "malformed_body",
        "invalid_field",
        "unsupported_media_type",
        "body_too_large",
        "request_timeout",
        "unknown_path",
        "unknown_table",
        "method_not_allowed",
        "unauthenticated",
        "wrong_credentials",
        "forbidden",
        "password_change_required",
        "password_expired",
        "scope_missing",
        "last_administrator",
        "link_invalid",
        "link_used",
        "row_count_changed",
        "wrong_confirmation",
        "too_many_logins",
        "too_many_downloads",
        "unexportable",
        "busy",
        "unknown_job",
        "not_cancellable",
        "idempotency_key_reused",
        "cancelled",
        "interrupted",
        "stopping",
        "unknown_import",
        "import_gone",
        "import_too_large",
        "import_unreadable",
        "import_refused",
        "database_busy",
        "database_unavailable",
        "insufficient_storage",
        "internal",
    ] {
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
    let seen = service
        .anonymous()
        .get("/backup/stats")
        .await
        .problem(401, "unauthenticated");
    assert!(codes.contains(&seen["code"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_document_equals_the_served_one() {
    let (_school, _service, document) = served().await;
    let committed = std::fs::read_to_string(committed()).expect("openapi/campus-backup.json is committed");
    let printed = Setup::bare().argument("openapi").run().await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(
        printed.stdout == committed,
        "openapi/campus-backup.json is not what the code says; write it anew with: campus-backup openapi"
    );
    let committed: Value = serde_json::from_str(&committed).unwrap();
    assert_eq!(document, committed);
}

#[tokio::test(flavor = "multi_thread")]
async fn swagger_ui_is_served_and_stores_no_token() {
    let (_school, service, document) = served().await;
    let page = service.anonymous().get("/swagger-ui/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    let settings = service
        .anonymous()
        .get("/swagger-ui/swagger-initializer.js")
        .await
        .expect(200)
        .text();
    assert!(!settings.contains("\"persistAuthorization\": true"), "{settings}");
    assert!(settings.contains("/api-docs/openapi.json"), "{settings}");
    let scheme = &document["components"]["securitySchemes"]["bearerAuth"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&json!("http"), &json!("bearer")),
        "{scheme}"
    );
    // The policy must allow the page's own scripts, and no others.
    let policy = page.header("content-security-policy");
    assert!(!policy.contains("https:") && !policy.contains("*"), "{policy}");
    let redirected = service.anonymous().get("/swagger-ui").await;
    assert!(
        redirected.status.is_redirection() || redirected.status.is_success(),
        "{redirected:?}"
    );
}
