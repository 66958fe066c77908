//! Pagination of lists.

use actix_web::http::header::{HeaderName, LINK};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::AppState;
use crate::client_ip;
use crate::conditional;
use crate::problem::ApiError;

/// The number of items of the whole list, for clients that read it from a header.
pub const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The default limit of a page.
const DEFAULT_LIMIT: u64 = 20;

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The number of items of the whole list.
    pub total: u64,
    /// The maximum number of items of this page.
    pub limit: u64,
    /// The number of items before this page.
    pub offset: u64,
}

/// The requested limit and offset, or their defaults. A page has at most `max` items.
///
/// # Errors
/// 422 `invalid_field` if one of them is out of range.
pub fn window(limit: Option<u64>, offset: Option<u64>, max: u64) -> Result<(u64, u64), ApiError> {
    let (limit, offset) = (limit.unwrap_or(DEFAULT_LIMIT), offset.unwrap_or_default());
    if !(1..=max).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("must be between 1 and {max}")));
    }
    // The engines' numbers have a sign.
    if i64::try_from(offset).is_err() {
        return Err(ApiError::invalid("offset", "is beyond the end of any list"));
    }
    Ok((limit, offset))
}

/// The range of the items in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The maximum number of items.
    limit: u64,
    /// The number of items before them.
    offset: u64,
    /// The number of items of the whole list.
    total: u64,
}

impl Window {
    /// The range of a page.
    pub fn new(limit: u64, offset: u64, total: u64) -> Self {
        Self { limit, offset, total }
    }

    /// Other pages of the list by their relation to this one (RFC 8288, IANA link relations), as offsets.
    fn others(self) -> Vec<(&'static str, u64)> {
        let Self { limit, offset, total } = self;
        let last = total.saturating_sub(1) / limit * limit;
        let mut others = vec![("first", 0)];
        if offset > 0 {
            others.push(("prev", offset.saturating_sub(limit).min(last)));
        }
        if offset.saturating_add(limit) < total {
            others.push(("next", offset + limit));
        }
        others.push(("last", last));
        others
    }
}

/// The answer with a [`Page`] of these items, as [`answer`].
///
/// # Errors
/// Those of [`conditional::json`].
pub fn page<T: Serialize>(
    state: &AppState,
    request: &HttpRequest,
    window: Window,
    items: Vec<T>,
) -> Result<HttpResponse, ApiError> {
    let Window { limit, offset, total } = window;
    let page = Page {
        items,
        total,
        limit,
        offset,
    };
    answer(state, request, window, &page)
}

/// The answer with a page, the number of all items, and links to other pages with the other parameters of this request. If the
/// client's copy is current, the answer is 304.
///
/// # Errors
/// Those of [`conditional::json`].
pub fn answer(
    state: &AppState,
    request: &HttpRequest,
    window: Window,
    page: &impl Serialize,
) -> Result<HttpResponse, ApiError> {
    let service = client_ip::of_service(state.settings.public_url.as_deref(), request);
    let links = window.others().into_iter().map(|(relation, offset)| {
        let query = query(request.query_string(), window.limit, offset);
        format!(r#"<{service}{}?{query}>; rel="{relation}""#, request.path())
    });
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((X_TOTAL_COUNT, window.total))
        .insert_header((LINK, links.collect::<Vec<_>>().join(", ")));
    conditional::json(request, &mut answer, page)
}

fn query(asked: &str, limit: u64, offset: u64) -> String {
    let others = form_urlencoded::parse(asked.as_bytes()).filter(|(name, _)| name != "limit" && name != "offset");
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .append_pair("limit", &limit.to_string())
        .append_pair("offset", &offset.to_string())
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(limit: u64, offset: u64, total: u64) -> Vec<(&'static str, u64)> {
        Window { limit, offset, total }.others()
    }

    #[test]
    fn page_links_to_its_neighbours_and_both_ends() {
        assert_eq!(others(20, 0, 0), [("first", 0), ("last", 0)]);
        assert_eq!(others(20, 0, 20), [("first", 0), ("last", 0)]);
        assert_eq!(others(20, 0, 21), [("first", 0), ("next", 20), ("last", 20)]);
        assert_eq!(others(2, 2, 5), [("first", 0), ("prev", 0), ("next", 4), ("last", 4)]);
        assert_eq!(others(2, 4, 5), [("first", 0), ("prev", 2), ("last", 4)]);
        // Beyond the end the page before is the last.
        assert_eq!(others(2, 100, 5), [("first", 0), ("prev", 4), ("last", 4)]);
        let far = i64::MAX.cast_unsigned();
        assert_eq!(others(2, far, 5), [("first", 0), ("prev", 4), ("last", 4)]);
    }

    #[test]
    fn links_keep_the_parameters_of_the_request() {
        assert_eq!(query("", 20, 40), "limit=20&offset=40");
        assert_eq!(
            query("kind=clear&limit=20&from=2026-11-01T00:00:00%2B01:00", 20, 0),
            "kind=clear&from=2026-11-01T00%3A00%3A00%2B01%3A00&limit=20&offset=0"
        );
    }
}
