//! Between which numbers no decision changes: for callers that decide many queries of one kind.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rulebook, attribute::Attribute};

/// What the decisions of a rulebook can turn on, beside codes and flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// For each attribute that is a number, the numbers that clauses compare it with, ascending; times in seconds
    /// since 1970. Two values that lie on the same side of every one of them, or are equal, are decided alike.
    pub numbers: BTreeMap<Attribute, Vec<i64>>,
    /// A clause computes with numbers or compares them with one another: then nothing follows from
    /// [`numbers`](Self::numbers).
    pub computes: bool,
    /// A clause names an agency, an officer or a register, or compares them.
    pub names: bool,
}

impl Rulebook {
    /// What the decisions of this rulebook can turn on.
    pub fn cuts(&self) -> Cuts {
        let mut numbers: BTreeMap<Attribute, BTreeSet<i64>> = BTreeMap::new();
        let (mut computes, mut names) = (false, false);
        for condition in self.parts().flat_map(|clause| &clause.conditions) {
            computes |= condition.computes;
            for attribute in &condition.attributes {
                names |= matches!(attribute, Attribute::Asker | Attribute::Register);
                if attribute.range().is_some() {
                    numbers.entry(*attribute).or_default().extend(&condition.numbers);
                }
            }
        }
        let numbers = numbers.into_iter().map(|(of, numbers)| (of, numbers.into_iter().collect())).collect();
        Cuts { numbers, computes, names }
    }
}
