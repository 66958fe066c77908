//! `campus-backup import`: the plan, the question, the import.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

use campus_backup_domain::account::Admin;
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::import::read::{DateOrder, DecimalReading, ReadOptions};
use campus_backup_domain::import::{IMPORTABLE, ImportMode, ImportPlan, ImportRequest, RowChange, RowChangeKind};
use campus_backup_domain::job::{ImportReport, Job};
use campus_backup_domain::operations::{IMPORT, NewImport};
use campus_backup_domain::{Error, Table};
use chrono::SecondsFormat;
use serde::Serialize;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::Import;
use crate::cli::clear::NEEDS_IDENTITY;
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::output::{Report, print, print_json};
use crate::cli::output_file::{OutputFile, STANDARD};
use crate::cli::restore::chunks;
use crate::cli::run::{recorded, with_admin};
use crate::cli::{confirm, interrupt};

/// How many changes and how many errors are printed.
const MAX_PRINTED: usize = 20;

/// What is being done, for errors.
const READING: &str = "reading the file";

pub(super) fn import(arguments: &Import) -> Result<(), ExitError> {
    let request = request(arguments)?;
    confirm::ensure_answerable(arguments.dry_run || arguments.yes)?;
    if arguments.file == STANDARD && !arguments.dry_run && !arguments.yes {
        let problem = "the file comes from the standard input, so the confirmation can't: use --yes or --dry-run";
        return Err(ExitError::Settings(vec![problem.to_owned()]));
    }
    if arguments.file != STANDARD && !Path::new(&arguments.file).is_file() {
        return Err(ExitError::Settings(vec![format!(
            "there is no file `{}`",
            arguments.file
        )]));
    }
    with_admin(&arguments.acting, async |state, admin| {
        let plan = interrupt::until_pressed(plan(arguments, request, state, admin)).await?;
        let command = ImportCommand {
            arguments,
            state,
            admin,
            plan: &plan,
        };
        let done = command.run().await;
        // Nothing else knows the id.
        let discarded = state.operations.discard_import(admin, &plan.id);
        done.and(discarded.map_err(refused))
    })
}

/// Plans the import of the file.
async fn plan(
    arguments: &Import,
    request: ImportRequest,
    state: &AppState,
    admin: &Admin,
) -> Result<ImportPlan, ExitError> {
    let (input, file_name, length) = match arguments.file.as_str() {
        STANDARD => {
            let input = io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .map_err(ExitError::failed(READING))?;
            (File::from(input), None, None)
        }
        path => {
            let file = File::open(path).map_err(ExitError::failed(READING))?;
            let length = file.metadata().map_err(ExitError::failed(READING))?.len();
            let name = Path::new(path)
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            (file, name, Some(length))
        }
    };
    let new = NewImport {
        request,
        file_name,
        length,
        time_zone: state.settings.timezone,
    };
    let bytes = chunks(tokio::fs::File::from_std(input));
    let entry = AuditEntry::by(admin, AuditEvent::ImportPlan).of_table(Some(arguments.table.as_str()));
    let plan = state.operations.plan_import(admin, new, bytes).await;
    recorded(state, entry, plan).await
}

struct ImportCommand<'a> {
    arguments: &'a Import,
    state: &'a AppState,
    admin: &'a Admin,
    plan: &'a ImportPlan,
}

/// The answer of `import --json`.
#[derive(Serialize)]
struct Imported<'r> {
    /// The id of the change, for `undo`.
    id: &'r str,
    #[serde(flatten)]
    report: &'r ImportReport,
}

impl ImportCommand<'_> {
    async fn run(&self) -> Result<(), ExitError> {
        let (arguments, plan) = (self.arguments, self.plan);
        if let Some(path) = &arguments.errors {
            self.write_errors(path).await?;
        }
        let report = arguments.acting.report();
        if arguments.dry_run && report == Report::Json {
            return print_json(plan);
        }
        let is_printed = match report {
            Report::Text => true,
            // A plan has to be shown before it is confirmed.
            Report::Quiet => arguments.dry_run || !arguments.yes,
            Report::Json => false,
        };
        if is_printed {
            print_plan(plan)?;
        }
        if arguments.dry_run {
            return Ok(());
        }
        if !plan.can_apply {
            return Err(refused(Error::ImportRefused {
                wrong: plan.rows.wrong,
                conflicting: plan.rows.conflicting,
            }));
        }
        if !arguments.yes && !confirm::is_typed(IMPORT).await? {
            return Err(refused(Error::WrongConfirmation { expected: IMPORT }));
        }
        let operations = &self.state.operations;
        let submitted = operations.apply_import(self.admin, &plan.id, &plan.hash, Some(IMPORT), None);
        let job = follow(self.state, &arguments.acting, submitted).await?;
        done(&job, report, plan.undo_needs_identity)
    }

    async fn write_errors(&self, path: &str) -> Result<(), ExitError> {
        let doing = "writing the wrong rows";
        let mut output = OutputFile::begin(path)?;
        let entry = AuditEntry::by(self.admin, AuditEvent::ImportErrors).about(&self.plan.id);
        let errors = self.state.operations.import_errors(self.admin, &self.plan.id).await;
        let mut errors = recorded(self.state, entry, errors).await?;
        io::copy(&mut errors, &mut output).map_err(ExitError::failed(doing))?;
        output.finish()
    }
}

fn done(job: &Job, report: Report, undo_needs_identity: bool) -> Result<(), ExitError> {
    let imported: ImportReport = job.report().map_err(refused)?;
    if report == Report::Json {
        return print_json(&Imported {
            id: &job.id,
            report: &imported,
        });
    }
    let (Some(safety), Some(until)) = (&imported.safety_archive_id, imported.undo_until) else {
        return report.say("nothing was changed");
    };
    let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
    report.say(&format!("imported; the previous data is in the safety backup {safety}"))?;
    let identity = if undo_needs_identity { " --identity FILE" } else { "" };
    report.say(&format!(
        "to undo it, until {until}: campus-backup undo {}{identity}",
        job.id
    ))
}

fn print_plan(plan: &ImportPlan) -> Result<(), ExitError> {
    let rows = &plan.rows;
    print(&format!("{:>12}  rows in the file", rows.read))?;
    let mut counts = vec![
        (rows.new, "new".to_owned()),
        (rows.changed, "changed".to_owned()),
        (rows.unchanged, "unchanged".to_owned()),
        (rows.skipped, "left out by the mode".to_owned()),
        (rows.conflicting, "in conflict with existing rows".to_owned()),
        (rows.wrong, "wrong".to_owned()),
        (rows.removed, "removed, because the file does not have them".to_owned()),
    ];
    for (table, outcome) in plan.tables.iter().filter(|(table, _)| **table != plan.table) {
        counts.push((outcome.inserted, format!("inserted into {table}")));
        counts.push((outcome.removed, format!("removed from {table}")));
    }
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        print(&format!("{count:>12}  {what}"))?;
    }
    if let Some(money) = &plan.money {
        print(&format!("payments: {} before, {} after", money.before, money.after))?;
    }
    for column in &plan.columns {
        print(&format!("column: {} is {}", column.heading, column.column))?;
    }
    for column in &plan.ignored {
        print(&format!("ignored: {}: {}", column.heading, column.reason))?;
    }
    if plan.undo_needs_identity {
        print(NEEDS_IDENTITY)?;
    }
    for note in &plan.notes {
        print(&format!("note: {note}"))?;
    }
    for change in plan.changes.iter().take(MAX_PRINTED) {
        print(&change_line(change))?;
    }
    for error in plan.errors.iter().take(MAX_PRINTED) {
        let column = error
            .column
            .as_ref()
            .map(|column| format!(", column {column}"))
            .unwrap_or_default();
        let value = error
            .value
            .as_ref()
            .map(|value| format!(", `{value}`"))
            .unwrap_or_default();
        print(&format!("error: row {}{column}{value}: {}", error.row, error.reason))?;
    }
    let printed = plan.errors.len().min(MAX_PRINTED) as u64;
    match (rows.wrong + rows.conflicting).checked_sub(printed) {
        Some(more) if more > 0 => print("further rows are wrong; --errors FILE writes all of them"),
        _ => Ok(()),
    }
}

fn change_line(change: &RowChange) -> String {
    let kind = match change.kind {
        RowChangeKind::New => "new",
        RowChangeKind::Changed => "changed",
        RowChangeKind::Removed => "removed",
    };
    let row = change.row.map(|row| format!(", row {row}")).unwrap_or_default();
    let id = change.id.map(|id| format!(", ID {id}")).unwrap_or_default();
    let value = |value: &Option<String>| value.as_deref().unwrap_or("(empty)").to_owned();
    let fields = change.fields.iter().map(|field| match change.kind {
        RowChangeKind::New => format!("{} = {}", field.column, value(&field.new)),
        RowChangeKind::Removed => format!("{} = {}", field.column, value(&field.old)),
        RowChangeKind::Changed => format!("{}: {} -> {}", field.column, value(&field.old), value(&field.new)),
    });
    format!("{kind}{row}{id}: {}", fields.collect::<Vec<_>>().join("; "))
}

/// The request of the arguments.
fn request(arguments: &Import) -> Result<ImportRequest, ExitError> {
    let wrong = |problem: String| ExitError::Settings(vec![problem]);
    let names = IMPORTABLE.map(Table::name).join(", ");
    let table = Table::from_name(&arguments.table);
    let table = table.ok_or_else(|| wrong(format!("there is no table `{}`; there are {names}", arguments.table)))?;
    let mode = chosen("mode", &arguments.mode, &ImportMode::ALL, ImportMode::name)?;
    let mut columns = BTreeMap::new();
    for given in &arguments.columns {
        // A heading may have an equals sign, a column has none.
        let (heading, column) = given
            .rsplit_once('=')
            .ok_or_else(|| wrong(format!("--columns: `{given}` is not HEADING=COLUMN")))?;
        if columns.insert(heading.to_owned(), column.to_owned()).is_some() {
            return Err(wrong(format!("--columns: the heading `{heading}` is given twice")));
        }
    }
    let create_missing: Option<_> = arguments
        .create_missing
        .iter()
        .map(|name| Table::from_name(name))
        .collect();
    let request = ImportRequest {
        table,
        mode,
        skip_wrong: arguments.skip_wrong,
        create_missing: create_missing
            .ok_or_else(|| wrong("--create-missing: must be payment_categories".to_owned()))?,
        reading: ReadOptions {
            columns,
            dates: chosen("dates", &arguments.dates, &DateOrder::ALL, DateOrder::name)?,
            decimals: chosen(
                "decimals",
                &arguments.decimals,
                &DecimalReading::ALL,
                DecimalReading::name,
            )?,
            sheet: arguments.sheet.clone(),
            formula_guard: !arguments.no_formula_guard,
        },
    };
    match request.check() {
        Ok(()) => Ok(request),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The value with a name.
fn chosen<T: Copy>(flag: &str, given: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, ExitError> {
    let found = all.iter().copied().find(|value| name(*value) == given);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|value| name(*value)).collect();
        ExitError::Settings(vec![format!("--{flag}: `{given}` is not {}", names.join(", "))])
    })
}
