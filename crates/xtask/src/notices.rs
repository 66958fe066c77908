//! `cargo xtask notices`: the notices of all third parties' works in the released program.
//!
//! Two lists are read: the crates that Cargo links (`cargo metadata`), and the npm packages of the dashboard's page
//! (`package-lock.json`). A licence that is not in [`ALLOWED`] is an error, because a maintainer must decide about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Result, shell};

/// The file with the notices, which the Debian package contains.
const FILE: &str = "crates/api/dist/THIRD-PARTY-NOTICES";

/// Licences that allow the use in this project on the condition of a notice.
const ALLOWED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that build the dashboard's page and are not in it.
const BUILD_TOOLS: [&str; 2] = ["vite", "@vitejs/plugin-react"];

/// One work by others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
    repository: String,
    folder: PathBuf,
}

/// Writes the notices.
pub(crate) fn write() -> Result<()> {
    let mut packages = crates()?;
    packages.extend(npm_packages(Path::new("crates/dashboard/app"))?);
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(&package.licence))
        .map(|package| format!("{} {}: {}", package.name, package.version, package.licence))
        .collect();
    if !refused.is_empty() {
        return Err(format!(
            "these licences are not in the list of allowed ones:\n{}",
            refused.join("\n")
        )
        .into());
    }
    let text = notices(&packages)?;
    std::fs::write(FILE, &text)?;
    println!("{FILE}: {} packages, {} kB", packages.len(), text.len() / 1000);
    Ok(())
}

/// The list of packages, then each licence text once with the packages that have it.
fn notices(packages: &BTreeSet<Package>) -> Result<String> {
    let mut text = "campus-backup contains these works by others.\n\n".to_owned();
    // Grouped by the text without its line breaks, because the same licence is wrapped differently in different
    // packages.
    let mut texts: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        writeln!(text, "{name}\n    {}\n    {}", package.licence, package.repository)?;
        for file in licence_files(&package.folder)? {
            let licence = String::from_utf8_lossy(&std::fs::read(file)?).into_owned();
            let words: Vec<&str> = licence.split_whitespace().collect();
            let entry = texts
                .entry(words.join(" "))
                .or_insert_with(|| (licence.clone(), Vec::new()));
            entry.1.push(name.clone());
        }
    }
    for (licence, mut names) in texts.into_values() {
        names.dedup();
        let line = "-".repeat(100);
        write!(
            text,
            "\n{line}\nThe licence of: {}\n{line}\n\n{}\n",
            names.join(", "),
            licence.trim()
        )?;
    }
    Ok(text)
}

/// The crates that are linked into the program.
fn crates() -> Result<BTreeSet<Package>> {
    let host = shell::output(shell::program("rustc", ["--print", "host-tuple"]))?;
    let metadata = shell::output(shell::cargo([
        "metadata",
        "--format-version=1",
        "--locked",
        "--filter-platform",
        host.trim(),
    ]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let by_id: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .map(|package| (text(&package["id"]), package))
        .collect();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|node| (text(&node["id"]), node))
        .collect();
    let root = by_id.iter().find(|(_, package)| package["name"] == "campus-backup-api");
    let mut waiting = vec![root.ok_or("there is no package campus-backup-api")?.0.clone()];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in list(&nodes[&id]["deps"]) {
            // Dependencies of build scripts and tests are not part of the program.
            if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()) {
                waiting.push(text(&dependency["pkg"]));
            }
        }
    }
    let foreign = seen
        .iter()
        .map(|id| &by_id[id])
        .filter(|package| !package["source"].is_null());
    let packages = foreign.map(|package| Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        // The older notation for a choice of licences.
        licence: text(&package["license"]).replace('/', " OR "),
        repository: text(&package["repository"]),
        folder: PathBuf::from(text(&package["manifest_path"]))
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default(),
    });
    Ok(packages.collect())
}

/// The npm packages that the dashboard's page is made of.
fn npm_packages(app: &Path) -> Result<BTreeSet<Package>> {
    if !app.join("node_modules").is_dir() {
        return Err(format!("run `npm ci` in {} first", app.display()).into());
    }
    let lock: Value = serde_json::from_str(&std::fs::read_to_string(app.join("package-lock.json"))?)?;
    let names = |value: &Value| {
        value
            .as_object()
            .map(|names| names.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let mut waiting = names(&lock["packages"][""]["dependencies"]);
    waiting.retain(|name| !BUILD_TOOLS.contains(&name.as_str()));
    let mut seen = BTreeSet::new();
    let mut packages = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        let place = format!("node_modules/{name}");
        let locked = &lock["packages"][&place];
        // Types are not in the page, and an optional dependency may be absent.
        if !seen.insert(name.clone()) || locked.is_null() || name.starts_with("@types/") {
            continue;
        }
        waiting.extend(names(&locked["dependencies"]));
        let folder = app.join(&place);
        let manifest: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("package.json"))?)?;
        let repository = match &manifest["repository"] {
            Value::Object(repository) => repository.get("url").map(text).unwrap_or_default(),
            repository => text(repository),
        };
        packages.insert(Package {
            name,
            version: text(&locked["version"]),
            licence: text(&locked["license"]),
            repository,
            folder,
        });
    }
    Ok(packages)
}

/// The files with a licence or a notice at the top of a package.
fn licence_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let is_licence = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT"]
            .iter()
            .any(|word| name.starts_with(word));
        if is_licence && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a licence expression (SPDX) can be fulfilled with allowed licences alone.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words) && words.peek().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> bool {
    let mut allowed = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all_of(words);
    }
    allowed
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut allowed = one(words);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut Words<'_>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let allowed = any_of(words);
        return words.next() == Some(")") && allowed;
    }
    let mut licence = words.next().unwrap_or_default().to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        licence = format!("{licence} WITH {}", words.next().unwrap_or_default());
    }
    ALLOWED.contains(&licence.as_str())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn licence_expression_is_allowed_if_allowed_licences_fulfil_it() {
        for allowed in [
            "MIT",
            "GPL-3.0-only OR MIT",
            "MIT AND (Apache-2.0 OR LGPL-2.1-or-later)",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in [
            "",
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "(MIT OR GPL-2.0-only) AND AGPL-3.0-only",
            "(MIT",
        ] {
            assert!(!is_allowed(refused), "{refused}");
        }
    }
}
