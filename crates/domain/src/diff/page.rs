//! Differing rows, page by page.

use serde::Serialize;
use utoipa::ToSchema;

use super::merge::{Difference, DifferenceSink, compare};
use super::{Counts, DOING, DiffInput, DifferenceKind, DifferingRow};
use crate::account::Admin;
use crate::blocking;
use crate::catalog::{Table, TableScope};
use crate::error::{Error, Result};
use crate::job::Progress;

/// A page ends before its limit if its rows have so many bytes.
const MAX_PAGE_BYTES: usize = 4 << 20;

/// Which differing rows a page shows.
#[derive(Clone, Copy, Debug)]
pub struct DiffPage {
    /// Only rows with greater ids: [`RowsPage::next`] of the page before.
    pub after: Option<i64>,
    /// The maximum number of rows, 1 to [`DiffPage::MAX_LIMIT`].
    pub limit: usize,
    /// Only rows with this change; all if none is set.
    pub change: Option<DifferenceKind>,
}

impl DiffPage {
    /// The largest limit.
    pub const MAX_LIMIT: usize = 1000;
}

/// A page of the differing rows of a table.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DiffRows, example = json!({
    "table": "payments", "counts": {"added": 2, "removed": 0, "changed": 1, "unchanged": 4997}, "next": null,
    "items": [{
        "id": 17, "change": "changed",
        "fields": [{"field": "amount_paid", "from": "250.00", "to": "300.00", "hidden": false}],
    }],
}))]
pub struct RowsPage {
    /// The table.
    #[schema(value_type = String)]
    pub table: Table,
    /// The counts of the whole table.
    pub counts: Counts,
    /// The rows, in the order of their ids.
    pub items: Vec<DifferingRow>,
    /// The id after which the next page starts; none if this is the last page.
    pub next: Option<i64>,
}

/// Shows a page of the differing rows of one table. Each page reads both inputs to their ends, so that no row of an incomplete
/// archive is shown. Live data may change between two pages; ids that were shown are not
/// shown again. Dropping the future stops the reading.
///
/// # Errors
/// As [`counts`](super::counts); [`Error::TableNotFound`] if an input does not have the table; [`Error::Invalid`] for an
/// invalid limit.
pub async fn rows(_: &Admin, from: &DiffInput, to: &DiffInput, table: Table, page: &DiffPage) -> Result<RowsPage> {
    if !(1..=DiffPage::MAX_LIMIT).contains(&page.limit) {
        return Err(Error::Invalid {
            field: "limit",
            problem: format!("must be 1 to {}", DiffPage::MAX_LIMIT),
        });
    }
    let (from, to) = (from.clone(), to.clone());
    let mut gathered = PageCollector {
        page: *page,
        items: Vec::new(),
        bytes: 0,
        is_followed: false,
    };
    let progress = Progress::default();
    let _cancelled_on_drop = progress.cancel_on_drop();
    blocking::run(DOING, move || async move {
        let diff = compare(&from, &to, TableScope::One(table), &progress, &mut gathered).await?;
        let counts = diff.of(table)?;
        let last = gathered.items.last().filter(|_| gathered.is_followed);
        Ok(RowsPage {
            table,
            counts,
            next: last.map(|row| row.id),
            items: gathered.items,
        })
    })
    .await
}

struct PageCollector {
    page: DiffPage,
    items: Vec<DifferingRow>,
    bytes: usize,
    /// Whether more rows follow.
    is_followed: bool,
}

impl DifferenceSink for PageCollector {
    fn row(&mut self, difference: Difference<'_>) -> Result<()> {
        let DiffPage { after, limit, change } = self.page;
        let is_wanted =
            after.is_none_or(|after| difference.id > after) && change.is_none_or(|change| difference.change == change);
        if !is_wanted || self.is_followed {
            return Ok(());
        }
        if self.items.len() >= limit || self.bytes >= MAX_PAGE_BYTES {
            self.is_followed = true;
            return Ok(());
        }
        self.bytes += [difference.from, difference.to]
            .iter()
            .flatten()
            .map(|row| row.len())
            .sum::<usize>();
        self.items.push(DifferingRow::of(difference)?);
        Ok(())
    }
}
