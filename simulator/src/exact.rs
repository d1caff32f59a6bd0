//! The model beside the real exchanges: the same people, the same registers, the same draws.
//!
//! A region runs to its end by the model. Then every party asks every partner about those it has, through the
//! agreement of the proposal, both sides' rules and books, and the real exchanges ([`crate::pair`]): by identifier,
//! one query and one count (`identifiers`), and by template (`templates`). Each answer is compared with what the model
//! says of the same question, bytes and time with what the calibration says. Whether two captures or two documents of a person agree is
//! drawn by the model; what the exchanges make of them is not. It is meant for a few hundred people.

mod identifiers;
mod templates;

use serde::Serialize;
use symbolon_policy::{
    agreement::{Agreement, AgreementError, Terms},
    class::RecordClass,
    rules::{ExchangeKind, Kind, RuleSet},
    words::{AgencyCode, OfficerId, Provenance, RegisterName, Timestamp, WordError},
};
use symbolon_protocol::{matching::synthetic::ModalityError, seed::Seed};

use crate::{
    contract::{Contract, ContractError, Line, REGISTER},
    identity::key,
    pair::{Pair, PairError, Question, Side},
    proposal::{Proposal, ordered},
    region::{Region, class},
    run::{Plan, Row, Watch, registers},
    scenario::Practice,
};

/// One directed pair and one exchange, by the model and in truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// Under which proposal.
    pub proposal: String,
    /// Who asked.
    pub asker: AgencyCode,
    /// Who was asked.
    pub holder: AgencyCode,
    /// `exact`, `count`, or the engine and the form of a match.
    pub exchange: String,
    /// Persons asked about.
    pub asked: usize,
    /// Hits by the model; of a count, how many are in the slice.
    pub model_hits: usize,
    /// Hits of the exchange; of a count, what it told, with its noise.
    pub real_hits: usize,
    /// Answers that differ; a count by more than its noise can be.
    pub differ: usize,
    /// Bytes by the calibration: queries, answers, and the snapshot or the keys before them, if any.
    pub model_bytes: f64,
    /// Bytes that crossed.
    pub real_bytes: f64,
    /// Seconds of one core by the calibration, both sides together.
    pub model_seconds: f64,
    /// Seconds that it took on a core of this machine.
    pub real_seconds: f64,
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
    /// Templates of a form cannot be invented.
    #[error("no templates of the form {form} can be invented: {error}")]
    Templates {
        /// Which form.
        form: String,
        /// Why.
        error: ModalityError,
    },
    /// A word that is none.
    #[error(transparent)]
    Word(#[from] WordError),
    /// No thread.
    #[error("no thread can be started: {0}")]
    Thread(String),
    /// It was cancelled.
    #[error("the self check was cancelled")]
    Cancelled,
}

/// One line that is checked, with all that both ways need.
struct Check<'a> {
    plan: &'a Plan<'a>,
    contract: &'a Contract,
    line: &'a Line,
    practice: &'a Practice,
    terms: &'a Terms,
    codes: [AgencyCode; 2],
    rows: &'a [Row],
    question: Question,
    pair: Pair<'a>,
    seed: Seed,
    watch: &'a dyn Watch,
}

/// Compares the model with the exchanges, for one proposal under one seed. A match is asked as often as its engine, by
/// its own estimate, answers in `match_seconds`, at least once a pair.
///
/// # Errors
/// [`ExactError`] with the first thing that fails.
pub fn compare(
    plan: &Plan<'_>,
    proposal: &Proposal,
    seed: u64,
    match_seconds: f64,
    watch: &dyn Watch,
) -> Result<Vec<Checked>, ExactError> {
    // On one thread, whose time on a core is what is measured.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| ExactError::Thread(error.to_string()))?;
    pool.install(|| every_line(plan, proposal, seed, match_seconds, watch))
}

fn every_line(
    plan: &Plan<'_>,
    proposal: &Proposal,
    seed: u64,
    match_seconds: f64,
    watch: &dyn Watch,
) -> Result<Vec<Checked>, ExactError> {
    let scenario = plan.scenario;
    let region = Region::new(scenario, seed);
    let contract = Contract::new(scenario, proposal, plan.calibration)?;
    let registers = registers(&region, &contract, seed);
    let codes = scenario.codes();
    let now = Timestamp(region.start + (region.span - 1) * Timestamp::DAY + 12 * Timestamp::HOUR);
    let mut checked: Vec<Checked> = Vec::new();
    let mut known: Vec<(usize, usize, ExchangeKind)> = Vec::new();
    for (number, line) in contract.lines.iter().enumerate() {
        let (Some(a), Some(h)) = (codes.get(line.asker), codes.get(line.holder)) else { continue };
        let place = (line.asker, line.holder, line.exchange);
        let (terms, practice) =
            (proposal.deals.get(&ordered([a.clone(), h.clone()])), scenario.practice.get(line.practice));
        let (Some(terms), Some(practice)) = (terms, practice) else { continue };
        if !line.covered || known.contains(&place) {
            continue;
        }
        if watch.cancelled() {
            return Err(ExactError::Cancelled);
        }
        known.push(place);
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
        let mut bytes = [0; 32];
        let parts = [seed, line.asker as u64, line.holder as u64, number as u64];
        for (chunk, part) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(parts) {
            *chunk = part.to_be_bytes();
        }
        let question = Question {
            register: REGISTER.parse::<RegisterName>()?,
            purpose: practice.purpose,
            basis: practice.basis,
            officer: "officer".parse::<OfficerId>()?,
            case: Some("case".to_owned()),
            identifiers: Vec::new(),
            now,
        };
        let check = Check {
            plan,
            contract: &contract,
            line,
            practice,
            terms,
            codes: [a.clone(), h.clone()],
            rows: &registers,
            question,
            pair: Pair::new(side(a)?, side(h)?, Seed::new(bytes)).watched(watch),
            seed: Seed::new(bytes),
            watch,
        };
        let one = match line.exchange {
            ExchangeKind::Exact => check.identifiers()?,
            ExchangeKind::Count => check.count()?,
            ExchangeKind::Match => check.templates(match_seconds)?,
        };
        checked.extend(one);
    }
    Ok(checked)
}

impl Check<'_> {
    /// The class of a person's record at the holder, if there is one.
    fn theirs(&self, row: &Row) -> Option<usize> {
        row.classes.get(self.line.holder).copied().flatten()
    }

    /// The same with where the holder's data comes from.
    fn class(&self, place: usize) -> RecordClass {
        let party = self.plan.scenario.party.get(&self.codes[1]);
        RecordClass { provenance: party.map_or(Provenance::Own, |party| party.provenance), ..class(place) }
    }

    /// Whether the model has records of this class in the slice.
    fn within(&self, place: usize) -> bool {
        self.line.slice.get(place).copied().unwrap_or(false)
    }

    /// Whether the asker has a record of a person.
    fn ours(&self, row: &Row) -> bool {
        row.classes.get(self.line.asker).copied().flatten().is_some()
    }

    /// A comparison in which nothing was asked yet, with what the exchanges took so far.
    fn blank(&self, exchange: String) -> Checked {
        let [asker, holder] = self.codes.clone();
        let spent = [self.pair.on_queries, self.pair.on_snapshots];
        Checked {
            proposal: self.contract.id.clone(),
            asker,
            holder,
            exchange,
            asked: 0,
            model_hits: 0,
            real_hits: 0,
            differ: 0,
            model_bytes: 0.0,
            real_bytes: 0.0,
            model_seconds: 0.0,
            real_seconds: spent.iter().map(|spent| spent.asker + spent.holder).sum(),
        }
    }

    fn fault(&self, error: PairError) -> ExactError {
        if matches!(error, PairError::Cancelled) {
            return ExactError::Cancelled;
        }
        let [asker, holder] = self.codes.clone();
        ExactError::Pair { asker, holder, error: Box::new(error) }
    }
}

#[cfg(test)]
mod tests;
