//! Metrics and the access log: one line for each request, written when its answer was sent or broke off.
//!
//! A long download can fail after its status was sent. This log says that the body broke off, and why.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use tracing::Span;

use super::span;
use crate::metrics;
use crate::problem::chain;

/// Paths that monitoring requests every few seconds. Their lines would hide those of users.
const QUIET: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

pub(super) async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let began = Instant::now();
    let method = span::method(&request);
    let route = span::route(&request);
    let response = next.call(request).await?;
    let status = response.status();
    metrics::answered(method, &route, status.as_u16());
    Ok(response.map_body(|_, body| {
        let size = body.size();
        BoxBody::new(Observed {
            body: BoxBody::new(body),
            outcome: if size.is_eof() {
                Outcome::Whole
            } else {
                Outcome::Abandoned
            },
            size,
            sent: 0,
            method,
            route,
            status,
            began,
            span: Span::current(),
        })
    }))
}

/// A body with the data of its log line.
struct Observed {
    body: BoxBody,
    size: BodySize,
    outcome: Outcome,
    sent: u64,
    method: &'static str,
    route: String,
    status: StatusCode,
    began: Instant,
    span: Span,
}

#[derive(Clone, Copy)]
enum Outcome {
    Whole,
    Broken,
    /// Dropped before its end: the client disconnected, or the service is stopping.
    Abandoned,
}

impl MessageBody for Observed {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_next(cx);
        match &polled {
            Poll::Ready(Some(Ok(bytes))) => this.sent += bytes.len() as u64,
            Poll::Ready(Some(Err(error))) => {
                this.outcome = Outcome::Broken;
                this.span
                    .in_scope(|| tracing::error!(error = chain(error.as_ref()), "the answer broke off"));
            }
            Poll::Ready(None) => this.outcome = Outcome::Whole,
            Poll::Pending => {}
        }
        polled
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let elapsed = self.began.elapsed();
        let status = self.status.as_u16();
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let bytes = self.sent;
        let outcome = match self.outcome {
            Outcome::Whole => "answered",
            Outcome::Broken => "broken off",
            Outcome::Abandoned => "abandoned",
        };
        metrics::finished(self.method, &self.route, status, outcome, elapsed);
        self.span.in_scope(|| {
            if QUIET.contains(&self.route.as_str()) && self.status.is_success() {
                tracing::debug!(target: "campus_backup::access", status, milliseconds, bytes, "{outcome}");
            } else {
                tracing::info!(target: "campus_backup::access", status, milliseconds, bytes, "{outcome}");
            }
        });
    }
}
