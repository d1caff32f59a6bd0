//! Whether a proposal fits the scenario in which it is looked at.

use symbolon_policy::{
    agreement::Terms,
    words::{AgencyCode, Timestamp},
};

use super::{Proposal, ProposalError};
use crate::{calendar::first_second, scenario::Scenario};

impl Proposal {
    /// Agreements that are not in force for the whole run, of which it is said for how much of it they are.
    pub fn warnings(&self, scenario: &Scenario) -> Vec<String> {
        let Some(start) = first_second(&scenario.run.start) else { return Vec::new() };
        let end = start + i64::from(scenario.run.days) * Timestamp::DAY;
        let short = |terms: &&Terms| terms.valid_from.0 > start || terms.valid_until.0 < end;
        let each = self.deals.iter().filter(|(_, terms)| short(terms)).map(|([a, b], terms)| {
            let days = (terms.valid_until.0.min(end) - terms.valid_from.0.max(start)).max(0) / Timestamp::DAY;
            format!(
                "the agreement of {a} and {b} in the proposal {} is in force from {} until {}, that is for {days} of the \
                 {} days of the run",
                self.id, terms.valid_from, terms.valid_until, scenario.run.days
            )
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
