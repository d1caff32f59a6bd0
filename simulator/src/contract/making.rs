//! The work of making a proposal ready.

use std::{collections::BTreeMap, sync::Arc};

use symbolon_policy::{
    agreement::Terms,
    ask::Ask,
    class::RecordClass,
    permit,
    quota::{self, Meter},
    receipt::AnswerClass,
    rules::ExchangeKind,
    words::{AgencyCode, Field, Provenance, Timestamp},
};

use super::{
    Claims, Contract, ContractError, Line, MeterKind, Pact, Table, Use,
    asking::{ask, epoch, needs, slice},
};
use crate::{
    cost::{COUNT, Calibration, EXACT, EngineCost},
    proposal::{Proposal, ordered},
    region::class,
    scenario::{Practice, Scenario},
    shelf::{Asked, Book, Searched, Shelf, Unready},
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
            canary_odds: match practice.exchange {
                ExchangeKind::Exact => proposal.canary_share / (1.0 - proposal.canary_share),
                ExchangeKind::Match | ExchangeKind::Count => 0.0,
            },
            largest: terms.and_then(|terms| terms.exact.as_ref()).map_or(0, |exact| exact.largest_batch),
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
            buckets: terms.map(|terms| terms.buckets).unwrap_or_default(),
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
                    from: terms.valid_from.0,
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
