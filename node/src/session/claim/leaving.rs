//! What may leave this node of the records that a claim found.
//!
//! It is asked anew each time that something is about to leave: a case may wait for months, and a release for its
//! collection. Meanwhile the person may have been granted protection, the record blocked or replaced, the rules
//! tightened. What was found then and is not to be found now does not leave.

use std::sync::Arc;

use symbolon_policy::{
    ask::Ask,
    case::Case,
    claim::{Claim, Standing, decide},
    permit::InForce,
    rules::Slice,
    words::{Field, Reference, RegisterName, Timestamp},
};

use crate::{
    claims::Records,
    clock,
    control::api::Failure,
    journal::Side,
    node::Core,
    register::{Day, Record},
};

/// What decides on one claim at one moment.
pub(super) struct Leaving<'a> {
    pub(super) core: &'a Core,
    claim: &'a Claim,
    ask: Ask,
    /// None if it, or what is in its place, has ended.
    agreement: Option<Arc<InForce>>,
    slice: Slice,
    behind: Records,
    now: Timestamp,
    today: Day,
}

impl<'a> Leaving<'a> {
    /// # Errors
    /// An integrity [`Failure`] if the query, the agreement or the records of the claim are not there.
    pub(super) fn now(core: &'a Core, case: &'a Case) -> Result<Self, Failure> {
        let claim = &case.claim;
        let gone = || Failure::integrity("the query or the agreement of a claim is not there");
        let ask = core.book.state().query(Side::Holder, &claim.query)?.ok_or_else(gone)?.ask;
        let agreement = core.book.agreement(&claim.agreement).ok_or_else(gone)?;
        let (now, today) = (clock::now(), clock::today()?);
        let slice = agreement.claimable(&ask, now);
        let agreement = Some(agreement).filter(|agreement| agreement.releases(now).is_ok());
        Ok(Self {
            core,
            claim,
            ask,
            agreement,
            slice,
            behind: core.claims.records(&claim.claim)?,
            now,
            today,
        })
    }

    /// The register of the records.
    pub(super) fn register(&self) -> &RegisterName {
        &self.ask.register
    }

    /// The record behind a reference, as it is now, and those of the `wanted` fields that may leave with so many
    /// approvals. Nothing if there are none: then the record is gone, does not take part any more, lacks what was
    /// opened, or its fields are refused.
    ///
    /// # Errors
    /// A [`Failure`] if the register cannot be read, or the claim found no such record.
    pub(super) fn fields(
        &self,
        reference: &Reference,
        wanted: &[Field],
        approvals: u8,
    ) -> Result<Option<(Record, Vec<Field>)>, Failure> {
        let gone = || Failure::integrity("the record of a claim is not known");
        let behind = self.behind.0.iter().find(|behind| behind.reference == *reference).ok_or_else(gone)?;
        let Some(agreement) = &self.agreement else { return Ok(None) };
        let found = self.core.registers.show_traced(&self.ask.register, &behind.record)?;
        let Some((record, traces)) = found else { return Ok(None) };
        let class = record.class();
        if record.expires <= self.today
            || !self.slice.contains(&class)
            || !traces.iter().any(|had| self.core.claims.trace(had) == behind.trace)
        {
            return Ok(None);
        }
        let may = |field: &&Field| {
            let standing = decide(agreement, self.claim, &self.ask, &class, **field, self.now).standing;
            matches!(standing, Standing::Needs(needs) if needs <= approvals)
        };
        let fields: Vec<Field> = wanted.iter().filter(may).copied().collect();
        Ok(Some((record, fields)).filter(|(_, fields)| !fields.is_empty()))
    }

    /// What became of a record since it was claimed, for who approves; nothing if it can leave as it was found.
    ///
    /// # Errors
    /// As [`fields`](Self::fields).
    pub(super) fn change(&self, reference: &Reference) -> Result<Option<&'static str>, Failure> {
        if let Some((record, _)) = self.fields(reference, &self.claim.fields, u8::MAX)? {
            return Ok(record.subject.contested.then_some("contested; who receives fields of it is told so"));
        }
        let behind = self.behind.0.iter().find(|behind| behind.reference == *reference);
        let found = match behind {
            Some(behind) => self.core.registers.show_traced(&self.ask.register, &behind.record)?,
            None => None,
        };
        Ok(Some(match found {
            _ if self.agreement.is_none() => "nothing of it will be released: the agreement has ended",
            None => "erased since the claim; nothing of it will be released",
            Some((record, _)) if record.subject.blocked => "blocked; nothing of it will be released",
            Some((record, _)) if record.subject.contested => {
                "contested, and the rules keep it back; nothing of it will be released"
            }
            Some((record, _)) if record.expires <= self.today => {
                "its time of retention is over; nothing of it will be released"
            }
            Some((record, _)) if !self.slice.contains(&record.class()) => {
                "it may not be searched any more; nothing of it will be released"
            }
            Some((_, traces))
                if !traces.iter().any(|had| {
                    self.core.claims.trace(had) == behind.map_or([0; 16], |behind| behind.trace)
                }) =>
            {
                "it no longer has what was asked about; nothing of it will be released"
            }
            Some(_) => "as it is now the rules refuse all that is requested; nothing of it will be released",
        }))
    }
}
