//! Decisions by class of request, equal to Cedar's.
//!
//! A condition is a function of the attributes it looks at, and of a number it tells no more than
//! on which side of the numbers it compares with. So Cedar is asked once for each condition and each
//! class of these attributes, and the answers are kept as rows of bits, one bit a clause: of all
//! clauses, those whose conditions on these attributes hold. A request is then decided by finding
//! its class and joining one row for each group of attributes. This is the bit-vector scheme of
//! packet classification.
//!
//! What no table can hold is left to Cedar, clause by clause: conditions that compute with numbers
//! or compare them with one another, that look at too much, or that cannot always be evaluated. As
//! conditions are tried in order, such a clause is put to Cedar only where all before it hold.
//!
//! Source: Lakshman, Stiliadis, High-Speed Policy-based Packet Forwarding Using Efficient
//! Multi-dimensional Range Matching, SIGCOMM 1998.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::PolicySet;
use rayon::prelude::*;

use super::{
    attribute::{Attribute, Value},
    axis::Axis,
    condition::Condition,
    decision::ClauseRef,
    facts::{ExchangeKind, Facts},
    request::Request,
    scan::MAX_CLAUSES,
    set::Clause,
    space::{Names, Space, numbers, ordinary_query, ordinary_release, ordinary_search},
};

/// Words of bits for every clause of shared and national rules.
const WORDS: usize = (2 * MAX_CLAUSES).div_ceil(64);
/// Attributes that a request has at most.
const AXES: usize = Attribute::MATCH.len();
/// Classes that one condition may tell apart.
const MOST_CLASSES: usize = 4_096;
/// Evaluations that one table may cost: about 20 µs each on one core.
const BUDGET: usize = 32_768;

/// A set of clauses, by their places in a table.
pub(super) type Bits = [u64; WORDS];

/// What requests of one kind are decided by.
#[derive(Debug)]
pub(super) struct Table {
    /// The clauses that can apply, in order of their names.
    pub(super) names: Vec<ClauseRef>,
    permits: Bits,
    forbids: Bits,
    /// Clauses with a condition that no table holds.
    open: Bits,
    /// These clauses.
    pub(super) rest: PolicySet,
    axes: Vec<Axis>,
    lookups: Vec<Lookup>,
}

/// The conditions on one group of attributes.
#[derive(Debug)]
struct Lookup {
    /// Which axes, and how far apart the rows of neighbouring classes are.
    strides: Vec<(usize, usize)>,
    /// Words of one row.
    words: usize,
    rows: Vec<u64>,
}

/// What a table says of one request.
pub(super) struct Found {
    pub(super) permits: Bits,
    pub(super) forbids: Bits,
    /// Whether clauses are left to Cedar.
    pub(super) open: bool,
}

/// The kinds of requests, each with a table of its own.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Query(ExchangeKind),
    Search,
    Release,
}

impl Action {
    fn ordinary(self, names: &Names) -> Facts {
        match self {
            Self::Query(exchange) => ordinary_query(names, exchange),
            Self::Search => ordinary_search(names),
            Self::Release => ordinary_release(names),
        }
    }
}

/// A clause on its way into a table.
struct Row<'c> {
    clause: &'c Clause,
    /// Its conditions that a table holds, each with the axes it is over and where it holds.
    conditions: Vec<usize>,
    open: bool,
}

/// Where a condition holds.
struct Tabled {
    /// Places of dimensions, ascending.
    over: Vec<usize>,
    holds: Vec<bool>,
}

impl Table {
    /// Tabulates clauses for one kind of request; nothing if names or clauses are too many, which the
    /// bounds on rules texts rule out.
    pub(super) fn new(clauses: &[&Clause], action: Action) -> Option<Self> {
        let names = Names::of_clauses(clauses.iter().copied()).ok()?;
        let facts = action.ordinary(&names);
        let mut concerned: Vec<_> =
            clauses.iter().copied().filter(|clause| clause.concerns(&facts)).collect();
        concerned.sort_by(|a, b| a.name.cmp(&b.name));
        let plain: Vec<&Condition> =
            concerned.iter().flat_map(|c| &c.conditions).filter(|c| !c.computes).collect();
        let space = Space::over(facts, &names, &plain);
        let mut tabling =
            Tabling { space, action, budget: BUDGET, tabled: Vec::new(), known: HashMap::new() };
        let rows: Vec<_> = concerned.into_iter().filter_map(|clause| tabling.row(clause)).collect();
        let words = rows.len().div_ceil(64);
        if words > WORDS {
            return None;
        }
        let (mut permits, mut forbids, mut open) = (Bits::default(), Bits::default(), Bits::default());
        for (place, row) in rows.iter().enumerate() {
            mark(if row.clause.permits() { &mut permits } else { &mut forbids }, place);
            if row.open {
                mark(&mut open, place);
            }
        }
        let rest = rows.iter().filter(|row| row.open).map(|row| row.clause.policy.clone());
        let rest = PolicySet::from_policies(rest).ok()?;
        let (axes, lookups) = tabling.lookups(&rows, words)?;
        let names = rows.iter().map(|row| row.clause.name.clone()).collect();
        Some(Self { names, permits, forbids, open, rest, axes, lookups })
    }

    /// Decides a request, or nothing if it lies outside of what was tabulated.
    pub(super) fn find(&self, request: &Request<'_>) -> Option<Found> {
        let mut classes = [0_usize; AXES];
        for (class, axis) in classes.iter_mut().zip(&self.axes) {
            *class = axis.class(request)?;
        }
        let mut bits = [u64::MAX; WORDS];
        for lookup in &self.lookups {
            let mut row = 0;
            for (axis, stride) in &lookup.strides {
                row += classes.get(*axis)? * stride;
            }
            let start = row * lookup.words;
            for (bits, holds) in bits.iter_mut().zip(lookup.rows.get(start..start + lookup.words)?) {
                *bits &= holds;
            }
        }
        let both = |mask: &Bits| {
            let mut both = *mask;
            both.iter_mut().zip(&bits).for_each(|(both, bits)| *both &= bits);
            both
        };
        let open = both(&self.open);
        let decided = |mask: &Bits| {
            let mut decided = both(mask);
            decided.iter_mut().zip(&open).for_each(|(decided, open)| *decided &= !open);
            decided
        };
        let (permits, forbids) = (decided(&self.permits), decided(&self.forbids));
        Some(Found { permits, forbids, open: any(&open) })
    }
}

/// Asks Cedar about conditions, each once.
struct Tabling<'c> {
    space: Space,
    action: Action,
    budget: usize,
    tabled: Vec<Tabled>,
    known: HashMap<&'c str, Option<usize>>,
}

impl<'c> Tabling<'c> {
    /// A clause with its conditions, unless one of them never holds.
    fn row(&mut self, clause: &'c Clause) -> Option<Row<'c>> {
        let mut row = Row { clause, conditions: Vec::new(), open: false };
        for condition in &clause.conditions {
            let known = self.known.get(condition.cedar.as_str()).copied();
            let tabled = known.unwrap_or_else(|| self.condition(condition));
            self.known.insert(&condition.cedar, tabled);
            let Some(place) = tabled else {
                // What comes after it need not hold nor be evaluated.
                row.open = true;
                break;
            };
            if self.tabled.get(place).is_some_and(|tabled| tabled.holds.iter().all(|holds| !holds)) {
                return None;
            }
            row.conditions.push(place);
        }
        Some(row)
    }

    fn condition(&mut self, condition: &Condition) -> Option<usize> {
        if condition.computes {
            return None;
        }
        let over = self.space.dimensions.iter().enumerate().filter_map(|(place, dimension)| {
            // Of a query the exchange is given by the table.
            let given = matches!(self.action, Action::Query(_)) && dimension.attribute == Attribute::Exchange;
            (!given && condition.attributes.contains(&dimension.attribute)).then_some(place)
        });
        let over: Vec<usize> = over.collect();
        let alike: Vec<Vec<usize>> = over.iter().map(|place| self.alike(*place, condition)).collect();
        let classes = alike.iter().try_fold(1_usize, |classes, values| classes.checked_mul(values.len()))?;
        if classes > MOST_CLASSES {
            return None;
        }
        // The first class that is like each, and the point of those that are their own.
        let mut firsts = Vec::with_capacity(classes);
        let mut points = Vec::new();
        for class in 0..classes {
            let (mut rest, mut first, mut stride, mut point) = (class, 0, 1, Vec::new());
            for (place, alike) in over.iter().zip(&alike).rev() {
                let value = alike.get(rest % alike.len()).copied()?;
                point.push((*place, value));
                first += value * stride;
                stride *= alike.len();
                rest /= alike.len();
            }
            if first == class {
                points.push(point);
            }
            firsts.push(first);
        }
        self.budget = self.budget.checked_sub(points.len())?;
        let asked = points.into_par_iter().map(|point| condition.holds(&self.space.facts(point)).ok());
        let mut asked = asked.collect::<Option<Vec<bool>>>()?.into_iter();
        let mut holds: Vec<bool> = Vec::with_capacity(classes);
        for (class, first) in firsts.into_iter().enumerate() {
            let known = if first == class { asked.next() } else { holds.get(first).copied() };
            holds.push(known?);
        }
        self.tabled.push(Tabled { over, holds });
        Some(self.tabled.len() - 1)
    }

    /// For each value of a dimension the first that this condition does not tell from it.
    fn alike(&self, place: usize, condition: &Condition) -> Vec<usize> {
        let Some(dimension) = self.space.dimensions.get(place) else { return Vec::new() };
        let own = numbers(&[condition]);
        let mut first = 0;
        let values = dimension.values.iter().enumerate().map(|(place, (value, _))| {
            let same = match (value, own.get(&dimension.attribute)) {
                (Value::Number(number), Some(own)) => !own.contains(number),
                _ => false,
            };
            if !same {
                first = place;
            }
            first
        });
        values.collect()
    }

    fn size(&self, place: usize) -> usize {
        self.space.dimensions.get(place).map_or(1, |dimension| dimension.values.len())
    }

    /// The rows of all groups of attributes, and the axes they are over.
    fn lookups(&self, rows: &[Row<'_>], words: usize) -> Option<(Vec<Axis>, Vec<Lookup>)> {
        let mut groups: BTreeMap<&[usize], Vec<u64>> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            for tabled in row.conditions.iter().filter_map(|condition| self.tabled.get(*condition)) {
                let bits =
                    groups.entry(&tabled.over).or_insert_with(|| vec![u64::MAX; tabled.holds.len() * words]);
                for (row, holds) in bits.chunks_mut(words).zip(&tabled.holds) {
                    if let Some(word) = row.get_mut(place / 64).filter(|_| !holds) {
                        *word &= !(1 << (place % 64));
                    }
                }
            }
        }
        let mut places: Vec<usize> = groups.keys().flat_map(|over| over.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        let axes = places.iter().map(|place| self.space.dimensions.get(*place).map(Axis::new));
        let axes = axes.collect::<Option<Vec<Axis>>>().filter(|axes| axes.len() <= AXES)?;
        let lookups = groups.into_iter().map(|(over, rows)| {
            let mut stride = 1;
            let strides = over.iter().rev().filter_map(|place| {
                let axis = places.binary_search(place).ok()?;
                let this = stride;
                stride *= self.size(*place);
                Some((axis, this))
            });
            Lookup { strides: strides.collect(), words, rows }
        });
        Some((axes, lookups.collect()))
    }
}

fn mark(bits: &mut Bits, place: usize) {
    if let Some(word) = bits.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

/// Whether there is any clause in a set.
pub(super) fn any(bits: &Bits) -> bool {
    bits.iter().any(|word| *word != 0)
}

/// The places of a set, ascending.
pub(super) fn ones(bits: Bits) -> impl Iterator<Item = usize> {
    bits.into_iter().enumerate().flat_map(|(at, mut word)| {
        std::iter::from_fn(move || {
            let bit = word.trailing_zeros() as usize;
            word &= word.wrapping_sub(1);
            (bit < 64).then_some(at * 64 + bit)
        })
    })
}

#[cfg(test)]
mod tests;
