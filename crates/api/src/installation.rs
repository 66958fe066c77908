//! What a command works on: the data folder, the database and the place of the archives. `serve`, `migrate`, `demo` and
//! `admin create` make what is missing; every other command makes nothing, and needs what [`Installation`] says.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use campus_backup_domain::database::SchemaState;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::cli::exit::ExitError;
use crate::data_dir::secret;
use crate::settings::Settings;

/// What of an installation a command needs, and whether it may make it. Where it may not, a mistyped path is refused and nothing
/// appears there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    /// What is missing is made.
    CreateIfMissing,
    /// All of it must be there.
    Required,
    /// All of it must be there, but the database may be empty, and then gets the schema: to be restored into.
    EmptyDatabase,
    /// The data folder and the database must be there. The archives may lie where they are not to be had.
    Database,
    /// The archives must be there, and nothing else.
    Archives,
}

const DATA_DIR: &str = "--data-dir (CAMPUS_BACKUP_DATA_DIR)";

/// Whether a data folder that exists can be used by the user as whom this command runs. Nothing is written to find out.
///
/// Group and other bits are not refused: Kubernetes sets them on each volume of a pod with `fsGroup`, and the files in the
/// folder have their own.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names the folder and what mends it: it is another user's, read-only or no folder.
pub fn check_data_dir(settings: &Settings, installation: Installation) -> Result<(), ExitError> {
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
    // On some volumes files belong to another user than the one who made them, and are open to that one all the same.
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

/// Files that the service makes in the data folder.
const OWN_FILES: [&str; 3] = ["runner", secret::FILE, "campus-backup.db"];

/// The user and the group to whom an installation belongs: those of what the service has made in the folder. A folder without
/// any belongs to its owner where root runs the command, and else to everyone who may write to it: volumes are mounted
/// like this for the user of a container.
fn owner(folder: &Path) -> std::io::Result<Option<(u32, u32)>> {
    for name in OWN_FILES {
        match std::fs::symlink_metadata(folder.join(name)) {
            Ok(metadata) => return Ok(Some((metadata.uid(), metadata.gid()))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // The user may not look into the folder, which the check of access below reports.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let metadata = std::fs::metadata(folder)?;
    Ok(geteuid().is_root().then_some((metadata.uid(), metadata.gid())))
}

/// Whether the user may read and write each file that the service has made in the folder.
fn own_files_are_open(folder: &Path) -> bool {
    OWN_FILES.iter().all(|name| {
        let opened = access(folder.join(name), Access::READ_OK | Access::WRITE_OK);
        matches!(opened, Ok(()) | Err(Errno::NOENT))
    })
}

/// Makes the data folder, for its owner alone, if there is none.
///
/// # Errors
/// [`ExitError::Settings`] if it can't be made.
pub fn create_data_dir(settings: &Settings) -> Result<(), ExitError> {
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

/// What the system says of the folder.
fn unusable(path: &Path, error: &std::io::Error) -> ExitError {
    let why = format!("it can't be used: {error}");
    match Errno::from_io_error(error).is_some_and(is_outage) {
        true => outage(path, &why),
        false => refuse(path, &why),
    }
}

/// Exit code 1, after which systemd tries again: the settings may be right.
fn outage(path: &Path, why: &str) -> ExitError {
    ExitError::failed("using the data folder")(line(path, why))
}

/// Whether a disk or a network drive has failed, which may pass.
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

/// Whether there is what a command needs where the settings say, with `found` in the database.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names what is missing; [`ExitError::OlderSchema`] if its migrations have not been
/// run: the service may be running on it, as an older version.
pub fn require(settings: &Settings, installation: Installation, found: &SchemaState) -> Result<(), ExitError> {
    require_data_dir(settings)?;
    let database = format!("the database {}", settings.database.place());
    match found {
        SchemaState::Empty if installation == Installation::EmptyDatabase => {}
        SchemaState::Empty => {
            return Err(missing(
                &database,
                "does not exist or is empty",
                "--database-url (DATABASE_URL)",
            ));
        }
        SchemaState::Pending(migrations) => {
            return Err(ExitError::OlderSchema {
                database,
                migrations: migrations.len(),
            });
        }
        SchemaState::Current | SchemaState::Newer(_) | SchemaState::Foreign(_) => {}
    }
    match installation {
        Installation::Database => Ok(()),
        _ => require_archives(settings),
    }
}

/// Whether there is a data folder.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names it.
pub fn require_data_dir(settings: &Settings) -> Result<(), ExitError> {
    let data_dir = &settings.data_dir;
    match data_dir.is_dir() {
        true => Ok(()),
        false => Err(missing(
            &format!("the data folder {}", shown(data_dir)),
            "does not exist",
            DATA_DIR,
        )),
    }
}

/// Whether there is a place for archives, as far as that can be said without asking it.
///
/// # Errors
/// [`ExitError::Settings`] with a line that names it.
pub fn require_archives(settings: &Settings) -> Result<(), ExitError> {
    match settings.archives.local_folder() {
        Some(folder) if !folder.is_dir() => {
            let folder = format!("the folder of archives {}", shown(folder));
            Err(missing(
                &folder,
                "does not exist",
                "--archives (CAMPUS_BACKUP_ARCHIVES)",
            ))
        }
        _ => Ok(()),
    }
}

fn missing(what: &str, how: &str, setting: &str) -> ExitError {
    ExitError::Settings(vec![format!(
        "there is no installation of campus-backup: {what} {how}. Nothing was created. Check {setting}, or create \
         an installation there with `campus-backup migrate`"
    )])
}

/// The whole path: what `./data` means depends on the folder in which the command runs.
fn shown(path: &Path) -> String {
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
    fn disk_that_fails_is_tried_again_and_a_wrong_path_is_not() {
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
    fn an_installation_belongs_to_the_owner_of_its_files() {
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
        // A link is the installation's as a file is; its target is not looked at.
        symlink("notes.txt", folder.path().join("runner")).unwrap();
        chown(folder.path(), Some(0), None).unwrap();
        lchown(folder.path().join("runner"), Some(OTHER), None).unwrap();
        assert_eq!(owner(), Some(OTHER));
    }
}
