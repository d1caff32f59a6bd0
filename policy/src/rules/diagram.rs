//! Functions over a product of small sets, as shared decision diagrams.
//!
//! A rulebook is a function from requests to outcomes. The space of requests is a product of
//! dimensions (purposes, legal bases, batch sizes and so on) and far too large to walk, but each
//! condition looks at a few dimensions only. A diagram branches on one dimension after the other
//! and holds equal parts once, so functions are joined without walking the space, two functions are
//! equal exactly if their diagrams are, and the paths of a diagram are readable regions.
//!
//! Source: Bryant, Graph-Based Algorithms for Boolean Function Manipulation, IEEE TC 1986;
//! Srinivasan et al., Algorithms for Discrete Function Manipulation, ICCAD 1990 (many-valued).

#![deny(clippy::arithmetic_side_effects)]

use std::collections::HashMap;

/// A function: constant, or a branch on one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Diagram {
    /// The same outcome everywhere.
    Leaf(u16),
    /// The place of a branch in its [`Diagrams`].
    Branch(usize),
}

/// The diagrams over one space, which share their parts.
pub(super) struct Diagrams {
    /// Values of each dimension.
    sizes: Vec<usize>,
    branches: Vec<Branch>,
    known: HashMap<Branch, usize>,
    /// Edges of all branches, which is what memory goes by.
    edges: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Branch {
    dimension: usize,
    /// One for each value; dimensions grow along every path.
    below: Vec<Diagram>,
}

/// Part of a space: for some dimensions the values it is confined to, in ascending order.
pub(super) type Region = Vec<(usize, Vec<usize>)>;

/// A diagram grew beyond [`Diagrams::MOST_EDGES`].
#[derive(Debug)]
pub(super) struct TooLarge;

impl Diagrams {
    /// About 200 MB.
    const MOST_EDGES: usize = 5_000_000;

    /// Over dimensions of these sizes, none of which is 0.
    pub(super) fn new(sizes: Vec<usize>) -> Self {
        Self { sizes, branches: Vec::new(), known: HashMap::new(), edges: 0 }
    }

    /// The function of `dimensions`, in ascending order, with these outcomes; the last varies fastest.
    /// Outcomes that are missing are 0.
    pub(super) fn table(&mut self, dimensions: &[usize], outcomes: &[u16]) -> Result<Diagram, TooLarge> {
        let Some((dimension, rest)) = dimensions.split_first() else {
            return Ok(Diagram::Leaf(outcomes.first().copied().unwrap_or_default()));
        };
        let size = self.size(*dimension);
        let step = outcomes.len().checked_div(size).unwrap_or_default().max(1);
        let mut below =
            outcomes.chunks(step).map(|part| self.table(rest, part)).collect::<Result<Vec<_>, _>>()?;
        below.resize(size, Diagram::Leaf(0));
        self.branch(*dimension, below)
    }

    /// `join` of two functions, point by point.
    pub(super) fn apply(
        &mut self,
        a: Diagram,
        b: Diagram,
        join: impl Fn(u16, u16) -> u16,
    ) -> Result<Diagram, TooLarge> {
        self.applied(a, b, &join, &mut HashMap::new())
    }

    fn applied(
        &mut self,
        a: Diagram,
        b: Diagram,
        join: &impl Fn(u16, u16) -> u16,
        done: &mut HashMap<(Diagram, Diagram), Diagram>,
    ) -> Result<Diagram, TooLarge> {
        if let (Diagram::Leaf(a), Diagram::Leaf(b)) = (a, b) {
            return Ok(Diagram::Leaf(join(a, b)));
        }
        if let Some(result) = done.get(&(a, b)) {
            return Ok(*result);
        }
        let dimension = self.dimension(a).min(self.dimension(b));
        let below = (0..self.size(dimension))
            .map(|value| {
                self.applied(self.below(a, dimension, value), self.below(b, dimension, value), join, done)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let result = self.branch(dimension, below)?;
        done.insert((a, b), result);
        Ok(result)
    }

    /// How many points have this outcome; `u64::MAX` if more than that.
    pub(super) fn count(&self, diagram: Diagram, outcome: u16) -> u64 {
        self.counted(diagram, 0, outcome, &mut HashMap::new())
    }

    fn counted(&self, diagram: Diagram, from: usize, outcome: u16, done: &mut HashMap<usize, u64>) -> u64 {
        let dimension = self.dimension(diagram).min(self.sizes.len());
        let between = self.sizes.get(from..dimension).unwrap_or_default();
        let between = between.iter().fold(1_u64, |points, size| points.saturating_mul(*size as u64));
        let here = match diagram {
            Diagram::Leaf(leaf) => u64::from(leaf == outcome),
            Diagram::Branch(place) => match done.get(&place) {
                Some(points) => *points,
                None => {
                    let next = dimension.saturating_add(1);
                    let below = self.branches.get(place).map_or(&[][..], |branch| &branch.below);
                    let points = below.iter().fold(0_u64, |points, part| {
                        points.saturating_add(self.counted(*part, next, outcome, done))
                    });
                    done.insert(place, points);
                    points
                }
            },
        };
        between.saturating_mul(here)
    }

    /// The regions in which the outcome is not 0, at most `most`, and how many more there are.
    /// They do not overlap and together hold all such points.
    pub(super) fn regions(&self, diagram: Diagram, most: usize) -> (Vec<(u16, Region)>, u64) {
        let mut found = Vec::new();
        self.walk(diagram, &mut Vec::new(), most, &mut found);
        let all = self.paths(diagram, &mut HashMap::new());
        let more = all.saturating_sub(found.len() as u64);
        (found, more)
    }

    fn walk(&self, diagram: Diagram, path: &mut Region, most: usize, found: &mut Vec<(u16, Region)>) {
        if found.len() >= most {
            return;
        }
        match diagram {
            Diagram::Leaf(0) => {}
            Diagram::Leaf(outcome) => found.push((outcome, path.clone())),
            Diagram::Branch(_) => {
                for (part, values) in self.parts(diagram) {
                    path.push((self.dimension(diagram), values));
                    self.walk(part, path, most, found);
                    path.pop();
                }
            }
        }
    }

    fn paths(&self, diagram: Diagram, done: &mut HashMap<Diagram, u64>) -> u64 {
        match diagram {
            Diagram::Leaf(outcome) => u64::from(outcome != 0),
            Diagram::Branch(_) => match done.get(&diagram) {
                Some(paths) => *paths,
                None => {
                    let parts = self.parts(diagram);
                    let paths =
                        parts.iter().fold(0_u64, |n, (part, _)| n.saturating_add(self.paths(*part, done)));
                    done.insert(diagram, paths);
                    paths
                }
            },
        }
    }

    /// The different parts below a branch, each with the values that lead there, in their order.
    fn parts(&self, diagram: Diagram) -> Vec<(Diagram, Vec<usize>)> {
        let Diagram::Branch(place) = diagram else { return Vec::new() };
        let mut parts: Vec<(Diagram, Vec<usize>)> = Vec::new();
        let mut places = HashMap::new();
        for (value, part) in
            self.branches.get(place).iter().flat_map(|branch| branch.below.iter().enumerate())
        {
            let at = *places.entry(*part).or_insert(parts.len());
            match parts.get_mut(at) {
                Some((_, values)) => values.push(value),
                None => parts.push((*part, vec![value])),
            }
        }
        parts
    }

    fn branch(&mut self, dimension: usize, below: Vec<Diagram>) -> Result<Diagram, TooLarge> {
        if let Some(first) = below.first().filter(|first| below.iter().all(|part| part == *first)) {
            return Ok(*first);
        }
        let branch = Branch { dimension, below };
        if let Some(place) = self.known.get(&branch) {
            return Ok(Diagram::Branch(*place));
        }
        self.edges = self.edges.saturating_add(branch.below.len());
        if self.edges > Self::MOST_EDGES {
            return Err(TooLarge);
        }
        let place = self.branches.len();
        self.branches.push(branch.clone());
        self.known.insert(branch, place);
        Ok(Diagram::Branch(place))
    }

    fn size(&self, dimension: usize) -> usize {
        self.sizes.get(dimension).copied().unwrap_or(1)
    }

    /// The dimension a diagram branches on; beyond all for a leaf.
    fn dimension(&self, diagram: Diagram) -> usize {
        match diagram {
            Diagram::Leaf(_) => usize::MAX,
            Diagram::Branch(place) => self.branches.get(place).map_or(usize::MAX, |branch| branch.dimension),
        }
    }

    /// The part of `diagram` where `dimension`, which is not after its own, has this value.
    fn below(&self, diagram: Diagram, dimension: usize, value: usize) -> Diagram {
        match diagram {
            Diagram::Branch(place) => self
                .branches
                .get(place)
                .filter(|branch| branch.dimension == dimension)
                .and_then(|branch| branch.below.get(value))
                .copied()
                .unwrap_or(diagram),
            Diagram::Leaf(_) => diagram,
        }
    }
}

#[cfg(test)]
mod tests;
