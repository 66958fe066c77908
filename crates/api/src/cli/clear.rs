//! `campus-backup clear`: the preview, the question, the clear.

use std::collections::BTreeMap;

use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::catalog::{Table, TableScope};
use campus_backup_domain::clear::{self, ClearMode, Confirmation, ExpectedRemoval};
use campus_backup_domain::job::ClearReport;
use campus_backup_domain::{Error, clear::Clear as Request};
use chrono::SecondsFormat;

use crate::cli::archives::refused;
use crate::cli::args::Clear;
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::output::{Report, print, print_json};
use crate::cli::run::{recorded, with_admin};
use crate::cli::{confirm, interrupt};
use crate::routes::clear::ClearAnswer;

/// What a plan says if the service can't open the safety backup.
pub(super) const NEEDS_IDENTITY: &str =
    "to undo it, the secret key of the backups will be needed (--identity): the service does not have it";

pub(super) fn clear(arguments: &Clear) -> Result<(), ExitError> {
    confirm::ensure_answerable(arguments.dry_run || arguments.yes)?;
    let names = clear::scope_names();
    let scope = TableScope::from_name(&arguments.table).filter(|scope| names.contains(&scope.name()));
    let scope = scope.ok_or_else(|| {
        let names = names.join(", ");
        ExitError::Settings(vec![format!(
            "`{}` can't be cleared; there are {names}",
            arguments.table
        )])
    })?;
    let report = arguments.acting.report();
    with_admin(&arguments.acting, async |state, admin| {
        let undo_needs_identity = !state.operations.opens_new_archives();
        let mut request = Request {
            scope,
            mode: ClearMode::DryRun,
            expected: arguments.expected_rows.map(ExpectedRemoval::Total),
            confirmation: None,
        };
        let preview = async {
            let preview = clear::preview(admin, &state.database, &request).await;
            let entry = AuditEntry::by(admin, AuditEvent::ClearPreview).of_table(Some(scope.name()));
            recorded(state, entry, preview).await
        };
        let preview = interrupt::until_pressed(preview).await?;
        if arguments.dry_run && report == Report::Json {
            return print_json(&ClearAnswer::preview(scope, preview, undo_needs_identity));
        }
        let is_shown = match report {
            Report::Text => true,
            // The counts have to be shown before they are confirmed.
            Report::Quiet => arguments.dry_run || !arguments.yes,
            Report::Json => false,
        };
        if is_shown {
            print_table(["will be deleted", "will remain"], &preview.removed, &preview.kept)?;
            if undo_needs_identity {
                print(NEEDS_IDENTITY)?;
            }
        }
        if arguments.dry_run {
            return Ok(());
        }
        if !arguments.yes && !confirm::is_typed(scope.name()).await? {
            return Err(refused(Error::WrongConfirmation { expected: scope.name() }));
        }
        request.mode = ClearMode::Remove;
        request.confirmation = Some(scope.name().to_owned());
        // The clear deletes exactly what was shown, or nothing.
        request.expected = Some(ExpectedRemoval::ByTable(preview.removed));
        let submitted = state.operations.clear(admin, Confirmation::Required, &request, None);
        let job = follow(state, &arguments.acting, submitted).await?;
        let cleared: ClearReport = job.report().map_err(refused)?;
        done(&job.id, scope, cleared, report, undo_needs_identity)
    })
}

fn done(
    id: &str,
    scope: TableScope,
    cleared: ClearReport,
    report: Report,
    undo_needs_identity: bool,
) -> Result<(), ExitError> {
    if report != Report::Text {
        return match report {
            Report::Json => print_json(&ClearAnswer::done(id.to_owned(), scope, cleared, undo_needs_identity)),
            _ => Ok(()),
        };
    }
    print_table(["deleted", "remaining"], &cleared.removed, &cleared.kept)?;
    let (Some(archive), Some(until)) = (&cleared.archive_id, cleared.undo_until) else {
        return print("there was nothing to delete");
    };
    let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    print(&format!("what was deleted is in the safety backup {archive}"))?;
    let identity = if undo_needs_identity { " --identity FILE" } else { "" };
    print(&format!("to undo it, until {until}: campus-backup undo {id}{identity}"))
}

fn print_table(
    headings: [&str; 2],
    removed: &BTreeMap<Table, u64>,
    kept: &BTreeMap<Table, u64>,
) -> Result<(), ExitError> {
    print(&format!("{:>16}{:>16}", headings[0], headings[1]))?;
    for (table, stays) in kept {
        let goes = removed.get(table).copied().unwrap_or_default();
        print(&format!("{goes:>16}{stays:>16}  {table}"))?;
    }
    Ok(())
}
