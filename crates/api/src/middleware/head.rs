//! HEAD on every path that has a GET: the same answer, without its body.
//!
//! The request runs as a GET, so that the headers are equal, and the body is dropped unread. A handler for which that is expensive, or
//! that would use up a link, checks [`is_head`].

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpRequest};

use crate::digest::CONTENT_DIGEST;

#[derive(Clone, Copy)]
struct OriginalHead;

/// Whether the request is a HEAD.
pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().contains::<OriginalHead>()
}

pub(super) async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if request.method() != Method::HEAD {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    request.head_mut().method = Method::GET;
    request.extensions_mut().insert(OriginalHead);
    let mut response = next.call(request).await?;
    // It is the digest of this answer's bytes, and this answer has none (RFC 9530, section 2).
    response.headers_mut().remove(CONTENT_DIGEST);
    Ok(response.map_body(|head, body| {
        // The length is set as a header, and the body has no length. Otherwise, if the next request was read before this answer is
        // written, actix-http would take this for the answer to that request, wait for the bytes of a GET, and close.
        if let BodySize::Sized(length) = body.size() {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        head.no_chunking(true);
        BoxBody::new(EmptyBody)
    }))
}

/// An empty body without a length.
struct EmptyBody;

impl MessageBody for EmptyBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
