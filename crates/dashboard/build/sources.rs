//! The sources of the dashboard.

use std::path::Path;
use std::{fs, io};

/// The files and folders of `app` that the build needs. Tests, linters and their settings are left out.
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

/// Copies the sources over those of the previous build. Installed packages stay.
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
