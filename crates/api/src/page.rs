//! Lists, a page at a time.

use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::ApiError;

/// How many items a page has unless it is asked for another number.
const DEFAULT_LIMIT: u64 = 20;

/// Some items of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many the whole list has.
    pub total: u64,
    /// How many this page may have.
    pub limit: u64,
    /// How many come before it.
    pub offset: u64,
}

/// Limit and offset as they were asked for, or as they are if they were not; a page has no more than `most` items.
///
/// # Errors
/// 422 `invalid_field` if one of them can't be.
pub fn window(limit: Option<u64>, offset: Option<u64>, most: u64) -> Result<(u64, u64), ApiError> {
    let (limit, offset) = (limit.unwrap_or(DEFAULT_LIMIT), offset.unwrap_or_default());
    if !(1..=most).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("must be between 1 and {most}")));
    }
    // The engines' numbers have a sign.
    if i64::try_from(offset).is_err() {
        return Err(ApiError::invalid("offset", "is beyond the end of any list"));
    }
    Ok((limit, offset))
}
