//! Copies of archives in destinations, at a clock that the test sets, by one copy of the service and by several.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use campus_backup_domain::Error;
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::clear::{Clear, ClearMode, Confirmation};
use campus_backup_domain::destination::{DestinationPatch, NewDestination};
use campus_backup_domain::health::alarm::{HOLD, REPEAT};
use campus_backup_domain::health::{HealthCode, Severity};
use campus_backup_domain::job::{JobResult, JobState};
use campus_backup_domain::operations::{AnnotationPatch, Annotations, ArchiveLoss, StoredArchives};
use campus_backup_domain::retention::RetentionPolicy;
use campus_backup_domain::store::{Store, StoreSettings};
use chrono::{SubsecRound as _, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use harness::destination_rig::{
    COPY_INTERVAL, CopyRecord, CopyingCopy, copies, copy_states, destination_folder, destination_settings,
    folder_destination, s3_destination,
};
use harness::notify_rig::{NotifyCopy, notify_settings, webhook};
use harness::s3::{S3, S3Fault, damage};
use harness::schedule_rig::{ScheduleCopy, TestClock};
use harness::{Engine, Receiver, School, WAIT_LIMIT, on_every_engine, small_school, until};

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// A small school, a copy of the service that makes backups, and one that copies them.
struct Rig {
    school: School,
    clock: TestClock,
    backups: ScheduleCopy,
    copying: CopyingCopy,
}

impl Rig {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        clock.set(Utc::now().trunc_subsecs(6));
        Self {
            backups: ScheduleCopy::on(&school.scratch, &clock).await,
            copying: CopyingCopy::on(&school.scratch, &clock).await,
            school,
            clock,
        }
    }

    async fn back_up(&self) -> String {
        let operations = &self.backups.operations;
        let submitted = operations.create_backup(&self.backups.admin, Annotations::default(), None);
        match submitted.await.unwrap().ended().await.unwrap().result {
            Some(JobResult::Archive(backup)) => backup.archive_id,
            other => panic!("{other:?}"),
        }
    }

    /// Deletes an archive, as an administrator does.
    async fn delete(&self, id: &str) {
        let operations = &self.backups.operations;
        let deleted = operations.delete(&self.backups.admin, id, ArchiveLoss::Accepted).await;
        deleted.unwrap();
    }

    async fn protect(&self, id: &str, protected: bool) {
        let edit = AnnotationPatch {
            protected: Some(protected),
            ..AnnotationPatch::default()
        };
        self.backups
            .operations
            .edit(&self.backups.admin, id, &edit)
            .await
            .unwrap();
    }

    async fn run(&self) {
        self.copying.run().await.unwrap();
    }

    /// Does what is due after the first store was compared with the copies again.
    async fn run_later(&self) {
        self.clock.advance(COPY_INTERVAL);
        self.run().await;
    }

    async fn copies(&self, destination_id: i64) -> Vec<CopyRecord> {
        copies(&self.school.scratch, destination_id).await
    }

    /// The states of all copies, sorted: the ids of archives of one second are in no order.
    async fn states(&self, destination_id: i64) -> Vec<String> {
        let mut states = copy_states(&self.school.scratch, destination_id).await;
        states.sort();
        states
    }

    /// The copy of an archive.
    async fn copy(&self, destination_id: i64, archive: &str) -> CopyRecord {
        let copies = self.copies(destination_id).await;
        copies.into_iter().find(|copy| copy.archive_id == archive).unwrap()
    }

    /// The only copy in a destination.
    async fn one(&self, destination_id: i64) -> CopyRecord {
        let mut copies = self.copies(destination_id).await;
        assert_eq!(copies.len(), 1, "{copies:?}");
        copies.remove(0)
    }

    fn first(&self) -> PathBuf {
        self.school.scratch.folder().join("archives")
    }

    fn folder(&self, name: &str) -> PathBuf {
        destination_folder(&self.school.scratch).join(name)
    }

    fn folder_destination(&self, name: &str) -> NewDestination {
        folder_destination(name, &self.school.scratch)
    }
}

fn object(store: &Path, id: &str) -> PathBuf {
    store.join(id).join("archive.json.zst")
}

fn digest(path: &Path) -> Vec<u8> {
    Sha256::digest(std::fs::read(path).unwrap()).to_vec()
}

/// The ids in a folder, as a store lists them.
async fn listed(folder: &Path) -> Vec<String> {
    let store = Store::open_existing(&StoreSettings::folder(folder)).unwrap();
    let listing = store.list().await.unwrap();
    assert!(listing.unreadable.is_empty(), "{listing:?}");
    listing.archives.iter().map(|manifest| manifest.id.clone()).collect()
}

#[on_every_engine]
async fn every_archive_is_copied_and_a_copy_is_a_whole_store(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    rig.run().await;
    let before = rig.back_up().await;
    let nas = rig.copying.create(rig.folder_destination("nas")).await;
    let bucket = rig.copying.create(s3_destination("off-site", &s3)).await;
    rig.run().await;
    for id in [nas, bucket] {
        assert_eq!(rig.states(id).await, ["copied"]);
    }

    // Safety backups are copied, too.
    let clear = Clear {
        scope: TableScope::All,
        mode: ClearMode::Remove,
        expected: None,
        confirmation: None,
    };
    let operations = &rig.backups.operations;
    let cleared = operations.clear(&rig.backups.admin, Confirmation::Optional, &clear, None);
    assert_eq!(cleared.await.unwrap().ended().await.unwrap().state, JobState::Succeeded);
    let after = rig.back_up().await;
    rig.run().await;
    let ids: BTreeSet<_> = listed(&rig.first()).await.into_iter().collect();
    assert!(
        ids.len() == 3 && ids.contains(&before) && ids.contains(&after),
        "{ids:?}"
    );
    let bucket_folder = s3.folder_of("off-site");
    for (id, folder) in [(nas, &rig.folder("nas")), (bucket, &bucket_folder)] {
        assert_eq!(rig.states(id).await, ["copied"; 3]);
        for archive in &ids {
            assert_eq!(digest(&object(folder, archive)), digest(&object(&rig.first(), archive)));
            let manifest = |store: &Path| std::fs::read(store.join(archive).join("manifest.json")).unwrap();
            assert_eq!(manifest(folder), manifest(&rig.first()));
        }
        let shown = rig.copying.get(id).await;
        assert_eq!((shown.copies.copied, shown.last_error), (3, None));
        assert_eq!(shown.last_copied_at, Some(rig.clock.now()));
    }
    assert_eq!(
        listed(&rig.folder("nas")).await.into_iter().collect::<BTreeSet<_>>(),
        ids
    );

    // Each archive shows its copies, and what is edited is edited there, too.
    let edit = AnnotationPatch {
        label: Some(Some("before the exams".to_owned())),
        protected: Some(true),
        ..AnnotationPatch::default()
    };
    operations.edit(&rig.backups.admin, &before, &edit).await.unwrap();
    let shown = operations.show(&rig.backups.admin, &before).await.unwrap();
    let names: Vec<_> = shown.copies.unwrap().into_iter().map(|copy| copy.name).collect();
    assert_eq!(names, ["nas", "off-site"]);
    rig.run_later().await;
    let store = Store::open_existing(&StoreSettings::folder(rig.folder("nas"))).unwrap();
    let keys = campus_backup_archive::Keys::none();
    let archives = StoredArchives::new(store, keys, rig.school.scratch.folder().to_owned());
    let copied = archives.show(&before).await.unwrap().manifest;
    assert_eq!(
        (copied.label.as_deref(), copied.protected),
        (Some("before the exams"), true)
    );
    // Nothing is left of the work.
    for entry in std::fs::read_dir(rig.folder("nas").join(&before)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(["archive.json.zst", "manifest.json"].contains(&name.as_str()), "{name}");
    }
}

/// Each fault of a server ends an attempt with an error that says what to do, and the next attempt follows after a pause.
#[on_every_engine(nightly)]
async fn failing_destination_is_tried_again_until_it_works(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("off-site", &s3)).await;
    let nas = rig.copying.create(rig.folder_destination("nas")).await;
    let archive = rig.back_up().await;
    let mut pause = MINUTE;
    let begin = rig.clock.now();
    for (fault, says) in [
        (
            S3Fault::RefusesWith(403, "InvalidAccessKeyId"),
            "does not accept the credentials",
        ),
        (S3Fault::RefusesWith(403, "AccessDenied"), "lack a right"),
        (S3Fault::RefusesWith(404, "NoSuchBucket"), "no such bucket"),
        (S3Fault::RefusesWith(507, "Full"), "is full"),
        (S3Fault::CutsUploads, "can't be reached or used"),
        (S3Fault::CutsDownloads, "can't be reached or used"),
        (S3Fault::DamagesUploads, "was not what was written"),
    ] {
        s3.fail(fault);
        rig.run().await;
        let copy = rig.one(id).await;
        assert_eq!(copy.state, "failed", "{fault:?}");
        let error = copy.error.unwrap();
        assert!(error.contains(says), "{fault:?}: {error}");
        let shown = rig.copying.get(id).await;
        assert_eq!(shown.last_error, Some(error));
        // A destination works if one copy alone is not as it should be.
        let failing_since = (fault != S3Fault::DamagesUploads).then_some(begin);
        assert_eq!(shown.failing_since, failing_since, "{fault:?}");
        assert_eq!(rig.states(nas).await, ["copied"], "no destination waits for another");
        let requests = s3.requests();
        rig.clock.advance(pause - TimeDelta::microseconds(1));
        rig.run().await;
        assert_eq!(s3.requests(), requests, "{fault:?}: not before the pause has ended");
        rig.clock.advance(TimeDelta::microseconds(1));
        pause = (pause * 2).min(TimeDelta::hours(1));
        assert!(!s3.folder_of("off-site").join(&archive).join("manifest.json").exists());
    }

    // A server that hangs holds up nothing else.
    s3.fail(S3Fault::NeverAnswers);
    let settings = destination_settings(&rig.school.scratch, Duration::from_millis(200));
    let impatient = CopyingCopy::with(&rig.school.scratch, &rig.clock, settings).await;
    rig.back_up().await;
    rig.clock.advance(TimeDelta::hours(1));
    impatient.run().await.unwrap();
    assert_eq!(rig.states(nas).await, ["copied", "copied"]);
    let hung = rig.copies(id).await;
    let is_hung = |copy: &CopyRecord| {
        copy.error
            .as_ref()
            .is_some_and(|error| error.contains("can't be reached"))
    };
    assert!(hung.iter().any(is_hung), "{hung:?}");

    s3.recover();
    rig.clock.advance(TimeDelta::hours(1));
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied", "copied"]);
    let shown = rig.copying.get(id).await;
    assert_eq!(
        (shown.last_error, shown.failing_since, shown.retry_at),
        (None, None, None)
    );
    assert_eq!(
        digest(&object(&s3.folder_of("off-site"), &archive)),
        digest(&object(&rig.first(), &archive))
    );
}

#[on_every_engine]
async fn several_copies_of_the_service_make_each_copy_once(engine: Engine) {
    let rig = Rig::on(engine).await;
    let mut copying = Vec::new();
    for _ in 0..3 {
        copying.push(CopyingCopy::on(&rig.school.scratch, &rig.clock).await);
    }
    let ids = [
        rig.copying.create(rig.folder_destination("one")).await,
        rig.copying.create(rig.folder_destination("two")).await,
    ];
    for _ in 0..5 {
        rig.back_up().await;
    }
    until("all archives were copied", WAIT_LIMIT, async || {
        for copy in &copying {
            copy.begin();
        }
        let states = [rig.states(ids[0]).await, rig.states(ids[1]).await].concat();
        states.len() == 10 && states.iter().all(|state| state == "copied")
    })
    .await;
    for id in ids {
        for copy in rig.copies(id).await {
            assert_eq!((copy.attempts.as_str(), copy.error), ("1", None));
        }
    }
    assert_eq!(listed(&rig.folder("one")).await.len(), 5);
}

#[on_every_engine]
async fn copy_of_a_killed_service_is_made_after_its_claim_has_ended(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("off-site", &s3)).await;
    rig.back_up().await;
    s3.fail(S3Fault::NeverAnswers);
    let settings = destination_settings(&rig.school.scratch, Duration::from_secs(60));
    let killed = CopyingCopy::with(&rig.school.scratch, &rig.clock, settings).await;
    killed.begin();
    let before = s3.requests();
    until("the destination is asked", WAIT_LIMIT, async || s3.requests() > before).await;
    until("the copy is claimed", WAIT_LIMIT, async || {
        rig.copies(id).await.iter().any(|copy| copy.attempts == "1")
    })
    .await;
    drop(killed);
    s3.recover();
    rig.run().await;
    assert_eq!(rig.states(id).await, ["pending"], "it is still claimed");
    rig.clock.advance(MINUTE * 5);
    rig.run().await;
    let copy = rig.one(id).await;
    assert_eq!((copy.state.as_str(), copy.attempts.as_str()), ("copied", "2"));
}

/// A service that stops gives its claim back, so that the next start continues at once.
#[on_every_engine]
async fn stopping_service_gives_back_its_claim(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("off-site", &s3)).await;
    rig.back_up().await;
    s3.fail(S3Fault::NeverAnswers);
    let stopping = CopyingCopy::on(&rig.school.scratch, &rig.clock).await;
    stopping.begin();
    until("the copy is claimed", WAIT_LIMIT, async || {
        rig.copies(id).await.iter().any(|copy| copy.attempts == "1")
    })
    .await;
    stopping.runner.stop();
    s3.recover();
    until("another copy of the service makes it", WAIT_LIMIT, async || {
        rig.run().await;
        rig.states(id).await == ["copied"]
    })
    .await;
    assert_eq!(rig.one(id).await.error, None);
}

#[on_every_engine]
async fn deletion_follows_and_absence_does_not(engine: Engine) {
    let rig = Rig::on(engine).await;
    let id = rig.copying.create(rig.folder_destination("nas")).await;
    let keeping = NewDestination {
        deletes: false,
        ..rig.folder_destination("vault")
    };
    let keeping = rig.copying.create(keeping).await;
    let [deleted, lost, last] = [rig.back_up().await, rig.back_up().await, rig.back_up().await];
    // The copies of this one stay protected, because it is when they are made.
    rig.protect(&deleted, true).await;
    rig.run().await;
    rig.protect(&deleted, false).await;
    rig.delete(&deleted).await;
    rig.run_later().await;
    assert_eq!(rig.states(id).await, ["copied", "copied"]);
    assert_eq!(rig.states(keeping).await, ["copied"; 3]);
    let left: BTreeSet<_> = listed(&rig.folder("nas")).await.into_iter().collect();
    assert_eq!(left, BTreeSet::from([last, lost.clone()]));
    assert!(object(&rig.folder("vault"), &deleted).exists());

    // What the service has not deleted is kept: a removed folder, a disk that is away, and an empty store in its place.
    std::fs::remove_dir_all(rig.first().join(&lost)).unwrap();
    rig.run_later().await;
    assert_eq!(listed(&rig.folder("nas")).await.len(), 2);
    let away = rig.first().with_extension("away");
    std::fs::rename(rig.first(), &away).unwrap();
    rig.clock.advance(COPY_INTERVAL);
    assert!(matches!(rig.copying.run().await, Err(Error::StoreUnavailable { .. })));
    std::fs::create_dir(rig.first()).unwrap();
    rig.run_later().await;
    assert_eq!(listed(&rig.folder("nas")).await.len(), 2);
    assert_eq!(rig.states(id).await, ["copied", "copied"]);
}

/// What is to be deleted stays while the first store does not say itself that its archive was deleted.
#[on_every_engine]
async fn deletion_that_is_due_waits_for_the_first_store(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("vault", &s3)).await;
    let [one, other, last] = [rig.back_up().await, rig.back_up().await, rig.back_up().await];
    rig.run().await;
    s3.fail(S3Fault::RefusesDeletions);
    rig.delete(&one).await;
    rig.run_later().await;
    s3.fail(S3Fault::FailsDeletions);
    rig.delete(&other).await;
    rig.run_later().await;
    let state_of = async |archive: &str| {
        let copies = rig.copies(id).await.into_iter();
        copies
            .filter(|copy| copy.archive_id == archive)
            .map(|copy| copy.state)
            .collect::<Vec<_>>()
    };
    let states = async || [state_of(&one).await, state_of(&other).await, state_of(&last).await].concat();
    assert_eq!(states().await, ["retained", "deleting", "copied"]);
    s3.recover();

    // The first store is empty, as a mount point without its disk.
    let copied = s3.folder_of("vault");
    let away = rig.first().with_extension("away");
    std::fs::rename(rig.first(), &away).unwrap();
    std::fs::create_dir(rig.first()).unwrap();
    for _ in 0..3 {
        rig.clock.advance(TimeDelta::days(1));
        rig.run().await;
    }
    assert_eq!(states().await, ["retained", "deleting", "copied"]);
    assert!(object(&copied, &one).exists() && object(&copied, &other).exists());

    // It is back, and an administrator copies an archive back from the destination.
    std::fs::remove_dir_all(rig.first()).unwrap();
    std::fs::rename(&away, rig.first()).unwrap();
    std::fs::create_dir_all(rig.first().join(&one)).unwrap();
    std::fs::copy(object(&copied, &one), object(&rig.first(), &one)).unwrap();
    rig.clock.advance(TimeDelta::days(1));
    rig.run().await;
    assert_eq!(states().await, ["retained", "copied"], "the other one was deleted");
    std::fs::copy(
        copied.join(&one).join("manifest.json"),
        rig.first().join(&one).join("manifest.json"),
    )
    .unwrap();
    rig.run_later().await;
    rig.run().await;
    assert_eq!(states().await, ["copied", "copied"]);
    assert!(object(&copied, &one).exists());
}

/// An administrator who switches deletions off needs the copies that are about to be lost.
#[on_every_engine]
async fn setting_that_copies_stay_ends_deletions_that_are_due(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("vault", &s3)).await;
    let [deleted, _last] = [rig.back_up().await, rig.back_up().await];
    rig.run().await;
    rig.delete(&deleted).await;
    s3.fail(S3Fault::NeverAnswers);
    rig.clock.advance(COPY_INTERVAL);
    let killed = CopyingCopy::on(&rig.school.scratch, &rig.clock).await;
    killed.begin();
    until("the deletion has begun", WAIT_LIMIT, async || {
        rig.copies(id)
            .await
            .iter()
            .any(|copy| copy.state == "deleting" && copy.attempts == "2")
    })
    .await;
    drop(killed);
    s3.recover();
    let keep = DestinationPatch {
        deletes: Some(false),
        ..DestinationPatch::default()
    };
    rig.copying
        .destinations
        .update(&rig.copying.admin, id, keep)
        .await
        .unwrap();
    // The claim of the killed service hides the copy from the comparison, and ends before the next one.
    rig.run().await;
    rig.clock.advance(MINUTE * 6);
    rig.run().await;
    assert!(object(&s3.folder_of("vault"), &deleted).exists());
    rig.run_later().await;
    assert_eq!(rig.states(id).await, ["copied"; 2]);
    assert!(object(&s3.folder_of("vault"), &deleted).exists());
}

/// Neither a deletion nor a copy that always fails keeps another archive from being copied.
#[on_every_engine]
async fn copy_that_always_fails_delays_no_other(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("off-site", &s3)).await;
    let state_of = async |archive: &str| {
        let copies = rig.copies(id).await.into_iter();
        copies
            .filter(|copy| copy.archive_id == archive)
            .map(|copy| copy.state)
            .next()
    };
    let deleted = rig.back_up().await;
    rig.run().await;
    s3.fail(S3Fault::FailsDeletions);
    rig.delete(&deleted).await;
    let copied = rig.back_up().await;
    rig.run_later().await;
    assert_eq!(state_of(&deleted).await.as_deref(), Some("deleting"));
    assert_eq!(state_of(&copied).await.as_deref(), Some("copied"));
    assert_eq!(rig.copying.get(id).await.failing_since, None);
    let report = rig.backups.health.check().await;
    let reason = report.reason(HealthCode::DestinationFailing).unwrap();
    assert!(reason.detail.contains("OperationAborted"), "{reason:?}");
    // It is not asked at each round.
    let attempts = rig.copies(id).await;
    rig.run().await;
    assert_eq!(rig.copies(id).await, attempts);

    s3.recover();
    let mut two = [rig.back_up().await, rig.back_up().await];
    two.sort();
    let [older, newer] = two;
    s3.fail(S3Fault::FailsUploadsOf(newer.clone().leak()));
    rig.run_later().await;
    assert_eq!(state_of(&newer).await.as_deref(), Some("failed"));
    rig.clock.advance(MINUTE * 2);
    rig.run().await;
    assert_eq!(state_of(&older).await.as_deref(), Some("copied"));
    assert_eq!(state_of(&newer).await.as_deref(), Some("failed"));
    assert_eq!(state_of(&deleted).await, None, "it was deleted meanwhile");
}

/// Also if there is nothing to be copied: a NAS that is mounted after the service has started, or a new secret.
#[on_every_engine]
async fn destination_that_is_back_is_well_and_its_copies_are_inspected(engine: Engine) {
    let rig = Rig::on(engine).await;
    let id = rig.copying.create(rig.folder_destination("nas")).await;
    let archive = rig.back_up().await;
    rig.run().await;
    let (nas, away) = (rig.folder("nas"), rig.folder("away"));
    std::fs::rename(&nas, &away).unwrap();
    let restarted = CopyingCopy::on(&rig.school.scratch, &rig.clock).await;
    restarted.run().await.unwrap();
    let shown = rig.copying.get(id).await;
    assert!(shown.failing_since.is_some() && shown.last_error.unwrap().contains("Is its disk mounted?"));
    std::fs::rename(&away, &nas).unwrap();
    rig.clock.advance(MINUTE);
    restarted.run().await.unwrap();
    let shown = rig.copying.get(id).await;
    assert_eq!(
        (shown.last_error, shown.failing_since, shown.retry_at),
        (None, None, None)
    );
    assert_eq!(rig.states(id).await, ["copied"]);

    // A rule by age removes the archive file before the manifest.
    std::fs::remove_file(object(&nas, &archive)).unwrap();
    let restarted = CopyingCopy::on(&rig.school.scratch, &rig.clock).await;
    restarted.run().await.unwrap();
    assert_eq!(rig.states(id).await, ["pending"]);
    restarted.run().await.unwrap();
    assert_eq!(rig.states(id).await, ["copied"]);
    assert_eq!(digest(&object(&nas, &archive)), digest(&object(&rig.first(), &archive)));
}

#[on_every_engine]
async fn immutable_destination_keeps_copies_and_is_asked_once_a_day(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("vault", &s3)).await;
    let [first, _last] = [rig.back_up().await, rig.back_up().await];
    rig.run().await;
    s3.fail(S3Fault::RefusesDeletions);
    rig.delete(&first).await;
    rig.run_later().await;
    assert_eq!(rig.states(id).await, ["copied", "retained"]);
    let retained = rig.copy(id, &first).await;
    assert!(
        retained.error.as_ref().unwrap().contains("refuses to delete it"),
        "{retained:?}"
    );
    let since = rig.clock.now();
    let shown = rig.copying.get(id).await;
    assert_eq!((shown.copies.retained, shown.failing_since), (1, None));
    // Retention tells about it, and the health does not complain.
    let policy = RetentionPolicy {
        keep_last: 9,
        ..RetentionPolicy::default()
    };
    let plan = rig
        .backups
        .retention
        .preview(&rig.backups.admin, Some(&policy))
        .await
        .unwrap();
    let found = &plan.retained_copies[0];
    assert_eq!(
        (found.archive_id.as_str(), found.destination.as_str(), found.since),
        (first.as_str(), "vault", Some(since))
    );
    let report = rig.backups.health.check().await;
    assert_eq!(report.reason(HealthCode::DestinationFailing), None);
    assert_eq!(report.destinations[0].copies.retained, 1);
    // New archives are still copied.
    rig.back_up().await;
    rig.run_later().await;
    assert_eq!(rig.states(id).await, ["copied", "copied", "retained"]);
    assert_eq!(rig.copy(id, &first).await.attempts, retained.attempts);

    rig.clock.set(since + TimeDelta::days(1));
    rig.run().await;
    let again = rig.copy(id, &first).await;
    assert_ne!(again.attempts, retained.attempts);
    s3.recover();
    rig.clock.advance(TimeDelta::days(1));
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied", "copied"]);
    assert!(!s3.folder_of("vault").join(&first).join("archive.json.zst").exists());
}

#[on_every_engine(nightly)]
async fn what_a_destination_has_is_proven_and_never_overwritten(engine: Engine) {
    let rig = Rig::on(engine).await;
    let [whole, damaged, other] = [rig.back_up().await, rig.back_up().await, rig.back_up().await];
    let nas = rig.folder("nas");
    for archive in [&whole, &damaged, &other] {
        std::fs::create_dir_all(nas.join(archive)).unwrap();
        for name in ["archive.json.zst", "manifest.json"] {
            std::fs::copy(rig.first().join(archive).join(name), nas.join(archive).join(name)).unwrap();
        }
    }
    damage(&object(&nas, &damaged));
    for name in ["archive.json.zst", "manifest.json"] {
        std::fs::copy(nas.join(&whole).join(name), nas.join(&other).join(name)).unwrap();
    }
    let before = [&damaged, &other].map(|archive| digest(&object(&nas, archive)));
    let modified = |archive: &str| std::fs::metadata(object(&nas, archive)).unwrap().modified().unwrap();
    let written = modified(&whole);
    let id = rig.copying.create(rig.folder_destination("nas")).await;
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied", "failed", "failed"]);
    assert_eq!(modified(&whole), written, "it is not written again");
    for archive in [&damaged, &other] {
        let copy = rig.copy(id, archive).await;
        assert!(
            copy.error.as_ref().unwrap().contains("another archive with this id"),
            "{copy:?}"
        );
    }
    assert_eq!([&damaged, &other].map(|archive| digest(&object(&nas, archive))), before);
    let report = rig.backups.health.check().await;
    let reason = report.reason(HealthCode::DestinationFailing).unwrap();
    assert_eq!(reason.severity, Severity::Warning);
    assert!(reason.detail.contains("lacks 2 backups"), "{reason:?}");

    // An archive that is damaged in the first store is not copied.
    std::fs::remove_dir_all(nas.join(&damaged)).unwrap();
    damage(&object(&rig.first(), &damaged));
    rig.run_later().await;
    let copy = rig.copy(id, &damaged).await;
    assert!(
        copy.error.as_ref().unwrap().contains("in the first store is damaged"),
        "{copy:?}"
    );
    assert!(!nas.join(&damaged).join("manifest.json").exists());
}

/// A mount point without its disk gets no copies.
#[on_every_engine(nightly)]
async fn folder_that_is_away_is_not_created(engine: Engine) {
    let rig = Rig::on(engine).await;
    let id = rig.copying.create(rig.folder_destination("nas")).await;
    rig.back_up().await;
    let (nas, away) = (rig.folder("nas"), rig.folder("away"));
    std::fs::rename(&nas, &away).unwrap();
    rig.run().await;
    let shown = rig.copying.get(id).await;
    assert_eq!((shown.copies.pending, shown.failing_since), (1, Some(rig.clock.now())));
    assert!(shown.last_error.unwrap().contains("Is its disk mounted?"));
    assert!(!nas.exists());
    std::fs::create_dir(&nas).unwrap();
    rig.clock.advance(MINUTE);
    rig.run().await;
    assert_eq!(
        std::fs::read_dir(&nas).unwrap().count(),
        0,
        "it is only the mount point"
    );
    std::fs::remove_dir(&nas).unwrap();
    std::fs::rename(&away, &nas).unwrap();
    rig.clock.advance(MINUTE * 2);
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied"]);

    // A new disk gets all copies when the destination is saved again.
    std::fs::remove_dir_all(&nas).unwrap();
    let again = DestinationPatch {
        url: Some(rig.folder_destination("nas").url),
        ..DestinationPatch::default()
    };
    let edited = rig
        .copying
        .destinations
        .update(&rig.copying.admin, id, again)
        .await
        .unwrap();
    assert_eq!(edited.copies.copied, 1);
    rig.run().await;
    assert_eq!(rig.copying.get(id).await.copies.pending, 1);
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied"]);
    assert_eq!(listed(&nas).await.len(), 1);
}

#[on_every_engine]
async fn edited_destination_is_tried_at_once_and_another_place_gets_all(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let id = rig.copying.create(s3_destination("off-site", &s3)).await;
    rig.back_up().await;
    s3.fail(S3Fault::RefusesWith(403, "InvalidAccessKeyId"));
    rig.run().await;
    assert_eq!(rig.states(id).await, ["failed"]);
    s3.recover();
    let update = async |patch| {
        rig.copying
            .destinations
            .update(&rig.copying.admin, id, patch)
            .await
            .unwrap()
    };
    let secret = DestinationPatch {
        secret_access_key: Some(Some(harness::s3::S3_SECRET.into())),
        ..DestinationPatch::default()
    };
    update(secret).await;
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied"]);
    let elsewhere = DestinationPatch {
        url: Some(S3::url("elsewhere")),
        ..DestinationPatch::default()
    };
    let edited = update(elsewhere).await;
    assert_eq!((edited.copies.copied, edited.last_copied_at), (0, None));
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied"]);
    assert!(s3.folder_of("elsewhere").exists() && s3.folder_of("off-site").exists());
    let disabled = DestinationPatch {
        enabled: Some(false),
        ..DestinationPatch::default()
    };
    update(disabled).await;
    rig.back_up().await;
    rig.run_later().await;
    assert_eq!(rig.states(id).await, ["copied"]);
    rig.copying.destinations.delete(&rig.copying.admin, id).await.unwrap();
    assert_eq!(rig.states(id).await, Vec::<String>::new());
    assert!(s3.folder_of("elsewhere").exists(), "the copies stay there");
}

#[on_every_engine]
async fn failing_destination_is_told_once_daily_and_when_it_is_over(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (s3, receiver) = (S3::start().await, Receiver::start().await);
    let notify = NotifyCopy::on(&rig.school.scratch, &rig.clock, notify_settings()).await;
    notify.create(webhook("all", &receiver)).await;
    let id = rig.copying.create(s3_destination("off-site", &s3)).await;
    s3.fail(S3Fault::RefusesWith(403, "AccessDenied"));
    let archive = rig.back_up().await;
    rig.run().await;
    let tell = async || {
        let report = rig.backups.health.check().await;
        rig.backups.health.update_alarms(&report).await.unwrap();
        notify.deliver().await.unwrap();
    };
    let told = || {
        let requests = receiver.requests().into_iter().map(|request| request.json());
        let of_destinations = requests.filter(|event| event["type"] == "destination_failed");
        of_destinations
            .map(|event| event["data"]["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    tell().await;
    assert_eq!(told(), Vec::<String>::new(), "not before it has held");
    rig.clock.advance(HOLD);
    tell().await;
    tell().await;
    assert_eq!(told(), ["failing"]);
    // It becomes worse after a day, and is repeated daily.
    rig.clock.advance(REPEAT + MINUTE);
    let report = rig.backups.health.check().await;
    let reason = report.reason(HealthCode::DestinationFailing).unwrap();
    assert_eq!(reason.severity, Severity::Failing);
    assert!(
        reason.detail.contains("off-site") && reason.detail.contains("lack a right"),
        "{reason:?}"
    );
    tell().await;
    assert_eq!(told(), ["failing", "failing"]);
    rig.clock.advance(REPEAT);
    tell().await;
    assert_eq!(told().len(), 3);

    s3.recover();
    rig.run().await;
    assert_eq!(rig.states(id).await, ["copied"]);
    tell().await;
    rig.clock.advance(HOLD);
    tell().await;
    tell().await;
    assert_eq!(told()[3..], ["over"]);
    // No backup is affected.
    let shown = rig.backups.operations.show(&rig.backups.admin, &archive).await;
    assert_eq!(shown.unwrap().copies.unwrap()[0].error, None);
}
