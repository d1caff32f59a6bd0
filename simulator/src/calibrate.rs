//! Measures the real exchanges on this machine and fits what they cost.
//!
//! Exact queries, counts and matches of several sizes run through [`Pair`], under an agreement, with permits and
//! receipts, one after the other on one thread, whose time on a core is measured. What [`Linear`](crate::cost::Linear)
//! says is fitted to the medians by least squares of relative errors; negative terms are set to 0 and the others fitted
//! again. Bytes are counted and fitted in the same way. Entries are those that the receipt states.
//!
//! The one-round match takes minutes: its keys alone are some seventy seconds of one core, and a query of the smallest
//! padded slice fifteen. So it is measured once a size, and not at all if only others are wanted.

mod line;
mod templates;

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
    exchange::Fault, identifier::CANONICALISATION, matching::engine, padding::Buckets, pump::Traffic,
    seed::Seed, set::IdentifierBytes,
};

use crate::{
    contract::REGISTER,
    cost::{COUNT, Calibration, EXACT, Size},
    identity::key,
    pair::{Pair, PairError, Question, Record, Side, Spent},
};

use line::{ENTRY, FIXED, ITEM, RECORD, costs};

/// Sizes of the slices that are measured, in records of one identifier: one that is mostly padding, one with hardly any,
/// and one with as much as a larger slice can have.
const SLICES: [u32; 4] = [100, 1_000, 8_200, 30_000];
/// Identifiers of an exact query.
const ITEMS: [u32; 3] = [1, 100, 1_000];
/// Identifiers of a count.
const BATCHES: [u32; 2] = [200, 2_000];
/// Dummies of a count.
const DUMMIES: u32 = 30;
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
    /// Templates cannot be invented.
    #[error("no templates can be invented: {0}")]
    Templates(String),
    /// An engine does not fit the seam.
    #[error(transparent)]
    Engine(#[from] Fault),
    /// No thread.
    #[error("no thread can be started: {0}")]
    Thread(String),
}

/// One size, measured.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    size: Size,
    query: Spent,
    snapshot: Spent,
    traffic: Traffic,
    filter: Traffic,
}

/// The names that [`calibrate`] takes: `exact`, `count` and those of the engines.
pub fn names() -> Vec<&'static str> {
    let engines = engine::engines().iter().map(|engine| engine.card().id);
    [EXACT, COUNT].into_iter().chain(engines).collect()
}

/// Measures the exchanges of these names, or all if there are none. `seen` is told what is being done, how much of it,
/// of how much.
///
/// # Errors
/// [`CalibrateError`] if an exchange fails.
pub fn calibrate(
    only: &[String],
    seen: &mut (dyn FnMut(&str, u64, u64) + Send),
) -> Result<Calibration, CalibrateError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(|error| CalibrateError::Thread(error.to_string()))?;
    let wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    pool.install(|| {
        let mut found = BTreeMap::new();
        for (name, sizes, counts) in [(EXACT, &ITEMS[..], false), (COUNT, &BATCHES[..], true)] {
            if !wanted(name) {
                continue;
            }
            let total = (SLICES.len() * sizes.len()) as u64;
            let mut measured = Vec::new();
            for slice in SLICES {
                for items in sizes {
                    seen(name, measured.len() as u64, total);
                    measured.push(measure(slice, *items, counts)?);
                }
            }
            found.insert(name.to_owned(), costs(&measured, &[FIXED, ITEM, RECORD, ENTRY]));
        }
        for engine in engine::engines().iter().filter(|engine| wanted(engine.card().id)) {
            found.extend(templates::every_form(*engine, seen)?);
        }
        Ok(Calibration { machine: machine(), engine: found })
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
    Ok(Measured {
        query: Spent { asker: median(|run| run.query.asker), holder: median(|run| run.query.holder) },
        snapshot: Spent {
            asker: median(|run| run.snapshot.asker),
            holder: median(|run| run.snapshot.holder),
        },
        ..runs.first().copied().unwrap_or_default()
    })
}

fn one(slice: u32, items: u32, counts: bool, run: u8) -> Result<Measured, CalibrateError> {
    let codes: [AgencyCode; 2] = ["ASKER".parse()?, "HOLDER".parse()?];
    let mut pair = pair(&codes, run)?;
    let register: Vec<Record> =
        (0..slice).map(|number| Record { class: CLASS, identifiers: vec![person(number)] }).collect();
    let mut question = question(counts)?;
    question.identifiers = (0..items).map(|number| person(number.wrapping_mul(2))).collect();
    let (traffic, filter, receipt) = if counts {
        let outcome = pair.count(&question, &register)?;
        (outcome.exchange, outcome.snapshot, outcome.receipt)
    } else {
        let outcome = pair.exact(&question, &register)?;
        (outcome.exchange, outcome.snapshot, outcome.receipt)
    };
    let entries = receipt.receipt.entries as f64;
    let size = Size { items: items.into(), records: slice.into(), entries };
    Ok(Measured {
        size: if counts { size.with_dummies(DUMMIES) } else { size },
        query: pair.on_queries,
        snapshot: pair.on_snapshots,
        traffic,
        filter,
    })
}

/// Everybody's class.
const CLASS: RecordClass = RecordClass {
    category: Category::IrregularCrossing,
    age: AgeBand::Adult,
    provenance: Provenance::Own,
    own_citizen: false,
    vulnerable: false,
    marked: false,
    blocked: false,
    contested: false,
};

fn question(counts: bool) -> Result<Question, WordError> {
    Ok(Question {
        register: REGISTER.parse::<RegisterName>()?,
        purpose: if counts { Purpose::Statistics } else { Purpose::IrregEntry },
        basis: LegalBasis::Bilat,
        officer: "officer".parse::<OfficerId>()?,
        case: (!counts).then(|| "case".to_owned()),
        identifiers: Vec::new(),
        now: NOW,
    })
}

/// A Monday at noon.
const NOW: Timestamp = Timestamp(1_795_435_200);

/// Two parties under an agreement with room for everything.
fn pair(codes: &[AgencyCode; 2], seed: u8) -> Result<Pair<'static>, CalibrateError> {
    let party = |code: &AgencyCode| Party {
        code: code.clone(),
        name: code.to_string(),
        peer: format!("simulated-{code}"),
        key: key(code).public(),
        addresses: Vec::new(),
    };
    let quota = |code: &AgencyCode, unit: Unit| Quota {
        asker: code.clone(),
        register: None,
        purpose: None,
        per_officer: false,
        unit,
        limit: 10_000_000,
        period_days: 1,
    };
    let quotas =
        codes.iter().flat_map(|code| [Unit::Identifiers, Unit::Probes].map(|unit| quota(code, unit)));
    let mut agreement = Agreement::new(Terms {
        version: Terms::VERSION,
        title: "Calibration".to_owned(),
        canonicalisation: CANONICALISATION.to_owned(),
        valid_from: NOW.plus(-Timestamp::DAY),
        valid_until: NOW.plus(Timestamp::DAY),
        amends: None,
        proofs: Vec::new(),
        buckets: Buckets::USUAL,
        parties: codes.iter().map(party).collect(),
        exact: Some(ExactTerms { largest_batch: 1_000, epoch_hours: 24 }),
        count: Some(CountTerms {
            smallest_batch: 100,
            largest_batch: 100_000,
            period_days: 30,
            epsilon_milli: 1_000,
            dummies: DUMMIES,
            epsilon_budget_milli: 1_000,
        }),
        matching: Some(templates::terms()?),
        claims: None,
        quotas: quotas.collect(),
        rules: PCC_BILATERAL.to_owned(),
    })?;
    for code in codes {
        agreement.sign(code, &key(code))?;
    }
    let [asker, holder] = codes;
    let side = |code: &AgencyCode| Side::new(code.clone(), Box::new(key(code)), &agreement, None);
    Ok(Pair::new(side(asker)?, side(holder)?, Seed::new([seed; 32])))
}

#[cfg(test)]
mod tests;
