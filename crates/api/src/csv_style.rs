//! The names of CSV styles, in query parameters and in flags of the command line.

use campus_backup_domain::catalog::NameColumns;
use campus_backup_domain::export::{CsvStyle, DateStyle, DecimalMark, Delimiter};
use clap::ValueEnum;
use serde::Deserialize;
use utoipa::ToSchema;

/// The delimiter between two fields.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DelimiterName {
    /// `,`
    #[default]
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
}

/// The decimal mark of an amount.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DecimalsName {
    /// `12.50`
    #[default]
    Point,
    /// `12,50`
    Comma,
}

/// The style of dates and times.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum DatesName {
    /// `31-12-2024`
    #[default]
    DayFirst,
    /// `2024-12-31`
    Iso,
}

/// The style with these names.
pub(crate) fn style(delimiter: DelimiterName, decimals: DecimalsName, dates: DatesName) -> CsvStyle {
    CsvStyle {
        delimiter: match delimiter {
            DelimiterName::Comma => Delimiter::Comma,
            DelimiterName::Semicolon => Delimiter::Semicolon,
            DelimiterName::Tab => Delimiter::Tab,
        },
        decimals: match decimals {
            DecimalsName::Point => DecimalMark::Point,
            DecimalsName::Comma => DecimalMark::Comma,
        },
        dates: match dates {
            DatesName::DayFirst => DateStyle::DayFirst,
            DatesName::Iso => DateStyle::Iso,
        },
    }
}

/// Whether columns with names are added beside ids.
pub(crate) fn name_columns(is_wanted: bool) -> NameColumns {
    match is_wanted {
        true => NameColumns::Included,
        false => NameColumns::Omitted,
    }
}
