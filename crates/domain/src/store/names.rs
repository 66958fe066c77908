//! The names of the files of an archive. Any other file in the store is foreign and is neither changed nor removed.

use campus_backup_archive::{Form, ObjectFile};

/// The manifest of an archive; written last.
pub(super) const MANIFEST: &str = "manifest.json";
/// Beside an archive that has its final name while its writer is still checking it.
pub(super) const UNFINISHED: &str = "unfinished";
/// The folder of the tombstones; each has the id of its archive as its name.
pub(super) const DELETED: &str = "deleted";
/// The tombstone of earlier versions, in the folder of the archive.
pub(super) const OLD_TOMBSTONE: &str = "deleted.json";

/// The end of the temporary name of a file.
const PART: &str = ".part";
/// The number of random characters before it.
const RANDOM: usize = 6;

/// The files that an archive can have before it is encrypted again. The first existing one is the archive.
pub(super) fn first_files() -> [ObjectFile; 4] {
    Form::ALL.map(ObjectFile::from)
}

/// A temporary name for a file that is being written.
pub(super) fn unfinished(name: &str) -> String {
    format!(".{name}.{:06x}{PART}", rand::random::<u32>() & 0x00ff_ffff)
}

/// Whether it is a temporary name, as [`unfinished`] makes it.
pub(super) fn is_unfinished(name: &str) -> bool {
    let random = name.strip_prefix('.').and_then(|name| name.strip_suffix(PART));
    let Some((name, random)) = random.and_then(|name| name.rsplit_once('.')) else {
        return false;
    };
    let is_random = random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_random && is_final(name)
}

/// Whether the service uses that name for a file of an archive.
pub(super) fn is_ours(name: &str) -> bool {
    is_final(name) || is_unfinished(name)
}

fn is_final(name: &str) -> bool {
    matches!(name, MANIFEST | UNFINISHED | OLD_TOMBSTONE) || ObjectFile::from_name(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_stored_files_belong_to_the_service() {
        for name in [
            "manifest.json",
            "unfinished",
            "deleted.json",
            "archive.json",
            "archive.json.zst",
            "archive.json.age",
            "archive.json.zst.age",
            "archive-1.json.zst.age",
            &unfinished("archive.json.zst"),
            &unfinished("archive-12.json.zst.age"),
            &unfinished(MANIFEST),
        ] {
            assert!(is_ours(name), "{name}");
        }
        for name in [
            "",
            "notes.txt",
            "archive.json.gz",
            "archive-0.json.zst",
            "archive-b.json.zst",
            "archive.json.zst.part",
            ".archive.json.zst.Xy12Z3",
            ".archive.json.zst.toolong.part",
            ".notes.txt.x1y2z3.part",
            "..x1y2z3.part",
            ".part",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
