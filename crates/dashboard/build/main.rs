//! Builds the dashboard with Node, and writes the table of its files that the crate embeds.
//!
//! 1. The sources are copied into `OUT_DIR`. Nothing is written into the source folder.
//! 2. `npm ci` installs exactly the packages of the lock file, and runs no install scripts. It runs only if the lock file
//!    has changed, so later builds need no network.
//! 3. `npm run build` writes the files and their compressed variants.
//!
//! Without Node, npm or (at the first build) a network, a plain page is embedded instead. It explains how to build the
//! dashboard. `CAMPUS_BACKUP_DASHBOARD=skip` always embeds the plain page, and `=require` fails instead.

#![allow(clippy::print_stdout, reason = "build scripts send instructions to Cargo on stdout")]

mod sources;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

const MODE_VARIABLE: &str = "CAMPUS_BACKUP_DASHBOARD";
/// The oldest version of Node that Vite supports.
const OLDEST_NODE: (u32, u32) = (20, 19);
/// A copy of the lock file from the last installation of the packages.
const INSTALLED: &str = "installed-lock.json";

fn main() -> Outcome<()> {
    println!("cargo::rerun-if-env-changed={MODE_VARIABLE}");
    println!("cargo::rerun-if-changed=build");
    let app = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("app");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for source in sources::list() {
        println!("cargo::rerun-if-changed={}", app.join(source).display());
    }
    let mode = env::var(MODE_VARIABLE).unwrap_or_default();
    let work = out.join("app");
    let installed = match mode.as_str() {
        "skip" => Err(format!("{MODE_VARIABLE}=skip")),
        "" | "require" => {
            sources::copy(&app, &work)?;
            check_node().and_then(|()| install(&work))
        }
        other => return Err(format!("{MODE_VARIABLE} must be `skip`, `require` or not set, and not `{other}`").into()),
    };
    let files = out.join("files");
    let _ = fs::remove_dir_all(&files);
    fs::create_dir_all(&files)?;
    match installed {
        // A failure after this point is an error in the sources. A plain page would hide it.
        Ok(()) => npm(&work, &["run", "build", "--", "--outDir", &files.to_string_lossy()])?,
        Err(reason) if mode == "require" => return Err(format!("the dashboard can't be built: {reason}").into()),
        Err(reason) => {
            if mode.is_empty() {
                println!("cargo::warning=the dashboard is left out: {reason}");
            }
            fs::copy(app.join("plain.html"), files.join("index.html"))?;
        }
    }
    fs::write(out.join("table.rs"), table::generate(&files)?)?;
    Ok(())
}

fn check_node() -> Result<(), String> {
    let (major, minor) = OLDEST_NODE;
    let required = format!("Node {major}.{minor} or newer, with npm, is needed to build it");
    let output = Command::new("node").arg("--version").output();
    let version = output.map_err(|_| format!("{required}; there is none"))?.stdout;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(found)), Some(Ok(minor))) if (found, minor) >= OLDEST_NODE => Ok(()),
        _ => Err(format!("{required}; this is {version}")),
    }
}

/// Installs the packages of the lock file, unless they are already installed.
fn install(work: &Path) -> Result<(), String> {
    let lock = fs::read(work.join("package-lock.json")).map_err(|error| error.to_string())?;
    let stamp = work.join(INSTALLED);
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let arguments = [
        "ci",
        "--omit=dev",
        "--ignore-scripts",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
    ];
    npm(work, &arguments).map_err(|error| format!("its packages could not be installed: {error}"))?;
    fs::write(stamp, lock).map_err(|error| error.to_string())
}

fn npm(work: &Path, arguments: &[&str]) -> Outcome<()> {
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(work)
        .env("npm_config_update_notifier", "false")
        // Always a production build, whatever the environment says.
        .env("NODE_ENV", "production")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let log = [output.stdout, output.stderr].concat();
    let log = String::from_utf8_lossy(&log);
    Err(format!("npm {} failed: {}", arguments[0], log.trim()).into())
}
