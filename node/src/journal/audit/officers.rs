//! Officers in one journal: who was enrolled, and what was signed for.

use std::collections::{BTreeMap, HashMap, HashSet};

use symbolon_policy::{
    ask::Ask,
    officer::{ActKind, Intent, Officer, SignedAct},
    signing::{Document as _, PublicKey},
    words::{Digest, OfficerId, Role, Timestamp},
};

use super::history::DELAY;
use crate::{state::Meant, verification};

/// Officers as the journal tells of them so far.
#[derive(Default)]
pub(super) struct Officers {
    /// Whether one was ever enrolled.
    begun: bool,
    enrolled: BTreeMap<OfficerId, Officer>,
    acts: HashMap<OfficerId, BTreeMap<Digest, Meant>>,
    /// Other acts but claims, which may be made again in the same words.
    used: HashSet<Digest>,
}

impl Officers {
    pub(super) fn enrolled(&mut self, officer: &Officer) {
        self.begun = true;
        self.enrolled.insert(officer.id.clone(), officer.clone());
    }

    pub(super) fn removed(&mut self, officer: &OfficerId) {
        self.enrolled.remove(officer);
    }

    /// Takes an act; says what is wrong with it. The entry may be written a little after the decision.
    pub(super) fn asked(&mut self, act: &SignedAct, intent: &Intent, time: Timestamp) -> Result<(), String> {
        let officer = self.enrolled.get(&act.act.officer).ok_or("the officer was not enrolled")?;
        let earlier = time.plus(DELAY.saturating_neg());
        act.verify(officer, time).or_else(|_| act.verify(officer, earlier)).map_err(|e| e.to_string())?;
        let digest = intent.digest().map_err(|e| e.to_string())?;
        if act.act.act != (ActKind::Ask { digest }) {
            return Err("it is over another request".to_owned());
        }
        let (digest, at) = (act.act.digest().map_err(|e| e.to_string())?, act.act.at);
        let acts = self.acts.entry(officer.id.clone()).or_default();
        if acts.insert(digest, Meant { at, intent: intent.clone() }).is_some() {
            return Err("it was used twice".to_owned());
        }
        Ok(())
    }

    /// The key of an officer, as enrolled now.
    pub(super) fn key(&self, officer: &OfficerId) -> Option<PublicKey> {
        self.enrolled.get(officer).map(|officer| officer.key)
    }

    /// Checks any other act.
    pub(super) fn acted(&mut self, act: &SignedAct, time: Timestamp) -> Result<(), String> {
        let officer = self.enrolled.get(&act.act.officer).ok_or("the officer was not enrolled")?;
        let earlier = time.plus(DELAY.saturating_neg());
        act.verify(officer, time).or_else(|_| act.verify(officer, earlier)).map_err(|e| e.to_string())?;
        let digest = act.act.digest().map_err(|e| e.to_string())?;
        let again = !matches!(act.act.act, ActKind::Claim { .. }) && !self.used.insert(digest);
        if again { Err("it was used twice".to_owned()) } else { Ok(()) }
    }

    /// Whether an officer's word on a hit counts.
    pub(super) fn verifies(&self, act: &SignedAct, time: Timestamp) -> bool {
        let earlier = time.plus(DELAY.saturating_neg());
        let officer = self.enrolled.get(&act.act.officer);
        officer.is_some_and(|officer| {
            verification::counts(act, officer, time) || verification::counts(act, officer, earlier)
        })
    }

    /// Whether a query of this agency was signed for by an enrolled officer, if it had to be.
    pub(super) fn stand_for(&self, ask: &Ask, time: Timestamp) -> bool {
        let officer = self.enrolled.get(&ask.officer);
        let earlier = time.plus(DELAY.saturating_neg());
        let asks = officer.is_some_and(|o| o.holds(Role::Asks, time) || o.holds(Role::Asks, earlier));
        let acts = || self.acts.get(&ask.officer).into_iter().flat_map(BTreeMap::values);
        !self.begun || (asks && acts().any(|meant| meant.covers(ask)))
    }
}
