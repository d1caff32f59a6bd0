//! What became of a query to one partner, and what to do about it.

use symbolon_policy::{permit::RefusalCode, rules::ExchangeKind};

use super::{Asking, Attempt, Ended, Question};
use crate::{
    control::api::{self, Answer, Failure, Outcome, QueryTerms},
    node::rules,
    session::SessionError,
};

impl Attempt {
    pub(super) fn answer(mut self, ended: Ended) -> Answer {
        let (outcome, receipt) = match ended {
            Ok((outcome, receipt)) => (outcome, Some(Box::new(receipt))),
            Err(SessionError::Refused { refusal, here }) => {
                let help = self.help.take();
                let clauses = refusal.clauses.iter().map(ToString::to_string).collect();
                (Outcome::Refused { here, code: refusal.code, text: refusal.text, clauses, help }, None)
            }
            Err(error) => (Outcome::Failed { failure: self.failure(error) }, None),
        };
        let (bytes_out, bytes_in) = self.report.moved();
        let (setup, ahead) = (self.report.setup(), self.report.ahead());
        let partner = self.partner.party.code;
        let (probe, query, timing, expected) = (self.probe, self.query, self.timing, self.expected);
        let choice = self.choice.map(Box::new);
        Answer {
            partner,
            probe,
            query,
            outcome,
            as_of: self.as_of,
            timing,
            bytes_out,
            bytes_in,
            expected,
            choice,
            setup,
            ahead,
            receipt,
        }
    }

    /// How to learn why this node's own rules refused, and what the nearest clause that permits asks for.
    pub(super) fn why_refused(
        &self,
        ended: &Ended,
        terms: &QueryTerms,
        question: &Question,
    ) -> Option<String> {
        let Err(SessionError::Refused { refusal, here: true }) = ended else { return None };
        if refusal.code != RefusalCode::RulesForbid {
            return None;
        }
        let (of, items) = match question {
            Question::People(exchange, people) => {
                let count = *exchange == ExchangeKind::Count;
                let items = people.iter().map(|person| person.identifiers.len()).sum::<usize>();
                (if count { api::Explained::Count } else { api::Explained::Exact }, items)
            }
            Question::Probe(wish) => (api::Explained::Match(wish.wish.form.clone()), 1),
        };
        let explain = api::Explain {
            partner: self.partner.party.code.clone(),
            asking: true,
            of,
            register: terms.register.clone(),
            purpose: terms.purpose,
            basis: terms.basis,
            officer: terms.officer.clone(),
            case: terms.case.is_some(),
            items: u32::try_from(items).unwrap_or(u32::MAX),
            unexplained: None,
            fields: Vec::new(),
        };
        Some(rules::why(&self.core, &self.partner, &explain))
    }

    fn failure(&self, error: SessionError) -> Failure {
        if matches!(error, SessionError::Stopped) && self.query.is_none() {
            return Failure::local("stopped while keys were set up; nothing was asked or charged");
        }
        let stopped = matches!(error, SessionError::Stopped);
        let may_pass = error.may_pass();
        let failure = Failure::from(error);
        if let (true, Some(query)) = (stopped, self.query) {
            return failure
                .with_help(format!("to ask it again for nothing more: `symbolon query resume {query}`"));
        }
        if may_pass && self.query.is_none() && failure.help.is_none() {
            return failure.with_help(
                "is the partner's node running, and its address right? nothing was asked or charged",
            );
        }
        match self.query.filter(|_| may_pass && failure.help.is_none()) {
            Some(query) => failure.with_help(format!(
                "when the partner is there again: `symbolon query resume {query}`; it costs nothing more"
            )),
            None => failure,
        }
    }
}

/// What is told of an exact query.
pub(super) fn hits_of(asking: &[Asking], hits: &[bool]) -> Outcome {
    let mut flags = hits.iter();
    let people: Vec<api::Person> = asking
        .iter()
        .map(|(reference, kinds)| {
            let hits = kinds.iter().filter(|_| flags.next().is_some_and(|hit| *hit)).copied().collect();
            api::Person { reference: reference.clone(), hits }
        })
        .collect();
    let hits = people.iter().filter(|person| !person.hits.is_empty()).count() as u64;
    Outcome::Hits { people, hits }
}
