//! A panic in a handler, or an error that a guard lets through, becomes an answer.
//!
//! Without this a panic closes the connection without a word. It was logged by the hook that
//! [`logging`](crate::logging) sets; the caller reads that something went wrong, and the id to quote.
//!
//! A handler whose caller goes away is not dropped where it stands, but runs to its end: a statement that is cut off
//! while the database waits for a lock leaves its connection unusable, and a pool of such connections is a service
//! that is down. What may take long finds a [`CancellationToken`] among the request's extensions, which says that
//! nobody waits any more.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::test::TestRequest;
use actix_web::{Error, HttpMessage};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::problem::{ApiError, Code};

pub(super) async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let gone = CancellationToken::new();
    request.extensions_mut().insert(gone.clone());
    let _gone = gone.drop_guard();
    let running = actix_web::rt::spawn(async move { next.call(request).await }.in_current_span());
    let error = match running.await {
        Ok(Ok(response)) => return Ok(response.map_into_boxed_body()),
        Ok(Err(error)) => error,
        Err(_panic) => ApiError::new(Code::Internal, Code::Internal.example()).into(),
    };
    // The request went down with the handler, and nothing may hold on to it while it is routed (actix-web panics if
    // it is shared). What comes further out needs only some request to hang the response on.
    let stand_in = TestRequest::default().to_http_request();
    Ok(ServiceResponse::from_err(error, stand_in))
}
