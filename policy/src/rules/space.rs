//! The space of all requests, cut to what two rulebooks can tell apart.
//!
//! Codes and flags stand with all their values. A number stands with the numbers the rules compare
//! it with and their neighbours: between two of them no comparison changes. Agencies, officers and
//! registers stand with those that are named, and one for all others. An attribute that neither
//! rulebook looks at does not occur.

mod values;

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::Serialize;

use crate::{
    class::RecordClass,
    words::{AgeBand, Category, Field, LegalBasis, Modality, Provenance, Purpose, Timestamp, WordError},
};

use super::{
    Rulebook,
    attribute::{Attribute, Value},
    condition::Condition,
    decision::Floor,
    diagram::{Diagram, Diagrams, Region},
    facts::{AskContext, ExchangeKind, Facts, ReleaseContext, SearchContext},
    set::Clause,
};

pub(super) use values::{Names, numbers};

/// What a rulebook says of a request. The greater decides where clauses differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub(super) enum Outcome {
    NothingPermits,
    Permitted,
    Forbidden,
    Error,
}

/// Some values of one attribute, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Constraint {
    /// The attribute.
    pub attribute: Attribute,
    /// Which values: a list, "all but" a list, or ranges of numbers.
    pub values: String,
}

/// Rulebooks that cannot be compared within bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// The attributes that rules look at together have too many values.
    #[error(
        "the rules take too many steps to compare at `{at}`, which looks at {attributes}: let one condition look at \
         fewer of these, or compare them with fewer numbers"
    )]
    TooLarge {
        /// The clause.
        at: String,
        /// The attributes that multiply, with how many values each.
        attributes: String,
    },
    /// No name could be formed for "any other".
    #[error(transparent)]
    Name(#[from] WordError),
}

/// The class that stands where neither rulebook looks at it.
const ORDINARY: RecordClass = RecordClass {
    category: Category::AsylumApplicant,
    age: AgeBand::Adult,
    provenance: Provenance::Own,
    own_citizen: false,
    vulnerable: false,
    marked: false,
    blocked: false,
    contested: false,
};

/// A query of this kind by and to agencies that no rule names.
pub(super) fn ordinary_query(names: &Names, exchange: ExchangeKind) -> Facts {
    Facts::query(&AskContext {
        asker: names.other_asker.clone(),
        officer: names.other_officer.clone(),
        holder: names.other_holder.clone(),
        register: names.other_register.clone(),
        exchange,
        modality: Some(Modality::Iris),
        purpose: Purpose::Simulation,
        legal_basis: LegalBasis::NatLaw,
        case_reference: true,
        batch_size: 1,
        quota_used: 0,
        quota_limit: u32::MAX,
        officer_used: 0,
        officer_left: 0,
        reciprocity: 0,
        balance: 0,
        unexplained: 0,
        now: Timestamp(0),
    })
}

/// The same for a search.
pub(super) fn ordinary_search(names: &Names) -> Facts {
    let search = SearchContext {
        asker: names.other_asker.clone(),
        holder: names.other_holder.clone(),
        register: names.other_register.clone(),
        purpose: Purpose::Simulation,
        exchange: ExchangeKind::Exact,
    };
    Facts::search(&search, &ORDINARY)
}

/// The same for a release.
pub(super) fn ordinary_release(names: &Names) -> Facts {
    let release = ReleaseContext {
        asker: names.other_asker.clone(),
        officer: names.other_officer.clone(),
        holder: names.other_holder.clone(),
        register: names.other_register.clone(),
        purpose: Purpose::Simulation,
        legal_basis: LegalBasis::NatLaw,
        exchange: ExchangeKind::Exact,
        field: Field::Other,
        approvals: 0,
    };
    Facts::release(&release, &ORDINARY)
}

/// A space of requests: queries, searches or releases.
pub(super) struct Space {
    facts: Facts,
    pub(super) dimensions: Vec<Dimension>,
    /// Evaluations left.
    budget: usize,
}

/// One attribute and the values it stands with, each with how people write it.
pub(super) struct Dimension {
    pub(super) attribute: Attribute,
    pub(super) values: Vec<(Value, String)>,
}

impl Space {
    /// Evaluations of single conditions that one space may cost: about 20 µs each on one core.
    const BUDGET: usize = 1_000_000;

    /// The space of queries that these rulebooks can tell apart.
    pub(super) fn of_queries(books: [&Rulebook; 2]) -> Result<Self, SpaceError> {
        let names = Names::of(books)?;
        // Every attribute of another query is one of a match.
        Ok(Self::new(ordinary_query(&names, ExchangeKind::Match), &names, books))
    }

    /// The space of searches that these rulebooks can tell apart.
    pub(super) fn of_searches(books: [&Rulebook; 2]) -> Result<Self, SpaceError> {
        let names = Names::of(books)?;
        Ok(Self::new(ordinary_search(&names), &names, books))
    }

    /// The space of releases that these rulebooks can tell apart.
    pub(super) fn of_releases(books: [&Rulebook; 2]) -> Result<Self, SpaceError> {
        let names = Names::of(books)?;
        Ok(Self::new(ordinary_release(&names), &names, books))
    }

    /// The space of all classes of records, for one slice.
    pub(super) fn of_classes(context: &SearchContext) -> Self {
        let class = super::slice::class(0);
        let dimensions = Attribute::CLASS.iter().map(|attribute| Dimension::whole(*attribute)).collect();
        Self { facts: Facts::search(context, &class), dimensions, budget: Self::BUDGET }
    }

    /// How many values each dimension has.
    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.dimensions.iter().map(|dimension| dimension.values.len())
    }

    /// How many points a region has; `u64::MAX` if more than that.
    pub(super) fn size(&self, region: &Region) -> u64 {
        let sizes = self.dimensions.iter().enumerate().map(|(place, dimension)| {
            let confined = region.iter().find(|(at, _)| *at == place);
            confined.map_or(dimension.values.len(), |(_, values)| values.len())
        });
        sizes.fold(1, |n, size| n.saturating_mul(size as u64))
    }

    fn new(facts: Facts, names: &Names, books: [&Rulebook; 2]) -> Self {
        let conditions: Vec<_> =
            books.iter().flat_map(|book| book.parts()).flat_map(|clause| &clause.conditions).collect();
        Self::over(facts, names, &conditions)
    }

    /// The space of requests like `facts` that these conditions can tell apart.
    pub(super) fn over(facts: Facts, names: &Names, conditions: &[&Condition]) -> Self {
        let mut seen: BTreeSet<Attribute> =
            conditions.iter().flat_map(|condition| condition.attributes.iter().copied()).collect();
        if !matches!(facts, Facts::Query { .. }) {
            // The floors look at these.
            seen.extend(Floor::ALL.iter().map(|floor| floor.attribute()));
        }
        let numbers = numbers(conditions);
        let dimensions = facts.attributes().iter().filter(|attribute| seen.contains(attribute));
        let dimensions = dimensions.map(|attribute| match (attribute, numbers.get(attribute)) {
            (Attribute::Asker, _) => Dimension { attribute: *attribute, values: names.askers(&facts) },
            (Attribute::Register, _) => Dimension { attribute: *attribute, values: names.registers() },
            (_, Some(numbers)) => Dimension::numbers(*attribute, numbers),
            (_, None) => Dimension::whole(*attribute),
        });
        let dimensions = dimensions.collect();
        Self { facts, dimensions, budget: Self::BUDGET }
    }

    /// An empty set of diagrams over this space.
    pub(super) fn diagrams(&self) -> Diagrams {
        Diagrams::new(self.dimensions.iter().map(|dimension| dimension.values.len()).collect())
    }

    /// How many requests the space holds; `u64::MAX` if more than that.
    pub(super) fn requests(&self) -> u64 {
        self.size(&Region::new())
    }

    /// What a rulebook says, as a function over the space.
    pub(super) fn outcome(
        &mut self,
        diagrams: &mut Diagrams,
        book: &Rulebook,
    ) -> Result<Diagram, SpaceError> {
        let mut outcome = self.floors(diagrams)?;
        for clause in book.parts() {
            let applies = self.clause(diagrams, clause)?;
            outcome = self.join(diagrams, outcome, applies, &clause.name.id, u16::max)?;
        }
        Ok(outcome)
    }

    /// The request at a point; dimensions that are not given keep an ordinary value.
    pub(super) fn facts(&self, point: impl IntoIterator<Item = (usize, usize)>) -> Facts {
        let mut facts = self.facts.clone();
        for (dimension, value) in point {
            if let Some(dimension) = self.dimensions.get(dimension)
                && let Some((value, _)) = dimension.values.get(value)
            {
                facts.set(dimension.attribute, value);
            }
        }
        facts
    }

    /// A region in words.
    pub(super) fn describe(&self, region: &Region) -> Vec<Constraint> {
        let dimension = |place: &usize| self.dimensions.get(*place);
        region
            .iter()
            .filter_map(|(place, values)| dimension(place).map(|dimension| dimension.describe(values)))
            .collect()
    }

    /// The first request of a region: its number of values for each dimension.
    pub(super) fn first(&self, region: &Region) -> Vec<(usize, usize)> {
        let mut point: Vec<_> = (0..self.dimensions.len()).map(|dimension| (dimension, 0)).collect();
        for (dimension, values) in region {
            if let (Some(place), Some(value)) = (point.get_mut(*dimension), values.first()) {
                place.1 = *value;
            }
        }
        point
    }

    /// Permitted, forbidden or erring where the clause applies, and nothing elsewhere.
    pub(super) fn clause(&mut self, diagrams: &mut Diagrams, clause: &Clause) -> Result<Diagram, SpaceError> {
        let effect = if clause.permits() { Outcome::Permitted } else { Outcome::Forbidden } as u16;
        let mut applies = Diagram::Leaf(effect);
        for condition in &clause.conditions {
            let table = self.condition(diagrams, condition, effect, &clause.name.id)?;
            // As `&&`: what comes later is looked at only where all before it hold.
            applies = self.join(diagrams, applies, table, &clause.name.id, |before, here| {
                if before == effect { here } else { before }
            })?;
        }
        Ok(applies)
    }

    fn condition(
        &mut self,
        diagrams: &mut Diagrams,
        condition: &Condition,
        effect: u16,
        at: &str,
    ) -> Result<Diagram, SpaceError> {
        self.table(diagrams, &self.dimensions_of(&condition.attributes), at, |facts| {
            match condition.holds(facts) {
                Ok(true) => effect,
                Ok(false) => Outcome::NothingPermits as u16,
                Err(_) => Outcome::Error as u16,
            }
        })
    }

    /// Forbidden where a floor keeps records out, and nothing elsewhere.
    fn floors(&mut self, diagrams: &mut Diagrams) -> Result<Diagram, SpaceError> {
        let mut outcome = Diagram::Leaf(Outcome::NothingPermits as u16);
        for floor in Floor::ALL {
            let kept_out = self.floor(diagrams, *floor)?;
            outcome = self.join(diagrams, outcome, kept_out, "the floors", u16::max)?;
        }
        Ok(outcome)
    }

    /// Forbidden where this floor keeps records out, and nothing elsewhere.
    pub(super) fn floor(&mut self, diagrams: &mut Diagrams, floor: Floor) -> Result<Diagram, SpaceError> {
        let looked_at = BTreeSet::from([floor.attribute()]);
        self.table(diagrams, &self.dimensions_of(&looked_at), "the floors", |facts| match facts {
            Facts::Search { class, .. } | Facts::Release { class, .. } if floor.keeps_out(class) => {
                Outcome::Forbidden as u16
            }
            _ => Outcome::NothingPermits as u16,
        })
    }

    /// `join` of two functions, point by point.
    pub(super) fn join(
        &self,
        diagrams: &mut Diagrams,
        a: Diagram,
        b: Diagram,
        at: &str,
        join: impl Fn(u16, u16) -> u16,
    ) -> Result<Diagram, SpaceError> {
        diagrams.apply(a, b, join).map_err(|_| self.too_large(at, self.all()))
    }

    fn dimensions_of(&self, attributes: &BTreeSet<Attribute>) -> Vec<usize> {
        let places = self.dimensions.iter().enumerate();
        places
            .filter(|(_, dimension)| attributes.contains(&dimension.attribute))
            .map(|(place, _)| place)
            .collect()
    }

    /// Evaluates over some dimensions, on all cores.
    fn table(
        &mut self,
        diagrams: &mut Diagrams,
        dimensions: &[usize],
        at: &str,
        outcome: impl Fn(&Facts) -> u16 + Sync,
    ) -> Result<Diagram, SpaceError> {
        let sizes: Vec<usize> = dimensions
            .iter()
            .filter_map(|d| self.dimensions.get(*d))
            .map(|d| d.values.len().max(1))
            .collect();
        let points = sizes.iter().try_fold(1_usize, |points, size| points.checked_mul(*size));
        let left = points.and_then(|points| self.budget.checked_sub(points));
        let (Some(points), Some(left)) = (points, left) else {
            return Err(self.too_large(at, dimensions.to_vec()));
        };
        self.budget = left;
        let outcomes: Vec<u16> = (0..points)
            .into_par_iter()
            .map(|mut rest| {
                let mut point = Vec::with_capacity(sizes.len());
                for (dimension, size) in dimensions.iter().zip(&sizes).rev() {
                    point.push((*dimension, rest % size));
                    rest /= size;
                }
                outcome(&self.facts(point))
            })
            .collect();
        diagrams.table(dimensions, &outcomes).map_err(|_| self.too_large(at, dimensions.to_vec()))
    }

    /// Whether the space has one of these attributes.
    pub(super) fn looks_at(&self, attributes: &BTreeSet<Attribute>) -> bool {
        self.dimensions.iter().any(|dimension| attributes.contains(&dimension.attribute))
    }

    fn all(&self) -> Vec<usize> {
        (0..self.dimensions.len()).collect()
    }

    fn too_large(&self, at: &str, dimensions: Vec<usize>) -> SpaceError {
        let mut dimensions: Vec<_> = dimensions.iter().filter_map(|d| self.dimensions.get(*d)).collect();
        dimensions.sort_by_key(|dimension| std::cmp::Reverse(dimension.values.len()));
        let attributes: Vec<_> =
            dimensions.iter().map(|d| format!("{} ({} values)", d.attribute, d.values.len())).collect();
        SpaceError::TooLarge { at: at.to_owned(), attributes: attributes.join(", ") }
    }
}
