//! Counts of queries by month, with small cells left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use symbolon_policy::words::AgencyCode;

use super::{Log, QueryLine, Result, balance::month, suppression::suppress};
use crate::journal::Side;

/// By what queries are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The other agency.
    Partner,
    /// The purpose.
    Purpose,
    /// The legal basis.
    Basis,
    /// The register.
    Register,
    /// How it ended.
    Result,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Partner, Self::Purpose, Self::Basis, Self::Register, Self::Result];

    /// As it stands in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Purpose => "purpose",
            Self::Basis => "basis",
            Self::Register => "register",
            Self::Result => "result",
        }
    }

    fn of(self, own: &AgencyCode, line: &QueryLine) -> String {
        match self {
            Self::Partner if line.holder == *own => line.asker.to_string(),
            Self::Partner => line.holder.to_string(),
            Self::Purpose => line.purpose.to_string(),
            Self::Basis => line.basis.to_string(),
            Self::Register => line.register.to_string(),
            Self::Result => line.result.as_str().to_owned(),
        }
    }
}

impl Result {
    /// In one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered { .. } => "answered",
            Self::Refused { .. } => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One row: a count for each month, and their sum. A count that is left out is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What is counted.
    pub name: String,
    /// In the order of the months.
    pub months: Vec<Option<u64>>,
    /// Their sum.
    pub total: Option<u64>,
}

/// Queries by one property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// By which.
    pub by: Dimension,
    /// One for each value that occurs.
    pub rows: Vec<Row>,
}

/// The queries of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// The side of this agency: queries that it asked, or was asked.
    pub side: Side,
    /// The months, as 2026-11.
    pub months: Vec<String>,
    /// All queries of each month; every table has the same.
    pub totals: Row,
    /// The tables.
    pub tables: Vec<Table>,
}

/// Counts of queries by month, partner, purpose, basis, register and result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// From 1 to below this a count is left out, and with it so many others that it cannot be computed.
    pub smallest: u64,
    /// One for each side.
    pub blocks: Vec<Block>,
}

impl Statistics {
    /// Counts the queries of a log.
    pub fn of(log: &Log, smallest: u64) -> Self {
        let blocks = [Side::Asker, Side::Holder].map(|side| block(log, side, smallest));
        Self { smallest, blocks: blocks.into() }
    }
}

fn block(log: &Log, side: Side, smallest: u64) -> Block {
    let lines: Vec<&QueryLine> = log.queries.iter().filter(|line| line.side == side).collect();
    let months: Vec<String> =
        lines.iter().map(|line| month(line.at)).collect::<BTreeSet<_>>().into_iter().collect();
    let counted = Dimension::ALL.map(|by| {
        let mut rows: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for line in &lines {
            let row = rows.entry(by.of(&log.agency, line)).or_insert_with(|| vec![0; months.len()]);
            let at = months.binary_search(&month(line.at)).unwrap_or(usize::MAX);
            row.get_mut(at).into_iter().for_each(|count| *count = count.saturating_add(1));
        }
        rows
    });
    let grids: Vec<Vec<Vec<u64>>> = counted.iter().map(|rows| rows.values().cloned().collect()).collect();
    let marks = suppress(&grids, smallest);
    let row = |name: String, counts: &[u64], hidden: &[bool], total: bool| {
        let sum = counts.iter().sum::<u64>();
        let shown = counts.iter().zip(hidden).map(|(count, hidden)| (!hidden).then_some(*count));
        Row { name, months: shown.collect(), total: (!total).then_some(sum) }
    };
    let totals: Vec<u64> = (0..months.len())
        .map(|at| grids.first().into_iter().flatten().filter_map(|row| row.get(at)).sum())
        .collect();
    let tables = Dimension::ALL.into_iter().zip(counted).zip(marks.cells.iter().zip(&marks.rows));
    let tables = tables.map(|((by, rows), (cells, hidden))| {
        let rows = rows.into_iter().zip(cells.iter().zip(hidden));
        let rows = rows.map(|((name, counts), (cells, total))| row(name, &counts, cells, *total));
        Table { by, rows: rows.collect() }
    });
    let tables = tables.collect();
    Block { side, totals: row("all".to_owned(), &totals, &marks.months, marks.total), months, tables }
}
