//! Officers: enrolment, and the check of what they sign.

use std::sync::MutexGuard;

use symbolon_policy::{
    ask::Ask,
    canonical::CanonicalError,
    officer::{ActKind, Intent, Officer, SKEW, SignedAct},
    permit::{Refusal, RefusalCode},
    signing::Document as _,
    words::{OfficerId, Role, Timestamp},
};

use super::Book;
use crate::{
    control::api::{Failure, FailureKind},
    journal::Event,
};

/// How old an act may be when it comes, in seconds.
const FRESH: i64 = SKEW;

/// Why an act is not taken again.
const USED: &str = "what the officer signed was used already; each act is signed by itself";

impl Book {
    /// Enrols an officer.
    ///
    /// # Errors
    /// An input [`Failure`] if the pseudonym or the key is enrolled already, or the key ever was under another
    /// pseudonym: one person would count as two.
    pub(crate) fn enrol(&self, officer: Officer) -> Result<(), Failure> {
        let writing = self.writing();
        let same = |other: &Officer| other.id == officer.id || other.key == officer.key;
        if let Some(other) = self.state.officers()?.into_iter().find(same) {
            let what = format!("{} is enrolled already, with the key {}", other.id, other.key);
            return Err(Failure::input(what).with_help("remove the officer first: `symbolon officer remove`"));
        }
        for entry in self.journal.entries_from(0)? {
            if let Event::OfficerEnrolled { officer: before } = entry?.0.event
                && before.key == officer.key
                && before.id != officer.id
            {
                let what = format!("the key of {} was enrolled before, as that of {}", officer.id, before.id);
                return Err(
                    Failure::input(what).with_help("a person who gets another pseudonym makes a new key")
                );
            }
        }
        self.append(&writing, &Event::OfficerEnrolled { officer })
    }

    /// Ends an enrolment.
    ///
    /// # Errors
    /// An input [`Failure`] if there is none.
    pub(crate) fn remove_officer(&self, id: OfficerId, reason: String) -> Result<(), Failure> {
        let writing = self.writing();
        if self.state.officer(&id)?.is_none() {
            return Err(unknown(&id));
        }
        self.append(&writing, &Event::OfficerRemoved { officer: id, reason })
    }

    /// Checks that an officer signed what is about to be asked, and records it. Where no officer was ever
    /// enrolled, nothing is signed.
    ///
    /// # Errors
    /// A [`Failure`] of refusal, which is journalled; then nothing may be asked.
    pub(crate) fn officer_asks(
        &self,
        officer: &OfficerId,
        intent: &Intent,
        act: Option<&SignedAct>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let writing = self.writing();
        if !self.state.officers_begun()? {
            return match act {
                None => Ok(()),
                Some(_) => Err(Failure::input("no officer was ever enrolled here, so no key can be checked")
                    .with_help("leave --officer-key out, or enrol the officer: `symbolon officer enrol`")),
            };
        }
        let Err(refused) = self.stands(officer, intent, act, now)? else {
            let Some(act) = act.cloned() else { return Ok(()) };
            return self.append(&writing, &Event::OfficerAsked { act, intent: intent.clone() });
        };
        // Only an act of a bounded size goes to the journal.
        let act = act.filter(|act| matches!(act.act.act, ActKind::Ask { .. })).cloned();
        let (officer, reason) = (officer.clone(), refused.clone());
        self.append(&writing, &Event::OfficerRefused { officer, act, reason })?;
        let help = "see docs/officers.md; nothing was charged";
        Err(Failure::new(FailureKind::Refused, refused).with_help(help))
    }

    /// Checks any other act of an officer. Whoever uses it records it with [`record_acted`](Self::record_acted).
    ///
    /// # Errors
    /// A [`Failure`] of refusal, which is journalled.
    pub(crate) fn officer_acts(&self, act: &SignedAct, now: Timestamp) -> Result<(), Failure> {
        let checked = self.acts(act, now);
        self.note_refusal(&self.writing(), &act.act.officer, checked)
    }

    /// Records an event with the act that it rests on. The act is looked at again, under the lock of the entry: it may have
    /// been used meanwhile, or the officer removed; and so is what `still` looks at.
    ///
    /// # Errors
    /// A [`Failure`] of refusal, which is journalled; then the event was not recorded.
    pub(crate) fn record_acted(
        &self,
        act: &SignedAct,
        event: &Event,
        now: Timestamp,
        still: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let writing = self.writing();
        let checked = self.acts(act, now).and_then(|()| self.unused(act)).and_then(|()| still());
        self.note_refusal(&writing, &act.act.officer, checked)?;
        self.append(&writing, event)
    }

    /// Hands a result on; if an officer was refused what needs no act yet, or what the act was for, that is journalled.
    ///
    /// # Errors
    /// The result's, or why it cannot be recorded.
    pub(crate) fn refused_officer<T>(
        &self,
        officer: &OfficerId,
        checked: Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.note_refusal(&self.writing(), officer, checked)
    }

    /// Journals that an officer was refused something, if so.
    fn note_refusal<T>(
        &self,
        writing: &MutexGuard<'_, ()>,
        officer: &OfficerId,
        checked: Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Err(failure) = &checked
            && failure.kind == FailureKind::Refused
        {
            let (officer, reason) = (officer.clone(), failure.what.clone());
            self.append(writing, &Event::OfficerRefused { officer, act: None, reason })?;
        }
        checked
    }

    fn unused(&self, act: &SignedAct) -> Result<(), Failure> {
        let digest = act.act.digest().map_err(|error| Failure::local(error.to_string()))?;
        if self.state.act_seen(&act.act.officer, &digest)? {
            return Err(Failure::new(FailureKind::Refused, USED).with_help("sign it again"));
        }
        Ok(())
    }

    fn acts(&self, act: &SignedAct, now: Timestamp) -> Result<(), Failure> {
        let refused = |why: String| {
            Failure::new(FailureKind::Refused, why)
                .with_help("see docs/officers.md and `symbolon officer list`")
        };
        let officer = self.state.officer(&act.act.officer)?;
        let officer = officer.ok_or_else(|| refused(format!("{} is not enrolled", act.act.officer)))?;
        act.verify(&officer, now).map_err(|error| refused(error.to_string()))?;
        if act.act.at.plus(FRESH) < now {
            return Err(refused("what the officer signed is older than five minutes".to_owned()));
        }
        Ok(())
    }

    /// Why this node would ask nothing for an officer, whatever is signed. Nothing where no officer was ever enrolled.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn cannot_ask(&self, id: &OfficerId, now: Timestamp) -> Result<Option<String>, Failure> {
        if !self.state.officers_begun()? {
            return Ok(None);
        }
        let may = |officer: Officer| officer.may(Role::Asks, now).map_err(|error| error.to_string());
        Ok(self.enrolled(id)?.and_then(may).err())
    }

    /// The officer as enrolled, or that there is none.
    fn enrolled(&self, id: &OfficerId) -> Result<Result<Officer, String>, Failure> {
        Ok(self.state.officer(id)?.ok_or_else(|| format!("{id} is not enrolled here")))
    }

    fn stands(
        &self,
        id: &OfficerId,
        intent: &Intent,
        act: Option<&SignedAct>,
        now: Timestamp,
    ) -> Result<Result<(), String>, Failure> {
        let Some(signed) = act else {
            return Ok(Err(format!("officers are enrolled here, and {id} did not sign: give --officer-key")));
        };
        let officer = match self.enrolled(id)? {
            Ok(officer) => officer,
            Err(why) => return Ok(Err(why)),
        };
        if let Err(error) = signed.verify(&officer, now) {
            return Ok(Err(error.to_string()));
        }
        let odd = |error: CanonicalError| Failure::local(error.to_string());
        if signed.act.act != (ActKind::Ask { digest: intent.digest().map_err(odd)? }) {
            return Ok(Err(format!("{id} signed another request")));
        }
        if signed.act.at < now.plus(-FRESH) {
            return Ok(Err(format!("{id} signed at {}, more than {FRESH} seconds ago", signed.act.at)));
        }
        if self.state.act_seen(id, &signed.act.digest().map_err(odd)?)? {
            return Ok(Err(format!("what {id} signed was used already; each request is signed by itself")));
        }
        Ok(Ok(()))
    }

    /// Why a query of this node must not be charged: no enrolled officer signed for it.
    pub(super) fn unproven(&self, ask: &Ask, now: Timestamp) -> Result<Option<Refusal>, Failure> {
        if !self.state.officers_begun()? {
            return Ok(None);
        }
        let asks = self.state.officer(&ask.officer)?.is_some_and(|officer| officer.holds(Role::Asks, now));
        if asks && self.state.asked_for(ask)? {
            return Ok(None);
        }
        let text =
            format!("no signature of {} as an enrolled officer is on record for this query", ask.officer);
        Ok(Some(Refusal::new(RefusalCode::OfficerUnproven, text)))
    }
}

fn unknown(id: &OfficerId) -> Failure {
    Failure::input(format!("{id} is not enrolled")).with_help("see `symbolon officer list`")
}
