//! `/backup/health`: whether backups are made and can be used.

use std::collections::BTreeMap;

use actix_web::http::header::{CacheControl, CacheDirective};
use actix_web::{HttpResponse, get, web};
use campus_backup_domain::health::{HealthCode, HealthReason, HealthReport, HealthStatus, Severity};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::body::{NoParameters, Query};
use crate::middleware::guard::Granted;
use crate::middleware::problems::OwnBody;
use crate::problem::{Code, responses};
use crate::schema::words;
use crate::{AppState, metrics};

/// Registers the route.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_backup_health);
}

/// The health of the backups. Times are UTC.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BackupHealth, example = json!({
    "status": "warning",
    "reasons": [{
        "code": "verification_stale", "severity": "warning",
        "detail": "The last verification of a backup was at 2026-10-25 02:01 UTC.",
    }],
    "checked_at": "2026-11-29T12:00:00Z",
    "last_backup": {"archive_id": "2026-11-29T01-00-03Z-5f1c2a9b", "at": "2026-11-29T01:00:03Z"},
    "backup_expected_since": "2026-11-29T01:00:00Z",
    "last_verified": {
        "archive_id": "2026-10-25T01-00-03Z-7e2d4b1c", "at": "2026-10-25T02:01:09Z", "level": "test_restore",
    },
    "next_run": "2026-11-30T01:00:00Z",
    "store": {"reachable": true, "free_bytes": 64_424_509_440_u64, "archives": 31, "bytes": 412_331_008},
    "key": {"encrypts": true, "opens_last_backup": true},
}))]
pub struct BackupHealthAnswer {
    /// The health in one word.
    #[schema(schema_with = statuses)]
    status: HealthStatus,
    /// What is wrong, each code at most once, the worst first.
    reasons: Vec<ReasonAnswer>,
    /// When the service has looked.
    checked_at: DateTime<Utc>,
    /// The newest backup that this installation has created.
    #[schema(required = true)]
    last_backup: Option<LastBackupAnswer>,
    /// The newest backup should not be older than this. `null` if neither a schedule nor `--stale-after` says so.
    #[schema(required = true)]
    backup_expected_since: Option<DateTime<Utc>>,
    /// The newest verification that found a backup intact. `null` also if the store does not answer.
    #[schema(required = true)]
    last_verified: Option<LastVerifiedAnswer>,
    /// When the next run of a schedule is due.
    #[schema(required = true)]
    next_run: Option<DateTime<Utc>>,
    /// The store of archives.
    store: StoreAnswer,
    /// The encryption of archives.
    key: KeyAnswer,
}

/// Why the health is not `ok`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = BackupHealthReason)]
struct ReasonAnswer {
    /// The kind of reason: one of a closed list.
    #[schema(schema_with = codes)]
    code: HealthCode,
    /// How bad it is.
    #[schema(schema_with = severities)]
    severity: Severity,
    /// What is wrong.
    #[schema(example = "There is no schedule, so backups are created only on request.")]
    detail: String,
}

/// The newest backup.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = LastBackup)]
struct LastBackupAnswer {
    /// Its archive.
    archive_id: String,
    /// The moment of its data.
    at: DateTime<Utc>,
}

/// The newest verification that found a backup intact.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = LastVerification)]
struct LastVerifiedAnswer {
    /// Its archive.
    archive_id: String,
    /// When it ended.
    at: DateTime<Utc>,
    /// Its level: `digest` or `test_restore`.
    level: &'static str,
}

/// The store of archives.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StoreHealth)]
struct StoreAnswer {
    /// Whether it answers.
    reachable: bool,
    /// Its free space, if it is known.
    #[schema(required = true)]
    free_bytes: Option<u64>,
    /// How many archives it has.
    #[schema(required = true)]
    archives: Option<u64>,
    /// How many bytes they have.
    #[schema(required = true)]
    bytes: Option<u64>,
}

/// The encryption of archives.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = KeyHealth)]
struct KeyAnswer {
    /// Whether new archives are encrypted.
    encrypts: bool,
    /// Whether a key of the settings opens the last backup. `null` if that is not known.
    #[schema(required = true)]
    opens_last_backup: Option<bool>,
}

fn statuses() -> Schema {
    words(
        &HealthStatus::ALL,
        "The health in one word. `ok`: backups are made. `warning`: they are made, and something should be corrected. `failing`: \
         there may be no usable backup to restore from.",
    )
}

fn severities() -> Schema {
    words(
        &Severity::ALL,
        "How bad it is. `warning`: backups are made, and something should be corrected. `failing`: there may be no usable backup \
         to restore from.",
    )
}

fn codes() -> Schema {
    let meanings = HealthCode::ALL
        .iter()
        .map(|code| format!("`{}`: {}", code.name(), code.meaning().trim()));
    let description = format!("The kind of reason. {}", meanings.collect::<Vec<_>>().join(" "));
    words(HealthCode::ALL, &description)
}

impl From<HealthReport> for BackupHealthAnswer {
    fn from(report: HealthReport) -> Self {
        let usage = report.store.usage.as_ref();
        Self {
            status: report.status,
            reasons: report.reasons.into_iter().map(ReasonAnswer::from).collect(),
            checked_at: report.checked_at,
            last_backup: report.last_backup.map(|last| LastBackupAnswer {
                archive_id: last.archive_id,
                at: last.at,
            }),
            backup_expected_since: report.backup_expected_since,
            last_verified: report.last_verified.map(|last| LastVerifiedAnswer {
                archive_id: last.archive_id,
                at: last.at,
                level: last.level.name(),
            }),
            next_run: report.next_run,
            store: StoreAnswer {
                reachable: report.store.is_reachable,
                free_bytes: report.store.free_bytes,
                archives: usage.map(|usage| usage.iter().map(|usage| usage.archives).sum()),
                bytes: usage.map(|usage| usage.iter().map(|usage| usage.bytes).sum()),
            },
            key: KeyAnswer {
                encrypts: report.key.encrypts,
                opens_last_backup: report.key.opens_last_backup,
            },
        }
    }
}

impl From<HealthReason> for ReasonAnswer {
    fn from(reason: HealthReason) -> Self {
        Self {
            code: reason.code,
            severity: reason.severity,
            detail: reason.detail,
        }
    }
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
                    "store": {"reachable": true, "free_bytes": null, "archives": 31, "bytes": 412_331_008},
                    "key": {"encrypts": false, "opens_last_backup": true},
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
        (status = 200, description = "The health is `ok` or `warning`.", body = BackupHealthAnswer),
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
        .json(BackupHealthAnswer::from(report));
    answer.extensions_mut().insert(OwnBody);
    answer
}
