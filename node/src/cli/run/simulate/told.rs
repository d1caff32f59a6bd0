//! What a run says to machines.

use serde::Serialize;
use symbolon_simulator::{compare::Compared, exact::Checked, outcome::Outcome, search::Found};

use super::counter;

/// The outcome, and what was made of it. Without a comparison or a search it is the outcome alone.
#[derive(Serialize)]
pub(super) struct Told {
    #[serde(flatten)]
    pub(super) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Compared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) search: Option<Counters>,
    /// The real exchanges beside the model, if they were run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) self_check: Vec<Checked>,
}

/// What a search found.
#[derive(Serialize)]
pub(super) struct Counters {
    /// Candidates that were tried.
    tried: usize,
    /// Candidates whose terms do not stand.
    impossible: usize,
    /// Candidates that cross a red line, which were not tried.
    crossing: usize,
    /// Of those tried, how many nothing is ahead of.
    front: usize,
    /// Those that are shown.
    counter_proposals: Vec<Counter>,
}

#[derive(Serialize)]
struct Counter {
    id: String,
    title: String,
    about: String,
    red_lines: Vec<RedLine>,
}

#[derive(Serialize)]
struct RedLine {
    red_line: String,
    /// `proved by ...`, `not proved: ...`, or where it is crossed.
    found: String,
}

impl Counters {
    pub(super) fn new(found: &Found, checked: Vec<counter::Checked>) -> Self {
        let counter = |of: counter::Checked| Counter {
            id: of.proposal.id,
            title: of.proposal.title,
            about: of.proposal.about,
            red_lines: of
                .proofs
                .iter()
                .map(|(line, found)| RedLine { red_line: line.to_string(), found: found.to_string() })
                .collect(),
        };
        Self {
            tried: found.tried.len(),
            impossible: found.impossible,
            crossing: found.crossing,
            front: found.tried.iter().filter(|tried| tried.front).count(),
            counter_proposals: checked.into_iter().map(counter).collect(),
        }
    }
}
