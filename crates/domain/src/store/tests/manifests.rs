//! Manifests: written once, changed concurrently, listed quickly.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

on_every_store!(
    a_second_manifest_is_refused,
    a_manifest_that_can_not_be_read_hides_no_other,
    a_manifest_comes_back_as_it_was,
    the_newest_is_first,
    changes_by_several_at_once_all_count,
    a_change_is_seen_in_the_list,
);

async fn a_second_manifest_is_refused(world: TestStore) {
    let store = world.open();
    let manifest = store.keep(b"x").await;
    let other = Manifest {
        protected: true,
        ..manifest.clone()
    };
    assert!(store.put_manifest(&other).await.is_err());
    assert_eq!(*store.manifest(&manifest.id).await.unwrap(), manifest);
    // The situation after a lost response.
    store.put_manifest(&manifest).await.unwrap();
}

async fn a_manifest_that_can_not_be_read_hides_no_other(world: TestStore) {
    let store = world.open();
    let good = store.keep(b"x").await;
    let mut newer = store.keep(b"x").await;
    let damaged = store.keep(b"x").await;
    let huge = store.keep(b"x").await;
    newer.version = manifest::NUMBERED_VERSION + 1;
    for (id, json) in [
        (&newer.id, newer.to_json()),
        (&damaged.id, b"{".to_vec()),
        (&huge.id, vec![b' '; 2 << 20]),
    ] {
        store.put_raw(id, MANIFEST, json).await;
    }
    for _ in 0..2 {
        let listing = store.list().await.unwrap();
        assert_eq!(listing.archives.len(), 1);
        assert_eq!(listing.archives[0].id, good.id);
        let code = |id: &str| listing.unreadable.iter().find(|one| one.id == id).unwrap().code;
        assert_eq!(listing.unreadable.len(), 3);
        assert_eq!(code(&newer.id), "newer_version");
        assert_eq!(
            (code(&damaged.id), code(&huge.id)),
            ("not_a_manifest", "not_a_manifest")
        );
    }
    let refused = store.manifest(&newer.id).await.unwrap_err();
    assert!(matches!(refused, Error::ManifestUnreadable { .. }), "{refused}");
    assert!(store.update(&damaged.id, |_| Ok(())).await.is_err());
    // It may be protected, which this version can't read.
    assert!(store.delete(&newer.id).await.is_err());
    store.delete(&damaged.id).await.unwrap();
    assert_eq!(store.list().await.unwrap().unreadable.len(), 2);
}

async fn a_manifest_comes_back_as_it_was(world: TestStore) {
    let store = world.open();
    let manifest = store.keep(b"x").await;
    assert_eq!(*world.open().manifest(&manifest.id).await.unwrap(), manifest);
    assert_eq!(*store.list().await.unwrap().archives[0], manifest);
    let names = store.everything().await;
    let expected = [
        format!("{}/archive.json.zst", manifest.id),
        format!("{}/manifest.json", manifest.id),
    ];
    assert_eq!(names.len(), expected.len(), "{names:?}");
    for (name, expected) in names.iter().zip(expected) {
        assert!(name.ends_with(&expected), "{name}");
    }
}

async fn the_newest_is_first(world: TestStore) {
    let store = world.open();
    let mut ids = Vec::new();
    for at in ["2026-11-25T03:53:08Z", "2025-01-01T00:00:00Z", "2026-11-25T03:53:09Z"] {
        let id = store.new_id(at.parse().unwrap());
        store.write(&id, b"x").await;
        store.put_manifest(&manifest_of(&id, 1)).await.unwrap();
        ids.push(id);
    }
    assert_eq!(store.listed().await, [ids[2].clone(), ids[0].clone(), ids[1].clone()]);
    assert_eq!(world.open().listed().await, store.listed().await);
}

async fn changes_by_several_at_once_all_count(world: TestStore) {
    let (one, other) = (world.open(), world.open());
    let id = one.keep(b"x").await.id;
    let calls = AtomicU32::new(0);
    let add = async |store: &Store, word: String| {
        let changed = store.update(&id, |manifest| {
            calls.fetch_add(1, Ordering::Relaxed);
            let note = manifest.note.get_or_insert_default();
            note.push_str(&word);
            note.push(' ');
            Ok(())
        });
        changed.await.unwrap();
    };
    let words: Vec<String> = (0..12).map(|number| format!("word{number}")).collect();
    let changes = words.iter().enumerate().map(|(number, word)| {
        let store = if number % 2 == 0 { &one } else { &other };
        add(store, word.clone())
    });
    futures_util::future::join_all(changes).await;
    let note = one.manifest(&id).await.unwrap().note.clone().unwrap();
    let mut found: Vec<&str> = note.split_whitespace().collect();
    found.sort_by_key(|word| word[4..].parse::<u32>().unwrap());
    assert_eq!(found, words);
    assert!(calls.into_inner() >= 12);
}

async fn a_change_is_seen_in_the_list(world: TestStore) {
    let (store, other) = (world.open(), world.open());
    let id = store.keep(b"x").await.id;
    for label in ["one", "two", "six"] {
        assert_eq!(store.listed().await, [id.as_str()]);
        let changed = other
            .update(&id, |manifest| {
                manifest.label = Some(label.to_owned());
                Ok(())
            })
            .await;
        assert_eq!(changed.unwrap().label.as_deref(), Some(label));
        let listed = store.list().await.unwrap().archives[0].label.clone();
        assert_eq!(listed.as_deref(), Some(label));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_archives_are_listed_without_reading_known_manifests() {
    let world = TestStore::folder();
    let store = world.open();
    let begin: DateTime<Utc> = "2026-11-25T03:53:08Z".parse().unwrap();
    let mut manifests = Vec::new();
    for number in 0..1_000 {
        let id = store.new_id(begin + Duration::from_secs(number));
        let folder = store.0.backend.folder().unwrap().root().join(&id);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("archive.json.zst"), b"x").unwrap();
        let manifest = folder.join(MANIFEST);
        std::fs::write(&manifest, manifest_of(&id, 1).to_json()).unwrap();
        manifests.push(manifest);
    }
    let opened = {
        use rustix::fs::inotify;
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
        for manifest in &manifests {
            inotify::add_watch(&watch, manifest, inotify::WatchFlags::OPEN).unwrap();
        }
        // Whether a manifest was opened since the last call.
        move || {
            let (mut any, mut events) = (false, [0; 1 << 16]);
            loop {
                match rustix::io::read(&watch, &mut events) {
                    Ok(_) => any = true,
                    Err(rustix::io::Errno::AGAIN) => return any,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    assert_eq!(store.list().await.unwrap().archives.len(), 1_000);
    assert!(opened());
    let listing = store.list().await.unwrap();
    assert!(!opened(), "a known manifest was read again");
    assert_eq!(listing.archives.len(), 1_000);
    assert!(listing.archives.is_sorted_by(|one, other| one.id > other.id));
}
