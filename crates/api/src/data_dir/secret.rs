//! Secrets in files: the signing secret of tokens in the data folder, and the files that the settings name.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use campus_backup_domain::account;
use rustix::process::geteuid;
use secrecy::SecretString;

use crate::cli::JWT_SECRET;
use crate::cli::STANDARD;
use crate::cli::exit::ExitError;
use crate::settings::Settings;

/// The name of the signing secret in the data folder.
pub(crate) const FILE: &str = "jwt-secret";

/// The secret that signs tokens, from the settings or from the data folder.
///
/// If neither has one:
/// 1. 32 random bytes are written as hexadecimal digits to a new file with mode 0600, and synced to the disk.
/// 2. The file gets its name in one step that replaces nothing. Another process may have been faster.
/// 3. The file with the name is read. So two processes that start at once use one secret.
///
/// # Errors
/// [`ExitError::Settings`] if the file can't be read or created, is too short, or is readable for other users, who may then know the
/// secret. A group that may write to the folder may read it, because it could replace the file anyway. Kubernetes sets the group's
/// bits at each start of a pod with `fsGroup`.
pub fn signing_secret(settings: &Settings) -> Result<SecretString, ExitError> {
    if let Some(secret) = &settings.jwt_secret {
        return Ok(secret.clone());
    }
    secret_in(&settings.data_dir)
}

/// The existing signing secret, if there is one. None is created.
///
/// # Errors
/// As for [`signing_secret`].
pub fn existing_secret(settings: &Settings) -> Result<Option<SecretString>, ExitError> {
    match &settings.jwt_secret {
        Some(secret) => Ok(Some(secret.clone())),
        None => read(&settings.data_dir.join(FILE)),
    }
}

/// The existing signing secret, for commands that need the service's own.
///
/// # Errors
/// [`ExitError::Settings`] if there is none, and as for [`signing_secret`].
pub fn required_secret(settings: &Settings) -> Result<SecretString, ExitError> {
    existing_secret(settings)?.ok_or_else(|| {
        let why = format!(
            "it does not exist, and the service would accept no other one; set {JWT_SECRET} or {JWT_SECRET}_FILE as \
             the service has it"
        );
        refuse("the signing secret", &settings.data_dir.join(FILE), &why)
    })
}

/// A random secret for this process alone.
pub(crate) fn random() -> SecretString {
    hexadecimal_secret().into()
}

fn hexadecimal_secret() -> String {
    let bytes: [u8; 32] = rand::random();
    hex::encode(bytes)
}

/// The password in a file, without the line break at its end.
///
/// # Errors
/// [`ExitError::Settings`] if the file can't be read, or others can read it.
pub fn password_in(path: &str) -> Result<SecretString, ExitError> {
    let text = match path {
        STANDARD => std::io::read_to_string(std::io::stdin()).map_err(|error| format!("can't be read: {error}")),
        path => read_private(Path::new(path)),
    };
    let text = text.map_err(|problem| ExitError::Settings(vec![format!("--password-file: `{path}` {problem}")]))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// The text of a file with a secret. Only the user of this process may be able to read it, because others could know the secret. The
/// file may also belong to root and be readable by its group (PostgreSQL's rule for private keys), or by a group that may write to
/// the folder. Pipes are private.
///
/// # Errors
/// The problem, as the rest of a sentence after the file's name.
pub(crate) fn read_private(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("can't be read: {error}");
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let folder = path.parent().and_then(|folder| std::fs::metadata(folder).ok());
    if metadata.is_file() && is_open_to_others(&metadata, folder.as_ref()) {
        let shown = path.display();
        return Err(format!(
            "is refused: others can read it; `chmod 600 {shown}` mends that, and for a secret that is mounted the mode 0400, or \
             0440 with `fsGroup`"
        ));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Checks whether a secret may sign tokens.
///
/// # Errors
/// The problem, as the rest of a sentence after "the secret".
pub(crate) fn check_signing(secret: &str) -> Result<(), String> {
    account::check_secret(secret.as_bytes())
}

fn secret_in(folder: &Path) -> Result<SecretString, ExitError> {
    let path = folder.join(FILE);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    let refuse = |why: &str| refuse("the signing secret", &path, why);
    create(folder, &path).map_err(|error| refuse(&error.to_string()))?;
    read(&path)?.ok_or_else(|| refuse("it was removed while the program started"))
}

fn read(path: &Path) -> Result<Option<SecretString>, ExitError> {
    let refuse = |why: &str| refuse("the signing secret", path, why);
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| refuse(&error.to_string()))?,
    };
    let metadata = file.metadata().map_err(|error| refuse(&error.to_string()))?;
    let folder = path.parent().map(std::fs::metadata).transpose();
    let folder = folder.map_err(|error| refuse(&error.to_string()))?;
    if is_open_to_others(&metadata, folder.as_ref()) {
        return Err(refuse(
            "others can read it; delete it, and the next start makes a new one, which ends all sessions",
        ));
    }
    let mut secret = String::new();
    file.read_to_string(&mut secret)
        .map_err(|error| refuse(&error.to_string()))?;
    let secret = secret.trim_end();
    check_signing(secret).map_err(|problem| refuse(&format!("it {problem}; delete it to have a new one made")))?;
    Ok(Some(secret.into()))
}

fn create(folder: &Path, path: &Path) -> std::io::Result<()> {
    let secret = hexadecimal_secret();
    // Temporary files have mode 0600 from the beginning.
    let mut file = tempfile::Builder::new().prefix(".jwt-secret-").tempfile_in(folder)?;
    writeln!(file, "{secret}")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => return Err(error.error),
        _ => {}
    }
    File::open(folder)?.sync_all()
}

fn is_open_to_others(secret: &Metadata, folder: Option<&Metadata>) -> bool {
    const GROUP: u32 = 0o070;
    const GROUP_WRITES: u32 = 0o020;
    // In a folder with this bit users can't remove or rename files of others.
    const STICKY: u32 = 0o1000;
    let may_replace_it =
        |folder: &Metadata| folder.mode() & (GROUP_WRITES | STICKY) == GROUP_WRITES && folder.gid() == secret.gid();
    // Root has given it to this process by its group, as Kubernetes with `fsGroup` and installers of keys do.
    let is_handed_over = secret.uid() == 0 && !geteuid().is_root();
    let trusted = match is_handed_over || folder.is_some_and(may_replace_it) {
        true => GROUP,
        false => 0,
    };
    secret.mode() & 0o077 & !trusted != 0
}

fn refuse(what: &str, path: &Path, why: &str) -> ExitError {
    ExitError::Settings(vec![format!("{what}: {}: {why}", path.display())])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, hexadecimal_secret()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let failure = secret_in(folder.path()).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.to_string().contains("others can read it"), "{failure}");
        assert_eq!(failure.lines().len(), 1);
    }

    #[test]
    fn group_that_may_replace_the_secret_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, hexadecimal_secret()).unwrap();
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for (of_folder, of_secret, is_accepted) in [
            (0o2770, 0o660, true),
            (0o770, 0o640, true),
            (0o750, 0o640, false),
            (0o1770, 0o640, false),
            (0o3770, 0o660, false),
            (0o770, 0o644, false),
            (0o777, 0o664, false),
        ] {
            set(folder.path(), of_folder);
            set(&path, of_secret);
            assert_eq!(
                secret_in(folder.path()).is_ok(),
                is_accepted,
                "{of_folder:o} {of_secret:o}"
            );
        }
    }

    #[test]
    fn short_and_guessable_secrets_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for (secret, why) in [("x".repeat(31), "at least 32 bytes"), ("x".repeat(32), "easy to guess")] {
            std::fs::write(&path, secret).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let refused = secret_in(folder.path()).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn processes_that_start_at_once_share_one_secret() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let start = std::sync::Barrier::new(8);
            let secrets: Vec<String> = std::thread::scope(|scope| {
                let started = (0..8).map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        secret_in(folder.path()).unwrap().expose_secret().to_owned()
                    })
                });
                let started: Vec<_> = started.collect();
                started.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(secrets[0].len(), 64);
            assert!(secrets.iter().all(|secret| *secret == secrets[0]));
            assert_eq!(mode(&folder.path().join(FILE)), 0o600);
            let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
            assert_eq!(left.len(), 1, "{left:?}");
        }
    }
}
