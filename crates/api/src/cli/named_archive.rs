//! An archive as an argument names it: by the id of a stored one, by the path of a file, or `-` for the standard input.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use campus_backup_archive::Keys;
use campus_backup_domain::store;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::args::{Identity, Reading};
use crate::cli::exit::ExitError;
use crate::cli::output_file::STANDARD;
use crate::data_dir::secret;
use crate::problem::{ApiError, Code};
use crate::settings::Settings;

/// An archive that a command reads.
pub(super) enum NamedArchive {
    /// The id of a stored archive.
    Stored(String),
    /// A backup file.
    File(FileArgument),
}

/// A backup file that a command reads.
pub(super) enum FileArgument {
    /// The path of a file or of a pipe.
    Path(PathBuf),
    /// `-`.
    StandardInput,
}

impl NamedArchive {
    /// An argument with the form of an id is an id, `-` is the standard input, and everything else is a path.
    ///
    /// # Errors
    /// [`Code::UnknownArchive`] if the path does not exist.
    pub(super) fn of(argument: &str) -> Result<Self, ExitError> {
        if store::is_id(argument) {
            return Ok(Self::Stored(argument.to_owned()));
        }
        if argument == STANDARD {
            return Ok(Self::File(FileArgument::StandardInput));
        }
        let path = PathBuf::from(argument);
        match path.exists() && !path.is_dir() {
            true => Ok(Self::File(FileArgument::Path(path))),
            false => {
                let detail = format!("`{argument}` is neither the id of an archive nor a file.");
                Err(ApiError::new(Code::UnknownArchive, detail).into())
            }
        }
    }
}

/// An open backup file.
pub(super) struct BackupFile {
    /// Its name, for messages.
    pub(super) name: String,
    /// Its bytes.
    pub(super) source: Box<dyn Read + Send>,
    /// The keys that open it.
    pub(super) keys: Keys,
}

impl FileArgument {
    /// Opens the file and reads the keys.
    ///
    /// # Errors
    /// [`ExitError::Settings`] if either can't be read.
    pub(super) fn open(self, reading: &Reading) -> Result<BackupFile, ExitError> {
        Ok(BackupFile {
            source: self.read()?,
            keys: match reading.identity_keys()? {
                Some(keys) => keys,
                None => Settings::archive_keys_of(&reading.common)?,
            },
            name: match self {
                Self::Path(path) => path.display().to_string(),
                Self::StandardInput => "the standard input".to_owned(),
            },
        })
    }

    /// Opens the file alone.
    ///
    /// # Errors
    /// [`ExitError::Settings`] if it can't be read.
    pub(super) fn read(&self) -> Result<Box<dyn Read + Send>, ExitError> {
        let path = match self {
            Self::Path(path) => path,
            // The lock of the standard input can't be sent to other threads.
            Self::StandardInput => return Ok(Box::new(BufReader::new(io::stdin()))),
        };
        match File::open(path) {
            Ok(file) => Ok(Box::new(BufReader::new(file))),
            Err(error) => Err(ExitError::Settings(vec![format!(
                "`{}` can't be read: {error}",
                path.display()
            )])),
        }
    }
}

impl Reading {
    /// The keys in the file of `--identity`, if it is given.
    ///
    /// # Errors
    /// [`ExitError::Settings`] if they can't be read.
    pub(super) fn identity_keys(&self) -> Result<Option<Keys>, ExitError> {
        self.identity.as_deref().map(keys_in).transpose()
    }
}

impl Identity {
    /// Adds the keys in the file of `--identity`, if it is given, to those of the settings.
    ///
    /// # Errors
    /// [`ExitError::Settings`] if they can't be read.
    pub(super) fn add_to(&self, settings: &mut Settings) -> Result<(), ExitError> {
        if let Some(file) = &self.file {
            settings.archive_keys = settings.archive_keys.clone().with(&keys_in(file)?);
        }
        Ok(())
    }
}

/// The keys in the file of `--identity`.
fn keys_in(file: &str) -> Result<Keys, ExitError> {
    let refuse = |problem: String| ExitError::Settings(vec![format!("--identity: `{file}`{problem}")]);
    let text = secret::read_private(Path::new(file)).map_err(|problem| refuse(format!(" {problem}")))?;
    // The memory of the text is overwritten when it is dropped.
    let text = SecretString::from(text);
    Keys::parse(text.expose_secret()).map_err(|error| refuse(format!(": {error}")))
}

/// An archive that can be read more than once.
pub(super) enum RereadableArchive {
    /// The id of a stored archive.
    Stored(String),
    /// A file. A spooled one exists until this value is dropped.
    File { path: PathBuf, _spooled: Option<File> },
}

impl RereadableArchive {
    /// Reads the standard input or a pipe to its end, into a nameless file in the data folder.
    ///
    /// # Errors
    /// [`Code::UnknownArchive`] if there is no such archive; [`ExitError::Failed`] if it can't be spooled.
    pub(super) fn of(argument: &str, data_dir: &Path) -> Result<Self, ExitError> {
        let file = match NamedArchive::of(argument)? {
            NamedArchive::Stored(id) => return Ok(Self::Stored(id)),
            NamedArchive::File(FileArgument::Path(path)) if path.is_file() => {
                return Ok(Self::File { path, _spooled: None });
            }
            NamedArchive::File(file) => file,
        };
        let doing = match file {
            FileArgument::Path(_) => "reading the archive from a pipe",
            FileArgument::StandardInput => "reading the archive from the standard input",
        };
        // The system removes the file when it is closed.
        let mut spooled = tempfile::tempfile_in(data_dir).map_err(ExitError::failed(doing))?;
        io::copy(&mut file.read()?, &mut spooled).map_err(ExitError::failed(doing))?;
        Ok(Self::File {
            path: PathBuf::from(format!("/proc/self/fd/{}", spooled.as_raw_fd())),
            _spooled: Some(spooled),
        })
    }
}
