//! Exact sums of decimals, which can't overflow into a panic.

use rust_decimal::Decimal;

use crate::value::write_decimal;

/// The exact sum of the values of one decimal column.
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

    /// Without the trailing zeros of the value: the sum must not depend on the way in which an engine pads its
    /// decimals.
    fn add_rescaled(&mut self, value: Decimal) -> Option<i128> {
        let scale = self.scale.max(value.scale());
        let units = shifted(self.units?, scale - self.scale)?;
        self.scale = scale;
        units.checked_add(shifted(value.mantissa(), scale - value.scale())?)
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
    fn sum_beyond_the_range_of_decimals_is_omitted() {
        let largest = "79228162514264337593543950335";
        assert_eq!(sum(&[largest]).unwrap(), "79228162514264337593543950335");
        assert_eq!(sum(&[largest, largest]), None);
        assert_eq!(sum(&["0.0000000000000000000000000001", largest, "1"]), None);
    }
}
