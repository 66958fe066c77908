//! `/backup/archives/{id}/accept`: an archive that looks suspicious is right.

use actix_web::{post, web};

use super::ArchiveAnswer;
use crate::AppState;
use crate::body::{NoParameters, Query};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;

problem_responses!(
    AcceptProblems: InvalidField, Unauthenticated, Forbidden, UnknownArchive, ArchiveGone, ArchiveIncomplete,
    ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable,
    InsufficientStorage, Internal
);

/// Accept a suspicious archive
///
/// Says that fewer rows or less money than before are right. The archive is then a good backup, later ones are compared with it, and
/// retention continues. An archive that is accepted already, or does not look suspicious, stays as it is.
#[utoipa::path(
    operation_id = "acceptArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    responses((status = 200, description = "The archive.", body = ArchiveAnswer), AcceptProblems)
)]
#[post("/archives/{id}/accept")]
pub(super) async fn accept_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
) -> Result<web::Json<ArchiveAnswer>, ApiError> {
    let archive = state.operations.accept(&granted.0, &id).await?;
    Ok(web::Json(archive.into()))
}
