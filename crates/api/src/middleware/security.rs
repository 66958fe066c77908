//! The security headers of every answer (OWASP, HTTP Headers Cheat Sheet), and the request's id.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use tracing_actix_web::RequestId;

use crate::dashboard;
use crate::openapi::SWAGGER_UI;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANSWERS: &str = "default-src 'none'; frame-ancestors 'none'";
/// Swagger UI has its scripts in files and some styles in its elements; its pictures are data URLs.
const PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The dashboard loads only its own files.
const DASHBOARD: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let path = request.path();
    let policy = match path {
        dashboard::PAGE => DASHBOARD,
        path if path.starts_with(SWAGGER_UI) => PAGES,
        _ => ANSWERS,
    };
    let private = ["/auth", "/accounts", "/backup"]
        .iter()
        .any(|scope| path.starts_with(scope));

    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A page may have set a stricter policy.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    // actix-cors sends it also to an origin that it refuses.
    if !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
    }
    if private && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(X_REQUEST_ID, id);
    }
    Ok(response)
}
