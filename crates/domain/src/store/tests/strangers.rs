//! Entries that other programs and other users have put into a store: links, unreadable files, unusual keys. Each
//! affects only itself.

use std::os::unix::fs::symlink;
use std::path::Path as FilePath;
use std::process::Command;

use super::server::Server;
use super::*;
use crate::store::SweepReport;

const ID: &str = "2026-01-01T00-00-00Z-00000001";

struct StrangerFolder {
    world: TestStore,
    store: Store,
    root: std::path::PathBuf,
    /// An intact archive.
    good: String,
}

impl StrangerFolder {
    async fn new() -> Self {
        let world = TestStore::folder();
        let store = world.open();
        let root = store.0.backend.folder().unwrap().root().to_owned();
        let good = store.keep(b"good").await.id;
        Self {
            world,
            store,
            root,
            good,
        }
    }

    /// Checks that everything except this entry works, and returns the entry's fault.
    async fn spoilt(&self, id: &str) -> &'static str {
        for store in [&self.store, &self.world.open()] {
            assert_eq!(store.listed().await, [self.good.as_str()]);
            store.sweep().await.unwrap();
            assert_eq!(store.content(&self.good).await.unwrap(), b"good");
            store
                .update(&self.good, |manifest| {
                    manifest.note = None;
                    Ok(())
                })
                .await
                .unwrap();
            let new = store.keep(b"new").await.id;
            store.delete(&new).await.unwrap();
        }
        let listing = self.store.list().await.unwrap();
        let [entry] = listing.unreadable.as_slice() else {
            panic!("{listing:?}")
        };
        assert_eq!(entry.id, id);
        assert!(!entry.detail.is_empty());
        entry.code
    }
}

fn contents(folder: &FilePath) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// `ln -s .. archives/2026-01-01T00-00-00Z-00000001`: the link leads to the data folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn link_to_a_folder_is_not_followed() {
    let folder = StrangerFolder::new().await;
    let data = folder.root.parent().unwrap();
    for name in [
        "campus-backup.db",
        "jwt-secret",
        "archive.json.zst",
        "unfinished",
        MANIFEST,
    ] {
        std::fs::write(data.join(name), "of the service").unwrap();
    }
    let before = contents(data);
    symlink("..", folder.root.join(ID)).unwrap();
    assert_eq!(folder.spoilt(ID).await, "symbolic_link");
    let store = &folder.store;
    assert!(matches!(store.manifest(ID).await, Err(Error::ArchiveUnreadable { .. })));
    assert!(matches!(
        store.read(ID, ZST, None).await,
        Err(Error::ArchiveUnreadable { .. })
    ));
    assert!(store.create(ID, ZST).await.is_err());
    assert!(store.put_manifest(&manifest_of(ID, 1)).await.is_err());
    assert!(store.remake_manifest(&manifest_of(ID, 1)).await.is_err());
    assert!(store.update(ID, |_| Ok(())).await.is_err());
    assert!(store.delete(ID).await.is_err());
    assert!(store.discard(ID, ZST).await.is_err());
    assert_eq!(contents(data), before);
    assert!(folder.root.join(ID).is_symlink());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_to_files_are_not_followed() {
    let folder = StrangerFolder::new().await;
    let secret = folder.root.parent().unwrap().join("jwt-secret");
    std::fs::write(&secret, "a secret").unwrap();
    for name in [
        "archive.json.zst",
        MANIFEST,
        "unfinished",
        ".archive.json.zst.a1b2c3.part",
    ] {
        let id = folder.store.keep(b"x").await.id;
        let file = folder.root.join(&id).join(name);
        let _ = std::fs::remove_file(&file);
        symlink(&secret, &file).unwrap();
        assert_eq!(folder.spoilt(&id).await, "symbolic_link", "{name}");
        if name == "archive.json.zst" {
            let read = folder.store.read(&id, ZST, None).await;
            assert!(matches!(read, Err(Error::ArchiveUnreadable { .. })), "{read:?}");
        }
        assert!(file.is_symlink());
        std::fs::remove_dir_all(folder.root.join(&id)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "a secret");
}

/// Links in the place of the store's own files are not followed either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linked_lock_and_tombstones_are_not_followed() {
    let folder = StrangerFolder::new().await;
    let outside = folder.root.parent().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::remove_dir(folder.root.join(DELETED)).unwrap();
    symlink(&outside, folder.root.join(DELETED)).unwrap();
    assert_eq!(folder.store.listed().await, [folder.good.as_str()]);
    assert!(folder.store.delete(&folder.good).await.is_err());
    assert_eq!(folder.store.content(&folder.good).await.unwrap(), b"good");
    std::fs::remove_file(folder.root.join(DELETED)).unwrap();
    std::fs::remove_file(folder.root.join(".lock")).unwrap();
    symlink(outside.join("lock"), folder.root.join(".lock")).unwrap();
    assert!(folder.store.delete(&folder.good).await.is_err());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_file_with_the_name_of_an_archive_is_reported() {
    let folder = StrangerFolder::new().await;
    std::fs::write(folder.root.join(ID), "a file").unwrap();
    assert_eq!(folder.spoilt(ID).await, "wrong_kind");
    assert_eq!(std::fs::read_to_string(folder.root.join(ID)).unwrap(), "a file");
    std::fs::remove_file(folder.root.join(ID)).unwrap();
    let place = folder.root.join(ID);
    std::fs::create_dir(&place).unwrap();
    // Opening the pipe would block for ever.
    let made = Command::new("mkfifo").arg(place.join("archive.json.zst")).status();
    assert!(made.unwrap().success());
    assert_eq!(folder.spoilt(ID).await, "wrong_kind");
    assert!(matches!(
        folder.store.read(ID, ZST, None).await,
        Err(Error::ArchiveUnreadable { .. })
    ));
    assert!(place.join("archive.json.zst").exists());
}

/// Root may read everything, so this drops that right in a separate process.
#[test]
fn entries_of_another_user_are_reported() {
    const CHILD: &str = "CAMPUS_BACKUP_TEST_AS_ANOTHER_USER";
    if rustix::process::geteuid().is_root() && std::env::var_os(CHILD).is_none() {
        use std::os::unix::process::CommandExt;
        let place = tempfile::Builder::new().prefix("strangers").tempdir_in("/tmp").unwrap();
        std::os::unix::fs::chown(place.path(), Some(65_534), Some(65_534)).unwrap();
        // The other user may have no access to the program's folder.
        let program = place.path().join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let name = "store::tests::strangers::entries_of_another_user_are_reported";
        let mut child = Command::new(program);
        child
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env("TMPDIR", place.path());
        let done = child
            .current_dir(place.path())
            .uid(65_534)
            .gid(65_534)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(denied());
}

async fn denied() {
    use std::os::unix::fs::PermissionsExt;
    let set = |path: &FilePath, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let folder = StrangerFolder::new().await;
    let id = folder.store.keep(b"x").await.id;
    let place = folder.root.join(&id);
    set(&place, 0o000);
    assert_eq!(folder.spoilt(&id).await, "access_denied");
    assert!(matches!(
        folder.store.manifest(&id).await,
        Err(Error::ArchiveUnreadable { .. })
    ));
    set(&place, 0o700);
    set(&place.join(MANIFEST), 0o000);
    assert_eq!(folder.spoilt(&id).await, "access_denied");
    set(&place.join(MANIFEST), 0o600);
    assert_eq!(folder.store.listed().await.len(), 2, "nothing is remembered");
    set(&place.join("archive.json.zst"), 0o000);
    let read = folder.store.read(&id, ZST, None).await;
    assert!(matches!(read, Err(Error::ArchiveUnreadable { .. })), "{read:?}");
    set(&place.join("archive.json.zst"), 0o600);
    // A folder that does not permit it.
    set(&place, 0o500);
    let refused = folder.store.delete(&id).await.unwrap_err();
    assert!(
        matches!(refused, Error::ArchiveRetained { is_listed: true, .. }),
        "{refused:?}"
    );
    assert_eq!(folder.store.content(&id).await.unwrap(), b"x");
    assert_eq!(folder.store.listed().await.len(), 2);
    set(&place, 0o700);
    set(&place.join("archive.json.zst"), 0o000);
    let root = folder.root.clone();
    set(&root, 0o000);
    assert!(matches!(folder.store.list().await, Err(Error::StoreUnavailable { .. })));
    set(&root, 0o700);
    assert_eq!(folder.store.sweep().await.unwrap(), SweepReport::default());
}

/// The library's own listing ends at the first invalid key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_keys_affect_no_other_archive() {
    let server = Server::start().await;
    for (archives, prefix) in [("s3://school/some/place", "some/place/"), ("s3://school", "")] {
        server.faults.strange_keys.lock().unwrap().clear();
        let store = Store::open(&server.settings(archives)).unwrap();
        let first = store.keep(b"first").await.id;
        let second = store.keep(b"second").await.id;
        let strange = [
            "./x".to_owned(),
            "a//b".to_owned(),
            "2020/\u{1}".to_owned(),
            format!("{first}//manifest.json"),
            format!("{second}/../archive.json"),
            "~/x/".to_owned(),
            "zz//1".to_owned(),
        ];
        let mut keys: Vec<String> = strange.iter().map(|key| format!("{prefix}{key}")).collect();
        // More than a page of valid keys of other programs.
        keys.extend((0..1_500).map(|number| format!("{prefix}others/{number}")));
        // All keys below an invalid part are invalid. They are skipped at once, and the first one is reported.
        keys.extend((1_000..2_500).map(|number| format!("{prefix}zz//{number}")));
        *server.faults.strange_keys.lock().unwrap() = keys;
        let before = server.faults.requests.load(std::sync::atomic::Ordering::Relaxed);
        let listing = store.list().await.unwrap();
        let requests = server.faults.requests.load(std::sync::atomic::Ordering::Relaxed) - before;
        assert!(requests < 200, "{requests} requests");
        let mut listed: Vec<_> = listing.archives.iter().map(|manifest| manifest.id.clone()).collect();
        listed.sort();
        let mut both = [first.clone(), second.clone()];
        both.sort();
        assert_eq!(listed, both);
        let mut found: Vec<_> = listing.unreadable.iter().map(|one| one.id.clone()).collect();
        found.sort();
        let mut expected = strange.to_vec();
        // A name with a slash at its end is a path.
        expected.retain(|key| key != "~/x/");
        expected.sort();
        assert_eq!(found, expected);
        assert!(listing.unreadable.iter().all(|one| one.code == "invalid_name"));
        store.sweep().await.unwrap();
        store.delete(&first).await.unwrap();
        assert_eq!(store.listed().await, [second.as_str()]);
        assert_eq!(store.content(&second).await.unwrap(), b"second");
    }
}
