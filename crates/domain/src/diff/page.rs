//! The rows that differ, page by page.

use super::merge::{Difference, Found, compare};
use super::{Change, Counts, Row, Side, on_a_thread};
use crate::account::Admin;
use crate::catalog::{Scope, Table};
use crate::error::{Error, Result};
use crate::job::Progress;

/// A page ends before its limit when its rows have so many bytes.
const MOST_BYTES: usize = 4 << 20;

/// Which of the rows that differ are shown.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Those whose ids are larger than this: [`RowsPage::next`] of the page before.
    pub after: Option<i64>,
    /// At most so many, 1 to [`Page::MOST`].
    pub limit: usize,
    /// Those that differ in this way; in any, if none is named.
    pub change: Option<Change>,
}

impl Page {
    /// The largest limit.
    pub const MOST: usize = 1000;
}

/// Some of the rows of a table that differ.
#[derive(Clone, Debug, PartialEq)]
pub struct RowsPage {
    /// In the order of their ids.
    pub items: Vec<Row>,
    /// What the next page comes after; none if this is the last.
    pub next: Option<i64>,
    /// The counts of the whole table.
    pub counts: Counts,
}

/// Shows the rows of one table that differ. Each page reads both sides to their ends, so that nothing is shown of an
/// archive that is not whole. Live data may have changed from one page to the next; the ids that were shown are not
/// shown again. Dropping the future ends the reading.
///
/// # Errors
/// As [`counts`](super::counts); [`Error::TableNotFound`] if a side does not have the table; [`Error::Invalid`] for a limit
/// that can't be.
pub async fn rows(_: &Admin, from: &Side, to: &Side, table: Table, page: &Page) -> Result<RowsPage> {
    if !(1..=Page::MOST).contains(&page.limit) {
        return Err(Error::Invalid {
            field: "limit",
            problem: format!("must be 1 to {}", Page::MOST),
        });
    }
    let (from, to) = (from.clone(), to.clone());
    let mut gathered = Gathered {
        page: *page,
        items: Vec::new(),
        bytes: 0,
        is_followed: false,
    };
    let progress = Progress::default();
    let _ended = progress.cancel_on_drop();
    on_a_thread(async move |()| {
        let diff = compare(&from, &to, Scope::One(table), &progress, &mut gathered).await?;
        let counts = diff.of(table)?;
        let last = gathered.items.last().filter(|_| gathered.is_followed);
        Ok(RowsPage {
            next: last.map(|row| row.id),
            items: gathered.items,
            counts,
        })
    })
    .await
}

struct Gathered {
    page: Page,
    items: Vec<Row>,
    bytes: usize,
    /// Whether there are more that would be shown.
    is_followed: bool,
}

impl Found for Gathered {
    fn found(&mut self, difference: Difference<'_>) -> Result<()> {
        let Page { after, limit, change } = self.page;
        let is_wanted =
            after.is_none_or(|after| difference.id > after) && change.is_none_or(|change| difference.change == change);
        if !is_wanted || self.is_followed {
            return Ok(());
        }
        if self.items.len() >= limit || self.bytes >= MOST_BYTES {
            self.is_followed = true;
            return Ok(());
        }
        self.bytes += [difference.from, difference.to]
            .iter()
            .flatten()
            .map(|row| row.len())
            .sum::<usize>();
        self.items.push(Row::of(difference)?);
        Ok(())
    }
}
