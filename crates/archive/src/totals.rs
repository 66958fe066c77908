//! Exact sums, which can't overflow into a panic, and counts of escapes.

use std::fmt::LowerExp;

use rust_decimal::Decimal;

use crate::real::Shortest;
use crate::schema::TableSchema;
use crate::summary::{Summary, column_key};
use crate::value::{Cell, Kind, write_decimal};
use crate::version::Version;

/// What a summary says about the columns of one table.
#[derive(Debug)]
pub(crate) struct TableTotals {
    /// The columns that have a sum.
    sums: Vec<(usize, Total)>,
    /// The number of escapes of each column; empty in version 1.
    escapes: Vec<u64>,
}

impl TableTotals {
    pub(crate) fn new(version: Version, table: &TableSchema) -> Self {
        let columns = table.columns.iter().enumerate();
        let with_sum = columns.filter(|(_, column)| column.kind == Kind::Decimal || column.has_total);
        Self {
            sums: with_sum.map(|(position, _)| (position, Total::new())).collect(),
            escapes: match version {
                Version::One => Vec::new(),
                Version::Two => vec![0; table.columns.len()],
            },
        }
    }

    pub(crate) fn add(&mut self, cells: &[Cell<'_>]) {
        for (position, total) in &mut self.sums {
            match cells.get(*position) {
                Some(Cell::Decimal(value)) => total.add(value),
                Some(Cell::Real(value)) => total.add_real(*value, value.is_finite()),
                Some(Cell::Real32(value)) => total.add_real(*value, value.is_finite()),
                _ => {}
            }
        }
        for (escapes, cell) in self.escapes.iter_mut().zip(cells) {
            *escapes += u64::from(cell.is_escape());
        }
    }

    /// Adds the sums and counts of the table to a summary.
    pub(crate) fn record(&self, table: &TableSchema, summary: &mut Summary) {
        for (position, total) in &self.sums {
            if let (Some(column), Some(total)) = (table.columns.get(*position), total.canonical()) {
                summary.totals.insert(column_key(&table.name, &column.name), total);
            }
        }
        if let Some(escapes) = &mut summary.escapes {
            let columns = table.columns.iter().zip(&self.escapes);
            let with_escapes = columns.filter(|(_, count)| **count > 0);
            escapes.extend(with_escapes.map(|(column, count)| (column_key(&table.name, &column.name), *count)));
        }
    }
}

/// The exact sum of the values of one column.
#[derive(Debug)]
pub(crate) struct Total {
    /// The sum in units of `10^-scale`; `None` once it was beyond 128 bits.
    units: Option<i128>,
    scale: u32,
}

impl Total {
    pub(crate) fn new() -> Self {
        Self {
            units: Some(0),
            scale: 2,
        }
    }

    pub(crate) fn add(&mut self, value: &Decimal) {
        self.units = if value.scale() == self.scale {
            self.units.and_then(|units| units.checked_add(value.mantissa()))
        } else {
            self.add_rescaled(value.normalize())
        };
    }

    /// Adds the shortest decimal form of a number. There is no sum with one that is not finite.
    fn add_real(&mut self, value: impl LowerExp, is_finite: bool) {
        let sum = |total: &mut Self| {
            let (digits, exponent) = Shortest::new(value).parts();
            // Zero has no exponent, and any other number beyond these limits is beyond a decimal.
            let power = u32::try_from(exponent.max(0)).ok()?;
            let scale = u32::try_from((-exponent).max(0)).ok()?;
            total.add_scaled(shifted(digits, power)?, scale)
        };
        self.units = if is_finite { sum(self) } else { None };
    }

    /// Without the trailing zeros of the value: the sum must not depend on the way in which an engine pads its
    /// decimals.
    fn add_rescaled(&mut self, value: Decimal) -> Option<i128> {
        self.add_scaled(value.mantissa(), value.scale())
    }

    fn add_scaled(&mut self, value: i128, value_scale: u32) -> Option<i128> {
        let scale = self.scale.max(value_scale);
        let units = shifted(self.units?, scale - self.scale)?;
        self.scale = scale;
        units.checked_add(shifted(value, scale - value_scale)?)
    }

    /// The canonical form, or `None` if no decimal can hold the sum; such a total is left out of a summary.
    pub(crate) fn canonical(&self) -> Option<String> {
        let (mut units, mut scale) = (self.units?, self.scale);
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        let sum = Decimal::try_from_i128_with_scale(units, scale).ok()?;
        let mut written = Vec::new();
        write_decimal(sum, &mut written);
        String::from_utf8(written).ok()
    }
}

fn shifted(units: i128, digits: u32) -> Option<i128> {
    units.checked_mul(10_i128.checked_pow(digits)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[&str]) -> Option<String> {
        let mut total = Total::new();
        for value in values {
            total.add(&value.parse().unwrap());
        }
        total.canonical()
    }

    #[test]
    fn sums_are_exact() {
        assert_eq!(sum(&[]).unwrap(), "0.00");
        assert_eq!(sum(&["12.5", "-0.75", "3"]).unwrap(), "14.75");
        assert_eq!(sum(&["0.001", "0.009", "1.10"]).unwrap(), "1.11");
        assert_eq!(
            sum(&["0.0000000001", "99999999999.99"]).unwrap(),
            "99999999999.9900000001"
        );
        assert_eq!(sum(&["1.0000000000000000000000000000"; 3]).unwrap(), "3.00");
    }

    #[test]
    fn sums_of_reals_are_those_of_their_shortest_decimals() {
        let sum = |values: &[f64]| {
            let mut total = Total::new();
            values
                .iter()
                .for_each(|value| total.add_real(*value, value.is_finite()));
            total.canonical()
        };
        assert_eq!(sum(&[0.1, 0.2]).unwrap(), "0.30");
        assert_eq!(sum(&[-0.0, 1e20, 0.125, -1e20]).unwrap(), "0.125");
        assert_eq!(sum(&[1e300]), None);
        assert_eq!(sum(&[1e-300]), None);
        assert_eq!(sum(&[1.0, f64::NAN, 1.0]), None);
        let mut total = Total::new();
        (0..10).for_each(|_| total.add_real(0.1_f32, true));
        assert_eq!(total.canonical().unwrap(), "1.00");
    }

    #[test]
    fn sum_beyond_the_range_of_decimals_is_omitted() {
        let largest = "79228162514264337593543950335";
        assert_eq!(sum(&[largest]).unwrap(), "79228162514264337593543950335");
        assert_eq!(sum(&[largest, largest]), None);
        assert_eq!(sum(&["0.0000000000000000000000000001", largest, "1"]), None);
    }
}
