//! `/backup/audit`: lists, exports and verifies the events of the audit.

use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_domain::audit::{
    AuditEvent, AuditFilter, AuditFormat, AuditHead, AuditRecord, AuditReport, AuditResult,
};
use campus_backup_domain::export::CsvOptions;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, PartialSchema as _, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::changes::moment;
use super::download::{abandoned, send, sent, transfer};
use crate::AppState;
use crate::body::Query;
use crate::csv_style::{self, DatesName, DecimalsName, DelimiterName};
use crate::middleware::guard::Granted;
use crate::pagination::{self, Page, Window, window};
use crate::problem::ApiError;
use crate::problem_responses;
use crate::security_log::About;

/// The largest limit of a page.
const MAX_LIMIT: u64 = 1000;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(verify_audit).service(list_audit);
}

/// The query of a list of events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only this event.
    #[param(required = false, schema_with = AuditEvent::schema)]
    event: Option<AuditEvent>,
    /// Only those of the user with this name. `system` is also the service itself.
    user: Option<String>,
    /// Only those with this result.
    #[param(required = false, schema_with = AuditResult::schema)]
    result: Option<AuditResult>,
    /// Only those about this table, or about `all`.
    table: Option<String>,
    /// Only those at this time or later (RFC 3339, with an offset).
    from: Option<DateTime<Utc>>,
    /// Only those before this time (RFC 3339, with an offset).
    to: Option<DateTime<Utc>>,
    /// Only those about the archive, account, job or other object with this id.
    subject: Option<String>,
    /// `csv` or `jsonl` for a file of all events of the filter, oldest first; otherwise `json`.
    #[param(inline)]
    format: Option<AuditFormatName>,
    /// JSON only: the maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 20)]
    limit: Option<u64>,
    /// JSON only: the number of newest items to skip.
    #[param(minimum = 0, default = 0)]
    offset: Option<u64>,
    /// CSV only: whether the file begins with a byte order mark, which Excel needs. Default `true`.
    bom: Option<bool>,
    /// CSV only: whether a text that a spreadsheet would run as a formula gets a `'` before it. Default `true`.
    formula_guard: Option<bool>,
    /// CSV only: the delimiter between two fields. Default `comma`.
    #[param(inline)]
    delimiter: Option<DelimiterName>,
}

/// The format of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AuditFormatName {
    #[default]
    Json,
    Csv,
    Jsonl,
}

/// The query of a verification.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditVerifyQuery {
    /// An event that was noted before: its id, a colon, and its hash. The verification fails if the event has another hash now.
    #[param(pattern = "^[0-9]+:[0-9a-fA-F]{64}$")]
    noted: Option<String>,
}

impl AuditQuery {
    /// The format, whose options must not be those of another one.
    ///
    /// # Errors
    /// 422 `invalid_field`
    fn check(&self) -> Result<AuditFormatName, ApiError> {
        let format = self.format.unwrap_or_default();
        let only = |is_sent: bool, field: &str, what: &str| match is_sent {
            true => Err(ApiError::invalid(field, format!("can only be sent {what}"))),
            false => Ok(()),
        };
        if format != AuditFormatName::Json {
            only(self.limit.is_some(), "limit", "without `format`")?;
            only(self.offset.is_some(), "offset", "without `format`")?;
        }
        if format != AuditFormatName::Csv {
            only(self.bom.is_some(), "bom", "with `format=csv`")?;
            only(self.formula_guard.is_some(), "formula_guard", "with `format=csv`")?;
            only(self.delimiter.is_some(), "delimiter", "with `format=csv`")?;
        }
        Ok(format)
    }

    fn csv(&self) -> CsvOptions {
        let default = CsvOptions::default();
        CsvOptions {
            bom: self.bom.unwrap_or(default.bom),
            formula_guard: self.formula_guard.unwrap_or(default.formula_guard),
            style: csv_style::style(
                self.delimiter.unwrap_or_default(),
                DecimalsName::default(),
                DatesName::default(),
            ),
        }
    }
}

problem_responses!(
    AuditProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    VerifyProblems: InvalidField, Unauthenticated, Forbidden, DatabaseBusy, DatabaseUnavailable, Internal
);

/// List events of the audit
///
/// The events, newest first. Each operation that changes or discloses something leaves one event with its user, its time, the
/// client's address and its result. The API can't change or delete events. They are deleted after `--audit-days`.
///
/// With `format=csv` or `format=jsonl`, the answer is a file of all events of the filter, oldest first, without a limit. An
/// export leaves an event, too. The hashes of JSON Lines can be verified without the service.
#[utoipa::path(
    operation_id = "listAuditEvents",
    tag = "audit",
    params(
        AuditQuery,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the client's copy."),
    ),
    responses(
        (
            status = 200,
            description = "The events.",
            content(
                (inline(Page<AuditRecord>) = "application/json"),
                (String = "text/csv", example = "\u{feff}id,at,event,result,username,user_id,method,token_id,client,subject,table,status,reason,details,hash\r\n1,2026-11-30T09:15:00.123456Z,sign_in,succeeded,admin,1,password,,203.0.113.7,,,,,,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\r\n"),
                (String = "application/jsonl"),
            ),
            headers(
                ("X-Total-Count" = Option<u64>, description = "The number of items of the whole list."),
                ("Link" = Option<String>, description = "Other pages (RFC 8288): `first`, `prev`, `next`, `last`."),
                ("ETag" = Option<String>, description = "Changes with the list."),
            ),
        ),
        (status = 304, description = "The client's copy is current."),
        AuditProblems
    )
)]
#[get("/audit")]
async fn list_audit(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<AuditQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = query.0;
    let format = query.check()?;
    let csv = query.csv();
    let filter = AuditFilter {
        event: query.event,
        username: query.user,
        result: query.result,
        table: query.table,
        from: moment("from", query.from)?,
        to: moment("to", query.to)?,
        subject: query.subject,
    };
    let (format, media_type, extension) = match format {
        AuditFormatName::Csv => (AuditFormat::Csv(csv), "text/csv; charset=utf-8; header=present", "csv"),
        AuditFormatName::Jsonl => (AuditFormat::JsonLines, "application/jsonl", "jsonl"),
        AuditFormatName::Json => {
            let (limit, offset) = window(query.limit, query.offset, MAX_LIMIT)?;
            let found = state.audit.list(&granted.0, &filter, limit, offset).await?;
            let window = Window::new(limit, offset, found.total);
            return pagination::page(&state, &request, window, found.items);
        }
    };
    let about = About {
        event: Some(AuditEvent::AuditExport),
        ..About::default()
    };
    about.keep(&request);
    let (transfer, settings) = (transfer(&request), &state.downloads);
    let body = state
        .audit
        .export(&granted.0, filter, format, settings, transfer, abandoned(&request))
        .await?;
    let answer = sent(media_type, format!("audit.{extension}"), transfer.coding);
    Ok(send(answer, body, None))
}

/// Verify the audit
///
/// Computes the hashes of all events again. This finds an event that was changed, deleted, added or moved. To also find a
/// chain with hashes that were all computed again, send an event that was noted before as `noted`.
#[utoipa::path(
    operation_id = "verifyAudit",
    tag = "audit",
    params(AuditVerifyQuery),
    responses((status = 200, description = "The result, also if a fault was found.", body = AuditReport), VerifyProblems)
)]
#[get("/audit/verify")]
async fn verify_audit(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<AuditVerifyQuery>,
) -> Result<web::Json<AuditReport>, ApiError> {
    let noted = query.0.noted.as_deref().map(AuditHead::parse).transpose()?;
    let report = state.audit.verify(&granted.0, noted.as_ref()).await?;
    Ok(web::Json(report))
}
