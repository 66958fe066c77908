//! Files of archives that were encrypted again, which have a number in their names.

use super::*;
use crate::store::SweepReport;

const NUMBERED: ObjectFile = ObjectFile {
    form: ZST,
    number: 407_133,
};

on_every_store!(
    another_file_replaces_that_of_an_archive,
    interrupted_replacement_is_swept,
    only_file_of_an_archive_is_never_superseded,
    every_file_of_a_deleted_archive_is_removed,
    archive_without_a_manifest_is_found_by_its_numbered_file,
);

async fn write(store: &Store, id: &str, file: ObjectFile, content: &'static [u8]) {
    let mut incoming = store.create(id, file).await.unwrap();
    incoming.write(Bytes::from_static(content)).await.unwrap();
    incoming.finish().await.unwrap();
}

async fn content(store: &Store, id: &str, file: ObjectFile) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = store.read(id, file, None).await?.into_stream().try_collect().await?;
    Ok(pieces.concat())
}

async fn another_file_replaces_that_of_an_archive(world: TestStore) {
    let store = world.open();
    let id = store.keep(b"former").await.id;
    write(&store, &id, NUMBERED, b"next").await;
    // Until the manifest names it, the former file is the archive.
    let manifest = store.manifest(&id).await.unwrap();
    assert_eq!(content(&store, &id, manifest.file()).await.unwrap(), b"former");
    let name = |manifest: &mut Manifest| {
        manifest.set_file_number(NUMBERED.number);
        manifest.object.size = 4;
        Ok(())
    };
    store.update(&id, name).await.unwrap();
    store.end_writing(&id).await;
    store.remove_superseded(&id).await.unwrap();
    let manifest = store.manifest(&id).await.unwrap();
    assert_eq!(content(&store, &id, manifest.file()).await.unwrap(), b"next");
    assert!(content(&store, &id, ZST.into()).await.is_err());
    assert_eq!(store.listed().await, [id.as_str()]);
    let sizes = store.archive_sizes().await.unwrap();
    assert!(sizes.has(&id, Some(NUMBERED), Some(4)) && !sizes.has(&id, Some(ZST.into()), None));
    assert_eq!(store.sweep().await.unwrap(), SweepReport::default());
}

async fn interrupted_replacement_is_swept(world: TestStore) {
    let store = world.open();
    let id = store.keep(b"former").await.id;
    store.put_raw(&id, &NUMBERED.name(), "next").await;
    store.put_raw(&id, "archive-x.json.zst", "of others").await;
    assert_eq!(store.sweep().await.unwrap().leftovers, 1);
    assert_eq!(store.content(&id).await.unwrap(), b"former");
    // The other way round: the manifest names the new file.
    store.put_raw(&id, &NUMBERED.name(), "next").await;
    let name = |manifest: &mut Manifest| {
        manifest.set_file_number(NUMBERED.number);
        manifest.object.size = 4;
        Ok(())
    };
    store.update(&id, name).await.unwrap();
    assert_eq!(store.sweep().await.unwrap().leftovers, 1);
    assert_eq!(content(&store, &id, NUMBERED).await.unwrap(), b"next");
    assert!(store.content(&id).await.is_err());
    let everything = store.everything().await;
    assert!(
        everything.iter().any(|name| name.ends_with("archive-x.json.zst")),
        "{everything:?}"
    );
}

/// A manifest that names a missing file, as an earlier program or a lost answer can leave it, removes no other file.
async fn only_file_of_an_archive_is_never_superseded(world: TestStore) {
    let store = world.open();
    for (size, has_named_file) in [(4, false), (5, true)] {
        let id = store.keep(b"former").await.id;
        let name = |manifest: &mut Manifest| {
            manifest.set_file_number(NUMBERED.number);
            manifest.object.size = size;
            Ok(())
        };
        store.update(&id, name).await.unwrap();
        if has_named_file {
            // It is not whole.
            store.put_raw(&id, &NUMBERED.name(), "next").await;
        }
        store.remove_superseded(&id).await.unwrap();
        assert_eq!(store.sweep().await.unwrap().leftovers, 0);
        assert_eq!(store.content(&id).await.unwrap(), b"former");
    }
}

async fn every_file_of_a_deleted_archive_is_removed(world: TestStore) {
    let store = world.open();
    let id = store.keep(b"former").await.id;
    store.put_raw(&id, &NUMBERED.name(), "next").await;
    store.delete(&id).await.unwrap();
    assert!(matches!(store.manifest(&id).await, Err(Error::ArchiveGone { .. })));
    // The manifest does not name the second file.
    store.sweep().await.unwrap();
    let everything = store.everything().await;
    assert!(
        !everything.iter().any(|name| name.contains("archive")),
        "{everything:?}"
    );
}

async fn archive_without_a_manifest_is_found_by_its_numbered_file(world: TestStore) {
    let store = world.open();
    let id = store.new_id(Utc::now());
    store.put_raw(&id, &NUMBERED.name(), "content").await;
    assert_eq!(store.file_of(&id).await.unwrap(), NUMBERED);
    let refused = store.manifest(&id).await.unwrap_err();
    assert!(matches!(refused, Error::ArchiveIncomplete { .. }), "{refused}");
}
