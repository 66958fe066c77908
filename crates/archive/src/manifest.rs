//! The manifest: a small file beside each stored archive, so that archives can be listed without opening them.
//!
//! It is written after the archive was read back and found intact. It is written again when the label, the note, the
//! protection or a verification changes. Its statements about the data are only a copy: a restore reads the archive
//! itself. Its author is proven only by a valid [signature](crate::signature).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

use crate::header::ArchiveHeader;
use crate::layers::{Compression, Encryption, Form, Measurement};
use crate::summary::Summary;

/// The `format` of every manifest.
pub const FORMAT: &str = "campus-backup-manifest";

/// The `version` of the manifest of an archive that was never encrypted again.
pub const VERSION: u32 = 1;

/// The `version` of the manifest of an archive that was encrypted again. Earlier programs would ignore
/// [`Manifest::file_number`], and so name a file that is not there. They refuse this version.
pub const NUMBERED_VERSION: u32 = 2;

/// The manifest of one stored archive. Unknown members are ignored, so that later versions can add some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: String,
    /// [`VERSION`] or [`NUMBERED_VERSION`]
    pub version: u32,
    /// The archive's id in the store.
    pub id: String,
    /// The moment of the data.
    pub created_at: DateTime<Utc>,
    /// The version of the program that wrote the archive.
    pub app_version: String,
    /// The engine of the rows.
    pub engine: String,
    /// The version of the archive's format.
    pub archive_version: u32,
    /// A short name, by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A note, by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it is protected from deletion.
    #[serde(default, alias = "pinned")]
    pub protected: bool,
    /// How it was created.
    #[serde(deserialize_with = "kind")]
    pub kind: ArchiveKind,
    /// The user who created or uploaded it; none if a schedule did.
    #[serde(default, alias = "taken_by", skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// The job that created it; none without a job, or before jobs were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// SHA-256 of the user, the request and its idempotency key, in lower-case hexadecimal; none without a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_digest: Option<String>,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Rows of all tables.
    pub total: u64,
    /// SHA-256 of each table's rows, as in [`Summary::sha256`].
    pub sha256: BTreeMap<String, String>,
    /// Sums, as in [`Summary::totals`].
    pub totals: BTreeMap<String, String>,
    /// The digest of the whole document, as in [`Summary::digest`]; empty in older manifests without it.
    #[serde(default)]
    pub digest: String,
    /// The bytes that are stored.
    pub object: Object,
    /// The number in the name of its file, see [`ObjectFile`]. It is 0 until the archive is encrypted again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub file_number: u32,
    /// When the archive was last encrypted again, UTC. Verifications before that are of the former bytes; one of that time is the
    /// check of the new file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rekeyed_at: Option<DateTime<Utc>>,
    /// The [fingerprints](crate::KeyFingerprint) of the public keys that it was encrypted to; empty without encryption, and if
    /// they are not known, as for an upload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// Always true: every archive has the users with their password hashes, because otherwise no user could sign in
    /// after a restore. Readers of the archive can see them; encryption is recommended.
    pub contains_password_hashes: bool,
    /// The results of verifications, oldest first.
    #[serde(default)]
    pub verifications: Vec<Verification>,
    /// HMAC-SHA-256 of everything else, by the installation that wrote it, in lower-case hexadecimal, see
    /// [`ManifestKey`](crate::ManifestKey).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The most characters of a [`Manifest::label`].
pub const MAX_LABEL_CHARS: usize = 100;
/// The most characters of a [`Manifest::note`].
pub const MAX_NOTE_CHARS: usize = 2_000;
/// The most fingerprints of [`Manifest::recipients`].
const MAX_FINGERPRINTS: usize = 100;
/// The largest [`Manifest::file_number`].
pub const MAX_FILE_NUMBER: u32 = 999_999;
/// The most bytes of every other text; none of them is long.
const MAX_TEXT_BYTES: usize = 1_024;

/// How an archive came into the store. `safety` is a safety backup, created before a clear, restore or undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArchiveKind {
    /// A user or a schedule created it.
    Created,
    /// It was created before data was removed or replaced.
    Safety,
    /// A user uploaded it.
    Uploaded,
}

impl ArchiveKind {
    /// Its name in the manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Safety => "safety",
            Self::Uploaded => "uploaded",
        }
    }
}

/// Reads the kind. Manifests of earlier builds have `taken` for [`ArchiveKind::Created`].
fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<ArchiveKind, D::Error> {
    let word = String::deserialize(deserializer)?;
    let word = if word == "taken" { "created" } else { word.as_str() };
    ArchiveKind::deserialize(IntoDeserializer::<D::Error>::into_deserializer(word))
}

/// The stored bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Their number.
    pub size: u64,
    /// Their SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// How they are compressed.
    pub compression: Compression,
    /// How they are encrypted.
    pub encryption: Encryption,
}

/// The name of an archive's file in the store: `archive.json.zst.age`, with the suffix of its layers. A file that was encrypted
/// again has a random number in its name, as in `archive-407133.json.zst.age`, so that it can be written while the former one is
/// still there, and two writers never write the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectFile {
    /// The layers around the document.
    pub form: Form,
    /// See [`Manifest::file_number`].
    pub number: u32,
}

impl ObjectFile {
    /// The name of the file.
    pub fn name(self) -> String {
        let suffix = self.form.suffix();
        match self.number {
            0 => format!("archive.json{suffix}"),
            number => format!("archive-{number}.json{suffix}"),
        }
    }

    /// The file with this name; none if it is not the name of one.
    pub fn from_name(name: &str) -> Option<Self> {
        let (stem, suffix) = name.split_once(".json")?;
        let form = Form::ALL.into_iter().find(|form| form.suffix() == suffix)?;
        let number = match stem.strip_prefix("archive")? {
            "" => 0,
            digits => digits.strip_prefix('-')?.parse().ok()?,
        };
        let file = Self { form, number };
        // A number has one form only.
        (number <= MAX_FILE_NUMBER && file.name() == name).then_some(file)
    }
}

/// A file that was never encrypted again.
impl From<Form> for ObjectFile {
    fn from(form: Form) -> Self {
        Self { form, number: 0 }
    }
}

/// One verification of a stored archive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Its level.
    pub level: VerificationLevel,
    /// Its result.
    pub result: VerificationResult,
    /// The [code](crate::Error::code) of the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// How much of that went into the test restore's restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_seconds: Option<f64>,
}

/// The level of a verification. `digest` reads the stored object and compares all digests; `test_restore` also restores it
/// into a database of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationLevel {
    /// The archive was read, and all digests match.
    Digest,
    /// It was also restored into a scratch database.
    #[serde(alias = "rehearsal")]
    TestRestore,
}

impl VerificationLevel {
    /// Its name in the manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::TestRestore => "test_restore",
        }
    }
}

/// The result of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationResult {
    /// The archive is intact.
    Ok,
    /// The archive is not intact.
    Failed,
}

/// Why a manifest was refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not a manifest, or it is damaged.
    #[error("not the manifest of an archive")]
    NotAManifest,
    /// A later version of this program wrote it.
    #[error("the manifest is of version {version}, this program reads up to version {NUMBERED_VERSION}")]
    NewerVersion {
        /// Its version.
        version: u64,
    },
    /// A member is missing or impossible in this version.
    #[error("the manifest can't be read: {problem}")]
    Invalid {
        /// What is wrong and where, in one short line.
        problem: String,
    },
    /// A member is longer than any that this program writes. It would be copied into responses, logs and the database.
    #[error("the manifest can't be read: `{member}` is too long")]
    TooLong {
        /// Which one.
        member: &'static str,
    },
}

impl ManifestError {
    /// The stable code of the fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAManifest => "not_a_manifest",
            Self::NewerVersion { .. } => "newer_version",
            Self::Invalid { .. } | Self::TooLong { .. } => "invalid_manifest",
        }
    }
}

/// The members of every version.
#[derive(Deserialize)]
struct Start {
    format: String,
    version: u64,
}

impl Manifest {
    /// The manifest of an archive that was read to its end, without label, protection or verifications.
    pub fn new(id: String, kind: ArchiveKind, header: &ArchiveHeader, summary: &Summary, object: Object) -> Self {
        let summary = summary.clone();
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            id,
            created_at: header.created_at,
            app_version: header.app_version.clone(),
            engine: header.engine.clone(),
            archive_version: header.version.number(),
            label: None,
            note: None,
            protected: false,
            kind,
            created_by: None,
            job_id: None,
            request_digest: None,
            rows: summary.rows,
            total: summary.total,
            sha256: summary.sha256,
            totals: summary.totals,
            digest: summary.digest,
            object,
            file_number: 0,
            rekeyed_at: None,
            recipients: Vec::new(),
            contains_password_hashes: true,
            verifications: Vec::new(),
            signature: None,
        }
    }

    /// The file of the archive in the store.
    pub fn file(&self) -> ObjectFile {
        ObjectFile {
            form: self.object.form(),
            number: self.file_number,
        }
    }

    /// Names another file of the archive, and the version that goes with it.
    pub fn set_file_number(&mut self, number: u32) {
        self.file_number = number;
        self.version = match number {
            0 => VERSION,
            _ => NUMBERED_VERSION,
        };
    }

    /// The verifications of the bytes that are stored now, oldest first: not those from before the archive was encrypted again.
    pub fn current_verifications(&self) -> impl Iterator<Item = &Verification> {
        let since = self.rekeyed_at;
        let verifications = self.verifications.iter();
        verifications.filter(move |found| since.is_none_or(|since| found.at >= since))
    }

    /// Reads a manifest: its version first, then everything else.
    ///
    /// # Errors
    ///
    /// If it is none, of a later version, not whole, or longer than any that this program writes.
    pub fn from_json(json: &[u8]) -> Result<Self, ManifestError> {
        let start: Start = serde_json::from_slice(json).map_err(|_| ManifestError::NotAManifest)?;
        if start.format != FORMAT || start.version == 0 {
            return Err(ManifestError::NotAManifest);
        }
        if start.version > u64::from(NUMBERED_VERSION) {
            return Err(ManifestError::NewerVersion { version: start.version });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(invalid)?;
        match manifest.too_long() {
            Some(member) => Err(ManifestError::TooLong { member }),
            None => Ok(manifest),
        }
    }

    /// The first member that is too long.
    fn too_long(&self) -> Option<&'static str> {
        let chars = |text: &Option<String>| text.as_deref().map_or(0, |text| text.chars().count());
        let codes = self.verifications.iter().filter_map(|found| found.code.as_ref());
        let is_within_bounds = [
            ("id", are_short([&self.id])),
            ("app_version", are_short([&self.app_version])),
            ("engine", are_short([&self.engine])),
            ("label", chars(&self.label) <= MAX_LABEL_CHARS),
            ("note", chars(&self.note) <= MAX_NOTE_CHARS),
            ("created_by", are_short(&self.created_by)),
            ("job_id", are_short(&self.job_id)),
            ("request_digest", are_short(&self.request_digest)),
            ("rows", are_short(self.rows.keys())),
            ("sha256", are_short(self.sha256.iter().flat_map(<[&String; 2]>::from))),
            ("totals", are_short(self.totals.iter().flat_map(<[&String; 2]>::from))),
            ("digest", are_short([&self.digest])),
            ("object", are_short([&self.object.sha256])),
            ("file_number", self.file_number <= MAX_FILE_NUMBER),
            (
                "recipients",
                self.recipients.len() <= MAX_FINGERPRINTS && are_short(&self.recipients),
            ),
            ("verifications", are_short(codes)),
            ("signature", are_short(&self.signature)),
        ];
        let too_long = is_within_bounds.into_iter().find(|(_, is_within)| !is_within);
        too_long.map(|(member, _)| member)
    }

    /// The manifest as it is stored: indented, because people look at it.
    pub fn to_json(&self) -> Vec<u8> {
        // Texts, numbers and maps of texts always have a JSON form.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// For serde.
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn are_short<'t>(texts: impl IntoIterator<Item = &'t String>) -> bool {
    texts.into_iter().all(|text| text.len() <= MAX_TEXT_BYTES)
}

/// The parser's error may quote a value of any length, and goes to the log.
fn invalid(error: serde_json::Error) -> ManifestError {
    let quoted = error.to_string();
    let problem = quoted.chars().take(200).flat_map(char::escape_debug).collect();
    ManifestError::Invalid { problem }
}

impl Object {
    /// The measurement of a [`Sealer`](crate::Sealer) or a [`DigestStream`](crate::DigestStream).
    pub fn new(measurement: Measurement, form: Form) -> Self {
        Self {
            size: measurement.bytes,
            sha256: measurement.sha256,
            compression: form.compression,
            encryption: form.encryption,
        }
    }

    /// The layers around the document.
    pub fn form(&self) -> Form {
        Form {
            compression: self.compression,
            encryption: self.encryption,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest() -> Manifest {
        Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            id: "2026-11-25T00-00-00Z-5f1c".to_owned(),
            created_at: "2026-11-25T00:00:00.000001Z".parse().unwrap(),
            app_version: "0.1.0".to_owned(),
            engine: "sqlite".to_owned(),
            archive_version: 1,
            label: Some("Before the \"new\" term".to_owned()),
            note: None,
            protected: true,
            kind: ArchiveKind::Safety,
            created_by: Some("admin".to_owned()),
            job_id: Some("0193d2f0-7a1c-7d3e-8f4b-2c9d1e5a6b70".to_owned()),
            request_digest: Some("1c".repeat(32)),
            rows: BTreeMap::from([("students".to_owned(), 1000)]),
            total: 1000,
            sha256: BTreeMap::from([("students".to_owned(), "0f".repeat(32))]),
            totals: BTreeMap::from([("payments.amount_paid".to_owned(), "3155000.00".to_owned())]),
            digest: "0d".repeat(32),
            object: Object {
                size: 12345,
                sha256: "a0".repeat(32),
                compression: Compression::Zstd,
                encryption: Encryption::Age,
            },
            file_number: 0,
            rekeyed_at: None,
            recipients: Vec::new(),
            contains_password_hashes: true,
            verifications: vec![Verification {
                at: "2026-11-26T00:00:00Z".parse().unwrap(),
                level: VerificationLevel::TestRestore,
                result: VerificationResult::Failed,
                code: Some("digest_mismatch".to_owned()),
                seconds: 1.5,
                restore_seconds: Some(0.9),
            }],
            signature: None,
        }
    }

    fn changed(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let mut json = serde_json::from_slice(&manifest().to_json()).unwrap();
        change(&mut json);
        serde_json::to_vec(&json).unwrap()
    }

    #[test]
    fn invalid_manifests_are_refused() {
        for (json, code) in [
            (b"".to_vec(), "not_a_manifest"),
            (b"{}".to_vec(), "not_a_manifest"),
            (
                changed(|json| json["format"] = "campus-backup".into()),
                "not_a_manifest",
            ),
            (changed(|json| json["version"] = 0.into()), "not_a_manifest"),
            (changed(|json| json["version"] = 3.into()), "newer_version"),
            (
                changed(|json| *json = serde_json::json!({"format": FORMAT, "version": 3})),
                "newer_version",
            ),
            (changed(|json| json["rows"] = "many".into()), "invalid_manifest"),
            (changed(|json| json["kind"] = "found".into()), "invalid_manifest"),
            (
                changed(|json| json["object"]["compression"] = "gzip".into()),
                "invalid_manifest",
            ),
        ] {
            assert_eq!(Manifest::from_json(&json).unwrap_err().code(), code);
        }
        let whole = manifest().to_json();
        for length in 0..whole.len() - 2 {
            Manifest::from_json(&whole[..length]).unwrap_err();
        }
    }

    #[test]
    fn members_that_are_too_long_are_refused() {
        let long = "x".repeat(200_000);
        type Change = fn(&mut serde_json::Value, &str);
        let changes: [Change; 14] = [
            |json, long| json["app_version"] = long.into(),
            |json, long| json["engine"] = long.into(),
            |json, long| json["label"] = long.into(),
            |json, long| json["note"] = long.into(),
            |json, long| json["created_by"] = long.into(),
            |json, long| json["rows"][long] = 1.into(),
            |json, long| json["sha256"]["students"] = long.into(),
            |json, long| json["totals"][long] = "1".into(),
            |json, long| json["object"]["sha256"] = long.into(),
            |json, long| json["verifications"][0]["code"] = long.into(),
            |json, long| json["signature"] = long.into(),
            |json, long| json["recipients"] = vec![long].into(),
            |json, _| json["file_number"] = (MAX_FILE_NUMBER + 1).into(),
            // The parser would quote it.
            |json, long| json["kind"] = long.into(),
        ];
        for change in changes {
            let json = changed(|json| change(json, &long));
            let refused = Manifest::from_json(&json).unwrap_err();
            assert_eq!(refused.code(), "invalid_manifest");
            assert!(refused.to_string().len() < 500, "{refused}");
        }
        let longest = changed(|json| {
            json["label"] = "ä".repeat(MAX_LABEL_CHARS).into();
            json["note"] = "ä".repeat(MAX_NOTE_CHARS).into();
        });
        Manifest::from_json(&longest).unwrap();
    }

    #[test]
    fn manifest_is_read_back_unchanged() {
        let manifest = manifest();
        let json = manifest.to_json();
        assert_eq!(Manifest::from_json(&json).unwrap(), manifest);
        let json = String::from_utf8(json).unwrap();
        for part in [
            "\"kind\": \"safety\"",
            "\"compression\": \"zstd\"",
            "\"level\": \"test_restore\"",
            "\"result\": \"failed\"",
        ] {
            assert!(json.contains(part), "{part}");
        }
    }

    /// The signatures of earlier manifests stay valid.
    #[test]
    fn manifest_without_keys_has_the_members_of_earlier_versions() {
        let json = String::from_utf8(manifest().to_json()).unwrap();
        for member in ["file_number", "recipients", "rekeyed_at"] {
            assert!(!json.contains(member), "{json}");
        }
        let mut rekeyed = Manifest {
            rekeyed_at: Some("2026-11-27T00:00:00Z".parse().unwrap()),
            recipients: vec!["9f86-d081-884c-7d65-9a2f-eaa0-c55a-d015".to_owned()],
            ..manifest()
        };
        rekeyed.set_file_number(3);
        assert_eq!(rekeyed.version, NUMBERED_VERSION, "earlier programs refuse it");
        assert_eq!(rekeyed.current_verifications().count(), 0, "the only one is older");
        assert_eq!(Manifest::from_json(&rekeyed.to_json()).unwrap(), rekeyed);
        assert_eq!(rekeyed.file().name(), "archive-3.json.zst.age");
    }

    #[test]
    fn only_names_of_archive_files_are_read() {
        for form in Form::ALL {
            for number in [0, 1, 12, MAX_FILE_NUMBER] {
                let file = ObjectFile { form, number };
                assert_eq!(ObjectFile::from_name(&file.name()), Some(file));
            }
        }
        assert_eq!(ObjectFile::from(Form::default()).name(), "archive.json");
        for name in [
            "",
            "archive",
            "archive.json.gz",
            "archive-.json",
            "archive-0.json",
            "archive-01.json",
            "archive-+1.json",
            "archive-1000000.json",
            "archive-1.json.age.zst",
            "my-archive.json",
            "archive.json.json",
        ] {
            assert_eq!(ObjectFile::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn manifest_of_an_earlier_build_is_read() {
        let json = changed(|json| {
            let members = json.as_object_mut().unwrap();
            for (old, new) in [("pinned", "protected"), ("taken_by", "created_by")] {
                let value = members.remove(new).unwrap();
                members.insert(old.to_owned(), value);
            }
            json["kind"] = "taken".into();
            json["verifications"][0]["level"] = "rehearsal".into();
        });
        let expected = Manifest {
            kind: ArchiveKind::Created,
            ..manifest()
        };
        assert_eq!(Manifest::from_json(&json).unwrap(), expected);
    }

    #[test]
    fn unknown_members_are_ignored() {
        let json = changed(|json| json["verifications"][0]["host"] = "elsewhere".into());
        assert_eq!(Manifest::from_json(&json).unwrap(), manifest());
        let json = changed(|json| json["retention_days"] = 30.into());
        assert_eq!(Manifest::from_json(&json).unwrap(), manifest());
    }
}
