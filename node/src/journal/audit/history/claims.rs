//! What a journal says of claims, releases and correction notices.

use symbolon_policy::{
    claim::{Claim, SignedRelease},
    notice::SignedNotice,
    officer::SignedAct,
    permit::RefusalCode,
    signing::{Document as _, Signature},
    words::{ClaimId, NoticeId},
};

use super::{Fault, History};
use crate::journal::{
    Entry, Event, Side,
    audit::claims::{Made, Place},
};

impl History {
    /// An entry about a claim.
    pub(super) fn claim(&mut self, entry: &Entry) {
        let (seq, time) = (entry.seq, entry.time);
        match &entry.event {
            Event::Claimed { side, claim, signature, act, found, at } => {
                if let Some(act) = act {
                    self.acted(seq, act, time);
                }
                if self.check(seq, "claim", claim, &claim.agreement, &claim.asker, signature) {
                    let own = if *side == Side::Asker { &claim.asker } else { &claim.holder };
                    if self.agency.as_ref() != Some(own) {
                        self.odd(seq, &claim.claim, "this agency is not on the side that the entry names");
                    }
                    // Made again, it rests on what was said before it was made first.
                    if *side == Side::Asker && self.claims.claim(*side, &claim.claim).is_none() {
                        let counts = |act: &SignedAct| self.officers.verifies(act, time);
                        let verified = self.claims.verify(claim, counts);
                        self.allowed(seq, &claim.claim, verified);
                    }
                    let held = self.agreements.get(&claim.agreement);
                    let terms = held.and_then(|held| held.terms.claims.clone());
                    let made = Made { claim, found, at: *at };
                    let taken = self.claims.claimed(*side, made, terms.as_ref(), Place { seq, time });
                    self.allowed(seq, &claim.claim, taken);
                }
            }
            Event::ClaimRefused { side, claim, signature, code } => {
                self.turned(entry, *side, (claim, signature), Some(*code));
            }
            Event::ClaimFailed { side, claim, signature, .. } => {
                self.turned(entry, *side, (claim, signature), None);
            }
            Event::ClaimAnswered { claim, outcome, signature } => {
                let Some(made) = self.claims.claim(Side::Asker, claim).cloned() else {
                    return self.odd(seq, claim, "an outcome without a claim");
                };
                self.hits.claimed(&made);
                if made.digest().ok() != Some(outcome.claim) {
                    self.odd(seq, claim, "an outcome of another claim");
                } else if self.check(seq, "outcome", outcome, &made.agreement, &made.holder, signature) {
                    self.claims.answered(claim, outcome, Place { seq, time });
                }
            }
            Event::ClaimEnded { claim, ended, signature } => {
                let Some(made) = self.claims.claim(Side::Asker, claim).cloned() else {
                    return self.odd(seq, claim, "an end without a claim");
                };
                if made.digest().ok() != Some(ended.claim) {
                    self.odd(seq, claim, "an end of another claim");
                } else if self.check(seq, "end", ended, &made.agreement, &made.holder, signature) {
                    let taken = self.claims.ended(claim, &ended.end, Place { seq, time });
                    self.allowed(seq, claim, taken);
                }
            }
            Event::CaseStep { claim, step, act, at } => {
                if let Some(act) = act {
                    self.acted(seq, act, time);
                }
                let key = act.as_ref().and_then(|act| self.officers.key(&act.act.officer));
                let taken = self.claims.step(claim, step, act.as_ref().zip(key), *at);
                self.allowed(seq, claim, taken);
            }
            Event::HitJudged { act } => {
                if self.acted(seq, act, time) {
                    self.claims.judged(act);
                }
                self.hits.judged(&act.act.act);
            }
            Event::Released { side, release, .. } => self.release(entry, *side, release),
            _ => {}
        }
    }

    /// A claim was refused for a reason, or with none broken off.
    fn turned(
        &mut self,
        entry: &Entry,
        side: Side,
        (claim, signature): (&Claim, &Signature),
        code: Option<RefusalCode>,
    ) {
        if self.check(entry.seq, "claim", claim, &claim.agreement, &claim.asker, signature) {
            let place = Place { seq: entry.seq, time: entry.time };
            self.claims.turned(side, claim, code, place);
        }
    }

    fn release(&mut self, entry: &Entry, side: Side, signed: &SignedRelease) {
        let (seq, release) = (entry.seq, &signed.release);
        let claim = self.claims.claim(side, &release.claim).cloned();
        let stands = claim.is_some_and(|Claim { agreement, asker, holder, .. }| {
            let made = self.check(seq, "release", release, &agreement, &holder, &signed.holder);
            let taken = signed.asker.as_ref();
            made & taken.is_none_or(|by| self.check(seq, "release", release, &agreement, &asker, by))
        });
        if stands {
            self.claims.keep(side, signed, Place { seq, time: entry.time });
        }
        let made = self.claims.released(side, signed);
        self.allowed(seq, &release.claim, made);
    }

    /// A correction notice is its holder's word, and about fields that were released. It may be told in the place of
    /// another.
    pub(super) fn notice(
        &mut self,
        entry: &Entry,
        side: Side,
        signed: &SignedNotice,
        instead_of: Option<NoticeId>,
    ) {
        let (notice, seq) = (&signed.notice, entry.seq);
        let made = self.check(seq, "notice", notice, &notice.agreement, &notice.holder, &signed.holder);
        let confirmed = signed.asker.as_ref();
        let stands = made
            & confirmed
                .is_none_or(|by| self.check(seq, "notice", notice, &notice.agreement, &notice.asker, by));
        if stands {
            if let Some(other) = instead_of {
                let replaced = self.notices.replace(side, &other, notice);
                self.allowed(seq, &notice.claim, replaced);
            }
            let taken = self.notices.take(side, signed, Place { seq, time: entry.time });
            self.allowed(seq, &notice.claim, taken);
        }
        let known = self.claims.claim(side, &notice.claim).is_some_and(|claim| {
            (claim.agreement, &claim.asker, &claim.holder)
                == (notice.agreement, &notice.asker, &notice.holder)
        });
        if !known {
            self.odd(seq, &notice.claim, "a correction notice about no such claim");
        }
    }

    fn allowed(&mut self, seq: u64, claim: &ClaimId, taken: Result<(), String>) {
        if let Err(problem) = taken {
            self.odd(seq, claim, &problem);
        }
    }

    fn odd(&mut self, seq: u64, claim: &ClaimId, problem: &str) {
        self.violation(seq, Fault::Claim { claim: *claim, problem: problem.to_owned() });
    }
}
