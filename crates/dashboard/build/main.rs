//! Builds the dashboard with Node and writes the table of its files, which the crate embeds.
//!
//! 1. The sources are copied into `OUT_DIR`: nothing is ever written beside them.
//! 2. `npm ci` installs exactly what the lock file names, without running anybody's scripts; only if the lock file is
//!    another one than the last time, so that later builds need no network.
//! 3. `npm run build` makes the files, with their compressed variants.
//!
//! Without Node, without npm or without a network at the first time there is a plain page instead, which says how to
//! build the real one. `CAMPUS_BACKUP_DASHBOARD=skip` asks for that, and `=require` makes it a failure.

#![allow(clippy::print_stdout, reason = "it is how a build script speaks with Cargo")]

mod sources;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

const WISH: &str = "CAMPUS_BACKUP_DASHBOARD";
/// The oldest Node that Vite runs on.
const OLDEST_NODE: (u32, u32) = (20, 19);
/// What the lock file was when the packages were installed.
const INSTALLED: &str = "installed-lock.json";

fn main() -> Outcome<()> {
    println!("cargo::rerun-if-env-changed={WISH}");
    println!("cargo::rerun-if-changed=build");
    let app = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("app");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for source in sources::list() {
        println!("cargo::rerun-if-changed={}", app.join(source).display());
    }
    let wish = env::var(WISH).unwrap_or_default();
    let work = out.join("app");
    let installed = match wish.as_str() {
        "skip" => Err(format!("{WISH}=skip")),
        "" | "require" => {
            sources::copy(&app, &work)?;
            node_is_there().and_then(|()| install(&work))
        }
        other => return Err(format!("{WISH} must be `skip`, `require` or not set, and not `{other}`").into()),
    };
    let files = out.join("files");
    let _ = fs::remove_dir_all(&files);
    fs::create_dir_all(&files)?;
    match installed {
        // From here on a failure is one of our sources, and a plain page would only hide it.
        Ok(()) => npm(&work, &["run", "build", "--", "--outDir", &files.to_string_lossy()])?,
        Err(reason) if wish == "require" => return Err(format!("the dashboard can't be built: {reason}").into()),
        Err(reason) => {
            if wish.is_empty() {
                println!("cargo::warning=the dashboard is left out: {reason}");
            }
            fs::copy(app.join("plain.html"), files.join("index.html"))?;
        }
    }
    fs::write(out.join("table.rs"), table::of(&files)?)?;
    Ok(())
}

fn node_is_there() -> Result<(), String> {
    let (major, minor) = OLDEST_NODE;
    let wanted = format!("Node {major}.{minor} or newer, with npm, is needed to build it");
    let output = Command::new("node").arg("--version").output();
    let version = output.map_err(|_| format!("{wanted}; there is none"))?.stdout;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(found)), Some(Ok(minor))) if (found, minor) >= OLDEST_NODE => Ok(()),
        _ => Err(format!("{wanted}; this is {version}")),
    }
}

/// Installs the packages of the lock file, unless they are there.
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
        // A build for production, whatever whoever builds has set.
        .env("NODE_ENV", "production")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    Err(format!("npm {} failed: {}", arguments[0], said.trim()).into())
}
