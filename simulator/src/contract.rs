//! A proposal made ready to decide millions of queries, each as the node would decide it.
//!
//! Nothing is decided here in other words than the policy's: what terms cover is asked of [`permit::covers`], what a
//! query costs of [`quota::charges`], and every decision of the rules comes from a [`Rulebook`] that both sides of a
//! pair have, with their own national rules. What is decided alike is asked once ([`table`]): queries by the cell of
//! their numbers, records and fields by their class. `contract/tests.rs` holds all of it to
//! [`permit::admit`], the node's own way in.

mod table;

use std::collections::BTreeMap;

use symbolon_policy::{
    agreement::{MatchAnswer, Terms},
    ask::{Ask, MatchAsk},
    class::RecordClass,
    permit,
    quota::{self, Meter},
    receipt::{AnswerClass, leakage_bits},
    rules::{
        ExchangeKind, Kind, ReleaseContext, RuleErrors, RuleSet, Rulebook, RulebookError, SearchContext,
    },
    words::{
        AgencyCode, AgreementId, Digest, Field, OfficerId, Position, Provenance, QueryId, RegisterName,
        Timestamp, WordError,
    },
};

use crate::{
    cost::{COUNT, Calibration, EXACT, EngineCost},
    proposal::{Proposal, ordered},
    region::{CLASSES, class},
    scenario::{EventKind, Practice, Scenario},
};

pub(crate) use table::{Numbers, Table};

/// What cannot be made ready.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ContractError {
    /// Rules do not stand.
    #[error("rules of the proposal {0} do not stand:\n{1}")]
    Rules(String, RuleErrors),
    /// Rules do not stand together.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
    /// A word that is none.
    #[error(transparent)]
    Word(#[from] WordError),
}

/// A proposal made ready.
pub(crate) struct Contract {
    /// The proposal's name.
    pub(crate) id: String,
    /// Every practice between every directed pair.
    pub(crate) lines: Vec<Line>,
    /// Places of lines by event and asker.
    by: BTreeMap<(EventKind, usize), Vec<usize>>,
    pub(crate) pacts: Vec<Pact>,
    pub(crate) meters: Vec<MeterKind>,
    pub(crate) tables: Vec<Table>,
    pub(crate) canary_share: f64,
}

/// An agreement between two parties.
pub(crate) struct Pact {
    pub(crate) parties: [usize; 2],
    pub(crate) valid_from: i64,
    pub(crate) valid_until: i64,
}

/// A meter of one asker under one agreement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeterKind {
    pub(crate) limit: f64,
    pub(crate) days: i64,
    /// The asker, where every officer has one.
    pub(crate) officers_of: Option<usize>,
}

/// What a query puts on a meter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) meter: usize,
    /// For one item, if it grows with the items, or for the query.
    pub(crate) amount: f64,
    pub(crate) by_items: bool,
    pub(crate) is_quota: bool,
    /// Whether every officer has a meter of its own.
    pub(crate) by_officer: bool,
}

/// Claims after hits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claims {
    pub(crate) claim_seconds: i64,
    pub(crate) decide_seconds: i64,
}

/// One practice of one asker towards one holder.
pub(crate) struct Line {
    pub(crate) asker: usize,
    pub(crate) holder: usize,
    pub(crate) practice: usize,
    pub(crate) exchange: ExchangeKind,
    pub(crate) items: u32,
    /// Under which agreement; without one nothing can be asked.
    pub(crate) pact: Option<usize>,
    /// Whether the terms cover it.
    pub(crate) covered: bool,
    pub(crate) uses: Vec<Use>,
    /// Whether it matters which officer asks.
    pub(crate) by_officer: bool,
    /// The tables of the asker and the holder; one if both decide by the same rules.
    pub(crate) tables: Vec<usize>,
    /// Classes of records that take part.
    pub(crate) slice: Vec<bool>,
    /// For each class and each field claimed, the approvals that it needs; none if it is never released.
    pub(crate) needs: Vec<Vec<Option<u8>>>,
    /// Bits that each field claimed tells at most.
    pub(crate) field_bits: Vec<f64>,
    pub(crate) claims: Option<Claims>,
    pub(crate) cost: EngineCost,
    /// Seconds for which a snapshot or keys serve.
    pub(crate) epoch_seconds: i64,
    pub(crate) answer: Option<AnswerClass>,
    /// For a count: ε in thousandths, dummies, and the smallest and largest batch.
    pub(crate) count: Option<(u32, u32, u32, u32)>,
    pub(crate) every_days: i64,
}

impl Line {
    /// The most bits that an answer tells.
    pub(crate) fn bound(&self, entries: f64) -> f64 {
        // Fewer than 2^53 entries.
        self.answer.map_or(0.0, |answer| leakage_bits(answer, self.items, entries as u64) as f64)
    }
}

/// Bits of a field for which the scenario has no number: what a domain of usual size tells.
fn usual_bits(field: Field) -> f64 {
    match field {
        Field::Category => 3.0,
        Field::Taken | Field::EventDate => 11.0,
        Field::Place => 7.0,
        Field::Sex => 1.0,
        Field::Authority => 5.0,
        Field::CaseNumber => 17.0,
        Field::Name => 20.0,
        Field::BirthDate => 15.0,
        Field::Nationality => 5.0,
        Field::Document => 30.0,
        Field::Other => 10.0,
    }
}

/// The register that every simulated party has.
pub(crate) const REGISTER: &str = "border";
/// The officer in whose name queries are put; each simulated officer is decided like him.
const OFFICER: &str = "officer";

impl Contract {
    /// Makes a proposal ready.
    ///
    /// # Errors
    /// [`ContractError`] if rules do not stand.
    pub(crate) fn new(
        scenario: &Scenario,
        proposal: &Proposal,
        calibration: &Calibration,
    ) -> Result<Self, ContractError> {
        let mut making = Making::new(scenario, proposal, calibration);
        let parties = scenario.party.len();
        for (number, practice) in scenario.practice.iter().enumerate() {
            for asker in 0..parties {
                for holder in (0..parties).filter(|holder| *holder != asker) {
                    making.line(number, practice, asker, holder)?;
                }
            }
        }
        Ok(making.done())
    }

    /// Lines that come up at an event of an asker.
    pub(crate) fn at(&self, event: EventKind, asker: usize) -> &[usize] {
        self.by.get(&(event, asker)).map_or(&[], Vec::as_slice)
    }
}

/// Work in progress.
struct Making<'a> {
    scenario: &'a Scenario,
    proposal: &'a Proposal,
    calibration: &'a Calibration,
    contract: Contract,
    pacts: BTreeMap<[usize; 2], usize>,
    /// Rulebooks by their texts.
    books: BTreeMap<(String, Option<String>), Rulebook>,
    /// Meters by agreement, asker and what they count.
    meters: BTreeMap<(usize, usize, Meter), usize>,
    slices: BTreeMap<String, Vec<bool>>,
    needs: BTreeMap<String, Vec<Vec<Option<u8>>>>,
    tables: BTreeMap<String, usize>,
}

impl<'a> Making<'a> {
    fn new(scenario: &'a Scenario, proposal: &'a Proposal, calibration: &'a Calibration) -> Self {
        let contract = Contract {
            id: proposal.id.clone(),
            lines: Vec::new(),
            by: BTreeMap::new(),
            pacts: Vec::new(),
            meters: Vec::new(),
            tables: Vec::new(),
            canary_share: proposal.canary_share,
        };
        Self {
            scenario,
            proposal,
            calibration,
            contract,
            pacts: BTreeMap::new(),
            books: BTreeMap::new(),
            meters: BTreeMap::new(),
            slices: BTreeMap::new(),
            needs: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    fn done(self) -> Contract {
        self.contract
    }

    fn line(
        &mut self,
        number: usize,
        practice: &Practice,
        asker: usize,
        holder: usize,
    ) -> Result<(), ContractError> {
        let codes = self.scenario.codes();
        let (Some(a), Some(h)) = (codes.get(asker), codes.get(holder)) else { return Ok(()) };
        let named = |list: &[_], code| list.is_empty() || list.contains(code);
        if !named(&practice.askers, a) || !named(&practice.holders, h) {
            return Ok(());
        }
        let proposal = self.proposal;
        let terms = proposal.deals.get(&ordered([a.clone(), h.clone()]));
        let mut line = Line {
            asker,
            holder,
            practice: number,
            exchange: practice.exchange,
            items: practice.items,
            pact: None,
            covered: false,
            uses: Vec::new(),
            by_officer: false,
            tables: Vec::new(),
            slice: vec![false; CLASSES],
            needs: Vec::new(),
            field_bits: Vec::new(),
            claims: None,
            cost: EngineCost::default(),
            epoch_seconds: Timestamp::DAY,
            answer: None,
            count: None,
            every_days: practice.every_days.map_or(0, i64::from),
        };
        if let Some(terms) = terms {
            self.agreed(&mut line, practice, terms, [a, h])?;
        }
        let place = self.contract.lines.len();
        self.contract.lines.push(line);
        self.contract.by.entry((practice.at, asker)).or_default().push(place);
        Ok(())
    }

    /// Fills in what an agreement settles.
    fn agreed(
        &mut self,
        line: &mut Line,
        practice: &Practice,
        terms: &Terms,
        [a, h]: [&AgencyCode; 2],
    ) -> Result<(), ContractError> {
        let ask = ask(practice, terms, a, h)?;
        let pact = self.pact(terms, [line.asker, line.holder]);
        line.pact = Some(pact);
        line.covered = permit::covers(terms, &ask).is_ok() || ask.exchange == ExchangeKind::Count;
        line.answer = AnswerClass::of(terms, &ask);
        line.epoch_seconds = epoch(practice.exchange, terms);
        line.count = terms
            .count
            .as_ref()
            .filter(|_| ask.exchange == ExchangeKind::Count)
            .map(|count| (count.epsilon_milli, count.dummies, count.smallest_batch, count.largest_batch));
        if ask.exchange == ExchangeKind::Count && line.count.is_none() {
            line.covered = false;
        }
        line.cost = self.cost(&ask, terms);
        self.uses(line, terms, &ask, pact);
        // Nothing is asked that no quota concerns.
        line.covered &= line.uses.iter().any(|using| using.is_quota);
        let modality = ask.matching.as_ref().zip(terms.matching.as_ref());
        let modality =
            modality.and_then(|(asked, agreed)| agreed.form(&asked.form)).map(|form| form.modality);
        let national = |code| self.proposal.national.get(code).cloned();
        let (at_asker, at_holder) = (national(a), national(h));
        for own in [&at_asker, &at_holder] {
            let key = format!("{a} {h} {} {} {}", line.practice, ask.items, own.as_deref().unwrap_or(""));
            let known = self.tables.get(&(key.clone() + &terms.rules)).copied();
            let table = if let Some(table) = known {
                table
            } else {
                let book = self.book(&terms.rules, own.as_deref())?;
                self.contract.tables.push(Table::new(book, &ask, modality));
                let table = self.contract.tables.len() - 1;
                self.tables.insert(key + &terms.rules, table);
                table
            };
            if !line.tables.contains(&table) {
                line.tables.push(table);
            }
        }
        let book = self.book(&terms.rules, at_holder.as_deref())?;
        let names = if book.cuts().names { format!("{a} {h}") } else { String::new() };
        let key = format!(
            "{names} {} {} {} {} {:?} {}",
            ask.exchange.as_str(),
            ask.purpose,
            ask.basis,
            at_holder.as_deref().unwrap_or(""),
            practice.fields,
            terms.rules
        );
        let provenance = self.scenario.party.get(h).map_or(Provenance::Own, |party| party.provenance);
        let key = format!("{provenance} {key}");
        let class = |place: usize| RecordClass { provenance, ..class(place) };
        line.slice = self.slices.entry(key.clone()).or_insert_with(|| slice(&book, &ask, &class)).clone();
        if let Some(claims) = terms.claims.as_ref().filter(|_| ask.exchange != ExchangeKind::Count) {
            let seconds = |hours: u32| i64::from(hours) * Timestamp::HOUR;
            line.claims = (!practice.fields.is_empty()).then_some(Claims {
                claim_seconds: seconds(claims.claim_hours),
                decide_seconds: seconds(claims.decide_hours),
            });
            line.needs =
                self.needs.entry(key).or_insert_with(|| needs(&book, &ask, &practice.fields, &class)).clone();
        }
        let bits = |field: &Field| {
            self.scenario
                .field_bits
                .get(field)
                .map_or_else(|| usual_bits(*field), crate::scenario::Quantity::mid)
        };
        line.field_bits = practice.fields.iter().map(bits).collect();
        Ok(())
    }

    fn pact(&mut self, terms: &Terms, parties: [usize; 2]) -> usize {
        let mut key = parties;
        key.sort_unstable();
        if let Some(pact) = self.pacts.get(&key) {
            return *pact;
        }
        let pact = Pact { parties: key, valid_from: terms.valid_from.0, valid_until: terms.valid_until.0 };
        self.contract.pacts.push(pact);
        self.pacts.insert(key, self.contract.pacts.len() - 1);
        self.contract.pacts.len() - 1
    }

    fn book(&mut self, shared: &str, national: Option<&str>) -> Result<Rulebook, ContractError> {
        let key = (shared.to_owned(), national.map(str::to_owned));
        if let Some(book) = self.books.get(&key) {
            return Ok(book.clone());
        }
        let fault = |errors| ContractError::Rules(self.proposal.id.clone(), errors);
        let own = national.map(|text| RuleSet::parse(text, Kind::National)).transpose().map_err(fault)?;
        let book = Rulebook::new(RuleSet::parse(shared, Kind::Shared).map_err(fault)?, own)?;
        self.books.insert(key, book.clone());
        Ok(book)
    }

    /// What a query of this line puts on which meters, by the policy's own account.
    fn uses(&mut self, line: &mut Line, terms: &Terms, ask: &Ask, pact: usize) {
        let now = terms.valid_from;
        let double = Ask { items: ask.items.saturating_mul(2), ..ask.clone() };
        let more = quota::charges(terms, &double, now);
        for (charge, twice) in quota::charges(terms, ask, now).into_iter().zip(more) {
            let days = match &charge.key.meter {
                Meter::Quota { index, .. } => {
                    terms.quotas.get(*index as usize).map_or(1, |quota| i64::from(quota.period_days))
                }
                Meter::Counts { .. } | Meter::Epsilon => {
                    terms.count.as_ref().map_or(1, |count| i64::from(count.period_days))
                }
                Meter::Probes { .. } => {
                    terms.matching.as_ref().map_or(1, |matching| i64::from(matching.budget_days))
                }
            };
            let officers = matches!(&charge.key.meter, Meter::Quota { officer: Some(_), .. });
            let key = (pact, line.asker, charge.key.meter.clone());
            let meter = *self.meters.entry(key).or_insert_with(|| {
                self.contract.meters.push(MeterKind {
                    limit: charge.limit as f64,
                    days,
                    officers_of: officers.then_some(line.asker),
                });
                self.contract.meters.len() - 1
            });
            let by_items = twice.amount != charge.amount;
            let amount = if by_items { 1.0 } else { charge.amount as f64 };
            let is_quota = matches!(charge.key.meter, Meter::Quota { .. });
            line.by_officer |= officers;
            line.uses.push(Use { meter, amount, by_items, is_quota, by_officer: officers });
        }
    }

    fn cost(&self, ask: &Ask, terms: &Terms) -> EngineCost {
        match ask.exchange {
            ExchangeKind::Exact => self.calibration.plain(EXACT),
            ExchangeKind::Count => self.calibration.plain(COUNT),
            ExchangeKind::Match => {
                let asked = ask.matching.as_ref().zip(terms.matching.as_ref());
                let form = asked.and_then(|(asked, agreed)| Some((asked, agreed.form(&asked.form)?)));
                let cost = form.and_then(|(asked, form)| {
                    self.calibration.matching(asked.engine.as_str(), form, asked.answer)
                });
                cost.unwrap_or_default()
            }
        }
    }
}

/// How long a snapshot or keys serve, in seconds.
fn epoch(exchange: ExchangeKind, terms: &Terms) -> i64 {
    let hours = match exchange {
        ExchangeKind::Exact => terms.exact.as_ref().map(|exact| exact.epoch_hours),
        ExchangeKind::Match => terms.matching.as_ref().map(|matching| matching.key_hours),
        ExchangeKind::Count => None,
    };
    i64::from(hours.unwrap_or(24)) * Timestamp::HOUR
}

/// The opening words of a query of this practice.
fn ask(
    practice: &Practice,
    terms: &Terms,
    asker: &AgencyCode,
    holder: &AgencyCode,
) -> Result<Ask, ContractError> {
    let register: RegisterName = REGISTER.parse()?;
    let officer: OfficerId = OFFICER.parse()?;
    let agreed = terms.matching.as_ref().filter(|_| practice.exchange == ExchangeKind::Match);
    let matching = agreed.and_then(|agreed| {
        let form = match &practice.form {
            Some(name) => agreed.form(name)?,
            None => agreed.forms.first()?,
        };
        let position = Position::ALL.iter().copied().find(|position| position.modality() == form.modality)?;
        let answer = form
            .answers
            .iter()
            .copied()
            .find(|answer| *answer == MatchAnswer::Candidates)
            .or(form.answers.first().copied())?;
        Some(MatchAsk {
            form: form.name.clone(),
            engine: agreed.engines.iter().find(|name| agreed.lacking(name).is_none())?.clone(),
            answer,
            keys: Digest([0; 32]),
            positions: vec![position; usize::try_from(practice.items).unwrap_or(1)],
        })
    });
    Ok(Ask {
        query: QueryId([0; 16]),
        agreement: AgreementId([0; 32]),
        rules: Digest([0; 32]),
        asker: asker.clone(),
        holder: holder.clone(),
        exchange: practice.exchange,
        register,
        purpose: practice.purpose,
        basis: practice.basis,
        officer,
        case: (practice.exchange != ExchangeKind::Count).then_some(Digest([0; 32])),
        items: practice.items,
        snapshot: None,
        matching,
        unexplained: 0,
        commitment: Digest([0; 32]),
        digest: Digest([0; 32]),
        asked_at: terms.valid_from,
    })
}

/// Which classes take part.
fn slice(book: &Rulebook, ask: &Ask, class: &dyn Fn(usize) -> RecordClass) -> Vec<bool> {
    let context = SearchContext {
        asker: ask.asker.clone(),
        holder: ask.holder.clone(),
        register: ask.register.clone(),
        purpose: ask.purpose,
        exchange: ask.exchange,
    };
    (0..CLASSES).map(|place| book.search(&context, &class(place)).permitted).collect()
}

/// For each class and field the fewest approvals with which it is released.
fn needs(
    book: &Rulebook,
    ask: &Ask,
    fields: &[Field],
    class: &dyn Fn(usize) -> RecordClass,
) -> Vec<Vec<Option<u8>>> {
    let least = |place: usize, field: Field| {
        (0..=symbolon_policy::claim::MOST_APPROVALS).find(|approvals| {
            let context = ReleaseContext {
                asker: ask.asker.clone(),
                officer: ask.officer.clone(),
                holder: ask.holder.clone(),
                register: ask.register.clone(),
                purpose: ask.purpose,
                legal_basis: ask.basis,
                exchange: ask.exchange,
                field,
                approvals: *approvals,
            };
            book.release(&context, &class(place)).permitted
        })
    };
    (0..CLASSES).map(|place| fields.iter().map(|field| least(place, *field)).collect()).collect()
}

#[cfg(test)]
mod tests;
