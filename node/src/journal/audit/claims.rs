//! Claims in one journal: every step is taken again, and must have been allowed.

use std::collections::BTreeMap;

use symbolon_policy::{
    agreement::ClaimTerms,
    case::{Case, Found, Step},
    claim::{Claim, MOST_APPROVALS, SignedRelease},
    officer::{ActKind, SignedAct},
    signing::Document as _,
    words::{ClaimId, Timestamp},
};

use crate::journal::Side;

/// Claims as the journal tells of them so far.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<(bool, ClaimId), Known>);

struct Known {
    case: Case,
    /// Numbers of the releases, and whether both signed.
    released: BTreeMap<u32, bool>,
}

impl Claims {
    /// Takes a claim; says what is wrong with it.
    pub(super) fn claimed(
        &mut self,
        side: Side,
        claim: &Claim,
        found: &[Found],
        terms: Option<&ClaimTerms>,
        at: Timestamp,
    ) -> Result<(), String> {
        let terms = terms.ok_or("the agreement has no terms for claims")?;
        let case = Case::begin(claim.clone(), found.to_vec(), terms, at);
        let known = Known { case, released: BTreeMap::new() };
        match self.0.insert((side == Side::Holder, claim.claim), known) {
            None => Ok(()),
            // The asker may make the same claim again.
            Some(before) if side == Side::Asker && before.case.claim == *claim => Ok(()),
            Some(_) => Err("it was made twice".to_owned()),
        }
    }

    /// Takes a step again. Whether the officer's word stands was checked.
    pub(super) fn step(
        &mut self,
        id: &ClaimId,
        step: &Step,
        act: Option<&SignedAct>,
        at: Timestamp,
    ) -> Result<(), String> {
        let known = self.0.get_mut(&(true, *id)).ok_or("a step in no known case")?;
        let claim = known.case.claim.digest().map_err(|e| e.to_string())?;
        let signed = act.map(|act| (&act.act.officer, &act.act.act));
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
        known.case.step(step, at).map_err(|error| format!("a step that could not be taken: {error}"))
    }

    /// Takes a release; says what is wrong with it.
    pub(super) fn released(&mut self, side: Side, signed: &SignedRelease) -> Result<(), String> {
        let release = &signed.release;
        let known =
            self.0.get_mut(&(side == Side::Holder, release.claim)).ok_or("a release without a claim")?;
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
        self.0.get(&(side == Side::Holder, *id)).map(|known| &known.case.claim)
    }
}
