//! Claims in one journal: every step is taken again, and must have been allowed.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    agreement::ClaimTerms,
    case::{Case, End, Found, Step},
    claim::{Claim, MOST_APPROVALS, Outcome, Release, SignedRelease},
    officer::{ActKind, SignedAct},
    permit::RefusalCode,
    signing::{Document as _, PublicKey},
    words::{ClaimId, Digest, OfficerId, QueryId, Timestamp},
};

use crate::{journal::Side, verification};

/// Where a journal says something.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) seq: u64,
    pub(super) time: Timestamp,
}

/// Claims as the journal tells of them so far, each the asker's own word.
#[derive(Default)]
pub(super) struct Claims {
    known: BTreeMap<(Side, ClaimId), Known>,
    turned: BTreeMap<(Side, ClaimId), Turned>,
    /// What officers said of the hits of queries of this agency.
    judged: BTreeMap<QueryId, Vec<SignedAct>>,
    /// Claims of this agency that rest on such words.
    verified: BTreeSet<ClaimId>,
}

/// A claim that was refused or broken off, at least once.
pub(super) struct Turned {
    /// In the words in which it came first.
    pub(super) claim: Claim,
    /// Why it was refused, each time.
    pub(super) codes: Vec<RefusalCode>,
    /// Whether it was broken off as well.
    pub(super) failed: bool,
    /// Where the journal spoke of it last.
    pub(super) place: Place,
}

pub(super) struct Known {
    pub(super) case: Case,
    /// Where it was made, or came.
    pub(super) place: Place,
    /// What the holder signed that it found, at the asker.
    pub(super) outcome: Option<(Outcome, Place)>,
    /// How the holder signed that it ended, at the asker.
    pub(super) ended: Option<(End, Place)>,
    /// Until when it was to be decided, at first and after each time that the clock was stopped.
    pub(super) deadlines: Vec<Timestamp>,
    /// Releases with signatures that stand.
    pub(super) releases: BTreeMap<Digest, Kept>,
    /// Releases by number, as they were journalled last.
    released: BTreeMap<u32, SignedRelease>,
    /// The keys that approved: a person with two names is one person.
    keys: Vec<PublicKey>,
}

/// A release with signatures that stand.
pub(super) struct Kept {
    /// Whether both signed.
    pub(super) both: bool,
    /// Who approved it, by the holder's word.
    pub(super) approved_by: Vec<OfficerId>,
    pub(super) place: Place,
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
        let (outcome, ended, deadlines) = (None, None, vec![case.decide_by]);
        let (releases, released) = (BTreeMap::new(), BTreeMap::new());
        let mut known =
            Known { case, place, outcome, ended, deadlines, releases, released, keys: Vec::new() };
        let key = (side, claim.claim);
        let Some(before) = self.known.remove(&key) else {
            self.known.insert(key, known);
            return Ok(());
        };
        // The asker may make the same claim again, because its answer did not come.
        let again = side == Side::Asker && before.case.claim == *claim;
        if again {
            (known.outcome, known.ended, known.releases) = (before.outcome, before.ended, before.releases);
        }
        self.known.insert(key, known);
        if again { Ok(()) } else { Err("it was made twice".to_owned()) }
    }

    /// Takes that a claim was refused, or with no code that it was broken off.
    pub(super) fn turned(&mut self, side: Side, claim: &Claim, code: Option<RefusalCode>, place: Place) {
        let turned = self.turned.entry((side, claim.claim)).or_insert_with(|| Turned {
            claim: claim.clone(),
            codes: Vec::new(),
            failed: false,
            place,
        });
        (turned.failed, turned.place) = (turned.failed || code.is_none(), place);
        turned.codes.extend(code);
    }

    /// Takes an officer's word on a hit.
    pub(super) fn judged(&mut self, act: &SignedAct) {
        if let ActKind::Verify { query, .. } = &act.act.act {
            self.judged.entry(*query).or_default().push(act.clone());
        }
    }

    /// Whether a claim of this agency names the officer whose word counts, of those that `counts` finds to.
    pub(super) fn verify(
        &mut self,
        claim: &Claim,
        counts: impl Fn(&SignedAct) -> bool,
    ) -> Result<(), String> {
        let judged = self.judged.get(&claim.query).into_iter().flatten();
        let words: Vec<_> = judged.filter(|act| counts(act)).collect();
        let by = verification::verified(&words, verification::items(claim), &claim.officer);
        if by != Some((claim.verified_by.clone(), claim.verified_at)) {
            return Err(format!("{} did not verify every hit that it is about", claim.verified_by));
        }
        self.verified.insert(claim.claim);
        Ok(())
    }

    /// Whether an officer's word stands behind a claim of this agency.
    pub(super) fn is_verified(&self, claim: &Claim) -> bool {
        self.verified.contains(&claim.claim)
    }

    /// Takes what the holder signed that a claim found.
    pub(super) fn answered(&mut self, id: &ClaimId, outcome: &Outcome, place: Place) {
        if let Some(known) = self.known.get_mut(&(Side::Asker, *id)) {
            known.outcome = Some((outcome.clone(), place));
        }
    }

    /// Takes how the holder signed that a claim ended.
    pub(super) fn ended(&mut self, id: &ClaimId, end: &End, place: Place) -> Result<(), String> {
        let known = self.known.get_mut(&(Side::Asker, *id)).ok_or("an end without a claim")?;
        if known.ended.is_some() {
            return Err("its end was noted twice".to_owned());
        }
        known.ended = Some((end.clone(), place));
        Ok(())
    }

    /// Keeps a release whose signatures stand.
    pub(super) fn keep(&mut self, side: Side, signed: &SignedRelease, place: Place) {
        let known = self.known.get_mut(&(side, signed.release.claim));
        if let Some((known, digest)) = known.zip(signed.release.digest().ok()) {
            let both = signed.asker.is_some();
            let approved_by = signed.release.approved_by.clone();
            let kept = known.releases.entry(digest).or_insert(Kept { both, approved_by, place });
            if both && !kept.both {
                (kept.both, kept.place) = (both, place);
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
        let known = self.known.get_mut(&(Side::Holder, *id)).ok_or("a step in no known case")?;
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
        if let Step::Resume { .. } = step {
            known.deadlines.push(known.case.decide_by);
        }
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
        let known = self.known.get_mut(&(side, release.claim)).ok_or("a release without a claim")?;
        let next = known.released.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        let before = known.released.get(&release.number).cloned();
        let earlier: Vec<Release> = known.released.values().map(|made| made.release.clone()).collect();
        known.released.insert(release.number, signed.clone());
        if side == Side::Asker {
            return if before.is_none() { Ok(()) } else { Err("it was taken twice".to_owned()) };
        }
        match (before, signed.asker) {
            (None, None) if release.number == next => {}
            (None, None) => return Err("it has another number than the next one".to_owned()),
            (Some(SignedRelease { release: made, asker: None, .. }), Some(_)) => {
                return if made == *release {
                    Ok(())
                } else {
                    Err("it is another one than was made".to_owned())
                };
            }
            _ => return Err("it was made twice, or countersigned before it was made".to_owned()),
        }
        // One that was not collected may be made again, with what may leave by then.
        let approvals = release.approvals();
        let due = known.case.released_at(approvals);
        if due.is_empty() || approvals > known.case.approvals().min(MOST_APPROVALS) {
            return Err("more than was approved".to_owned());
        }
        let approved = known.case.approved_by.iter().take(approvals.into());
        if !release.approved_by.iter().eq(approved) {
            return Err("it names other persons than approved".to_owned());
        }
        let within = release.fields.iter().all(|(reference, fields)| {
            due.iter()
                .any(|(known, allowed)| known == reference && fields.iter().all(|f| allowed.contains(f)))
        });
        if !within {
            return Err("it has fields that were not approved".to_owned());
        }
        // What was not released before the end is not released after it.
        let ended = matches!(known.case.end, Some(End::Refused { .. } | End::Expired));
        let mut parts =
            release.fields.iter().flat_map(|(of, fields)| fields.iter().map(move |field| (*of, *field)));
        let anew = parts.any(|(of, field)| !earlier.iter().any(|made| made.has(of, field)));
        if ended && anew {
            Err("it has fields that were not released before the end".to_owned())
        } else {
            Ok(())
        }
    }

    /// The claim with this id, as this agency made it or as it came.
    pub(super) fn claim(&self, side: Side, id: &ClaimId) -> Option<&Claim> {
        self.get(side, id).map(|known| &known.case.claim)
    }

    /// What is known of a claim.
    pub(super) fn get(&self, side: Side, id: &ClaimId) -> Option<&Known> {
        self.known.get(&(side, *id))
    }

    /// What is known of a claim that was refused or broken off.
    pub(super) fn turned_down(&self, side: Side, id: &ClaimId) -> Option<&Turned> {
        self.turned.get(&(side, *id))
    }

    /// All claims of one side that were refused or broken off.
    pub(super) fn turned_on(&self, side: Side) -> impl Iterator<Item = (&ClaimId, &Turned)> {
        self.turned.iter().filter(move |((on, _), _)| *on == side).map(|((_, id), turned)| (id, turned))
    }

    /// All claims of one side.
    pub(super) fn on(&self, side: Side) -> impl Iterator<Item = (&ClaimId, &Known)> {
        self.known.iter().filter(move |((on, _), _)| *on == side).map(|((_, id), known)| (id, known))
    }
}
