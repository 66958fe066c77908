//! Faults of a single entry of the store. They do not affect other entries.

use std::io::{self, ErrorKind};

use rustix::io::Errno;

use crate::directory::is_link;

/// Why an entry of the store can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryFault {
    /// The archive has no manifest.
    Incomplete,
    /// The service may not read it.
    AccessDenied,
    /// It is a symbolic link, or one of its files is.
    SymbolicLink,
    /// It is not a folder or a file, but has the name of one.
    WrongKind,
    /// Its name can't be used as a path.
    InvalidName,
    /// The name of its file does not match the content.
    WrongFileName,
    /// The system can't read it.
    ReadError,
}

impl EntryFault {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::AccessDenied => "access_denied",
            Self::SymbolicLink => "symbolic_link",
            Self::WrongKind => "wrong_kind",
            Self::InvalidName => "invalid_name",
            Self::WrongFileName => "wrong_file_name",
            Self::ReadError => "read_error",
        }
    }

    /// What is wrong and what to do, as sentences.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Incomplete => {
                "The archive has no manifest. If it is being copied, wait for the end. If it is whole, verify it: that \
                 makes the manifest again."
            }
            Self::AccessDenied => "The service may not read it. Give its files to the user of the service.",
            Self::SymbolicLink => "It is a symbolic link, which the service never follows. Copy the files instead.",
            Self::WrongKind => "It has the name of an archive and is something else. Move it to another place.",
            Self::InvalidName => "Its name can't be used as a path. Rename or remove it with the tools of the store.",
            Self::WrongFileName => {
                "The file's name does not say how its content is compressed or encrypted. Rename it: `archive.json`, \
                 then `.zst` if it is compressed, then `.age` if it is encrypted."
            }
            Self::ReadError => "The system can't read it. Look at the log of the service.",
        }
    }

    /// Classifies an error of the system; none if it concerns the whole process or disk.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        if Errno::from_io_error(error).is_some_and(is_of_all) {
            return None;
        }
        Some(match error.kind() {
            _ if is_link(error) => Self::SymbolicLink,
            ErrorKind::PermissionDenied => Self::AccessDenied,
            ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::InvalidInput => Self::WrongKind,
            _ => Self::ReadError,
        })
    }
}

/// Whether a resource of the process is exhausted, or the disk or network drive has failed.
fn is_of_all(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::MFILE
            | Errno::NFILE
            | Errno::NOMEM
            | Errno::IO
            | Errno::STALE
            | Errno::ROFS
            | Errno::NOTCONN
            | Errno::TIMEDOUT
            | Errno::HOSTDOWN
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_disk_is_not_reported_as_an_unusable_entry() {
        for errno in [Errno::IO, Errno::STALE, Errno::ROFS, Errno::MFILE] {
            assert_eq!(EntryFault::of(&errno.into()), None, "{errno}");
        }
        assert_eq!(EntryFault::of(&Errno::ACCESS.into()), Some(EntryFault::AccessDenied));
        assert_eq!(EntryFault::of(&Errno::NAMETOOLONG.into()), Some(EntryFault::ReadError));
    }
}
