//! Removes `Content-Encoding: identity` from answers, after it has kept `Compress` from compressing them.
//!
//! A handler sets this header if it chooses the coding itself, or if its file is compressed already. The header is for the
//! middleware and not for the client (RFC 9110, section 8.4.1).

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::middleware::Next;

pub(super) async fn answer<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "identity") {
        headers.remove(CONTENT_ENCODING);
    }
    Ok(response)
}
