//! The middleware of every request.
//!
//! From the outside in, as [`wrap`] puts them around the application:
//! 1. `TracingLogger` gives the request its id and its span (`span`).
//! 2. `observe` counts and measures it, and writes the access log when its answer was sent or broke off.
//! 3. `drain_body` closes the connection if the handler has not read the body to its end.
//! 4. `security` sets the security headers of every answer.
//! 5. [`head`] answers HEAD like GET, without the body.
//! 6. `prefixed` puts the path prefix of a proxy before the header Location.
//! 7. `problems` turns every plain error into a problem, detects 405, and writes the request's id into it.
//! 8. `host` refuses requests without a valid host.
//! 9. [`internal`] serves the metrics and Swagger UI only at the internal address, if there is one.
//! 10. `Cors` allows the origins of the settings.
//! 11. `skip_compression` and `Compress` compress answers for clients that accept it. Downloads are compressed already.
//! 12. `detach` runs the handler in a task of its own, and turns a panic or a guard's error into an answer.
//!
//! The guard of a scope comes inside all of these.

mod detach;
mod drain_body;
pub mod guard;
pub mod head;
mod host;
pub mod internal;
mod observe;
mod prefixed;
pub(crate) mod problems;
mod security;
mod skip_compression;
mod span;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, Error};
use tracing_actix_web::TracingLogger;

use crate::digest::{CONTENT_DIGEST, REPR_DIGEST};
use crate::idempotency::IDEMPOTENCY_KEY;
use crate::identity::ARCHIVE_IDENTITY;
use crate::pagination::X_TOTAL_COUNT;
use crate::routes::download::X_TOTAL_ROWS;
use crate::routes::jobs::LAST_EVENT_ID;

/// Wraps an application into all middleware. The origins are the checked ones of the settings.
///
/// The application's data should have a [`KnownPaths`](crate::openapi::KnownPaths), which distinguishes a
/// wrong method from an unknown path.
pub fn wrap<T>(
    app: App<T>,
    origins: &[String],
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<T>>,
        Error = Error,
        InitError = (),
    > + use<T>,
>
where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + 'static,
{
    // The last wrapper is the outermost.
    app.wrap(from_fn(detach::answer))
        .wrap(Compress::default())
        .wrap(from_fn(skip_compression::answer))
        .wrap(cors(origins))
        .wrap(from_fn(internal::answer))
        .wrap(from_fn(host::answer))
        .wrap(from_fn(problems::answer))
        .wrap(from_fn(prefixed::answer))
        .wrap(from_fn(head::answer))
        .wrap(from_fn(security::answer))
        .wrap(from_fn(drain_body::answer))
        .wrap(from_fn(observe::answer))
        .wrap(TracingLogger::<span::RequestSpan>::new())
}

fn cors(origins: &[String]) -> Cors {
    const ONE_HOUR: usize = 3_600;
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .allowed_methods(methods)
        .allowed_headers([header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE])
        .allowed_headers([header::RANGE, header::IF_RANGE, header::IF_NONE_MATCH])
        .allowed_headers([IDEMPOTENCY_KEY, LAST_EVENT_ID, ARCHIVE_IDENTITY])
        .expose_headers([header::CONTENT_DISPOSITION, header::LOCATION, header::RETRY_AFTER])
        .expose_headers([
            header::ACCEPT_RANGES,
            header::CONTENT_RANGE,
            header::ETAG,
            header::LINK,
            header::ALLOW,
        ])
        .expose_headers([
            X_TOTAL_ROWS,
            X_TOTAL_COUNT,
            REPR_DIGEST,
            CONTENT_DIGEST,
            header::WWW_AUTHENTICATE,
        ])
        .expose_headers(["x-request-id"])
        // For the session's cookie. Only listed origins get these headers.
        .supports_credentials()
        .max_age(ONE_HOUR)
}

#[cfg(test)]
mod tests;
