//! Every error answer is a problem with the request's id, also the error answers of actix-web.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, Encoding, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};
use tracing_actix_web::RequestId;

use super::head;
use crate::openapi::KnownPaths;
use crate::problem::{ApiError, Code, PROBLEM_JSON, Problem};

/// Marks an answer with an error status whose body is no problem, but what the document says.
pub(crate) struct OwnBody;

pub(super) async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    accept_something(&mut request);
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let known = request.app_data::<web::Data<KnownPaths>>().cloned();
    let method = match head::is_head(request.request()) {
        true => Method::HEAD,
        false => request.method().clone(),
    };
    let path = request.path().to_owned();

    let mut response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    if response.response_mut().extensions_mut().remove::<OwnBody>().is_some() {
        return Ok(response);
    }
    let own = response.response_mut().extensions_mut().remove::<Problem>();
    let mut problem = match own {
        Some(problem) => problem,
        None if is_problem(&response) => return Ok(response),
        None => {
            let error = explain(status, &method, &path, known.as_ref().map(|known| known.get_ref()));
            let explained = error.error_response();
            *response.response_mut().status_mut() = explained.status();
            for (name, value) in explained.headers() {
                response.headers_mut().insert(name.clone(), value.clone());
            }
            error.problem().clone()
        }
    };
    problem.request_id = id.unwrap_or_default();
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.remove(CONTENT_ENCODING);
    Ok(response.map_body(|_, _| BoxBody::new(body)))
}

fn is_problem(response: &ServiceResponse) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE);
    media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(PROBLEM_JSON.as_bytes()))
}

/// The error for a plain status. Routes are matched by their method, so actix-web takes a wrong method for an unknown path. The
/// answer names the existing methods.
fn explain(status: StatusCode, method: &Method, path: &str, known: Option<&KnownPaths>) -> ApiError {
    let nothing_there = matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
    if nothing_there
        && let Some(known) = known
        && let Some(allowed) = known.allowed(path)
        && !allowed.split(", ").any(|allowed| allowed == method.as_str())
    {
        return ApiError::method_not_allowed(method.as_str(), allowed);
    }
    let code = match status {
        StatusCode::NOT_FOUND => return ApiError::new(Code::UnknownPath, unknown_path(path)),
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        status if status.is_client_error() => Code::BadRequest,
        _ => Code::Internal,
    };
    ApiError::new(code, format!("{}.", code.title()))
}

/// The error for an operation that does not exist.
pub(super) fn unknown(method: &Method, path: &str, known: &KnownPaths) -> ApiError {
    explain(StatusCode::NOT_FOUND, method, path, Some(known))
}

fn unknown_path(path: &str) -> String {
    const SHOWN: usize = 128;
    match path.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("There is nothing at {}….", &path[..end]),
        None => format!("There is nothing at {path}."),
    }
}

/// A client that refuses every encoding gets none (RFC 9110, section 12.5.3). `Compress` would answer 406.
fn accept_something(request: &mut ServiceRequest) {
    let supported = [
        Encoding::identity(),
        Encoding::brotli(),
        Encoding::gzip(),
        Encoding::deflate(),
        Encoding::zstd(),
    ];
    let refused = request
        .get_header::<AcceptEncoding>()
        .is_some_and(|accepted| accepted.negotiate(supported.iter()).is_none());
    if refused {
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
}
