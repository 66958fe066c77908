//! Serves the metrics and Swagger UI only at the internal address, if there is one.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};

use crate::openapi::SWAGGER_UI;
use crate::problem::{ApiError, Code};
use crate::routes::health::METRICS;

/// The internal address, once it is bound. Application data of the service.
#[derive(Clone, Debug, Default)]
pub struct InternalListener(Arc<OnceLock<SocketAddr>>);

impl InternalListener {
    /// Sets the address.
    pub(crate) fn set(&self, address: SocketAddr) {
        // Only one call is made.
        let _ = self.0.set(address);
    }
}

pub(super) async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    // As the routes see it: with `%6D` for `m` it is the same path.
    let path = request.match_info().as_str();
    let is_internal = path == METRICS || path == SWAGGER_UI.trim_end_matches('/') || path.starts_with(SWAGGER_UI);
    let internal = request
        .app_data::<InternalListener>()
        .and_then(|listener| listener.0.get());
    if is_internal && internal.is_some_and(|internal| *internal != request.app_config().local_addr()) {
        let error = ApiError::new(
            Code::UnknownPath,
            "This path does not exist at this address of the service.",
        );
        return Ok(request.into_response(error.error_response()));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
