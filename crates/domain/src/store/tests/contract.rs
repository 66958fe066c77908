//! Writing an archive to a store, and reading it.

use std::io::{Read, Write};

use campus_backup_archive::Layers;

use super::*;
use crate::store::CHUNK_SIZE;

on_every_store!(
    ids_that_are_none_are_refused,
    what_is_not_finished_is_nowhere,
    what_was_never_there_is_not_found,
    ranges_that_are_none_are_refused,
    a_call_that_was_not_waited_for_ends_the_archive,
    it_comes_out_as_it_went_in,
    ranges_are_those_of_the_whole,
    an_archive_is_sealed_into_it_and_read_from_it,
);

async fn ids_that_are_none_are_refused(world: TestStore) {
    let store = world.open();
    let outside = manifest_of("../2026-11-25T03-53-08Z-5f1c2a9b", 0);
    for id in [
        "",
        "..",
        "x/../y",
        &outside.id,
        "2026-11-25T03-53-08Z-5f1c2a9b/manifest.json",
    ] {
        let is_unknown = |error: &Error| matches!(error, Error::ArchiveNotFound { .. });
        assert!(
            store.create(id, ZST).await.is_err_and(|error| is_unknown(&error)),
            "{id}"
        );
        assert!(
            store.read(id, ZST, None).await.is_err_and(|error| is_unknown(&error)),
            "{id}"
        );
        assert!(store.manifest(id).await.is_err_and(|error| is_unknown(&error)), "{id}");
        assert!(
            store
                .update(id, |_| Ok(()))
                .await
                .is_err_and(|error| is_unknown(&error)),
            "{id}"
        );
        assert!(store.delete(id).await.is_err_and(|error| is_unknown(&error)), "{id}");
        assert!(
            store.discard(id, ZST).await.is_err_and(|error| is_unknown(&error)),
            "{id}"
        );
    }
    assert!(store.put_manifest(&outside).await.is_err());
    assert!(store.everything().await.is_empty());
}

async fn what_is_not_finished_is_nowhere(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    let seen = async || {
        let read = store.read(&id, ZST, None).await;
        assert!(matches!(read, Err(Error::ArchiveNotFound { .. })), "{read:?}");
        let named = store.everything().await;
        named.iter().any(|name| name.contains("/archive.json"))
    };
    for length in [10, 3 * PART] {
        let mut incoming = store.create(&id, ZST).await.unwrap();
        incoming.write(noise(length).into()).await.unwrap();
        assert!(!seen().await);
        drop(incoming);
        let mut incoming = store.create(&id, ZST).await.unwrap();
        incoming.write(noise(length).into()).await.unwrap();
        incoming.abort().await;
        assert!(!seen().await);
    }
    assert!(store.listed().await.is_empty());
    assert!(store.everything().await.is_empty());
}

async fn what_was_never_there_is_not_found(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    let never = |error: Error| matches!(error, Error::ArchiveNotFound { id: asked } if asked == id);
    assert!(never(store.read(&id, ZST, None).await.unwrap_err()));
    assert!(never(store.manifest(&id).await.unwrap_err()));
    assert!(never(store.update(&id, |_| Ok(())).await.unwrap_err()));
    assert!(never(store.delete(&id).await.unwrap_err()));
    store.write(&id, b"in no list yet").await;
    assert!(never(store.manifest(&id).await.unwrap_err()));
}

async fn ranges_that_are_none_are_refused(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.write(&id, b"ten bytes!").await;
    #[expect(clippy::reversed_empty_ranges, reason = "it is refused")]
    for range in [0..11, 11..11, 7..3] {
        let refused = store.read(&id, ZST, Some(range)).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "range", .. }), "{refused}");
    }
}

async fn a_call_that_was_not_waited_for_ends_the_archive(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    let mut incoming = store.create(&id, ZST).await.unwrap();
    // Polled only once, so an unknown part may have been written.
    let polled = tokio::time::timeout(Duration::ZERO, incoming.write(noise(4 * PART).into())).await;
    if polled.is_err() {
        assert!(incoming.write("more".into()).await.is_err());
        assert!(incoming.finish().await.is_err());
        until("nothing is left", || async { store.everything().await.is_empty() }).await;
    }
}

async fn it_comes_out_as_it_went_in(world: TestStore) {
    let store = world.open();
    for length in [0, 1, PART - 1, PART, 2 * PART + 7] {
        let content = noise(length);
        let id = store.new_id(Utc::now());
        store.write(&id, &content).await;
        assert!(store.content(&id).await.unwrap() == content, "{length}");
        assert!(world.open().content(&id).await.unwrap() == content, "{length}");
        let other = Form {
            encryption: Encryption::Age,
            ..ZST
        };
        assert!(store.read(&id, other, None).await.is_err(), "it has another name");
    }
    assert!(store.listed().await.is_empty(), "it was not published yet");
}

async fn ranges_are_those_of_the_whole(world: TestStore) {
    let store = world.open();
    let content = noise(2 * CHUNK_SIZE as usize + 5);
    let id = store.new_id(Utc::now());
    store.write(&id, &content).await;
    let size = content.len() as u64;
    for range in [0..1, 5..5, size..size, CHUNK_SIZE - 1..CHUNK_SIZE + 1, 3..size, 0..size] {
        let outgoing = store.read(&id, ZST, Some(range.clone())).await.unwrap();
        assert_eq!((outgoing.size(), outgoing.remaining()), (size, range.end - range.start));
        let pieces: Vec<Bytes> = outgoing.into_stream().try_collect().await.unwrap();
        assert!(
            pieces.concat() == content[range.start as usize..range.end as usize],
            "{range:?}"
        );
    }
}

async fn an_archive_is_sealed_into_it_and_read_from_it(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    let content = noise(3 * PART);
    let writer = store.create(&id, ZST).await.unwrap().into_writer();
    let written = content.clone();
    let sealed = blocking(move || {
        let mut sealer = Layers::default().seal(writer).unwrap();
        sealer.write_all(&written).unwrap();
        let (writer, measurement) = sealer.finish().unwrap();
        (writer.into_incoming().unwrap(), measurement)
    });
    let (incoming, measurement) = sealed.await.unwrap();
    incoming.finish().await.unwrap();
    let outgoing = store.read(&id, ZST, None).await.unwrap();
    assert_eq!(outgoing.size(), measurement.bytes);
    let read = blocking(move || {
        let mut stored = Vec::new();
        outgoing.into_reader().read_to_end(&mut stored).unwrap();
        stored
    });
    let stored = read.await.unwrap();
    assert!(zstd::decode_all(stored.as_slice()).unwrap() == content);
}
