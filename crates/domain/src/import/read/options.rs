//! The options with which a person says how a file is to be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a file is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOptions {
    /// The column for each heading that the service does not recognize or is to read in another way. Headings are compared
    /// without case, spaces and punctuation. A heading with an empty column is ignored.
    pub columns: BTreeMap<String, String>,
    /// The order of day, month and year in dates such as `03/04/2024`.
    pub dates: DateOrder,
    /// The decimal mark of amounts.
    pub decimals: DecimalReading,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// Whether the apostrophe that guards a formula in our CSV files is removed.
    pub formula_guard: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            dates: DateOrder::default(),
            decimals: DecimalReading::default(),
            sheet: None,
            formula_guard: true,
        }
    }
}

/// The order of day, month and year in a date such as `03/04/2024`. A date that begins with a year of four digits is always read
/// in the order year, month, day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// `31/12/2024`
    #[default]
    DayFirst,
    /// `12/31/2024`
    MonthFirst,
    /// `24/12/31`
    YearFirst,
}

impl DateOrder {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DayFirst, Self::MonthFirst, Self::YearFirst];

    /// Its name in the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DayFirst => "day_first",
            Self::MonthFirst => "month_first",
            Self::YearFirst => "year_first",
        }
    }
}

/// The decimal mark of amounts in texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecimalReading {
    /// As each amount shows it; an amount that shows it not, such as `1,234`, is refused.
    #[default]
    Auto,
    /// `1,234.50`
    Point,
    /// `1.234,50`
    Comma,
}

impl DecimalReading {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Point, Self::Comma];

    /// Its name in the API and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Point => "point",
            Self::Comma => "comma",
        }
    }
}
