//! Bringing back what is in an archive.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use campus_backup_archive::{Encryption, Manifest, Summary};
use chrono::{DateTime, Utc};
use sea_orm::Statement;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::records::{ensure_is_recorded, provenance_of};
use super::{Operations, Settings};
use crate::account::Admin;
use crate::catalog::Table;
use crate::change::Change;
use crate::change_log::{self, Effect, SafetyArchive};
use crate::entity::archive::Model as Record;
use crate::error::{Error, Result};
use crate::job::{Context, Idempotency, Kind, Needs, Phase, Progress, Submission, Submitted, Work, work};
use crate::open::Source;
use crate::restore::{self, Plan, Provenance, Restore, Restored, RestoredTable, Warning, WarningCode};
use crate::verify::digest;

/// What has to be typed so that something is restored.
pub const RESTORE: &str = "restore";

/// What is being done, for errors.
const DOING: &str = "restoring an archive";

/// A restore, and what it needs so that it is done.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// What is to be restored.
    pub restore: Restore,
    /// The [hash](Plan::hash) of the plan that somebody has looked at.
    pub plan_hash: String,
    /// [`RESTORE`], typed.
    pub confirmation: Option<String>,
    /// Whether somebody has looked at the administrators whose accounts the plan changes, and wants that.
    pub confirm_administrators: bool,
    /// Whether an archive may be unencrypted.
    pub unencrypted: Unencrypted,
}

/// Whether an archive that is not encrypted is restored where the settings encrypt archives: somebody who can write to the
/// store and has no key may have put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unencrypted {
    /// It is refused.
    Refused,
    /// The caller has asked for it by name.
    Allowed,
}

impl Unencrypted {
    /// What a flag of a request says.
    pub fn allowed_if(is_allowed: bool) -> Self {
        if is_allowed { Self::Allowed } else { Self::Refused }
    }
}

/// What a restore has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// What was restored.
    pub archive_id: String,
    /// What is in the place of what was there before: restoring it takes this restore back.
    pub safety_archive_id: String,
    /// What was done, for each table that it concerned.
    pub tables: BTreeMap<Table, RestoredTable>,
    /// When.
    pub restored_at: DateTime<Utc>,
}

impl Operations {
    /// Says what a restore would do, and changes nothing. It reads both sides to their ends, on a thread that may block,
    /// and ends early if the future is dropped.
    ///
    /// # Errors
    /// Those of [`Store::manifest`](crate::store::Store::manifest) and of [`restore::plan`]; [`Error::Unencrypted`],
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

    /// The same for an archive that is a file and in no store: it is what a restore of the file does after it was
    /// [uploaded](Operations::upload).
    ///
    /// # Errors
    /// Those of [`restore::plan`].
    pub async fn plan_file(&self, admin: &Admin, file: PathBuf, request: &Restore) -> Result<Plan> {
        request.check()?;
        self.plan_of(admin, Arc::new(file), request, Provenance::Unknown).await
    }

    pub(super) async fn plan_of(
        &self,
        admin: &Admin,
        source: Arc<dyn Source>,
        request: &Restore,
        provenance: Provenance,
    ) -> Result<Plan> {
        let (operations, admin, request) = (self.clone(), admin.clone(), request.clone());
        let progress = Progress::default();
        let _ended = progress.cancel_on_drop();
        let runtime = Handle::current();
        let planning = tokio::task::spawn_blocking(move || {
            runtime.block_on(operations.plan_here(&admin, &*source, &request, provenance, &progress))
        });
        planning.await.map_err(Error::internal("planning a restore"))?
    }

    /// The same on the thread that polls it.
    pub(super) async fn plan_here(
        &self,
        admin: &Admin,
        source: &dyn Source,
        request: &Restore,
        provenance: Provenance,
        progress: &Progress,
    ) -> Result<Plan> {
        progress.enter(Phase::Comparing, None)?;
        let settings = &self.0.settings;
        restore::plan(
            admin,
            &self.0.database,
            source,
            &settings.keys,
            request,
            provenance,
            &settings.scratch,
            progress,
        )
        .await
    }

    /// Demands an encrypted archive, where archives are encrypted and nothing else is asked for. That what is said of it is true
    /// is for whoever reads it.
    fn ensure_encrypted(&self, manifest: &Manifest, unencrypted: Unencrypted) -> Result<()> {
        let is_encrypted = manifest.object.encryption != Encryption::None;
        match self.0.layers.recipients.is_empty() || is_encrypted || unencrypted == Unencrypted::Allowed {
            true => Ok(()),
            false => Err(Error::Unencrypted),
        }
    }

    /// Puts rows of an archive into a change, of which `summary` is what was read when it was checked.
    #[allow(clippy::too_many_arguments, reason = "as for what it calls")]
    pub(super) async fn apply(
        &self,
        admin: &Admin,
        change: &mut Change,
        manifest: &Manifest,
        summary: &Summary,
        request: &Restore,
        provenance: Provenance,
        progress: &Progress,
    ) -> Result<Restored> {
        let (source, shared) = (self.source(manifest), &self.0);
        let Settings { keys, scratch, .. } = &shared.settings;
        let database = &shared.database;
        restore::apply(
            admin, database, change, &*source, keys, summary, request, provenance, scratch, progress,
        )
        .await
    }

    /// Begins to restore an archive: a job whose result is a [`RestoreReport`].
    ///
    /// `sessions` are run in the same transaction, and end those of everybody else. The rest is the
    /// [order](super) of all that replaces rows; between the safety archive and the first row that changes, the hash of
    /// the plan is looked at.
    ///
    /// # Errors
    /// Then there is no job: [`Error::WrongConfirmation`], [`Error::AdministratorsUnconfirmed`], [`Error::Invalid`],
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
        if restore::changes_administrators(&request.plan_hash) && !request.confirm_administrators {
            return Err(Error::AdministratorsUnconfirmed);
        }
        let manifest = self.0.store.manifest(id).await?;
        self.ensure_encrypted(&manifest, request.unencrypted)?;
        self.ensure_recorded(&manifest).await?;
        self.ensure_room().await?;
        let submission = Submission {
            kind: Kind::Restore,
            parameters: json!({
                "archive_id": id,
                "scope": request.restore.scope,
                "mode": request.restore.mode,
                "disable_administrators": request.restore.disable_administrators,
            }),
            idempotency,
            needs: Needs::WriterLease,
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
            let restoring = Restoring {
                operations: &operations,
                admin: &by,
                manifest: &manifest,
                request: &request,
                sessions: &sessions,
            };
            restoring.run(&context).await
        })
    }
}

struct Restoring<'a> {
    operations: &'a Operations,
    admin: &'a Admin,
    manifest: &'a Manifest,
    request: &'a RestoreRequest,
    sessions: &'a [Statement],
}

impl Restoring<'_> {
    async fn run(&self, context: &Context) -> Result<Value> {
        let (progress, shared) = (context.progress(), &self.operations.0);
        let source = self.operations.source(self.manifest);
        let checked = digest(&source, &shared.settings.keys, Some(self.manifest), progress).await?;
        let record = self.operations.record(&self.manifest.id).await?;
        ensure_is_recorded(record.as_ref(), &checked)?;
        let provenance = provenance_of(record.as_ref());
        let change = Change::begin(&shared.database, self.request.restore.tables(), DOING).await?;
        let label = format!("before the restore of {}", self.manifest.id);
        let safety = self
            .operations
            .create_safety_backup(self.admin, &label, progress)
            .await?;
        let replaced = self.replace(context, change, &checked.summary, provenance, &safety.manifest);
        match replaced.await {
            Ok((change, report)) => {
                // Where this fails nobody knows whether it is done, so the safety archive stays.
                change.commit().await?;
                Ok(report)
            }
            Err(error) => {
                safety.discard().await;
                Err(error)
            }
        }
    }

    /// Everything between the safety archive and the commit. The change is dropped where it fails.
    async fn replace(
        &self,
        context: &Context,
        mut change: Change,
        archive: &Summary,
        provenance: Provenance,
        safety: &Manifest,
    ) -> Result<(Change, Value)> {
        let (progress, restore) = (context.progress(), &self.request.restore);
        let (hash, planned) = (
            restore::hash(self.admin, restore, &archive.digest, &safety.sha256),
            self.request.plan_hash.as_str(),
        );
        if hash != restore::without_administrators(planned) {
            return Err(Error::PlanOutdated);
        }
        progress.enter(Phase::Changing, Some(restore.rows_in(archive)))?;
        let apply = self.operations.apply(
            self.admin,
            &mut change,
            self.manifest,
            archive,
            restore,
            provenance,
            progress,
        );
        let restored = apply.await?;
        // Whoever leaves the administrators out of the hash has confirmed none.
        if restored.administrators.bind(hash) != planned {
            return Err(Error::PlanOutdated);
        }
        for statement in self.sessions {
            change.execute(statement).await?;
        }
        let restored_at = self.operations.0.database.now().await?;
        let effect = Effect {
            kind: change_log::Kind::Restore,
            changed_at: restored_at,
            tables: change_log::row_counts(&restored.tables),
            safety: Some(SafetyArchive::from(safety)),
            undo_until: None,
            undoes: None,
        };
        let report = json!(RestoreReport {
            archive_id: self.manifest.id.clone(),
            safety_archive_id: safety.id.clone(),
            tables: restored.tables,
            restored_at,
        });
        self.operations.record_in(&mut change, safety, context).await?;
        context.finish_in(&mut change, &effect, &report).await?;
        Ok((change, report))
    }
}

/// Demands that the content of an archive that was read is the one of its record, or of its manifest if it has none.
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
