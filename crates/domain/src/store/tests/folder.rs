//! Faults of a folder, and the properties of its files.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::store::SweepReport;

fn open(path: impl Into<PathBuf>) -> Store {
    Store::open(&StoreSettings::folder(path)).unwrap()
}

/// A separate file system, if the test may mount one.
struct Mounted(TempDir);

impl Mounted {
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "campus-backup-test"])
            .arg(folder.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(folder)),
            refused => {
                eprintln!("SKIPPED: no file system can be mounted here: {refused:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Creates files until no more are possible, although bytes are free.
    fn use_all_names(&self) {
        let make = |number| std::fs::File::create(self.path().join(format!("filler{number}")));
        let made = (0..100).take_while(|number| make(*number).is_ok()).count();
        assert!(made < 100);
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        let remounted = mount
            .args(["-o", &format!("remount,{options}")])
            .arg(self.path())
            .status();
        assert!(remounted.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_folder_that_can_not_be_made_is_a_wrong_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let refused = Store::open(&StoreSettings::folder(&path)).unwrap_err();
        assert!(
            matches!(refused, Error::Invalid { field: "archives", .. }),
            "{path:?}: {refused}"
        );
    }
}

#[tokio::test]
async fn full_disk_is_reported_and_leaves_no_file() {
    let Some(disk) = Mounted::new("size=4m") else { return };
    let store = open(disk.path());
    let kept = store.keep(b"older").await.id;
    let before = store.room().await.unwrap().unwrap();
    assert!((2 << 20..4 << 20).contains(&before), "{before}");
    let mut incoming = store.create(&store.new_id(Utc::now()), ZST).await.unwrap();
    let error = loop {
        match incoming.write(noise(256 * 1024).into()).await {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::InsufficientStorage { .. }), "{error:?}");
    assert!(incoming.write("more".into()).await.is_err());
    drop(incoming);
    let writer = store
        .create(&store.new_id(Utc::now()), ZST)
        .await
        .unwrap()
        .into_writer();
    let error = blocking(move || {
        let mut writer = writer;
        std::io::Write::write_all(&mut writer, &noise(5 << 20)).unwrap_err()
    });
    let error = Error::io("writing")(error.await.unwrap());
    assert!(matches!(error, Error::InsufficientStorage { .. }), "{error:?}");
    assert_eq!(store.room().await.unwrap().unwrap(), before);
    assert_eq!(store.listed().await, [kept.as_str()]);
    assert_eq!(store.content(&kept).await.unwrap(), b"older");
}

/// No byte and no file more can be stored.
#[tokio::test]
async fn space_can_be_freed_on_a_full_disk() {
    for has_inodes in [true, false] {
        let Some(disk) = Mounted::new("size=4m,nr_inodes=40") else {
            return;
        };
        let store = open(disk.path());
        let (first, second) = (store.keep(&noise(1 << 20)).await.id, store.keep(b"x").await.id);
        if has_inodes {
            let mut filler = std::fs::File::create(disk.path().join("filler")).unwrap();
            while std::io::Write::write(&mut filler, &[0; 4096]).is_ok() {}
        } else {
            disk.use_all_names();
        }
        let full = store.create(&store.new_id(Utc::now()), ZST).await;
        let full = match full {
            Ok(mut incoming) => incoming.write("x".into()).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(matches!(full, Err(Error::InsufficientStorage { .. })), "{full:?}");
        store.delete(&first).await.unwrap();
        assert_eq!(store.listed().await, [second.as_str()]);
        assert!(matches!(store.manifest(&first).await, Err(Error::ArchiveGone { .. })));
        assert!(!disk.path().join(&first).exists());
        // Another process starts on the full disk.
        let store = open(disk.path());
        store.delete(&second).await.unwrap();
        assert!(store.listed().await.is_empty());
        store.keep(b"there is room again").await;
    }
}

/// A folder of an earlier version, without tombstones: neither their folder nor the lock can be created on the full
/// disk.
#[tokio::test]
async fn archives_can_be_deleted_on_a_full_disk_without_tombstone_folder() {
    let Some(disk) = Mounted::new("size=4m,nr_inodes=40") else {
        return;
    };
    let id = open(disk.path()).keep(&noise(1 << 20)).await.id;
    std::fs::remove_dir(disk.path().join(DELETED)).unwrap();
    std::fs::remove_file(disk.path().join(".lock")).unwrap();
    disk.use_all_names();
    let store = open(disk.path());
    store.delete(&id).await.unwrap();
    assert!(store.listed().await.is_empty());
    assert!(!disk.path().join(&id).exists());
}

#[tokio::test]
async fn a_folder_that_is_read_only_can_still_be_read() {
    let Some(disk) = Mounted::new("size=4m") else { return };
    let store = open(disk.path());
    let kept = store.keep(b"older").await.id;
    disk.remount("ro");
    let unavailable = |error: Error| matches!(error, Error::StoreUnavailable { .. });
    let created = store.create(&store.new_id(Utc::now()), ZST).await;
    assert!(created.is_err_and(unavailable));
    assert!(unavailable(
        store
            .update(&kept, |manifest| {
                manifest.protected = true;
                Ok(())
            })
            .await
            .unwrap_err()
    ));
    assert!(unavailable(store.delete(&kept).await.unwrap_err()));
    assert_eq!(store.listed().await, [kept.as_str()]);
    assert_eq!(store.content(&kept).await.unwrap(), b"older");
    assert_eq!(open(disk.path()).listed().await, [kept]);
}

#[tokio::test]
async fn truncation_while_reading_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = store.new_id(Utc::now());
    let content = noise(1 << 20);
    store.write(&id, &content).await;
    let file = folder.path().join(&id).join("archive.json.zst");
    let streamed = store.read(&id, ZST, None).await.unwrap();
    let outgoing = store.read(&id, ZST, None).await.unwrap();
    std::fs::File::options()
        .write(true)
        .open(file)
        .unwrap()
        .set_len(700_000)
        .unwrap();
    let pieces: Result<Vec<Bytes>> = streamed.into_stream().try_collect().await;
    assert!(matches!(pieces, Err(Error::StoreUnavailable { .. })));
    let read = blocking(move || {
        let mut read = Vec::new();
        let error = outgoing.into_reader().read_to_end(&mut read).unwrap_err();
        (read, Error::io("reading")(error))
    });
    let (read, error) = read.await.unwrap();
    assert!(read == content[..700_000]);
    assert!(matches!(error, Error::StoreUnavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn archive_can_be_read_to_its_end_after_its_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = store.keep(&noise(1 << 20)).await.id;
    let mut outgoing = store.read(&id, ZST, None).await.unwrap();
    let first = outgoing.next().await.unwrap().unwrap();
    store.delete(&id).await.unwrap();
    let rest: Vec<Bytes> = outgoing.into_stream().try_collect().await.unwrap();
    assert!([&first[..], &rest.concat()].concat() == noise(1 << 20));
}

#[tokio::test]
async fn names_that_are_not_utf_8_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = store.keep(b"x").await.id;
    for place in [folder.path().to_owned(), folder.path().join(&id)] {
        std::fs::write(place.join(OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
    }
    std::fs::write(folder.path().join(store.new_id(Utc::now())), "a file").unwrap();
    assert_eq!(store.listed().await, [id]);
    store.sweep().await.unwrap();
}

#[tokio::test]
async fn old_files_of_a_killed_process_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let old = || {
        let mut settings = StoreSettings::folder(folder.path());
        settings.leftover_age = Duration::ZERO;
        Store::open(&settings).unwrap()
    };
    let (kept, id) = (store.keep(b"x").await.id, store.new_id(Utc::now()));
    let place = folder.path().join(&id);
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join(".archive.json.zst.x1y2z3.part"), "unfinished").unwrap();
    std::fs::write(
        folder.path().join(&kept).join(".manifest.json.x1y2z3.part"),
        "unfinished",
    )
    .unwrap();
    let mut at_work = store.create(&store.new_id(Utc::now()), ZST).await.unwrap();
    at_work.write("unfinished".into()).await.unwrap();
    let empty = folder.path().join(store.new_id(Utc::now()));
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(
        store.sweep().await.unwrap(),
        SweepReport::default(),
        "an hour has to pass"
    );
    assert!(empty.exists());
    let swept = old().sweep().await.unwrap();
    assert_eq!((swept.leftovers, swept.bytes), (2, 20));
    assert!(!place.exists() && !empty.exists());
    at_work.finish().await.unwrap();
    assert_eq!(store.listed().await, [kept]);
}

#[tokio::test]
async fn files_are_readable_only_by_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new/archives");
    let store = open(&root);
    let id = store.keep(b"x").await.id;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join(&id)), 0o700);
    for name in ["archive.json.zst", MANIFEST] {
        assert_eq!(mode(&root.join(&id).join(name)), 0o600, "{name}");
    }
}

/// A copy of a deleted archive, after `chown -R` in the order of the names: the mark of the deletion is the newest
/// file.
#[tokio::test]
async fn archive_with_a_manifest_is_never_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let manifest = store.keep(b"content").await;
    let id = &manifest.id;
    store.delete(id).await.unwrap();
    store.put_raw(id, "archive.json.zst", "content").await;
    store.put_raw(id, MANIFEST, manifest.to_json()).await;
    let deleted_at = || async { store.0.backend.tombstone(id).await.unwrap().unwrap().changed };
    let came_back = store
        .0
        .backend
        .object_version(id, MANIFEST)
        .await
        .unwrap()
        .unwrap()
        .changed;
    until("the times are set anew", || async {
        let tombstone = folder.path().join("deleted").join(id);
        std::fs::set_permissions(tombstone, std::fs::Permissions::from_mode(0o600)).unwrap();
        deleted_at().await > came_back
    })
    .await;
    store.sweep().await.unwrap();
    assert!(folder.path().join(id).join(MANIFEST).exists());
    assert!(folder.path().join(id).join("archive.json.zst").exists());
}
