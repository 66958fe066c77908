//! `/backup/clear`: removing rows.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::{post, web};
use campus_backup_domain::Table;
use campus_backup_domain::catalog::Scope;
use campus_backup_domain::clear::{self, Clear, Cleared, Expected, Mode};
use chrono::{DateTime, Utc};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::AppState;
use crate::body::{Body, Formats, RequestBody};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(clear_table);
}

/// What to clear.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"table": "attendance", "expected_rows": 100_000, "confirm": "attendance"}))]
struct ClearRequest {
    /// The table, or `all`.
    #[schema(schema_with = clearable)]
    table: String,
    /// Whether to answer the same and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// How many rows you expect to be removed: in all, or by table. If it is another number, nothing changes (412).
    #[serde(default)]
    #[schema(schema_with = expected_rows)]
    expected_rows: Option<ExpectedRows>,
    /// The table's name once more. If it is sent it must be right; a setting can demand it.
    confirm: Option<String>,
}

/// The same as a form, whose values are texts and can't be numbers by table.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"table": "attendance", "dry_run": true}))]
struct ClearForm {
    /// The table, or `all`.
    #[schema(schema_with = clearable)]
    table: String,
    /// Whether to answer the same and change nothing.
    #[serde(default)]
    dry_run: bool,
    /// How many rows you expect to be removed in all.
    expected_rows: Option<u64>,
    /// The table's name once more.
    confirm: Option<String>,
}

impl From<ClearForm> for ClearRequest {
    fn from(form: ClearForm) -> Self {
        Self {
            table: form.table,
            dry_run: form.dry_run,
            expected_rows: form.expected_rows.map(|total| ExpectedRows(Expected::Total(total))),
            confirm: form.confirm,
        }
    }
}

impl RequestBody for ClearRequest {
    type Form = ClearForm;
    const FORMATS: Formats = Formats::JsonAndForm;
}

fn names() -> Vec<&'static str> {
    Table::CLEARABLE.into_iter().map(Table::name).chain(["all"]).collect()
}

fn clearable() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names()))
        .into()
}

fn expected_rows() -> Schema {
    let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    let by_table = Table::ALL.into_iter().fold(ObjectBuilder::new(), |object, table| {
        object.property(table.name(), number())
    });
    OneOfBuilder::new()
        .item(number())
        .item(by_table.additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false))))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .into()
}

/// A number, or numbers by table.
struct ExpectedRows(Expected);

impl<'de> Deserialize<'de> for ExpectedRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrNumbers;

        impl<'de> Visitor<'de> for NumberOrNumbers {
            type Value = ExpectedRows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of rows, or an object with a number for each table")
            }

            fn visit_u64<E: de::Error>(self, total: u64) -> Result<ExpectedRows, E> {
                Ok(ExpectedRows(Expected::Total(total)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExpectedRows, A::Error> {
                let mut tables = BTreeMap::new();
                while let Some((table, rows)) = map.next_entry::<Table, u64>()? {
                    tables.insert(table, rows);
                }
                Ok(ExpectedRows(Expected::ByTable(tables)))
            }
        }

        deserializer.deserialize_any(NumberOrNumbers)
    }
}

/// What a clear removed and what it left.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "table": "attendance", "dry_run": false, "removed": {"attendance": 100_000}, "removed_total": 100_000,
    "kept": {
        "users": 5, "students": 1000, "courses": 40, "payment_categories": 8, "enrollments": 3000, "payments": 5000,
        "attendance": 0,
    },
    "cleared_at": "2026-11-23T09:30:00Z",
}))]
struct ClearAnswer {
    /// What was cleared.
    #[schema(schema_with = clearable)]
    table: &'static str,
    /// Whether nothing was changed.
    dry_run: bool,
    /// Rows removed, for each table that it concerned.
    #[schema(value_type = BTreeMap<String, u64>)]
    removed: BTreeMap<Table, u64>,
    /// Rows removed in all.
    removed_total: u64,
    /// Rows left, for all seven tables.
    #[schema(value_type = BTreeMap<String, u64>)]
    kept: BTreeMap<Table, u64>,
    /// When, UTC.
    cleared_at: DateTime<Utc>,
}

impl ClearAnswer {
    fn new(request: &Clear, cleared: Cleared) -> Self {
        Self {
            table: request.scope.name(),
            dry_run: request.mode == Mode::DryRun,
            removed_total: cleared.removed_total(),
            removed: cleared.removed,
            kept: cleared.kept,
            cleared_at: cleared.cleared_at,
        }
    }
}

problem_responses!(
    ClearProblems: MalformedBody, InvalidField, UnknownTable @ 422, WrongConfirmation, UnsupportedMediaType, BodyTooLarge,
    RequestTimeout, Unauthenticated, Forbidden, RowsMoved, DatabaseBusy, DatabaseUnavailable, NoRoom, Internal
);

/// Clear a table, or everything
///
/// Removes all rows of the table with everything that can't stand without them: `students` takes enrollments, payments
/// and attendance along, `courses` enrollments and attendance. `all` also empties payment categories and removes every
/// user who is not an administrator; no administrator's account is ever removed. It happens in one transaction: all of
/// it or nothing. Ask with `dry_run` first, and send what it answered as `expected_rows`.
#[utoipa::path(
    operation_id = "clearTable",
    tag = "backup",
    request_body(
        description = "What to clear.",
        content((ClearRequest = "application/json"), (ClearForm = "application/x-www-form-urlencoded")),
    ),
    responses((status = 200, description = "What was removed and what is left.", body = ClearAnswer), ClearProblems)
)]
#[post("/clear")]
async fn clear_table(
    granted: Granted,
    state: web::Data<AppState>,
    body: Body<ClearRequest>,
) -> Result<web::Json<ClearAnswer>, ApiError> {
    let asked = body.0;
    let scope = Scope::from_name(&asked.table)
        .filter(|scope| names().contains(&scope.name()))
        .ok_or_else(|| ApiError::unknown_table_in_body(&names()))?;
    let request = Clear {
        scope,
        mode: if asked.dry_run { Mode::DryRun } else { Mode::Remove },
        expected: asked.expected_rows.map(|expected| expected.0),
        confirmation: asked.confirm,
    };
    let cleared = clear::clear(&granted.0, &state.database, state.confirmation, &request).await?;
    Ok(web::Json(ClearAnswer::new(&request, cleared)))
}
