//! Deletion, also after a crash.

use super::server::Server;
use super::*;
use crate::store::{SweepReport, TOMBSTONES};

on_every_store!(
    protected_archive_is_not_deleted,
    protection_of_a_copy_does_not_count,
    interrupted_copy_can_be_written_again,
    a_deleted_archive_is_gone_for_all,
    a_deletion_that_was_interrupted_is_ended,
    tombstones_of_earlier_versions_count,
    deleted_archive_that_is_copied_back_is_there_again,
    what_was_never_listed_is_swept,
    what_is_young_is_not_swept,
    archive_without_a_manifest_is_incomplete_and_stays,
    incomplete_archive_can_be_deleted,
    damaged_manifest_is_made_again,
    files_of_others_stay_beside_an_archive,
    what_is_discarded_never_was,
    what_is_not_ours_is_left_alone,
    only_the_newest_tombstones_stay,
);

async fn protected_archive_is_not_deleted(world: TestStore) {
    let store = world.open();
    let id = store.keep(b"x").await.id;
    store
        .update(&id, |manifest| {
            manifest.protected = true;
            Ok(())
        })
        .await
        .unwrap();
    let refused = store.delete(&id).await.unwrap_err();
    assert!(matches!(refused, Error::ArchiveProtected { .. }), "{refused}");
    assert_eq!(store.content(&id).await.unwrap(), b"x");
    assert_eq!(store.listed().await, [id.as_str()]);
    store
        .update(&id, |manifest| {
            manifest.protected = false;
            Ok(())
        })
        .await
        .unwrap();
    store.delete(&id).await.unwrap();
}

async fn protection_of_a_copy_does_not_count(world: TestStore) {
    let store = world.open();
    let (id, kept) = (store.keep(b"x").await.id, store.keep(b"y").await.id);
    let protect = |manifest: &mut Manifest| {
        manifest.protected = true;
        Ok(())
    };
    store.update(&id, protect).await.unwrap();
    store.delete_copy(&id).await.unwrap();
    assert_eq!(store.listed().await, [kept.as_str()]);
    assert_eq!(deleted(&store).await, [id]);
}

/// The ids of the archives that the store remembers as deleted.
async fn deleted(store: &Store) -> Vec<String> {
    store.deleted().await.unwrap().into_keys().collect()
}

/// The times of files are set anew by `chown -R` or a copy of the whole store.
#[tokio::test]
async fn archive_with_a_manifest_is_not_deleted_whatever_its_times_say() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreSettings::folder(folder.path())).unwrap();
    let id = store.keep(b"x").await.id;
    store.delete(&id).await.unwrap();
    assert_eq!(deleted(&store).await, [id.as_str()]);
    let (back, tombstone) = (folder.path().join(&id), folder.path().join("deleted").join(&id));
    std::fs::create_dir_all(&back).unwrap();
    std::fs::copy(&tombstone, back.join("manifest.json")).unwrap();
    std::fs::write(back.join("archive.json.zst"), b"x").unwrap();
    let times = std::fs::File::options().append(true).open(&tombstone).unwrap();
    times
        .set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(60))
        .unwrap();
    assert_eq!(deleted(&store).await, [""; 0]);
    store.delete_copy(&id).await.unwrap_err();
    assert!(back.join("archive.json.zst").exists());
}

/// As in a bucket whose retention rule was set after the archive was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_archive_that_is_still_there_is_retained() {
    let server = Server::start().await;
    let store = Store::open(&server.settings("s3://school/some/place")).unwrap();
    let id = store.keep(b"content").await.id;
    // It was not taken back, because that was refused, too.
    store.put_raw("deleted", &id, "").await;
    server.faults.refuse(hyper::Method::DELETE, ".zst");
    for _ in 0..2 {
        let refused = store.delete_copy(&id).await.unwrap_err();
        assert!(
            matches!(refused, Error::ArchiveRetained { is_listed: false, .. }),
            "{refused:?}"
        );
    }
    server.faults.refuse_nothing();
    assert!(matches!(
        store.delete_copy(&id).await.unwrap_err(),
        Error::ArchiveGone { .. }
    ));
    let left = store.everything().await;
    assert!(
        left.len() == 1 && left[0].ends_with(&format!("deleted/{id}")),
        "{left:?}"
    );
}

async fn interrupted_copy_can_be_written_again(world: TestStore) {
    let store = world.open();
    let (id, listed) = (store.new_id(Utc::now()), store.keep(b"listed").await.id);
    for content in [&b"first"[..], b"second"] {
        store.remove_remains(&id).await.unwrap();
        store.remove_remains(&listed).await.unwrap();
        store.write(&id, content).await;
        assert_eq!(store.content(&id).await.unwrap(), content);
    }
    assert_eq!(store.content(&listed).await.unwrap(), b"listed");
    // What a person is copying in has no mark, and stays.
    let foreign = store.new_id(Utc::now());
    store.put_raw(&foreign, "archive.json.zst", "foreign").await;
    store.remove_remains(&foreign).await.unwrap();
    assert_eq!(store.content(&foreign).await.unwrap(), b"foreign");
}

/// As with credentials that may not delete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archive_that_the_store_refuses_to_delete_stays_as_it_is() {
    let server = Server::start().await;
    let store = Store::open(&server.settings("s3://school/some/place")).unwrap();
    let id = store.keep(b"content").await.id;
    for end in ["", ".zst"] {
        server.faults.refuse(hyper::Method::DELETE, end);
        let refused = store.delete(&id).await.unwrap_err();
        assert!(
            matches!(refused, Error::ArchiveRetained { is_listed: true, .. }),
            "{end}: {refused:?}"
        );
        assert_eq!(store.listed().await, [id.as_str()]);
        assert_eq!(store.content(&id).await.unwrap(), b"content");
        assert_eq!(deleted(&store).await, [""; 0]);
        store.sweep().await.unwrap();
    }
    server.faults.refuse_nothing();
    store.delete(&id).await.unwrap();
    assert_eq!(deleted(&store).await, [id]);
}

async fn a_deleted_archive_is_gone_for_all(world: TestStore) {
    let (store, other) = (world.open(), world.open());
    let (id, kept) = (store.keep(b"x").await.id, store.keep(b"y").await.id);
    assert_eq!(other.listed().await.len(), 2);
    store.delete(&id).await.unwrap();
    for store in [&store, &other, &world.open()] {
        let gone = |error: Error| matches!(error, Error::ArchiveGone { id: asked } if asked == id);
        assert!(gone(store.manifest(&id).await.unwrap_err()));
        assert!(gone(store.read(&id, ZST, None).await.unwrap_err()));
        assert!(gone(store.update(&id, |_| Ok(())).await.unwrap_err()));
        assert!(gone(store.delete(&id).await.unwrap_err()));
        assert_eq!(store.listed().await, [kept.as_str()]);
        // The deletion is too recent.
        assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
    }
    assert_eq!(store.everything().await.len(), 3);
}

async fn a_deletion_that_was_interrupted_is_ended(world: TestStore) {
    let store = world.open();
    let id = store.keep(b"content").await.id;
    store.put_raw(DELETED, &id, "").await;
    // In a folder the manifest becomes the tombstone.
    let left = if store.0.backend.folder().is_some() {
        store.0.backend.remove(&id, MANIFEST).await.unwrap();
        1
    } else {
        2
    };
    assert!(store.listed().await.is_empty());
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveGone { .. })));
    let swept = store.sweep().await.unwrap();
    assert_eq!((swept.deleted, swept.leftovers, swept.tombstones), (left, 0, 0));
    assert_eq!(store.everything().await, [store.path(DELETED, &id).to_string()]);
}

async fn tombstones_of_earlier_versions_count(world: TestStore) {
    let store = world.open();
    let (id, interrupted) = (store.new_id(Utc::now()), store.keep(b"content").await.id);
    for id in [&id, &interrupted] {
        store.put_raw(id, OLD_TOMBSTONE, "{}").await;
    }
    assert!(store.listed().await.is_empty());
    assert_eq!(store.list().await.unwrap().unreadable, []);
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveGone { .. })));
    assert_eq!(store.sweep().await.unwrap().deleted, 2);
    let mut left = [&id, &interrupted].map(|id| store.path(id, OLD_TOMBSTONE).to_string());
    left.sort();
    assert_eq!(store.everything().await, left);
}

async fn deleted_archive_that_is_copied_back_is_there_again(world: TestStore) {
    let store = world.open();
    let manifest = store.keep(b"content").await;
    let (id, name) = (&manifest.id, "archive.json.zst");
    store.delete(id).await.unwrap();
    let deleted_at = store.0.backend.tombstone(id).await.unwrap().unwrap().changed;
    // An S3 server may have times of whole seconds.
    until("the copy is later than the deletion", || async {
        store.put_raw(id, name, "content").await;
        store.0.backend.object_version(id, name).await.unwrap().unwrap().changed > deleted_at
    })
    .await;
    assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
    assert_eq!(store.list().await.unwrap().unreadable[0].code, "incomplete");
    assert!(matches!(store.manifest(id).await, Err(Error::ArchiveIncomplete { .. })));
    store.put_raw(id, MANIFEST, manifest.to_json()).await;
    assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
    assert_eq!(store.listed().await, [id.as_str()]);
    assert_eq!(*store.manifest(id).await.unwrap(), manifest);
    // New times must not make the archive look deleted again.
    assert!(store.0.backend.tombstone(id).await.unwrap().is_none());
    store
        .update(id, |manifest| {
            manifest.protected = true;
            Ok(())
        })
        .await
        .unwrap();
    store
        .update(id, |manifest| {
            manifest.protected = false;
            Ok(())
        })
        .await
        .unwrap();
    store.delete(id).await.unwrap();
    assert!(matches!(store.manifest(id).await, Err(Error::ArchiveGone { .. })));
}

async fn what_was_never_listed_is_swept(world: TestStore) {
    let store = world.open();
    let (kept, left) = (store.keep(b"x").await.id, store.new_id(Utc::now()));
    store.write(&left, b"content").await;
    assert_eq!(store.list().await.unwrap().unreadable, [], "it is being checked");
    if store.0.backend.folder().is_some() {
        let at_work = world.open().sweep().await.unwrap();
        assert_eq!(at_work, SweepReport::default(), "its writer is still there");
    }
    drop(store);
    let store = world.open();
    let swept = store.sweep().await.unwrap();
    assert_eq!((swept.leftovers, swept.bytes), (1, 7));
    assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
    assert_eq!(store.listed().await, [kept]);
    assert_eq!(store.everything().await.len(), 2);
}

async fn what_is_young_is_not_swept(mut world: TestStore) {
    world.leftover_age = Duration::from_secs(60);
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.write(&id, b"content").await;
    let unfinished = names::unfinished("archive.json.zst");
    store.put_raw(&id, &unfinished, "x").await;
    drop(store);
    let store = world.open();
    assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
    assert_eq!(store.content(&id).await.unwrap(), b"content");
    assert_eq!(store.everything().await.len(), 3);
}

async fn archive_without_a_manifest_is_incomplete_and_stays(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.put_raw(&id, "archive.json.zst", "content").await;
    for _ in 0..2 {
        assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
        let listing = store.list().await.unwrap();
        assert!(listing.archives.is_empty());
        let [incomplete] = listing.unreadable.as_slice() else {
            panic!("{listing:?}")
        };
        assert_eq!((incomplete.id.as_str(), incomplete.code), (id.as_str(), "incomplete"));
        let refused = store.manifest(&id).await.unwrap_err();
        assert!(matches!(refused, Error::ArchiveIncomplete { .. }), "{refused}");
        assert_eq!(store.content(&id).await.unwrap(), b"content");
    }
    assert_eq!(store.file_of(&id).await.unwrap(), ZST.into());
    let manifest = manifest_of(&id, 7);
    store.remake_manifest(&manifest).await.unwrap();
    assert_eq!(store.listed().await, [id.as_str()]);
    assert!(store.remake_manifest(&manifest).await.is_err(), "it has one");
}

async fn incomplete_archive_can_be_deleted(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.put_raw(&id, "archive.json.zst", "content").await;
    store.delete(&id).await.unwrap();
    assert_eq!(store.list().await.unwrap().unreadable, []);
    assert!(matches!(store.delete(&id).await, Err(Error::ArchiveGone { .. })));
    assert_eq!(store.everything().await, [store.path(DELETED, &id).to_string()]);
}

async fn damaged_manifest_is_made_again(world: TestStore) {
    let store = world.open();
    let manifest = store.keep(b"content").await;
    store.put_raw(&manifest.id, MANIFEST, "{").await;
    assert_eq!(store.list().await.unwrap().unreadable.len(), 1);
    store.remake_manifest(&manifest).await.unwrap();
    assert_eq!(*store.manifest(&manifest.id).await.unwrap(), manifest);
}

async fn files_of_others_stay_beside_an_archive(world: TestStore) {
    let store = world.open();
    let (kept, left) = (store.keep(b"x").await.id, store.new_id(Utc::now()));
    store.write(&left, b"unfinished").await;
    let foreign = ["notes.txt", "archive.json.zst.part", ".notes.txt.x1y2z3.part"];
    for id in [&kept, &left] {
        for name in foreign {
            store.put_raw(id, name, "of a person").await;
        }
    }
    drop(store);
    let store = world.open();
    let swept = store.sweep().await.unwrap();
    assert_eq!((swept.leftovers, swept.deleted), (1, 0));
    store.delete(&kept).await.unwrap();
    store.sweep().await.unwrap();
    let mut names = store.everything().await;
    names.retain(|name| !name.contains(DELETED));
    let expected = [&kept, &left].map(|id| foreign.map(|name| store.path(id, name).to_string()));
    let mut expected: Vec<_> = expected.into_iter().flatten().collect();
    expected.sort();
    assert_eq!(names, expected);
}

async fn what_is_discarded_never_was(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.write(&id, b"content").await;
    store.discard(&id, ZST).await.unwrap();
    assert!(store.everything().await.is_empty());
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveNotFound { .. })));
}

async fn what_is_not_ours_is_left_alone(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    let foreign = [
        store.prefix().join("readme.txt"),
        store.path("not-an-id", "archive.json"),
        store.path(&id, "deeper").join("archive.json"),
        store.path("deleted", "readme.txt"),
    ];
    for path in &foreign {
        store.raw().put(path, "x".into()).await.unwrap();
    }
    assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
    assert!(store.listed().await.is_empty());
    assert_eq!(store.everything().await.len(), foreign.len());
}

async fn only_the_newest_tombstones_stay(world: TestStore) {
    let store = world.open();
    for number in 0..TOMBSTONES + 3 {
        let id = format!("2026-11-25T03-53-08Z-{number:08x}");
        store.put_raw(DELETED, &id, "").await;
    }
    assert_eq!(store.sweep().await.unwrap().tombstones, 3);
    assert_eq!(store.everything().await.len(), TOMBSTONES);
    assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_tombstones_are_deleted() {
    let world = TestStore::folder();
    let store = world.open();
    let id = store.keep(b"x").await.id;
    store.delete(&id).await.unwrap();
    let sign = store.0.backend.folder().unwrap().root().join(DELETED).join(&id);
    let old = std::time::SystemTime::now() - Duration::from_secs(401 * 24 * 60 * 60);
    let file = std::fs::File::options().append(true).open(&sign).unwrap();
    file.set_modified(old).unwrap();
    assert_eq!(store.sweep().await.unwrap().tombstones, 1);
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveNotFound { .. })));
    assert!(!sign.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_beside_fifty_thousand_tombstones_is_quick() {
    let world = TestStore::folder();
    let store = world.open();
    let id = store.keep(b"x").await.id;
    let deleted = store.0.backend.folder().unwrap().root().join(DELETED);
    for number in 0..50_000 {
        std::fs::write(deleted.join(format!("2026-11-25T03-53-08Z-{number:08x}")), "").unwrap();
    }
    let begin = Instant::now();
    assert_eq!(store.listed().await, [id.as_str()]);
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert_eq!(store.sweep().await.unwrap().tombstones, 50_000 - TOMBSTONES as u64);
    assert_eq!(std::fs::read_dir(&deleted).unwrap().count(), TOMBSTONES);
}
