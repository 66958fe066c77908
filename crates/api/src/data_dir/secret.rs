//! Secrets in files: the signing secret of tokens in the data folder, and the files that the settings name.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use campus_backup_domain::account;
use campus_backup_domain::notify::SecretsKey;
use rustix::process::geteuid;
use secrecy::{ExposeSecret, SecretString};

use crate::cli::JWT_SECRET;
use crate::cli::STANDARD;
use crate::cli::exit::ExitError;
use crate::settings::Settings;

/// The name of the signing secret in the data folder.
pub(crate) const FILE: &str = "jwt-secret";

/// The name of the key that encrypts secrets of notifications, in the data folder.
pub(crate) const SECRETS_KEY_FILE: &str = "secrets-key";

/// A secret that the service makes once and keeps in the data folder.
struct OwnSecret {
    file: &'static str,
    what: &'static str,
    /// What to do if others can read it.
    if_open: &'static str,
    /// What to do if it is damaged.
    if_damaged: &'static str,
    check: fn(&str) -> Result<(), String>,
}

const SIGNING: OwnSecret = OwnSecret {
    file: FILE,
    what: "the signing secret",
    if_open: "others can read it; delete it, and the next start makes a new one, which ends all sessions",
    if_damaged: "delete it to have a new one made",
    check: check_signing,
};

const SECRETS_KEY: OwnSecret = OwnSecret {
    file: SECRETS_KEY_FILE,
    what: "the key of stored secrets",
    if_open: "others can read it; `chmod 600` mends that",
    if_damaged: "put the right one in its place; or delete it to have a new one made, and enter the secrets of webhooks again",
    check: check_secrets_key,
};

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
    SIGNING.made_in(&settings.data_dir)
}

/// The key that encrypts secrets in the database, from the settings or from the data folder, where it is made like the
/// [signing secret](signing_secret).
///
/// # Errors
/// As for [`signing_secret`].
pub fn secrets_key(settings: &Settings) -> Result<SecretsKey, ExitError> {
    if let Some(key) = &settings.secrets_key {
        return Ok(key.clone());
    }
    parsed(&SECRETS_KEY.made_in(&settings.data_dir)?, settings)
}

/// The existing key. None is created.
///
/// # Errors
/// As for [`secrets_key`].
pub fn existing_secrets_key(settings: &Settings) -> Result<Option<SecretsKey>, ExitError> {
    if let Some(key) = &settings.secrets_key {
        return Ok(Some(key.clone()));
    }
    let existing = SECRETS_KEY.read(&settings.data_dir.join(SECRETS_KEY_FILE))?;
    existing.map(|key| parsed(&key, settings)).transpose()
}

fn parsed(key: &SecretString, settings: &Settings) -> Result<SecretsKey, ExitError> {
    let path = settings.data_dir.join(SECRETS_KEY_FILE);
    SecretsKey::from_hex(key.expose_secret()).map_err(|problem| refuse(SECRETS_KEY.what, &path, &problem))
}

/// The existing signing secret, if there is one. None is created.
///
/// # Errors
/// As for [`signing_secret`].
pub fn existing_secret(settings: &Settings) -> Result<Option<SecretString>, ExitError> {
    match &settings.jwt_secret {
        Some(secret) => Ok(Some(secret.clone())),
        None => SIGNING.read(&settings.data_dir.join(FILE)),
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
    secret_in_file("--password-file", path)
}

/// The secret in the file of a flag, without the line break at its end.
///
/// # Errors
/// [`ExitError::Settings`] if the file can't be read, or others can read it.
pub fn secret_in_file(flag: &str, path: &str) -> Result<SecretString, ExitError> {
    let text = match path {
        STANDARD => std::io::read_to_string(std::io::stdin()).map_err(|error| format!("can't be read: {error}")),
        path => read_private(Path::new(path)),
    };
    let text = text.map_err(|problem| ExitError::Settings(vec![format!("{flag}: `{path}` {problem}")]))?;
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

/// Checks whether a text is a key of stored secrets.
///
/// # Errors
/// The problem, as the rest of a sentence after "the secret".
pub(crate) fn check_secrets_key(key: &str) -> Result<(), String> {
    SecretsKey::from_hex(key).map(drop)
}

impl OwnSecret {
    /// The secret in the folder, which is made if it is missing.
    fn made_in(&self, folder: &Path) -> Result<SecretString, ExitError> {
        let path = folder.join(self.file);
        if let Some(secret) = self.read(&path)? {
            return Ok(secret);
        }
        let refuse = |why: &str| refuse(self.what, &path, why);
        create(folder, &path).map_err(|error| refuse(&error.to_string()))?;
        self.read(&path)?
            .ok_or_else(|| refuse("it was removed while the program started"))
    }

    fn read(&self, path: &Path) -> Result<Option<SecretString>, ExitError> {
        let refuse = |why: &str| refuse(self.what, path, why);
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| refuse(&error.to_string()))?,
        };
        let metadata = file.metadata().map_err(|error| refuse(&error.to_string()))?;
        let folder = path.parent().map(std::fs::metadata).transpose();
        let folder = folder.map_err(|error| refuse(&error.to_string()))?;
        if is_open_to_others(&metadata, folder.as_ref()) {
            return Err(refuse(self.if_open));
        }
        let mut secret = String::new();
        file.read_to_string(&mut secret)
            .map_err(|error| refuse(&error.to_string()))?;
        let secret = secret.trim_end();
        (self.check)(secret).map_err(|problem| refuse(&format!("it {problem}; {}", self.if_damaged)))?;
        Ok(Some(secret.into()))
    }
}

fn create(folder: &Path, path: &Path) -> std::io::Result<()> {
    let secret = hexadecimal_secret();
    // Temporary files have mode 0600 from the beginning.
    let mut file = tempfile::Builder::new().prefix(".new-secret-").tempfile_in(folder)?;
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

    use super::*;

    fn secret_in(folder: &Path) -> Result<SecretString, ExitError> {
        SIGNING.made_in(folder)
    }

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
    fn key_of_stored_secrets_is_made_once_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let made = SECRETS_KEY.made_in(folder.path()).unwrap();
        let path = folder.path().join(SECRETS_KEY_FILE);
        assert_eq!(mode(&path), 0o600);
        let again = SECRETS_KEY.made_in(folder.path()).unwrap();
        assert_eq!(made.expose_secret(), again.expose_secret());
        std::fs::write(&path, "damaged").unwrap();
        let refused = SECRETS_KEY.made_in(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("64 hexadecimal digits"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "damaged");
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
