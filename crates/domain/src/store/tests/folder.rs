//! What can be wrong with a folder, and how its files look.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

fn open(path: impl Into<PathBuf>) -> Store {
    Store::open(&Settings::folder(path)).unwrap()
}

/// A file system of its own, if this may mount one.
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
        let refused = Store::open(&Settings::folder(&path)).unwrap_err();
        assert!(
            matches!(refused, Error::Invalid { field: "archives", .. }),
            "{path:?}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_full_disk_is_no_room_and_leaves_nothing() {
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
    assert!(matches!(error, Error::NoRoom { .. }), "{error:?}");
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
    assert!(matches!(error, Error::NoRoom { .. }), "{error:?}");
    assert_eq!(store.room().await.unwrap().unwrap(), before);
    assert_eq!(store.listed().await, [kept.as_str()]);
    assert_eq!(store.content(&kept).await.unwrap(), b"older");
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
            .update(&kept, |manifest| manifest.pinned = true)
            .await
            .unwrap_err()
    ));
    assert!(unavailable(store.delete(&kept).await.unwrap_err()));
    assert_eq!(store.listed().await, [kept.as_str()]);
    assert_eq!(store.content(&kept).await.unwrap(), b"older");
    assert_eq!(open(disk.path()).listed().await, [kept]);
}

#[tokio::test]
async fn what_is_cut_while_it_is_read_is_an_error() {
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
async fn an_archive_that_is_being_read_outlives_its_deletion() {
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
async fn names_that_are_no_text_are_passed_over() {
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
async fn leftovers_of_a_killed_process_are_swept_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
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
    let swept = open(folder.path()).sweep().await.unwrap();
    assert_eq!((swept.leftovers, swept.bytes), (2, 20));
    assert!(!place.exists());
    at_work.finish().await.unwrap();
    assert_eq!(store.listed().await, [kept]);
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
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
