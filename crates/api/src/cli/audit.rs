//! `campus-backup audit`: lists, verifies and exports the audit. It works directly on the database.

use std::io::Write as _;

use campus_backup_domain::audit::{
    AuditEntry, AuditEvent, AuditFilter, AuditFormat, AuditHead, AuditRecord, AuditReport, AuditResult,
};
use campus_backup_domain::export::CsvOptions;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{AuditCommand, AuditFilterArguments, CommonSettings};
use crate::cli::exit::ExitError;
use crate::cli::output::{Report, print, print_json};
use crate::cli::output_file::OutputFile;
use crate::cli::run::with_state;
use crate::installation::Installation;

/// How many events are read at once.
const PAGE: u64 = 1000;

pub(super) fn audit(command: AuditCommand) -> Result<(), ExitError> {
    match command {
        AuditCommand::List {
            filter,
            limit,
            json,
            common,
        } => list(filter_of(filter)?, limit, json, &common),
        AuditCommand::Verify { noted, json, common } => verify(noted.as_deref(), json, &common),
        AuditCommand::Export {
            file,
            format,
            filter,
            common,
        } => {
            let format = match format.as_str() {
                "csv" => AuditFormat::Csv(CsvOptions::default()),
                "jsonl" => AuditFormat::JsonLines,
                _ => return Err(wrong("--format", "must be csv or jsonl")),
            };
            export(&file, format, filter_of(filter)?, &common)
        }
    }
}

/// The answer of `audit list --json`.
#[derive(Serialize)]
struct AuditItems {
    items: Vec<AuditRecord>,
    total: u64,
}

fn list(filter: AuditFilter, limit: u64, json: bool, common: &CommonSettings) -> Result<(), ExitError> {
    with_state(common, Installation::Database, async |state| {
        let admin = state.accounts.command_line();
        let (mut items, mut offset, mut total) = (Vec::new(), 0, 0);
        while offset < limit {
            let page = state.audit.list(&admin, &filter, PAGE.min(limit - offset), offset);
            let page = page.await.map_err(refused)?;
            total = page.total;
            if page.items.is_empty() {
                break;
            }
            offset += page.items.len() as u64;
            match json {
                true => items.extend(page.items),
                false => page.items.iter().try_for_each(|event| print(&line(event)))?,
            }
        }
        match json {
            true => print_json(&AuditItems { items, total }),
            false => Ok(()),
        }
    })
}

/// One event for people.
fn line(event: &AuditRecord) -> String {
    let nothing = "-";
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| nothing.to_owned());
    let about = [&event.table, &event.subject, &event.reason];
    let about: Vec<&str> = about.into_iter().flatten().map(String::as_str).collect();
    format!(
        "{:>8}  {}  {:<24}  {:<11}  {}  {}  {}",
        event.id,
        event.at,
        event.event,
        event.result,
        text(&event.username),
        text(&event.client),
        about.join(" ")
    )
}

fn verify(noted: Option<&str>, json: bool, common: &CommonSettings) -> Result<(), ExitError> {
    let noted = noted.map(AuditHead::parse).transpose();
    let noted = noted.map_err(|_| wrong("--noted", "must be the id of an event, a colon, and its hash"))?;
    with_state(common, Installation::Database, async |state| {
        let admin = state.accounts.command_line();
        let report = state.audit.verify(&admin, noted.as_ref()).await.map_err(refused)?;
        match Report::of(json, common.quiet) {
            Report::Json => print_json(&report)?,
            Report::Text => print_report(&report)?,
            Report::Quiet => {}
        }
        match report.ok {
            true => Ok(()),
            false => Err(ExitError::AuditBroken {
                first_bad: report.first_bad.unwrap_or_default(),
            }),
        }
    })
}

fn print_report(report: &AuditReport) -> Result<(), ExitError> {
    if report.ok {
        print("The audit is complete and unchanged.")?;
    }
    print(&format!(
        "{} events in {:.1} s, {} a second.",
        report.events, report.seconds, report.events_per_second
    ))?;
    if report.deleted_until > 0 {
        print(&format!(
            "The events up to {} were deleted by the retention.",
            report.deleted_until
        ))?;
    }
    print(&format!("Newest event: {}:{}", report.last_id, report.last_hash))
}

fn export(file: &str, format: AuditFormat, filter: AuditFilter, common: &CommonSettings) -> Result<(), ExitError> {
    let doing = "writing the file";
    with_state(common, Installation::Database, async |state| {
        let mut output = OutputFile::begin(file)?;
        let written = pages(state, format, filter, &mut output).await?;
        output.finish()?;
        tracing::debug!(events = written, "{doing}");
        Ok(())
    })
}

/// Writes the events page by page. Its own event is written first: without it, nothing is disclosed.
async fn pages(
    state: &AppState,
    format: AuditFormat,
    filter: AuditFilter,
    output: &mut OutputFile,
) -> Result<usize, ExitError> {
    let admin = state.accounts.command_line();
    let mut pages = state.audit.pages(&admin, filter).await.map_err(refused)?;
    let entry = AuditEntry::by(&admin, AuditEvent::AuditExport);
    state.audit.record(entry).await.map_err(refused)?;
    let (mut buffer, mut written) = (Vec::new(), 0);
    format.begin(&mut buffer);
    while let Some(events) = pages.next().await.map_err(refused)? {
        for event in &events {
            format.write(event, &mut buffer).map_err(refused)?;
        }
        written += events.len();
        output
            .write_all(&buffer)
            .map_err(ExitError::failed("writing the file"))?;
        buffer.clear();
    }
    output
        .write_all(&buffer)
        .map_err(ExitError::failed("writing the file"))?;
    Ok(written)
}

fn filter_of(arguments: AuditFilterArguments) -> Result<AuditFilter, ExitError> {
    let event = arguments.event.as_deref().map(|name| {
        AuditEvent::from_name(name)
            .ok_or_else(|| wrong("--event", "is not the name of an event; `docs/audit.md` lists them"))
    });
    let result = arguments
        .result
        .as_deref()
        .map(|name| AuditResult::from_name(name).ok_or_else(|| wrong("--result", &results())));
    Ok(AuditFilter {
        event: event.transpose()?,
        username: arguments.user,
        result: result.transpose()?,
        table: arguments.table,
        from: moment("--from", arguments.from.as_deref())?,
        to: moment("--to", arguments.to.as_deref())?,
        subject: arguments.subject,
    })
}

fn results() -> String {
    let names: Vec<_> = AuditResult::ALL.iter().map(|result| result.name()).collect();
    format!("must be one of {}", names.join(", "))
}

fn moment(flag: &str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, ExitError> {
    let parsed = text.map(|text| text.parse::<DateTime<Utc>>()).transpose();
    parsed.map_err(|_| wrong(flag, "must be a time such as 2026-11-30T09:15:00Z"))
}

fn wrong(flag: &str, problem: &str) -> ExitError {
    ExitError::Settings(vec![format!("{flag}: {problem}")])
}
