//! The output of a command that writes a file: the standard output, or a file that appears only when it is complete.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::cli::exit::ExitError;
use crate::cli::output;

const DOING: &str = "writing the file";

/// The name of the standard output, or of the standard input, on the command line.
pub(crate) const STANDARD: &str = "-";

/// A file that is being written. Only its owner can read it. It is removed if it is dropped before `finish`.
pub(crate) enum OutputFile {
    Standard(Box<dyn Write>),
    File { file: NamedTempFile, path: String },
}

impl OutputFile {
    /// Starts a file at a path, or on the standard output.
    ///
    /// # Errors
    /// [`ExitError::Settings`] if the file exists already.
    pub(crate) fn begin(path: &str) -> Result<Self, ExitError> {
        if path == STANDARD {
            return Ok(Self::Standard(output::file_output()));
        }
        if Path::new(path).exists() {
            return Err(exists(path));
        }
        // In the same folder, so that it can be renamed when it is complete.
        let folder = Path::new(path).parent();
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(ExitError::failed(DOING))?;
        Ok(Self::File {
            file,
            path: path.to_owned(),
        })
    }

    /// Finishes a complete file.
    ///
    /// # Errors
    /// [`ExitError::Settings`] if a file was created there meanwhile.
    pub(crate) fn finish(self) -> Result<(), ExitError> {
        match self {
            Self::Standard(mut output) => output.flush().map_err(ExitError::failed(DOING)),
            Self::File { file, path } => {
                file.as_file().sync_all().map_err(ExitError::failed(DOING))?;
                let put = file.persist_noclobber(&path).map_err(|refused| refused.error);
                put.map(drop).map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => exists(&path),
                    _ => ExitError::failed(DOING)(error),
                })
            }
        }
    }
}

fn exists(path: &str) -> ExitError {
    ExitError::Settings(vec![format!("--output: there is a file `{path}` already")])
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(output) => output.write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(output) => output.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}
