//! HEAD on every path that has a GET: the same answer, less its body.
//!
//! The request runs as a GET, so that the headers are the same, and the body is dropped unread: a download begins and
//! its reader goes away. A handler for which that would be a waste, or which spends something, asks [`is_head`].

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
struct AskedForHead;

/// Whether only the head of the answer is wanted.
pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().contains::<AskedForHead>()
}

pub(super) async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if request.method() != Method::HEAD {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    request.head_mut().method = Method::GET;
    request.extensions_mut().insert(AskedForHead);
    let mut response = next.call(request).await?;
    // It is that of the bytes of this answer, which has none (RFC 9530, section 2).
    response.headers_mut().remove(CONTENT_DIGEST);
    Ok(response.map_body(|head, body| {
        // The length stands in a header of ours and is not that of the body: when the next request was read before this answer
        // is written, actix-http takes this for the answer to that one, waits for the bytes of a GET, and closes.
        if let BodySize::Sized(length) = body.size() {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        head.no_chunking(true);
        BoxBody::new(Unread)
    }))
}

/// A body that nobody reads, of which nothing says how long it is.
struct Unread;

impl MessageBody for Unread {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
