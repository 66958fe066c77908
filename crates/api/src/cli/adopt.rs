//! `campus-backup adopt`: what the database of another program has, and a mapping file for it.
//!
//! The standard output has the mapping file, or the closure of a sheet. The report for people goes to the standard
//! error, so that the file can be redirected.

use std::fmt::Write as _;
use std::io::Write as _;

use campus_backup_domain::Error;
use campus_backup_domain::adopt::{self, Survey};
use campus_backup_domain::database::ReadOnlyDatabase;
use campus_backup_domain::plural::counted;
use campus_backup_engine::catalog::{Catalog, ObjectKind, Problem, Storage, Table};
use campus_backup_engine::mapping::{Closure, MappedCatalog, Mapping, MappingError, SheetName, guess};

use crate::cli::args::Adopt;
use crate::cli::exit::ExitError;
use crate::cli::output::{self, print, printable};
use crate::cli::run::block_on;
use crate::settings::Settings;
use crate::{logging, startup};

/// What every report ends with.
const LIMIT: &str = "This version of campus-backup reads such a database for this report, and can't serve or back it up yet. \
                     Nothing in the database was changed.";

/// Writes a guessed mapping file and a report, checks a mapping file, or explains a sheet.
pub(super) fn adopt(arguments: &Adopt) -> Result<(), ExitError> {
    if arguments.common.database_url.is_none() {
        return Err(ExitError::Settings(vec![
            "--database-url (DATABASE_URL) is needed: the database to adopt".to_owned(),
        ]));
    }
    let settings = Settings::of_command(&arguments.common)?;
    logging::start(&settings);
    let text = match arguments.check.as_ref().or(arguments.mapping.as_ref()) {
        None => None,
        Some(file) => Some(read(file)?),
    };
    let is_quiet = arguments.common.quiet;
    block_on(async {
        let database = ReadOnlyDatabase::open(&settings.database).await;
        let database = database.map_err(startup::unusable(&settings))?;
        match (arguments.explain, text, &arguments.check) {
            (Some(sheet), text, _) => explain(&database, sheet, text.as_deref()).await,
            (None, Some(text), Some(file)) => check(&database, file, &text, is_quiet).await,
            (None, ..) => propose(&database, is_quiet).await,
        }
    })
}

fn read(file: &str) -> Result<String, ExitError> {
    std::fs::read_to_string(file).map_err(|error| ExitError::Settings(vec![format!("{file}: {error}")]))
}

/// The guessed mapping on the standard output, and the report.
async fn propose(database: &ReadOnlyDatabase, is_quiet: bool) -> Result<(), ExitError> {
    let survey = adopt::survey(database).await.map_err(read_error)?;
    let written = output::standard_output().write_all(guess(&survey.catalog).as_bytes());
    written.map_err(ExitError::failed("writing to the standard output"))?;
    if !is_quiet {
        say(&report(&survey));
    }
    Ok(())
}

/// Compares a mapping file with the database. Exit code 1 if the file can be used, and something is to be looked at.
async fn check(database: &ReadOnlyDatabase, file: &str, text: &str, is_quiet: bool) -> Result<(), ExitError> {
    let unusable = |faults: Vec<MappingError>| {
        ExitError::Settings(faults.iter().map(|fault| format!("{file}: {fault}")).collect())
    };
    let mapping = Mapping::parse(text).map_err(|fault| unusable(vec![fault]))?;
    let survey = adopt::survey(database).await.map_err(read_error)?;
    let mapped = mapping.resolve(&survey.catalog).map_err(unusable)?;
    let remarks = remarks(&survey, &mapping, &mapped);
    if !is_quiet {
        say(&report(&survey));
    }
    match remarks.is_empty() {
        true => Ok(()),
        false => Err(ExitError::MappingRemarks {
            file: file.to_owned(),
            remarks,
        }),
    }
}

/// What a person should look at, although the mapping can be used.
fn remarks(survey: &Survey, mapping: &Mapping, mapped: &MappedCatalog<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    if !mapping.reviewed {
        remarks.push("`reviewed` is not true".to_owned());
    }
    if mapping
        .catalog
        .as_ref()
        .is_some_and(|digest| *digest != survey.catalog.digest)
    {
        remarks.push(format!(
            "the tables have changed since the file was written. It still fits them. After a look at the report, write \
             catalog = \"{}\"",
            survey.catalog.digest
        ));
    }
    for (place, table) in survey.catalog.tables.iter().enumerate() {
        for problem in table.problems.iter().filter(|_| !mapped.skipped.contains(&place)) {
            remarks.push(format!(
                "the table `{}` can't be read: {}",
                table.name,
                problem_text(*problem)
            ));
        }
    }
    remarks
}

/// The rows that belong to a sheet, table by table.
async fn explain(database: &ReadOnlyDatabase, sheet: SheetName, text: Option<&str>) -> Result<(), ExitError> {
    let catalog = adopt::catalog(database).await.map_err(read_error)?;
    let guessed = guess(&catalog);
    let invalid = |faults: Vec<MappingError>| ExitError::Settings(faults.iter().map(MappingError::to_string).collect());
    let mapping = Mapping::parse(text.unwrap_or(&guessed)).map_err(|fault| invalid(vec![fault]))?;
    let mapped = mapping.resolve(&catalog).map_err(invalid)?;
    let Some(mapped_sheet) = mapped.sheets.get(&sheet) else {
        let origin = if text.is_some() {
            "the mapping file has"
        } else {
            "the names of the tables suggest"
        };
        return Err(ExitError::Settings(vec![format!("{origin} no sheet `{sheet}`")]));
    };
    let closure = Closure::of(&mapped, mapped_sheet);
    let counts = adopt::count_closure(database, &closure).await.map_err(read_error)?;
    for (place, count) in closure.tables.iter().zip(counts) {
        print(&format!(
            "{}: {}",
            mapped.name(*place),
            counted(count.unsigned_abs(), "row")
        ))?;
    }
    let lines = closure_notes(&mapped, &closure);
    if !lines.is_empty() {
        say(&lines);
    }
    Ok(())
}

fn closure_notes(mapped: &MappedCatalog<'_>, closure: &Closure<'_>) -> String {
    let mut text = String::new();
    let place = |table: usize, columns: &[usize]| {
        let table = mapped.table(table);
        format!("{}.{}", table.name, table.column_names(columns))
    };
    for reference in &closure.from_outside {
        let from = place(reference.table, &reference.columns);
        line(
            &mut text,
            &format!(
                "{from} refers to {} ({})",
                mapped.name(reference.target),
                reference.effect.name()
            ),
        );
    }
    for reference in &closure.circular {
        let from = place(reference.table, &reference.columns);
        let target = mapped.name(reference.target);
        line(
            &mut text,
            &format!("{from} leads back to {target}. It was not followed, so there may be more rows"),
        );
    }
    text
}

/// What the database has, for people.
fn report(survey: &Survey) -> String {
    let catalog = &survey.catalog;
    let mut text = String::new();
    let rows: i64 = survey.rows.iter().flatten().sum();
    let columns = catalog.tables.iter().map(|table| table.columns.len() as u64).sum();
    line(
        &mut text,
        &format!(
            "{} with {} and {}",
            counted(catalog.tables.len() as u64, "table"),
            counted(columns, "column"),
            counted(rows.unsigned_abs(), "row")
        ),
    );
    for (table, rows) in catalog.tables.iter().zip(&survey.rows) {
        let rows = rows.map_or("not counted".to_owned(), |rows| counted(rows.unsigned_abs(), "row"));
        let key = match &table.key {
            Some(key) => format!("key {}", table.column_names(&key.columns)),
            None => "no key".to_owned(),
        };
        line(&mut text, &format!("  {}: {rows}, {key}", table.name));
    }
    problems(catalog, &mut text);
    list(
        &mut text,
        "Without a key, so that rows can't be told apart",
        |table| table.key.is_none(),
        catalog,
    );
    obstacles(survey, &mut text);
    suggestions(survey, &mut text);
    others(catalog, &mut text);
    for cycle in &catalog.cycles {
        let names: Vec<_> = cycle.iter().map(ToString::to_string).collect();
        line(
            &mut text,
            &format!("Refer to each other in a circle: {}", names.join(", ")),
        );
    }
    line(&mut text, LIMIT);
    text
}

fn problems(catalog: &Catalog, text: &mut String) {
    for table in &catalog.tables {
        for problem in &table.problems {
            line(
                text,
                &format!("Can't be read: {}: {}", table.name, problem_text(*problem)),
            );
        }
    }
}

fn problem_text(problem: Problem) -> &'static str {
    match problem {
        Problem::NotReadable => "the role may not read it. Grant it SELECT on the table and USAGE on its schema",
        Problem::RowSecurity => {
            "a policy hides rows from the role. Use the owner of the table, or a role with BYPASSRLS"
        }
    }
}

/// Why a table could only be read, even by a version that writes.
fn obstacles(survey: &Survey, text: &mut String) {
    for table in &survey.catalog.tables {
        let traits = &table.traits;
        let mut reasons = Vec::new();
        if let Storage::NonTransactional(storage) = &traits.storage {
            reasons.push(format!(
                "{storage} has no transactions, and no consistent snapshot. Convert it to InnoDB"
            ));
        }
        if !traits.rules.is_empty() {
            reasons.push(format!("rules replace its changes ({})", traits.rules.join(", ")));
        }
        if traits.system_versioned {
            reasons.push("the database keeps its history".to_owned());
        }
        if !traits.triggers.is_empty() {
            reasons.push(format!("triggers act on its changes ({})", traits.triggers.join(", ")));
        }
        for reason in reasons {
            line(text, &format!("For reading only: {}: {reason}", table.name));
        }
    }
    if !survey.sees_triggers {
        line(
            text,
            "Triggers can't be seen: the role has not the right TRIGGER. For reading that does not matter",
        );
    }
}

fn suggestions(survey: &Survey, text: &mut String) {
    let catalog = &survey.catalog;
    for (reference, broken) in &survey.suggested {
        let table = &catalog.tables[reference.table];
        let broken = match broken {
            Some(broken) => format!("broken by {}", counted(broken.unsigned_abs(), "row")),
            None => "not compared".to_owned(),
        };
        line(
            text,
            &format!(
                "Reference by name only: {}.{} to {}, {broken}",
                table.name,
                table.column_names(&reference.columns),
                catalog.tables[reference.target].name
            ),
        );
    }
}

/// What looks like a table and has no rows of its own.
fn others(catalog: &Catalog, text: &mut String) {
    const KINDS: [ObjectKind; 8] = [
        ObjectKind::View,
        ObjectKind::MaterializedView,
        ObjectKind::Partition,
        ObjectKind::ForeignTable,
        ObjectKind::ExtensionTable,
        ObjectKind::Sequence,
        ObjectKind::VirtualTable,
        ObjectKind::ShadowTable,
    ];
    for kind in KINDS {
        let names: Vec<_> = catalog
            .other_objects
            .iter()
            .filter(|other| other.kind == kind)
            .collect();
        let (one, several) = kind.names();
        let word = if names.len() == 1 { one } else { several };
        if !names.is_empty() {
            let list: Vec<_> = names.iter().map(|other| other.name.to_string()).collect();
            line(
                text,
                &format!("No table of its own: {} {word}: {}", names.len(), list.join(", ")),
            );
        }
    }
}

fn list(text: &mut String, title: &str, is_listed: fn(&Table) -> bool, catalog: &Catalog) {
    let names = catalog.tables.iter().filter(|table| is_listed(table));
    let names: Vec<_> = names.map(|table| table.name.to_string()).collect();
    if !names.is_empty() {
        line(text, &format!("{title}: {}", names.join(", ")));
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{}", printable(line));
}

/// Prints lines for people beside the output.
fn say(text: &str) {
    // An error of this write can't be reported anywhere.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn read_error(error: Error) -> ExitError {
    ExitError::refused("--database-url (DATABASE_URL)")(error)
}
