//! The work of making a proposal ready.

use std::{collections::BTreeMap, sync::Arc};

use symbolon_policy::{
    agreement::{FormTerms, MatchAnswer, MatchTerms, Terms},
    ask::{Ask, MatchAsk},
    class::RecordClass,
    permit,
    quota::{self, Meter},
    receipt::AnswerClass,
    rules::{ExchangeKind, ReleaseContext, Rulebook, SearchContext},
    words::{
        AgencyCode, AgreementId, Digest, EngineName, Field, OfficerId, Position, Provenance, QueryId,
        RegisterName, Timestamp,
    },
};

use symbolon_protocol::{matching::engine, padding::bucket};

use super::{Claims, Contract, ContractError, Line, MeterKind, OFFICER, Pact, REGISTER, Table, Use};
use crate::{
    cost::{COUNT, Calibration, EXACT, EngineCost},
    proposal::{Proposal, ordered},
    region::{CLASSES, class},
    scenario::{Practice, Scenario},
    shelf::{Asked, Book, Needs, Searched, Shelf, Unready},
};

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

/// Cores and line of the node that chooses an engine; as the node itself has it, 100 Mbit/s.
const CORES: usize = 2;
const BYTES_A_SECOND: f64 = 12.5e6;

/// Work in progress.
pub(super) struct Making<'a> {
    scenario: &'a Scenario,
    proposal: &'a Proposal,
    calibration: &'a Calibration,
    contract: Contract,
    pacts: BTreeMap<[usize; 2], usize>,
    /// Rulebooks by agreement and party.
    books: BTreeMap<(usize, usize), Arc<Book>>,
    /// Meters by agreement, asker and what they count.
    meters: BTreeMap<(usize, usize, Meter), usize>,
    shelf: &'a Shelf,
}

impl<'a> Making<'a> {
    pub(super) fn new(scenario: &'a Scenario, proposal: &'a Proposal, calibration: &'a Calibration) -> Self {
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
            shelf: &proposal.shelf,
        }
    }

    pub(super) fn done(self) -> Contract {
        self.contract
    }

    /// Every practice between every directed pair.
    pub(super) fn every_line(&mut self) -> Result<(), ContractError> {
        let parties = self.scenario.party.len();
        for (number, practice) in self.scenario.practice.iter().enumerate() {
            for asker in 0..parties {
                for holder in (0..parties).filter(|holder| *holder != asker) {
                    self.line(number, practice, asker, holder)?;
                }
            }
        }
        Ok(())
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
            // Canaries are identifiers; a match and a count have none.
            charged: f64::from(practice.items)
                / if practice.exchange == ExchangeKind::Exact { 1.0 - proposal.canary_share } else { 1.0 },
            pact: None,
            covered: false,
            uses: Vec::new(),
            by_officer: false,
            tables: Vec::new(),
            slice: Arc::default(),
            needs: Arc::default(),
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
        let places = [line.asker, line.holder];
        for (party, code) in places.into_iter().zip([a, h]) {
            let book = self.book((pact, party), terms, code)?;
            let key = Asked {
                rules: book.between(a, h),
                exchange: ask.exchange,
                purpose: ask.purpose,
                basis: ask.basis,
                modality,
                items: ask.items,
            };
            let table = self.shelf.table(key, || Table::new(Arc::clone(&book), &ask, modality));
            let known = self.contract.tables.iter().position(|known| Arc::ptr_eq(known, &table));
            let place = known.unwrap_or_else(|| {
                self.contract.tables.push(table);
                self.contract.tables.len() - 1
            });
            if !line.tables.contains(&place) {
                line.tables.push(place);
            }
        }
        let book = self.book((pact, line.holder), terms, h)?;
        let provenance = self.scenario.party.get(h).map_or(Provenance::Own, |party| party.provenance);
        let class = |place: usize| RecordClass { provenance, ..class(place) };
        let key =
            Searched { rules: book.between(a, h), exchange: ask.exchange, purpose: ask.purpose, provenance };
        line.slice = self.shelf.slice(key.clone(), || slice(&book.rules, &ask, &class));
        if let Some(claims) = terms.claims.as_ref().filter(|_| ask.exchange != ExchangeKind::Count) {
            let seconds = |hours: u32| i64::from(hours) * Timestamp::HOUR;
            line.claims = (!practice.fields.is_empty()).then_some(Claims {
                claim_seconds: seconds(claims.claim_hours),
                decide_seconds: seconds(claims.decide_hours),
            });
            let key = (key, ask.basis, practice.fields.clone());
            line.needs = self.shelf.needs(key, || needs(&book.rules, &ask, &practice.fields, &class));
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

    /// The rules that a party to an agreement goes by.
    fn book(
        &mut self,
        place: (usize, usize),
        terms: &Terms,
        code: &AgencyCode,
    ) -> Result<Arc<Book>, ContractError> {
        if let Some(book) = self.books.get(&place) {
            return Ok(Arc::clone(book));
        }
        let national = self.proposal.national.get(code).map(String::as_str);
        let book = self.shelf.book(&terms.rules, national).map_err(|unready| match unready {
            Unready::Rules(errors) => ContractError::Rules(self.proposal.id.clone(), errors),
            Unready::Rulebook(error) => ContractError::Rulebook(error),
        })?;
        self.books.insert(place, Arc::clone(&book));
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
                cost.unwrap_or_default().of_alternatives(ask.items)
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
pub(crate) fn ask(
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
            engine: quickest(agreed, form, answer, practice.items)?,
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

/// The engine that a node would take: of those that give what the agreement demands, the one expected to be quickest over
/// the largest slice, the first of equals. Where this program has none of them, the first.
fn quickest(agreed: &MatchTerms, form: &FormTerms, told: MatchAnswer, items: u32) -> Option<EngineName> {
    let (told, alternatives) = (form.answer(told)?, u16::try_from(items).unwrap_or(u16::MAX));
    let entries = bucket(agreed.largest_slice.saturating_add(1));
    let allowed = || agreed.engines.iter().filter(|name| agreed.lacking(name).is_none());
    let each = allowed().filter_map(|name| {
        let engine = engine::engine(name.as_str())?;
        engine.takes(&form.form(), alternatives, told).ok()?;
        let cost = engine.estimate(&form.form(), entries, alternatives, told, CORES);
        let bytes = cost.bytes_up.saturating_add(cost.bytes_down);
        Some((cost.seconds + bytes as f64 / BYTES_A_SECOND, name))
    });
    let found = each.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name);
    found.or(allowed().next()).cloned()
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
fn needs(book: &Rulebook, ask: &Ask, fields: &[Field], class: &dyn Fn(usize) -> RecordClass) -> Needs {
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
