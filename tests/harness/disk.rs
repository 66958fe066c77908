//! A small disk of a test.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::tool;

/// A separate file system in memory.
pub struct MountedDisk(TempDir);

impl MountedDisk {
    /// Mounts one with these options; none if the test may not mount one.
    pub fn new(options: &str) -> Option<Self> {
        if !tool::is_available("mount") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount
            .args(["-t", "tmpfs", "-o", options, "campus-backup-test"])
            .arg(folder.path())
            .output();
        match mounted.unwrap().status.success() {
            true => Some(Self(folder)),
            false => {
                let _ = writeln!(std::io::stderr(), "SKIPPED: no file system can be mounted here");
                None
            }
        }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Uses all of its room.
    pub fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        while filler.write(&[0; 4096]).is_ok() {}
    }

    /// Frees the room again.
    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder().join("filler")
    }
}

impl Drop for MountedDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder()).status();
    }
}
