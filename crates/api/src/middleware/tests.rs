//! What every request gets, whatever its route.

use std::io::Write;
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, ORIGIN};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{HttpResponse, get, post, web};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use utoipa_actix_web::AppExt;

use super::*;
use crate::openapi::KnownPaths;
use crate::problem::{ApiError, PROBLEM_JSON};

#[utoipa::path(responses((status = 200, description = "It.")))]
#[get("/things/{id}")]
async fn thing(id: web::Path<String>) -> Result<String, ApiError> {
    match id.as_str() {
        "panic" => panic!("as asked"),
        "internal" => Err(campus_backup_domain::Error::internal("counting the stars")("the sky fell").into()),
        "busy" => Err(ApiError::new(crate::problem::Code::DatabaseBusy, "Busy.")
            .with_retry_after(std::time::Duration::from_millis(1_200))),
        "anonymous" => Err(ApiError::no_token()),
        id => Ok(format!("thing {id} ").repeat(100)),
    }
}

#[utoipa::path(responses((status = 200, description = "It.")))]
#[post("/things/{id}")]
async fn change_thing() -> &'static str {
    "changed"
}

#[utoipa::path(responses((status = 200, description = "It.")))]
#[get("/bare")]
async fn bare() -> HttpResponse {
    HttpResponse::Conflict().body("plain text")
}

/// The application of these tests; a macro, because its type has no name.
macro_rules! app {
    () => {{
        let (app, document) = App::new()
            .into_utoipa_app()
            .service(thing)
            .service(change_thing)
            .service(bare)
            .split_for_parts();
        let known = web::Data::new(KnownPaths::new(&document));
        let refuse = web::scope("/guarded").wrap(from_fn(
            async |_: ServiceRequest, _: actix_web::middleware::Next<actix_web::body::BoxBody>| {
                Err::<ServiceResponse, Error>(ApiError::no_token().into())
            },
        ));
        let app = app.app_data(known).service(refuse);
        init_service(wrap(app, &["https://school.example".to_owned()])).await
    }};
}

macro_rules! problem {
    ($response:expr, $status:ident, $code:literal) => {{
        let response = $response;
        assert_eq!(response.status(), StatusCode::$status);
        assert_eq!(header_of(response.headers(), "content-type"), PROBLEM_JSON);
        let id = header_of(response.headers(), "x-request-id").to_owned();
        let headers = response.headers().clone();
        let problem: Value = serde_json::from_slice(&read_body(response).await).unwrap();
        assert_eq!(problem["code"], $code);
        assert_eq!(problem["status"], StatusCode::$status.as_u16());
        assert_eq!(problem["request_id"], id.as_str());
        assert!(!id.is_empty() && problem["title"].is_string() && problem["detail"].is_string());
        (headers, problem)
    }};
}

fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// As every client sends it.
fn hosted(request: TestRequest) -> TestRequest {
    request.insert_header(("Host", "localhost"))
}

macro_rules! get {
    ($path:expr) => {
        hosted(TestRequest::get()).uri($path).to_request()
    };
}

#[actix_web::test]
async fn panic_is_answered_and_the_next_request_works() {
    let app = app!();
    for _ in 0..3 {
        let (_, problem) = problem!(
            call_service(&app, get!("/things/panic")).await,
            INTERNAL_SERVER_ERROR,
            "internal"
        );
        assert!(!problem.to_string().contains("as asked"));
        assert_eq!(call_service(&app, get!("/things/1")).await.status(), StatusCode::OK);
    }
}

#[actix_web::test]
async fn internal_error_is_answered_without_details() {
    let app = app!();
    let response = call_service(&app, get!("/things/internal")).await;
    let (_, problem) = problem!(response, INTERNAL_SERVER_ERROR, "internal");
    let said = problem.to_string();
    assert!(!said.contains("stars") && !said.contains("sky"), "{said}");
}

#[actix_web::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let app = app!();
    let (_, problem) = problem!(call_service(&app, get!("/nothing")).await, NOT_FOUND, "unknown_path");
    assert_eq!(problem["detail"], "There is nothing at /nothing.");
    let delete = hosted(TestRequest::delete()).uri("/things/1").to_request();
    let (headers, _) = problem!(
        call_service(&app, delete).await,
        METHOD_NOT_ALLOWED,
        "method_not_allowed"
    );
    assert_eq!(header_of(&headers, ALLOW.as_str()), "GET, HEAD, POST");
    let post = hosted(TestRequest::post()).uri("/bare").to_request();
    let (headers, _) = problem!(call_service(&app, post).await, METHOD_NOT_ALLOWED, "method_not_allowed");
    assert_eq!(header_of(&headers, ALLOW.as_str()), "GET, HEAD");
    problem!(call_service(&app, get!("/bare")).await, BAD_REQUEST, "bad_request");
}

#[actix_web::test]
async fn refusal_of_the_guard_is_a_problem_with_all_headers() {
    let app = app!();
    let request = hosted(TestRequest::get())
        .uri("/guarded/x")
        .insert_header((ORIGIN, "https://school.example"));
    let (headers, _) = problem!(
        call_service(&app, request.to_request()).await,
        UNAUTHORIZED,
        "unauthenticated"
    );
    assert_eq!(
        header_of(&headers, "www-authenticate"),
        r#"Bearer realm="campus-backup""#
    );
    assert_eq!(
        header_of(&headers, "access-control-allow-origin"),
        "https://school.example"
    );
    assert_eq!(header_of(&headers, "x-content-type-options"), "nosniff");
}

#[actix_web::test]
async fn retry_after_has_whole_seconds() {
    let app = app!();
    let (headers, _) = problem!(
        call_service(&app, get!("/things/busy")).await,
        SERVICE_UNAVAILABLE,
        "database_busy"
    );
    assert_eq!(header_of(&headers, "retry-after"), "2");
}

#[actix_web::test]
async fn other_origins_get_no_permission() {
    let app = app!();
    let request = hosted(TestRequest::get())
        .uri("/things/1")
        .insert_header((ORIGIN, "https://evil.example"));
    let response = call_service(&app, request.to_request()).await;
    assert_eq!(header_of(response.headers(), "access-control-allow-origin"), "");
    let preflight = |origin| {
        hosted(TestRequest::with_uri("/things/1"))
            .method(Method::OPTIONS)
            .insert_header((ORIGIN, origin))
            .insert_header(("access-control-request-method", "POST"))
            .insert_header(("access-control-request-headers", "authorization,if-none-match"))
            .to_request()
    };
    problem!(
        call_service(&app, preflight("https://evil.example")).await,
        BAD_REQUEST,
        "bad_request"
    );
    let response = call_service(&app, preflight("https://school.example")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let request = hosted(TestRequest::get())
        .uri("/things/1")
        .insert_header((ORIGIN, "https://school.example"));
    let response = call_service(&app, request.to_request()).await;
    let exposed = header_of(response.headers(), "access-control-expose-headers").to_lowercase();
    for name in [
        "content-disposition",
        "etag",
        "x-total-rows",
        "x-request-id",
        "retry-after",
    ] {
        assert!(exposed.contains(name), "{exposed}");
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let app = app!();
    let head = |path: &str| hosted(TestRequest::with_uri(path)).method(Method::HEAD).to_request();
    let got = call_service(&app, get!("/things/1")).await;
    let asked = call_service(&app, head("/things/1")).await;
    assert_eq!(asked.status(), StatusCode::OK);
    assert_eq!(
        asked.headers().get(CONTENT_TYPE).unwrap(),
        got.headers().get(CONTENT_TYPE).unwrap()
    );
    use actix_web::body::{BodySize, MessageBody as _};
    let length = header_of(asked.headers(), "content-length").parse().unwrap();
    assert_eq!(BodySize::Sized(length), got.response().body().size());
    assert!(read_body(asked).await.is_empty());
    assert!(!read_body(got).await.is_empty());
    let missing = call_service(&app, head("/nothing")).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(header_of(missing.headers(), "content-type"), PROBLEM_JSON);
    assert!(read_body(missing).await.is_empty());
}

#[actix_web::test]
async fn answers_are_compressed_on_request_and_problems_are_readable() {
    let app = app!();
    let with = |path: &str, accepted: &str| {
        hosted(TestRequest::with_uri(path))
            .insert_header((ACCEPT_ENCODING, accepted))
            .to_request()
    };
    for encoding in ["gzip", "br", "zstd"] {
        let response = call_service(&app, with("/things/1", encoding)).await;
        assert_eq!(response.headers().get(CONTENT_ENCODING).unwrap(), encoding);
    }
    let response = call_service(&app, with("/things/busy", "gzip")).await;
    assert!(response.headers().get(CONTENT_ENCODING).is_none());
    problem!(response, SERVICE_UNAVAILABLE, "database_busy");
    let refusing_all = call_service(&app, with("/things/1", "identity;q=0")).await;
    assert_eq!(refusing_all.status(), StatusCode::OK);
}

#[actix_web::test]
async fn private_answers_are_not_stored() {
    let app = app!();
    let at = async |path: &str| {
        let response = call_service(&app, get!(path)).await;
        header_of(response.headers(), "cache-control").to_owned()
    };
    assert_eq!(at("/backup/stats").await, "no-store");
    assert_eq!(at("/auth/me").await, "no-store");
    assert_eq!(at("/things/1").await, "");
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[actix_web::test]
async fn log_has_the_route_and_the_id_without_query_and_headers() {
    // For the whole process: tracing caches which events have no subscriber, so a subscriber of one thread may be too
    // late. Other tests write to the same log, so the test looks for its id.
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(captured.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let app = app!();
    let request = |path: &str| {
        hosted(TestRequest::with_uri(path))
            .insert_header(("authorization", "Bearer t0ken-in-header"))
            .insert_header(("cookie", "t0ken-in-cookie"))
            .to_request()
    };
    let response = call_service(&app, request("/things/s0mething?link=t0ken-in-query")).await;
    let id = header_of(response.headers(), "x-request-id").to_owned();
    read_body(response).await;
    read_body(call_service(&app, request("/nothing?link=t0ken-in-query")).await).await;
    let failed = call_service(&app, request("/things/internal?link=t0ken-in-query")).await;
    let failed_id = header_of(failed.headers(), "x-request-id").to_owned();
    read_body(failed).await;
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(!log.contains("t0ken"), "{log}");
    let line = log
        .lines()
        .find(|line| line.contains(&id) && line.contains("answered"))
        .unwrap();
    assert!(
        line.contains("/things/{id}") && line.contains("status=200") && line.contains("GET"),
        "{line}"
    );
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(&failed_id) && line.contains("the sky fell"))
        .collect();
    assert_eq!(errors.len(), 1, "{log}");
    assert!(
        errors[0].contains("counting the stars failed: the sky fell"),
        "{errors:?}"
    );
}
