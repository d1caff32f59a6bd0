//! From hit to case in the demonstration: officers with keys, two claims, and a proof about the rules.
//!
//! MK's officer claims two hits that another of its officers has verified. For an adult the facts of the event take one
//! person of RS, the name two. The hit on a minor, whom only a query for the child's protection finds, is refused by a
//! person of RS, with a reason. Then the adult's record is contested, and MK is told. What is opened, released and refused is what two real nodes said.

mod play;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use symbolon_policy::{
    claim::Standing,
    notice::Cause,
    rules::proof::Verdict,
    words::{Field, OfficerId, QueryId},
};

pub(super) use text::write;

/// Who takes part, with what they may do; the first asks all queries.
const ASKERS: [(&str, &str); 2] = [(super::OFFICER, "asks"), ("mk.expert-0233", "verifies")];
const HOLDERS: [(&str, &str); 2] = [("rs.officer-0012", "approves"), ("rs.officer-0031", "approves")];
/// What is requested of the adult.
const FIELDS: [Field; 4] = [Field::Category, Field::Place, Field::Name, Field::Nationality];
/// What is requested of the minor.
const MINORS_FIELDS: [Field; 2] = [Field::Place, Field::Name];
/// Why the minor's fields are not released.
const REASON: &str = "the child's guardian has not been heard";
/// Why the adult's record is contested.
const CONTESTED: &str = "letter of the person";
/// Purposes for which the ready rules let a minor be found.
const MINORS_PURPOSES: &str = "CHILD_PROTECTION,MISSING_HUMANITARIAN,REMAINS,STATISTICS";

/// What came of the claims.
#[derive(Clone, Debug, Serialize)]
pub struct Procedure {
    /// Why a claim was refused that nobody had verified.
    pub unverified: String,
    /// The claim of an adult.
    pub adult: Claimed,
    /// The claim of a minor, by another query, for the child's protection.
    pub minor: Claimed,
    /// What became of the adult's record, and who was told.
    pub contested: Contested,
    /// The proof about minors.
    pub proof: Proved,
}

/// A record of which fields were released is contested.
#[derive(Clone, Debug, Serialize)]
pub struct Contested {
    /// What the agency that received them was told.
    pub cause: Cause,
    /// Of which fields.
    pub fields: Vec<Field>,
    /// Whether both signed the notice.
    pub confirmed: bool,
    /// Releases that the person is shown.
    pub shown: usize,
}

/// One claim.
#[derive(Clone, Debug, Serialize)]
pub struct Claimed {
    /// The asker's reference of the person.
    pub reference: String,
    /// The query whose hit is claimed.
    pub query: QueryId,
    /// How the requested fields stood before anybody decided.
    pub standing: Vec<(Field, Standing)>,
    /// What was released, in order.
    pub releases: Vec<Released>,
    /// Why the rest was refused, if a person refused it.
    pub refused: Option<String>,
}

/// One release.
#[derive(Clone, Debug, Serialize)]
pub struct Released {
    /// Who approved.
    pub approved_by: Vec<OfficerId>,
    /// The fields, as the officer who claimed reads them.
    pub fields: BTreeMap<Field, serde_json::Value>,
}

/// A proof about the agreement's rules.
#[derive(Clone, Debug, Serialize)]
pub struct Proved {
    /// What was put to the solver.
    pub claim: String,
    /// What came out, and the solver; nothing where there is none.
    pub found: Option<(Verdict, String)>,
    /// Why there is nothing.
    pub missing: Option<String>,
}

impl Procedure {
    /// What is not as it must be.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{what}: {self:?}"));
            }
        };
        let standing =
            |claimed: &Claimed| claimed.standing.iter().map(|(_, standing)| *standing).collect::<Vec<_>>();
        let one_then_two = [Standing::Needs(1), Standing::Needs(1), Standing::Needs(2), Standing::Absent];
        must(standing(&self.adult) == one_then_two, "the adult's fields stand otherwise");
        let by: Vec<_> = self.adult.releases.iter().map(|release| release.approved_by.len()).collect();
        must(by == [1, 2], "the adult's fields were released by other numbers of persons");
        let released = |fields: &Released| fields.fields.keys().copied().collect::<Vec<_>>();
        let fields: Vec<_> = self.adult.releases.iter().map(released).collect();
        must(
            fields == [vec![Field::Category, Field::Place], vec![Field::Name]],
            "other fields were released",
        );
        let Contested { cause, fields, confirmed, shown } = &self.contested;
        let received = [Field::Category, Field::Place, Field::Name];
        must(
            *cause == Cause::Contested && *fields == received && *confirmed && *shown == 2,
            "who received fields was not told that they are contested, or the person not shown who received them",
        );
        must(self.minor.releases.is_empty(), "something of the minor was released");
        must(self.minor.refused.as_deref() == Some(REASON), "the minor's claim was not refused by a person");
        let verdict = self.proof.found.as_ref().map(|(verdict, ..)| *verdict);
        must(
            verdict.is_none_or(|verdict| verdict == Verdict::Proved),
            "the rules about minors are not proved",
        );
        faults
    }
}
