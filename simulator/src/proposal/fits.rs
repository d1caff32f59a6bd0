//! Whether a proposal fits the scenario in which it is looked at.

use symbolon_policy::{
    agreement::Terms,
    words::{AgencyCode, Timestamp},
};

use super::{Proposal, ProposalError};
use crate::{calendar::first_second, scenario::Scenario};

/// An agreement that is not in force for the whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// Whose it is.
    pub pair: [AgencyCode; 2],
    /// From when on it is in force.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Days of the run for which it is.
    pub days: i64,
}

impl Proposal {
    /// Agreements that are not in force for the whole run, in words.
    pub fn warnings(&self, scenario: &Scenario) -> Vec<String> {
        let run = &scenario.run;
        let told = |Short { pair: [a, b], from, until, days }: Short| {
            format!(
                "the agreement of {a} and {b} in the proposal {} is in force from {from} until {until}, that is for \
                 {days} of the {} days of the run",
                self.id, run.days
            )
        };
        self.short(&run.start, run.days).into_iter().map(told).collect()
    }

    /// Agreements that are not in force for the whole of a run from its first day on.
    pub fn short(&self, start: &str, days: u32) -> Vec<Short> {
        let Some(start) = first_second(start) else { return Vec::new() };
        let end = start + i64::from(days) * Timestamp::DAY;
        let short = |terms: &&Terms| terms.valid_from.0 > start || terms.valid_until.0 < end;
        let each = self.deals.iter().filter(|(_, terms)| short(terms)).map(|([a, b], terms)| {
            let days = (terms.valid_until.0.min(end) - terms.valid_from.0.max(start)).max(0) / Timestamp::DAY;
            Short { pair: [a.clone(), b.clone()], from: terms.valid_from, until: terms.valid_until, days }
        });
        each.collect()
    }

    /// Checks that an agreement has every form that is named for it.
    pub(super) fn has_forms(
        &self,
        scenario: &Scenario,
        [a, b]: &[AgencyCode; 2],
        terms: &Terms,
    ) -> Result<(), ProposalError> {
        let Some(agreed) = &terms.matching else { return Ok(()) };
        for (place, practice) in scenario.practice.iter().enumerate() {
            let named = |list: &[AgencyCode], code| list.is_empty() || list.contains(code);
            let both = |asker, holder| named(&practice.askers, asker) && named(&practice.holders, holder);
            let concerns = both(a, b) || both(b, a);
            let lacks = practice.form.as_ref().filter(|form| concerns && agreed.form(form).is_none());
            if let Some(form) = lacks {
                let has: Vec<&str> = agreed.forms.iter().map(|form| form.name.as_str()).collect();
                let what = format!(
                    "`practice[{place}].form` is {form}, and the agreement of {a} and {b} in the proposal {} has {}",
                    self.id,
                    has.join(", ")
                );
                return Err(ProposalError::Lacks { line: practice.line, what });
            }
        }
        Ok(())
    }
}
