//! `campus-backup key`: makes, lists and checks the keys that open archives.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use campus_backup_archive::{Encryption, Keys, Manifest};
use campus_backup_domain::job::Progress;
use campus_backup_domain::open::Checked;
use campus_backup_domain::operations::{ArchiveQuery, KeyMode};
use campus_backup_domain::store::UnreadableEntry;
use campus_backup_domain::{open, verify};
use chrono::{SecondsFormat, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::cli::archives::refused;
use crate::cli::args::{CommonSettings, Key, Reading};
use crate::cli::exit::ExitError;
use crate::cli::inspect::{refused_file, with_archives};
use crate::cli::named_archive::{BackupFile, NamedArchive};
use crate::cli::output::{Report, print, print_json};
use crate::cli::output_file::OutputFile;
use crate::cli::recovery_sheet::RecoverySheet;
use crate::problem::{ApiError, Code};
use crate::routes::keys::{KeysAnswer, PublicKeyAnswer};
use crate::settings::Settings;

const WRITING: &str = "writing the secret key";

pub(super) fn key(command: Key) -> Result<(), ExitError> {
    match command {
        Key::Generate { output, sheet } => generate(&output, &sheet),
        Key::List { json, common } => list(json, common),
        Key::Check { archive, reading } => check(&archive, &reading),
    }
}

fn generate(path: &str, sheet: &str) -> Result<(), ExitError> {
    // Opened first, so that no key is made whose sheet can't be written.
    let mut sheet = OutputFile::begin(sheet)?;
    let (keys, created_at) = (Keys::generate(), Utc::now());
    let public = keys.recipients().public_keys();
    let [public] = public.as_slice() else {
        return Err(ExitError::failed("making a key")("there is not one public key"));
    };
    // The form of `age-keygen`.
    let text = SecretString::from(format!(
        "# created: {}\n# public key: {}\n# fingerprint: {}\n{}",
        created_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        public.recipient,
        public.fingerprint,
        keys.secret_text().expose_secret()
    ));
    write_new(path, &text)?;
    // The sheet is used on another machine, where the folder is another one.
    let key_file = Path::new(path)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(path);
    let text = RecoverySheet {
        key: public,
        created_at,
        key_file,
    }
    .text();
    sheet
        .write_all(text.as_bytes())
        .map_err(ExitError::failed("writing the recovery sheet"))?;
    sheet.finish()
}

/// Writes a secret into a new file that only its owner can read.
fn write_new(path: &str, secret: &SecretString) -> Result<(), ExitError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => ExitError::Settings(vec![format!(
            "--output: there is a file `{path}` already, and it may be a key"
        )]),
        _ => ExitError::Settings(vec![format!("--output: `{path}` can't be created: {error}")]),
    })?;
    let written = file
        .write_all(secret.expose_secret().as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        // An incomplete key opens nothing. The first error is reported, also if this fails.
        let _ = std::fs::remove_file(path);
        ExitError::failed(WRITING)(error)
    })?;
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    let synced = std::fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    synced.map_err(ExitError::failed(WRITING))
}

/// The answer of `key list --json`.
#[derive(Serialize)]
struct KeyList {
    #[serde(flatten)]
    keys: KeysAnswer,
    archives: Vec<ArchiveKeys>,
    unreadable: Vec<UnreadableEntry>,
}

/// The keys of one archive.
#[derive(Serialize)]
struct ArchiveKeys {
    id: String,
    encryption: Encryption,
    /// The fingerprints of the keys that open it; none if they are not known.
    recipients: Vec<String>,
}

impl From<&Manifest> for ArchiveKeys {
    fn from(manifest: &Manifest) -> Self {
        Self {
            id: manifest.id.clone(),
            encryption: manifest.object.encryption,
            recipients: manifest.recipients.clone(),
        }
    }
}

fn list(json: bool, common: CommonSettings) -> Result<(), ExitError> {
    let settings = Settings::of_command(&common)?;
    let keys = KeysAnswer {
        mode: KeyMode::of(&settings.archive_recipients, &settings.archive_keys),
        recipients: settings
            .archive_recipients
            .public_keys()
            .into_iter()
            .map(PublicKeyAnswer::from)
            .collect(),
    };
    let reading = Reading {
        identity: None,
        json,
        common,
    };
    with_archives(&reading, async |archives, _| {
        let listed = archives.list(&ArchiveQuery::default()).await.map_err(refused)?;
        let list = KeyList {
            keys,
            archives: listed
                .items
                .iter()
                .map(|archive| ArchiveKeys::from(&*archive.manifest))
                .collect(),
            unreadable: listed.unreadable,
        };
        match json {
            true => print_json(&list),
            false => print_list(&list),
        }
    })
}

fn print_list(list: &KeyList) -> Result<(), ExitError> {
    print(match list.keys.mode {
        KeyMode::None => "new archives are not encrypted",
        KeyMode::KeyFile => "new archives are encrypted, and the service has a key that opens them:",
        KeyMode::Recipients => "new archives are encrypted to public keys alone, so that the service can't open them:",
    })?;
    for key in &list.keys.recipients {
        print(&format!("  {}  {}", key.fingerprint, key.recipient))?;
    }
    for archive in &list.archives {
        let keys = match (archive.encryption, archive.recipients.as_slice()) {
            (Encryption::None, _) => "not encrypted".to_owned(),
            (Encryption::Age, []) => "encrypted; its keys are not known".to_owned(),
            (Encryption::Age, recipients) => recipients.join(" "),
        };
        print(&format!("{}  {keys}", archive.id))?;
    }
    for one in &list.unreadable {
        print(&format!("{}  {}: {}", one.id, one.code, one.detail))?;
    }
    Ok(())
}

/// The answer of `key check --json`.
#[derive(Serialize)]
struct KeyCheck<'k> {
    archive: &'k str,
    opens: bool,
    rows: u64,
}

fn check(archive: &str, reading: &Reading) -> Result<(), ExitError> {
    if reading.identity.is_none() {
        let problem = "--identity: the file with the secret key that is to be proven";
        return Err(ExitError::Settings(vec![problem.to_owned()]));
    }
    let report = reading.report();
    match NamedArchive::of(archive)? {
        NamedArchive::File(file) => {
            let BackupFile { name, source, keys } = file.open(reading)?;
            let checked = open::check(source, &keys, &Progress::default()).map_err(refused_file(&name))?;
            proven(&name, &checked, report)
        }
        NamedArchive::Stored(id) => with_archives(reading, async |archives, keys| {
            let manifest = archives.show(&id).await.map_err(refused)?.manifest;
            let source = archives.source(&manifest);
            let checked = verify::digest(&source, keys, Some(&manifest), &Progress::default()).await;
            proven(&id, &checked.map_err(refused)?, report)
        }),
    }
}

/// Reports an archive that was read to its end.
fn proven(name: &str, checked: &Checked, report: Report) -> Result<(), ExitError> {
    if checked.form.encryption == Encryption::None {
        let detail = format!("{name} is not encrypted: it needs no key, and nothing was proven about this one.");
        return Err(ApiError::new(Code::ArchiveUnencrypted, detail).into());
    }
    let rows = checked.summary.total;
    match report {
        Report::Json => print_json(&KeyCheck {
            archive: name,
            opens: true,
            rows,
        }),
        report => report.say(&format!("{name}: the key opens it; complete, {rows} rows")),
    }
}
