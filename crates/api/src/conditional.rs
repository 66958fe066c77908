//! Conditional requests (RFC 9110, section 13): the client's current copy is not sent again.

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, ETag, EntityTag, Header as _, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::problem::ApiError;

/// Whether the client sent this tag in `If-None-Match` (RFC 9110, section 13.1.2).
pub(crate) fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

/// Finishes an answer with a JSON body and an `ETag`, or with 304 and no body if the client sent that tag in `If-None-Match`.
/// The tag is weak, because a middleware may compress the answer.
///
/// # Errors
/// 500 `internal` if the body can't be written as JSON.
pub(crate) fn json(
    request: &HttpRequest,
    answer: &mut HttpResponseBuilder,
    body: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec(body).map_err(|error| ApiError::internal(error.to_string()))?;
    let tag = EntityTag::new_weak(STANDARD.encode(Sha256::digest(&body)));
    let is_known = is_known(request, &tag);
    answer.insert_header(ETag(tag));
    Ok(match is_known {
        true => answer.status(StatusCode::NOT_MODIFIED).finish(),
        false => answer.insert_header(ContentType::json()).body(body),
    })
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::header::{ETAG, IF_NONE_MATCH};
    use actix_web::test::TestRequest;

    use super::*;

    #[actix_web::test]
    async fn known_answer_is_not_sent_again() {
        let first = json(
            &TestRequest::default().to_http_request(),
            &mut HttpResponse::Ok(),
            &["a"],
        )
        .unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers().get(ETAG).unwrap().to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        assert_eq!(to_bytes(first.into_body()).await.unwrap(), "[\"a\"]");
        let asked = |known: &str, answer: &str| {
            let request = TestRequest::default()
                .insert_header((IF_NONE_MATCH, known))
                .to_http_request();
            json(&request, &mut HttpResponse::Ok(), &[answer]).unwrap()
        };
        for known in [&tag, &format!("\"other\", {tag}"), "*"] {
            let again = asked(known, "a");
            assert_eq!(
                (again.status(), again.headers().get(ETAG).unwrap().to_str().unwrap()),
                (StatusCode::NOT_MODIFIED, &*tag)
            );
            assert!(to_bytes(again.into_body()).await.unwrap().is_empty());
        }
        for (known, answer) in [(&*tag, "b"), ("\"other\"", "a"), ("broken", "a"), ("", "a")] {
            assert_eq!(asked(known, answer).status(), StatusCode::OK, "{known}");
        }
    }
}
