//! The recovery sheet of a key: a page to print and to keep with the secret key, away from the server.
//!
//! Its commands are run as they are printed: in the folder that has the key file and the file of an archive.

use campus_backup_archive::{Form, ObjectFile, PublicKey};
use chrono::{DateTime, SecondsFormat, Utc};

/// The facts of a recovery sheet.
pub(super) struct RecoverySheet<'a> {
    /// The public key.
    pub(super) key: &'a PublicKey,
    /// When it was made, UTC.
    pub(super) created_at: DateTime<Utc>,
    /// The name of the file of the secret key, without its folder.
    pub(super) key_file: &'a str,
}

impl RecoverySheet<'_> {
    /// The sheet as text. Each command is a line of its own with four spaces before it.
    pub(super) fn text(&self) -> String {
        let key_file = shell_word(self.key_file);
        let archive = ObjectFile::from(Form::ALL[0]).name();
        let PublicKey { recipient, fingerprint } = self.key;
        let created_at = self.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!(
            "\
RECOVERY SHEET OF A CAMPUS-BACKUP KEY

Fingerprint   {fingerprint}
Public key    {recipient}
Created at    {created_at}
Secret key    in the file {key_file}

Keep this sheet and the secret key in two safe places, and neither of them on the server. Without the secret key, the backups can't
be opened.

WHAT IT OPENS

Each backup that was encrypted to this public key. The service has the public key in its settings:

    CAMPUS_BACKUP_ARCHIVE_RECIPIENTS={recipient}

The place of the backups (--archives) has one folder for each backup, which is named by its time. In it are the backup, {archive},
and manifest.json, which lists the fingerprints of its keys as \"recipients\". If the backup was encrypted again with another key, its
name has a number, such as archive-407133.json.zst.age. Use that name in the commands then.

GET A BACKUP

From a folder: copy the file. From an object store (S3, Google Cloud Storage, Azure): fetch the object with the tool of the store.
Its key is the prefix of --archives, the id of the backup, and the name of the file: PREFIX/ID/{archive}. Where campus-backup is
installed with its settings, this command gets it from any place. Put the id of the backup in place of ID:

    campus-backup download ID --output {archive}

OPEN A BACKUP WITH PUBLIC TOOLS ALONE

Copy the backup and the secret key into one folder. Run the commands there, with age (age-encryption.org) and zstd
(facebook.github.io/zstd):

    chmod 600 {key_file}
    age --decrypt --identity {key_file} {archive} | zstd --decompress > backup.json

backup.json is readable text: one line for each row of each table. It is complete if it ends with its \"summary\".

PROVE THAT THIS KEY OPENS A BACKUP

    campus-backup key check {archive} --identity {key_file}

RESTORE A BACKUP

    campus-backup restore {archive} --identity {key_file} --mode replace
"
        )
    }
}

/// A word for a shell, in quotes if it needs them.
fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@".contains(letter);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_words_for_a_shell() {
        for (name, word) in [
            ("archive-key.txt", "archive-key.txt"),
            ("/root/a+b@c_d.txt", "/root/a+b@c_d.txt"),
            ("my key.txt", "'my key.txt'"),
            ("it's", r"'it'\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(name), word);
        }
    }
}
