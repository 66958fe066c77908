//! `campus-backup diff`.

use std::io::Write;
use std::sync::Arc;

use campus_backup_domain::account::Admin;
use campus_backup_domain::audit::{AuditEntry, AuditEvent};
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::diff::{self, CsvRequest, Diff, DiffInput, TableComparison};
use campus_backup_domain::export::{CsvOptions, Transfer};
use campus_backup_domain::job::Progress;
use futures_util::StreamExt as _;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::{Acting, Identity};
use crate::cli::exit::ExitError;
use crate::cli::named_archive::RereadableArchive;
use crate::cli::output::{file_output, print, print_json};
use crate::cli::output_file::STANDARD;
use crate::cli::run::with_identity;
use crate::routes::diff::{DiffCounts, LIVE};

const WRITING: &str = "writing to the standard output";

pub(super) fn diff(from: String, to: String, csv: bool, identity: &Identity, acting: &Acting) -> Result<(), ExitError> {
    if from == STANDARD && to == STANDARD {
        let problem = "only one of the two can be the standard input";
        return Err(ExitError::Settings(vec![problem.to_owned()]));
    }
    with_identity(acting, identity, async |state, admin| {
        // A spooled file exists as long as its input.
        let (one, other) = (
            Input::of(admin, state, &from).await?,
            Input::of(admin, state, &to).await?,
        );
        let entry = AuditEntry::by(admin, AuditEvent::Comparison);
        state.audit.record(entry).await.map_err(refused)?;
        if csv {
            return print_csv(admin, state, &one.source, &other.source).await;
        }
        let counted = diff::counts(&one.source, &other.source, &Progress::default()).await;
        let counted = counted.map_err(refused)?;
        match acting.json {
            true => print_json(&DiffCounts::new(from, to, &counted)),
            false => print_counts(&counted),
        }
    })
}

/// One side of the comparison, and the file that it is read from.
struct Input {
    source: DiffInput,
    _file: Option<RereadableArchive>,
}

impl Input {
    async fn of(admin: &Admin, state: &AppState, name: &str) -> Result<Self, ExitError> {
        if name == LIVE {
            return Ok(Self {
                source: DiffInput::Live(state.database.clone()),
                _file: None,
            });
        }
        let archive = RereadableArchive::of(name, &state.settings.data_dir)?;
        let source = match &archive {
            RereadableArchive::Stored(id) => state.operations.diff_input(admin, id).await.map_err(refused)?,
            RereadableArchive::File { path, .. } => DiffInput::Archive(diff::Archive {
                source: Arc::new(path.clone()),
                keys: state.settings.archive_keys.clone(),
                manifest: None,
            }),
        };
        Ok(Self {
            source,
            _file: Some(archive),
        })
    }
}

async fn print_csv(admin: &Admin, state: &AppState, one: &DiffInput, other: &DiffInput) -> Result<(), ExitError> {
    let request = CsvRequest {
        scope: TableScope::All,
        change: None,
        csv: CsvOptions::default(),
        transfer: Transfer::default(),
    };
    let body = diff::csv(admin, one, other, &state.downloads, request, std::future::pending());
    let mut body = body.await.map_err(refused)?;
    let mut output = file_output();
    while let Some(bytes) = body.next().await {
        let written = output.write_all(&bytes.map_err(refused)?);
        written.map_err(ExitError::failed(WRITING))?;
    }
    output.flush().map_err(ExitError::failed(WRITING))
}

fn print_counts(diff: &Diff) -> Result<(), ExitError> {
    print("       added     removed     changed   unchanged")?;
    for (table, outcome) in &diff.tables {
        if let TableComparison::Compared(counts) = outcome {
            let counts = [counts.added, counts.removed, counts.changed, counts.unchanged];
            let counts = counts.map(|count| format!("{count:>12}"));
            print(&format!("{}  {table}", counts.concat()))?;
        }
    }
    for (table, outcome) in &diff.tables {
        let side = match outcome {
            TableComparison::Compared(_) => continue,
            TableComparison::OnlyFrom => "from",
            TableComparison::OnlyTo => "to",
        };
        print(&format!("{table} is only in `{side}`"))?;
    }
    Ok(())
}
