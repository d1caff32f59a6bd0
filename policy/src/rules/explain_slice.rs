//! Which records take part in a slice, and what keeps the others out.

use std::fmt;

use serde::Serialize;

use super::{
    Rulebook,
    decision::{ClauseRef, Floor},
    diagram::{Diagram, Diagrams},
    explain::line,
    facts::SearchContext,
    slice::CLASSES,
    space::{Constraint, Outcome, Space, SpaceError},
};

/// Which classes of records take part in a slice, and what keeps the others out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SliceReport {
    /// What the slice is for.
    pub context: SearchContext,
    /// The classes that take part.
    pub takes_part: Classes,
    /// The classes that no clause permits.
    pub unpermitted: Classes,
    /// What keeps out classes that a clause permits. A class may be kept out by several.
    pub kept_out: Vec<KeptOut>,
}

/// What keeps permitted classes out, and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptOut {
    /// The floor or the clause.
    pub by: Keeper,
    /// The classes.
    pub classes: Classes,
}

/// What can keep a class out that a clause permits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// A limit in the program.
    Floor(Floor),
    /// A clause that forbids.
    Clause(ClauseRef),
    /// A clause that cannot be evaluated.
    Error(ClauseRef),
}

/// Some of the 2,304 classes of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Classes {
    /// How many.
    pub count: u64,
    /// Which: all that meet one of these lists. The lists do not overlap.
    pub regions: Vec<Vec<Constraint>>,
}

impl Rulebook {
    /// Which classes of records take part in a slice, and what keeps the others out.
    ///
    /// # Errors
    ///
    /// [`SpaceError`] if the classes cannot be grouped within bounds, which no rules bring about.
    pub fn explain_slice(&self, context: &SearchContext) -> Result<SliceReport, SpaceError> {
        let mut space = Space::of_classes(context);
        let mut diagrams = space.diagrams();
        let (mut permitted, mut keepers) = (Diagram::Leaf(Outcome::NothingPermits as u16), Vec::new());
        for floor in Floor::ALL {
            keepers.push((Keeper::Floor(*floor), Outcome::Forbidden, space.floor(&mut diagrams, *floor)?));
        }
        for clause in self.parts() {
            let applies = space.clause(&mut diagrams, clause)?;
            if clause.permits() {
                permitted = space.join(&mut diagrams, permitted, applies, &clause.name.id, |a, b| {
                    if b == Outcome::Permitted as u16 { b } else { a }
                })?;
            } else {
                keepers.push((Keeper::Clause(clause.name.clone()), Outcome::Forbidden, applies));
            }
            keepers.push((Keeper::Error(clause.name.clone()), Outcome::Error, applies));
        }
        let mut kept_out = Vec::new();
        for (by, outcome, keeper) in keepers {
            let classes =
                space.join(&mut diagrams, permitted, keeper, "the slice", |permitted, keeper| {
                    u16::from(permitted == Outcome::Permitted as u16 && keeper == outcome as u16)
                })?;
            let classes = Classes::of(&space, &diagrams, classes);
            if classes.count > 0 {
                kept_out.push(KeptOut { by, classes });
            }
        }
        let all = space.outcome(&mut diagrams, self)?;
        let none = Diagram::Leaf(0);
        let takes_part = space.join(&mut diagrams, all, none, "the slice", |outcome, _| {
            u16::from(outcome == Outcome::Permitted as u16)
        })?;
        let unpermitted = space
            .join(&mut diagrams, permitted, none, "the slice", |permitted, _| u16::from(permitted == 0))?;
        Ok(SliceReport {
            context: context.clone(),
            takes_part: Classes::of(&space, &diagrams, takes_part),
            unpermitted: Classes::of(&space, &diagrams, unpermitted),
            kept_out,
        })
    }
}

impl Classes {
    /// The classes for which a diagram over all classes is 1.
    fn of(space: &Space, diagrams: &Diagrams, diagram: Diagram) -> Self {
        let (regions, _) = diagrams.regions(diagram, CLASSES);
        let regions = regions.into_iter().map(|(_, region)| space.describe(&region)).collect();
        Self { count: diagrams.count(diagram, 1), regions }
    }
}

impl fmt::Display for SliceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SearchContext { asker, holder, register, purpose, exchange } = &self.context;
        writeln!(f, "{asker} searches {holder}/{register} for {purpose}, exchange: {}", exchange.as_str())?;
        write!(f, "{} of {CLASSES} classes of records take part{}", self.takes_part.count, self.takes_part)?;
        write!(f, "{} are permitted by no clause{}", self.unpermitted.count, self.unpermitted)?;
        for kept in &self.kept_out {
            let (count, classes) = (kept.classes.count, &kept.classes);
            match &kept.by {
                Keeper::Floor(floor) => write!(f, "{count} are kept out by a floor: {floor}{classes}")?,
                Keeper::Clause(clause) => write!(f, "{count} are kept out by {clause}{classes}")?,
                Keeper::Error(clause) => write!(f, "{count} are kept out by an error in {clause}{classes}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for region in &self.regions {
            let which = if region.is_empty() { "all".to_owned() } else { line(region) };
            write!(f, "\n    {which}")?;
        }
        f.write_str("\n")
    }
}

#[cfg(test)]
mod tests;
