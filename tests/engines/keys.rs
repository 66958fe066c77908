//! Keys of archives: public keys alone, the identity of a caller, and archives that are encrypted again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use campus_backup_archive::manifest::{VerificationLevel, VerificationResult};
use campus_backup_archive::{self as archive, Encryption, Keys, Manifest, Recipients};
use campus_backup_domain::Error;
use campus_backup_domain::catalog::TableScope;
use campus_backup_domain::clear::{Clear, ClearMode, Confirmation};
use campus_backup_domain::health::HealthCode;
use campus_backup_domain::job::{Job, JobResult, JobState, Progress, RekeyReport};
use campus_backup_domain::operations::{Annotations, ArchiveOrigin, KeyMode};
use campus_backup_domain::schedule::{NewSchedule, RunState, SchedulePatch, Verify};
use campus_backup_domain::store::{Store, StoreSettings};
use campus_backup_domain::verify;
use chrono::{SubsecRound as _, TimeDelta, Utc};

use harness::destination_rig::{CopyingCopy, copy_states, destination_folder, folder_destination, s3_destination};
use harness::s3::{S3, S3Fault};
use harness::schedule_rig::{ScheduleCopy, TestClock, runs, schedule, until_all_ended};
use harness::{Engine, School, on_every_engine, small_school};

/// A small school with its archives.
struct Rig {
    school: School,
    clock: TestClock,
    store: StoreSettings,
}

impl Rig {
    async fn on(engine: Engine) -> Self {
        let school = small_school(engine).await;
        let clock = TestClock::at("2026-11-29T15:00:00Z");
        clock.set(Utc::now().trunc_subsecs(6));
        let store = swept_at_once(StoreSettings::folder(school.scratch.folder().join("archives")));
        Self { school, clock, store }
    }

    /// A copy of the service that encrypts to these public keys and has these secret keys.
    async fn copy(&self, recipients: Recipients, keys: &Keys) -> ScheduleCopy {
        let (store, keys) = (self.store.clone(), keys.clone());
        ScheduleCopy::with_keys(&self.school.scratch, &self.clock, store, recipients, keys).await
    }

    /// A copy of the service that encrypts to public keys alone.
    async fn without_key(&self, identity: &Keys) -> ScheduleCopy {
        self.copy(identity.recipients(), &Keys::none()).await
    }

    fn folder(&self, id: &str) -> PathBuf {
        self.school.scratch.folder().join("archives").join(id)
    }

    async fn manifest(&self, id: &str) -> Manifest {
        let store = Store::open_existing(&self.store).unwrap();
        Manifest::clone(&*store.manifest(id).await.unwrap())
    }

    /// Whether the keys open an archive of the store, with the content of its manifest.
    async fn open(&self, id: &str, keys: &Keys) -> Result<(), Error> {
        let store = Store::open_existing(&self.store).unwrap();
        let manifest = store.manifest(id).await?;
        let source = store.source(id, manifest.file());
        verify::digest(&source, keys, Some(&manifest), &Progress::default())
            .await
            .map(drop)
    }

    /// Checks that these keys open an archive and those do not.
    async fn assert_opened_by(&self, id: &str, keys: &Keys, not_by: &Keys) {
        self.open(id, keys).await.unwrap();
        assert_key_error(&self.open(id, not_by).await.unwrap_err());
    }
}

/// A store from which leftovers are removed at any age.
fn swept_at_once(mut store: StoreSettings) -> StoreSettings {
    store.leftover_age = Duration::ZERO;
    store
}

async fn back_up(copy: &ScheduleCopy) -> String {
    let submitted = copy.operations.create_backup(&copy.admin, Annotations::default(), None);
    match ended(submitted.await).await.result {
        Some(JobResult::Archive(backup)) => backup.archive_id,
        other => panic!("{other:?}"),
    }
}

async fn ended(submitted: Result<campus_backup_domain::job::Submitted, Error>) -> Job {
    submitted.unwrap().ended().await.unwrap()
}

/// Encrypts an archive again, and returns the job.
async fn rekey(copy: &ScheduleCopy, id: &str) -> Job {
    ended(copy.operations.rekey(&copy.admin, id, None).await).await
}

async fn clear_attendance(copy: &ScheduleCopy) -> String {
    let clear = Clear {
        scope: TableScope::from_name("attendance").unwrap(),
        mode: ClearMode::Remove,
        expected: None,
        confirmation: None,
    };
    let cleared = copy.operations.clear(&copy.admin, Confirmation::Optional, &clear, None);
    let job = ended(cleared.await).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    job.id
}

fn fingerprints(keys: &Keys) -> Vec<String> {
    let keys = keys.recipients().public_keys().into_iter();
    keys.map(|key| key.fingerprint.to_string()).collect()
}

#[track_caller]
fn assert_key_error(error: &Error) {
    let is_about_keys = matches!(
        error,
        Error::Archive(archive::Error::KeyRequired { .. } | archive::Error::WrongKey)
    );
    assert!(is_about_keys, "{error:?}");
}

/// The files with the content of an archive.
fn archive_files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "manifest.json").collect();
    names.sort();
    names
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Every text of the service's own tables.
async fn service_tables(rig: &Rig) -> String {
    let mut all = String::new();
    for table in [
        "backup_jobs",
        "backup_archives",
        "backup_changes",
        "backup_settings",
        "backup_keys",
        "backup_audit_events",
        "backup_outbox",
    ] {
        let rows = rig.school.scratch.rows(&format!("select * from {table}")).await;
        all.push_str(&format!("{rows:?}"));
    }
    all
}

#[on_every_engine]
async fn backup_to_public_keys_alone_is_read_back_and_opened_by_the_identity_only(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (identity, second) = (Keys::generate(), Keys::generate());
    let recipients = identity.recipients().with(&second.recipients());
    let copy = rig.copy(recipients, &Keys::none()).await;
    assert_eq!(copy.operations.key_mode(), KeyMode::Recipients);
    assert!(!copy.operations.opens_new_archives());
    let id = back_up(&copy).await;
    let manifest = rig.manifest(&id).await;
    assert_eq!(manifest.object.encryption, Encryption::Age);
    assert_eq!(
        manifest.recipients,
        [fingerprints(&identity), fingerprints(&second)].concat()
    );
    for keys in [&identity, &second] {
        rig.assert_opened_by(&id, keys, &Keys::generate()).await;
    }

    // The header has one more recipient: the key with which the archive was read back.
    let bytes = std::fs::read(rig.folder(&id).join("archive.json.zst.age")).unwrap();
    let header = String::from_utf8_lossy(&bytes[..1_000]).into_owned();
    assert_eq!(header.matches("-> X25519 ").count(), 3, "{header}");
    // No file and no row has the text of a secret key of age. The bytes of the key itself are not known here, so they can't be
    // searched for: what is searched for is the prefix that each text of a key has, in any case, and a file that parses as a key.
    assert!(!service_tables(&rig).await.contains("AGE-SECRET-KEY"));
    for file in files(rig.school.scratch.folder()) {
        let bytes = std::fs::read(&file).unwrap();
        let has_key = bytes
            .windows(14)
            .any(|part| part.eq_ignore_ascii_case(b"AGE-SECRET-KEY"));
        assert!(!has_key, "{}", file.display());
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Ok(keys) = Keys::parse(text)
        {
            panic!("{} has {keys:?}", file.display());
        }
    }

    // A key file beside it: the service opens its archives again, and both keys do.
    let own = Keys::generate();
    let recipients = identity.recipients().with(&own.recipients());
    let copy = rig.copy(recipients, &own).await;
    assert_eq!(copy.operations.key_mode(), KeyMode::KeyFile);
    let id = back_up(&copy).await;
    for keys in [&identity, &own] {
        rig.assert_opened_by(&id, keys, &second).await;
    }
    let header = std::fs::read(rig.folder(&id).join("archive.json.zst.age")).unwrap();
    let header = String::from_utf8_lossy(&header[..1_000]).into_owned();
    assert_eq!(header.matches("-> X25519 ").count(), 2, "no further key is needed");
}

#[on_every_engine]
async fn identity_of_the_caller_opens_for_its_request_alone(engine: Engine) {
    let rig = Rig::on(engine).await;
    let identity = Keys::generate();
    let copy = rig.without_key(&identity).await;
    let (operations, admin) = (&copy.operations, &copy.admin);
    let id = back_up(&copy).await;
    let wrong = operations.with_identity(&Keys::generate());
    let right = operations.with_identity(&identity);
    for level in [VerificationLevel::Digest, VerificationLevel::TestRestore] {
        assert_key_error(&operations.verify(admin, &id, level, None).await.unwrap_err());
        assert_key_error(&wrong.verify(admin, &id, level, None).await.unwrap_err());
        let job = ended(right.verify(admin, &id, level, None).await).await;
        assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    }
    let jobs = rig
        .school
        .scratch
        .number("select count(*) from backup_jobs where kind = 'verify'")
        .await;
    assert_eq!(jobs, 2, "a refused request leaves no job");
    let shown = operations.show(admin, &id).await.unwrap();
    assert_eq!(shown.verifications().len(), 2);

    // The clear needs no key, and its undo does.
    let before = rig.school.scratch.everything().await;
    let clear_id = clear_attendance(&copy).await;
    assert_ne!(rig.school.scratch.everything().await, before);
    assert_key_error(&operations.undo(admin, &clear_id, None).await.unwrap_err());
    assert_key_error(&wrong.undo(admin, &clear_id, None).await.unwrap_err());
    let job = ended(right.undo(admin, &clear_id, None).await).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    assert_eq!(rig.school.scratch.everything().await, before);
    // It was used in memory alone, and the service still has no key.
    assert!(!service_tables(&rig).await.contains("AGE-SECRET-KEY"));
    assert_key_error(
        &operations
            .verify(admin, &id, VerificationLevel::Digest, None)
            .await
            .unwrap_err(),
    );
}

#[on_every_engine]
async fn rekeyed_archive_keeps_its_id_and_its_content(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (former, next) = (Keys::generate(), Keys::generate());
    let copy = rig.copy(former.recipients(), &former).await;
    let plain = rig.copy(Recipients::none(), &Keys::none()).await;
    let ids = [back_up(&copy).await, back_up(&plain).await];
    let protected = Annotations {
        protected: true,
        label: Some("before the exams".to_owned()),
        note: None,
    };
    let submitted = copy.operations.create_backup(&copy.admin, protected, None);
    let protected = ended(submitted.await).await.result;
    let Some(JobResult::Archive(protected)) = protected else {
        panic!("{protected:?}")
    };
    let ids = [ids[0].clone(), ids[1].clone(), protected.archive_id];
    let verified = copy
        .operations
        .verify(&copy.admin, &ids[0], VerificationLevel::Digest, None);
    assert_eq!(ended(verified.await).await.state, JobState::Succeeded);

    // Rotation: new archives use the next key, and the former one opens the old ones.
    let copy = rig.copy(next.recipients(), &next.clone().with(&former)).await;
    rig.open(&back_up(&copy).await, &next).await.unwrap();
    for id in &ids {
        let before = rig.manifest(id).await;
        assert!(!copy.operations.has_current_keys(&before));
        let job = rekey(&copy, id).await;
        assert_eq!(job.state, JobState::Succeeded, "{job:?}");
        let report: RekeyReport = job.report().unwrap();
        assert_eq!((&report.archive_id, &report.recipients), (id, &fingerprints(&next)));
        let after = rig.manifest(id).await;
        assert!(copy.operations.has_current_keys(&after));
        assert_eq!(after.object.size, report.size);
        assert_ne!(after.object.sha256, before.object.sha256);
        assert_eq!(
            archive_files(&rig.folder(id)),
            [after.file().name()],
            "nothing is left of it"
        );
        rig.assert_opened_by(id, &next, &former).await;
        // The reading of the new file is its last verification, and the only one of the bytes that are stored now.
        assert_eq!(after.version, 2, "earlier programs refuse it");
        let current: Vec<_> = after.current_verifications().collect();
        assert_eq!(current.len(), 1, "{after:?}");
        assert_eq!(Some(current[0].at), after.rekeyed_at);
        assert_eq!(current[0].result, VerificationResult::Ok);
        let earlier = after.verifications.len() - 1;
        assert_eq!(after.verifications[..earlier], before.verifications);
        // Everything else is as it was.
        let unchanged = Manifest {
            object: before.object.clone(),
            version: before.version,
            file_number: before.file_number,
            rekeyed_at: before.rekeyed_at,
            recipients: before.recipients.clone(),
            verifications: before.verifications.clone(),
            signature: before.signature.clone(),
            ..after
        };
        assert_eq!(unchanged, before);
        let shown = copy.operations.show(&copy.admin, id).await.unwrap();
        assert_eq!(shown.origin, Some(ArchiveOrigin::MadeHere));
        assert_eq!(
            shown.verifications().len(),
            before.verifications.len() + 1,
            "the manifest is signed again"
        );
        // It can be used as before, and encrypted once more.
        let verified = copy
            .operations
            .verify(&copy.admin, id, VerificationLevel::TestRestore, None);
        assert_eq!(ended(verified.await).await.state, JobState::Succeeded);
        assert_eq!(rekey(&copy, id).await.state, JobState::Succeeded);
        rig.assert_opened_by(id, &next, &former).await;
    }
    // The bytes that the record has are those of the store, so an exchanged file is found.
    let file = rig.folder(&ids[0]).join(rig.manifest(&ids[0]).await.file().name());
    harness::s3::damage(&file);
    let verified = copy
        .operations
        .verify(&copy.admin, &ids[0], VerificationLevel::Digest, None);
    assert_eq!(ended(verified.await).await.state, JobState::Failed);

    // Without the key that opens it, nothing is begun. Without encryption neither.
    let stranger = rig.without_key(&Keys::generate()).await;
    let refused = stranger.operations.rekey(&stranger.admin, &ids[1], None).await;
    assert_key_error(&refused.unwrap_err());
    let refused = plain.operations.rekey(&plain.admin, &ids[1], None).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { .. }), "{refused:?}");
    rig.assert_opened_by(&ids[1], &next, &former).await;
}

#[on_every_engine]
async fn rekeyed_safety_backup_undoes_its_clear(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (former, next) = (Keys::generate(), Keys::generate());
    let copy = rig.without_key(&former).await;
    let before = rig.school.scratch.everything().await;
    let clear_id = clear_attendance(&copy).await;
    let safety = rig
        .school
        .scratch
        .value("select archive_id from backup_archives")
        .await
        .unwrap();
    let copy = rig.without_key(&next).await;
    let with_former = copy.operations.with_identity(&former);
    let job = ended(with_former.rekey(&copy.admin, &safety, None).await).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    assert_key_error(&with_former.undo(&copy.admin, &clear_id, None).await.unwrap_err());
    let with_next = copy.operations.with_identity(&next);
    let job = ended(with_next.undo(&copy.admin, &clear_id, None).await).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    assert_eq!(rig.school.scratch.everything().await, before);
}

/// After each refusal of the store the archive is unchanged, and the next attempt succeeds.
#[on_every_engine]
async fn archive_is_readable_after_a_failure_at_any_step_of_its_rekey(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let rig = Rig {
        store: swept_at_once(s3.settings()),
        ..rig
    };
    let (former, next) = (Keys::generate(), Keys::generate());
    let copy = rig.copy(former.recipients(), &former).await;
    let id = back_up(&copy).await;
    let copy = rig.copy(next.recipients(), &next.clone().with(&former)).await;
    let before = rig.manifest(&id).await;
    for fault in [
        S3Fault::CutsUploads,
        S3Fault::DamagesUploads,
        S3Fault::FailsUploadsOf("archive-"),
        S3Fault::FailsUploadsOf("unfinished"),
        S3Fault::FailsUploadsOf("manifest.json"),
    ] {
        s3.fail(fault);
        let job = rekey(&copy, &id).await;
        assert_eq!(job.state, JobState::Failed, "{fault:?}: {job:?}");
        s3.recover();
        let after = rig.manifest(&id).await;
        assert_eq!(
            (after.file(), &after.object),
            (before.file(), &before.object),
            "{fault:?}"
        );
        rig.assert_opened_by(&id, &former, &next).await;
        let shown = copy.operations.show(&copy.admin, &id).await.unwrap();
        assert_eq!(shown.origin, Some(ArchiveOrigin::MadeHere), "{fault:?}");
        let verified = copy
            .operations
            .verify(&copy.admin, &id, VerificationLevel::Digest, None);
        assert_eq!(ended(verified.await).await.state, JobState::Succeeded, "{fault:?}");
    }
    // An immutable bucket keeps the former file. The archive has the new one.
    s3.fail(S3Fault::RefusesDeletions);
    let job = rekey(&copy, &id).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    s3.recover();
    rig.assert_opened_by(&id, &next, &former).await;
    // The former file, and all that the failures have left, is swept.
    copy.operations.sweep().await.unwrap();
    let store = Store::open_existing(&rig.store).unwrap();
    let manifest = store.manifest(&id).await.unwrap();
    assert!(store.read(&id, before.file(), None).await.is_err(), "it was removed");
    store.read(&id, manifest.file(), None).await.unwrap();
    rig.assert_opened_by(&id, &next, &former).await;
}

/// A kill between two steps: the archive is readable and proven, and what is left is swept.
#[on_every_engine]
async fn archive_is_readable_after_a_kill_at_any_step(engine: Engine) {
    let rig = Rig::on(engine).await;
    let (former, next) = (Keys::generate(), Keys::generate());
    let copy = rig.copy(former.recipients(), &former).await;
    let id = back_up(&copy).await;
    let folder = rig.folder(&id);
    let state = || {
        let files = files(&folder).into_iter();
        files
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect::<Vec<_>>()
    };
    let before = (rig.manifest(&id).await, state());
    let copy = rig.copy(next.recipients(), &next.clone().with(&former)).await;
    assert_eq!(rekey(&copy, &id).await.state, JobState::Succeeded);
    let after = (rig.manifest(&id).await, state());
    let record = async |current: &Manifest, other: Option<&Manifest>| {
        let text = |value: Option<String>| value.map_or("null".to_owned(), |value| format!("'{value}'"));
        let sha256 = text(other.map(|manifest| manifest.object.sha256.clone()));
        let size = other.map_or("null".to_owned(), |manifest| manifest.object.size.to_string());
        let sql = format!(
            "update backup_archives set object_sha256 = '{}', object_size = {}, rekeyed_sha256 = {sha256}, \
             rekeyed_size = {size} where archive_id = '{id}'",
            current.object.sha256, current.object.size
        );
        rig.school.scratch.execute(&sql).await;
    };
    let write = |files: &[(PathBuf, Vec<u8>)]| {
        for (path, bytes) in files {
            std::fs::write(path, bytes).unwrap();
        }
    };
    let proven = async |keys: &Keys, others: &Keys, file: &Manifest| {
        rig.assert_opened_by(&id, keys, others).await;
        let shown = copy.operations.show(&copy.admin, &id).await.unwrap();
        assert_eq!(shown.origin, Some(ArchiveOrigin::MadeHere));
        copy.operations.sweep().await.unwrap();
        assert_eq!(archive_files(&folder), [file.file().name()]);
        rig.assert_opened_by(&id, keys, others).await;
        let verified = copy
            .operations
            .verify(&copy.admin, &id, VerificationLevel::Digest, None);
        let job = ended(verified.await).await;
        assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    };
    // The database is from before, or the archive was copied back from a place that had its former file. The installation has
    // signed both manifests, and the content is the same.
    write(&after.1);
    record(&before.0, None).await;
    proven(&next, &former, &after.0).await;
    std::fs::remove_file(folder.join(after.0.file().name())).unwrap();
    write(&before.1);
    record(&after.0, None).await;
    proven(&former, &next, &before.0).await;
    // The new file is there, and nothing names it.
    write(&after.1);
    write(&before.1);
    record(&before.0, None).await;
    proven(&former, &next, &before.0).await;
    // The record has both files, and the manifest still names the former one.
    write(&after.1);
    write(&before.1);
    record(&before.0, Some(&after.0)).await;
    proven(&former, &next, &before.0).await;
    // The manifest names the new file, and the former one is still there.
    write(&before.1);
    write(&after.1);
    record(&before.0, Some(&after.0)).await;
    proven(&next, &former, &after.0).await;
    // And it can be encrypted once more.
    let job = rekey(&copy, &id).await;
    assert_eq!(job.state, JobState::Succeeded, "{job:?}");
    rig.assert_opened_by(&id, &next, &former).await;
}

#[on_every_engine]
async fn copies_of_a_rekeyed_archive_are_made_again(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let (former, next) = (Keys::generate(), Keys::generate());
    let copy = rig.copy(former.recipients(), &former).await;
    let copying = CopyingCopy::on(&rig.school.scratch, &rig.clock).await;
    let nas = copying.create(folder_destination("nas", &rig.school.scratch)).await;
    let bucket = copying.create(s3_destination("off-site", &s3)).await;
    let id = back_up(&copy).await;
    copying.run().await.unwrap();
    let copy = rig.copy(next.recipients(), &next.clone().with(&former)).await;
    let folders = [
        destination_folder(&rig.school.scratch).join("nas"),
        s3.folder_of("off-site"),
    ];
    // Twice, because the second time the destinations have a file with a number already.
    for _ in 0..2 {
        assert_eq!(rekey(&copy, &id).await.state, JobState::Succeeded);
        for destination in [nas, bucket] {
            assert_eq!(copy_states(&rig.school.scratch, destination).await, ["pending"]);
        }
        copying.run().await.unwrap();
        let manifest = rig.manifest(&id).await;
        for (destination, folder) in [nas, bucket].into_iter().zip(&folders) {
            assert_eq!(copy_states(&rig.school.scratch, destination).await, ["copied"]);
            let folder = folder.join(&id);
            assert_eq!(archive_files(&folder), [manifest.file().name()]);
            for name in [manifest.file().name(), "manifest.json".to_owned()] {
                let (copied, first) = (folder.join(&name), rig.folder(&id).join(&name));
                assert_eq!(std::fs::read(copied).unwrap(), std::fs::read(first).unwrap(), "{name}");
            }
        }
    }
    // A copy whose row was not changed, because the program was killed before, is found by its manifest.
    let manifest = rig.manifest(&id).await;
    assert_eq!(rekey(&copy, &id).await.state, JobState::Succeeded);
    rig.school
        .scratch
        .execute("update backup_archive_copies set state = 'copied'")
        .await;
    for _ in 0..3 {
        rig.clock.advance(TimeDelta::minutes(10));
        copying.run().await.unwrap();
    }
    assert_ne!(rig.manifest(&id).await.file(), manifest.file());
    for (destination, folder) in [nas, bucket].into_iter().zip(&folders) {
        assert_eq!(copy_states(&rig.school.scratch, destination).await, ["copied"]);
        assert_eq!(
            archive_files(&folder.join(&id)),
            [rig.manifest(&id).await.file().name()]
        );
    }
}

/// An immutable destination is not asked again and again.
#[on_every_engine]
async fn destination_that_lets_nothing_be_overwritten_gets_the_new_file_and_a_note(engine: Engine) {
    let rig = Rig::on(engine).await;
    let s3 = S3::start().await;
    let (former, next) = (Keys::generate(), Keys::generate());
    let copy = rig.copy(former.recipients(), &former).await;
    let copying = CopyingCopy::on(&rig.school.scratch, &rig.clock).await;
    let bucket = copying.create(s3_destination("off-site", &s3)).await;
    let id = back_up(&copy).await;
    copying.run().await.unwrap();
    let copy = rig.copy(next.recipients(), &next.clone().with(&former)).await;
    let before = rig.manifest(&id).await;
    s3.fail(S3Fault::RefusesUploadsOf("manifest.json"));
    assert_eq!(rekey(&copy, &id).await.state, JobState::Succeeded);
    for _ in 0..2 {
        copying.run().await.unwrap();
        assert_eq!(copy_states(&rig.school.scratch, bucket).await, ["copied"]);
        rig.clock.advance(TimeDelta::minutes(10));
    }
    let after = rig.manifest(&id).await;
    let scratch = &rig.school.scratch;
    let note = scratch.value("select error from backup_archive_copies").await.unwrap();
    assert!(note.contains("lets nothing be overwritten"), "{note}");
    let size = scratch.value("select size from backup_archive_copies").await;
    assert_eq!(size, Some(after.object.size.to_string()));
    let files = archive_files(&s3.folder_of("off-site").join(&id));
    for manifest in [before, after] {
        assert!(files.contains(&manifest.file().name()), "{files:?}");
    }
}

#[on_every_engine]
async fn unattended_work_does_not_need_the_key(engine: Engine) {
    let rig = Rig::on(engine).await;
    let identity = Keys::generate();
    let with_key = rig.copy(identity.recipients(), &identity).await;
    let nightly = |name: &str, verify| NewSchedule {
        verify,
        ..schedule(name, "0 1 * * *")
    };
    let verified = nightly("verified", Verify::Digest);
    let created = with_key
        .schedules
        .create(&with_key.admin, verified.clone(), None)
        .await
        .unwrap();
    drop(with_key);

    let copy = rig.without_key(&identity).await;
    let refused = copy
        .schedules
        .create(&copy.admin, nightly("another", Verify::TestRestore), None)
        .await;
    assert!(
        matches!(refused, Err(Error::Invalid { field: "verify", .. })),
        "{refused:?}"
    );
    copy.schedules
        .create(&copy.admin, nightly("plain", Verify::None), None)
        .await
        .unwrap();
    // A schedule that verifies from before can still be edited.
    let patch = SchedulePatch {
        label: Some(Some("nightly".to_owned())),
        ..SchedulePatch::default()
    };
    copy.schedules.update(&copy.admin, created.id, patch).await.unwrap();
    let patch = SchedulePatch {
        verify: Some(Verify::TestRestore),
        ..SchedulePatch::default()
    };
    let refused = copy.schedules.update(&copy.admin, created.id, patch).await;
    assert!(
        matches!(refused, Err(Error::Invalid { field: "verify", .. })),
        "{refused:?}"
    );

    rig.clock.advance(TimeDelta::days(1));
    copy.tick().await.unwrap();
    let copies = [copy];
    until_all_ended(&rig.school.scratch, &copies).await;
    let [copy] = copies;
    let runs = runs(&rig.school.scratch).await;
    assert_eq!(runs.len(), 2);
    for run in &runs {
        assert_eq!(
            (run.state, run.verify_job_id.as_deref()),
            (RunState::Succeeded, None),
            "{run:?}"
        );
    }
    let report = copy.health.check().await;
    assert!(report.key.encrypts && report.key.needs_identity);
    assert_eq!(report.key.opens_last_backup, Some(false));
    for code in [
        HealthCode::NeverVerified,
        HealthCode::VerificationStale,
        HealthCode::KeyUnusable,
    ] {
        assert!(report.reason(code).is_none(), "{report:?}");
    }
    assert!(report.reason(HealthCode::IdentityUnproven).is_some(), "{report:?}");
    // A verification with the identity counts, and damage that it finds is reported.
    let id = runs[0].archive_id.clone().unwrap();
    let holder = copy.operations.with_identity(&identity);
    let verified = holder.verify(&copy.admin, &id, VerificationLevel::Digest, None);
    assert_eq!(ended(verified.await).await.state, JobState::Succeeded);
    let report = copy.health.check().await;
    assert_eq!(report.last_verified.as_ref().unwrap().archive_id, id);
    assert!(report.reason(HealthCode::IdentityUnproven).is_none(), "{report:?}");
    assert_eq!(
        rig.manifest(&id).await.verifications.last().unwrap().result,
        VerificationResult::Ok
    );
}
