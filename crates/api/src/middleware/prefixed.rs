//! Puts the path prefix of a proxy before the header Location.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::{AppState, prefix};

pub(super) async fn answer<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>();
    let public_url = state.and_then(|state| state.settings.public_url.as_deref());
    let prefix = prefix::of(public_url, request.request());
    let mut response = next.call(request).await?;
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok());
    // A relative address needs no prefix.
    if let Some(location) = location.filter(|location| !prefix.is_empty() && location.starts_with('/'))
        && let Ok(location) = HeaderValue::try_from(format!("{prefix}{location}"))
    {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}
