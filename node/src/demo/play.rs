//! The play: what the asker asks, what it gets, and what both can prove afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Deserialize;
use symbolon_policy::{
    receipt::SignedReceipt,
    words::{LegalBasis, Purpose, QueryId},
};
use symbolon_protocol::identifier::Kind;

use super::{
    BATCH, REGISTER,
    people::{Asked, Case},
    report::{CaseCount, Counted, Example, Journal, Reconciled, Refused, Suppressed},
    stage::{Stage, odd},
    steps::Steps,
};
use crate::control::api::{Answer, Failure, Outcome, Reply};

/// What the exact queries gave.
pub(super) struct Played {
    /// Kinds that hit, for each person in order.
    hits: Vec<Vec<Kind>>,
    /// All queries.
    pub(super) queries: Vec<QueryId>,
    /// The receipt of the first.
    pub(super) receipt: SignedReceipt,
}

/// What is read of the report of `audit reconcile`.
#[derive(Deserialize)]
struct Reconciliation {
    matched: u64,
}

impl Stage<'_> {
    /// Asks about everybody, in as few queries as the agreement allows.
    ///
    /// # Errors
    /// A [`Failure`] if a query is not answered or its receipt does not stand.
    pub(super) fn exact(&self, asked: &[Asked], steps: &mut Steps) -> Result<Played, Failure> {
        let (mut hits, mut queries, mut receipts) = (Vec::new(), Vec::new(), Vec::new());
        for (number, batch) in (1_u32..).zip(asked.chunks(BATCH)) {
            let snapshot = if number == 1 { ", takes the snapshot" } else { "" };
            let what = format!("asks about {} people{snapshot}", batch.len());
            let verb = "query exact --purpose IRREG_ENTRY --basis READMISSION";
            let answer = steps.run("MK", what, || self.ask(verb, &format!("people-{number}"), batch))?;
            steps.wire(answer.bytes_out, answer.bytes_in);
            let Answer { query, outcome, receipt, .. } = answer;
            let people = match outcome {
                Outcome::Hits { people, .. } => people,
                Outcome::Refused { text, .. } => {
                    return Err(Failure::integrity(format!("a query that is allowed was refused: {text}")));
                }
                Outcome::Failed { failure } => return Err(failure),
                Outcome::Count { .. } | Outcome::Matched(_) => return Err(odd(verb)),
            };
            if !people.iter().map(|person| &person.reference).eq(batch.iter().map(|person| &person.reference))
            {
                return Err(Failure::integrity(
                    "the answer is not for the people of the query, in their order",
                ));
            }
            hits.extend(people.into_iter().map(|person| person.hits));
            queries.extend(query);
            receipts.extend(receipt);
        }
        let receipt = receipts.into_iter().next().map(|receipt| *receipt);
        let receipt = receipt.ok_or_else(|| Failure::integrity("the first query has no receipt"))?;
        self.check(&receipt, queries.first())?;
        Ok(Played { hits, queries, receipt })
    }

    fn check(&self, signed: &SignedReceipt, query: Option<&QueryId>) -> Result<(), Failure> {
        let [holder, asker] = &self.cards;
        signed
            .verify(&holder.identity.key, &asker.identity.key)
            .map_err(|e| Failure::integrity(format!("the receipt does not stand: {e}")))?;
        if signed.asker.is_none() || query != Some(&signed.receipt.ask.query) {
            return Err(Failure::integrity("the receipt is of another query, or signed by the holder alone"));
        }
        Ok(())
    }

    /// Shows that the holder has a record that was not found.
    ///
    /// # Errors
    /// A [`Failure`] of the command.
    pub(super) fn suppressed(
        &self,
        asked: &[Asked],
        played: &Played,
        steps: &mut Steps,
    ) -> Result<Suppressed, Failure> {
        let of = |fits: fn(Case) -> bool| {
            let hits = asked.iter().zip(&played.hits).filter(move |(person, _)| fits(person.case));
            hits.map(|(_, hits)| hits).collect::<BTreeSet<_>>()
        };
        let same_as_absent = of(Case::suppressed) == of(|case| case == Case::Absent);
        let blocked = asked.iter().find(|person| person.case == Case::Blocked);
        let blocked = blocked.and_then(|person| Some((&person.reference, &person.holder.as_ref()?.0)));
        let (reference, record) = blocked.ok_or_else(|| Failure::local("nobody was planted as blocked"))?;
        let shown = steps.run("RS", "shows a record that MK did not find", || {
            match self.holder.call("register show", &[&REGISTER, record])? {
                Reply::Record { record } => Ok(record),
                _ => Err(odd("register show")),
            }
        })?;
        let is_blocked = shown.pointer("/subject/blocked").and_then(serde_json::Value::as_bool);
        let id = shown.pointer("/id").and_then(serde_json::Value::as_str);
        Ok(Suppressed {
            record: record.clone(),
            held_and_blocked: is_blocked == Some(true) && id == Some(record),
            reference: reference.clone(),
            same_as_absent,
        })
    }

    /// Puts two queries that must be refused: one by the shared rules, one by the holder's national rules.
    ///
    /// # Errors
    /// A [`Failure`] if one is not refused.
    pub(super) fn refused(&self, asked: &[Asked], steps: &mut Steps) -> Result<Vec<Refused>, Failure> {
        let one = asked.get(..1).unwrap_or_default();
        let queries = [
            (Purpose::Simulation, LegalBasis::VitalInterest, true),
            (Purpose::IllegalStay, LegalBasis::Readmission, false),
        ];
        let mut refusals = Vec::new();
        for (purpose, basis, at_home) in queries {
            let what = format!("asks for {purpose} and is refused");
            let verb = format!("query exact --purpose {purpose} --basis {basis}");
            let answer = steps.run("MK", what, || self.ask(&verb, &format!("refused-{purpose}"), one))?;
            match answer.outcome {
                Outcome::Refused { here, code, text, clauses, .. } if here == at_home => {
                    refusals.push(Refused { purpose, basis, here, code, text, clauses });
                }
                other => {
                    let what = format!("a query for {purpose} was not refused as it must: {other:?}");
                    return Err(Failure::integrity(what));
                }
            }
        }
        Ok(refusals)
    }

    /// Counts travel documents for statistics.
    ///
    /// # Errors
    /// A [`Failure`] if it is not answered.
    pub(super) fn count(
        &self,
        asked: &[Asked],
        steps: &mut Steps,
    ) -> Result<(Counted, Option<QueryId>), Failure> {
        let verb = "query count --purpose STATISTICS --basis BILAT --kind travel-document";
        let answer = steps.run("MK", "counts them for statistics", || self.ask(verb, "people", asked))?;
        steps.wire(answer.bytes_out, answer.bytes_in);
        let planted = asked.iter().filter(|person| person.case.counted()).count() as u64;
        match answer.outcome {
            Outcome::Count { estimate, half_width, epsilon, .. } => {
                Ok((Counted { estimate, half_width, planted, epsilon }, answer.query))
            }
            Outcome::Failed { failure } => Err(failure),
            other => Err(Failure::integrity(format!("the count was not answered: {other:?}"))),
        }
    }

    /// Verifies both journals and holds them against each other. `queries` were answered.
    ///
    /// # Errors
    /// A [`Failure`] of a command.
    pub(super) fn audit(
        &self,
        queries: u64,
        steps: &mut Steps,
    ) -> Result<(Vec<Journal>, Reconciled), Failure> {
        let both = [&self.holder, &self.asker];
        let export =
            |code: &str| -> PathBuf { self.place.join(format!("{}-journal.ndjson", code.to_lowercase())) };
        let journals = steps.run("RS, MK", "verify and export their journals", || {
            let mut journals = Vec::new();
            for agency in both {
                let Reply::Audit { clean, .. } = agency.call("audit verify", &[])? else {
                    return Err(odd("audit verify"));
                };
                let Reply::Exported { entries, .. } = agency.call("audit export", &[&export(agency.code)])?
                else {
                    return Err(odd("audit export"));
                };
                journals.push(Journal { agency: agency.code.to_owned(), entries, clean });
            }
            Ok(journals)
        })?;
        let reconciled = steps.run("RS, MK", "compare the two journals", || {
            let [one, other] = both.map(|agency| export(agency.code));
            let (found, status) = self.asker.call_with_status("audit reconcile", &[&one, &other])?;
            let Reconciliation { matched } = found;
            Ok(Reconciled { matched, queries, clean: status.success() })
        })?;
        Ok((journals, reconciled))
    }
}

impl Played {
    /// The query that asked about a person.
    ///
    /// # Errors
    /// A local [`Failure`] if none did.
    pub(super) fn query_of(&self, asked: &[Asked], person: &Asked) -> Result<QueryId, Failure> {
        let mut batches = asked.chunks(BATCH).zip(&self.queries);
        let found = batches.find(|(batch, _)| batch.iter().any(|other| other.reference == person.reference));
        found.map(|(_, query)| *query).ok_or_else(|| Failure::local("nobody asked about that person"))
    }

    /// Every case, planted and found.
    pub(super) fn cases(&self, asked: &[Asked]) -> Vec<CaseCount> {
        let mut counts: BTreeMap<Case, CaseCount> = BTreeMap::new();
        for (person, hits) in asked.iter().zip(&self.hits) {
            let case = person.case;
            let count = counts.entry(case).or_insert(CaseCount { case, planted: 0, hit: 0, right: 0 });
            count.planted = count.planted.saturating_add(1);
            count.hit = count.hit.saturating_add(u64::from(!hits.is_empty()));
            let (found, expected): (BTreeSet<_>, BTreeSet<_>) =
                (hits.iter().collect(), case.expected().iter().collect());
            count.right = count.right.saturating_add(u64::from(found == expected));
        }
        counts.into_values().collect()
    }

    /// The first person of each case in which the spellings differ and something hit.
    pub(super) fn examples(&self, asked: &[Asked]) -> Vec<Example> {
        let mut seen = BTreeSet::from([Case::Alike]);
        let mut examples = Vec::new();
        for (person, hits) in asked.iter().zip(&self.hits).filter(|(_, hits)| !hits.is_empty()) {
            let Some((_, holder)) = &person.holder else { continue };
            if seen.insert(person.case) {
                let (holder, asker, hits) = (holder.clone(), person.asker.clone(), hits.clone());
                examples.push(Example { case: person.case, holder, asker, hits });
            }
        }
        examples.sort_by_key(|example| example.case);
        examples
    }
}

#[cfg(test)]
mod tests;
