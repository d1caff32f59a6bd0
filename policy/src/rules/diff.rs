//! What changes from one rulebook to another, over the whole space of requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

use super::{
    Rulebook,
    decision::{ClauseRef, Decision, Kind},
    diagram::Region,
    explain::line,
    set::Clause,
    space::{Constraint, Outcome, Space, SpaceError},
};

/// The difference between two rulebooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Clauses that only the second has.
    pub added: Vec<ClauseRef>,
    /// Clauses that only the first has.
    pub removed: Vec<ClauseRef>,
    /// Clauses that both have under one id and that are not the same; as the second has them.
    /// White space and comments make no difference.
    pub changed: Vec<ClauseRef>,
    /// Which queries may be put.
    pub queries: Changes,
    /// Which records take part.
    pub searches: Changes,
    /// Which fields are released after a hit.
    pub releases: Changes,
}

/// The difference over one space of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Requests that were compared. Each stands for all that differ from it only in what neither
    /// rulebook looks at, or in numbers between those that the rules mention.
    pub compared: u64,
    /// Of these, refused by the first and permitted by the second.
    pub widened: u64,
    /// Of these, permitted by the first and refused by the second.
    pub narrowed: u64,
    /// Where they are, those that are now permitted first. Regions do not overlap.
    pub regions: Vec<ChangedRegion>,
    /// Regions beyond the number that was asked for.
    pub more_regions: u64,
    /// Clauses that compute with numbers or compare them with one another. There the numbers tried are
    /// a sample: a difference could lie between them, and the numbers in a region are examples.
    /// Where no such clause is listed the comparison is complete.
    pub sampled: Vec<ClauseRef>,
}

/// Requests that change alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedRegion {
    /// Whether they are now permitted; otherwise they are now refused.
    pub widened: bool,
    /// How many of the compared requests.
    pub requests: u64,
    /// Which: all that meet these. Attributes that are not listed may have any value.
    pub region: Vec<Constraint>,
    /// One of them.
    pub example: Vec<Constraint>,
    /// What the first rulebook says of the example.
    pub before: Decision,
    /// What the second says of it.
    pub after: Decision,
}

/// Compares two rulebooks over all requests; lists up to `most` regions of each
/// question that are now permitted, and as many that are now refused.
///
/// # Errors
///
/// [`SpaceError::TooLarge`] if a condition looks at attributes with too many values together.
pub fn diff(before: &Rulebook, after: &Rulebook, most: usize) -> Result<Diff, SpaceError> {
    let books = [before, after];
    let (mut old, new) = (by_name(before), by_name(after));
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for (name, clause) in &new {
        match old.remove(name) {
            None => added.push(clause.name.clone()),
            Some(was) if was.tree != clause.tree => changed.push(clause.name.clone()),
            Some(_) => {}
        }
    }
    let removed = old.values().map(|clause| clause.name.clone()).collect();
    let queries = changes(Space::of_queries(books)?, before, after, most)?;
    let searches = changes(Space::of_searches(books)?, before, after, most)?;
    let releases = changes(Space::of_releases(books)?, before, after, most)?;
    Ok(Diff { added, removed, changed, queries, searches, releases })
}

fn by_name(book: &Rulebook) -> BTreeMap<(Kind, &str), &Clause> {
    book.parts().map(|clause| ((clause.name.kind, clause.name.id.as_str()), clause)).collect()
}

fn changes(
    mut space: Space,
    before: &Rulebook,
    after: &Rulebook,
    most: usize,
) -> Result<Changes, SpaceError> {
    let mut diagrams = space.diagrams();
    let (old, new) = (space.outcome(&mut diagrams, before)?, space.outcome(&mut diagrams, after)?);
    let permitted = |outcome| outcome == Outcome::Permitted as u16;
    let mut regions = Vec::new();
    let mut more_regions = 0_u64;
    let mut counts = [0_u64; 2];
    for (count, widened) in counts.iter_mut().zip([true, false]) {
        let changed = space.join(&mut diagrams, old, new, "the two together", |old, new| {
            u16::from(permitted(old) != permitted(new) && permitted(new) == widened)
        })?;
        *count = diagrams.count(changed, 1);
        let (found, more) = diagrams.regions(changed, most);
        more_regions = more_regions.saturating_add(more);
        regions.extend(
            found.into_iter().map(|(_, region)| changed_region(&space, &region, widened, before, after)),
        );
    }
    let [widened, narrowed] = counts;
    let parts = before.parts().chain(after.parts());
    let computes = |clause: &&Clause| {
        let mut looks_at = clause.conditions.iter().filter(|condition| condition.computes);
        looks_at.any(|condition| space.looks_at(&condition.attributes))
    };
    let sampled: BTreeSet<_> = parts.filter(computes).map(|clause| clause.name.clone()).collect();
    Ok(Changes {
        compared: space.requests(),
        widened,
        narrowed,
        regions,
        more_regions,
        sampled: sampled.into_iter().collect(),
    })
}

fn changed_region(
    space: &Space,
    region: &Region,
    widened: bool,
    before: &Rulebook,
    after: &Rulebook,
) -> ChangedRegion {
    let point = space.first(region);
    let facts = space.facts(point.iter().copied());
    let point = point.into_iter().map(|(dimension, value)| (dimension, vec![value])).collect();
    ChangedRegion {
        widened,
        requests: space.size(region),
        region: space.describe(region),
        example: space.describe(&point),
        before: before.judge(&facts),
        after: after.judge(&facts),
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, clauses) in
            [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)]
        {
            clauses.iter().try_for_each(|clause| writeln!(f, "{what}: {clause}"))?;
        }
        writeln!(f, "queries: {}", self.queries)?;
        writeln!(f, "searches: {}", self.searches)?;
        write!(f, "releases: {}", self.releases)
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, widened, narrowed, .. } = self;
        write!(f, "{compared} compared, {widened} now permitted, {narrowed} now refused")?;
        for region in &self.regions {
            let (sign, now) = if region.widened { ('+', "permitted") } else { ('-', "refused") };
            let which = if region.region.is_empty() { "all".to_owned() } else { line(&region.region) };
            write!(f, "\n{sign} now {now}: {which} ({} compared)", region.requests)?;
            write!(f, "\n    before: {}", one_line(&region.before))?;
            write!(f, "\n    after:  {}", one_line(&region.after))?;
        }
        if self.more_regions > 0 {
            write!(f, "\n  and {} more regions", self.more_regions)?;
        }
        for clause in &self.sampled {
            write!(f, "\n  a sample of numbers was tried for {}, which computes with them", clause.id)?;
        }
        Ok(())
    }
}

fn one_line(decision: &Decision) -> String {
    let names: Vec<_> = decision.clauses.iter().map(|clause| clause.id.as_str()).collect();
    let text = decision.to_string();
    format!("{} {}", text.lines().next().unwrap_or_default(), names.join(", ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
