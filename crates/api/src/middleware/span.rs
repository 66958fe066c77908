//! The span of a request: log lines of a request have its method, its route, its id, the address of the client, and the user
//! after the guard has authenticated the request.
//!
//! They never have the path, the query string or a header, because links contain tokens, and headers contain passwords.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

use crate::client_ip::client_address;

/// Builds the span for `TracingLogger`.
pub(super) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().map(ToString::to_string);
        // The span has the level of errors, so that an error has its request's id even if only errors are logged.
        tracing::error_span!(
            "request",
            method = method(request),
            route = route(request),
            request_id = id.as_deref(),
            client = %client_address(request.request()),
            user = tracing::field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(_: Span, _: &Result<ServiceResponse<B>, Error>) {}
}

/// Names the user of a request in its log lines, also in its access log. A later user, such as the creator of a link, replaces it.
pub(super) fn name_user(username: &str) {
    Span::current().record("user", username);
}

/// The method if it is a usual one, else `other`. A client can invent methods, and each would be a label of its own.
pub(super) fn method(request: &ServiceRequest) -> &'static str {
    const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = request.method().as_str();
    USUAL.into_iter().find(|usual| *usual == method).unwrap_or("other")
}

/// The template of the route, such as `/backup/download/{table}`.
pub(super) fn route(request: &ServiceRequest) -> String {
    request.match_pattern().unwrap_or_else(|| "unknown".to_owned())
}
