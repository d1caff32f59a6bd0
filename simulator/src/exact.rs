//! The model beside the real exchanges: the same people, the same registers, the same draws.
//!
//! A region runs to its end by the model. Then every party asks every partner about everybody it has, through the
//! agreement of the proposal, both sides' rules and books, and the real exact exchange ([`crate::pair`]); each answer
//! is compared with what the model says of the same question, and bytes with what the calibration says. It is meant
//! for a few hundred people: an exchange makes and moves a snapshot.

use symbolon_policy::{
    agreement::{Agreement, AgreementError},
    class::RecordClass,
    rules::{ExchangeKind, Kind, RuleSet},
    words::{AgencyCode, OfficerId, RegisterName, Timestamp, WordError},
};
use symbolon_protocol::{padding::bucket, seed::Seed, set::IdentifierBytes};

use crate::{
    contract::{Contract, ContractError, REGISTER},
    cost::EXACT,
    identity::key,
    pair::{Pair, PairError, Question, Record, Side},
    proposal::Proposal,
    region::{Region, class},
    run::{Plan, registers},
};

/// One directed pair, by the model and in truth.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Checked {
    /// Who asked.
    pub asker: AgencyCode,
    /// Who was asked.
    pub holder: AgencyCode,
    /// Identifiers asked about.
    pub asked: usize,
    /// Hits by the model.
    pub model_hits: usize,
    /// Hits of the exchange.
    pub real_hits: usize,
    /// Answers that differ.
    pub differ: usize,
    /// Bytes of query, answer and snapshot by the calibration.
    pub model_bytes: f64,
    /// Bytes that crossed.
    pub real_bytes: f64,
}

/// A comparison that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ExactError {
    /// Rules do not stand.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// An agreement does not stand.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// An exchange failed or was refused.
    #[error("{asker} asks {holder}: {error}")]
    Pair {
        /// Who asks.
        asker: AgencyCode,
        /// Who is asked.
        holder: AgencyCode,
        /// Why.
        error: Box<PairError>,
    },
    /// A word that is none.
    #[error(transparent)]
    Word(#[from] WordError),
}

/// An identifier: what a person's document comes to, or something that no other registration comes to.
fn identifier(person: usize, alias: &str) -> IdentifierBytes {
    IdentifierBytes::new(format!("simulated document {person}{alias}").into_bytes())
}

/// Compares the model with the exchanges, for one proposal under one seed.
///
/// # Errors
/// [`ExactError`] with the first thing that fails.
pub fn compare(plan: &Plan<'_>, proposal: &Proposal, seed: u64) -> Result<Vec<Checked>, ExactError> {
    let scenario = plan.scenario;
    let region = Region::new(scenario, seed);
    let contract = Contract::new(scenario, proposal, plan.calibration)?;
    let registers = registers(&region, &contract, seed);
    let codes = scenario.codes();
    let now = Timestamp(region.start + (region.span - 1) * Timestamp::DAY + 12 * Timestamp::HOUR);
    let mut checked: Vec<Checked> = Vec::new();
    for line in &contract.lines {
        let (Some(a), Some(h)) = (codes.get(line.asker), codes.get(line.holder)) else { continue };
        let known = checked.iter().any(|one| one.asker == *a && one.holder == *h);
        let terms = proposal.deals.get(&crate::proposal::ordered([a.clone(), h.clone()]));
        let Some(terms) = terms.filter(|_| line.exchange == ExchangeKind::Exact && line.covered && !known)
        else {
            continue;
        };
        let mut agreement = Agreement::new(terms.clone())?;
        for code in [a, h] {
            agreement.sign(code, &key(code))?;
        }
        let side = |code: &AgencyCode| {
            let own =
                proposal.national.get(code).map(|text| RuleSet::parse(text, Kind::National)).transpose();
            let own = own.map_err(AgreementError::Rules)?;
            Side::new(code.clone(), Box::new(key(code)), &agreement, own)
        };
        let provenance =
            scenario.party.get(h).map_or(symbolon_policy::words::Provenance::Own, |party| party.provenance);
        let theirs = registers.iter().enumerate().filter_map(|(person, row)| {
            let place = row.classes.get(line.holder).copied().flatten()?;
            let alias = if row.document { String::new() } else { format!(" unseen by {a}") };
            Some(Record {
                class: RecordClass { provenance, ..class(place) },
                identifiers: vec![identifier(person, &alias)],
            })
        });
        let theirs: Vec<Record> = theirs.collect();
        let (mut asked, mut model) = (Vec::new(), Vec::new());
        let most = terms.exact.as_ref().map_or(0, |exact| exact.largest_batch) as usize;
        for (person, row) in registers.iter().enumerate() {
            if !row.document
                || row.classes.get(line.asker).copied().flatten().is_none()
                || asked.len() == most
            {
                continue;
            }
            let same = row.same(line.asker, line.holder);
            asked.push(identifier(person, if same { "" } else { " by another name" }));
            let within = row.classes.get(line.holder).copied().flatten();
            let within = within.is_some_and(|place| line.slice.get(place).copied().unwrap_or(false));
            model.push(within && same);
        }
        if asked.is_empty() {
            continue;
        }
        let practice = scenario.practice.get(line.practice);
        let Some(practice) = practice else { continue };
        let entries = theirs.iter().filter(|record| {
            let place = (0..line.slice.len())
                .find(|place| RecordClass { provenance, ..class(*place) } == record.class);
            place.is_some_and(|place| line.slice.get(place).copied().unwrap_or(false))
        });
        let padded = bucket(entries.count() as u64) as f64;
        let question = Question {
            register: REGISTER.parse::<RegisterName>()?,
            purpose: practice.purpose,
            basis: practice.basis,
            officer: "officer".parse::<OfficerId>()?,
            case: Some("case".to_owned()),
            identifiers: asked.clone(),
            now,
        };
        let mut bytes = [0; 32];
        for (chunk, part) in
            bytes.as_chunks_mut::<8>().0.iter_mut().zip([seed, line.asker as u64, line.holder as u64])
        {
            *chunk = part.to_be_bytes();
        }
        let mut pair = Pair::new(side(a)?, side(h)?, Seed::new(bytes));
        let fault = |error| ExactError::Pair { asker: a.clone(), holder: h.clone(), error: Box::new(error) };
        let real = pair.exact(&question, &theirs).map_err(fault)?;
        let cost = plan.calibration.plain(EXACT);
        let items = asked.len() as f64;
        let moved = [
            real.exchange.to_holder,
            real.exchange.to_asker,
            real.snapshot.to_holder,
            real.snapshot.to_asker,
        ];
        checked.push(Checked {
            asker: a.clone(),
            holder: h.clone(),
            asked: asked.len(),
            model_hits: model.iter().filter(|hit| **hit).count(),
            real_hits: real.answer.iter().filter(|hit| **hit).count(),
            differ: model.iter().zip(&real.answer).filter(|(model, real)| model != real).count(),
            model_bytes: cost.up.of(items, padded)
                + cost.down.of(items, padded)
                + cost.setup.up.of(0.0, padded)
                + cost.setup.down.of(0.0, padded),
            real_bytes: moved.iter().map(|bytes| *bytes as f64).sum(),
        });
    }
    Ok(checked)
}

#[cfg(test)]
mod tests;
