//! Claims in one journal: every step is taken again, and must have been allowed.

use std::collections::BTreeMap;

use symbolon_policy::{
    agreement::ClaimTerms,
    case::{Case, Found, Step},
    claim::{Claim, MOST_APPROVALS, Outcome, SignedRelease, Told},
    officer::{ActKind, SignedAct},
    signing::{Document as _, PublicKey},
    words::{ClaimId, Digest, Timestamp},
};

use crate::journal::Side;

/// Where a journal says something.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) seq: u64,
    pub(super) time: Timestamp,
}

/// Claims as the journal tells of them so far, each the asker's own word.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<(Side, ClaimId), Known>);

pub(super) struct Known {
    pub(super) case: Case,
    /// Where it was made, or came.
    pub(super) place: Place,
    /// What the holder signed that it found, at the asker.
    pub(super) outcome: Option<(Vec<Told>, Place)>,
    /// Releases with signatures that stand; whether both signed.
    pub(super) releases: BTreeMap<Digest, (bool, Place)>,
    /// Numbers of the releases, and whether both signed.
    released: BTreeMap<u32, bool>,
    /// The keys that approved: a person with two names is one person.
    keys: Vec<PublicKey>,
}

/// A claim, and what its entry says of it.
pub(super) struct Made<'a> {
    pub(super) claim: &'a Claim,
    pub(super) found: &'a [Found],
    pub(super) at: Timestamp,
}

impl Claims {
    /// Takes a claim; says what is wrong with it.
    pub(super) fn claimed(
        &mut self,
        side: Side,
        made: Made<'_>,
        terms: Option<&ClaimTerms>,
        place: Place,
    ) -> Result<(), String> {
        let Made { claim, found, at } = made;
        let terms = terms.ok_or("the agreement has no terms for claims")?;
        let case = Case::begin(claim.clone(), found.to_vec(), terms, at);
        let (outcome, releases, released) = (None, BTreeMap::new(), BTreeMap::new());
        let mut known = Known { case, place, outcome, releases, released, keys: Vec::new() };
        let key = (side, claim.claim);
        let Some(before) = self.0.remove(&key) else {
            self.0.insert(key, known);
            return Ok(());
        };
        // The asker may make the same claim again; then it takes all releases again.
        let again = side == Side::Asker && before.case.claim == *claim;
        if again {
            (known.outcome, known.releases) = (before.outcome, before.releases);
        }
        self.0.insert(key, known);
        if again { Ok(()) } else { Err("it was made twice".to_owned()) }
    }

    /// Takes what the holder signed that a claim found.
    pub(super) fn answered(&mut self, id: &ClaimId, outcome: &Outcome, place: Place) {
        if let Some(known) = self.0.get_mut(&(Side::Asker, *id)) {
            known.outcome = Some((outcome.found.clone(), place));
        }
    }

    /// Keeps a release whose signatures stand.
    pub(super) fn keep(&mut self, side: Side, signed: &SignedRelease, place: Place) {
        let known = self.0.get_mut(&(side, signed.release.claim));
        if let Some((known, digest)) = known.zip(signed.release.digest().ok()) {
            let both = signed.asker.is_some();
            let kept = known.releases.entry(digest).or_insert((both, place));
            if both && !kept.0 {
                *kept = (both, place);
            }
        }
    }

    /// Takes a step again. Whether the officer's word stands was checked.
    pub(super) fn step(
        &mut self,
        id: &ClaimId,
        step: &Step,
        act: Option<(&SignedAct, PublicKey)>,
        at: Timestamp,
    ) -> Result<(), String> {
        let known = self.0.get_mut(&(Side::Holder, *id)).ok_or("a step in no known case")?;
        let claim = known.case.claim.digest().map_err(|e| e.to_string())?;
        let signed = act.map(|(act, _)| (&act.act.officer, &act.act.act));
        let fits = match (step, signed) {
            (Step::Expire, None) => true,
            (Step::Approve { officer }, Some((by, ActKind::Approve { claim: of })))
            | (Step::Stop { officer }, Some((by, ActKind::StopClock { claim: of, .. })))
            | (Step::Resume { officer }, Some((by, ActKind::ResumeClock { claim: of }))) => {
                officer == by && *of == claim
            }
            (Step::Refuse { officer, reason }, Some((by, ActKind::Refuse { claim: of, reason: why }))) => {
                officer == by && reason == why && *of == claim
            }
            _ => false,
        };
        if !fits {
            return Err("no officer signed for the step".to_owned());
        }
        known.case.step(step, at).map_err(|error| format!("a step that could not be taken: {error}"))?;
        if let (Step::Approve { .. }, Some((_, key))) = (step, act) {
            if known.keys.contains(&key) {
                return Err("one key approved it under two names".to_owned());
            }
            known.keys.push(key);
        }
        Ok(())
    }

    /// Takes a release; says what is wrong with it.
    pub(super) fn released(&mut self, side: Side, signed: &SignedRelease) -> Result<(), String> {
        let release = &signed.release;
        let known = self.0.get_mut(&(side, release.claim)).ok_or("a release without a claim")?;
        let before = known.released.insert(release.number, signed.asker.is_some());
        if side == Side::Asker {
            return if before.is_none() { Ok(()) } else { Err("it was taken twice".to_owned()) };
        }
        match (before, signed.asker) {
            (None, None) => {}
            (Some(false), Some(_)) => return Ok(()),
            _ => return Err("it was made twice, or countersigned before it was made".to_owned()),
        }
        // What may come out with the approvals there are, in the order in which it may.
        let stages = (0..=known.case.approvals().min(MOST_APPROVALS)).map(|n| (n, known.case.released_at(n)));
        let mut stages = stages.filter(|(_, fields)| !fields.is_empty());
        let number = usize::try_from(release.number).unwrap_or(usize::MAX);
        let (approvals, due) = stages.nth(number).ok_or("more than was approved")?;
        let approved = known.case.approved_by.iter().take(approvals.into());
        if !release.approved_by.iter().eq(approved) {
            return Err("it names other persons than approved".to_owned());
        }
        let within = release.fields.iter().all(|(reference, fields)| {
            due.iter()
                .any(|(known, allowed)| known == reference && fields.iter().all(|f| allowed.contains(f)))
        });
        if within { Ok(()) } else { Err("it has fields that were not approved".to_owned()) }
    }

    /// The claim with this id, as this agency made it or as it came.
    pub(super) fn claim(&self, side: Side, id: &ClaimId) -> Option<&Claim> {
        self.get(side, id).map(|known| &known.case.claim)
    }

    /// What is known of a claim.
    pub(super) fn get(&self, side: Side, id: &ClaimId) -> Option<&Known> {
        self.0.get(&(side, *id))
    }

    /// All claims of one side.
    pub(super) fn on(&self, side: Side) -> impl Iterator<Item = (&ClaimId, &Known)> {
        self.0.iter().filter(move |((on, _), _)| *on == side).map(|((_, id), known)| (id, known))
    }
}
