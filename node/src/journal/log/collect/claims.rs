//! Entries about claims: each is taken step by step, as the case itself went.

use std::collections::BTreeSet;

use symbolon_policy::{
    case::{Case, Step},
    claim::{Claim, SignedRelease},
    officer::{ActKind, SignedAct},
    words::ClaimId,
};

use super::Collector;
use crate::journal::{
    Entry, Event, Side,
    log::{ClaimLine, DecisionLine, FaultLine, RefusalLine, Refused, ReleaseLine},
};

impl Collector {
    /// An entry about a claim.
    pub(super) fn claim(&mut self, entry: &Entry) {
        let (seq, inside) = (entry.seq, self.period.contains(entry.time));
        match &entry.event {
            Event::Claimed { side, claim, found, at, .. } => {
                let terms = self.terms.get(&claim.agreement).cloned().flatten();
                let holder = *side == Side::Holder;
                let case = terms.filter(|_| holder);
                let case = case.map(|terms| Case::begin(claim.clone(), found.clone(), &terms, *at));
                let again = self.claims.contains_key(&(*side, claim.claim));
                let end = case.as_ref().and_then(|case| case.end.clone());
                let line = (inside && !again).then(|| {
                    let found = holder.then_some(found.len() as u64);
                    self.log.claims.push(ClaimLine { found, end, ..line_of(entry, *side, claim) });
                    self.log.claims.len().saturating_sub(1)
                });
                self.claims.entry((*side, claim.claim)).or_insert((line, case));
            }
            Event::ClaimAnswered { claim, outcome, .. } => {
                if let Some((line, _)) = self.known(Side::Asker, claim) {
                    line.into_iter().for_each(|line| line.found = Some(outcome.found.len() as u64));
                }
            }
            Event::ClaimEnded { claim, ended, .. } => {
                if let Some((Some(line), _)) = self.known(Side::Asker, claim) {
                    line.end = Some(ended.end.clone());
                }
            }
            Event::CaseStep { claim, step, act, at } => {
                let Some((line, case)) = self.known(Side::Holder, claim) else { return };
                if let Some(case) = case {
                    // A step that could not be taken was not recorded.
                    let _ = case.step(step, *at);
                    if let Some(line) = line {
                        line.end = case.end.clone();
                        let (step, reason) = (step.clone(), act.as_ref().and_then(stopped_for));
                        line.decisions.push(DecisionLine { seq, at: *at, step, reason });
                    }
                    let of = case.claim.clone();
                    if let (Step::Refuse { officer, reason }, true) = (step, inside) {
                        let line = fields_refused(entry, &of, Some(reason));
                        self.log.refusals.push(RefusalLine { officer: officer.clone(), ..line });
                    }
                }
            }
            Event::Released { side, release, .. } => {
                if let Some((Some(line), _)) = self.known(*side, &release.release.claim) {
                    let made = released(seq, release);
                    match line.releases.iter_mut().find(|known| known.number == made.number) {
                        Some(known) => known.countersigned |= made.countersigned,
                        None => line.releases.push(made),
                    }
                }
            }
            Event::ClaimRefused { side, claim, code, .. } if inside => {
                let line = fields_refused(entry, claim, None);
                let partner = if *side == Side::Holder { &claim.asker } else { &claim.holder };
                let (refused, side) = (Refused::Claim, Some(*side));
                let (code, partner) = (Some(*code), Some(partner.clone()));
                self.log.refusals.push(RefusalLine { refused, side, code, partner, ..line });
            }
            Event::ClaimFailed { side, claim, partner_at_fault: true, reason, .. } if inside => {
                let partner = if *side == Side::Holder { &claim.asker } else { &claim.holder };
                self.log.faults.push(FaultLine {
                    seq,
                    at: entry.time,
                    partner: Some(partner.clone()),
                    query: Some(claim.query),
                    claim: Some(claim.claim),
                    what: reason.clone(),
                });
            }
            _ => {}
        }
    }

    #[allow(clippy::type_complexity, reason = "two halves of one entry, borrowed apart")]
    fn known(&mut self, side: Side, id: &ClaimId) -> Option<(Option<&mut ClaimLine>, Option<&mut Case>)> {
        let (line, case) = self.claims.get_mut(&(side, *id))?;
        Some((line.and_then(|at| self.log.claims.get_mut(at)), case.as_mut()))
    }
}

/// Why an officer stopped the clock: the step itself does not say.
fn stopped_for(signed: &SignedAct) -> Option<String> {
    match &signed.act.act {
        ActKind::StopClock { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

/// A refusal by the holder's officer, or of the claim as a whole.
fn fields_refused(entry: &Entry, claim: &Claim, reason: Option<&String>) -> RefusalLine {
    RefusalLine {
        seq: entry.seq,
        at: entry.time,
        refused: Refused::Fields,
        side: Some(Side::Holder),
        partner: Some(claim.asker.clone()),
        register: None,
        purpose: None,
        officer: claim.officer.clone(),
        query: Some(claim.query),
        claim: Some(claim.claim),
        code: None,
        reason: reason.cloned(),
        clauses: Vec::new(),
    }
}

fn line_of(entry: &Entry, side: Side, claim: &Claim) -> ClaimLine {
    ClaimLine {
        seq: entry.seq,
        at: entry.time,
        side,
        claim: claim.claim,
        query: claim.query,
        asker: claim.asker.clone(),
        holder: claim.holder.clone(),
        basis: claim.basis,
        officer: claim.officer.clone(),
        verified_by: claim.verified_by.clone(),
        verified_at: claim.verified_at,
        items: claim.items.len() as u64,
        fields: claim.fields.clone(),
        found: None,
        decisions: Vec::new(),
        releases: Vec::new(),
        end: None,
    }
}

fn released(seq: u64, signed: &SignedRelease) -> ReleaseLine {
    let release = &signed.release;
    let fields: BTreeSet<_> = release.fields.iter().flat_map(|(_, fields)| fields.iter().copied()).collect();
    ReleaseLine {
        seq,
        at: release.at,
        number: release.number,
        records: release.fields.len() as u64,
        fields: fields.into_iter().collect(),
        approved_by: release.approved_by.clone(),
        countersigned: signed.asker.is_some(),
    }
}
