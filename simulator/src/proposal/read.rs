//! Reads the proposals of a scenario, and tells everything that is wrong with them.

use std::collections::BTreeSet;

use crate::{
    scenario::{Fault, Scenario, ScenarioError},
    search,
    shelf::Shelf,
};

use super::{Entry, Files, Proposal, ProposalError, ordered};

/// What is wrong with one proposal.
struct Reading<'a> {
    scenario: &'a Scenario,
    entry: &'a Entry,
    place: usize,
    found: Vec<Fault>,
}

impl Reading<'_> {
    /// What is there, or a fault in the line of a key.
    fn note<T>(&mut self, key: &str, result: Result<T, ProposalError>) -> Option<T> {
        result.map_err(|error| self.add(key, error)).ok()
    }

    fn add(&mut self, key: &str, error: ProposalError) {
        let id = &self.entry.id;
        let (line, what) = match error {
            ProposalError::Lacks { line, what } => (line, what),
            ProposalError::Rules { .. } | ProposalError::Value { .. } | ProposalError::Word(_) => {
                (self.line(key), format!("in the proposal {id}: {error}"))
            }
            _ => (self.line(key), error.to_string()),
        };
        self.found.push(Fault { line, path: String::new(), what });
    }

    fn line(&self, key: &str) -> usize {
        self.scenario.line(&format!("proposal[{}].{key}", self.place))
    }
}

impl Proposal {
    /// Reads every proposal of a scenario, and looks whether its search can turn what it names.
    ///
    /// # Errors
    /// [`ScenarioError`] with every fault found. What extends a proposal without some of its agreements is not looked
    /// at, since most of its faults would follow from those.
    pub fn all(scenario: &Scenario, files: &dyn Files) -> Result<Vec<Self>, ScenarioError> {
        let mut read: Vec<Self> = Vec::new();
        let mut lost: BTreeSet<&str> = BTreeSet::new();
        let mut faults = Vec::new();
        let shelf = Shelf::default();
        for (place, entry) in scenario.proposal.iter().enumerate() {
            let base = entry.extends.as_deref();
            if base.is_some_and(|id| lost.contains(id)) {
                lost.insert(&entry.id);
                continue;
            }
            let base = base.and_then(|id| read.iter().find(|earlier| earlier.id == id));
            let mut reading = Reading { scenario, entry, place, found: Vec::new() };
            match Self::read(&mut reading, base, files, &shelf) {
                Some(proposal) => read.push(proposal),
                None => _ = lost.insert(&entry.id),
            }
            faults.append(&mut reading.found);
        }
        if faults.is_empty() {
            faults = search::faults(scenario, &read);
        }
        faults.sort_by_key(|fault| fault.line);
        if faults.is_empty() { Ok(read) } else { Err(ScenarioError(faults)) }
    }

    /// Reads one proposal, which begins with `base`; nothing if it has not all of its agreements.
    fn read(
        reading: &mut Reading<'_>,
        base: Option<&Self>,
        files: &dyn Files,
        shelf: &Shelf,
    ) -> Option<Self> {
        let (entry, scenario) = (reading.entry, reading.scenario);
        let mut proposal = Self {
            id: entry.id.clone(),
            title: if entry.title.is_empty() { entry.id.clone() } else { entry.title.clone() },
            about: entry.about.clone(),
            deals: base.map(|base| base.deals.clone()).unwrap_or_default(),
            national: base.map(|base| base.national.clone()).unwrap_or_default(),
            canary_share: entry.canary_share.or(base.map(|base| base.canary_share)).unwrap_or(0.0),
            shelf: shelf.clone(),
        };
        for (at, agreement) in entry.agreement.iter().enumerate() {
            let taken = proposal.take(agreement, scenario, files);
            reading.note(&format!("agreement[{at}].file"), taken);
        }
        let whole = reading.found.is_empty();
        for (at, pair) in entry.without.iter().enumerate() {
            let gone = proposal.deals.remove(&ordered(pair.clone()));
            if whole && gone.is_none() {
                let [a, b] = pair;
                let what = format!("agreement of {a} and {b} that `without` could take away");
                reading.add(
                    &format!("without[{at}]"),
                    ProposalError::Missing { proposal: entry.id.clone(), what },
                );
            }
        }
        for (code, file) in &entry.national {
            let made = proposal.open(files, file).and_then(|text| proposal.with_national(code, &text, file));
            proposal = reading.note(&format!("national.{code}"), made).unwrap_or(proposal);
        }
        if !whole {
            return None;
        }
        for (at, id) in entry.drop_clauses.iter().enumerate() {
            let made = proposal.without_clause(id);
            proposal = reading.note(&format!("drop_clauses[{at}]"), made).unwrap_or(proposal);
        }
        for (at, id) in entry.add_clauses.iter().enumerate() {
            let made = proposal.with_ready_clause(id);
            proposal = reading.note(&format!("add_clauses[{at}]"), made).unwrap_or(proposal);
        }
        for (at, file) in entry.add_rules.iter().enumerate() {
            let made = proposal.open(files, file).and_then(|text| proposal.with_rules(&text, file));
            proposal = reading.note(&format!("add_rules[{at}]"), made).unwrap_or(proposal);
        }
        for (path, value) in &entry.set {
            let made = proposal.set(path, value);
            proposal = reading.note(&format!("set.{path}"), made).unwrap_or(proposal);
        }
        proposal.stand(reading);
        Some(proposal)
    }

    /// Looks whether every agreement stands and is between parties of the scenario.
    fn stand(&self, reading: &mut Reading<'_>) {
        let scenario = reading.scenario;
        let unknown = |code: &&_| !scenario.party.contains_key(*code);
        let codes: BTreeSet<_> = self.deals.keys().flatten().filter(unknown).collect();
        for (key, codes) in
            [("agreement", codes), ("national", self.national.keys().filter(unknown).collect())]
        {
            for code in codes {
                let (proposal, code) = (self.id.clone(), code.clone());
                reading.add(key, ProposalError::Party { proposal, code });
            }
        }
        for (pair, terms) in &self.deals {
            reading.note("agreement", self.check(pair, terms));
            reading.note("agreement", self.has_forms(scenario, pair, terms));
        }
    }
}
