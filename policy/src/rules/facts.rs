//! What the rules are told about one request, and how that becomes a request to Cedar.

use std::collections::HashSet;

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, PolicySet, Request, Response,
    RestrictedExpression, Schema,
};
use serde::{Deserialize, Serialize};

use crate::{
    class::RecordClass,
    words::{AgeBand, AgencyCode, Field, LegalBasis, Modality, OfficerId, Purpose, RegisterName, Timestamp},
};

use super::schema::Vocabulary;

/// The kind of an exchange, as far as rules tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeKind {
    /// Which of the asked identifiers are in the slice.
    Exact,
    /// How many of the asked identifiers are in the slice.
    Count,
    /// Which records of the slice have a template close to the probe, or whether any has.
    Match,
}

impl ExchangeKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Exact, Self::Count, Self::Match];

    /// The code as it stands in rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Count => "count",
            Self::Match => "match",
        }
    }
}

/// One query, as the rules see it before anything is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskContext {
    /// The agency that asks.
    pub asker: AgencyCode,
    /// The officer who asks, of that agency.
    pub officer: OfficerId,
    /// The agency that is asked.
    pub holder: AgencyCode,
    /// The register that is asked.
    pub register: RegisterName,
    /// The kind of exchange.
    pub exchange: ExchangeKind,
    /// What the templates of a match were taken from; rules see it in queries of a match only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<Modality>,
    /// Why it is asked.
    pub purpose: Purpose,
    /// The legal basis it stands on.
    pub legal_basis: LegalBasis,
    /// Whether a case reference was given.
    pub case_reference: bool,
    /// Identifiers in the query, or alternatives of a match.
    pub batch_size: u32,
    /// Used of the tightest quota that applies, this query included.
    pub quota_used: u32,
    /// The tightest quota that applies. Rules see what is left of it.
    pub quota_limit: u32,
    /// Used of the tightest quota that counts this officer alone, this query included; 0 if none does.
    #[serde(default)]
    pub officer_used: u32,
    /// Left of it after this query; below 0 beyond it, and -1 if the agreement has no such quota.
    #[serde(default)]
    pub officer_left: i64,
    /// (given - received) / (given + received) per mille, from -1000 to 1000, as the holder counts.
    pub reciprocity: i16,
    /// given - received in identifiers and probes, as the holder counts.
    #[serde(default)]
    pub balance: i64,
    /// Hits of the asker under the agreement that were neither claimed nor explained in time, as its own node
    /// counts them and says in the query.
    #[serde(default)]
    pub unexplained: u32,
    /// When it is asked. Rules also see the hour and the day of the week, both in UTC.
    pub now: Timestamp,
}

/// Everything that may decide a slice. The officer and the legal basis are left out on purpose:
/// one slice serves all queries of the same agreement, register, purpose and kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SearchContext {
    /// The agency that asks.
    pub asker: AgencyCode,
    /// The agency that holds the register.
    pub holder: AgencyCode,
    /// The register.
    pub register: RegisterName,
    /// Why it is asked.
    pub purpose: Purpose,
    /// The kind of exchange.
    pub exchange: ExchangeKind,
}

/// Everything that decides whether one field is released after a hit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReleaseContext {
    /// The agency that claims.
    pub asker: AgencyCode,
    /// The officer who claims, of that agency.
    pub officer: OfficerId,
    /// The agency that holds the register.
    pub holder: AgencyCode,
    /// The register.
    pub register: RegisterName,
    /// Why it was asked.
    pub purpose: Purpose,
    /// The legal basis it stands on.
    pub legal_basis: LegalBasis,
    /// The kind of exchange that had the hit.
    pub exchange: ExchangeKind,
    /// What the field says.
    pub field: Field,
    /// Persons of the holder who approved, at most 2.
    pub approvals: u8,
}

impl AskContext {
    /// Left of the tightest quota that applies; below 0 beyond it.
    pub(super) fn quota_left(&self) -> i64 {
        i64::from(self.quota_limit).saturating_sub(self.quota_used.into())
    }
}

/// The hour of the day in UTC.
pub(super) fn hour(now: Timestamp) -> i64 {
    now.period(Timestamp::HOUR).rem_euclid(24)
}

/// The day of the week in UTC; Monday is 1.
pub(super) fn weekday(now: Timestamp) -> i64 {
    // 1970-01-01 was a Thursday, day 4.
    now.period(Timestamp::DAY).rem_euclid(7).saturating_add(3).rem_euclid(7).saturating_add(1)
}

/// One request in the terms of the schema. What is left of the quota, the hour and the weekday stand
/// on their own here, so that `diff` can vary them; for a real query they follow from the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Facts {
    Query { ask: AskContext, quota_left: i64, hour: i64, weekday: i64 },
    Search { search: SearchContext, class: RecordClass },
    Release { release: ReleaseContext, class: RecordClass },
}

impl Facts {
    pub(super) fn query(ask: &AskContext) -> Self {
        let (quota_left, hour, weekday) = (ask.quota_left(), hour(ask.now), weekday(ask.now));
        Self::Query { ask: ask.clone(), quota_left, hour, weekday }
    }

    pub(super) fn release(release: &ReleaseContext, class: &RecordClass) -> Self {
        Self::Release { release: release.clone(), class: *class }
    }

    pub(super) fn search(search: &SearchContext, class: &RecordClass) -> Self {
        Self::Search { search: search.clone(), class: *class }
    }

    /// Asks Cedar. The request is held to the schema.
    pub(super) fn put(&self, policies: &PolicySet) -> Result<Response, String> {
        let names = Vocabulary::get()?;
        self.put_within(names, Some(&names.schema), policies)
    }

    fn put_within(
        &self,
        names: &Vocabulary,
        schema: Option<&Schema>,
        policies: &PolicySet,
    ) -> Result<Response, String> {
        let (principal, action, resource, context) = match self {
            Self::Query { ask, quota_left, hour, weekday } => {
                query(names, ask, *quota_left, *hour, *weekday)?
            }
            Self::Search { search, class } => record(names, search, class)?,
            Self::Release { release, class } => field(names, release, class)?,
        };
        let (asker, holder, register) = match self {
            Self::Query { ask, .. } => (&ask.asker, &ask.holder, &ask.register),
            Self::Search { search, .. } => (&search.asker, &search.holder, &search.register),
            Self::Release { release, .. } => (&release.asker, &release.holder, &release.register),
        };
        let action = names.action.uid(action);
        let request = Request::new(principal.uid(), action, resource.uid(), context, schema)
            .map_err(|e| e.to_string())?;
        let agency = |code: &AgencyCode| Entity::with_uid(names.agency.uid(code.as_str()));
        let within = register_entity(names, holder, register);
        // An asker stands for itself as an agency, and in a trial it may be the holder: name each once.
        let mut seen = HashSet::new();
        let entities = [principal, resource, within, agency(asker), agency(holder)];
        let entities = entities.into_iter().filter(|entity| seen.insert(entity.uid()));
        let entities = Entities::from_entities(entities, None).map_err(|e| e.to_string())?;
        Ok(Authorizer::new().is_authorized(&request, policies, &entities))
    }

    /// Whether the single permit of `condition` applies, or why it cannot be evaluated. Serves to
    /// explain and compare only, many thousand times over, so the schema is not asked again.
    pub(super) fn satisfies(&self, condition: &PolicySet) -> Result<bool, String> {
        let response = self.put_within(Vocabulary::get()?, None, condition)?;
        match response.diagnostics().errors().next() {
            Some(error) => Err(error.to_string()),
            None => Ok(response.decision() == Verdict::Allow),
        }
    }
}

type Parts = (Entity, &'static str, Entity, Context);

fn query(
    names: &Vocabulary,
    ask: &AskContext,
    quota_left: i64,
    hour: i64,
    weekday: i64,
) -> Result<Parts, String> {
    let principal = officer_entity(names, &ask.asker, &ask.officer);
    let action = match ask.exchange {
        ExchangeKind::Exact => "QueryExact",
        ExchangeKind::Count => "QueryCount",
        ExchangeKind::Match => "QueryMatch",
    };
    let number = RestrictedExpression::new_long;
    let context = [
        ("purpose", names.purpose.value(ask.purpose.as_str())),
        ("legalBasis", names.legal_basis.value(ask.legal_basis.as_str())),
        ("caseReference", RestrictedExpression::new_bool(ask.case_reference)),
        ("batchSize", number(ask.batch_size.into())),
        ("quotaUsed", number(ask.quota_used.into())),
        ("quotaLeft", number(quota_left)),
        ("officerUsed", number(ask.officer_used.into())),
        ("officerLeft", number(ask.officer_left)),
        ("reciprocity", number(ask.reciprocity.into())),
        ("balance", number(ask.balance)),
        ("unexplained", number(ask.unexplained.into())),
        ("hour", number(hour)),
        ("weekday", number(weekday)),
        ("now", RestrictedExpression::new_datetime(ask.now.to_string())),
    ];
    let modality = ask.modality.filter(|_| ask.exchange == ExchangeKind::Match);
    let modality = modality.map(|modality| ("modality", names.modality.value(modality.as_str())));
    let context = context.into_iter().chain(modality).map(|(name, value)| (name.to_owned(), value));
    let context = Context::from_pairs(context).map_err(|e| e.to_string())?;
    Ok((principal, action, register_entity(names, &ask.holder, &ask.register), context))
}

fn record(names: &Vocabulary, search: &SearchContext, class: &RecordClass) -> Result<Parts, String> {
    let principal = Entity::with_uid(names.agency.uid(search.asker.as_str()));
    let resource = class_entity(names, class, &search.holder, &search.register)?;
    let context = [
        ("purpose", names.purpose.value(search.purpose.as_str())),
        ("exchange", names.exchange.value(search.exchange.as_str())),
    ];
    let context = context.map(|(name, value)| (name.to_owned(), value));
    let context = Context::from_pairs(context).map_err(|e| e.to_string())?;
    Ok((principal, "Search", resource, context))
}

fn field(names: &Vocabulary, release: &ReleaseContext, class: &RecordClass) -> Result<Parts, String> {
    let principal = officer_entity(names, &release.asker, &release.officer);
    let resource = class_entity(names, class, &release.holder, &release.register)?;
    let context = [
        ("field", names.field.value(release.field.as_str())),
        ("purpose", names.purpose.value(release.purpose.as_str())),
        ("legalBasis", names.legal_basis.value(release.legal_basis.as_str())),
        ("exchange", names.exchange.value(release.exchange.as_str())),
        ("approvals", RestrictedExpression::new_long(release.approvals.into())),
    ];
    let context = context.map(|(name, value)| (name.to_owned(), value));
    let context = Context::from_pairs(context).map_err(|e| e.to_string())?;
    Ok((principal, "Release", resource, context))
}

fn officer_entity(names: &Vocabulary, agency: &AgencyCode, officer: &OfficerId) -> Entity {
    let uid = names.officer.uid(&format!("{agency}/{officer}"));
    Entity::new_no_attrs(uid, HashSet::from([names.agency.uid(agency.as_str())]))
}

fn class_entity(
    names: &Vocabulary,
    class: &RecordClass,
    holder: &AgencyCode,
    register: &RegisterName,
) -> Result<Entity, String> {
    let flag = RestrictedExpression::new_bool;
    let RecordClass { category, age, provenance, own_citizen, vulnerable, marked, blocked, contested } =
        *class;
    let attributes = [
        ("category", names.category.value(category.as_str())),
        ("provenance", names.provenance.value(provenance.as_str())),
        // A doubtful age is decided as the youngest, whichever way a rule is put.
        ("minor", flag(age != AgeBand::Adult)),
        ("ageInDoubt", flag(age == AgeBand::Doubtful)),
        ("ownCitizen", flag(own_citizen)),
        ("vulnerable", flag(vulnerable)),
        ("marked", flag(marked)),
        ("blocked", flag(blocked)),
        ("contested", flag(contested)),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
    let register = names.register.uid(&register_id(holder, register));
    Entity::new(names.record.uid("class"), attributes, HashSet::from([register])).map_err(|e| e.to_string())
}

fn register_entity(names: &Vocabulary, holder: &AgencyCode, register: &RegisterName) -> Entity {
    let agency = names.agency.uid(holder.as_str());
    Entity::new_no_attrs(names.register.uid(&register_id(holder, register)), HashSet::from([agency]))
}

/// The id of a register in rules, such as `RS/border`.
pub(super) fn register_id(holder: &AgencyCode, register: &RegisterName) -> String {
    format!("{holder}/{register}")
}
