//! The data folder: whether this process can use it, and the secret that it stores.

pub mod secret;

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::cli::exit::ExitError;
use crate::installation::Installation;
use crate::settings::Settings;

/// The setting of the folder.
pub(crate) const DATA_DIR: &str = "--data-dir (CAMPUS_BACKUP_DATA_DIR)";

/// Checks whether this process's user can use an existing data folder. The check writes nothing.
///
/// Group and other bits are not refused: Kubernetes sets them on each volume of a pod with `fsGroup`, and the files in the
/// folder have their own.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names the folder and the remedy: it belongs to another user, is read-only, or is no folder.
pub fn check(settings: &Settings, installation: Installation) -> Result<(), ExitError> {
    let path = &settings.data_dir;
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|error| unusable(path, &error))?,
    };
    if !metadata.is_dir() {
        return Err(refuse(path, "it is no folder"));
    }
    let user = geteuid();
    let owner = owner(path).map_err(|error| unusable(path, &error))?;
    let other = owner.filter(|(owner, _)| *owner != user.as_raw());
    // On some volumes files belong to another user than their creator, who can use them anyway.
    if let Some((owner, group)) = other.filter(|_| user.is_root() || !own_files_are_open(path)) {
        let run = format!("setpriv --reuid={owner} --regid={group} --init-groups");
        let why = format!(
            "it belongs to user {owner}, who could not read what user {user} makes in it; run the command as that user: \
             `{run} campus-backup ...`",
            user = user.as_raw()
        );
        return Err(refuse(path, &why));
    }
    let owner = metadata.uid();
    let needed = match installation {
        Installation::CreateIfMissing => Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK,
        _ => Access::READ_OK | Access::EXEC_OK,
    };
    let Err(errno) = access(path, needed) else {
        return Ok(());
    };
    let (user, shown) = (user.as_raw(), shown(path));
    let why = match errno {
        Errno::ROFS => {
            let why = "its file system is mounted read-only; mount it for writing, or choose another folder";
            return Err(outage(path, why));
        }
        errno if is_outage(errno) => return Err(unusable(path, &errno.into())),
        _ if owner == user => format!("its owner may not write to it; `chmod u+rwx {shown}` mends that"),
        _ => format!(
            "it belongs to user {owner} and is not open to user {user}, as whom the command runs; `chown {user} {shown}` \
             mends that, and in Kubernetes `fsGroup`"
        ),
    };
    Err(refuse(path, &why))
}

/// Files that the service creates in the data folder.
const OWN_FILES: [&str; 4] = ["runner", secret::FILE, "campus-backup.db", secret::SECRETS_KEY_FILE];

/// The user and the group of an installation: the owner of the files that the service has created in the folder. Without such files the
/// folder's owner counts if root runs the command. Otherwise any user that may write to the folder counts, because volumes are
/// mounted like this for the user of a container.
fn owner(folder: &Path) -> std::io::Result<Option<(u32, u32)>> {
    for name in OWN_FILES {
        match std::fs::symlink_metadata(folder.join(name)) {
            Ok(metadata) => return Ok(Some((metadata.uid(), metadata.gid()))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // The user may not read the folder. The check of access below reports that.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let metadata = std::fs::metadata(folder)?;
    Ok(geteuid().is_root().then_some((metadata.uid(), metadata.gid())))
}

/// Whether the user may read and write each file that the service has created in the folder.
fn own_files_are_open(folder: &Path) -> bool {
    OWN_FILES.iter().all(|name| {
        let opened = access(folder.join(name), Access::READ_OK | Access::WRITE_OK);
        matches!(opened, Ok(()) | Err(Errno::NOENT))
    })
}

/// Creates the data folder if it does not exist, for its owner alone.
///
/// # Errors
/// [`ExitError::Settings`] if it can't be created.
pub fn create(settings: &Settings) -> Result<(), ExitError> {
    let path = &settings.data_dir;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| {
        if Errno::from_io_error(&error).is_some_and(is_outage) {
            return unusable(path, &error);
        }
        let make = format!("install -d -m 0700 -o {} {}", geteuid().as_raw(), shown(path));
        refuse(path, &format!("it can't be made: {error}; as root, `{make}` makes it"))
    })
}

fn refuse(path: &Path, why: &str) -> ExitError {
    ExitError::Settings(vec![line(path, why)])
}

/// The error of the system for the folder.
fn unusable(path: &Path, error: &std::io::Error) -> ExitError {
    let why = format!("it can't be used: {error}");
    match Errno::from_io_error(error).is_some_and(is_outage) {
        true => outage(path, &why),
        false => refuse(path, &why),
    }
}

/// Exit code 1, so that systemd tries again: the settings may be right.
fn outage(path: &Path, why: &str) -> ExitError {
    ExitError::failed("using the data folder")(line(path, why))
}

/// Whether a disk or a network drive has failed, which may be temporary.
fn is_outage(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::IO
            | Errno::STALE
            | Errno::ROFS
            | Errno::NOTCONN
            | Errno::TIMEDOUT
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
    )
}

fn line(path: &Path, why: &str) -> String {
    format!("{DATA_DIR}: {}: {why}", shown(path))
}

/// The absolute path, because `./data` depends on the current folder.
pub(crate) fn shown(path: &Path) -> String {
    std::path::absolute(path)
        .unwrap_or(PathBuf::from(path))
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, lchown, symlink};

    use super::*;

    #[test]
    fn failed_disk_has_exit_code_1_and_wrong_path_2() {
        let path = Path::new("/srv/data");
        for (errno, code) in [
            (Errno::IO, 1),
            (Errno::STALE, 1),
            (Errno::ROFS, 1),
            (Errno::ACCESS, 2),
            (Errno::NOTDIR, 2),
        ] {
            let failure = unusable(path, &errno.into());
            assert_eq!(failure.code(), code, "{failure}");
            assert!(failure.lines()[0].contains("/srv/data"), "{failure:?}");
        }
    }

    #[test]
    fn installation_belongs_to_the_owner_of_its_files() {
        const OTHER: u32 = 65_534;
        let folder = tempfile::tempdir().unwrap();
        let owner = || owner(folder.path()).unwrap().map(|(user, _)| user);
        std::fs::write(folder.path().join("notes.txt"), "of a person").unwrap();
        if !geteuid().is_root() {
            assert_eq!(owner(), None, "a volume that is mounted for a container");
            return;
        }
        assert_eq!(owner(), Some(0));
        chown(folder.path(), Some(OTHER), None).unwrap();
        assert_eq!(owner(), Some(OTHER));
        for name in OWN_FILES.into_iter().rev() {
            std::fs::write(folder.path().join(name), "").unwrap();
            assert_eq!(owner(), Some(0), "{name}");
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        // The owner of a link counts, not the owner of its target.
        symlink("notes.txt", folder.path().join("runner")).unwrap();
        chown(folder.path(), Some(0), None).unwrap();
        lchown(folder.path().join("runner"), Some(OTHER), None).unwrap();
        assert_eq!(owner(), Some(OTHER));
    }
}
