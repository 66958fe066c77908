//! Importing a file: it is stored as it arrives and becomes a plan, and the plan becomes a job.

use std::fs::File;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use chrono::Utc;
use chrono_tz::Tz;
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::Operations;
use super::backup::{TO_SPARE, ensure_free_bytes};
use super::safety_backup::SafetyBackup;
use crate::account::Admin;
use crate::change::Change;
use crate::change_log::{self, Effect, SafetyArchive};
use crate::error::{Error, Result};
use crate::import::{self, ImportFolder, ImportPlan, ImportRequest, NewPlan, StoredImport, UnfinishedImport};
use crate::job::{
    Context, Idempotency, ImportParameters, ImportReport, JobParameters, JobResult, Lock, Phase, Progress, Submission,
    Submitted, Work, work,
};
use crate::{blocking, disk};

/// The confirmation that the application of an import requires.
pub const IMPORT: &str = "import";

/// What is being done, for errors.
const DOING: &str = "importing a file";

/// How many times its size a file takes in the data folder while it is planned.
const ROOM_FACTOR: u64 = 4;

/// A file to be imported, without its bytes.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// What to import, and how.
    pub request: ImportRequest,
    /// The name of the file, if the client sent one.
    pub file_name: Option<String>,
    /// The announced number of bytes.
    pub length: Option<u64>,
    /// The time zone of times in the file.
    pub time_zone: Tz,
}

/// A file that was received.
struct ReceivedFile {
    bytes: u64,
    sha256: String,
}

impl Operations {
    /// How many bytes a file to be imported may have.
    pub fn import_limit(&self) -> u64 {
        self.0.settings.import_limit
    }

    /// Receives a file and plans its import, which changes nothing. The plan can be [applied](Self::apply_import) for a day. It is
    /// made on a blocking thread, and is cancelled if the future is dropped.
    ///
    /// # Errors
    /// Then nothing is stored: [`Error::Invalid`], [`Error::ImportTooLarge`], [`Error::ImportUnreadable`],
    /// [`Error::InsufficientStorage`], errors of the stream, and database errors.
    pub async fn plan_import(
        &self,
        admin: &Admin,
        new: NewImport,
        bytes: impl Stream<Item = Result<Bytes>>,
    ) -> Result<ImportPlan> {
        new.request.check()?;
        self.ensure_room_for_import(new.length)?;
        let unfinished = UnfinishedImport::create(&self.0.settings.scratch)?;
        let received = self.receive_file(unfinished.folder(), bytes).await?;
        self.make_plan(admin, new, unfinished, received).await
    }

    /// Ensures that the file is not too large and that the data folder has room for it and its plan.
    fn ensure_room_for_import(&self, length: Option<u64>) -> Result<()> {
        let limit = self.import_limit();
        let Some(length) = length else { return Ok(()) };
        if length > limit {
            return Err(Error::ImportTooLarge { limit });
        }
        let free = disk::free(&self.0.settings.scratch).map_err(Error::io(DOING))?;
        ensure_free_bytes(free, length.saturating_mul(ROOM_FACTOR).saturating_add(TO_SPARE))
    }

    async fn receive_file(
        &self,
        folder: &ImportFolder,
        bytes: impl Stream<Item = Result<Bytes>>,
    ) -> Result<ReceivedFile> {
        let limit = self.import_limit();
        let mut bytes = pin!(bytes);
        let mut file = tokio::fs::File::from_std(folder.create_file()?);
        let (mut digest, mut size) = (Sha256::new(), 0u64);
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk?;
            size = size.saturating_add(chunk.len() as u64);
            if size > limit {
                return Err(Error::ImportTooLarge { limit });
            }
            digest.update(&chunk);
            file.write_all(&chunk).await.map_err(Error::io(DOING))?;
        }
        file.flush().await.map_err(Error::io(DOING))?;
        Ok(ReceivedFile {
            bytes: size,
            sha256: hex::encode(digest.finalize()),
        })
    }

    async fn make_plan(
        &self,
        admin: &Admin,
        new: NewImport,
        unfinished: UnfinishedImport,
        received: ReceivedFile,
    ) -> Result<ImportPlan> {
        let (database, created_by) = (self.0.database.clone(), admin.username().to_owned());
        let now = database.now().await?;
        let undo_needs_identity = !self.opens_new_archives();
        let progress = Progress::default();
        let _cancelled_on_drop = progress.cancel_on_drop();
        blocking::run("planning an import", move || async move {
            progress.enter(Phase::Comparing, None)?;
            let plan = NewPlan {
                database: &database,
                folder: unfinished.folder(),
                request: &new.request,
                name: new.file_name,
                bytes: received.bytes,
                sha256: received.sha256,
                created_by,
                time_zone: new.time_zone,
                now,
                undo_needs_identity,
                progress: &progress,
            };
            let stored = plan.make().await?;
            // A client that has left gets no plan.
            progress.advance(0)?;
            unfinished.finish(&stored)?;
            Ok(stored.plan)
        })
        .await
    }

    /// The plan of an import.
    ///
    /// # Errors
    /// [`Error::UnknownImport`] if there is none, or it has expired.
    pub fn import_plan(&self, _: &Admin, id: &str) -> Result<ImportPlan> {
        let (_, stored) = self.stored_import(id)?;
        Ok(stored.plan)
    }

    fn stored_import(&self, id: &str) -> Result<(ImportFolder, StoredImport)> {
        let folder = ImportFolder::open(&self.0.settings.scratch, id, Utc::now())?;
        let mut stored = folder.read_plan()?;
        // The keys may have been changed since.
        stored.plan.undo_needs_identity = !self.opens_new_archives();
        Ok((folder, stored))
    }

    /// Writes the rows of an import that are wrong or in conflict into a CSV file, with the columns of the file that was sent and a
    /// column with the reasons. The file has no name, and is at its beginning.
    ///
    /// # Errors
    /// [`Error::UnknownImport`], [`Error::InsufficientStorage`].
    pub async fn import_errors(&self, _: &Admin, id: &str) -> Result<File> {
        let (folder, stored) = self.stored_import(id)?;
        let scratch = self.0.settings.scratch.clone();
        let progress = Progress::default();
        let _cancelled_on_drop = progress.cancel_on_drop();
        blocking::run("writing the errors of an import", move || async move {
            let file = disk::unnamed_file(&scratch).map_err(Error::io("writing the errors of an import"))?;
            import::write_errors(&folder, &stored, &scratch, file, &progress).await
        })
        .await
    }

    /// Discards an import with its file. A job that applies it is not affected.
    ///
    /// # Errors
    /// [`Error::UnknownImport`]
    pub fn discard_import(&self, _: &Admin, id: &str) -> Result<()> {
        ImportFolder::open(&self.0.settings.scratch, id, Utc::now())?.remove()
    }

    /// Starts to apply a plan: a job whose result is an [`ImportReport`]. It follows the [procedure](super) of all operations that
    /// remove or replace rows. Between the safety backup and the first changed row, the hash of the plan is compared.
    ///
    /// # Errors
    /// Then there is no job: [`Error::UnknownImport`], [`Error::WrongConfirmation`], [`Error::PlanOutdated`] if `plan_hash` is
    /// another plan's, [`Error::ImportRefused`] if the plan can't be applied, [`Error::InsufficientStorage`], and those of
    /// [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn apply_import(
        &self,
        admin: &Admin,
        id: &str,
        plan_hash: &str,
        confirmation: Option<&str>,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        if confirmation != Some(IMPORT) {
            return Err(Error::WrongConfirmation { expected: IMPORT });
        }
        if let Some(submitted) = self.0.jobs.submitted_before(admin, idempotency.as_ref()).await? {
            return Ok(submitted);
        }
        let (folder, stored) = self.stored_import(id)?;
        let plan = &stored.plan;
        if plan.hash != plan_hash {
            return Err(Error::PlanOutdated);
        }
        if !plan.can_apply {
            return Err(Error::ImportRefused {
                wrong: plan.rows.wrong,
                conflicting: plan.rows.conflicting,
            });
        }
        self.ensure_room().await?;
        let submission = Submission {
            parameters: JobParameters::Import(ImportParameters {
                import_id: plan.id.clone(),
                table: plan.table,
                mode: plan.mode,
                skip_wrong: plan.skip_wrong,
                file_name: plan.file.name.clone(),
                file_sha256: plan.file.sha256.clone(),
            }),
            idempotency,
            lock: Lock::WriterLease,
        };
        let work = self.import_work(admin.clone(), folder, stored);
        self.0.jobs.submit(admin, submission, work).await
    }

    fn import_work(&self, by: Admin, folder: ImportFolder, stored: StoredImport) -> Work {
        let operations = self.clone();
        work(async move |context| {
            let change = Change::begin(&operations.0.database, stored.request.tables(), DOING).await?;
            let label = format!("before the import into {}", stored.plan.table);
            let safety = operations.create_safety_backup(&by, &label, context.progress()).await?;
            let applied = operations.apply_plan(&context, change, &folder, &stored, &safety).await;
            match applied {
                Ok((change, report)) => {
                    // If this fails, the change may be committed or not, so the safety backup stays.
                    change.commit().await?;
                    if report.safety_archive_id.is_none() {
                        safety.discard().await;
                    }
                    Ok(JobResult::Import(report))
                }
                Err(error) => {
                    safety.discard().await;
                    Err(error)
                }
            }
        })
    }

    /// All steps between the safety backup and the commit. On an error the change is dropped.
    async fn apply_plan(
        &self,
        context: &Context,
        mut change: Change,
        folder: &ImportFolder,
        stored: &StoredImport,
        safety: &SafetyBackup,
    ) -> Result<(Change, ImportReport)> {
        let (progress, plan) = (context.progress(), &stored.plan);
        let hash = import::hash(&stored.request, &plan.file.sha256, &safety.manifest.sha256);
        if hash != plan.hash {
            return Err(Error::PlanOutdated);
        }
        progress.enter(Phase::Changing, Some(plan.rows.new + plan.rows.changed))?;
        let scratch: &Path = &self.0.settings.scratch;
        let database = &self.0.database;
        let applied = import::apply(database, folder, stored, scratch, &mut change, progress).await?;
        let applied_at = database.now().await?;
        let mut changed = change_log::row_counts_with_digests(&applied.tables, &applied.digests);
        // The undo concerns only tables with an effect.
        changed.retain(|_, rows| rows.removed + rows.written > 0);
        let is_changed = !changed.is_empty();
        let undo_until = is_changed.then(|| applied_at + self.0.settings.undo_window);
        let effect = Effect {
            kind: change_log::ChangeKind::Import,
            changed_at: applied_at,
            tables: changed,
            safety: is_changed.then(|| SafetyArchive::from(&safety.manifest)),
            undo_until,
            undoes: None,
        };
        let report = ImportReport {
            import_id: plan.id.clone(),
            table: plan.table,
            mode: plan.mode,
            skipped_wrong: plan.rows.wrong + plan.rows.conflicting,
            safety_archive_id: is_changed.then(|| safety.manifest.id.clone()),
            tables: applied.tables,
            applied_at,
            undo_until,
        };
        if is_changed {
            self.record_in(&mut change, &safety.manifest, context).await?;
        }
        let result = JobResult::Import(report.clone());
        context.finish_in(&mut change, &effect, &result).await?;
        Ok((change, report))
    }
}
