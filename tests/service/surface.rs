//! Properties of all answers, and the endpoints for operators.

use reqwest::Method;
use serde_json::{Value, json};

use harness::service::Setup;
use harness::{Answer, Engine, Scratch, Service, WAIT_LIMIT, Wire, on_every_engine, small_school, until};

/// The origin of a page outside the service.
const SPA: &str = "https://school.example";

async fn of_the_small_school() -> (harness::School, Service) {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    (school, service)
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_are_problems() {
    let (_school, service) = of_the_small_school().await;
    let admin = service.admin().await;
    for path in [
        "/nothing",
        "/backup/nothing",
        "/backup/index.html",
        "/backup/assets/",
        "/auth",
        "/healthz/x",
        "/backup//stats",
        "/%00",
        "/..%2f..%2fetc%2fpasswd",
        "/backup/stats/",
    ] {
        admin.get(path).await.problem(404, "unknown_path");
        admin.head(path).await.problem(404, "unknown_path");
        admin.post(path, &json!({})).await.problem(404, "unknown_path");
    }
    // Without a token, the answer for an unknown path under /backup is the same as for a known one.
    let answer = service.anonymous().get("/backup/nothing").await;
    assert!(matches!(answer.status.as_u16(), 401 | 404), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_methods_are_problems_that_name_the_allowed_ones() {
    let (school, service) = of_the_small_school().await;
    let admin = service.admin().await;
    let before = school.scratch.everything().await;
    for (path, right) in [
        ("/auth/login", "POST"),
        ("/auth/me", "GET"),
        ("/backup/stats", "GET"),
        ("/backup/download/students", "GET"),
        ("/backup/download-links", "POST"),
        ("/backup/clear", "POST"),
        ("/healthz", "GET"),
        ("/readyz", "GET"),
        ("/api-docs/openapi.json", "GET"),
        ("/backup", "GET"),
        ("/backup/", "GET"),
    ] {
        let wrong = if right == "POST" {
            ["GET", "PUT", "DELETE", "PATCH"]
        } else {
            ["POST", "PUT", "DELETE", "PATCH"]
        };
        for method in wrong {
            let request = admin.request(method.parse().unwrap(), path);
            let answer = Answer::of(request).await;
            let allow = answer.header("allow").to_owned();
            answer.problem(405, "method_not_allowed");
            assert!(
                allow.split(',').any(|word| word.trim() == right),
                "{method} {path}: Allow: {allow:?}"
            );
            assert!(!allow.contains(method), "{method} {path}: Allow: {allow:?}");
        }
    }
    let odd = admin.request("BREW".parse().unwrap(), "/backup/clear");
    Answer::of(odd).await.problem(405, "method_not_allowed");
    assert_eq!(school.scratch.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_and_security_headers() {
    let (_school, service) = of_the_small_school().await;
    let admin = service.admin().await;
    let mut ids = std::collections::HashSet::new();
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/backup/stats",
        "/backup/download/all",
        "/nothing",
        "/swagger-ui/",
        "/api-docs/openapi.json",
        "/backup/download/nothing",
        "/backup/",
    ] {
        // `expect` checks the id and nosniff in every response of every test.
        let answer = admin.get(path).await;
        let status = answer.status.as_u16();
        let answer = answer.expect(status);
        assert!(ids.insert(answer.header("x-request-id").to_owned()), "an id twice");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
        let framed = answer.header("x-frame-options") == "DENY"
            || answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'");
        assert!(framed, "{path} can be framed: {:?}", answer.headers);
        assert!(
            answer.header("server").is_empty() && answer.header("x-powered-by").is_empty(),
            "{path}"
        );
        if path.starts_with("/backup/d") || path == "/backup/stats" {
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
}

/// The service uses the request id of a client only if it has the form of an id.
#[tokio::test(flavor = "multi_thread")]
async fn request_id_can_not_inject_into_the_log() {
    let (_school, service) = of_the_small_school().await;
    for id in [
        "x\"} {\"level\":\"ERROR",
        "<script>alert(1)</script>",
        &"9".repeat(5_000),
    ] {
        let request = service
            .anonymous()
            .request(Method::GET, "/nothing")
            .header("X-Request-Id", id);
        let problem = Answer::of(request).await.problem(404, "unknown_path");
        assert_ne!(problem["request_id"], id);
        assert!(!service.logs().contains(id), "{id}");
    }
    let problem = service
        .anonymous()
        .get("/backup/stats")
        .await
        .problem(401, "unauthenticated");
    let id = problem["request_id"].as_str().unwrap().to_owned();
    until("the id of a refusal is in the log", WAIT_LIMIT, async || {
        service.logs().contains(&id)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_origins_are_allowed() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let closed = setup.start().await;
    let request = closed
        .anonymous()
        .request(Method::GET, "/healthz")
        .header("Origin", SPA);
    assert_eq!(Answer::of(request).await.header("access-control-allow-origin"), "");

    let service = setup
        .again()
        .set("CAMPUS_BACKUP_CORS_ORIGINS", format!("{SPA},http://localhost:5173"))
        .start()
        .await;
    let admin = service.admin().await;
    for origin in [SPA, "http://localhost:5173"] {
        let answer = Answer::of(
            admin
                .request(Method::GET, "/backup/download/students")
                .header("Origin", origin),
        )
        .await;
        let answer = answer.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        for header in [
            "content-disposition",
            "x-total-rows",
            "etag",
            "content-range",
            "repr-digest",
            "link",
            "x-total-count",
        ] {
            assert!(exposed.contains(header), "{header}: {exposed}");
        }
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{answer:?}");
        let preflight = service
            .anonymous()
            .request(Method::OPTIONS, "/backup/clear")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header(
                "Access-Control-Request-Headers",
                "authorization,content-type,idempotency-key,range,if-range,if-none-match",
            );
        let preflight = Answer::of(preflight).await;
        assert!(preflight.status.is_success(), "{preflight:?}");
        assert_eq!(preflight.header("access-control-allow-origin"), origin);
        let headers = preflight.header("access-control-allow-headers").to_lowercase();
        assert!(
            headers.contains("authorization") && headers.contains("content-type"),
            "{headers}"
        );
        let methods = preflight.header("access-control-allow-methods");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(methods.contains(method), "{method}: {methods}");
        }
        // The SPA must be able to read a refusal.
        let refused = service
            .anonymous()
            .request(Method::GET, "/backup/stats")
            .header("Origin", origin);
        let refused = Answer::of(refused).await;
        assert_eq!(refused.header("access-control-allow-origin"), origin);
        refused.problem(401, "unauthenticated");
    }
    for origin in [
        "https://evil.example",
        "https://school.example.evil.example",
        "http://school.example",
        "null",
    ] {
        let answer = Answer::of(admin.request(Method::GET, "/backup/stats").header("Origin", origin)).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{origin}");
    }
}

/// The host that a request names must be a host before it is used in a cookie or a link.
#[tokio::test(flavor = "multi_thread")]
async fn requests_with_an_invalid_host_are_refused() {
    let (_school, service) = of_the_small_school().await;
    let body = json!({"username": "admin", "password": harness::ADMIN_PASSWORD, "stay_signed_in": true}).to_string();
    let sign_in = async |hosts: &[&str]| {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut wire = Wire::connect(&service).await;
        let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "POST /auth/login HTTP/1.1\r\n{hosts}Content-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        wire.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(WAIT_LIMIT, wire.read_to_end(&mut answer)).await;
        read.expect("the connection is still there").unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    for hosts in [
        &["a/x;Domain=b"][..],
        &["a;Domain=b"],
        &["a b"],
        &["user@a"],
        &["a:port"],
        &[""],
        &["a", "b"],
        &[],
    ] {
        let answer = sign_in(hosts).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{hosts:?}: {answer}");
        assert!(!answer.to_lowercase().contains("set-cookie"), "{hosts:?}: {answer}");
    }
    for host in ["school.example", "[::1]:8080", "campus_backup:8080"] {
        let answer = sign_in(&[host]).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_headers_time_out() {
    let (_school, service) = of_the_small_school().await;
    let mut wire = Wire::connect(&service).await;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    wire.write_all(b"GET /healthz HTTP/1.1\r\nHost: x").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(WAIT_LIMIT, wire.read_to_end(&mut answer)).await;
    read.expect("the connection is still there").unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[on_every_engine]
async fn health_readiness_and_metrics_need_no_token(engine: Engine) {
    let school = small_school(engine).await;
    let service = Service::on(&school.scratch).await;
    let anonymous = service.anonymous();
    anonymous.get("/healthz").await.expect(200);
    anonymous.get("/readyz").await.expect(200);
    service.admin().await.get("/backup/download/students").await.expect(200);
    anonymous.get("/backup/download/students/../secret-name").await;
    let metrics = anonymous.get("/metrics").await.expect(200);
    assert!(metrics.header("content-type").starts_with("text/plain"), "{metrics:?}");
    let metrics = metrics.text();
    assert!(metrics.contains("# TYPE "), "{metrics}");
    assert!(
        metrics.contains("/backup/download/{table}"),
        "labelled by template: {metrics}"
    );
    for path in ["/backup/download/students", "secret-name"] {
        assert!(!metrics.contains(path), "never by path: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_database_file_is_detected() {
    let (school, service) = of_the_small_school().await;
    let file = school.scratch.folder().join("school.db");
    let admin = service.admin().await;
    service.anonymous().get("/readyz").await.expect(200);
    std::fs::rename(&file, file.with_extension("moved")).unwrap();
    service
        .anonymous()
        .get("/readyz")
        .await
        .problem(503, "database_unavailable");
    std::fs::copy(file.with_extension("moved"), &file).unwrap();
    service
        .anonymous()
        .get("/readyz")
        .await
        .problem(503, "database_unavailable");
    service.anonymous().get("/healthz").await.expect(200);
    let refused = admin.clear(&json!({"table": "attendance"})).await;
    assert!(
        refused.status.is_server_error(),
        "a clear of a file that is gone would be lost: {refused:?}"
    );
    std::fs::rename(file.with_extension("moved"), &file).unwrap();
    service.anonymous().get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_of_another_version_is_not_ready() {
    let scratch = Scratch::empty(Engine::Sqlite).await;
    let service = Service::on(&scratch).await;
    service.anonymous().get("/readyz").await.expect(200);
    scratch
        .execute("delete from backup_migrations where version like '%service'")
        .await;
    // The result of a check is reused for a second.
    until("the service has noticed", WAIT_LIMIT, async || {
        service.anonymous().get("/readyz").await.status.as_u16() == 503
    })
    .await;
    let told = service
        .anonymous()
        .get("/readyz")
        .await
        .problem(503, "database_unavailable");
    assert_eq!(told["reason"], "schema", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_can_be_json() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_LOG_FORMAT", "json")
        .start()
        .await;
    service.admin().await.get("/backup/stats").await.expect(200);
    let problem = service
        .anonymous()
        .get("/backup/stats")
        .await
        .problem(401, "unauthenticated");
    let finished = service.stop().await;
    let lines: Vec<Value> = finished
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let id = problem["request_id"].as_str().unwrap();
    assert!(
        lines.iter().any(|line| line.to_string().contains(id)),
        "the request is found by its id"
    );
    assert_eq!(finished.stdout, "", "nothing but a one-time password is printed");
}

/// A page of a listed origin keeps its session after a reload. A page of another origin does not.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_listed_origins_keep_their_sessions() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch).set("CAMPUS_BACKUP_PUBLIC_URL", "https://backup.school.example");
    let service = setup.set("CAMPUS_BACKUP_CORS_ORIGINS", SPA).start().await;
    let browser = service.anonymous();
    let sign_in = async |origin: &str, site: &str| {
        let body = json!({"username": "admin", "password": harness::ADMIN_PASSWORD, "stay_signed_in": true});
        let request = browser.request(Method::POST, "/auth/login").json(&body);
        Answer::of(request.header("Origin", origin).header("Sec-Fetch-Site", site)).await
    };
    let cookie = |answer: &Answer| {
        let set = answer.header("set-cookie").to_owned();
        (set.split(';').next().unwrap().to_owned(), set)
    };
    let evil = "https://evil.example";
    let refused = sign_in(evil, "cross-site").await;
    assert_eq!(refused.header("set-cookie"), "");
    refused.problem(403, "forbidden");

    let (kept, set) = cookie(&sign_in(SPA, "cross-site").await.expect(200));
    assert!(set.contains("SameSite=None") && set.contains("Secure"), "{set}");
    let renew_session = async |method: Method, cookie: &str, origin: &str, site: Option<&str>| {
        let request = browser.request(method, "/auth/session").header("Cookie", cookie);
        let request = request.header("Origin", origin);
        Answer::of(match site {
            Some(site) => request.header("Sec-Fetch-Site", site),
            None => request,
        })
        .await
    };
    for site in [Some("cross-site"), Some("same-site"), None] {
        renew_session(Method::POST, &kept, evil, site)
            .await
            .problem(403, "forbidden");
        renew_session(Method::DELETE, &kept, evil, site)
            .await
            .problem(403, "forbidden");
    }
    let renewed = renew_session(Method::POST, &kept, SPA, Some("cross-site"))
        .await
        .expect(200);
    assert_eq!(renewed.header("access-control-allow-origin"), SPA);
    assert_eq!(renewed.header("access-control-allow-credentials"), "true");
    let (kept, _) = cookie(&renewed);
    // A page of the same site needs no weaker cookie.
    let renewed = renew_session(Method::POST, &kept, SPA, Some("same-site"))
        .await
        .expect(200);
    let (kept, set) = cookie(&renewed);
    assert!(set.contains("SameSite=Strict"), "{set}");
    let own = "https://backup.school.example";
    let renewed = renew_session(Method::POST, &kept, own, Some("same-origin"))
        .await
        .expect(200);
    let (kept, _) = cookie(&renewed);
    renew_session(Method::DELETE, &kept, SPA, Some("cross-site"))
        .await
        .expect(204);
}

/// The total and the links to other pages of a list are also in headers (RFC 8288).
#[tokio::test(flavor = "multi_thread")]
async fn lists_link_to_their_other_pages() {
    let (_school, service) = of_the_small_school().await;
    let admin = service.admin().await;
    for _ in 0..3 {
        admin.create_backup().await;
    }
    admin.clear(&json!({"table": "payments"})).await.expect(200);
    for path in ["/backup/archives", "/backup/jobs", "/backup/changes"] {
        let mut next = Some(format!("{path}?limit=1"));
        let (mut seen, mut pages) = (Vec::new(), 0);
        while let Some(page) = next {
            let answer = admin.get(&page).await.expect(200);
            let listed = answer.json();
            assert_eq!(answer.header("x-total-count"), listed["total"].to_string(), "{page}");
            seen.extend(
                listed["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["id"].clone()),
            );
            let links = answer.header("link").to_owned();
            for relation in ["first", "last"] {
                assert!(links.contains(&format!("rel=\"{relation}\"")), "{page}: {links}");
            }
            let link = links.split(", ").find(|link| link.ends_with("rel=\"next\""));
            next = link.map(|link| {
                let target = link.trim_start_matches('<').split('>').next().unwrap();
                target.strip_prefix(&service.base_url()).expect(target).to_owned()
            });
            pages += 1;
            assert!(pages <= 10, "{path} does not end");
        }
        let all = admin.get(&format!("{path}?limit=100")).await.expect(200).json();
        let all: Vec<_> = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].clone())
            .collect();
        assert_eq!(seen, all, "{path}");
    }
    let filtered = admin.get("/backup/jobs?kind=archive&limit=2").await.expect(200);
    assert_eq!(filtered.header("x-total-count"), "3");
    assert!(
        filtered.header("link").contains("kind=archive&limit=2&offset=2"),
        "{filtered:?}"
    );
}
