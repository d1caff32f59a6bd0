//! How fields and claims stand. Worked out here alone, for the text and for the JSON.

use symbolon_policy::{
    case::End,
    claim::{Release, Standing as FieldStanding, Told},
    words::{Field, Reference},
};

use super::{super::table::one_line, persons};
use crate::control::api::{CaseLine, ClaimLine};

/// What is known of how fields stand: how many persons approved, what was released, whether the case is over.
pub(super) struct Known<'a> {
    approvals: u8,
    taken: Vec<&'a Release>,
    /// Released, and the asker did not sign that it has them.
    untaken: Vec<&'a Release>,
    /// Of those what is not handed over as it stands now, where that is known.
    kept_back: &'a [(Reference, Field)],
    over: bool,
}

/// What of all that was approved did not leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli::render) enum Left {
    /// All did.
    Nothing,
    /// What waits for the asker.
    Untaken,
    /// What was kept back.
    KeptBack,
}

/// How one field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// The rules refuse it.
    RefusedByRules,
    /// The record has no such field.
    Absent,
    /// It was released, and the asker has it.
    Released,
    /// It was released, and the asker has not taken it.
    ReleasedNotTaken,
    /// It was released, and is not handed over as it stands now.
    KeptBack,
    /// It was approved, and did not leave.
    ApprovedNotReleased,
    /// The case ended before enough persons approved.
    NotReleased,
    /// It waits for so many persons.
    Waits(u8),
}

impl Stands {
    /// As JSON has it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::RefusedByRules => "refused_by_rules",
            Self::Absent => "absent",
            Self::Released => "released",
            Self::ReleasedNotTaken => "released_not_taken",
            Self::KeptBack => "kept_back",
            Self::ApprovedNotReleased => "approved_not_released",
            Self::NotReleased => "not_released",
            Self::Waits(_) => "waits",
        }
    }

    /// As people read it.
    pub(super) fn text(self) -> String {
        match self {
            Self::RefusedByRules => "refused by the rules".to_owned(),
            Self::Absent => "not in the record".to_owned(),
            Self::Released => "released".to_owned(),
            Self::ReleasedNotTaken => "released, not taken yet".to_owned(),
            Self::KeptBack => "released, kept back".to_owned(),
            Self::ApprovedNotReleased => "approved, not released".to_owned(),
            Self::NotReleased => "not released".to_owned(),
            Self::Waits(count) => format!("waits for {}", persons(count)),
        }
    }
}

impl<'a> Known<'a> {
    /// Of a claim of this node.
    pub(super) fn claimed(line: &'a ClaimLine) -> Self {
        let standing = line.standing.as_ref();
        Self {
            approvals: standing.map_or(0, |standing| standing.approvals),
            taken: line.releases.iter().map(|taken| &taken.release).collect(),
            untaken: Vec::new(),
            kept_back: &[],
            over: standing.is_some_and(|standing| standing.end.is_some()),
        }
    }

    /// Of a case of this node.
    pub(super) fn held(line: &'a CaseLine) -> Self {
        let (taken, untaken) = line.releases.iter().partition(|release| line.taken.contains(&release.number));
        Self {
            approvals: line.case.approvals(),
            taken,
            untaken,
            kept_back: &line.kept_back,
            over: line.case.end.is_some(),
        }
    }

    fn taken(&self, reference: Reference, field: Field) -> bool {
        self.taken.iter().any(|release| release.has(reference, field))
    }

    /// How a field stands.
    pub(super) fn stands(&self, reference: Reference, field: Field, standing: FieldStanding) -> Stands {
        let kept_back = || self.kept_back.contains(&(reference, field));
        match standing {
            FieldStanding::Refused => Stands::RefusedByRules,
            FieldStanding::Absent => Stands::Absent,
            FieldStanding::Needs(_) if self.taken(reference, field) => Stands::Released,
            FieldStanding::Needs(needs) if needs <= self.approvals => {
                let made = self.untaken.iter().any(|release| release.has(reference, field));
                match (made, kept_back()) {
                    (_, true) => Stands::KeptBack,
                    (true, false) => Stands::ReleasedNotTaken,
                    (false, false) => Stands::ApprovedNotReleased,
                }
            }
            FieldStanding::Needs(_) if self.over => Stands::NotReleased,
            FieldStanding::Needs(needs) => Stands::Waits(needs.saturating_sub(self.approvals)),
        }
    }
}

/// Of several, what says most.
pub(in crate::cli::render) fn most(left: impl Iterator<Item = Left>) -> Left {
    left.fold(Left::Nothing, |most, next| match (most, next) {
        (Left::KeptBack, _) | (_, Left::KeptBack) => Left::KeptBack,
        (Left::Untaken, _) | (_, Left::Untaken) => Left::Untaken,
        (Left::Nothing, Left::Nothing) => Left::Nothing,
    })
}

/// What of fields that stand so did not leave.
pub(super) fn left(fields: impl Iterator<Item = Stands>) -> Left {
    most(fields.map(|stands| match stands {
        Stands::ReleasedNotTaken => Left::Untaken,
        Stands::KeptBack | Stands::ApprovedNotReleased => Left::KeptBack,
        _ => Left::Nothing,
    }))
}

/// Fields of a claim of this node, of which record each is, and how they stand.
pub(super) fn claimed(line: &ClaimLine) -> Vec<(&Told, Field, Stands)> {
    let known = Known::claimed(line);
    let told = line.outcome.iter().flat_map(|outcome| &outcome.found);
    let fields = told.flat_map(|told| told.fields.iter().map(move |(field, stands)| (told, *field, *stands)));
    fields.map(|(told, field, stands)| (told, field, known.stands(told.reference, field, stands))).collect()
}

/// Fields of a case of this node, of which record each is, by which clauses, and how they stand.
pub(super) fn held(line: &CaseLine) -> Vec<(Reference, Field, Stands, &[String])> {
    let known = Known::held(line);
    let fields = line.case.found.iter().flat_map(|found| found.fields.iter().map(move |of| (found, of)));
    let each = fields.map(|(found, of)| {
        let stands = known.stands(found.reference, of.field, of.standing);
        (found.reference, of.field, stands, of.clauses.as_slice())
    });
    each.collect()
}

/// What of all that was approved in a case did not leave.
pub(super) fn left_of(line: &CaseLine) -> Left {
    left(held(line).into_iter().map(|(_, _, stands, _)| stands))
}

/// How a case ended, and what of it did not leave: as JSON has it, and as people read it.
pub(super) fn over(end: &End, left: Left) -> (&'static str, String) {
    let (code, text) = match (end, left) {
        (End::Released, Left::Nothing) => ("released", "everything that may be released is"),
        (End::Released, Left::Untaken) => ("not_all_taken", "approved, and not everything was taken yet"),
        (End::Released, Left::KeptBack) => {
            ("not_all_released", "approved, and not everything could be released")
        }
        (End::Refused { reason, .. }, _) => return ("refused", format!("refused: {}", one_line(reason))),
        (End::Expired, _) => ("lapsed", "nobody decided in time"),
        (End::Nothing, _) => ("nothing_to_release", "there is nothing that could be released"),
    };
    (code, text.to_owned())
}

/// The same for people.
pub(in crate::cli::render) fn end(end: &End, left: Left) -> String {
    over(end, left).1
}
