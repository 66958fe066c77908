//! The plan of a restore: what it would do, with warnings and blockers as sentences.

use std::collections::BTreeMap;

use campus_backup_archive::{Summary, value};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::administrators::{AccountChanges, Administrators};
use super::outcome::{self, ForeignValues, RestoreOutcome, RowAction, TableOutcome};
use super::request::{Extent, Provenance, Restore, RestoreContext, RestoreMode, hash};
use super::staging::Staging;
use super::users::need_reset;
use crate::catalog::{LARGEST_ID, Table};
use crate::change;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::open;

/// What a restore would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
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
pub struct Plan {
    /// The hash of the plan, which the restore requires. It covers the archive, the request, the acting administrator, the live
    /// rows of all tables that the restore concerns, and the administrators whose accounts change.
    // See `hash` and `Administrators::bind`.
    pub hash: String,
    /// The outcome for each table that the restore concerns.
    #[schema(value_type = BTreeMap<String, TableOutcome>)]
    pub tables: BTreeMap<Table, TableOutcome>,
    /// The sum of all payments.
    pub money: Money,
    /// New accounts with the role of an administrator. If this list or one of the next three is not empty, the restore requires
    /// `confirm_administrators`.
    pub administrators_added: AccountChanges,
    /// Administrators whose password changes.
    pub administrators_changed: AccountChanges,
    /// Accounts with another role, and inactive ones, that become an active administrator's.
    pub administrators_raised: AccountChanges,
    /// Administrators who lose their rights. Empty unless the request has `disable_administrators`.
    pub administrators_disabled: AccountChanges,
    /// What an administrator should know before the restore.
    pub warnings: Vec<Warning>,
    /// Why the restore is not possible as requested. Empty if it is possible.
    pub blockers: Vec<Blocker>,
    /// The digest of the content of the archive that was read, as in [`Summary::digest`].
    #[serde(skip)]
    pub archive_digest: String,
}

/// The sum of all payments, as exact decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MoneyPlan)]
pub struct Money {
    /// Now.
    pub before: String,
    /// After the restore.
    pub after: String,
}

/// Something that an administrator should know before a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RestoreWarning)]
pub struct Warning {
    /// The kind, for programs.
    pub code: WarningCode,
    /// The table that it concerns; none if it concerns the whole archive.
    #[schema(value_type = Option<String>)]
    pub table: Option<Table>,
    /// The sentence for people.
    pub text: String,
}

/// The kinds of warnings of a plan. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RestoreWarningCode)]
pub enum WarningCode {
    /// Rows of tables that are not restored are removed with the rows that they refer to.
    Cascades,
    /// Missing rows that restored rows refer to are inserted, too.
    TakenAlong,
    /// Administrators' accounts are left unchanged.
    AdministratorsKept,
    /// Administrators stay active, although the archive has them as inactive or with another role.
    AdministratorsNotDisabled,
    /// Accounts are restored under another id.
    UsersRenumbered,
    /// Users sign in with the passwords that they had when the backup was created.
    PasswordsRestored,
    /// Users can't sign in until their password is reset, because its hash is too expensive to verify.
    PasswordsNeedReset,
    /// No administrator could sign in afterwards.
    NoAdministrator,
    /// Rows are restored with ids that leave no room for later rows, as it was before.
    IdsWithoutRoom,
    /// The archive was found in the store, and nothing proves its origin.
    ArchiveFound,
}

/// An obstacle to a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RestoreBlocker)]
pub struct Blocker {
    /// The kind, for programs.
    pub code: BlockerCode,
    /// The table that it concerns.
    #[schema(value_type = String)]
    pub table: Table,
    /// The sentence for people.
    pub text: String,
}

/// The kinds of obstacles to a restore. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RestoreBlockerCode)]
pub enum BlockerCode {
    /// Rows of the archive would refer to missing rows.
    Orphans,
    /// Rows of the archive have the same unique values as rows that stay.
    Conflicts,
    /// Rows of the archive have the same unique values as other rows of the archive.
    DuplicateKeys,
    /// Rows of the archive have ids that leave no room for later rows.
    IdsWithoutRoom,
    /// Rows of the archive are larger than the database accepts at once.
    RowsTooLarge,
    /// Users of the archive have names that new accounts may not have.
    InvalidUserNames,
    /// Rows of the archive have values that only the database engine of the archive can hold.
    NativeValues,
}

/// Plans a restore, and changes nothing. The live data is read in one snapshot, while other clients keep writing; the
/// archive is read to its end. It blocks the thread that polls it.
///
/// # Errors
/// What is wrong with the request or the archive: [`Error::Invalid`], [`Error::Archive`], [`Error::TableNotFound`],
/// [`Error::RowNotFound`], [`Error::Inadmissible`]. Obstacles are not errors; they are the plan's blockers.
pub async fn plan(context: &RestoreContext<'_>) -> Result<Plan> {
    let RestoreContext {
        admin,
        database,
        request,
        provenance,
        scratch,
        progress,
        ..
    } = *context;
    request.check()?;
    let tables = request.tables();
    let mut live = tables.clone();
    if !live.contains(&Table::Payments) {
        // For the sum of all payments.
        live.push(Table::Payments);
    }
    let mut staging = Staging::open(scratch).await?;
    for table in &live {
        staging.create_tables(*table).await?;
    }
    let summary = staging.read_live(database, &live, progress).await?;
    let archive = read_archive(&mut staging, context, progress).await?;
    let outcome = RestoreOutcome::find(&mut staging, context, admin.user_id(), &tables).await?;
    let (before, after) = if tables.contains(&Table::Payments) {
        outcome::sums(&mut staging, Table::Payments, "amount_paid").await?
    } else {
        let sum = "SELECT sum(amount_paid) FROM l_payments WHERE typeof(amount_paid) = 'integer'";
        let all = staging.number(sum).await?;
        (Decimal::new(all, 2), Decimal::new(all, 2))
    };
    let money = Money {
        before: written(before),
        after: written(after),
    };
    let mut blockers = blockers(request, provenance, &outcome);
    blockers.append(&mut too_large(&mut staging, database, &outcome).await?);
    let warnings = warnings(&mut staging, request, provenance, &outcome).await?;
    let hash = hash(admin, request, &archive.digest, &summary.sha256);
    let hash = outcome.administrators.bind(hash);
    let Administrators {
        added,
        changed,
        raised,
        disabled,
        ..
    } = outcome.administrators;
    Ok(Plan {
        hash,
        tables: outcome.tables,
        money,
        administrators_added: added,
        administrators_changed: changed,
        administrators_raised: raised,
        administrators_disabled: disabled,
        warnings,
        blockers,
        archive_digest: archive.digest,
    })
}

/// Reads the rows of the archive that the restore concerns into the staging database, and the rest to its end.
pub(super) async fn read_archive(
    staging: &mut Staging,
    context: &RestoreContext<'_>,
    progress: &Progress,
) -> Result<Summary> {
    let request = context.request;
    let (mut reader, tables) = open::reader(context.source.open()?, context.keys)?;
    ensure_tables(request, &tables)?;
    for table in tables {
        reader.next_table()?;
        if let Some(extent) = request.extent(table).filter(|_| request.is_target(table)) {
            let student = match extent {
                Extent::OfStudent(id) => Some(id),
                _ => None,
            };
            staging.read_archive(&mut reader, table, student, progress).await?;
        }
    }
    Ok(reader.finish()?)
}

/// Ensures that an archive has the tables that are to be restored.
pub(super) fn ensure_tables(request: &Restore, has: &[Table]) -> Result<()> {
    match request.wanted().into_iter().find(|table| !has.contains(table)) {
        Some(table) => Err(Error::TableNotFound(table)),
        None => Ok(()),
    }
}

/// A sum of money as an exact decimal.
pub(crate) fn written(sum: Decimal) -> String {
    let mut text = Vec::new();
    value::write_decimal(sum, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

async fn warnings(
    staging: &mut Staging,
    request: &Restore,
    provenance: Provenance,
    outcome: &RestoreOutcome,
) -> Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    let mut warn = |code, table, text| {
        let table = Some(table);
        warnings.push(Warning { code, table, text });
    };
    for (&table, found) in &outcome.tables {
        if found.cascades > 0 {
            let text = format!(
                "{} removed too, together with the rows that the archive does not have.",
                rows_are(found.cascades, table)
            );
            warn(WarningCode::Cascades, table, text);
        }
        if found.inserts > 0 && request.extent(table) == Some(Extent::Referred) {
            let text = format!(
                "{} restored too: they are missing, and the student's rows refer to them.",
                rows_are(found.inserts, table)
            );
            warn(WarningCode::TakenAlong, table, text);
        }
        if found.without_room > 0 && provenance != Provenance::Unknown {
            let text = format!(
                "{} restored with an id that leaves no room for the ids of new rows, as before.",
                rows_are(found.without_room, table)
            );
            warn(WarningCode::IdsWithoutRoom, table, text);
        }
    }
    let Some(users) = outcome
        .tables
        .get(&Table::Users)
        .filter(|_| request.is_target(Table::Users))
    else {
        return Ok(warnings);
    };
    let still_active = &outcome.accounts.still_active;
    if users.kept > still_active.total {
        let text = format!(
            "{} left unchanged, with the present password: your own account, and those of administrators whom the archive \
             does not have.",
            rows_are(users.kept - still_active.total, Table::Users)
        );
        warn(WarningCode::AdministratorsKept, Table::Users, text);
    }
    if still_active.total > 0 {
        let text = format!(
            "{} left unchanged: administrators who stay active, although the archive has them as inactive, with another role, or \
             with an unusable password: {}. A restore disables them only on request.",
            rows_are(still_active.total, Table::Users),
            still_active.list()
        );
        warn(WarningCode::AdministratorsNotDisabled, Table::Users, text);
    }
    if users.renumbered > 0 {
        let text = format!(
            "{} restored under a new id, because the old one belongs to an administrator who stays.",
            rows_are(users.renumbered, Table::Users)
        );
        warn(WarningCode::UsersRenumbered, Table::Users, text);
    }
    if users.inserts + users.updates > 0 {
        let text = format!(
            "{} restored with the password that was valid when the backup was created.",
            rows_are(users.inserts + users.updates, Table::Users)
        );
        warn(WarningCode::PasswordsRestored, Table::Users, text);
    }
    let need_reset = need_reset(staging).await?;
    if need_reset.total > 0 {
        let text = format!(
            "{} restored without a usable password, because verifying it would cost too much: {}. \
             `campus-backup admin reset-password` gives each a new one.",
            rows_are(need_reset.total, Table::Users),
            need_reset.list()
        );
        warn(WarningCode::PasswordsNeedReset, Table::Users, text);
    }
    let administrators = staging
        .number(&format!(
            "SELECT (SELECT count(*) FROM l_users WHERE role = 'admin' AND is_active \
             AND id NOT IN (SELECT id FROM x_users)) + (SELECT count(*) FROM a_users WHERE role = 'admin' AND is_active \
             AND id IN (SELECT id FROM x_users WHERE action IN ({})))",
            RowAction::write()
        ))
        .await?;
    if administrators == 0 {
        let text = "No administrator could sign in afterwards. `campus-backup admin create` creates one.";
        warn(WarningCode::NoAdministrator, Table::Users, text.to_owned());
    }
    Ok(warnings)
}

fn blockers(request: &Restore, provenance: Provenance, outcome: &RestoreOutcome) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    for (&table, found) in &outcome.tables {
        if let Some(first) = found.first_orphan {
            let text = format!(
                "{} without a row that is referred to, the first of them with id {first}.",
                rows_are(found.orphans, table)
            );
            let code = BlockerCode::Orphans;
            blockers.push(Blocker { code, table, text });
        }
        if let Some(first) = found.first_conflict {
            let (code, other) = match (request.mode, request.extent(table)) {
                (RestoreMode::Replace, Some(Extent::Whole)) => {
                    (BlockerCode::DuplicateKeys, "other rows of the archive")
                }
                _ => (BlockerCode::Conflicts, "rows that stay"),
            };
            let text = format!(
                "{} in conflict with {other}, which have the same id, name or number; the first of them has id {first}.",
                rows_are(found.conflicts, table)
            );
            blockers.push(Blocker { code, table, text });
        }
        if let Some(first) = found.first_without_room.filter(|_| provenance == Provenance::Unknown) {
            let text = format!(
                "{} not restored, because the id leaves no room for the ids of new rows: the first of them has id {first}, \
                 and the largest that can be restored is {LARGEST_ID}.",
                rows_are(found.without_room, table)
            );
            let code = BlockerCode::IdsWithoutRoom;
            blockers.push(Blocker { code, table, text });
        }
        if let Some(foreign) = outcome.foreign.get(&table) {
            let code = BlockerCode::NativeValues;
            let text = native_values(table, foreign);
            blockers.push(Blocker { code, table, text });
        }
    }
    let misnamed = &outcome.accounts.misnamed;
    if misnamed.total > 0 {
        blockers.push(Blocker {
            code: BlockerCode::InvalidUserNames,
            table: Table::Users,
            text: format!(
                "{} not restored, because no new account may have such a name: {}. The other tables can be restored without \
                 users.",
                rows_are(misnamed.total, Table::Users),
                misnamed.list()
            ),
        });
    }
    blockers
}

fn native_values(table: Table, foreign: &ForeignValues) -> String {
    let named = foreign
        .first
        .iter()
        .map(|(row, column)| format!("{column} of row {row}"));
    let mut named: Vec<_> = named.collect();
    let unnamed = foreign.count.saturating_sub(named.len() as u64);
    if unnamed > 0 {
        named.push(format!("and {unnamed} more"));
    }
    format!(
        "Values of {table} can't be restored here, because only the database engine of the backup can hold them: {}. Correct \
         them in the database that the backup was made of, and make another backup.",
        named.join(", ")
    )
}

/// Blockers for rows that are larger than the database accepts.
async fn too_large(staging: &mut Staging, database: &Database, outcome: &RestoreOutcome) -> Result<Vec<Blocker>> {
    let Some(largest) = change::largest_row(database).await? else {
        return Ok(Vec::new());
    };
    let mut blockers = Vec::new();
    for &table in outcome.tables.keys() {
        let rows = outcome::larger_than(table, largest);
        if let Some(first) = staging
            .first(&format!("SELECT x.id {rows} ORDER BY x.id LIMIT 1"))
            .await?
        {
            let count = staging.number(&format!("SELECT count(*) {rows}")).await?.unsigned_abs();
            let text = format!(
                "{} larger than the {largest} bytes that the database server takes at once (max_allowed_packet); the first of \
                 them has id {first}.",
                rows_are(count, table)
            );
            let code = BlockerCode::RowsTooLarge;
            blockers.push(Blocker { code, table, text });
        }
    }
    Ok(blockers)
}

/// `1 row of payments is`
fn rows_are(count: u64, table: Table) -> String {
    match count {
        1 => format!("1 row of {table} is"),
        count => format!("{count} rows of {table} are"),
    }
}
