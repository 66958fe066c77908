//! A fault in a mapping file, with its place.

use std::fmt;
use std::ops::Range;

/// A fault in a mapping file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError {
    /// The line, from 1. None if something is missing.
    pub line: Option<usize>,
    /// The member, such as `sheet.students.columns`. Empty for faults of the syntax.
    pub member: String,
    /// What is wrong.
    pub fault: String,
}

impl MappingError {
    /// A fault of the part of the text at `span`.
    pub(super) fn at(text: &str, span: Range<usize>, member: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            line: Some(line_of(text, span.start)),
            member: member.into(),
            fault: fault.into(),
        }
    }

    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        Self {
            line: error.span().map(|span| line_of(text, span.start)),
            member: String::new(),
            // The parser explains some faults in several lines.
            fault: error.message().lines().collect::<Vec<_>>().join("; "),
        }
    }
}

fn line_of(text: &str, position: usize) -> usize {
    let before = text.as_bytes().iter().take(position);
    1 + before.filter(|byte| **byte == b'\n').count()
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.member.is_empty() {
            write!(f, "{}: ", self.member)?;
        }
        f.write_str(&self.fault)
    }
}

impl std::error::Error for MappingError {}
