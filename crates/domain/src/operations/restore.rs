//! Restoring an archive.

use std::path::PathBuf;
use std::sync::Arc;

use campus_backup_archive::{Encryption, Manifest, Summary};
use sea_orm::Statement;

use super::Operations;
use super::records::{ensure_is_recorded, provenance_of};
use crate::account::{Admin, TokenScope};
use crate::blocking;
use crate::change::Change;
use crate::change_log::{self, Effect, SafetyArchive};
use crate::entity::archive::Model as Record;
use crate::error::{Error, Result};
use crate::job::{
    Context, Idempotency, JobParameters, JobResult, Lock, Phase, Progress, RestoreParameters, RestoreReport,
    Submission, Submitted, Work, work,
};
use crate::notify::{self, AdministratorAdded, Event};
use crate::open::ArchiveSource;
use crate::restore::{self, Administrators, Plan, Provenance, Restore, RestoreContext, Warning, WarningCode};
use crate::stats;
use crate::verify::digest;

/// The confirmation that a restore requires.
pub const RESTORE: &str = "restore";

/// What is being done, for errors.
const DOING: &str = "restoring an archive";

/// A restore with its confirmations.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// What to restore.
    pub restore: Restore,
    /// The [hash](Plan::hash) of the plan that the caller has seen.
    pub plan_hash: String,
    /// [`RESTORE`], as typed by the caller.
    pub confirmation: Option<String>,
    /// Whether the caller confirms the changes of administrators' accounts in the plan.
    pub confirm_administrators: bool,
    /// Whether the archive may be unencrypted.
    pub unencrypted: Unencrypted,
}

/// Whether an unencrypted archive may be restored although the settings encrypt archives. An attacker with write access to
/// the store, but without a key, could have put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unencrypted {
    /// It is refused.
    Refused,
    /// The caller has allowed it.
    Allowed,
}

impl Unencrypted {
    /// The value for a flag of a request.
    pub fn allowed_if(is_allowed: bool) -> Self {
        if is_allowed { Self::Allowed } else { Self::Refused }
    }
}

impl Operations {
    /// Plans a restore, and changes nothing. It reads the live data and the archive to their ends on a blocking thread, and
    /// is cancelled if the future is dropped.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest) and of [`restore::plan()`]; [`Error::Unencrypted`],
    /// [`Error::RecordMismatch`].
    pub async fn plan(&self, admin: &Admin, id: &str, request: &Restore, unencrypted: Unencrypted) -> Result<Plan> {
        request.check()?;
        let manifest = self.0.store.manifest(id).await?;
        self.ensure_encrypted(&manifest, unencrypted)?;
        let record = self.ensure_recorded(&manifest).await?;
        let provenance = provenance_of(record.as_ref());
        let mut plan = self.plan_of(admin, self.source(&manifest), request, provenance).await?;
        ensure_is_content(&plan.archive_digest, &manifest, record.as_ref())?;
        if record.is_none() {
            plan.warnings.insert(0, found_warning());
        }
        Ok(plan)
    }

    /// Plans a restore of an archive that is a file and not in the store: what a restore would do after the file was
    /// [uploaded](Operations::upload).
    ///
    /// # Errors
    /// Those of [`restore::plan()`].
    pub async fn plan_file(&self, admin: &Admin, file: PathBuf, request: &Restore) -> Result<Plan> {
        request.check()?;
        self.plan_of(admin, Arc::new(file), request, Provenance::Unknown).await
    }

    pub(super) async fn plan_of(
        &self,
        admin: &Admin,
        source: Arc<dyn ArchiveSource>,
        request: &Restore,
        provenance: Provenance,
    ) -> Result<Plan> {
        let (operations, admin, request) = (self.clone(), admin.clone(), request.clone());
        let progress = Progress::default();
        let _cancelled_on_drop = progress.cancel_on_drop();
        blocking::run("planning a restore", move || async move {
            progress.enter(Phase::Comparing, None)?;
            restore::plan(&operations.restore_context(&admin, &*source, &request, provenance, &progress)).await
        })
        .await
    }

    /// What a plan and a restore need.
    pub(super) fn restore_context<'a>(
        &'a self,
        admin: &'a Admin,
        source: &'a dyn ArchiveSource,
        request: &'a Restore,
        provenance: Provenance,
        progress: &'a Progress,
    ) -> RestoreContext<'a> {
        RestoreContext {
            admin,
            database: &self.0.database,
            source,
            keys: &self.0.settings.keys,
            request,
            provenance,
            scratch: &self.0.settings.scratch,
            progress,
        }
    }

    /// Ensures that the archive is encrypted, if archives are encrypted here and the caller does not allow others. The manifest
    /// is believed here; reading the archive checks it.
    fn ensure_encrypted(&self, manifest: &Manifest, unencrypted: Unencrypted) -> Result<()> {
        let is_encrypted = manifest.object.encryption != Encryption::None;
        match self.0.layers.recipients.is_empty() || is_encrypted || unencrypted == Unencrypted::Allowed {
            true => Ok(()),
            false => Err(Error::Unencrypted),
        }
    }

    /// Starts to restore an archive: a job whose result is a [`RestoreReport`].
    ///
    /// `sessions` are statements that end the sessions of other users; they run in the same transaction. The other steps are
    /// the [procedure](super) of all operations that replace rows. Between the safety backup and the first changed row, the
    /// hash of the plan is compared.
    ///
    /// # Errors
    /// Then there is no job: [`Error::WrongConfirmation`], [`Error::AdministratorsUnconfirmed`], [`Error::ScopeMissing`] for a
    /// named token without the scope `admin` if administrators change, [`Error::Invalid`],
    /// [`Error::Unencrypted`], [`Error::RecordMismatch`], [`Error::InsufficientStorage`], those of
    /// [`Store::manifest`](crate::store::Store::manifest) and of [`Jobs::submit`](crate::job::Jobs::submit).
    pub async fn restore(
        &self,
        admin: &Admin,
        id: &str,
        request: RestoreRequest,
        sessions: Vec<Statement>,
        idempotency: Option<Idempotency>,
    ) -> Result<Submitted> {
        request.restore.check()?;
        if request.confirmation.as_deref() != Some(RESTORE) {
            return Err(Error::WrongConfirmation { expected: RESTORE });
        }
        if restore::changes_administrators(&request.plan_hash) {
            // An archive can bring an administrator whose password the caller knows.
            admin.ensure_scope(TokenScope::Admin)?;
            if !request.confirm_administrators {
                return Err(Error::AdministratorsUnconfirmed);
            }
        }
        let manifest = self.0.store.manifest(id).await?;
        self.ensure_encrypted(&manifest, request.unencrypted)?;
        self.ensure_recorded(&manifest).await?;
        self.ensure_opens_file(id, manifest.file()).await?;
        self.ensure_room().await?;
        let submission = Submission {
            parameters: JobParameters::Restore(RestoreParameters {
                archive_id: id.to_owned(),
                scope: request.restore.scope.clone(),
                mode: request.restore.mode,
                disable_administrators: request.restore.disable_administrators,
            }),
            idempotency,
            lock: Lock::WriterLease,
        };
        let work = self.restore_work(admin.clone(), manifest, request, sessions);
        self.0.jobs.submit(admin, submission, work).await
    }

    fn restore_work(
        &self,
        by: Admin,
        manifest: Arc<Manifest>,
        request: RestoreRequest,
        sessions: Vec<Statement>,
    ) -> Work {
        let operations = self.clone();
        work(async move |context| {
            let restore = RestoreWork {
                operations: &operations,
                admin: &by,
                manifest: &manifest,
                request: &request,
                sessions: &sessions,
            };
            restore.run(&context).await
        })
    }
}

/// The work of a restore.
struct RestoreWork<'a> {
    operations: &'a Operations,
    admin: &'a Admin,
    manifest: &'a Manifest,
    request: &'a RestoreRequest,
    sessions: &'a [Statement],
}

impl RestoreWork<'_> {
    async fn run(&self, context: &Context) -> Result<JobResult> {
        let (progress, shared) = (context.progress(), &self.operations.0);
        let source = self.operations.source(self.manifest);
        let checked = digest(&source, &shared.settings.keys, Some(self.manifest), progress).await?;
        let record = self.operations.record(&self.manifest.id).await?;
        if let Some(record) = &record {
            let key = self.operations.manifest_key().await?;
            ensure_is_recorded(record, Some(self.manifest), key, &checked)?;
        }
        let provenance = provenance_of(record.as_ref());
        let change = Change::begin(&shared.database, self.request.restore.tables(), DOING).await?;
        let label = format!("before the restore of {}", self.manifest.id);
        let safety = self
            .operations
            .create_safety_backup(self.admin, &label, progress)
            .await?;
        let replaced = self.replace(context, change, &checked.summary, provenance, &safety.manifest);
        match replaced.await {
            Ok((change, result)) => {
                // If this fails, the change may be committed or not, so the safety backup stays.
                change.commit().await?;
                Ok(result)
            }
            Err(error) => {
                safety.discard().await;
                Err(error)
            }
        }
    }

    /// All steps between the safety backup and the commit. On an error the change is dropped.
    async fn replace(
        &self,
        context: &Context,
        mut change: Change,
        archive: &Summary,
        provenance: Provenance,
        safety: &Manifest,
    ) -> Result<(Change, JobResult)> {
        let (progress, restore) = (context.progress(), &self.request.restore);
        let (hash, planned) = (
            restore::hash(self.admin, restore, &archive.digest, &safety.sha256),
            self.request.plan_hash.as_str(),
        );
        if hash != restore::without_administrators(planned) {
            return Err(Error::PlanOutdated);
        }
        progress.enter(Phase::Changing, Some(restore.rows_in(archive)))?;
        let source = self.operations.source(self.manifest);
        let restore_context = self
            .operations
            .restore_context(self.admin, &*source, restore, provenance, progress);
        let restored = restore::apply(&restore_context, &mut change, archive).await?;
        // A hash without its administrators confirms none.
        if restored.administrators.bind(hash) != planned {
            return Err(Error::PlanOutdated);
        }
        for statement in self.sessions {
            change.execute(statement).await?;
        }
        self.report_administrators(&mut change, &restored.administrators)
            .await?;
        let restored_at = self.operations.0.database.now().await?;
        let effect = Effect {
            kind: change_log::ChangeKind::Restore,
            changed_at: restored_at,
            tables: change_log::row_counts(&restored.tables),
            safety: Some(SafetyArchive::from(safety)),
            undo_until: None,
            undoes: None,
        };
        let result = JobResult::Restore(RestoreReport {
            archive_id: self.manifest.id.clone(),
            safety_archive_id: safety.id.clone(),
            tables: restored.tables,
            restored_at,
        });
        self.operations.record_in(&mut change, safety, context).await?;
        context.finish_in(&mut change, &effect, &result).await?;
        Ok((change, result))
    }

    /// Writes the messages of notifications about the administrators that the archive brings. Of very many it names the first.
    async fn report_administrators(&self, change: &mut Change, administrators: &Administrators) -> Result<()> {
        let backend = self.operations.0.database.connection().get_database_backend();
        let (added, raised) = (&administrators.added.items, &administrators.raised.items);
        for account in added.iter().chain(raised) {
            let event = Event::AdministratorAdded(AdministratorAdded {
                username: account.username.clone(),
            });
            let messages = notify::insert_messages(backend, stats::now(), &event)?;
            change.execute(&messages).await?;
        }
        Ok(())
    }
}

/// Ensures that the content of an archive matches its record, or its manifest if it has no record.
///
/// # Errors
/// [`Error::RecordMismatch`], [`Error::ManifestMismatch`]
pub(super) fn ensure_is_content(digest: &str, manifest: &Manifest, record: Option<&Record>) -> Result<()> {
    const WHAT: &str = "the digest of its content";
    match record {
        Some(record) if record.summary_digest != digest => Err(Error::RecordMismatch { what: WHAT }),
        None if !manifest.digest.is_empty() && manifest.digest != digest => {
            Err(Error::ManifestMismatch { what: WHAT.to_owned() })
        }
        _ => Ok(()),
    }
}

fn found_warning() -> Warning {
    let text = "This archive was found in the store. This service neither created it nor received it as an upload, so \
                nothing proves where its rows and its accounts come from.";
    Warning {
        code: WarningCode::ArchiveFound,
        table: None,
        text: text.to_owned(),
    }
}
