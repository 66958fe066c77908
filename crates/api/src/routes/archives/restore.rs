//! `/backup/archives/{id}/restore-plan` and `/restore`: bringing back what is in an archive.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, post, web};
use campus_backup_domain::Table;
use campus_backup_domain::operations::{RestoreRequest, Unencrypted};
use campus_backup_domain::restore::{
    AccountChange, AccountChanges, Blocker, BlockerCode, Money, Plan, Restore, RestoreMode, Scope, TableOutcome,
    Warning, WarningCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::AppState;
use crate::body::{Body, NoParameters, Query, RequestBody};
use crate::idempotency::{IdempotencyHeader, IdempotencyKey};
use crate::middleware::guard::Granted;
use crate::problem::ApiError;
use crate::problem_responses;
use crate::routes::jobs::{JobAnswer, accepted};
use crate::schema::words;

/// What is to be restored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scope": {"tables": ["payments", "attendance"]}, "mode": "merge"}))]
struct PlanRequest {
    /// Which rows. Default `all`.
    #[serde(default)]
    #[schema(required = false, schema_with = scopes)]
    scope: RestoreScope,
    /// How they meet those that are there.
    #[schema(schema_with = modes)]
    mode: RestoreMode,
    /// Whether active administrators are disabled where the archive has them as inactive, with another role, or with a
    /// password with which nobody can sign in. Default `false`: they stay as they are, and a warning names them.
    #[serde(default)]
    #[schema(required = false)]
    disable_administrators: bool,
    /// Whether the archive may be unencrypted although the settings encrypt archives: whoever can write to the store, without
    /// any key, may have put it there.
    #[serde(default)]
    allow_unencrypted: bool,
}

/// Which rows are restored.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RestoreScope {
    /// Those of all seven tables.
    #[default]
    All,
    /// Those of these tables.
    Tables(BTreeSet<Table>),
    /// One row with everything that hangs on it.
    Entity(Entity),
}

/// One row with everything that hangs on it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entity {
    /// The table; so far students.
    table: Table,
    /// The row's id.
    id: i64,
}

/// A restore that somebody has looked at the plan of.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RestoreRequest, example = json!({
    "mode": "replace", "plan_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "confirm": "restore", "confirm_administrators": true,
}))]
struct RestoreBody {
    /// Which rows. Default `all`.
    #[serde(default)]
    #[schema(required = false, schema_with = scopes)]
    scope: RestoreScope,
    /// How they meet those that are there.
    #[schema(schema_with = modes)]
    mode: RestoreMode,
    /// As for the plan.
    #[serde(default)]
    #[schema(required = false)]
    disable_administrators: bool,
    /// The `hash` of the plan. If the data has changed since, nothing is restored (412).
    plan_hash: String,
    /// The word `restore`.
    confirm: Option<String>,
    /// `true` if the accounts of administrators that the plan names are to change as it says. It must be if there are any.
    #[serde(default)]
    #[schema(required = false)]
    confirm_administrators: bool,
    /// Whether the archive may be unencrypted although the settings encrypt archives, as in the request for the plan.
    #[serde(default)]
    allow_unencrypted: bool,
}

impl RequestBody for PlanRequest {
    type Form = Self;
}

impl RequestBody for RestoreBody {
    type Form = Self;
}

impl From<RestoreScope> for Scope {
    fn from(scope: RestoreScope) -> Self {
        match scope {
            RestoreScope::All => Self::All,
            RestoreScope::Tables(tables) => Self::Tables(tables),
            RestoreScope::Entity(Entity { table, id }) => Self::Entity { table, id },
        }
    }
}

/// What a restore would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RestorePlan, example = json!({
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08-\
             2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "tables": {"payments": {
        "rows_before": 4998, "rows_after": 5000, "inserts": 2, "updates": 1, "deletes": 0, "cascades": 0,
        "unchanged": 4997, "conflicts": 0, "first_conflict": null, "orphans": 0, "first_orphan": null, "kept": 0,
        "renumbered": 0,
    }},
    "money": {"before": "12609000.00", "after": "12610250.00"},
    "administrators_added": {
        "items": [{
            "username": "head.office",
            "text": "A new administrator, who can sign in with the password in the archive.",
        }],
        "total": 1,
    },
    "administrators_changed": {
        "items": [{"username": "office", "text": "Gets the password in the archive."}], "total": 1,
    },
    "administrators_raised": {
        "items": [{"username": "j.doe", "text": "Has the role `teacher` and becomes an administrator."}], "total": 1,
    },
    "administrators_disabled": {"items": [], "total": 0},
    "warnings": [], "blockers": [],
}))]
pub struct PlanAnswer {
    /// What `POST /backup/archives/{id}/restore` needs. It stands for the archive, the request, who asks, the live data
    /// of every table that is concerned, and the administrators whose accounts change.
    hash: String,
    /// For each table that it concerns, what becomes of its rows.
    tables: BTreeMap<String, TablePlan>,
    /// The sum of all payments, before and after.
    money: MoneyPlan,
    /// Accounts that are not there now and will be an administrator's. If this list or one of the next three is not empty,
    /// the restore needs `confirm_administrators`.
    administrators_added: AccountList,
    /// Administrators who get another password.
    administrators_changed: AccountList,
    /// Accounts of other roles, and inactive ones, that will be an administrator's.
    administrators_raised: AccountList,
    /// Administrators who can't act as such any more. Only with `disable_administrators`.
    administrators_disabled: AccountList,
    /// What an administrator should know.
    warnings: Vec<WarningAnswer>,
    /// Why it can't be done as it is asked for. Empty if it can.
    blockers: Vec<BlockerAnswer>,
}

/// What becomes of one table's rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TablePlan {
    /// Live rows before.
    rows_before: u64,
    /// Live rows afterwards.
    rows_after: u64,
    /// Rows of the archive that come back.
    inserts: u64,
    /// Live rows that become what the archive has.
    updates: u64,
    /// Live rows that the archive does not have and that are removed.
    deletes: u64,
    /// Rows of a table that is not restored, which are removed because they hang on a row that is.
    cascades: u64,
    /// Rows of the archive for which nothing is done.
    unchanged: u64,
    /// Rows of the archive that can't come back beside another row.
    conflicts: u64,
    /// The id of the first of them.
    first_conflict: Option<i64>,
    /// Rows of the archive that would refer to nothing.
    orphans: u64,
    /// The id of the first of them.
    first_orphan: Option<i64>,
    /// Administrators' accounts that are left as they are.
    kept: u64,
    /// Accounts that come back under another id.
    renumbered: u64,
}

/// The sum of all payments, as exact decimals.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MoneyPlan {
    /// As it is.
    before: String,
    /// As it would be.
    after: String,
}

/// Accounts, and what happens to each.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountList {
    /// The first hundred by name.
    items: Vec<AccountAnswer>,
    /// How many there are in all.
    total: u64,
}

/// What happens to one account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountChange)]
pub(crate) struct AccountAnswer {
    /// Its user name.
    username: String,
    /// What happens, as a sentence.
    text: String,
}

/// Something that an administrator should know before a restore.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RestoreWarning)]
pub(crate) struct WarningAnswer {
    /// Which, for programs.
    #[schema(schema_with = warning_codes)]
    code: WarningCode,
    /// The table that it is about; none if it is about the whole archive.
    table: Option<&'static str>,
    /// It in words.
    text: String,
}

/// Something that stands in the way of a restore.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RestoreBlocker)]
pub(crate) struct BlockerAnswer {
    /// Which, for programs.
    #[schema(schema_with = blocker_codes)]
    code: BlockerCode,
    /// The table that it is about.
    table: &'static str,
    /// It in words.
    text: String,
}

impl From<Plan> for PlanAnswer {
    fn from(plan: Plan) -> Self {
        let tables = plan.tables.into_iter();
        let warning = |Warning { code, table, text }| WarningAnswer {
            code,
            table: table.map(Table::name),
            text,
        };
        let blocker = |Blocker { code, table, text }| BlockerAnswer {
            code,
            table: table.name(),
            text,
        };
        let Money { before, after } = plan.money;
        let administrators = plan.administrators;
        Self {
            administrators_added: administrators.added.into(),
            administrators_changed: administrators.changed.into(),
            administrators_raised: administrators.raised.into(),
            administrators_disabled: administrators.disabled.into(),
            hash: plan.hash,
            tables: tables
                .map(|(table, outcome)| (table.name().to_owned(), outcome.into()))
                .collect(),
            money: MoneyPlan { before, after },
            warnings: plan.warnings.into_iter().map(warning).collect(),
            blockers: plan.blockers.into_iter().map(blocker).collect(),
        }
    }
}

impl From<AccountChanges> for AccountList {
    fn from(changes: AccountChanges) -> Self {
        let answer = |AccountChange { username, text }| AccountAnswer { username, text };
        Self {
            items: changes.items.into_iter().map(answer).collect(),
            total: changes.total,
        }
    }
}

impl From<TableOutcome> for TablePlan {
    fn from(outcome: TableOutcome) -> Self {
        Self {
            rows_before: outcome.rows_before,
            rows_after: outcome.rows_after,
            inserts: outcome.inserts,
            updates: outcome.updates,
            deletes: outcome.deletes,
            cascades: outcome.cascades,
            unchanged: outcome.unchanged,
            conflicts: outcome.conflicts,
            first_conflict: outcome.first_conflict,
            orphans: outcome.orphans,
            first_orphan: outcome.first_orphan,
            kept: outcome.kept,
            renumbered: outcome.renumbered,
        }
    }
}

/// A word, some tables, or one row.
pub(crate) fn scopes() -> Schema {
    let object = || ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let tables = ArrayBuilder::new()
        .items(RefOr::T(words(&Table::ALL, "A table.")))
        .min_items(Some(1));
    let id = ObjectBuilder::new().schema_type(Type::Integer);
    let entity = object()
        .property("table", words(&[Table::Students], "The table of the row."))
        .property("id", id)
        .required("table")
        .required("id")
        .description(Some("One student with everything that hangs on them."));
    OneOfBuilder::new()
        .description(Some(
            "Which rows: `all` (the default), those of some tables, or one student with everything that hangs on them.",
        ))
        .item(words(&["all"], "Everything."))
        .item(object().property("tables", tables).required("tables"))
        .item(object().property("entity", entity).required("entity"))
        .into()
}

pub(crate) fn modes() -> Schema {
    words(
        &[RestoreMode::Replace, RestoreMode::Merge, RestoreMode::InsertMissing],
        "How the archive's rows meet those that are there: `replace` makes the scope what the archive has, `merge` lets the \
         archive win and removes nothing, `insert_missing` adds the rows that are not there.",
    )
}

fn warning_codes() -> Schema {
    words(&WarningCode::ALL, "Which warning, for programs.")
}

fn blocker_codes() -> Schema {
    words(&BlockerCode::ALL, "Which obstacle, for programs.")
}

problem_responses!(
    PlanProblems: MalformedBody, InvalidField, UnsupportedMediaType, BodyTooLarge, RequestTimeout, Unauthenticated,
    Forbidden, UnknownArchive, ArchiveGone, ArchiveTruncated, ArchiveCorrupt, ArchiveDigestMismatch, ArchiveWrongKey,
    ArchiveKeyRequired, ArchiveRowNotFound, ArchiveInvalidValue, Unexportable, ArchiveManifestMismatch, ArchiveRecordMismatch, ArchiveUnencrypted,
    ArchiveIncomplete, ManifestUnreadable, ArchiveUnreadable, DatabaseBusy, DatabaseUnavailable, StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);
problem_responses!(
    RestoreProblems: MalformedBody, InvalidField, WrongConfirmation, UnsupportedMediaType, BodyTooLarge,
    RequestTimeout, Unauthenticated, Forbidden, UnknownArchive, ArchiveGone, ArchiveRecordMismatch, ArchiveUnencrypted,
    Busy, IdempotencyKeyReused,
    ArchiveIncomplete, ManifestUnreadable, ArchiveUnreadable, Stopping, DatabaseBusy, DatabaseUnavailable,
    StoreMisconfigured, StoreUnavailable, InsufficientStorage, Internal
);

/// Plan a restore
///
/// Reads the archive and the live data, and says what a restore would do, row for row; it changes nothing. `replace` makes
/// the scope what the archive has; `merge` lets the archive win and removes nothing; `insert_missing` brings back what is
/// missing and touches nothing else.
///
/// Each administrator whose account would change is named, with what happens to it. No restore removes an administrator, and
/// none disables one unless `disable_administrators` asks for it. Of an archive that was found in the store the first warning is that nothing
/// proves where it comes from.
#[utoipa::path(
    operation_id = "planRestore",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id.")),
    request_body(content = PlanRequest, description = "What is to be restored."),
    responses((status = 200, description = "The plan.", body = PlanAnswer), PlanProblems)
)]
#[post("/archives/{id}/restore-plan")]
pub(super) async fn plan_restore(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    body: Body<PlanRequest>,
) -> Result<web::Json<PlanAnswer>, ApiError> {
    let PlanRequest {
        scope,
        mode,
        disable_administrators,
        allow_unencrypted,
    } = body.0;
    let request = Restore {
        scope: scope.into(),
        mode,
        disable_administrators,
    };
    let unencrypted = Unencrypted::allowed_if(allow_unencrypted);
    let plan = state.operations.plan(&granted.0, &id, &request, unencrypted).await?;
    Ok(web::Json(plan.into()))
}

/// Restore an archive
///
/// What the plan said, and nothing else. The job reads and checks the whole archive, takes a safety archive of what is there,
/// and then changes everything in one transaction; counts, sums and references are checked before it commits. If
/// anything fails, nothing has changed. You keep your account and your password; all other sessions end.
///
/// The job's result has the `safety_archive_id`, with which the restore can be taken back.
#[utoipa::path(
    operation_id = "restoreArchive",
    tag = "archives",
    params(("id" = String, Path, description = "The archive's id."), IdempotencyHeader),
    request_body(content = RestoreBody, description = "What is to be restored, by which plan."),
    responses(
        (
            status = 202,
            description = "It is being restored.",
            body = JobAnswer,
            headers(("Location" = String, description = "Where the job is.")),
        ),
        RestoreProblems
    )
)]
#[post("/archives/{id}/restore")]
pub(super) async fn restore_archive(
    granted: Granted,
    _: Query<NoParameters>,
    state: web::Data<AppState>,
    id: web::Path<String>,
    key: IdempotencyKey,
    body: Body<RestoreBody>,
) -> Result<HttpResponse, ApiError> {
    let key = key.of("restoreArchive", &(&*id, &body.0))?;
    let RestoreBody {
        scope,
        mode,
        disable_administrators,
        plan_hash,
        confirm,
        confirm_administrators,
        allow_unencrypted,
    } = body.0;
    let request = RestoreRequest {
        restore: Restore {
            scope: scope.into(),
            mode,
            disable_administrators,
        },
        plan_hash,
        confirmation: confirm,
        confirm_administrators,
        unencrypted: Unencrypted::allowed_if(allow_unencrypted),
    };
    let sessions = state.accounts.end_sessions(&granted.0);
    let submitted = state
        .operations
        .restore(&granted.0, &id, request, sessions, key)
        .await?;
    Ok(accepted(submitted.job().clone()))
}
