//! One request as whoever decides it holds it: borrowed, so that looking it up copies nothing.

use crate::{
    class::RecordClass,
    words::{AgencyCode, OfficerId, RegisterName},
};

use super::{
    attribute::Attribute,
    decision::Floor,
    facts::{AskContext, ExchangeKind, Facts, ReleaseContext, SearchContext, hour, weekday},
};

use Attribute as A;

/// The numbers of a query that do not follow from the time.
const NUMBERS: &[Attribute] = &[
    A::BatchSize,
    A::QuotaUsed,
    A::QuotaLeft,
    A::OfficerUsed,
    A::OfficerLeft,
    A::Reciprocity,
    A::Balance,
    A::Unexplained,
    A::Now,
];

/// A question to the rules.
#[derive(Clone, Copy, Debug)]
pub enum Request<'r> {
    /// May this query be put?
    Query(&'r AskContext),
    /// Do records of this class take part?
    Search(&'r SearchContext, &'r RecordClass),
    /// May this field of records of this class be released?
    Release(&'r ReleaseContext, &'r RecordClass),
}

impl Request<'_> {
    /// The same, as Cedar is asked it.
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::Query(ask) => Facts::query(ask),
            Self::Search(search, class) => Facts::search(search, class),
            Self::Release(release, class) => Facts::release(release, class),
        }
    }

    /// The floor that decides it whatever the rules say, if one does.
    pub(super) fn floor(&self) -> Option<Floor> {
        match self {
            Self::Query(_) => None,
            Self::Search(_, class) | Self::Release(_, class) => Floor::of(class),
        }
    }

    /// Whether it is one that Cedar takes, between two agencies, with numbers that can occur. Others are left
    /// to Cedar: it says what is wrong with them, and tables hold nothing of them.
    pub(super) fn is_usual(&self) -> bool {
        let (asker, holder) = match self {
            Self::Query(ask) => (&ask.asker, &ask.holder),
            Self::Search(search, _) => (&search.asker, &search.holder),
            Self::Release(release, _) => (&release.asker, &release.holder),
        };
        let (numbers, complete): (&[Attribute], bool) = match self {
            Self::Query(ask) => (NUMBERS, ask.exchange != ExchangeKind::Match || ask.modality.is_some()),
            Self::Search(..) => (&[], true),
            Self::Release(..) => (&[A::Approvals], true),
        };
        // Also those that no clause looks at: that a clause can never hold is found out within the range.
        let within = |attribute: &Attribute| {
            let (range, number) = (attribute.range(), self.number(*attribute));
            range.zip(number).is_some_and(|((least, most), number)| (least..=most).contains(&number))
        };
        complete && asker != holder && numbers.iter().all(within)
    }

    /// Who asks; of a search the agency alone.
    pub(super) fn asker(&self) -> (&AgencyCode, Option<&OfficerId>) {
        match self {
            Self::Query(ask) => (&ask.asker, Some(&ask.officer)),
            Self::Search(search, _) => (&search.asker, None),
            Self::Release(release, _) => (&release.asker, Some(&release.officer)),
        }
    }

    /// What is asked.
    pub(super) fn register(&self) -> (&AgencyCode, &RegisterName) {
        match self {
            Self::Query(ask) => (&ask.holder, &ask.register),
            Self::Search(search, _) => (&search.holder, &search.register),
            Self::Release(release, _) => (&release.holder, &release.register),
        }
    }

    /// The place of a code or flag in its list, if the request has one.
    pub(super) fn code(&self, attribute: Attribute) -> Option<usize> {
        Some(match (self, attribute) {
            (Self::Query(ask), A::Modality) => ask.modality? as usize,
            (Self::Query(ask), A::Purpose) => ask.purpose as usize,
            (Self::Query(ask), A::LegalBasis) => ask.legal_basis as usize,
            (Self::Query(ask), A::CaseReference) => ask.case_reference.into(),
            (Self::Search(search, _), A::Exchange) => search.exchange as usize,
            (Self::Search(search, _), A::Purpose) => search.purpose as usize,
            (Self::Release(release, _), A::Exchange) => release.exchange as usize,
            (Self::Release(release, _), A::Purpose) => release.purpose as usize,
            (Self::Release(release, _), A::LegalBasis) => release.legal_basis as usize,
            (Self::Release(release, _), A::Field) => release.field as usize,
            (Self::Search(_, class) | Self::Release(_, class), _) => match attribute {
                A::Category => class.category as usize,
                A::Age => class.age as usize,
                A::Provenance => class.provenance as usize,
                A::OwnCitizen => class.own_citizen.into(),
                A::Vulnerable => class.vulnerable.into(),
                A::Marked => class.marked.into(),
                A::Blocked => class.blocked.into(),
                A::Contested => class.contested.into(),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// A number, if the request has it.
    pub(super) fn number(&self, attribute: Attribute) -> Option<i64> {
        Some(match (self, attribute) {
            (Self::Query(ask), A::BatchSize) => ask.batch_size.into(),
            (Self::Query(ask), A::QuotaUsed) => ask.quota_used.into(),
            (Self::Query(ask), A::QuotaLeft) => ask.quota_left(),
            (Self::Query(ask), A::OfficerUsed) => ask.officer_used.into(),
            (Self::Query(ask), A::OfficerLeft) => ask.officer_left,
            (Self::Query(ask), A::Reciprocity) => ask.reciprocity.into(),
            (Self::Query(ask), A::Balance) => ask.balance,
            (Self::Query(ask), A::Unexplained) => ask.unexplained.into(),
            (Self::Query(ask), A::Weekday) => weekday(ask.now),
            (Self::Query(ask), A::Hour) => hour(ask.now),
            (Self::Query(ask), A::Now) => ask.now.0,
            (Self::Release(release, _), A::Approvals) => release.approvals.into(),
            _ => return None,
        })
    }
}
