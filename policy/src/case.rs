//! A case: a claim at its holder, from the records found to the last decision of a person.
//!
//! Who may take a step is settled before: an officer with the role to approve, who signed it. Here stands
//! which steps there are, in which order, and what follows from them. Nothing is released that the rules do
//! not permit with as many approvals as there are; a case that is over takes no step.

use serde::{Deserialize, Serialize};

use crate::{
    agreement::ClaimTerms,
    claim::{Claim, FieldDecision, Standing, Told},
    signing::Document,
    words::{Digest, Field, OfficerId, Reference, Timestamp},
};

/// A record that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Names it towards the claim.
    pub reference: Reference,
    /// The holder's own pseudonym of the record, for finding again whatever was released of it.
    pub record: Digest,
    /// The item whose identifier it has; nothing for a match.
    pub item: Option<u32>,
    /// What the rules say of the fields that were requested, in their order.
    pub fields: Vec<FieldDecision>,
}

impl Found {
    /// As the asker is told of it.
    pub fn told(&self) -> Told {
        let fields = self.fields.iter().map(|decision| (decision.field, decision.standing)).collect();
        Told { reference: self.reference, item: self.item, fields }
    }
}

/// What a person, or the clock, does to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// An officer approves.
    Approve {
        /// Who.
        officer: OfficerId,
    },
    /// An officer refuses what is not released yet.
    Refuse {
        /// Who.
        officer: OfficerId,
        /// Why; the asker is told.
        reason: String,
    },
    /// A judicial authorisation is awaited: the clock stops.
    Stop {
        /// Who stops it.
        officer: OfficerId,
    },
    /// It came: the clock goes on.
    Resume {
        /// Who.
        officer: OfficerId,
    },
    /// The time for deciding is over.
    Expire,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum End {
    /// Everything that can be released is.
    Released,
    /// A person refused the rest.
    Refused {
        /// Who.
        officer: OfficerId,
        /// Why.
        reason: String,
    },
    /// Nobody decided in time.
    Expired,
    /// There is nothing that could be released.
    Nothing,
}

/// How a claim ended, in the holder's signed word to the asker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The claim's digest.
    pub claim: Digest,
    /// How it ended.
    pub end: End,
    /// When this was said, by the holder's clock.
    pub at: Timestamp,
}

impl Document for Ended {
    const LABEL: &'static str = "symbolon/claim-end/1";
}

/// Why a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The case is over.
    #[error("the case is over")]
    Over,
    /// The same person twice.
    #[error("this officer approved already; another one has to")]
    SamePerson,
    /// The clock stands.
    #[error("the clock is stopped while an authorisation is awaited; resume it first")]
    Stopped,
    /// The clock goes.
    #[error("the clock is not stopped")]
    NotStopped,
    /// The time is not over.
    #[error("the time for deciding is not over")]
    InTime,
    /// The time is over.
    #[error("the time for deciding is over")]
    TooLate,
}

/// A claim at its holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is claimed.
    pub claim: Claim,
    /// Records that were found.
    pub found: Vec<Found>,
    /// When the claim came.
    pub begun: Timestamp,
    /// Until when it is to be decided.
    pub decide_by: Timestamp,
    /// Since when the clock stands, if it does.
    pub stopped: Option<Timestamp>,
    /// Who approved, in that order.
    pub approved_by: Vec<OfficerId>,
    /// How it ended, if it did.
    pub end: Option<End>,
}

impl Case {
    /// A case that begins.
    pub fn begin(claim: Claim, found: Vec<Found>, terms: &ClaimTerms, now: Timestamp) -> Self {
        let decide_by = now.plus(i64::from(terms.decide_hours).saturating_mul(Timestamp::HOUR));
        let (stopped, approved_by, end) = (None, Vec::new(), None);
        let mut case = Self { claim, found, begun: now, decide_by, stopped, approved_by, end };
        case.settle();
        case
    }

    /// Persons who approved.
    pub fn approvals(&self) -> u8 {
        u8::try_from(self.approved_by.len()).unwrap_or(u8::MAX)
    }

    /// The approvals after which nothing more can be released; none if nothing can be.
    pub fn needs(&self) -> Option<u8> {
        self.decisions().filter_map(|(_, decision)| needs(decision)).max()
    }

    /// What is released with `approvals` approvals and was not with one fewer.
    pub fn released_at(&self, approvals: u8) -> Vec<(Reference, Vec<Field>)> {
        let fields = |found: &Found| {
            let here = |decision: &&FieldDecision| needs(decision) == Some(approvals);
            found.fields.iter().filter(here).map(|decision| decision.field).collect::<Vec<_>>()
        };
        let each = self.found.iter().map(|found| (found.reference, fields(found)));
        each.filter(|(_, fields)| !fields.is_empty()).collect()
    }

    /// Takes a step.
    ///
    /// # Errors
    /// [`StepError`]; then nothing changed.
    pub fn step(&mut self, step: &Step, now: Timestamp) -> Result<(), StepError> {
        if self.end.is_some() {
            return Err(StepError::Over);
        }
        let late = self.stopped.is_none() && now > self.decide_by;
        match step {
            Step::Expire if late => self.end = Some(End::Expired),
            Step::Expire => return Err(StepError::InTime),
            _ if late => return Err(StepError::TooLate),
            Step::Approve { officer } => {
                if self.stopped.is_some() {
                    return Err(StepError::Stopped);
                }
                if self.approved_by.contains(officer) {
                    return Err(StepError::SamePerson);
                }
                self.approved_by.push(officer.clone());
                self.settle();
            }
            Step::Refuse { officer, reason } => {
                self.end = Some(End::Refused { officer: officer.clone(), reason: reason.clone() });
            }
            Step::Stop { .. } if self.stopped.is_some() => return Err(StepError::Stopped),
            Step::Stop { .. } => self.stopped = Some(now),
            Step::Resume { .. } => {
                let since = self.stopped.take().ok_or(StepError::NotStopped)?;
                self.decide_by = self.decide_by.plus(now.0.saturating_sub(since.0).max(0));
            }
        }
        Ok(())
    }

    /// Whether the time for deciding is over.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.end.is_none() && self.stopped.is_none() && now > self.decide_by
    }

    /// Whether it waits for a person and at most a quarter of the time for deciding is left.
    pub fn is_escalated(&self, terms: &ClaimTerms, now: Timestamp) -> bool {
        let quarter = i64::from(terms.decide_hours).saturating_mul(Timestamp::HOUR / 4);
        self.end.is_none() && self.stopped.is_none() && now.plus(quarter) >= self.decide_by
    }

    /// Ends the case when nothing is left to decide.
    fn settle(&mut self) {
        match self.needs() {
            None => self.end = Some(End::Nothing),
            Some(needs) if self.approvals() >= needs => self.end = Some(End::Released),
            Some(_) => {}
        }
    }

    fn decisions(&self) -> impl Iterator<Item = (&Found, &FieldDecision)> {
        self.found.iter().flat_map(|found| found.fields.iter().map(move |decision| (found, decision)))
    }
}

fn needs(decision: &FieldDecision) -> Option<u8> {
    match decision.standing {
        Standing::Needs(approvals) => Some(approvals),
        Standing::Refused | Standing::Absent => None,
    }
}

#[cfg(test)]
mod tests;
