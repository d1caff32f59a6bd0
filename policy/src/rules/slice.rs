//! The slice as a set of record classes.

use std::fmt;

use rayon::prelude::*;

use crate::{
    class::RecordClass,
    words::{AgeBand, Category, Provenance},
};

/// Classes of records: category, age, provenance and five flags.
pub(super) const CLASSES: usize =
    Category::ALL.len() * AgeBand::ALL.len() * Provenance::ALL.len() * (1 << FLAGS);
const FLAGS: usize = 5;

/// Which classes of records take part in the exchanges of one agreement, register, purpose and
/// kind. Every class was decided when the slice was made, so asking is a look-up.
#[derive(Clone, PartialEq, Eq)]
pub struct Slice {
    /// By [`index`]; always [`CLASSES`] long.
    takes_part: Vec<bool>,
}

impl Slice {
    pub(super) fn new(decide: impl Fn(&RecordClass) -> bool + Sync) -> Self {
        Self { takes_part: (0..CLASSES).into_par_iter().map(|i| decide(&class(i))).collect() }
    }

    /// Those classes that take part in both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.takes_part.iter_mut().zip(&other.takes_part).for_each(|(here, there)| *here &= there);
        self
    }

    /// Whether records of this class take part.
    pub fn contains(&self, class: &RecordClass) -> bool {
        self.takes_part.get(index(class)).copied().unwrap_or(false)
    }

    /// How many of the 2,304 classes take part. Empty slices are legal; nobody hits in them.
    pub fn classes(&self) -> usize {
        self.takes_part.iter().filter(|takes_part| **takes_part).count()
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slice({} of {CLASSES} classes)", self.classes())
    }
}

/// The place of a class among all classes.
pub(super) fn index(class: &RecordClass) -> usize {
    let RecordClass { category, age, provenance, own_citizen, vulnerable, marked, blocked, contested } =
        *class;
    let codes =
        (category as usize * AgeBand::ALL.len() + age as usize) * Provenance::ALL.len() + provenance as usize;
    [own_citizen, vulnerable, marked, blocked, contested]
        .iter()
        .fold(codes, |index, flag| index * 2 + usize::from(*flag))
}

/// The class at a place; the inverse of [`index`]. Places beyond the last wrap around.
pub(super) fn class(index: usize) -> RecordClass {
    fn code<T: Copy>(all: &[T], index: usize, first: T) -> T {
        all.get(index % all.len()).copied().unwrap_or(first)
    }
    let flag = |bit: usize| (index >> bit) & 1 == 1;
    let (codes, ages, provenances) = (index >> FLAGS, AgeBand::ALL.len(), Provenance::ALL.len());
    RecordClass {
        category: code(Category::ALL, codes / provenances / ages, Category::AsylumApplicant),
        age: code(AgeBand::ALL, codes / provenances, AgeBand::Doubtful),
        provenance: code(Provenance::ALL, codes, Provenance::Eu),
        own_citizen: flag(4),
        vulnerable: flag(3),
        marked: flag(2),
        blocked: flag(1),
        contested: flag(0),
    }
}
