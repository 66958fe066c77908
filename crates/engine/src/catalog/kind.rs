//! What the values of a column are, the same on every engine.

use std::fmt;

use serde::Serialize;

/// The kind of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A text.
    Text,
    /// A decimal number with a fixed number of at most [`MAX_SCALE`] digits after the point.
    Decimal,
    /// A floating-point number of eight bytes.
    Real,
    /// A floating-point number of four bytes.
    Real32,
    /// A calendar date.
    Date,
    /// A date and a time of day without a time zone.
    Datetime,
    /// A point in time.
    Timestamp,
    /// A truth value.
    Boolean,
    /// Bytes.
    Bytes,
    /// Anything else, as its engine's own text.
    Native,
}

/// The largest number of digits after the point that a decimal of an archive can have.
pub const MAX_SCALE: u32 = 28;

impl Kind {
    /// Decimal numbers with this many digits after the point.
    pub(crate) const fn decimal(scale: u32) -> Self {
        match scale <= MAX_SCALE {
            true => Self::Decimal,
            false => Self::Native,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Decimal => "decimal",
            Self::Real => "real",
            Self::Real32 => "real32",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Timestamp => "timestamp",
            Self::Boolean => "boolean",
            Self::Bytes => "bytes",
            Self::Native => "native",
        })
    }
}
