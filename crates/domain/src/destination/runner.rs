//! Copies and deletes what is due. Each copy of the service has one [`CopyRunner`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tokio::sync::Semaphore;

use super::DestinationSettings;
use super::fault::CopyFailure;
use super::manage::place_of;
use super::place::{FolderUse, invalid, overlaps_any, place_of_store};
use super::reconcile::{OutdatedManifest, OutdatedManifests, reconcile};
use super::rows::{self, ClaimedCopy, CopyTask, ProvenCopy, RETAINED_PAUSE, StateChange};
use super::transfer::{ManifestUpdate, Transfer, TransferProgress, manifest_digest, update_manifest};
use crate::clock::Clock;
use crate::database::Database;
use crate::entity::archive::{self, Model as Record};
use crate::entity::archive_copy::{CopyState, Model as CopyRow};
use crate::entity::destination::Model as Destination;
use crate::entity::job::{self, JobState};
use crate::error::{Error, Result};
use crate::job::newest_ended;
use crate::mutex::lock;
use crate::notify::causes;
use crate::operations::manifest_key;
use crate::store::{Store, StoreSettings};

/// How many destinations are served at the same time. One that does not answer delays no other.
const AT_ONCE: u32 = 4;

/// How often a claim is renewed.
const RENEWAL: Duration = Duration::from_secs(30);

/// After this time without a byte a transfer has failed.
const STALL_LIMIT: Duration = Duration::from_secs(180);

/// How often a destination is inspected: whether its copies are still there, and remains of crashes.
const INSPECTION_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause after the first store could not be read.
const FIRST_STORE_PAUSE: TimeDelta = TimeDelta::minutes(1);

/// How long the database has to record a copy after it was made.
const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
const WRITE_PAUSE: Duration = Duration::from_millis(500);

/// Copies archives to destinations. Each copy of the service has one. Cloning is cheap.
#[derive(Clone)]
pub struct CopyRunner(Arc<CopyRunnerInner>);

struct CopyRunnerInner {
    database: Database,
    first: Store,
    first_settings: StoreSettings,
    clock: Clock,
    settings: DestinationSettings,
    places: Semaphore,
    /// The destinations that are served now.
    served: Mutex<BTreeSet<i64>>,
    /// The last comparison of the first store with the copies. Locked while one is made.
    compared: tokio::sync::Mutex<Option<Comparison>>,
    /// The last inspection of each destination, with the last change of the destination before it.
    inspected: Mutex<BTreeMap<i64, (Instant, DateTime<Utc>)>>,
    /// Whether the last round has failed, which is logged once.
    has_failed: AtomicBool,
    is_stopping: AtomicBool,
}

/// Why and when the first store was compared with the copies.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparison {
    at: DateTime<Utc>,
    /// The job that has ended last: it may have published or deleted archives.
    job_id: Option<String>,
    /// The destinations with the time of their last change.
    destinations: Vec<(i64, DateTime<Utc>)>,
}

/// Whether a turn of a destination continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TurnOutcome {
    Continue,
    /// Copies are made, and nothing more is deleted.
    StopTask,
    Stop,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug)]
enum AttemptResult<'a> {
    /// A copy was made and proven.
    Copied(&'a ClaimedCopy, ProvenCopy<'a>),
    /// A copy was deleted.
    Deleted(&'a ClaimedCopy),
    /// An attempt failed.
    Failed(&'a ClaimedCopy, &'a Destination, &'a CopyFailure),
    /// A destination could not be opened or inspected.
    Unusable(&'a Destination, &'a str),
    /// A destination works.
    Inspected(&'a Destination),
}

impl CopyRunner {
    /// The runner of a copy of the service, with its first store. This reads and writes nothing.
    pub fn new(
        database: Database,
        (first, first_settings): (Store, StoreSettings),
        clock: Clock,
        settings: DestinationSettings,
    ) -> Self {
        Self(Arc::new(CopyRunnerInner {
            database,
            first,
            first_settings,
            clock,
            settings,
            places: Semaphore::new(AT_ONCE as usize),
            served: Mutex::default(),
            compared: tokio::sync::Mutex::default(),
            inspected: Mutex::default(),
            has_failed: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
        }))
    }

    /// Begins to do what is due, in a task of its own. The caller waits for no destination.
    pub fn begin(&self) {
        let runner = self.clone();
        tokio::spawn(async move {
            let done = runner.0.run().await;
            let had_failed = runner.0.has_failed.swap(done.is_err(), Ordering::Relaxed);
            match done {
                Err(error) if !had_failed => tracing::warn!(
                    error = causes(&error),
                    "archives could not be copied to destinations; it is tried again"
                ),
                Err(error) => tracing::debug!(
                    error = causes(&error),
                    "archives could still not be copied to destinations"
                ),
                Ok(()) => {}
            }
        });
    }

    /// Does what is due, except for destinations that are served already, and returns when each of them has nothing more to be
    /// done, or has failed.
    ///
    /// # Errors
    /// The first error of the database or of the first store. What it concerned is tried again at the next call.
    pub async fn run_due(&self) -> Result<()> {
        self.0.run().await
    }

    /// Ends transfers at their next chunk, and gives back their claims. Nothing new begins.
    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Waits up to `limit` until the claims are given back: other copies of the service wait for their end otherwise.
    pub async fn wait_for_shutdown(&self, limit: Duration) {
        // A request to a destination is not waited for.
        let _ = tokio::time::timeout(limit, self.0.places.acquire_many(AT_ONCE)).await;
    }
}

impl CopyRunnerInner {
    async fn run(&self) -> Result<()> {
        let destinations = rows::enabled(&self.database).await?;
        if destinations.is_empty() || self.is_stopping() {
            return Ok(());
        }
        // Copies that are known already are made also if the first store can't be listed now.
        let (mut outdated, compared) = match self.compare_if_time(&destinations).await {
            Ok(outdated) => (outdated, Ok(())),
            Err(error) => (OutdatedManifests::new(), Err(error)),
        };
        let turns = destinations.into_iter().map(|destination| {
            let outdated = outdated.remove(&destination.id).unwrap_or_default();
            self.serve_in_turn(destination, outdated).boxed()
        });
        let served = stream::iter(turns.collect::<Vec<_>>())
            .buffer_unordered(AT_ONCE as usize)
            .fold(Ok(()), |result: Result<()>, served| async move { result.and(served) })
            .await;
        compared.and(served)
    }

    /// Compares the first store with the copies, if a job has ended since, a destination was changed, or the interval has
    /// passed. A clock that was set back counts as that.
    async fn compare_if_time(&self, destinations: &[Destination]) -> Result<OutdatedManifests> {
        // Another round of this process does it now.
        let Ok(mut compared) = self.compared.try_lock() else {
            return Ok(OutdatedManifests::new());
        };
        let now = Comparison {
            at: self.clock.now(),
            job_id: self.newest_job().await?,
            destinations: destinations
                .iter()
                .map(|destination| (destination.id, destination.updated_at))
                .collect(),
        };
        let is_time = compared.as_ref().is_none_or(|last| {
            let is_changed = (&last.job_id, &last.destinations) != (&now.job_id, &now.destinations);
            is_changed || now.at < last.at || now.at - last.at >= self.settings.interval
        });
        if !is_time {
            return Ok(OutdatedManifests::new());
        }
        let outdated = reconcile(&self.database, &self.first, destinations, now.at).await?;
        *compared = Some(now);
        Ok(outdated)
    }

    /// The job that has ended last.
    async fn newest_job(&self) -> Result<Option<String>> {
        let succeeded = job::Entity::find().filter(job::Column::State.eq(JobState::Succeeded));
        newest_ended(&self.database, succeeded, "looking for the job that has ended last").await
    }

    /// Serves a destination, unless that is done already or all places are taken: then the next round does.
    async fn serve_in_turn(&self, destination: Destination, outdated: Vec<OutdatedManifest>) -> Result<()> {
        let Ok(_place) = self.places.try_acquire() else {
            return Ok(());
        };
        let id = destination.id;
        if !lock(&self.served).insert(id) {
            return Ok(());
        }
        let _served = Served {
            served: &self.served,
            id,
        };
        self.serve(destination, outdated).await
    }

    /// Does what is due for a destination: deletions first, because they make room, then the newest archives.
    async fn serve(&self, mut destination: Destination, outdated: Vec<OutdatedManifest>) -> Result<()> {
        let mut opened = None;
        for task in [CopyTask::Delete, CopyTask::Copy] {
            loop {
                let now = self.clock.now();
                // It may have been edited, disabled or deleted since it was read.
                match self.unchanged(&destination).await? {
                    Some(current) => destination = current,
                    None => return Ok(()),
                }
                if self.is_stopping() || !rows::is_reachable(&destination, now) {
                    return Ok(());
                }
                if task == CopyTask::Delete && !destination.deletes {
                    break;
                }
                let Some(row) = rows::next_due(&self.database, destination.id, task, now).await? else {
                    break;
                };
                let store = match opened.take() {
                    Some(store) => store,
                    None => match self.open(&destination).await? {
                        Some(store) => store,
                        None => return Ok(()),
                    },
                };
                let turn = self.attempt(&destination, &store, row, task).await?;
                opened = Some(store);
                match turn {
                    TurnOutcome::Continue => {}
                    TurnOutcome::StopTask => break,
                    TurnOutcome::Stop => return Ok(()),
                }
            }
        }
        self.tidy(&destination, opened, outdated).await
    }

    /// The destination as it is now, if no administrator has changed it since.
    async fn unchanged(&self, destination: &Destination) -> Result<Option<Destination>> {
        let current = rows::enabled(&self.database).await?;
        let is_it =
            |current: &Destination| (current.id, current.updated_at) == (destination.id, destination.updated_at);
        Ok(current.into_iter().find(is_it))
    }

    /// Opens a destination; none if it can't be used, which is written down.
    async fn open(&self, destination: &Destination) -> Result<Option<Store>> {
        let opened = match place_of(destination, self.settings.key.as_ref()) {
            Err(problem) => Err(CopyFailure::Destination(problem.to_owned())),
            Ok(place) => {
                let opened = async {
                    let at = place.place(&self.settings).await?;
                    let first = place_of_store(&self.first_settings).await?;
                    match overlaps_any(at, vec![first]).await? {
                        true => Err(invalid("url", "is that of the first store")),
                        false => place.open(&self.settings, FolderUse::Existing).await,
                    }
                };
                self.limited(opened).await
            }
        };
        match opened {
            Ok(store) => Ok(Some(store)),
            Err(failure) => self.write_unusable(destination, &failure).await.map(|()| None),
        }
    }

    /// Waits for a destination, with a time limit, and not while the service stops: a network drive may hang.
    async fn limited<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T, CopyFailure> {
        let stopped = async {
            while !self.is_stopping() {
                tokio::time::sleep(WRITE_PAUSE).await;
            }
        };
        tokio::select! {
            done = work => done.map_err(|error| CopyFailure::of_destination(&error)),
            () = stopped => Err(CopyFailure::Interrupted),
            () = tokio::time::sleep(STALL_LIMIT) => Err(CopyFailure::Destination(format!(
                "The destination did not answer within {} seconds.",
                STALL_LIMIT.as_secs()
            ))),
        }
    }

    /// Writes that a destination can't be used, if that is what a failure says.
    async fn write_unusable(&self, destination: &Destination, failure: &CopyFailure) -> Result<()> {
        let problem = match failure {
            CopyFailure::Interrupted => return Ok(()),
            CopyFailure::FirstStore(detail)
            | CopyFailure::Destination(detail)
            | CopyFailure::Archive(detail)
            | CopyFailure::Retained(detail) => detail,
        };
        log_failure(destination, None, problem);
        self.write(AttemptResult::Unusable(destination, problem)).await
    }

    /// Makes or deletes one copy, if no other copy of the service does.
    async fn attempt(
        &self,
        destination: &Destination,
        store: &Store,
        row: CopyRow,
        task: CopyTask,
    ) -> Result<TurnOutcome> {
        let (id, now) = (row.archive_id.clone(), self.clock.now());
        let manifest = self.first.manifest(&id).await;
        if let Err(Error::StoreUnavailable { .. } | Error::StoreMisconfigured { .. }) = &manifest {
            // The health tells about the first store, and nothing is known about the copy. It may be this archive alone.
            rows::postpone(&self.database, row.id, now + FIRST_STORE_PAUSE, now).await?;
            return manifest.map(|_| TurnOutcome::Stop);
        }
        if task == CopyTask::Delete {
            let is_gone = matches!(manifest, Err(Error::ArchiveGone { .. }));
            match &manifest {
                // The first store itself says that the archive was deleted.
                Err(_) if is_gone && !self.first.is_back(&id).await? => {}
                // The archive was copied back.
                Ok(_) => {
                    let back = StateChange {
                        from: &CopyState::TO_DELETE,
                        to: CopyState::Pending,
                    };
                    rows::change_state(&self.database, &[row.id], back, now).await?;
                    return Ok(TurnOutcome::Continue);
                }
                // It is being copied back, or the first store was lost or exchanged: the copy may be all that is left.
                Err(error) => {
                    let (destination, error) = (&destination.name, causes(error));
                    tracing::info!(
                        archive_id = id,
                        destination,
                        error,
                        "a copy is not deleted: its archive may be needed"
                    );
                    rows::postpone(&self.database, row.id, now + RETAINED_PAUSE, now).await?;
                    return Ok(TurnOutcome::Continue);
                }
            }
        }
        let Some(claimed) = rows::claim(&self.database, destination, row, task, now).await? else {
            return Ok(TurnOutcome::Continue);
        };
        let done = match task {
            CopyTask::Delete => self.delete(store, &id).await.map(|()| None),
            CopyTask::Copy => match &manifest {
                Err(error) => Err(CopyFailure::of_first_store(error)),
                Ok(manifest) => {
                    let record = self.record(&id).await?;
                    let key = manifest_key(&self.database).await?;
                    let progress = Arc::new(TransferProgress::default());
                    let transfer = Transfer {
                        first: &self.first,
                        destination: store,
                        manifest,
                        progress: &progress,
                        key: &key,
                    };
                    self.keeping_claim(&claimed, &progress, transfer.run(record.as_ref()))
                        .await
                }
            },
        };
        self.write_outcome(destination, &claimed, manifest.ok().as_deref(), done)
            .await
    }

    async fn write_outcome(
        &self,
        destination: &Destination,
        claimed: &ClaimedCopy,
        manifest: Option<&campus_backup_archive::Manifest>,
        done: Result<Option<&'static str>, CopyFailure>,
    ) -> Result<TurnOutcome> {
        let (archive_id, name) = (&claimed.row.archive_id, &destination.name);
        match done {
            Ok(note) => {
                match claimed.task {
                    CopyTask::Copy => {
                        let digest = manifest.map(manifest_digest).unwrap_or_default();
                        let proven = ProvenCopy {
                            manifest_digest: &digest,
                            size: manifest.map_or(0, |manifest| manifest.object.size),
                            note,
                        };
                        self.write(AttemptResult::Copied(claimed, proven)).await?;
                        tracing::info!(archive_id, destination = name, "an archive was copied");
                    }
                    CopyTask::Delete => {
                        self.write(AttemptResult::Deleted(claimed)).await?;
                        tracing::info!(archive_id, destination = name, "the copy of an archive was deleted");
                    }
                }
                Ok(TurnOutcome::Continue)
            }
            Err(failure) => {
                self.write(AttemptResult::Failed(claimed, destination, &failure))
                    .await?;
                match &failure {
                    CopyFailure::Interrupted => Ok(TurnOutcome::Stop),
                    CopyFailure::FirstStore(detail) | CopyFailure::Destination(detail) => {
                        log_failure(destination, Some(archive_id), detail);
                        Ok(match claimed.task {
                            CopyTask::Copy => TurnOutcome::Stop,
                            CopyTask::Delete => TurnOutcome::StopTask,
                        })
                    }
                    CopyFailure::Archive(detail) => {
                        log_failure(destination, Some(archive_id), detail);
                        Ok(TurnOutcome::Continue)
                    }
                    CopyFailure::Retained(detail) => {
                        tracing::info!(archive_id, destination = name, detail, "a copy stays for now");
                        Ok(TurnOutcome::Continue)
                    }
                }
            }
        }
    }

    /// Runs a transfer, and renews its claim while bytes are moving. It ends if the claim is lost, if no byte moves for too
    /// long, or if the service stops.
    async fn keeping_claim<T>(
        &self,
        claimed: &ClaimedCopy,
        progress: &Arc<TransferProgress>,
        transfer: impl Future<Output = Result<T, CopyFailure>>,
    ) -> Result<T, CopyFailure> {
        let _stop = StopOnDrop(progress.clone());
        let keeper = async {
            let (mut moved, mut moved_at) = (progress.moved(), Instant::now());
            let mut renewed_at = Instant::now();
            loop {
                tokio::time::sleep(WRITE_PAUSE).await;
                if self.is_stopping() {
                    return CopyFailure::Interrupted;
                }
                if progress.moved() != moved {
                    (moved, moved_at) = (progress.moved(), Instant::now());
                }
                if moved_at.elapsed() >= STALL_LIMIT {
                    return CopyFailure::Destination(format!(
                        "No byte was moved for {} seconds: the destination does not answer.",
                        STALL_LIMIT.as_secs()
                    ));
                }
                if renewed_at.elapsed() < RENEWAL {
                    continue;
                }
                renewed_at = Instant::now();
                match claimed.renew(&self.database, self.clock.now()).await {
                    Ok(true) => {}
                    Ok(false) => return CopyFailure::Interrupted,
                    // It is tried again, and the claim lasts for several attempts.
                    Err(error) => tracing::debug!(error = causes(&error), "the claim of a copy was not renewed"),
                }
            }
        };
        tokio::select! {
            done = transfer => done,
            failure = keeper => Err(failure),
        }
    }

    /// The record of an archive, if this installation has one.
    async fn record(&self, archive_id: &str) -> Result<Option<Record>> {
        let record = archive::Entity::find_by_id(archive_id)
            .one(self.database.connection())
            .await;
        record.map_err(Error::database("reading the record of an archive"))
    }

    /// Updates manifests, and inspects the destination: when the service has started, after each edit, after a failure and once
    /// a day.
    async fn tidy(
        &self,
        destination: &Destination,
        opened: Option<Store>,
        outdated: Vec<OutdatedManifest>,
    ) -> Result<()> {
        let is_time = lock(&self.inspected)
            .get(&destination.id)
            .is_none_or(|(at, change)| at.elapsed() >= INSPECTION_INTERVAL || *change != destination.updated_at);
        let is_time = is_time || destination.failing_since.is_some();
        if !is_time && outdated.is_empty() {
            return Ok(());
        }
        let store = match opened {
            Some(store) => store,
            None => match self.open(destination).await? {
                Some(store) => store,
                None => return Ok(()),
            },
        };
        for OutdatedManifest { copy_id, manifest } in outdated {
            match self.limited(update_manifest(&store, &manifest)).await {
                Ok(ManifestUpdate::Written) => {
                    rows::set_manifest_digest(&self.database, copy_id, &manifest_digest(&manifest)).await?;
                }
                Ok(ManifestUpdate::OtherFile) => {
                    rows::copy_again(&self.database, &manifest.id, manifest.object.size).await?;
                }
                // It may be this one alone, so the others follow.
                Err(CopyFailure::Archive(detail)) => tracing::debug!(
                    archive_id = manifest.id,
                    destination = destination.name,
                    detail,
                    "the manifest of a copy was not updated"
                ),
                Err(failure) => return self.write_unusable(destination, &failure).await,
            }
        }
        match is_time {
            true => self.inspect(destination, &store).await,
            false => Ok(()),
        }
    }

    /// Makes missing copies due again, and removes remains of crashes.
    async fn inspect(&self, destination: &Destination, store: &Store) -> Result<()> {
        let copies = rows::of_destination(&self.database, destination.id).await?;
        let first = self.first.list().await?;
        let sizes = match self.limited(store.archive_sizes()).await {
            Ok(sizes) => sizes,
            Err(failure) => return self.write_unusable(destination, &failure).await,
        };
        let present: BTreeMap<_, _> = first
            .archives
            .iter()
            .map(|manifest| (manifest.id.as_str(), manifest))
            .collect();
        let is_missing = |copy: &&CopyRow| {
            let file = present.get(copy.archive_id.as_str()).map(|manifest| manifest.file());
            copy.state == CopyState::Copied && !sizes.has(&copy.archive_id, file, copy.size.map(i64::cast_unsigned))
        };
        let is_present = |copy: &&CopyRow| present.contains_key(copy.archive_id.as_str());
        let (missing, lost): (Vec<_>, Vec<_>) = copies.iter().filter(is_missing).partition(is_present);
        let ids = |copies: Vec<&CopyRow>| copies.iter().map(|copy| copy.id).collect::<Vec<_>>();
        if !missing.is_empty() || !lost.is_empty() {
            tracing::warn!(
                destination = destination.name,
                copies = missing.len() + lost.len(),
                "copies are not in a destination any more; they are made again as far as their archives are there"
            );
            let again = StateChange {
                from: &[CopyState::Copied],
                to: CopyState::Pending,
            };
            let now = self.clock.now();
            rows::change_state(&self.database, &ids(missing), again, now).await?;
            rows::forget(&self.database, &ids(lost), &[CopyState::Copied], now).await?;
        }
        self.write(AttemptResult::Inspected(destination)).await?;
        lock(&self.inspected).insert(destination.id, (Instant::now(), destination.updated_at));
        if let Err(CopyFailure::Destination(detail)) = self.limited(store.sweep()).await {
            tracing::debug!(
                destination = destination.name,
                detail,
                "a destination was not swept to the end"
            );
        }
        Ok(())
    }

    /// Deletes a copy. One that is not there any more is deleted.
    async fn delete(&self, store: &Store, id: &str) -> Result<(), CopyFailure> {
        let deleted = async {
            match store.delete_copy(id).await {
                Err(Error::ArchiveNotFound { .. } | Error::ArchiveGone { .. }) => Ok(()),
                deleted => deleted,
            }
        };
        self.limited(deleted).await
    }

    /// Records the result of an attempt, again and again while the database takes no writes, as SQLite does during a long
    /// change: the copy would have to be read once more otherwise.
    async fn write(&self, result: AttemptResult<'_>) -> Result<()> {
        let (started, database) = (Instant::now(), &self.database);
        loop {
            let now = self.clock.now();
            let written = match result {
                AttemptResult::Copied(claimed, proven) => claimed.mark_copied(database, proven, now).await,
                AttemptResult::Deleted(claimed) => claimed.mark_deleted(database).await,
                AttemptResult::Failed(claimed, destination, failure) => {
                    claimed.mark_failed(database, destination, failure, now).await
                }
                AttemptResult::Unusable(destination, detail) => {
                    rows::mark_unusable(database, destination, detail, now).await
                }
                AttemptResult::Inspected(destination) => rows::mark_inspected(database, destination).await,
            };
            match written {
                Err(Error::DatabaseBusy { .. } | Error::DatabaseUnavailable { .. })
                    if started.elapsed() < WRITE_TIMEOUT =>
                {
                    tokio::time::sleep(WRITE_PAUSE).await;
                }
                written => return written,
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

fn log_failure(destination: &Destination, archive_id: Option<&str>, detail: &str) {
    tracing::warn!(
        destination = destination.name,
        archive_id,
        detail,
        "a destination failed; it is tried again"
    );
}

/// A destination that is served. When this is dropped, another round can serve it.
struct Served<'a> {
    served: &'a Mutex<BTreeSet<i64>>,
    id: i64,
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        lock(self.served).remove(&self.id);
    }
}

/// Ends the thread of a transfer that has no reader any more.
struct StopOnDrop(Arc<TransferProgress>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl fmt::Debug for CopyRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyRunner")
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}
