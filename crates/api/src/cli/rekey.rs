//! `campus-backup rekey`: encrypts stored archives with the current keys, one after another.

use campus_backup_domain::account::Admin;
use campus_backup_domain::job::{Job, RekeyReport};
use campus_backup_domain::operations::{ArchiveQuery, ListedArchive};
use indicatif::HumanBytes;
use serde::Serialize;

use crate::AppState;
use crate::cli::archives::refused;
use crate::cli::args::Rekey;
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::output::{Report, print_json};
use crate::cli::run::with_identity;

/// The outcome for one archive.
#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum RekeyOutcome {
    /// It was encrypted with the current keys.
    Encrypted(RekeyReport),
    /// It was encrypted to the current keys already.
    Current { archive_id: String },
    /// It was not changed.
    Failed { archive_id: String, detail: String },
    /// It is not known whether it was encrypted again.
    Unknown { archive_id: String, detail: String },
}

impl RekeyOutcome {
    fn line(&self) -> String {
        match self {
            Self::Encrypted(done) => format!(
                "{}  encrypted with the current keys, {}",
                done.archive_id,
                HumanBytes(done.size)
            ),
            Self::Current { archive_id } => format!("{archive_id}  encrypted to the current keys already"),
            Self::Failed { archive_id, detail } => format!("{archive_id}  failed, and was not changed: {detail}"),
            Self::Unknown { archive_id, detail } => {
                format!("{archive_id}  failed, and its keys are not known: {detail}")
            }
        }
    }

    const fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Unknown { .. })
    }
}

/// The answer of `rekey --json`.
#[derive(Serialize)]
struct RekeyAnswer {
    items: Vec<RekeyOutcome>,
}

pub(super) fn rekey(arguments: &Rekey) -> Result<(), ExitError> {
    let acting = &arguments.acting;
    with_identity(acting, &arguments.identity, async |state, admin| {
        if state.operations.public_keys().is_empty() {
            let problem = "--archive-recipients, --archive-key-file: one of them must name a key, because the settings do not encrypt \
                           archives";
            return Err(ExitError::Settings(vec![problem.to_owned()]));
        }
        let report = acting.report();
        let mut interrupted = None;
        let mut items = Vec::new();
        let mut add = |outcome: RekeyOutcome| {
            let said = report.say(&outcome.line());
            items.push(outcome);
            said
        };
        let chosen = match arguments.all {
            true => outdated(state, admin, &mut add).await?,
            false => arguments.ids.clone(),
        };
        for archive_id in chosen {
            let before = state.operations.show(admin, &archive_id).await.ok();
            let submitted = state.operations.rekey(admin, &archive_id, None);
            let done = follow(state, acting, submitted).await;
            let done = done.and_then(|job: Job| job.report::<RekeyReport>().map_err(refused));
            add(match done {
                Ok(done) => RekeyOutcome::Encrypted(done),
                Err(error @ ExitError::Interrupted { .. }) => {
                    // What was done before is reported.
                    interrupted = Some(error);
                    break;
                }
                Err(error) => after_failure(state, admin, archive_id, before, &error).await,
            })?;
        }
        let failed = items.iter().filter(|item| item.is_failure()).count();
        let all = items.len();
        if report == Report::Json {
            print_json(&RekeyAnswer { items })?;
        }
        if let Some(interrupted) = interrupted {
            return Err(interrupted);
        }
        match failed {
            0 => Ok(()),
            failed => Err(ExitError::failed("encrypting archives with the current keys")(format!(
                "{failed} of {all} archives were not encrypted with the current keys, or that is not known"
            ))),
        }
    })
}

/// What became of an archive whose job has failed, by the archive itself: the answer of the store may have been lost.
async fn after_failure(
    state: &AppState,
    admin: &Admin,
    archive_id: String,
    before: Option<ListedArchive>,
    error: &ExitError,
) -> RekeyOutcome {
    let detail = error.to_string();
    let Some(before) = before else {
        return RekeyOutcome::Failed { archive_id, detail };
    };
    match state.operations.show(admin, &archive_id).await {
        Ok(after) if after.manifest.file() == before.manifest.file() => RekeyOutcome::Failed { archive_id, detail },
        Ok(after) if state.operations.has_current_keys(&after.manifest) => RekeyOutcome::Encrypted(RekeyReport {
            archive_id,
            size: after.manifest.object.size,
            recipients: after.manifest.recipients.clone(),
        }),
        _ => RekeyOutcome::Unknown { archive_id, detail },
    }
}

/// All archives that are not encrypted to the current keys. The others, and those that can't be read, are reported.
async fn outdated(
    state: &AppState,
    admin: &Admin,
    add: &mut impl FnMut(RekeyOutcome) -> Result<(), ExitError>,
) -> Result<Vec<String>, ExitError> {
    let listed = state
        .operations
        .list(admin, &ArchiveQuery::default())
        .await
        .map_err(refused)?;
    for entry in listed.unreadable {
        add(RekeyOutcome::Failed {
            archive_id: entry.id,
            detail: format!("{}: {}", entry.code, entry.detail),
        })?;
    }
    let mut outdated = Vec::new();
    for archive in listed.items {
        let archive_id = archive.manifest.id.clone();
        match state.operations.has_current_keys(&archive.manifest) {
            true => add(RekeyOutcome::Current { archive_id })?,
            false => outdated.push(archive_id),
        }
    }
    Ok(outdated)
}
