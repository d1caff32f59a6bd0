//! The solver's example as a request of the program, put to the rules themselves.

use cedar_policy::{EvalResult, Expression, eval_expression};
use cedar_policy_symcc::Env;

use crate::{
    class::RecordClass,
    rules::{
        Rulebook,
        attribute::Attribute,
        decision::Decision,
        facts::{AskContext, ExchangeKind, Facts, ReleaseContext, SearchContext},
        space::Names,
    },
    words::{AgeBand, AgencyCode, OfficerId, RegisterName, Timestamp},
};

use super::Case;

impl Case {
    fn facts(&self) -> Facts {
        match self {
            Self::Query(context) => Facts::query(context),
            Self::Search { context, class } => Facts::search(context, class),
            Self::Release { context, class } => Facts::release(context, class),
        }
    }

    /// What the rules say of it.
    pub(super) fn judge(&self, book: &Rulebook) -> Decision {
        match self {
            Self::Query(context) => book.ask(context),
            Self::Search { context, class } => book.search(context, class),
            Self::Release { context, class } => book.release(context, class),
        }
    }

    /// What the clauses alone say of it.
    pub(super) fn judge_without_floors(&self, book: &Rulebook) -> Decision {
        book.decide(&self.facts())
    }
}

/// A request in lines for people.
pub(super) fn lines(case: &Case) -> Vec<String> {
    let facts = case.facts();
    facts
        .attributes()
        .iter()
        .map(|attribute| (attribute, facts.show(*attribute)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(attribute, value)| format!("{attribute}: {value}"))
        .collect()
}

/// An example of the solver.
pub(super) struct Replay<'a> {
    names: &'a Names,
    example: &'a Env,
}

impl<'a> Replay<'a> {
    pub(super) fn new(names: &'a Names, example: &'a Env) -> Self {
        Self { names, example }
    }

    /// The first request like the example that `judge` confirms, and what it says.
    ///
    /// Names that no rule mentions do not matter, so the program's stand in. The solver chooses
    /// hour, weekday and time each by itself: moments near its time that have its hour and weekday
    /// are tried in turn.
    pub(super) fn find(&self, judge: impl Fn(&Case) -> Option<String>) -> Option<(Case, String)> {
        let cases = match self.action()?.as_str() {
            "Search" => vec![self.search()?],
            "Release" => vec![self.release()?],
            _ => self.queries()?,
        };
        cases.into_iter().find_map(|case| judge(&case).map(|said| (case, said)))
    }

    fn action(&self) -> Option<String> {
        Some(self.example.request.action()?.id().unescaped().to_owned())
    }

    fn queries(&self) -> Option<Vec<Case>> {
        let exchange = match self.action()?.as_str() {
            "QueryExact" => ExchangeKind::Exact,
            "QueryCount" => ExchangeKind::Count,
            _ => ExchangeKind::Match,
        };
        let small = |what| u32::try_from(self.number(what)?).ok();
        let modality = match exchange {
            ExchangeKind::Match => Some(self.code("context.modality")?.parse().ok()?),
            _ => None,
        };
        let asker = self.agency("principal").unwrap_or_else(|| self.names.other_asker.clone());
        let officer = self.officer();
        let (holder, register) = self.register("==");
        let quota_used = small("context.quotaUsed")?;
        let limit = i64::from(quota_used).checked_add(self.number("context.quotaLeft")?)?;
        let context = AskContext {
            asker,
            officer,
            holder,
            register,
            exchange,
            modality,
            purpose: self.code("context.purpose")?.parse().ok()?,
            legal_basis: self.code("context.legalBasis")?.parse().ok()?,
            case_reference: self.holds("context.caseReference"),
            batch_size: small("context.batchSize")?,
            quota_used,
            quota_limit: u32::try_from(limit).ok()?,
            officer_used: small("context.officerUsed")?,
            officer_left: self.number("context.officerLeft")?,
            reciprocity: i16::try_from(self.number("context.reciprocity")?).ok()?,
            balance: self.number("context.balance")?,
            unexplained: small("context.unexplained")?,
            now: Timestamp(0),
        };
        let millis = self.number("context.now.durationSince(datetime(\"1970-01-01\")).toMilliseconds()")?;
        let (hour, weekday) = (self.number("context.hour")?, self.number("context.weekday")?);
        let moments = moments(millis, hour, weekday).into_iter();
        Some(moments.map(|now| Case::Query(AskContext { now, ..context.clone() })).collect())
    }

    fn search(&self) -> Option<Case> {
        let asker = self.agency("principal").unwrap_or_else(|| self.names.other_asker.clone());
        let (holder, register) = self.register("in");
        let context = SearchContext {
            asker,
            holder,
            register,
            purpose: self.code("context.purpose")?.parse().ok()?,
            exchange: self.exchange()?,
        };
        Some(Case::Search { context, class: self.class()? })
    }

    fn release(&self) -> Option<Case> {
        let asker = self.agency("principal").unwrap_or_else(|| self.names.other_asker.clone());
        let (holder, register) = self.register("in");
        let context = ReleaseContext {
            asker,
            officer: self.officer(),
            holder,
            register,
            purpose: self.code("context.purpose")?.parse().ok()?,
            legal_basis: self.code("context.legalBasis")?.parse().ok()?,
            exchange: self.exchange()?,
            field: self.code("context.field")?.parse().ok()?,
            approvals: u8::try_from(self.number("context.approvals")?).ok()?,
        };
        Some(Case::Release { context, class: self.class()? })
    }

    fn officer(&self) -> OfficerId {
        let mut officers = self.names.officers.iter();
        officers
            .find(|(code, officer)| self.holds(&format!("principal == Officer::\"{code}/{officer}\"")))
            .map_or_else(|| self.names.other_officer.clone(), |(_, officer)| officer.clone())
    }

    fn exchange(&self) -> Option<ExchangeKind> {
        let exchange = self.code("context.exchange")?;
        ExchangeKind::ALL.iter().copied().find(|kind| kind.as_str() == exchange)
    }

    fn class(&self) -> Option<RecordClass> {
        let age = match (self.holds("resource.minor"), self.holds("resource.ageInDoubt")) {
            (_, true) => AgeBand::Doubtful,
            (true, false) => AgeBand::Minor,
            (false, false) => AgeBand::Adult,
        };
        Some(RecordClass {
            category: self.code("resource.category")?.parse().ok()?,
            age,
            provenance: self.code("resource.provenance")?.parse().ok()?,
            own_citizen: self.holds("resource.ownCitizen"),
            vulnerable: self.holds("resource.vulnerable"),
            marked: self.holds("resource.marked"),
            blocked: self.holds("resource.blocked"),
            contested: self.holds("resource.contested"),
        })
    }

    /// The agency among those named to which this belongs.
    fn agency(&self, what: &str) -> Option<AgencyCode> {
        let mut agencies = self.names.agencies.iter();
        agencies.find(|code| self.holds(&format!("{what} in Agency::\"{code}\""))).cloned()
    }

    fn register(&self, relation: &str) -> (AgencyCode, RegisterName) {
        let mut named = self.names.registers.iter();
        let named = named
            .find(|(code, name)| self.holds(&format!("resource {relation} Register::\"{code}/{name}\"")));
        named.cloned().unwrap_or_else(|| {
            let holder = self.agency("resource").unwrap_or_else(|| self.names.other_holder.clone());
            (holder, self.names.other_register.clone())
        })
    }

    fn holds(&self, what: &str) -> bool {
        matches!(self.value(what), Some(EvalResult::Bool(true)))
    }

    fn number(&self, what: &str) -> Option<i64> {
        match self.value(what)? {
            EvalResult::Long(number) => Some(number),
            _ => None,
        }
    }

    fn code(&self, what: &str) -> Option<String> {
        match self.value(what)? {
            EvalResult::EntityUid(uid) => Some(uid.id().unescaped().to_owned()),
            _ => None,
        }
    }

    fn value(&self, what: &str) -> Option<EvalResult> {
        let what: Expression = what.parse().ok()?;
        eval_expression(&self.example.request, &self.example.entities, &what).ok()
    }
}

/// Moments with this hour and weekday, the nearest first; the time itself where it has them.
fn moments(millis: i64, hour: i64, weekday: i64) -> Vec<Timestamp> {
    let second = millis.div_euclid(1000);
    let (least, most) = Attribute::Now.range().unwrap_or((0, i64::MAX));
    let day = second.div_euclid(Timestamp::DAY);
    let within = second.rem_euclid(Timestamp::HOUR);
    let mut moments = Vec::new();
    for at in [
        day,
        day + 1,
        day - 1,
        day + 2,
        day - 2,
        day + 3,
        day - 3,
        day + 4,
        day - 4,
        day + 5,
        day - 5,
        day + 6,
        day - 6,
    ] {
        // Day 0 was a Thursday, weekday 4.
        if (at + 3).rem_euclid(7) + 1 == weekday {
            let start = at * Timestamp::DAY + hour * Timestamp::HOUR;
            moments.extend([start + within, start, start + Timestamp::HOUR - 1]);
        }
    }
    moments.retain(|moment| (least..=most).contains(moment));
    moments.sort_by_key(|moment| moment.abs_diff(second));
    moments.into_iter().map(Timestamp).collect()
}
