//! `/backup/diff`: compares two archives, or one with the live data.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, web};
use campus_backup_domain::Table;
use campus_backup_domain::account::Admin;
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::diff::{
    self, Counts, CsvRequest, Diff, DiffInput, DiffPage, DifferenceKind, RowsPage, TableComparison,
};
use campus_backup_domain::export::CsvOptions;
use campus_backup_domain::job::Progress;
use campus_backup_domain::operations::Operations;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, PartialSchema as _, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::download::{abandoned, send, sent, transfer};
use crate::AppState;
use crate::body::Query;
use crate::csv_style::{self, DatesName, DecimalsName, DelimiterName};
use crate::identity::{IdentityHeader, IdentityOfHeader};
use crate::link;
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;

/// The name of the live data as a side.
pub const LIVE: &str = "live";

/// The default limit of a page.
const DEFAULT_LIMIT: usize = 100;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(compare);
}

/// The query of a comparison.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The id of an archive, or `live`.
    #[param(example = "2026-11-25T03-53-08Z-5f1c2a9b")]
    from: String,
    /// The id of another archive, or `live`.
    #[param(example = "live")]
    to: String,
    /// Shows the rows of this table instead of counts.
    #[param(value_type = Option<String>)]
    table: Option<Table>,
    /// Only rows with this kind of difference.
    #[param(required = false, schema_with = DifferenceKind::schema)]
    change: Option<DifferenceKind>,
    /// JSON only: rows with larger ids than this, which is the `next` of the previous page.
    after: Option<i64>,
    /// JSON only: the maximum number of rows.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `csv` for a file of all rows that differ, of one table or of all; otherwise `json`.
    #[param(inline)]
    format: Option<DiffFormat>,
    /// CSV only: whether the file begins with a byte order mark, which Excel needs. Default `true`.
    bom: Option<bool>,
    /// CSV only: whether a text that a spreadsheet would run as a formula gets a `'` before it. Default `true`.
    formula_guard: Option<bool>,
    /// CSV only: the delimiter between two fields. Values are written as in archives. Default `comma`.
    #[param(inline)]
    delimiter: Option<DelimiterName>,
    /// CSV only, instead of a bearer token: the token of a download link.
    #[param(pattern = "^[0-9a-f]{64}$")]
    pub link: Option<String>,
    /// With `link`: starts the download at once. Otherwise a browser shows a page with a button first.
    pub begin: Option<bool>,
}

/// The format of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DiffFormat {
    #[default]
    Json,
    Csv,
}

impl DiffQuery {
    /// Demands `format=csv`: a link is for a file.
    ///
    /// # Errors
    /// 422 `invalid_field` for anything else.
    pub fn ensure_csv(&self) -> Result<(), ApiError> {
        match self.format {
            Some(DiffFormat::Csv) => self.check(),
            _ => Err(ApiError::invalid("format", "must be csv for a link")),
        }
    }

    /// The archives that are compared.
    pub fn archives(&self) -> impl Iterator<Item = &str> {
        [&self.from, &self.to]
            .into_iter()
            .map(String::as_str)
            .filter(|id| *id != LIVE)
    }

    /// Demands a consistent query.
    fn check(&self) -> Result<(), ApiError> {
        if self.from == self.to {
            return Err(ApiError::invalid("to", "must be another than `from`"));
        }
        let only = |is_sent: bool, field: &str, what: &str| match is_sent {
            true => Err(ApiError::invalid(field, format!("can only be sent {what}"))),
            false => Ok(()),
        };
        if self.format == Some(DiffFormat::Csv) {
            only(self.after.is_some(), "after", "without `format=csv`")?;
            return only(self.limit.is_some(), "limit", "without `format=csv`");
        }
        only(self.bom.is_some(), "bom", "with `format=csv`")?;
        only(self.formula_guard.is_some(), "formula_guard", "with `format=csv`")?;
        only(self.delimiter.is_some(), "delimiter", "with `format=csv`")?;
        if self.table.is_none() {
            only(self.change.is_some(), "change", "with `table` or `format=csv`")?;
            only(self.after.is_some(), "after", "with `table`")?;
            only(self.limit.is_some(), "limit", "with `table`")?;
        }
        Ok(())
    }
}

/// The differences: counts of every table, or the rows of one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum DiffAnswer {
    Counts(DiffCounts),
    Rows(RowsPage),
}

/// Counts of every table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "from": {"id": "2026-11-25T03-53-08Z-5f1c2a9b", "at": "2026-11-25T03:53:08.250177Z"},
    "to": {"id": "live", "at": "2026-11-25T09:30:00Z"}, "is_same": false,
    "tables": {"payments": {"added": 2, "removed": 0, "changed": 1, "unchanged": 4997}}, "missing": {},
}))]
pub struct DiffCounts {
    /// The first side.
    from: DiffSide,
    /// The second side.
    to: DiffSide,
    /// Whether both have the same tables with the same rows.
    is_same: bool,
    /// The counts of each table that both have.
    tables: BTreeMap<String, Counts>,
    /// The tables that only one side has, each with that side: `from` or `to`.
    missing: BTreeMap<String, &'static str>,
}

/// One side of a comparison.
#[derive(Debug, Serialize, ToSchema)]
struct DiffSide {
    /// The archive's id, or `live`.
    id: String,
    /// The moment of its data, UTC.
    at: DateTime<Utc>,
}

impl DiffCounts {
    /// The counts of a comparison of sides with these names.
    pub fn new(from: String, to: String, diff: &Diff) -> Self {
        let mut answer = Self {
            from: DiffSide {
                id: from,
                at: diff.from,
            },
            to: DiffSide { id: to, at: diff.to },
            is_same: diff.is_empty(),
            tables: BTreeMap::new(),
            missing: BTreeMap::new(),
        };
        for (table, outcome) in &diff.tables {
            let table = table.name().to_owned();
            match outcome {
                TableComparison::Compared(counts) => drop(answer.tables.insert(table, *counts)),
                TableComparison::OnlyFrom => drop(answer.missing.insert(table, "from")),
                TableComparison::OnlyTo => drop(answer.missing.insert(table, "to")),
            }
        }
        answer
    }
}

problem_responses!(
    DiffProblems: Unauthenticated, LinkInvalid, Forbidden, UnknownArchive, LinkUsed, ArchiveGone, InvalidField,
    ArchiveTruncated, ArchiveCorrupt, ArchiveDigestMismatch, ArchiveWrongKey, ArchiveKeyRequired, ArchiveTableNotFound,
    ArchiveManifestMismatch, ArchiveIncomplete, TooManyDownloads, Unexportable, RangeNotSatisfiable, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy,
    DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Compare two archives, or one with the live data
///
/// Counts the rows of every table that were added, removed and changed from `from` to `to`. With `table` it returns the rows and
/// fields that differ, page by page; with `format=csv`, all of them as a file. Both sides are read to their ends, and an
/// incomplete one is refused. Hashes of passwords are compared and never shown.
#[utoipa::path(
    operation_id = "diffArchives",
    tag = "archives",
    params(DiffQuery, IdentityHeader),
    responses(
        (
            status = 200,
            description = "The differences.",
            content(
                (DiffAnswer = "application/json"),
                (String = "text/csv", example = "\u{feff}table,id,change,field,from,to\r\npayments,17,changed,amount_paid,250.00,300.00\r\n"),
            ),
        ),
        DiffProblems
    )
)]
#[get("/diff")]
async fn compare(
    granted: Granted,
    state: web::Data<AppState>,
    query: Query<DiffQuery>,
    identity: IdentityOfHeader,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query = query.0;
    let link_use = link::claimed(&request, query.link.as_deref(), query.begin)?;
    query.check()?;
    if link_use.is_some() {
        query.ensure_csv()?;
    }
    let admin = &granted.0;
    let operations = identity.operations(&state);
    let from = diff_input(admin, &state, &operations, &query.from).await?;
    let to = diff_input(admin, &state, &operations, &query.to).await?;
    if query.format == Some(DiffFormat::Csv) {
        let default = CsvOptions::default();
        let wanted = CsvRequest {
            scope: query.table.map_or(TableScope::All, TableScope::One),
            change: query.change,
            csv: CsvOptions {
                bom: query.bom.unwrap_or(default.bom),
                formula_guard: query.formula_guard.unwrap_or(default.formula_guard),
                style: csv_style::style(
                    query.delimiter.unwrap_or_default(),
                    DecimalsName::default(),
                    DatesName::default(),
                ),
            },
            transfer: transfer(&request),
        };
        let body = diff::csv(admin, &from, &to, &state.downloads, wanted, abandoned(&request)).await?;
        let name = format!("diff_{}_{}.csv", query.from, query.to);
        let answer = sent("text/csv; charset=utf-8; header=present", name, wanted.transfer.coding);
        return Ok(send(answer, body, link_use));
    }
    let answer = match query.table {
        Some(table) => {
            let page = DiffPage {
                after: query.after,
                limit: query.limit.unwrap_or(DEFAULT_LIMIT),
                change: query.change,
            };
            DiffAnswer::Rows(diff::rows(admin, &from, &to, table, &page).await?)
        }
        None => {
            let progress = Progress::default();
            let _ended = progress.cancel_on_drop();
            let counted = diff::counts(&from, &to, &progress).await?;
            DiffAnswer::Counts(DiffCounts::new(query.from, query.to, &counted))
        }
    };
    Ok(HttpResponse::Ok().json(answer))
}

/// The live data, or an archive.
///
/// # Errors
/// Those of [`Operations::diff_input`](campus_backup_domain::operations::Operations::diff_input).
async fn diff_input(admin: &Admin, state: &AppState, operations: &Operations, id: &str) -> Result<DiffInput, ApiError> {
    match id {
        LIVE => Ok(DiffInput::Live(state.database.clone())),
        id => Ok(operations.diff_input(admin, id).await?),
    }
}
