//! Refuses requests without exactly one valid host (RFC 9112, section 3.2). Download links and the session's cookie contain the host.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use crate::client_ip;
use crate::problem::{ApiError, Code};

pub(super) async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if !client_ip::names_a_host(request.request()) {
        let detail = "The request must name one host in its Host header, such as backup.school.example.";
        let refusal = ApiError::new(Code::BadRequest, detail);
        return Ok(request.error_response(refusal));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
