//! `/backup/health`: whether backups are made and can be used.

use std::collections::BTreeMap;

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpResponse, get, web};
use campus_backup_domain::health::{HealthReport, HealthStatus};
use serde_json::json;
use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::body::{NoParameters, Query};
use crate::middleware::guard::Granted;
use crate::middleware::problems::OwnBody;
use crate::problem::{Code, responses};
use crate::{AppState, metrics};

/// Registers the route.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_backup_health);
}

/// The answers with an error status: problems, and for 503 also the health.
struct HealthResponses;

impl IntoResponses for HealthResponses {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = responses(&[
            (Code::InvalidField, &[]),
            (Code::Unauthenticated, &[]),
            (Code::Forbidden, &[]),
            (Code::DatabaseBusy, &[]),
            (Code::DatabaseUnavailable, &[]),
            (Code::Internal, &[]),
        ]);
        if let Some(RefOr::T(unavailable)) = all.get_mut("503") {
            let failing = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("BackupHealth")))
                .example(Some(json!({
                    "status": "failing",
                    "reasons": [{
                        "code": "backup_stale", "severity": "failing",
                        "detail": "The last backup is of 2026-11-27 01:00 UTC. A scheduled backup was due at 2026-11-29 01:00 UTC, and \
                                   none was made since.",
                    }],
                    "checked_at": "2026-11-29T12:00:00Z",
                    "last_backup": {"archive_id": "2026-11-27T01-00-03Z-5f1c2a9b", "at": "2026-11-27T01:00:03Z"},
                    "backup_expected_since": "2026-11-29T01:00:00Z",
                    "last_verified": null,
                    "next_run": "2026-11-30T01:00:00Z",
                    "store": {"reachable": true, "free_bytes": null, "archives": 31, "bytes": 412_331_008, "retained": 0},
                    "key": {"encrypts": false, "opens_last_backup": true, "needs_identity": false},
                    "destinations": [],
                })))
                .build();
            unavailable.description = format!("The health is `failing`. Or a problem: {}", unavailable.description);
            unavailable
                .content
                .insert("application/json".to_owned(), RefOr::T(failing));
        }
        all
    }
}

/// Show the health of the backups
///
/// Says whether backups are made, verified and usable, and what is wrong. Use it in a monitoring that can send a token; `/readyz` has
/// only the warning `backups_failing`. The status is 200 for `ok` and `warning`, and 503 with the same body for `failing`.
#[utoipa::path(
    operation_id = "getBackupHealth",
    tag = "backup",
    responses(
        (status = 200, description = "The health is `ok` or `warning`.", body = HealthReport),
        HealthResponses
    )
)]
#[get("/health")]
async fn get_backup_health(
    Granted(admin): Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
) -> HttpResponse {
    let report = state.health.report(&admin).await;
    metrics::health(&report);
    let mut answer = match report.status {
        HealthStatus::Ok | HealthStatus::Warning => HttpResponse::Ok(),
        HealthStatus::Failing => HttpResponse::ServiceUnavailable(),
    };
    let mut answer = answer
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .json(report);
    answer.extensions_mut().insert(OwnBody);
    answer
}
