//! `campus-backup backup`, `undo`, `delete`, `protect`, `accept` and `upload`.
//!
//! They call the same functions as the API, whether the service runs or not. The writer's lease keeps both from changing the data
//! at the same time.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use campus_backup_domain::Error;
use campus_backup_domain::account::Admin;
use campus_backup_domain::job::{BackupReport, Job, UndoReport};
use campus_backup_domain::operations::{AnnotationPatch, Annotations, ArchiveLoss, ListedArchive, Upload};
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use crate::AppState;
use crate::cli::args::{Acting, ArchiveFields, Identity};
use crate::cli::confirm;
use crate::cli::exit::ExitError;
use crate::cli::follow::follow;
use crate::cli::output::{Report, print, print_json};
use crate::cli::output_file::STANDARD;
use crate::cli::restore::chunks;
use crate::cli::run::{with_admin, with_identity};
use crate::problem::ApiError;
use crate::routes::archives::ArchiveAnswer;

pub(super) fn backup(fields: ArchiveFields, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let job = follow(
            state,
            acting,
            state.operations.create_backup(admin, annotations(fields), None),
        )
        .await?;
        report_stored(state, acting, admin, &job).await
    })
}

/// Prints the archive that a job has stored.
pub(super) async fn report_stored(
    state: &AppState,
    acting: &Acting,
    admin: &Admin,
    job: &Job,
) -> Result<(), ExitError> {
    let BackupReport { archive_id, .. } = job.report().map_err(refused)?;
    let archive = state.operations.show(admin, &archive_id).await;
    report_archive(acting.report(), archive.map_err(refused)?)
}

/// Prints an archive that a command has created or changed.
pub(super) fn report_archive(report: Report, archive: ListedArchive) -> Result<(), ExitError> {
    match report {
        Report::Json => print_json(&ArchiveAnswer::from(archive)),
        Report::Text | Report::Quiet => report.say(&line(&archive)),
    }
}

pub(super) fn undo(id: &str, identity: &Identity, acting: &Acting) -> Result<(), ExitError> {
    with_identity(acting, identity, async |state, admin| {
        let job = follow(state, acting, state.operations.undo(admin, id, None)).await?;
        let report: UndoReport = job.report().map_err(refused)?;
        if acting.json {
            return print_json(&report);
        }
        for (table, done) in &report.tables {
            acting.report().say(&format!("{:>12}  {table}", done.inserted))?;
        }
        Ok(())
    })
}

/// An archive as one line.
pub(super) fn line(archive: &ListedArchive) -> String {
    let manifest = &archive.manifest;
    let origin = match archive.origin {
        Some(origin) => format!("  {:9}", origin.name()),
        None => String::new(),
    };
    let verified = match archive.verifications().last() {
        None => "not verified".to_owned(),
        Some(last) => {
            let what = last.code.as_deref().unwrap_or("ok");
            format!("{} {what}", last.level.name())
        }
    };
    let suspicious = match &archive.suspicion {
        Some(suspicion) if suspicion.accepted_at.is_none() => "  suspicious",
        Some(_) | None => "",
    };
    let protected = if manifest.protected { "  protected" } else { "" };
    let label = manifest
        .label
        .as_deref()
        .map(|label| format!("  {label}"))
        .unwrap_or_default();
    format!(
        "{}  {:8}{origin}  {:>12} rows  {:>11}  {verified}{protected}{suspicious}{label}",
        manifest.id,
        manifest.kind.name(),
        HumanCount(manifest.total).to_string(),
        HumanBytes(manifest.object.size).to_string(),
    )
}

pub(super) fn refused(error: Error) -> ExitError {
    ApiError::from(error).into()
}

fn annotations(fields: ArchiveFields) -> Annotations {
    let ArchiveFields { label, note, protected } = fields;
    Annotations { label, note, protected }
}

/// The answer of `delete --json`.
#[derive(Serialize)]
struct Deleted<'d> {
    id: &'d str,
    deleted: bool,
}

pub(super) fn delete(id: &str, force: bool, yes: bool, acting: &Acting) -> Result<(), ExitError> {
    /// The word that confirms it.
    const DELETE: &str = "delete";
    confirm::ensure_answerable(yes)?;
    with_admin(acting, async |state, admin| {
        if !yes {
            let archive = state.operations.show(admin, id).await.map_err(refused)?;
            print(&line(&archive))?;
            if !confirm::is_typed(DELETE).await? {
                return Err(refused(Error::WrongConfirmation { expected: DELETE }));
            }
        }
        let loss = match force {
            true => ArchiveLoss::Accepted,
            false => ArchiveLoss::Refused,
        };
        state.operations.delete(admin, id, loss).await.map_err(refused)?;
        match acting.report() {
            Report::Json => print_json(&Deleted { id, deleted: true }),
            report => report.say(&format!("{id} was deleted")),
        }
    })
}

pub(super) fn protect(id: &str, is_protected: bool, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let edit = AnnotationPatch {
            protected: Some(is_protected),
            ..AnnotationPatch::default()
        };
        let archive = state.operations.edit(admin, id, &edit).await.map_err(refused)?;
        report_archive(acting.report(), archive)
    })
}

pub(super) fn accept(id: &str, acting: &Acting) -> Result<(), ExitError> {
    with_admin(acting, async |state, admin| {
        let archive = state.operations.accept(admin, id).await.map_err(refused)?;
        report_archive(acting.report(), archive)
    })
}

pub(super) fn upload(file: &str, identity: &Identity, fields: ArchiveFields, acting: &Acting) -> Result<(), ExitError> {
    let doing = "reading the archive";
    if file != STANDARD && !Path::new(file).is_file() {
        return Err(ExitError::Settings(vec![format!("there is no file `{file}`")]));
    }
    with_identity(acting, identity, async |state, admin| {
        let mut upload = Upload {
            annotations: annotations(fields),
            length: None,
            key: None,
        };
        let job = match file {
            STANDARD => {
                let input = std::io::stdin().as_fd().try_clone_to_owned();
                let input = tokio::fs::File::from_std(File::from(input.map_err(ExitError::failed(doing))?));
                let submitted = state.operations.upload(admin, upload, chunks(input));
                follow(state, acting, submitted).await?
            }
            path => {
                let file = tokio::fs::File::open(path).await.map_err(ExitError::failed(doing))?;
                upload.length = Some(file.metadata().await.map_err(ExitError::failed(doing))?.len());
                follow(state, acting, state.operations.upload(admin, upload, chunks(file))).await?
            }
        };
        report_stored(state, acting, admin, &job).await
    })
}
