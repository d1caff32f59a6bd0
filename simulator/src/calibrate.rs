//! Measures the real exchanges on this machine and fits what they cost.
//!
//! Exact queries and counts of several sizes run through [`Pair`], under an agreement, with permits and receipts, one
//! after the other on one thread. `S(items, N) = fixed + per_item items + per_entry N` is fitted to the medians by
//! least squares of relative errors; negative terms are set to 0 and the others fitted again. Bytes are counted, not
//! timed, and fitted in the same way.

use std::collections::BTreeMap;

use symbolon_policy::{
    agreement::{Agreement, AgreementError, CountTerms, ExactTerms, Party, Quota, Terms, Unit},
    class::RecordClass,
    rules::PCC_BILATERAL,
    signing::Signer as _,
    words::{
        AgeBand, AgencyCode, Category, LegalBasis, OfficerId, Provenance, Purpose, RegisterName, Timestamp,
        WordError,
    },
};
use symbolon_protocol::{
    identifier::CANONICALISATION, padding::bucket, pump::Traffic, seed::Seed, set::IdentifierBytes,
};

use crate::{
    contract::REGISTER,
    cost::{COUNT, Calibration, EXACT, EngineCost, Linear, Setup},
    fit::solve,
    identity::key,
    pair::{Pair, PairError, Question, Record, Side, Spent},
};

/// Sizes of the slices that are measured, in records of one identifier.
const SLICES: [u32; 3] = [1_000, 8_000, 30_000];
/// Identifiers of an exact query.
const ITEMS: [u32; 3] = [1, 100, 1_000];
/// Identifiers of a count.
const BATCHES: [u32; 2] = [200, 2_000];
/// Runs of each size; the median counts.
const RUNS: usize = 3;

/// A calibration that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// An exchange failed.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The agreement does not stand.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// A name that is none.
    #[error(transparent)]
    Word(#[from] WordError),
    /// No thread.
    #[error("no thread can be started: {0}")]
    Thread(String),
}

/// One size, measured.
#[derive(Clone, Copy, Debug)]
struct Measured {
    items: f64,
    entries: f64,
    query: Spent,
    snapshot: Spent,
    traffic: Traffic,
    filter: Traffic,
}

/// Measures everything. `seen` is told what is being done, how much of it, of how much.
///
/// # Errors
/// [`CalibrateError`] if an exchange fails.
pub fn calibrate(seen: &mut (dyn FnMut(&str, u64, u64) + Send)) -> Result<Calibration, CalibrateError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| CalibrateError::Thread(error.to_string()))?;
    pool.install(|| {
        let total = (SLICES.len() * (ITEMS.len() + BATCHES.len())) as u64;
        let (mut exact, mut count, mut done) = (Vec::new(), Vec::new(), 0);
        for slice in SLICES {
            for items in ITEMS {
                seen("exact", done, total);
                exact.push(measure(slice, items, false)?);
                done += 1;
            }
            for items in BATCHES {
                seen("count", done, total);
                count.push(measure(slice, items, true)?);
                done += 1;
            }
        }
        seen("fitting", total, total);
        let engine = BTreeMap::from([(EXACT.to_owned(), costs(&exact)), (COUNT.to_owned(), costs(&count))]);
        Ok(Calibration { machine: machine(), engine })
    })
}

/// What the processor calls itself, and how many there are.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("a processor that does not say its name", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{model}, {cores} cores, measured on one thread; version {}", env!("CARGO_PKG_VERSION"))
}

/// An identifier of somebody.
fn person(number: u32) -> IdentifierBytes {
    IdentifierBytes::new(format!("simulated person {number}").into_bytes())
}

/// The median of several runs of one size.
fn measure(slice: u32, items: u32, counts: bool) -> Result<Measured, CalibrateError> {
    let mut runs = Vec::new();
    for run in 0..RUNS {
        runs.push(one(slice, items, counts, u8::try_from(run).unwrap_or(0))?);
    }
    let median = |of: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(RUNS / 2).copied().unwrap_or(0.0)
    };
    let last = runs.first().copied();
    let blank = Measured {
        items: 0.0,
        entries: 0.0,
        query: Spent::default(),
        snapshot: Spent::default(),
        traffic: Traffic::default(),
        filter: Traffic::default(),
    };
    Ok(Measured {
        query: Spent { asker: median(|run| run.query.asker), holder: median(|run| run.query.holder) },
        snapshot: Spent {
            asker: median(|run| run.snapshot.asker),
            holder: median(|run| run.snapshot.holder),
        },
        ..last.unwrap_or(blank)
    })
}

fn one(slice: u32, items: u32, counts: bool, run: u8) -> Result<Measured, CalibrateError> {
    let codes: [AgencyCode; 2] = ["ASKER".parse()?, "HOLDER".parse()?];
    let mut pair = pair(&codes, run)?;
    let class = RecordClass {
        category: Category::IrregularCrossing,
        age: AgeBand::Adult,
        provenance: Provenance::Own,
        own_citizen: false,
        vulnerable: false,
        marked: false,
        blocked: false,
        contested: false,
    };
    let register: Vec<Record> =
        (0..slice).map(|number| Record { class, identifiers: vec![person(number)] }).collect();
    let question = Question {
        register: REGISTER.parse::<RegisterName>()?,
        purpose: if counts { Purpose::Statistics } else { Purpose::IrregEntry },
        basis: LegalBasis::Bilat,
        officer: "officer".parse::<OfficerId>()?,
        case: (!counts).then(|| "case".to_owned()),
        identifiers: (0..items).map(|number| person(number.wrapping_mul(2))).collect(),
        now: NOW,
    };
    let (traffic, filter) = if counts {
        let outcome = pair.count(&question, &register)?;
        (outcome.exchange, outcome.snapshot)
    } else {
        let outcome = pair.exact(&question, &register)?;
        (outcome.exchange, outcome.snapshot)
    };
    Ok(Measured {
        items: items.into(),
        entries: bucket(slice.into()) as f64,
        query: pair.on_queries,
        snapshot: pair.on_snapshots,
        traffic,
        filter,
    })
}

/// A Monday at noon.
const NOW: Timestamp = Timestamp(1_795_435_200);

/// Two parties under an agreement with room for everything.
pub(crate) fn pair(codes: &[AgencyCode; 2], seed: u8) -> Result<Pair, CalibrateError> {
    let party = |code: &AgencyCode| Party {
        code: code.clone(),
        name: code.to_string(),
        peer: format!("simulated-{code}"),
        key: key(code).public(),
        addresses: Vec::new(),
    };
    let quota = |code: &AgencyCode| Quota {
        asker: code.clone(),
        register: None,
        purpose: None,
        per_officer: false,
        unit: Unit::Identifiers,
        limit: 10_000_000,
        period_days: 1,
    };
    let mut agreement = Agreement::new(Terms {
        version: Terms::VERSION,
        title: "Calibration".to_owned(),
        canonicalisation: CANONICALISATION.to_owned(),
        valid_from: NOW.plus(-Timestamp::DAY),
        valid_until: NOW.plus(Timestamp::DAY),
        amends: None,
        proofs: Vec::new(),
        parties: codes.iter().map(party).collect(),
        exact: Some(ExactTerms { largest_batch: 1_000, epoch_hours: 24 }),
        count: Some(CountTerms {
            smallest_batch: 100,
            largest_batch: 100_000,
            period_days: 30,
            epsilon_milli: 1_000,
            dummies: 30,
            epsilon_budget_milli: 1_000,
        }),
        matching: None,
        claims: None,
        quotas: codes.iter().map(quota).collect(),
        rules: PCC_BILATERAL.to_owned(),
    })?;
    for code in codes {
        agreement.sign(code, &key(code))?;
    }
    let [asker, holder] = codes;
    let side = |code: &AgencyCode| Side::new(code.clone(), Box::new(key(code)), &agreement, None);
    Ok(Pair::new(side(asker)?, side(holder)?, Seed::new([seed; 32])))
}

fn costs(measured: &[Measured]) -> EngineCost {
    let fit = |of: fn(&Measured) -> f64| linear(measured, of);
    EngineCost {
        asker: fit(|one| one.query.asker),
        holder: fit(|one| one.query.holder),
        up: fit(|one| one.traffic.to_holder as f64),
        down: fit(|one| one.traffic.to_asker as f64),
        setup: Setup {
            asker: fit(|one| one.snapshot.asker),
            holder: fit(|one| one.snapshot.holder),
            up: fit(|one| one.filter.to_holder as f64),
            down: fit(|one| one.filter.to_asker as f64),
        },
    }
}

/// Least squares of relative errors over the terms that come out positive.
fn linear(measured: &[Measured], of: fn(&Measured) -> f64) -> Linear {
    let mut terms = vec![0_usize, 1, 2];
    loop {
        let Some(found) = squares(measured, of, &terms) else { return Linear::default() };
        let least = found.iter().zip(&terms).min_by(|a, b| a.0.total_cmp(b.0));
        if let Some((value, term)) = least.filter(|(value, _)| **value < 0.0) {
            let (_, term) = (value, *term);
            terms.retain(|other| *other != term);
            continue;
        }
        let term = |which: usize| {
            terms
                .iter()
                .position(|term| *term == which)
                .and_then(|at| found.get(at))
                .copied()
                .filter(|value| *value > 1e-12)
                .unwrap_or(0.0)
        };
        return Linear { fixed: term(0), per_item: term(1), per_entry: term(2) };
    }
}

fn squares(measured: &[Measured], of: fn(&Measured) -> f64, terms: &[usize]) -> Option<Vec<f64>> {
    let n = terms.len();
    let (mut matrix, mut right) = (vec![0.0; n * n], vec![0.0; n]);
    for one in measured {
        let value = of(one);
        if value <= 0.0 {
            continue;
        }
        let row: Vec<f64> =
            terms.iter().filter_map(|term| [1.0, one.items, one.entries].get(*term).copied()).collect();
        for (i, a) in row.iter().enumerate() {
            for (j, b) in row.iter().enumerate() {
                *matrix.get_mut(i * n + j)? += a * b / (value * value);
            }
            *right.get_mut(i)? += a / value;
        }
    }
    solve_scaled(matrix, right)
}

/// Solves after scaling to ones on the diagonal, since terms differ by many orders of magnitude.
fn solve_scaled(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    let scales: Vec<f64> =
        (0..n).map(|i| libm::sqrt(matrix.get(i * n + i).copied().unwrap_or(0.0))).collect();
    if scales.iter().any(|scale| *scale <= 0.0) {
        return None;
    }
    for (i, a) in scales.iter().enumerate() {
        for (j, b) in scales.iter().enumerate() {
            *matrix.get_mut(i * n + j)? /= a * b;
        }
        *right.get_mut(i)? /= a;
    }
    let solved = solve(matrix, right)?;
    Some(solved.iter().zip(&scales).map(|(value, scale)| value / scale).collect())
}

#[cfg(test)]
mod tests;
