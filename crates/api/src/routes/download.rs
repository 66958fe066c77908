//! `/backup/download/{table}`: a table, or everything, as a file.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, AcceptEncoding, CacheControl, CacheDirective, Charset, ContentDisposition, ContentEncoding,
    DispositionParam, DispositionType, Encoding, ExtendedValue, Header as _, HeaderName, VARY,
};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, get, web};
use campus_backup_domain::Table;
use campus_backup_domain::account::LinkUse;
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::export::{self, ArchivedFormat, Body, Coding, CsvOptions, Format, LengthPolicy, Transfer};
use campus_backup_domain::operations::TableRequest;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::Query;
use crate::client_ip::needs_length;
use crate::csv_style::{self, DatesName, DecimalsName, DelimiterName};
use crate::digest::{CONTENT_DIGEST, REPR_DIGEST, sha256};
use crate::link::{self, ConsumeLinkOnSend};
use crate::middleware::guard::Granted;
use crate::middleware::head;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::schema::Workbook;

/// The number of rows of a download.
pub const X_TOTAL_ROWS: HeaderName = HeaderName::from_static("x-total-rows");

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(download_table);
}

/// The query of a download.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DownloadQuery {
    /// `csv` for people and spreadsheets, `xlsx` for Excel (text stays text), `json` for restoring and for programs:
    /// the archive format with every column. A table's default is `csv`; `all` is always `json`.
    #[param(inline)]
    format: Option<FormatName>,
    /// CSV only: whether the file begins with a byte order mark, which Excel needs. Default `true`.
    bom: Option<bool>,
    /// CSV only: whether a text that a spreadsheet would run as a formula gets a `'` before it. Default `true`.
    formula_guard: Option<bool>,
    /// CSV only: the delimiter between two fields. In countries with a decimal comma, Excel expects a semicolon. Default `comma`.
    #[param(inline)]
    delimiter: Option<DelimiterName>,
    /// CSV only: the decimal mark of amounts. `point`, the default, writes 12.50, and `comma` writes 12,50.
    #[param(inline)]
    decimals: Option<DecimalsName>,
    /// CSV only: `iso` writes `2024-12-31` and `2024-12-31 23:59:59`; the default `day_first` writes `31-12-2024` and
    /// `31-12-2024 23:59:59`. Times are in the school's time zone.
    #[param(inline)]
    dates: Option<DatesName>,
    /// CSV and XLSX only: whether enrollments, payments and attendance have columns with the names of students and courses,
    /// `Student Name` and `Course Name`, each after the id. Default `false`.
    names: Option<bool>,
    /// Instead of a bearer token: the token of a download link. Links come complete from `POST /backup/download-links`.
    #[param(pattern = "^[0-9a-f]{64}$")]
    pub link: Option<String>,
    /// With `link`: starts the download at once. Otherwise a browser shows a page with a button first.
    pub begin: Option<bool>,
}

/// The format of a download.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FormatName {
    Csv,
    Json,
    Xlsx,
}

/// A table, or `all`, in the API's document. The names come from the catalog.
struct DownloadScope;

impl PartialSchema for DownloadScope {
    fn schema() -> RefOr<Schema> {
        let names = Table::ALL.into_iter().map(Table::name).chain(["all"]);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for DownloadScope {}

impl DownloadQuery {
    /// The request of a live download.
    ///
    /// # Errors
    /// 422 `invalid_field` for an option that the format does not have.
    pub fn request(&self, scope: TableScope, transfer: Transfer) -> Result<export::ExportRequest, ApiError> {
        let format = match (self.format, scope) {
            (Some(FormatName::Csv), _) | (None, TableScope::One(_)) => Format::Csv,
            (Some(FormatName::Json), _) | (None, TableScope::All) => Format::Json,
            (Some(FormatName::Xlsx), _) => Format::Xlsx,
        };
        let only = |is_sent: bool, field: &str, formats: &str| match is_sent {
            true => Err(ApiError::invalid(field, format!("can only be sent with {formats}"))),
            false => Ok(()),
        };
        if format != Format::Csv {
            only(self.delimiter.is_some(), "delimiter", "`format=csv`")?;
            only(self.decimals.is_some(), "decimals", "`format=csv`")?;
            only(self.dates.is_some(), "dates", "`format=csv`")?;
        }
        if format == Format::Json {
            only(self.names.is_some(), "names", "`format=csv` or `format=xlsx`")?;
        }
        let default = CsvOptions::default();
        let csv = CsvOptions {
            bom: self.bom.unwrap_or(default.bom),
            formula_guard: self.formula_guard.unwrap_or(default.formula_guard),
            style: csv_style::style(
                self.delimiter.unwrap_or_default(),
                self.decimals.unwrap_or_default(),
                self.dates.unwrap_or_default(),
            ),
        };
        Ok(export::ExportRequest {
            scope,
            format,
            csv,
            names: csv_style::name_columns(self.names.unwrap_or_default()),
            transfer,
        })
    }
}

impl DownloadQuery {
    /// The request of a table of an archive.
    ///
    /// # Errors
    /// 422 `invalid_field` for a workbook, and for an option that the format does not have.
    pub fn of_archive(&self, table: Table, transfer: Transfer) -> Result<TableRequest, ApiError> {
        let request = self.request(TableScope::One(table), transfer)?;
        let format = match request.format {
            Format::Csv => ArchivedFormat::Csv,
            Format::Json => ArchivedFormat::Json,
            Format::Xlsx => {
                return Err(ApiError::invalid(
                    "format",
                    "must be csv or json for a table of an archive",
                ));
            }
        };
        Ok(TableRequest {
            table,
            format,
            csv: request.csv,
            names: request.names,
            transfer,
        })
    }
}

/// The scope with this name.
pub fn scope(name: &str) -> Result<TableScope, ApiError> {
    TableScope::from_name(name).ok_or_else(|| {
        let allowed: Vec<_> = Table::ALL.into_iter().map(Table::name).chain(["all"]).collect();
        ApiError::unknown_table_in_path(&allowed)
    })
}

problem_responses!(
    DownloadProblems: Unauthenticated, LinkInvalid, Forbidden, UnknownTable, LinkUsed, InvalidField, TooManyDownloads,
    Unexportable, RangeNotSatisfiable, DatabaseBusy, DatabaseUnavailable, InsufficientStorage, Internal
);

/// Download a table, or everything
///
/// Sends all rows in the order of their ids, from one consistent snapshot. Other writers are not blocked. If a download fails,
/// the transfer breaks off, so that a client never takes a short file for a complete one.
///
/// Downloads of up to 4 MiB, downloads through a proxy, and workbooks have a `Content-Length` and their SHA-256. A longer
/// download is sent while it is read. A text that is too long for a cell of Excel is refused before the first byte.
///
/// CSV is UTF-8 (RFC 4180, with CRLF). NULL is an empty field, and an empty text is `""`. Dates are `DD-MM-YYYY`, timestamps
/// `DD-MM-YYYY HH:MM:SS` in the school's time zone. Money has two decimals. `delimiter`, `decimals` and `dates` change that for
/// spreadsheets of other countries. JSON is the archive format. It has every column, for `users` and `all` also the password
/// hashes, and a `summary` with counts and digests as the last member. For those two as JSON, a named token needs the scope
/// `backup`, too.
///
/// A browser can't send a token with a link. It uses a link from `POST /backup/download-links`.
#[utoipa::path(
    operation_id = "downloadTable",
    tag = "backup",
    params(
        ("table" = inline(DownloadScope), Path, description = "The table, or `all` for the complete backup."),
        DownloadQuery,
    ),
    responses(
        (
            status = 200,
            description = "The file.",
            content(
                (String = "text/csv", example = "\u{feff}ID,Student ID,Course ID,Date,Status\r\n1,1,4,02-09-2024,present\r\n"),
                (serde_json::Value = "application/json"),
                (inline(Workbook) = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ),
            headers(
                ("Content-Disposition" = String, description = "`attachment` with the file's name (RFC 6266)."),
                ("X-Total-Rows" = u64, description = "The number of rows, counted in the snapshot of the file."),
                ("Content-Length" = Option<u64>, description = "The number of bytes. Downloads over 4 MiB may have none if they don't pass a proxy."),
                ("Repr-Digest" = Option<String>, description = "SHA-256 of these bytes (RFC 9530), together with the length."),
                ("Content-Digest" = Option<String>, description = "The same digest, of this answer's content."),
            ),
        ),
        DownloadProblems
    )
)]
#[get("/download/{table}")]
async fn download_table(
    granted: Granted,
    state: web::Data<AppState>,
    table: web::Path<String>,
    query: Query<DownloadQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let link_use = link::claimed(&request, query.0.link.as_deref(), query.0.begin)?;
    let wanted = query.0.request(scope(&table)?, transfer(&request))?;
    let (database, settings) = (&state.database, &state.downloads);
    let download = export::download(&granted.0, database, settings, wanted, abandoned(&request)).await?;
    let mut answer = sent(download.media_type, download.file_name, download.coding);
    answer.insert_header((X_TOTAL_ROWS, download.total_rows));
    Ok(send(answer, download.body, link_use))
}

/// Ready when the client has disconnected.
pub fn abandoned(request: &HttpRequest) -> impl Future<Output = ()> + use<> {
    let gone = request.extensions().get::<CancellationToken>().cloned();
    gone.unwrap_or_default().cancelled_owned()
}

/// The head of an answer with a generated file.
pub fn sent(media_type: &str, file_name: String, coding: Coding) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(media_type)
        .insert_header(attachment(file_name))
        .insert_header((ACCEPT_RANGES, "none"))
        .insert_header(CacheControl(vec![CacheDirective::NoStore]))
        .insert_header((VARY, "Accept-Encoding"))
        .insert_header(match coding {
            Coding::Identity => ContentEncoding::Identity,
            Coding::Gzip => ContentEncoding::Gzip,
            Coding::Brotli => ContentEncoding::Brotli,
            Coding::Zstd => ContentEncoding::Zstd,
        });
    answer
}

/// Sends a file, with its length and digest if they are known.
pub fn send(mut answer: HttpResponseBuilder, body: Body, link_use: Option<LinkUse>) -> HttpResponse {
    let Some(digest) = body.digest() else {
        return answer.streaming(ConsumeLinkOnSend::new(body, link_use, None));
    };
    let value = sha256(&digest.sha256);
    answer.insert_header((REPR_DIGEST, value.as_str()));
    answer.insert_header((CONTENT_DIGEST, value));
    answer.body(SizedStream::new(
        digest.length,
        ConsumeLinkOnSend::new(body, link_use, None),
    ))
}

/// The transfer that a request needs. For HEAD the length is determined only if that costs little.
pub fn transfer(request: &HttpRequest) -> Transfer {
    let needs_length = needs_length(request) && !head::is_head(request);
    Transfer {
        coding: coding(request),
        length: match needs_length {
            true => LengthPolicy::Always,
            false => LengthPolicy::IfShort,
        },
    }
}

/// The coding of downloads that the client prefers (RFC 9110, section 12.5.3). A client that accepts none of them gets the file
/// without a coding, unless it was refused before.
fn coding(request: &HttpRequest) -> Coding {
    let offered = [
        Encoding::identity(),
        Encoding::brotli(),
        Encoding::gzip(),
        Encoding::zstd(),
    ];
    let accepted = AcceptEncoding::parse(request).ok();
    match accepted.and_then(|accepted| accepted.negotiate(offered.iter())) {
        Some(Encoding::Known(ContentEncoding::Brotli)) => Coding::Brotli,
        Some(Encoding::Known(ContentEncoding::Gzip)) => Coding::Gzip,
        Some(Encoding::Known(ContentEncoding::Zstd)) => Coding::Zstd,
        _ => Coding::Identity,
    }
}

/// RFC 6266. Names are the service's own and ASCII, so the extended form (RFC 8187) is equal.
pub fn attachment(file_name: String) -> ContentDisposition {
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(file_name.clone()),
            DispositionParam::FilenameExt(ExtendedValue {
                charset: Charset::Ext("UTF-8".to_owned()),
                language_tag: None,
                value: file_name.into_bytes(),
            }),
        ],
    }
}
