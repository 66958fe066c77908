//! Runs each handler in a task of its own, and turns a panic or a guard's error into an answer.
//!
//! Without this a panic would close the connection without an answer. The hook of [`logging`](crate::logging) logs the panic, and the
//! client gets a problem with the request's id.
//!
//! A handler runs to its end even if its client disconnects. A statement that is dropped while the database waits for a lock leaves its
//! connection unusable, and with a pool of such connections the service would be down. Long work finds a [`CancellationToken`] among
//! the request's extensions, which is cancelled when the client disconnects.

use actix_service::IntoServiceFactory;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{App, Error, HttpMessage};
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
    // The request is gone with the handler. A clone of it is impossible, because actix-web panics if a request is shared while it is
    // routed. A `ServiceResponse` needs a request, and the outer middleware does not read it.
    match answer_without_routes().await {
        Some(stand_in) => Ok(stand_in.error_response(error)),
        None => Err(error),
    }
}

/// The answer of an application without routes to an empty request. Only an application creates requests.
async fn answer_without_routes() -> Option<ServiceResponse> {
    let service = App::new().into_factory().new_service(AppConfig::default()).await.ok()?;
    service.call(actix_http::Request::new()).await.ok()
}
