//! What may leave this node of the records that a claim found.
//!
//! It is asked anew each time that something is about to leave: a case may wait for months, and a release for its
//! collection. Meanwhile the person may have been granted protection, the record blocked or replaced, the rules
//! tightened. What was found then and is not to be found now does not leave.

use std::{collections::BTreeMap, sync::Arc};

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
        let Some(agreement) = &self.agreement else { return Ok(None) };
        let Ok(record) = self.record(reference)? else { return Ok(None) };
        let class = record.class();
        let may = |field: &&Field| {
            let standing = decide(agreement, self.claim, &self.ask, &class, **field, self.now).standing;
            matches!(standing, Standing::Needs(needs) if needs <= approvals)
        };
        let fields: Vec<Field> = wanted.iter().filter(may).copied().collect();
        Ok(Some((record, fields)).filter(|(_, fields)| !fields.is_empty()))
    }

    /// The record behind a reference, if as it is now it would be found; else why not.
    fn record(&self, reference: &Reference) -> Result<Result<Record, &'static str>, Failure> {
        let gone = || Failure::integrity("the record of a claim is not known");
        let behind = self.behind.0.iter().find(|behind| behind.reference == *reference).ok_or_else(gone)?;
        let found = self.core.registers.show_traced(&self.ask.register, &behind.record)?;
        let Some((record, traces)) = found else { return Ok(Err("erased since the claim")) };
        let (class, subject) = (record.class(), &record.subject);
        Ok(match self.slice.contains(&class) {
            false if subject.blocked => Err("blocked"),
            false if subject.contested => Err("contested, and the rules keep it back"),
            false => Err("it may not be searched any more"),
            true if record.expires <= self.today => Err("its time of retention is over"),
            true if !traces.iter().any(|had| self.core.claims.trace(had) == behind.trace) => {
                Err("it no longer has what was asked about")
            }
            true => Ok(record),
        })
    }

    /// What became of a record since it was claimed, for who approves: of these fields with the persons they needed then.
    /// Nothing if all of them can leave as they were found.
    ///
    /// # Errors
    /// As [`fields`](Self::fields).
    pub(super) fn change(
        &self,
        reference: &Reference,
        fields: &[(Field, u8)],
    ) -> Result<Option<String>, Failure> {
        let nothing = |why: &str| Ok(Some(format!("{why}; as it stands now nothing of it is released")));
        let Some(agreement) = &self.agreement else { return nothing("the agreement has ended") };
        let record = match self.record(reference)? {
            Ok(record) => record,
            Err(why) => return nothing(why),
        };
        let (class, contested) = (record.class(), record.subject.contested);
        let (mut refused, mut more) = (Vec::new(), BTreeMap::<u8, Vec<&str>>::new());
        for (field, needed) in fields {
            match decide(agreement, self.claim, &self.ask, &class, *field, self.now).standing {
                Standing::Needs(needs) if needs <= *needed => {}
                Standing::Needs(needs) => more.entry(needs).or_default().push(field.as_str()),
                Standing::Refused | Standing::Absent => refused.push(field.as_str()),
            }
        }
        if refused.len() == fields.len() {
            return nothing(match contested {
                true => "contested, and the rules keep it back",
                false => "the rules refuse now all that is requested",
            });
        }
        let mut says = Vec::new();
        if contested {
            says.push("contested; who receives fields of it is told so".to_owned());
        }
        if !refused.is_empty() {
            says.push(format!("the rules refuse now, and keep back: {}", refused.join(", ")));
        }
        says.extend(more.into_iter().map(|(needs, fields)| {
            let fields = fields.join(", ");
            format!("the rules want {needs} persons now, so under this claim this is not released: {fields}")
        }));
        Ok(Some(says.join("; ")).filter(|says| !says.is_empty()))
    }
}
