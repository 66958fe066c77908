//! How CSV is written.

/// How CSV is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Whether it begins with a byte order mark. Without it Excel misreads UTF-8.
    pub bom: bool,
    /// Whether texts that a spreadsheet would run as formulas are escaped, see [`guard`](super::text::guard).
    pub formula_guard: bool,
    /// The conventions of a country.
    pub style: CsvStyle,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            bom: true,
            formula_guard: true,
            style: CsvStyle::DEFAULT,
        }
    }
}

/// What differs from country to country, and so between the spreadsheets of two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvStyle {
    /// What stands between two fields.
    pub delimiter: Delimiter,
    /// What stands before the decimals of an amount.
    pub decimals: DecimalMark,
    /// How dates and times are written.
    pub dates: DateStyle,
}

impl CsvStyle {
    /// Commas, decimal points, the day first.
    pub const DEFAULT: Self = Self {
        delimiter: Delimiter::Comma,
        decimals: DecimalMark::Point,
        dates: DateStyle::DayFirst,
    };
}

/// What stands between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// As RFC 4180 has it.
    Comma,
    /// As Excel expects it where amounts have a decimal comma.
    Semicolon,
    /// A tab.
    Tab,
}

impl Delimiter {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }

    pub(super) const fn letter(self) -> char {
        self.byte() as char
    }
}

/// What stands before the decimals of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// `12.50`
    Point,
    /// `12,50`
    Comma,
}

/// How dates and times are written; times always in the school's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateStyle {
    /// `31-12-2024` and `31-12-2024 23:59:59`
    DayFirst,
    /// `2024-12-31` and `2024-12-31 23:59:59`
    Iso,
}
