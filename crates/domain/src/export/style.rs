//! The form of CSV.

/// The form of CSV.
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

/// The conventions that differ between countries, and so between the spreadsheets of two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvStyle {
    /// The delimiter between two fields.
    pub delimiter: Delimiter,
    /// The decimal mark of amounts.
    pub decimals: DecimalMark,
    /// The form of dates and times.
    pub dates: DateStyle,
}

impl CsvStyle {
    /// Comma, decimal point, day first.
    pub const DEFAULT: Self = Self {
        delimiter: Delimiter::Comma,
        decimals: DecimalMark::Point,
        dates: DateStyle::DayFirst,
    };
}

/// The delimiter between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// The delimiter of RFC 4180.
    Comma,
    /// The delimiter of Excel in countries with a decimal comma.
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

/// The decimal mark of amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// `12.50`
    Point,
    /// `12,50`
    Comma,
}

/// The form of dates and times. Times are always in the school's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateStyle {
    /// `31-12-2024` and `31-12-2024 23:59:59`
    DayFirst,
    /// `2024-12-31` and `2024-12-31 23:59:59`
    Iso,
}
