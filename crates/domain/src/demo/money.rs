//! Payment categories and payments.

use rust_decimal::Decimal;

use super::chance::Chance;
use super::names;
use super::people::students_at;
use crate::catalog::Table;
use crate::entity::{payment, payment_category};

/// Eight categories at every scale.
pub(super) fn categories() -> impl Iterator<Item = payment_category::Model> {
    let mut chance = Chance::of(Table::PaymentCategories);
    (1..)
        .zip(names::CATEGORIES)
        .map(move |(id, (name, description, _))| payment_category::Model {
            id,
            name: (*name).to_owned(),
            description: description.map(str::to_owned),
            created_at: chance.moment(-2_600, -2_500),
        })
}

/// 5,000 payments at scale 1. Some students have paid nothing yet.
pub(super) fn payments(scale: u32) -> impl Iterator<Item = payment::Model> {
    use payment::PaymentStatus::{Paid, PartialPaid, Pending};
    let mut chance = Chance::of(Table::Payments);
    let kinds: Vec<_> = (1_i64..)
        .zip(names::CATEGORIES)
        .map(|(id, (_, _, price))| (*price, id))
        .collect();
    (1..=5_000 * i64::from(scale)).map(move |id| {
        let (price, category_id) = *chance.pick(&kinds);
        let status = chance.weighted(&[(82, Paid), (11, Pending), (7, PartialPaid)]);
        let whole = price * (100 - chance.below(40) as i64) / 100;
        let cents = chance.weighted(&[(12, 0), (3, 5), (2, 50), (1, 10), (1, 99), (1, 1)]);
        let full = Decimal::new(whole * 100 + cents, 2);
        payment::Model {
            id,
            student_id: chance.id(students_at(scale)),
            category_id,
            amount_paid: match status {
                Paid => full,
                PartialPaid => (full / Decimal::from(2)).round_dp(2),
                Pending => Decimal::new(0, 2),
            },
            payment_date: chance.moment(-60, 140),
            status,
            transaction_id: match status {
                Pending => None,
                _ => transaction_id(&mut chance, id),
            },
        }
    })
}

/// An id in the form of banks and card terminals. Cash has none.
fn transaction_id(chance: &mut Chance, id: i64) -> Option<String> {
    let number = chance.below(1_000_000_000_000);
    match chance.below(100) {
        0..=14 => None,
        15..=54 => Some(format!("TXN{number:012}")),
        55..=79 => Some(format!("UPI/{:06}/{number:012}", id % 1_000_000)),
        // Spreadsheets convert these to numbers and lose digits.
        80..=94 => Some(format!("{:018}", u128::from(number) * 31 + 7)),
        95..=97 => Some(format!("{}E{}", number % 10, id % 90)),
        98 => Some(format!("-{number}")),
        _ => Some(String::new()),
    }
}
