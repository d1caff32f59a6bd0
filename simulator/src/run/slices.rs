//! How many records are in the slice of each line. Lines towards one holder mostly search one of a few slices; each is
//! counted once, and changes with the records.

use std::sync::Arc;

use crate::contract::Contract;

/// The slices of a run.
pub(super) struct Slices {
    each: Vec<Slice>,
    /// Which one a line searches.
    of_line: Vec<usize>,
}

struct Slice {
    holder: usize,
    classes: Arc<Vec<bool>>,
    records: i64,
}

impl Slices {
    /// Empty ones.
    pub(super) fn new(contract: &Contract) -> Self {
        let mut slices = Self { each: Vec::new(), of_line: Vec::new() };
        for line in &contract.lines {
            let same =
                |known: &Slice| known.holder == line.holder && Arc::ptr_eq(&known.classes, &line.slice);
            let place = slices.each.iter().position(same).unwrap_or_else(|| {
                let classes = Arc::clone(&line.slice);
                slices.each.push(Slice { holder: line.holder, classes, records: 0 });
                slices.each.len() - 1
            });
            slices.of_line.push(place);
        }
        slices
    }

    /// So many records of a class come to a holder's register, or go.
    pub(super) fn change(&mut self, holder: usize, class: usize, by: i64) {
        let of_it = self.each.iter_mut().filter(|slice| slice.holder == holder);
        for slice in of_it.filter(|slice| slice.classes.get(class) == Some(&true)) {
            slice.records += by;
        }
    }

    /// Records in the slice of a line.
    pub(super) fn records(&self, line: usize) -> i64 {
        self.of_line.get(line).and_then(|place| self.each.get(*place)).map_or(0, |slice| slice.records)
    }
}
