//! Deleting, and what a crash leaves.

use super::*;
use crate::store::Swept;

on_every_store!(
    a_pinned_archive_is_not_deleted,
    a_deleted_archive_is_gone_for_all,
    a_deletion_that_was_interrupted_is_ended,
    what_was_never_listed_is_swept,
    what_is_young_is_not_swept_where_nobody_knows,
    what_is_discarded_never_was,
    what_is_not_ours_is_left_alone,
);

async fn a_pinned_archive_is_not_deleted(world: World) {
    let store = world.open();
    let id = store.keep(b"x").await.id;
    store.update(&id, |manifest| manifest.pinned = true).await.unwrap();
    let refused = store.delete(&id).await.unwrap_err();
    assert!(matches!(refused, Error::ArchivePinned { .. }), "{refused}");
    assert_eq!(store.content(&id).await.unwrap(), b"x");
    assert_eq!(store.listed().await, [id.as_str()]);
    store.update(&id, |manifest| manifest.pinned = false).await.unwrap();
    store.delete(&id).await.unwrap();
}

async fn a_deleted_archive_is_gone_for_all(world: World) {
    let (store, other) = (world.open(), world.open());
    let (id, kept) = (store.keep(b"x").await.id, store.keep(b"y").await.id);
    assert_eq!(other.listed().await.len(), 2);
    store.delete(&id).await.unwrap();
    for store in [&store, &other, &world.open()] {
        let gone = |error: Error| matches!(error, Error::ArchiveGone { id: asked } if asked == id);
        assert!(gone(store.manifest(&id).await.unwrap_err()));
        assert!(gone(store.read(&id, ZST, None).await.unwrap_err()));
        assert!(gone(store.update(&id, |_| ()).await.unwrap_err()));
        assert!(gone(store.delete(&id).await.unwrap_err()));
        assert_eq!(store.listed().await, [kept.as_str()]);
        // It was only now.
        assert_eq!(store.sweep().await.unwrap(), Swept::default());
    }
    assert_eq!(store.everything().await.len(), 3);
}

async fn a_deletion_that_was_interrupted_is_ended(world: World) {
    let store = world.open();
    let id = store.keep(b"content").await.id;
    let sign = store.path(&id, TOMBSTONE).unwrap();
    store.0.objects.put(&sign, "{}".into()).await.unwrap();
    assert!(store.listed().await.is_empty());
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveGone { .. })));
    let swept = store.sweep().await.unwrap();
    assert_eq!((swept.deleted, swept.leftovers, swept.tombstones), (2, 0, 0));
    assert_eq!(store.everything().await, [sign.to_string()]);
}

async fn what_was_never_listed_is_swept(world: World) {
    let store = world.open();
    let (kept, left) = (store.keep(b"x").await.id, store.new_id(Utc::now()));
    store.write(&left, b"content").await;
    if store.0.folder.is_some() {
        let at_work = world.open().sweep().await.unwrap();
        assert_eq!(at_work, Swept::default(), "its writer is still there");
    }
    drop(store);
    let store = world.open();
    let swept = store.sweep().await.unwrap();
    assert_eq!((swept.leftovers, swept.bytes), (1, 7));
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    assert_eq!(store.listed().await, [kept]);
    assert_eq!(store.everything().await.len(), 2);
}

async fn what_is_young_is_not_swept_where_nobody_knows(mut world: World) {
    world.leftover_age = Duration::from_secs(60);
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.write(&id, b"content").await;
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    assert_eq!(store.content(&id).await.unwrap(), b"content");
}

async fn what_is_discarded_never_was(world: World) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.write(&id, b"content").await;
    store.discard(&id, ZST).await.unwrap();
    assert!(store.everything().await.is_empty());
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveNotFound { .. })));
}

async fn what_is_not_ours_is_left_alone(world: World) {
    let store = world.open();
    let prefix = store.0.prefix.clone();
    let id = store.new_id(Utc::now());
    let foreign = [
        prefix.clone().join("readme.txt"),
        prefix.clone().join("not-an-id").join("archive.json"),
        prefix.clone().join(id).join("deeper").join("archive.json"),
    ];
    for path in &foreign {
        store.0.objects.put(path, "x".into()).await.unwrap();
    }
    assert_eq!(store.sweep().await.unwrap(), Swept::default());
    assert!(store.listed().await.is_empty());
    assert_eq!(store.everything().await.len(), foreign.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_signs_of_deletions_are_forgotten() {
    let world = World::folder();
    let store = world.open();
    let id = store.keep(b"x").await.id;
    store.delete(&id).await.unwrap();
    let sign = store.0.folder.as_ref().unwrap().root().join(&id).join(TOMBSTONE);
    let old = std::time::SystemTime::now() - Duration::from_secs(401 * 24 * 60 * 60);
    let file = std::fs::File::options().append(true).open(&sign).unwrap();
    file.set_modified(old).unwrap();
    assert_eq!(store.sweep().await.unwrap().tombstones, 1);
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveNotFound { .. })));
    assert!(!sign.parent().unwrap().exists());
}
