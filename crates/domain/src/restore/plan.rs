//! What a restore would do, and the words for it.

use std::collections::BTreeMap;
use std::path::Path;

use campus_backup_archive::{Keys, Kind, Summary, value};
use rust_decimal::Decimal;
use serde::Serialize;

use super::administrators::Administrators;
use super::outcome::{self, ForeignValues, Outcome, TableOutcome};
use super::request::{Extent, Mode, Provenance, Restore, hash};
use super::stage::Stage;
use super::users::need_reset;
use crate::account::Admin;
use crate::catalog::{LARGEST_ID, Table};
use crate::change;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::job::Progress;
use crate::open::{self, Source};

/// What a restore would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// For each table that the restore concerns.
    pub tables: BTreeMap<Table, TableOutcome>,
    /// The sum of all payments.
    pub money: Money,
    /// The administrators' accounts that change. The restore needs a confirmation of its own if there are any.
    pub administrators: Administrators,
    /// What an administrator should know.
    pub warnings: Vec<Warning>,
    /// Why it can't be done as it is asked for. Empty if it can.
    pub blockers: Vec<Blocker>,
    /// See [`hash`] and [`Administrators::bind`].
    pub hash: String,
    /// What names the content of the archive that was read, as in [`Summary::digest`].
    pub archive_digest: String,
}

/// The sum of `payments.amount_paid`, as exact decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Money {
    /// As it is.
    pub before: String,
    /// As it would be.
    pub after: String,
}

/// Something that an administrator should know before a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Which, for programs.
    pub code: WarningCode,
    /// The table that it is about; none if it is about the whole archive.
    pub table: Option<Table>,
    /// It in words.
    pub text: String,
}

/// The kinds of [`Warning`]. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// Rows of tables that are not restored go along with rows that are removed.
    Cascades,
    /// Rows that only something else refers to come back, too.
    TakenAlong,
    /// Administrators' accounts are left as they are.
    AdministratorsKept,
    /// Administrators stay active although the archive has them otherwise.
    AdministratorsNotDisabled,
    /// Accounts come back under another id.
    UsersRenumbered,
    /// Users sign in with the passwords that they had when the archive was taken.
    PasswordsRestored,
    /// Users can't sign in until their password is reset, because its hash costs too much to verify.
    PasswordsNeedReset,
    /// Nobody could sign in as an administrator afterwards.
    NoAdministrator,
    /// Rows come back with ids that leave no room for rows that come later, as it was before.
    IdsWithoutRoom,
    /// The archive was found in the store, and nothing proves where it comes from.
    ArchiveFound,
}

impl WarningCode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Cascades,
        Self::TakenAlong,
        Self::AdministratorsKept,
        Self::AdministratorsNotDisabled,
        Self::UsersRenumbered,
        Self::PasswordsRestored,
        Self::PasswordsNeedReset,
        Self::NoAdministrator,
        Self::IdsWithoutRoom,
        Self::ArchiveFound,
    ];
}

/// Something that stands in the way of a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// Which, for programs.
    pub code: BlockerCode,
    /// The table that it is about.
    pub table: Table,
    /// It in words.
    pub text: String,
}

/// The kinds of [`Blocker`]. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockerCode {
    /// Rows of the archive would refer to rows that are not there.
    Orphans,
    /// Rows of the archive have what other rows have that stay.
    Conflicts,
    /// Rows of the archive have what other rows of the archive have.
    DuplicateKeys,
    /// Rows of the archive have ids that leave no room for rows that come later.
    IdsWithoutRoom,
    /// Rows of the archive are larger than what the database takes at once.
    RowsTooLarge,
    /// Users of the archive have names that no new account may have.
    InvalidUserNames,
    /// Rows of the archive have values that only the database engine of the archive can hold.
    NativeValues,
}

impl BlockerCode {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Orphans,
        Self::Conflicts,
        Self::DuplicateKeys,
        Self::IdsWithoutRoom,
        Self::RowsTooLarge,
        Self::InvalidUserNames,
        Self::NativeValues,
    ];
}

/// Says what a restore would do, and changes nothing. The live data is read as one moment, while others go on writing; the
/// archive is read to its end. `scratch` is a folder with room for the rows of both. It works on the thread that polls it,
/// which should be one that may block.
///
/// # Errors
/// Whatever is wrong with the request or the archive: [`Error::Invalid`], [`Error::Archive`], [`Error::TableNotFound`],
/// [`Error::RowNotFound`], [`Error::Inadmissible`]. What stands in the way is no error but among the plan's blockers.
#[allow(clippy::too_many_arguments, reason = "those of `apply`")]
pub async fn plan(
    admin: &Admin,
    database: &Database,
    source: &dyn Source,
    keys: &Keys,
    request: &Restore,
    provenance: Provenance,
    scratch: &Path,
    progress: &Progress,
) -> Result<Plan> {
    request.check()?;
    let tables = request.tables();
    let mut live = tables.clone();
    if !live.contains(&Table::Payments) {
        // For the money.
        live.push(Table::Payments);
    }
    let mut stage = Stage::open(scratch).await?;
    for table in &live {
        stage.make(*table).await?;
    }
    let summary = stage.read_live(database, &live, progress).await?;
    let archive = read_archive(&mut stage, source, keys, request, progress).await?;
    let outcome = Outcome::find(&mut stage, database, request, provenance, admin.user_id(), &tables).await?;
    let (before, after) = if tables.contains(&Table::Payments) {
        outcome::sums(&mut stage, Table::Payments, "amount_paid").await?
    } else {
        let sum = "SELECT sum(amount_paid) FROM l_payments WHERE typeof(amount_paid) = 'integer'";
        let all = stage.number(sum).await?;
        (Decimal::new(all, 2), Decimal::new(all, 2))
    };
    let money = Money {
        before: written(before),
        after: written(after),
    };
    let mut blockers = blockers(request, provenance, &outcome);
    blockers.append(&mut too_large(&mut stage, database, &outcome).await?);
    Ok(Plan {
        warnings: warnings(&mut stage, request, provenance, &outcome).await?,
        blockers,
        hash: outcome
            .administrators
            .bind(hash(admin, request, &archive.digest, &summary.sha256)),
        archive_digest: archive.digest,
        tables: outcome.tables,
        administrators: outcome.administrators,
        money,
    })
}

/// Reads those rows of an archive into the stage that a restore is about, and the rest to its end.
pub(super) async fn read_archive(
    stage: &mut Stage,
    source: &dyn Source,
    keys: &Keys,
    request: &Restore,
    progress: &Progress,
) -> Result<Summary> {
    let (mut reader, tables) = open::reader(source.open()?, keys)?;
    demand(request, &tables)?;
    for table in tables {
        reader.next_table()?;
        if let Some(extent) = request.extent(table).filter(|_| request.is_target(table)) {
            let student = match extent {
                Extent::OfStudent(id) => Some(id),
                _ => None,
            };
            stage.read_archive(&mut reader, table, student, progress).await?;
        }
    }
    Ok(reader.finish()?)
}

/// That an archive has the tables that are to be restored.
pub(super) fn demand(request: &Restore, has: &[Table]) -> Result<()> {
    match request.wanted().into_iter().find(|table| !has.contains(table)) {
        Some(table) => Err(Error::TableNotFound(table)),
        None => Ok(()),
    }
}

fn written(sum: Decimal) -> String {
    let mut text = Vec::new();
    value::write_decimal(sum, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

async fn warnings(
    stage: &mut Stage,
    request: &Restore,
    provenance: Provenance,
    outcome: &Outcome,
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
                are(found.cascades, table)
            );
            warn(WarningCode::Cascades, table, text);
        }
        if found.inserts > 0 && request.extent(table) == Some(Extent::Referred) {
            let text = format!(
                "{} brought back too: the student's rows refer to what is missing.",
                are(found.inserts, table)
            );
            warn(WarningCode::TakenAlong, table, text);
        }
        if found.without_room > 0 && provenance != Provenance::Unknown {
            let text = format!(
                "{} brought back with an id that leaves no room for the ids of new rows, as it was before.",
                are(found.without_room, table)
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
            "{} left as now, with the present password: your own account, and those of administrators whom the archive \
             does not have.",
            are(users.kept - still_active.total, Table::Users)
        );
        warn(WarningCode::AdministratorsKept, Table::Users, text);
    }
    if still_active.total > 0 {
        let text = format!(
            "{} left as now: administrators who stay active, although the archive has them as inactive, with another role, or \
             with a password with which nobody can sign in: {}. A restore disables them only if that is asked for.",
            are(still_active.total, Table::Users),
            still_active.list()
        );
        warn(WarningCode::AdministratorsNotDisabled, Table::Users, text);
    }
    if users.renumbered > 0 {
        let text = format!(
            "{} brought back under a new id, because the old one belongs to an administrator who stays.",
            are(users.renumbered, Table::Users)
        );
        warn(WarningCode::UsersRenumbered, Table::Users, text);
    }
    if users.inserts + users.updates > 0 {
        let text = format!(
            "{} brought back with the password of the moment when the archive was taken.",
            are(users.inserts + users.updates, Table::Users)
        );
        warn(WarningCode::PasswordsRestored, Table::Users, text);
    }
    let need_reset = need_reset(stage).await?;
    if need_reset.total > 0 {
        let text = format!(
            "{} brought back without being able to sign in, because verifying their passwords would cost too much: {}. \
             `campus-backup admin reset-password` gives each a new one.",
            are(need_reset.total, Table::Users),
            need_reset.list()
        );
        warn(WarningCode::PasswordsNeedReset, Table::Users, text);
    }
    let administrators = stage
        .number(
            "SELECT (SELECT count(*) FROM l_users WHERE role = 'admin' AND is_active \
             AND id NOT IN (SELECT id FROM x_users)) + (SELECT count(*) FROM a_users WHERE role = 'admin' AND is_active \
             AND id IN (SELECT id FROM x_users WHERE action IN ('i', 'u')))",
        )
        .await?;
    if administrators == 0 {
        let text = "Afterwards nobody could sign in as an administrator. `campus-backup admin create` makes one.";
        warn(WarningCode::NoAdministrator, Table::Users, text.to_owned());
    }
    Ok(warnings)
}

fn blockers(request: &Restore, provenance: Provenance, outcome: &Outcome) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    for (&table, found) in &outcome.tables {
        if let Some(first) = found.first_orphan {
            let text = format!(
                "{} without a row that is referred to, the first of them with id {first}.",
                are(found.orphans, table)
            );
            let code = BlockerCode::Orphans;
            blockers.push(Blocker { code, table, text });
        }
        if let Some(first) = found.first_conflict {
            let (code, other) = match (request.mode, request.extent(table)) {
                (Mode::Replace, Some(Extent::Whole)) => (BlockerCode::DuplicateKeys, "other rows of the archive"),
                _ => (BlockerCode::Conflicts, "rows that stay"),
            };
            let text = format!(
                "{} in conflict with {other}, which have the same id, name or number; the first of them has id {first}.",
                are(found.conflicts, table)
            );
            blockers.push(Blocker { code, table, text });
        }
        if let Some(first) = found.first_without_room.filter(|_| provenance == Provenance::Unknown) {
            let text = format!(
                "{} not restored, because the id leaves no room for the ids of new rows: the first of them has id {first}, \
                 and the largest that can be restored is {LARGEST_ID}.",
                are(found.without_room, table)
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
                are(misnamed.total, Table::Users),
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

/// Rows that would be written and that the database does not take.
async fn too_large(stage: &mut Stage, database: &Database, outcome: &Outcome) -> Result<Vec<Blocker>> {
    let Some(largest) = change::largest_row(database).await? else {
        return Ok(Vec::new());
    };
    let mut blockers = Vec::new();
    for &table in outcome.tables.keys() {
        let columns = table.columns();
        let texts = columns.iter().filter(|column| column.kind == Kind::Text);
        let texts = texts.map(|column| format!("+ coalesce(length(CAST(a.{} AS BLOB)), 0)", column.name));
        let bytes = format!(
            "{} {}",
            columns.len() * change::VALUE_BYTES,
            texts.collect::<Vec<_>>().join(" ")
        );
        let rows = format!(
            "FROM x_{table} x JOIN a_{table} a ON a.id = x.id WHERE x.action IN ('i', 'u') AND {bytes} > {largest}"
        );
        if let Some(first) = stage
            .first(&format!("SELECT x.id {rows} ORDER BY x.id LIMIT 1"))
            .await?
        {
            let count = stage.number(&format!("SELECT count(*) {rows}")).await?.unsigned_abs();
            let text = format!(
                "{} larger than the {largest} bytes that the database server takes at once (max_allowed_packet); the first of \
                 them has id {first}.",
                are(count, table)
            );
            let code = BlockerCode::RowsTooLarge;
            blockers.push(Blocker { code, table, text });
        }
    }
    Ok(blockers)
}

/// `1 row of payments is`
fn are(count: u64, table: Table) -> String {
    match count {
        1 => format!("1 row of {table} is"),
        count => format!("{count} rows of {table} are"),
    }
}
