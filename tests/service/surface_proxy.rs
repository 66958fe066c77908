//! The service behind a proxy with a path prefix, and with a separate internal address.

use reqwest::Method;
use serde_json::json;

use harness::archives_rig::ARCHIVES;
use harness::service::Setup;
use harness::{ADMIN_PASSWORD, Answer, Client, Engine, Service, WAIT_LIMIT, small_school, until};

const LINKS: &str = "/backup/download-links";

/// A request as the proxy forwards it for `location /campus/`.
async fn under_campus(client: &Client, method: Method, path: &str) -> Answer {
    let request = client
        .request(method.clone(), path)
        .header("X-Forwarded-Prefix", "/campus");
    let body = match path {
        LINKS => json!({"path": "/backup/download/students"}),
        "/auth/login" => json!({"username": "admin", "password": ADMIN_PASSWORD, "stay_signed_in": true}),
        _ => json!({}),
    };
    Answer::of(if method == Method::POST {
        request.json(&body)
    } else {
        request
    })
    .await
}

/// The paths of the service in its responses to a client behind the proxy.
async fn own_paths(service: &Service) -> Vec<String> {
    let (admin, anonymous) = (service.admin().await, service.anonymous());
    let job = under_campus(&admin, Method::POST, ARCHIVES).await.expect(202);
    let id = job.json()["id"].as_str().unwrap().to_owned();
    let link = under_campus(&admin, Method::POST, LINKS).await.expect(201).json();
    let link = reqwest::Url::parse(link["url"].as_str().unwrap()).unwrap();
    let page = under_campus(&admin, Method::GET, "/backup/jobs?limit=1")
        .await
        .expect(200);
    let page = page
        .header("link")
        .trim_start_matches('<')
        .split('?')
        .next()
        .unwrap()
        .to_owned();
    let page = reqwest::Url::parse(&page).unwrap();
    let signed_in = under_campus(&anonymous, Method::POST, "/auth/login").await.expect(200);
    let cookie = signed_in.header("set-cookie").split("Path=").nth(1).unwrap();
    let document = under_campus(&anonymous, Method::GET, "/api-docs/openapi.json")
        .await
        .expect(200)
        .json();
    vec![
        job.header("location").replace(&id, "ID"),
        link.path().to_owned(),
        page.path().to_owned(),
        cookie.split(';').next().unwrap().to_owned(),
        under_campus(&anonymous, Method::GET, "/")
            .await
            .header("location")
            .to_owned(),
        under_campus(&anonymous, Method::GET, "/swagger-ui")
            .await
            .header("location")
            .to_owned(),
        document["servers"][0]["url"].as_str().unwrap().to_owned(),
    ]
}

const PATHS: [&str; 6] = [
    "/backup/jobs/ID",
    "/backup/download/students",
    "/backup/jobs",
    "/auth/session",
    "/backup/",
    "/swagger-ui/",
];

#[tokio::test(flavor = "multi_thread")]
async fn paths_keep_the_prefix_of_the_proxy() {
    let school = small_school(Engine::Sqlite).await;
    let setup = Setup::on(&school.scratch);
    let prefixed = || {
        PATHS
            .iter()
            .map(|path| format!("/campus{path}"))
            .chain(["/campus".to_owned()])
    };

    let trusting = setup
        .again()
        .set("CAMPUS_BACKUP_TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    assert_eq!(own_paths(&trusting).await, prefixed().collect::<Vec<_>>());

    let told = setup
        .again()
        .set("CAMPUS_BACKUP_PUBLIC_URL", "https://school.example/campus")
        .start()
        .await;
    assert_eq!(own_paths(&told).await, prefixed().collect::<Vec<_>>());

    // Any client can send this header.
    let untrusting = setup.start().await;
    let plain: Vec<_> = PATHS.iter().copied().chain(["/"]).map(str::to_owned).collect();
    assert_eq!(own_paths(&untrusting).await, plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_works_under_any_path() {
    let school = small_school(Engine::Sqlite).await;
    let service = Service::on(&school.scratch).await;
    let anonymous = service.anonymous();
    let swagger = anonymous
        .get("/swagger-ui/swagger-initializer.js")
        .await
        .expect(200)
        .text();
    assert!(swagger.contains("\"../api-docs/openapi.json\""), "{swagger}");
    for page in ["/swagger-ui/", "/backup/"] {
        let page = anonymous.get(page).await.expect(200).text();
        for attribute in ["src=\"/", "href=\"/"] {
            assert!(!page.contains(attribute), "{page}");
        }
    }
    let icon = anonymous.get("/favicon.ico").await.expect(200);
    assert_eq!(icon.header("content-type"), "image/x-icon");
    assert_eq!(&icon.body[..4], [0, 0, 1, 0]);
    let root = anonymous.get("/").await;
    assert_eq!((root.status.as_u16(), root.header("location")), (307, "/backup/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_swagger_ui_can_have_a_separate_address() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_INTERNAL_LISTEN", "127.0.0.1:0")
        .start()
        .await;
    let said = "metrics and Swagger UI are at ";
    let mut internal = String::new();
    until("the internal address is logged", WAIT_LIMIT, async || {
        let logs = service.logs();
        let at = logs
            .split_once(said)
            .and_then(|(_, rest)| rest.split_whitespace().next());
        internal = at.unwrap_or_default().to_owned();
        !internal.is_empty()
    })
    .await;
    let admin = service.admin().await;
    let inside = Client::new(harness::client::http(), internal, Some(admin.token().to_owned()));
    for path in [
        "/metrics",
        "/%6Detrics",
        "/swagger-ui/",
        "/%73wagger-ui/",
        "/swagger-ui",
        "/swagger-ui/swagger-ui.css",
    ] {
        admin.get(path).await.problem(404, "unknown_path");
        admin.head(path).await.problem(404, "unknown_path");
        assert!(!inside.get(path).await.status.is_client_error(), "{path}");
    }
    for client in [&admin, &inside] {
        for path in ["/backup/stats", "/readyz", "/api-docs/openapi.json"] {
            client.get(path).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swagger_ui_can_be_switched_off() {
    let school = small_school(Engine::Sqlite).await;
    let service = Setup::on(&school.scratch)
        .set("CAMPUS_BACKUP_SWAGGER_UI", "false")
        .start()
        .await;
    let anonymous = service.anonymous();
    for path in ["/swagger-ui/", "/swagger-ui", "/swagger-ui/index.html"] {
        anonymous.get(path).await.problem(404, "unknown_path");
    }
    anonymous.get("/api-docs/openapi.json").await.expect(200);
    anonymous.get("/metrics").await.expect(200);
}
