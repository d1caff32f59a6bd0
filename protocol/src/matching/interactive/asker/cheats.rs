//! What a dishonest asker would change in its own machine, for tests.

use super::*;
use crate::matching::{interactive::planes, template::Template};

impl Asker {
    /// Before anything was added up: adds to the sums of the first lanes from `first` on.
    pub(in super::super) fn shift_sums(&mut self, shift: i64, first: usize, lanes: usize) {
        let wide = self.query.encoding.wide;
        let Some(search) = self.search.as_deref_mut().filter(|search| search.scored + search.transfer == 0)
        else {
            return;
        };
        let words = search.layout.part(0).words();
        let mut numbers = planes::numbers(&search.sum, words);
        numbers.iter_mut().skip(first).take(lanes).for_each(|number| *number += shift);
        search.sum = planes::planes(&numbers, wide);
    }

    /// Whether the next slice of work is the check.
    pub(in super::super) fn checks(&self) -> bool {
        matches!(&self.stage, Stage::Check(checking) if checking.factor_in.complete())
    }

    /// Changes a tag.
    pub(in super::super) fn forge_tag(&mut self, lane: usize) {
        let kept = &mut self.search.as_deref_mut().unwrap().kept[0];
        kept.1[lane] = field::add(kept.1[lane], 1);
    }

    /// Takes one lane for another in labels and tags; exchanges them, or repeats the first.
    pub(in super::super) fn move_lane(&mut self, from: usize, to: usize, exchange: bool) {
        let search = self.search.as_deref_mut().unwrap();
        let lanes = search.layout.part(0).lanes;
        let (labels, tags) = &mut search.kept[0];
        for plane in labels.chunks_mut(lanes) {
            if exchange { plane.swap(from, to) } else { plane[to] = plane[from] }
        }
        if exchange { tags.swap(from, to) } else { tags[to] = tags[from] }
    }

    /// Chooses by another probe than the one committed to.
    pub(in super::super) fn exchange_probe(&mut self, other: &Template) {
        self.query.choices = probe::choices(&self.query.encoding, std::slice::from_ref(other)).unwrap();
    }

    /// Before anything was added up: does not follow the turn of a transfer that it told the holder.
    pub(in super::super) fn turn_back(&mut self, transfer: usize) {
        if let Some(search) = self.search.as_deref_mut().filter(|search| search.scored + search.transfer == 0)
        {
            let taken = &mut search.taken[transfer];
            taken.turned = !taken.turned;
        }
    }

    /// The frame that would make this asker go on: its own value.
    pub(in super::super) fn believe(&self, frame: &mut Frame) {
        if let Stage::Compare(value, ..) = &self.stage {
            frame.body = value.to_bytes().to_vec();
        }
    }
}
