//! `campus-backup delete`, `protect` and `upload`.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use campus_backup_domain::Error;
use campus_backup_domain::archives::{Edit, UndoLoss, Upload, Words};
use serde_json::json;

use crate::cli::{Acting, ArchiveFields};
use crate::confirm;
use crate::failure::Failure;
use crate::keep::{follow, line, refused, report_archive, with_admin};
use crate::output::{Report, print, print_json};
use crate::output_file::STANDARD;
use crate::restoring::pieces;

pub(super) fn words(fields: ArchiveFields) -> Words {
    let ArchiveFields { label, note, protected } = fields;
    Words { label, note, protected }
}

pub(super) fn delete(id: &str, force: bool, yes: bool, acting: &Acting) -> Result<(), Failure> {
    /// What has to be typed.
    const DELETE: &str = "delete";
    confirm::ensure_answerable(yes)?;
    with_admin(acting, async |state, admin| {
        if !yes {
            let archive = state.archives.show(admin, id).await.map_err(refused)?;
            print(&line(&archive))?;
            if !confirm::is_typed(DELETE).await? {
                return Err(refused(Error::WrongConfirmation { expected: DELETE }));
            }
        }
        let loss = match force {
            true => UndoLoss::Accepted,
            false => UndoLoss::Refused,
        };
        state.archives.delete(admin, id, loss).await.map_err(refused)?;
        match acting.report() {
            Report::Json => print_json(&json!({"id": id, "deleted": true})),
            report => report.say(&format!("{id} was deleted")),
        }
    })
}

pub(super) fn protect(id: &str, is_protected: bool, acting: &Acting) -> Result<(), Failure> {
    with_admin(acting, async |state, admin| {
        let edit = Edit {
            protected: Some(is_protected),
            ..Edit::default()
        };
        let archive = state.archives.edit(admin, id, &edit).await.map_err(refused)?;
        report_archive(acting.report(), archive)
    })
}

pub(super) fn upload(file: &str, fields: ArchiveFields, acting: &Acting) -> Result<(), Failure> {
    let doing = "reading the archive";
    if file != STANDARD && !Path::new(file).is_file() {
        return Err(Failure::Settings(vec![format!("there is no file `{file}`")]));
    }
    with_admin(acting, async |state, admin| {
        let mut upload = Upload {
            words: words(fields),
            length: None,
            key: None,
        };
        let job = match file {
            STANDARD => {
                let input = std::io::stdin().as_fd().try_clone_to_owned();
                let input = tokio::fs::File::from_std(File::from(input.map_err(Failure::failed(doing))?));
                let submitted = state.archives.upload(admin, upload, pieces(input));
                follow(state, acting, submitted).await?
            }
            path => {
                let file = tokio::fs::File::open(path).await.map_err(Failure::failed(doing))?;
                upload.length = Some(file.metadata().await.map_err(Failure::failed(doing))?.len());
                follow(state, acting, state.archives.upload(admin, upload, pieces(file))).await?
            }
        };
        let id = job.result.as_ref().and_then(|result| result["archive_id"].as_str());
        let archive = state.archives.show(admin, id.unwrap_or_default()).await;
        report_archive(acting.report(), archive.map_err(refused)?)
    })
}
