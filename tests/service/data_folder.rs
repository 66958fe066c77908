//! Data folders that belong to other users, have group rights, or are read-only.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::service::Setup;

/// A user and a group other than those of the tests.
const USER: u32 = 65_532;
const GROUP: u32 = 2_000;

/// Sets the rights that Kubernetes sets on a volume each time a pod with `fsGroup` starts (`SetVolumeOwnership` of the
/// kubelet).
fn set_group_as_kubernetes_does(place: &Path, group: Option<u32>) {
    let metadata = fs::symlink_metadata(place).unwrap();
    chown(place, None, group).unwrap();
    let bits = if metadata.is_dir() { 0o2770 } else { 0o660 };
    fs::set_permissions(place, Permissions::from_mode(metadata.mode() & 0o7777 | bits)).unwrap();
    if metadata.is_dir() {
        for entry in fs::read_dir(place).unwrap() {
            set_group_as_kubernetes_does(&entry.unwrap().path(), group);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn group_rights_of_kubernetes_are_accepted() {
    let setup = Setup::bare().set("CAMPUS_BACKUP_ADMIN_PASSWORD", harness::ADMIN_PASSWORD);
    let data = setup.folder().join("data");
    fs::create_dir(&data).unwrap();
    set_group_as_kubernetes_does(&data, None);
    let service = setup.start().await;
    let token = service.admin().await.token().to_owned();
    service.stop().await;
    let secret = data.join("jwt-secret");
    assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);

    // The next pod mounts the same volume.
    set_group_as_kubernetes_does(&data, None);
    assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o660);
    let service = setup.start().await;
    service.bearer(&token).get("/backup/stats").await.expect(200);
    let taken = setup.again().argument("backup").run().await;
    assert_eq!(taken.code, Some(0), "{taken:?}");
}

/// The volume belongs to root, and the service is only in its group.
#[test]
fn volume_of_root_with_the_group_of_the_service_is_accepted() {
    let Some(other) = OtherUser::new() else { return };
    let data = other.folder("data", 0, GROUP, 0o2770);
    let works = |command: &[&str]| {
        let done = other.run(command, &data);
        assert!(done.status.success(), "{command:?}: {done:?}");
    };
    works(&["migrate"]);
    works(&["admin", "create", "head"]);
    set_group_as_kubernetes_does(&data, Some(GROUP));
    works(&["migrate"]);
    works(&["backup", "--as", "head"]);
}

#[test]
fn folder_of_another_user_is_reported_with_the_remedy() {
    let Some(other) = OtherUser::new() else { return };
    let data = other.folder("data", 0, 0, 0o755);
    for command in [&["migrate"][..], &["serve"], &["demo"], &["admin", "create", "head"]] {
        let line = refused(&other.run(command, &data));
        assert!(line.contains(data.to_str().unwrap()), "{line}");
        assert!(line.contains(&format!("`chown {USER} {}`", data.display())), "{line}");
        assert!(line.contains("`fsGroup`"), "{line}");
    }
    let closed = other.folder("closed", 0, 0, 0o700);
    for command in [&["migrate"][..], &["list"]] {
        let line = refused(&other.run(command, &closed));
        assert!(
            line.contains(closed.to_str().unwrap()) && line.contains("chown"),
            "{line}"
        );
    }
    let below = data.join("not/there");
    let line = refused(&other.run(&["migrate"], &below));
    assert!(line.contains(&format!("-o {USER} {}", below.display())), "{line}");
    for folder in [&data, &closed] {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }
}

#[test]
fn read_only_folder_is_reported_with_the_remedy() {
    let Some(other) = OtherUser::new() else { return };
    let data = other.folder("data", USER, GROUP, 0o500);
    let line = refused(&other.run(&["migrate"], &data));
    assert!(line.contains(&format!("`chmod u+rwx {}`", data.display())), "{line}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
}

/// Files that root creates in the folder would stop the service.
#[tokio::test(flavor = "multi_thread")]
async fn root_is_refused_in_the_folder_of_the_service() {
    let Some(other) = OtherUser::new() else { return };
    let data = other.folder("data", USER, GROUP, 0o700);
    let run = async |command: &[&str]| {
        let setup = Setup::bare().set("CAMPUS_BACKUP_DATA_DIR", data.display());
        setup.arguments(command).run().await
    };
    for command in [&["migrate"][..], &["backup"], &["list"]] {
        let done = run(command).await;
        done.assert_plain_fault(2);
        assert!(done.stderr.contains(data.to_str().unwrap()), "{done:?}");
        assert!(done.stderr.contains(&format!("--reuid={USER}")), "{done:?}");
    }
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_as_data_folder_is_refused() {
    let setup = Setup::bare();
    fs::write(setup.folder().join("data"), "").unwrap();
    for command in [&["migrate"][..], &["list"]] {
        let done = setup.again().arguments(command).run().await;
        done.assert_plain_fault(2);
        assert_eq!(done.stderr.lines().count(), 1);
        assert!(done.stderr.contains("/data: it is no folder"), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_creation_of_the_database_file_names_it() {
    let done = Setup::bare()
        .set("DATABASE_URL", "sqlite:/proc/nowhere/school.db")
        .argument("migrate")
        .run()
        .await;
    done.assert_plain_fault(3);
    assert!(done.stderr.contains("/proc/nowhere/school.db"), "{done:?}");
}

/// Runs the program as another user. Only root can do this, so these tests are skipped for other users.
struct OtherUser {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl OtherUser {
    fn new() -> Option<Self> {
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        // Other users may have no access to the build folder.
        let program = folder.path().join("campus-backup");
        fs::copy(harness::service::program(), &program).unwrap();
        Some(Self { folder, program })
    }

    fn folder(&self, name: &str, user: u32, group: u32, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir(&path).unwrap();
        chown(&path, Some(user), Some(group)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn run(&self, command: &[&str], data_dir: &Path) -> Output {
        Command::new("setpriv")
            .args([
                format!("--reuid={USER}"),
                format!("--regid={USER}"),
                format!("--groups={GROUP}"),
            ])
            .arg(&self.program)
            .args(command)
            .env_clear()
            .env("CAMPUS_BACKUP_DATA_DIR", data_dir)
            .env("CAMPUS_BACKUP_ADMIN_PASSWORD", harness::ADMIN_PASSWORD)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

/// The only line on the standard error.
fn refused(done: &Output) -> String {
    let line = String::from_utf8(done.stderr.clone()).unwrap();
    assert_eq!((done.status.code(), line.lines().count()), (Some(2), 1), "{done:?}");
    line
}
