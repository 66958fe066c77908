//! `GET /backup/archives`: listing archives.

use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_archive::manifest::ArchiveKind;
use campus_backup_domain::operations::{
    ArchiveFilter, ArchiveOrigin, ArchiveQuery, ArchiveSort, LastResult, SortDirection,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, PartialSchema as _};

use super::answer::ArchiveList;
use crate::AppState;
use crate::body::Query;
use crate::middleware::guard::Granted;
use crate::pagination::{self, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::changes::moment;

/// The largest limit of a page.
const MAX_LIMIT: u64 = 1000;

/// The query of a list of archives.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ArchivesQuery {
    /// Only archives that have all these words, in any order: anywhere in their label, note, user or kind, at the beginning of their id,
    /// or in the date of their data (UTC, such as `2026-11-25` or `25 November 2026`). Case and accents are ignored.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only archives of this kind.
    #[param(required = false, schema_with = ArchiveKind::schema)]
    kind: Option<ArchiveKind>,
    /// `true`: only archives that are protected from deletion; `false`: only all others.
    protected: Option<bool>,
    /// Only archives with this result of their last verification: `none` was not verified since it was stored; `digest` and
    /// `test_restore` were found intact; `failed` was found damaged.
    #[param(inline)]
    verification: Option<LastResult>,
    /// Only archives with this proven origin.
    #[param(inline)]
    origin: Option<ArchiveOrigin>,
    /// `true`: only archives that look suspicious and that no administrator has accepted; `false`: only all others.
    suspicious: Option<bool>,
    /// Only archives that the user with this name created or uploaded; `system` for schedules.
    created_by: Option<String>,
    /// Only archives of the schedule with this id, at its times. The service remembers the runs of a schedule for 400 days, and at most
    /// the last thousand. A run that an administrator has started at once is not among them.
    schedule_id: Option<i64>,
    /// Only archives that were copied to the destination with this id.
    destination_id: Option<i64>,
    /// Only archives with data of this time or later (RFC 3339, with an offset).
    from: Option<DateTime<Utc>>,
    /// Only archives with data of a time before this one (RFC 3339, with an offset).
    to: Option<DateTime<Utc>>,
    /// The field that the list is sorted by. The `id` begins with the time at which the archive was stored. Archives without the field
    /// are last. Default `id`.
    #[param(inline)]
    sort: Option<ArchiveSort>,
    /// `desc`: the largest, newest or last in the alphabet first; `asc`: the reverse. Default `desc`.
    #[param(inline)]
    direction: Option<SortDirection>,
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 20)]
    limit: Option<u64>,
    /// The number of items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
}

impl ArchivesQuery {
    /// # Errors
    /// 422 `invalid_field`
    fn checked(self) -> Result<ArchiveQuery, ApiError> {
        let (limit, offset) = window(self.limit, self.offset, MAX_LIMIT)?;
        let filter = ArchiveFilter {
            search: self.search,
            kind: self.kind,
            protected: self.protected,
            created_by: self.created_by,
            from: moment("from", self.from)?,
            to: moment("to", self.to)?,
            verification: self.verification,
            origin: self.origin,
            suspicious: self.suspicious,
            destination_id: self.destination_id,
            schedule_id: self.schedule_id,
        };
        Ok(ArchiveQuery {
            filter,
            sort: self.sort.unwrap_or_default(),
            direction: self.direction.unwrap_or_default(),
            limit,
            offset,
        })
    }
}

problem_responses!(
    ListProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured,
    StoreUnavailable, Internal
);

/// List archives
///
/// The newest first, unless `sort` and `direction` say otherwise. An archive must match all given filters. The list is read from
/// the store, so it survives the loss of the database. An entry of the store that can't be read is in `unreadable`, with the reason,
/// whatever the filters are, and hides no other entry.
#[utoipa::path(
    operation_id = "listArchives",
    tag = "archives",
    params(
        ArchivesQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The archives.",
            body = ArchiveList,
            headers(
                ("X-Total-Count" = u64, description = "The number of items of the whole list."),
                ("Link" = String, description = "Other pages (RFC 8288): `first`, `prev`, `next`, `last`."),
                ("ETag" = String, description = "Changes with the list."),
            ),
        ),
        (status = 304, description = "The client's copy is current."),
        ListProblems
    )
)]
#[get("/archives")]
pub(super) async fn list_archives(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<ArchivesQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = query.0.checked()?;
    let found = state.operations.list(&granted.0, &query).await?;
    let window = Window::new(query.limit, query.offset, found.total);
    let listed = ArchiveList::new(found, query.limit, query.offset);
    pagination::answer(&state, &request, window, &listed)
}
