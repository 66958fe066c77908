//! A directory by its handle. Names are resolved relative to the handle, and symbolic links are never followed. So
//! nothing outside of the directory is read, changed or removed, whatever another user puts into it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// An open directory.
pub(crate) struct Directory(File);

/// What a rename does if the new name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Replace,
    Keep,
}

/// What opening does if the file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnMissing {
    Create,
    Fail,
}

/// The status of a name, without following links.
pub(crate) struct FileStatus {
    pub(crate) kind: FileType,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) inode: u64,
    /// When the content was last changed. A copy may have the time of its original.
    pub(crate) modified: DateTime<Utc>,
    /// When the file was last changed in any way, including its name.
    pub(crate) changed: DateTime<Utc>,
}

impl Directory {
    /// Opens a directory from the settings; that path may be a link of the administrator's.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// Opens a directory in this one.
    ///
    /// # Errors
    /// Also if the name is that of a symbolic link or of a file: see [`is_link`].
    pub(crate) fn open(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.0, name, flags, Mode::empty());
        match opened {
            Ok(handle) => Ok(Self(handle.into())),
            // Linux only reports that it is not a directory.
            Err(Errno::NOTDIR) if self.status(name)?.kind == FileType::Symlink => Err(Errno::LOOP.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a directory in this one, with access for its owner only. False if the name is taken.
    pub(crate) fn make(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in it. Names that are not UTF-8 are skipped: the service creates none.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            match OsStr::from_bytes(entry.file_name().to_bytes()).to_str() {
                Some("." | "..") | None => {}
                Some(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    pub(crate) fn status(&self, name: &str) -> io::Result<FileStatus> {
        let status = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileStatus::from(&status))
    }

    /// Opens a regular file to read it.
    ///
    /// # Errors
    /// Also if the name is that of a symbolic link (see [`is_link`]) or of anything else that is not a regular file.
    pub(crate) fn file(&self, name: &str) -> io::Result<File> {
        // Opening a pipe would wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
        }
    }

    /// Creates a new file, with access for its owner only.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if the name is taken, also by a link.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created = rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(created.into())
    }

    /// Opens a file to lock it.
    pub(crate) fn lock_file(&self, name: &str, on_missing: OnMissing) -> io::Result<File> {
        let create = match on_missing {
            OnMissing::Create => OFlags::CREATE,
            OnMissing::Fail => OFlags::empty(),
        };
        let flags = OFlags::WRONLY | create | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(opened.into())
    }

    /// Renames a file, within this directory or to another one of the same file system. It needs no space except for
    /// the name.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if the name is taken and `on_conflict` keeps the other file.
    pub(crate) fn rename(&self, old: &str, to: &Self, new: &str, on_conflict: OnConflict) -> io::Result<()> {
        if on_conflict == OnConflict::Replace {
            return Ok(rustix::fs::renameat(&self.0, old, &to.0, new)?);
        }
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        match rustix::fs::renameat_with(&self.0, old, &to.0, new, rustix::fs::RenameFlags::NOREPLACE) {
            // Not supported by the file system, which may support hard links.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            renamed => return Ok(renamed?),
        }
        rustix::fs::linkat(&self.0, old, &to.0, new, AtFlags::empty())?;
        self.remove(old)
    }

    /// Removes a file. Of a symbolic link, it removes the link.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Removes an empty directory in this one.
    pub(crate) fn remove_directory(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Forces its names to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

impl FileStatus {
    /// Of a file that is open.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from(&rustix::fs::fstat(file)?))
    }
}

impl From<&Stat> for FileStatus {
    fn from(status: &Stat) -> Self {
        let time = |seconds, nanoseconds| {
            let nanoseconds = u32::try_from(nanoseconds).unwrap_or_default();
            DateTime::from_timestamp(seconds, nanoseconds).unwrap_or_default()
        };
        Self {
            kind: FileType::from_raw_mode(status.st_mode),
            size: u64::try_from(status.st_size).unwrap_or_default(),
            inode: status.st_ino,
            modified: time(status.st_mtime, status.st_mtime_nsec),
            changed: time(status.st_ctime, status.st_ctime_nsec),
        }
    }
}

/// Whether opening failed because the name is a symbolic link.
pub(crate) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}
