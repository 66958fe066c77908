//! The folder that the service keeps its own things in, and the secret that signs tokens, kept there if none is given.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use secrecy::SecretString;

use crate::cli::JWT_SECRET;
use crate::failure::Failure;
use crate::settings::{SECRET_LENGTH, Settings};

const FILE: &str = "jwt-secret";

/// Makes the data folder, for its owner alone, if there is none.
///
/// # Errors
/// [`Failure::Settings`] if it can't be made.
pub fn data_dir(settings: &Settings) -> Result<(), Failure> {
    let path = &settings.data_dir;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| refuse("--data-dir (CAMPUS_BACKUP_DATA_DIR)", path, &error.to_string()))
}

/// The secret that signs tokens: the one of the settings, or the one in the data folder.
///
/// If there is none in the folder either:
/// 1. 32 random bytes are written, as hexadecimal digits, to a new file with mode 0600 and forced to the disk;
/// 2. the file gets its name, unless somebody else was faster, in one step that replaces nothing;
/// 3. whatever has the name now is read. So two processes that start at once end with one secret.
///
/// # Errors
/// [`Failure::Settings`] if the file can't be read or made, is too short, or can be read by others than its owner: then
/// it may be known to others, and is not to be trusted any more.
pub fn signing_secret(settings: &Settings) -> Result<SecretString, Failure> {
    if let Some(secret) = &settings.jwt_secret {
        return Ok(secret.clone());
    }
    data_dir(settings)?;
    kept(&settings.data_dir)
}

/// The password in a file, less the line break at its end.
///
/// # Errors
/// [`Failure::Settings`] if the file can't be read.
pub fn password_in(path: &str) -> Result<SecretString, Failure> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| refuse("--password-file", Path::new(path), &error.to_string()))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// The same, if there is one. None is made.
///
/// # Errors
/// As for [`signing_secret`].
pub fn existing_secret(settings: &Settings) -> Result<Option<SecretString>, Failure> {
    match &settings.jwt_secret {
        Some(secret) => Ok(Some(secret.clone())),
        None => read(&settings.data_dir.join(FILE)),
    }
}

/// The same for what is of no use with another secret than that of the service.
///
/// # Errors
/// [`Failure::Settings`] if there is none, and as for [`signing_secret`].
pub fn required_secret(settings: &Settings) -> Result<SecretString, Failure> {
    existing_secret(settings)?.ok_or_else(|| {
        let why = format!(
            "it does not exist, and the service would accept no other one; set {JWT_SECRET} or {JWT_SECRET}_FILE as \
             the service has it"
        );
        refuse("the signing secret", &settings.data_dir.join(FILE), &why)
    })
}

/// A secret of this process alone.
pub(crate) fn random() -> SecretString {
    hexadecimal_secret().into()
}

fn hexadecimal_secret() -> String {
    let bytes: [u8; SECRET_LENGTH] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn kept(folder: &Path) -> Result<SecretString, Failure> {
    let path = folder.join(FILE);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    let refuse = |why: &str| refuse("the signing secret", &path, why);
    make(folder, &path).map_err(|error| refuse(&error.to_string()))?;
    read(&path)?.ok_or_else(|| refuse("it was removed while the program started"))
}

fn read(path: &Path) -> Result<Option<SecretString>, Failure> {
    let refuse = |why: &str| refuse("the signing secret", path, why);
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| refuse(&error.to_string()))?,
    };
    let metadata = file.metadata().map_err(|error| refuse(&error.to_string()))?;
    if is_open_to_others(&metadata) {
        return Err(refuse(
            "it can be read by others; delete it to have a new one made, which ends all sessions",
        ));
    }
    let mut secret = String::new();
    file.read_to_string(&mut secret)
        .map_err(|error| refuse(&error.to_string()))?;
    let secret = secret.trim_end();
    if secret.len() < SECRET_LENGTH {
        return Err(refuse(&format!(
            "it must have at least {SECRET_LENGTH} bytes; delete it to have a new one made"
        )));
    }
    Ok(Some(secret.into()))
}

fn make(folder: &Path, path: &Path) -> std::io::Result<()> {
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

fn is_open_to_others(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

fn refuse(what: &str, path: &Path, why: &str) -> Failure {
    Failure::Settings(vec![format!("{what}: {}: {why}", path.display())])
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
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "x".repeat(64)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let failure = kept(folder.path()).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.to_string().contains("can be read by others"), "{failure}");
        assert_eq!(failure.lines().len(), 1);
    }

    #[test]
    fn a_short_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "x".repeat(31)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(
            kept(folder.path())
                .unwrap_err()
                .to_string()
                .contains("at least 32 bytes")
        );
    }

    #[test]
    fn processes_that_start_at_once_end_with_one_secret() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let start = std::sync::Barrier::new(8);
            let secrets: Vec<String> = std::thread::scope(|scope| {
                let started = (0..8).map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        kept(folder.path()).unwrap().expose_secret().to_owned()
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
