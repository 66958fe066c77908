//! Annotations of an archive: label, note and protection from deletion.

use campus_backup_archive::Manifest;
use campus_backup_archive::manifest::{MAX_LABEL_CHARS, MAX_NOTE_CHARS};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, Result};

/// The label, note and protection of a new archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ArchiveJobParameters)]
pub struct Annotations {
    /// A short name.
    #[schema(required = true)]
    pub label: Option<String>,
    /// A free-text note.
    #[schema(required = true)]
    pub note: Option<String>,
    /// Whether it is protected from deletion.
    pub protected: bool,
}

/// A change of annotations: `None` leaves one unchanged, `Some(None)` removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnotationPatch {
    /// A short name.
    pub label: Option<Option<String>>,
    /// A free-text note.
    pub note: Option<Option<String>>,
    /// Whether it is protected from deletion.
    pub protected: Option<bool>,
}

impl Annotations {
    /// Checks lengths and characters.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub fn check(&self) -> Result<()> {
        check_label(self.label.as_deref())?;
        check_note(self.note.as_deref())
    }

    /// Writes the annotations into a manifest.
    pub(super) fn apply_to(&self, manifest: &mut Manifest) {
        manifest.label.clone_from(&self.label);
        manifest.note.clone_from(&self.note);
        manifest.protected = self.protected;
    }
}

impl AnnotationPatch {
    /// Checks the new values as [`Annotations::check`] does.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the name of the field.
    pub fn check(&self) -> Result<()> {
        check_label(self.label.as_ref().and_then(Option::as_deref))?;
        check_note(self.note.as_ref().and_then(Option::as_deref))
    }

    /// Changes the annotations of a manifest.
    pub(super) fn apply_to(&self, manifest: &mut Manifest) {
        if let Some(label) = &self.label {
            manifest.label.clone_from(label);
        }
        if let Some(note) = &self.note {
            manifest.note.clone_from(note);
        }
        if let Some(protected) = self.protected {
            manifest.protected = protected;
        }
    }
}

fn check_label(label: Option<&str>) -> Result<()> {
    check("label", label, MAX_LABEL_CHARS, |_| false)
}

fn check_note(note: Option<&str>) -> Result<()> {
    check("note", note, MAX_NOTE_CHARS, |letter| letter == '\n')
}

fn check(field: &'static str, text: Option<&str>, longest: usize, also: impl Fn(char) -> bool) -> Result<()> {
    text.map_or(Ok(()), |text| check_text(field, text, longest, also))
}

/// Checks a text that people read: 1 to `longest` characters that can be seen, and those that `also` admits.
///
/// # Errors
/// [`Error::Invalid`] with the name of the field.
pub(crate) fn check_text(field: &'static str, text: &str, longest: usize, also: impl Fn(char) -> bool) -> Result<()> {
    let is_printable = text.chars().all(|letter| !letter.is_control() || also(letter));
    if is_printable && !text.trim().is_empty() && text.chars().count() <= longest {
        return Ok(());
    }
    Err(Error::Invalid {
        field,
        problem: format!("must be 1 to {longest} characters that can be seen"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_or_long_texts_are_refused() {
        let label = |label: &str| Annotations {
            label: Some(label.to_owned()),
            ..Annotations::default()
        };
        let note = |note: &str| Annotations {
            note: Some(note.to_owned()),
            ..Annotations::default()
        };
        for annotations in [
            label("Ä 1"),
            label(&"ä".repeat(100)),
            note("a\nb"),
            Annotations::default(),
        ] {
            annotations.check().unwrap();
        }
        for (annotations, named) in [
            (label(""), "label"),
            (label(" "), "label"),
            (label("a\nb"), "label"),
            (label("a\0"), "label"),
            (label(&"a".repeat(101)), "label"),
            (note(""), "note"),
            (note("\u{1b}"), "note"),
            (note(&"a".repeat(2_001)), "note"),
        ] {
            let refused = annotations.check();
            assert!(
                matches!(refused, Err(Error::Invalid { field, .. }) if field == named),
                "{annotations:?}"
            );
        }
    }
}
