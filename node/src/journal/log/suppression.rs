//! Suppression of small cells in tables of counts, so that margins do not give them back.
//!
//! Several tables count the same queries by month: one by partner, one by purpose, and so on. They share the
//! totals of the months, so they are suppressed together. A cell from 1 to below the threshold is left out
//! (primary), and so many others with it (complementary) that for each of them there are at least `threshold`
//! values with which everything published adds up. No mark tells the one from the other.
//!
//! The method is that of hypercubes: a cell is protected by a rectangle of suppressed cells around which units can
//! move without changing any margin. The range of a cell is what its rectangles let it move, and those of
//! a cell share no other cell. Two months, or two rows, are opened as a whole where their total is small.
//! What cannot be protected so is not published at all.
//!
//! This holds against a reader of the tables. Who knows some of the queries, or takes two reports over different
//! periods together, knows more.
//!
//! Source: D. Repsilber, "Preservation of confidentiality in aggregated data" (1994); S. Giessing and
//! D. Repsilber, "Tools and strategies to protect multiple tables with the GHQUAR cell suppression engine" (2002).

/// Rows of months, with a number or a mark in each.
type Grid<T> = Vec<Vec<T>>;

/// What is left out; `true` is suppressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// For each table, each row, each month.
    pub(super) cells: Vec<Grid<bool>>,
    /// For each table the total of each row.
    pub(super) rows: Grid<bool>,
    /// The totals of the months, which all tables share.
    pub(super) months: Vec<bool>,
    /// The total of all.
    pub(super) total: bool,
}

/// One table as it is protected.
struct Work<'a> {
    counts: &'a Grid<u64>,
    totals: Vec<u64>,
    cells: Grid<bool>,
    rows: Vec<bool>,
}

/// Chooses what is left out. Every table has the months of the others, and in each the same total.
pub(super) fn suppress(tables: &[Grid<u64>], threshold: u64) -> Marks {
    let length = tables.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let mut open = vec![false; length];
    loop {
        match protect(tables, threshold, &open) {
            Ok(marks) => return marks,
            // A cell with too few around it: its row moves between more months.
            Err(Some(also)) if open.get(also) == Some(&false) => {
                open.get_mut(also).into_iter().for_each(|month| *month = true);
            }
            Err(_) => return everything(tables),
        }
    }
}

fn everything(tables: &[Grid<u64>]) -> Marks {
    let months = tables.iter().flatten().map(Vec::len).max().unwrap_or(0);
    Marks {
        cells: tables
            .iter()
            .map(|table| table.iter().map(|row| row.iter().map(|_| true).collect()).collect())
            .collect(),
        rows: tables.iter().map(|table| vec![true; table.len()]).collect(),
        months: vec![true; months],
        total: true,
    }
}

fn small(count: u64, threshold: u64) -> bool {
    count > 0 && count < threshold
}

/// Protects everything, with at least these months open. An error names another month that could help.
fn protect(tables: &[Grid<u64>], threshold: u64, open: &[bool]) -> Result<Marks, Option<usize>> {
    let month = |at: usize| sum(tables.iter().take(1).flatten().map(|row| row.get(at)));
    let totals = (0..open.len()).map(month).collect::<Option<Vec<u64>>>().ok_or(None)?;
    if small(sum(totals.iter().map(Some)).ok_or(None)?, threshold) {
        return Err(None);
    }
    let mut work: Vec<Work<'_>> = tables.iter().map(|table| Work::new(table, threshold)).collect();
    let open = pair_up(&totals, open, threshold).ok_or(None)?;
    for table in &mut work {
        table.open_months(&open);
        let pairs = pair_up(&table.totals, &[], threshold).ok_or(None)?;
        table.open_rows(&pairs);
        table.protect_cells(&open, &totals, threshold)?;
    }
    let (cells, rows) = work.into_iter().map(|table| (table.cells, table.rows)).unzip();
    Ok(Marks { cells, rows, months: open, total: false })
}

fn sum<'a>(counts: impl Iterator<Item = Option<&'a u64>>) -> Option<u64> {
    counts.flatten().try_fold(0_u64, |sum, count| sum.checked_add(*count))
}

/// Which of some totals are opened: the small ones, and with each so many others that units can move
/// between them over `threshold` values. `None` if there are not enough others.
fn pair_up(totals: &[u64], open: &[bool], threshold: u64) -> Option<Vec<bool>> {
    let before = open.iter().copied().chain(std::iter::repeat(false));
    let mut open: Vec<bool> =
        totals.iter().zip(before).map(|(total, open)| open || small(*total, threshold)).collect();
    loop {
        let opened = || open.iter().zip(totals).filter(|(open, _)| **open).map(|(_, total)| total);
        let (several, all) = (opened().count(), sum(opened().map(Some))?);
        // A total can be anything from 0 to all that is open, as long as another one is.
        if several == 0 || (several > 1 && all.saturating_add(1) >= threshold) {
            return Some(open);
        }
        let closed = open.iter().zip(totals).enumerate().filter(|(_, (open, total))| !**open && **total > 0);
        let (least, _) = closed.min_by_key(|(_, (_, total))| **total)?;
        *open.get_mut(least)? = true;
    }
}

/// One way to let a cell move: what else it suppresses, and how far.
struct Rectangle {
    row: usize,
    /// The other column; `None` for the totals of the rows.
    month: Option<usize>,
    cost: u64,
    width: u64,
}

impl<'a> Work<'a> {
    fn new(counts: &'a Grid<u64>, threshold: u64) -> Self {
        let cells = counts.iter().map(|row| row.iter().map(|count| small(*count, threshold)).collect());
        let totals = counts.iter().map(|row| sum(row.iter().map(Some)).unwrap_or(u64::MAX)).collect();
        Self { counts, totals, cells: cells.collect(), rows: vec![false; counts.len()] }
    }

    fn open_months(&mut self, open: &[bool]) {
        for row in &mut self.cells {
            row.iter_mut().zip(open).for_each(|(cell, open)| *cell |= open);
        }
    }

    fn open_rows(&mut self, open: &[bool]) {
        for ((row, total), open) in self.cells.iter_mut().zip(&mut self.rows).zip(open) {
            if *open {
                row.fill(true);
                *total = true;
            }
        }
    }

    fn count(&self, row: usize, month: usize) -> u64 {
        self.counts.get(row).and_then(|row| row.get(month)).copied().unwrap_or(0)
    }

    fn total(&self, row: usize) -> u64 {
        self.totals.get(row).copied().unwrap_or(0)
    }

    fn marked(&self, row: usize, month: usize) -> bool {
        self.cells.get(row).and_then(|row| row.get(month)).copied().unwrap_or(false)
    }

    fn mark(&mut self, row: usize, month: usize) {
        if let Some(cell) = self.cells.get_mut(row).and_then(|row| row.get_mut(month)) {
            *cell = true;
        }
    }

    /// Protects each small cell by itself. An error names a month that could help if it were open, if there is
    /// one.
    fn protect_cells(&mut self, open: &[bool], totals: &[u64], threshold: u64) -> Result<(), Option<usize>> {
        let mut small: Vec<(u64, usize, usize)> = Vec::new();
        for (row, counts) in self.counts.iter().enumerate() {
            let cells = counts.iter().enumerate().filter(|(_, count)| self::small(**count, threshold));
            small.extend(cells.map(|(month, count)| (*count, row, month)));
        }
        // The smallest first: what protects them often protects the others.
        small.sort_unstable();
        small.into_iter().try_for_each(|(_, row, month)| {
            self.protect_cell(row, month, open, threshold).ok_or_else(|| {
                let closed = open.iter().zip(totals).enumerate().filter(|(_, (open, _))| !**open);
                let closed = closed.map(|(at, (_, total))| (at != month, *total, at));
                let useful = closed.filter(|(other, _, at)| !*other || self.count(row, *at) > 0);
                useful.min().map(|(_, _, at)| at)
            })
        })
    }

    fn protect_cell(&mut self, row: usize, month: usize, open: &[bool], threshold: u64) -> Option<()> {
        let needed = threshold.saturating_sub(1);
        // In months that are open as a whole, units move between the months within the row.
        let others = open.iter().enumerate().filter(|(other, open)| **open && *other != month);
        let within = others.map(|(other, _)| self.count(row, other)).fold(0_u64, u64::saturating_add);
        if open.get(month) == Some(&true) && within.saturating_add(self.count(row, month)) >= needed {
            return Some(());
        }
        let mut used: Vec<(usize, Option<usize>)> = Vec::new();
        let (mut up, mut down) = (0_u64, 0_u64);
        while up.saturating_add(down.min(self.count(row, month))) < needed {
            let best = self.rectangle((row, month), &used, needed)?;
            let (above, below) = self.ranges((row, month), best.row, best.month);
            (up, down) = (up.saturating_add(above), down.saturating_add(below));
            self.mark(best.row, month);
            match best.month {
                Some(other) => {
                    self.mark(row, other);
                    self.mark(best.row, other);
                }
                None => {
                    for at in [row, best.row] {
                        self.rows.get_mut(at).into_iter().for_each(|total| *total = true);
                    }
                }
            }
            used.push((best.row, best.month));
        }
        Some(())
    }

    /// How far a cell can move up and down by a rectangle.
    fn ranges(&self, (row, month): (usize, usize), other_row: usize, other: Option<usize>) -> (u64, u64) {
        let (own, beside) = (self.count(row, month), self.count(other_row, month));
        match other {
            // The cell and its row's total rise, the other row's fall.
            None => (beside, own),
            Some(other) => (self.count(row, other).min(beside), own.min(self.count(other_row, other))),
        }
    }

    /// The rectangle that leaves out the least, among those that share no cell with the ones used.
    fn rectangle(
        &self,
        (row, month): (usize, usize),
        used: &[(usize, Option<usize>)],
        needed: u64,
    ) -> Option<Rectangle> {
        let rows = (0..self.counts.len()).filter(|other| *other != row);
        let months = self.counts.get(row).map_or(0, Vec::len);
        let columns = || (0..months).filter(|other| *other != month).map(Some).chain([None]);
        let all = rows.flat_map(|other_row| columns().map(move |other| (other_row, other)));
        // Two rectangles with a row or a column in common share a cell.
        let apart = all.filter(|(r, c)| used.iter().all(|(row, column)| row != r && column != c));
        let rectangles = apart.map(|(other_row, other)| {
            let (up, down) = self.ranges((row, month), other_row, other);
            let lost = |marked: bool, count: u64| if marked { 0 } else { count.saturating_add(1) };
            let corners = match other {
                Some(other) => {
                    let one = lost(self.marked(row, other), self.count(row, other));
                    one.saturating_add(lost(self.marked(other_row, other), self.count(other_row, other)))
                }
                None => [row, other_row].iter().fold(0_u64, |sum, at| {
                    let marked = self.rows.get(*at).copied().unwrap_or(false);
                    sum.saturating_add(lost(marked, self.total(*at)))
                }),
            };
            let beside = lost(self.marked(other_row, month), self.count(other_row, month));
            let (cost, width) = (corners.saturating_add(beside), up.saturating_add(down));
            Rectangle { row: other_row, month: other, cost, width }
        });
        let useful = rectangles.filter(|rectangle| rectangle.width > 0);
        useful.min_by_key(|rectangle| (rectangle.width < needed, rectangle.cost, rectangle.row))
    }
}

#[cfg(test)]
mod tests;
