//! Generates the table of the built files as Rust code.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Returns an expression of type `[Embedded; _]`, sorted by path.
pub(crate) fn generate(folder: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let mut table = String::from("[\n");
    for path in paths.iter().filter(|path| !is_variant(path)) {
        let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy();
        let mut hasher = DefaultHasher::new();
        fs::read(path)?.hash(&mut hasher);
        let _ = writeln!(
            table,
            "Embedded {{ path: {name:?}, digest: \"{:016x}\", plain: include_bytes!({path:?}), gzip: {}, brotli: {} }},",
            hasher.finish(),
            variant(path, "gz"),
            variant(path, "br"),
        );
    }
    table.push(']');
    Ok(table)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

fn is_variant(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "gz" || extension == "br")
}

/// The compressed variant of a file, if it is smaller.
fn variant(path: &Path, extension: &str) -> String {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    let compressed = PathBuf::from(name);
    let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
    match (size(path), size(&compressed)) {
        (Ok(plain), Ok(smaller)) if smaller < plain => format!("Some(include_bytes!({compressed:?}))"),
        _ => "None".to_owned(),
    }
}
