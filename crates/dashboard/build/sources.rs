//! What the dashboard is built from.

use std::path::Path;
use std::{fs, io};

/// Files and folders of `app`; tests, linters and their settings are not among them.
pub(crate) fn list() -> [&'static str; 9] {
    [
        ".npmrc",
        "build",
        "index.html",
        "package-lock.json",
        "package.json",
        "plain.html",
        "src",
        "tsconfig.json",
        "vite.config.ts",
    ]
}

/// Copies them, in place of those of the last time. Installed packages stay.
pub(crate) fn copy(app: &Path, work: &Path) -> io::Result<()> {
    fs::create_dir_all(work)?;
    for name in list() {
        let (from, to) = (app.join(name), work.join(name));
        if from.is_dir() {
            let _ = fs::remove_dir_all(&to);
            copy_folder(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
