//! The versions of the format.

use std::fmt;

/// A version of the format. Each one is read for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Tables with an integer `id` as their key, and six kinds of values. The service writes it for its own school.
    #[default]
    One,
    /// Tables of any database: any key or none, any names, all kinds, references, and higher limits.
    Two,
}

impl Version {
    /// Its number in the first line of an archive.
    pub const fn number(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The version of that number. `None` if it is newer than all of them, or zero.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
