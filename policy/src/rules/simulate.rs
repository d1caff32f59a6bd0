//! A dry run: what other rules would say of the same requests.
//!
//! The requests are past queries and claimed fields, one by one, or drawn from the space of all requests
//! by a seed. A drawn sample shows how often, not whether: for all requests at once see `diff` and `proof`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::class::RecordClass;

use super::{
    Rulebook,
    decision::{Decision, Reason},
    facts::{AskContext, Facts, ReleaseContext},
    space::{Space, SpaceError},
};

/// What two rulebooks say of the same requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// How many requests.
    pub requests: u64,
    /// What the first rulebook says.
    pub before: Tally,
    /// What the second says.
    pub after: Tally,
    /// Requests that only the second permits.
    pub now_permitted: u64,
    /// Requests that only the first permits.
    pub now_refused: u64,
    /// Requests that both permit or both refuse, by other clauses.
    pub other_clauses: u64,
    /// The first requests that are now permitted or now refused, at most [`Simulation::MOST`].
    pub changes: Vec<Change>,
}

/// How often what was said, and by which clause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests permitted.
    pub permitted: u64,
    /// Requests refused.
    pub refused: u64,
    /// How many requests each clause decided; a request may be decided by several. What no clause
    /// decided stands under `(nothing permits)`, `(floor)` or `(cannot be evaluated)`.
    pub by: BTreeMap<String, u64>,
}

/// One request that the two rulebooks treat differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which request: the id of a past query, a claim and its record, or its place among those drawn.
    pub request: String,
    /// What it asks.
    pub asks: String,
    /// Whether it is now permitted; otherwise it is now refused.
    pub now_permitted: bool,
    /// What decided before.
    pub before: String,
    /// What decides now.
    pub after: String,
}

/// A sample of the space of all requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// What it was drawn by.
    pub seed: u64,
    /// Queries.
    pub queries: Simulation,
    /// Searches for one class of records.
    pub searches: Simulation,
    /// Releases of one field of one class of records.
    pub releases: Simulation,
}

/// What a node's journal tells of, put to both rulebooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Queries.
    pub queries: Simulation,
    /// Fields that were claimed of this node.
    pub releases: Simulation,
    /// Fields that were claimed of records that are no longer there, which rules cannot be asked about.
    pub gone: u64,
}

impl Simulation {
    /// The most changes that are listed.
    pub const MOST: usize = 20;

    /// Puts one past query to both rulebooks.
    pub fn query(&mut self, id: &str, before: &Rulebook, after: &Rulebook, context: &AskContext) {
        self.put(id, before, after, &Facts::query(context));
    }

    /// Puts the release of one claimed field to both rulebooks.
    pub fn release(
        &mut self,
        id: &str,
        (before, after): (&Rulebook, &Rulebook),
        context: &ReleaseContext,
        class: &RecordClass,
    ) {
        self.put(id, before, after, &Facts::release(context, class));
    }

    fn put(&mut self, id: &str, before: &Rulebook, after: &Rulebook, facts: &Facts) {
        let (was, is) = (before.judge(facts), after.judge(facts));
        self.requests += 1;
        self.before.count(&was);
        self.after.count(&is);
        match (was.permitted, is.permitted) {
            (false, true) => self.now_permitted += 1,
            (true, false) => self.now_refused += 1,
            _ => self.other_clauses += u64::from(deciders(&was) != deciders(&is)),
        }
        if was.permitted != is.permitted && self.changes.len() < Self::MOST {
            let shown = facts.attributes().iter().map(|a| (a, facts.show(*a)));
            let asks: Vec<_> = shown.map(|(attribute, value)| format!("{attribute}: {value}")).collect();
            self.changes.push(Change {
                request: id.to_owned(),
                asks: asks.join("; "),
                now_permitted: is.permitted,
                before: deciders(&was).join(", "),
                after: deciders(&is).join(", "),
            });
        }
    }
}

/// Puts `samples` queries, as many searches and as many releases, drawn by `seed`, to both rulebooks.
///
/// Each attribute is drawn by itself, from all codes and from the numbers the rules compare with
/// and their neighbours. What neither rulebook looks at stays the same.
///
/// # Errors
/// [`SpaceError::Name`] if no name can be formed for "any other agency".
pub fn simulate(before: &Rulebook, after: &Rulebook, seed: u64, samples: u32) -> Result<Sample, SpaceError> {
    let mut draw = Draw(seed);
    let mut run = |space: Space| {
        let mut simulation = Simulation::default();
        for number in 1..=samples {
            let point: Vec<_> =
                space.sizes().enumerate().map(|(place, size)| (place, draw.below(size))).collect();
            simulation.put(&number.to_string(), before, after, &space.facts(point));
        }
        simulation
    };
    let queries = run(Space::of_queries([before, after])?);
    let searches = run(Space::of_searches([before, after])?);
    let releases = run(Space::of_releases([before, after])?);
    Ok(Sample { seed, queries, searches, releases })
}

impl Tally {
    fn count(&mut self, decision: &Decision) {
        if decision.permitted {
            self.permitted += 1
        } else {
            self.refused += 1
        }
        for by in deciders(decision) {
            *self.by.entry(by).or_default() += 1;
        }
    }
}

/// The clauses that decided, or what did in their place.
fn deciders(decision: &Decision) -> Vec<String> {
    let without = match &decision.reason {
        Reason::NothingPermits => "(nothing permits)",
        Reason::Floor(_) => "(floor)",
        Reason::EvaluationError(_) if decision.clauses.is_empty() => "(cannot be evaluated)",
        _ => return decision.clauses.iter().map(|clause| format!("{}/{}", clause.kind, clause.id)).collect(),
    };
    vec![without.to_owned()]
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): repeatable, and good enough for a sample.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `size`; 0 below 0.
    fn below(&mut self, size: usize) -> usize {
        let drawn = u128::from(self.next()) * size as u128;
        usize::try_from(drawn >> 64).unwrap_or(0)
    }
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, before, after, now_permitted, now_refused, other_clauses, changes } = self;
        writeln!(f, "{requests} requests")?;
        for (name, tally) in [("before", before), ("after", after)] {
            writeln!(f, "  {name}: {} permitted, {} refused", tally.permitted, tally.refused)?;
            for (by, count) in &tally.by {
                writeln!(f, "    {count:>8}  {by}")?;
            }
        }
        write!(
            f,
            "  {now_permitted} now permitted, {now_refused} now refused, {other_clauses} decided by other clauses"
        )?;
        for change in changes {
            let sign = if change.now_permitted { '+' } else { '-' };
            let Change { request, asks, before, after, .. } = change;
            write!(f, "\n  {sign} {request}: {asks}\n      before: {before}\n      after:  {after}")?;
        }
        let more = now_permitted.saturating_add(*now_refused).saturating_sub(changes.len() as u64);
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        Ok(())
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, queries, searches, releases } = self;
        write!(f, "drawn by seed {seed}\nqueries: {queries}\nsearches: {searches}\nreleases: {releases}")
    }
}

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queries, releases, gone } = self;
        write!(f, "queries: {queries}\nreleases: {releases}")?;
        if *gone > 0 {
            write!(f, "\n  claimed fields that could not be tried, as their records are gone: {gone}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
