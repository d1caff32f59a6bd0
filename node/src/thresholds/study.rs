//! The figures.

use serde::Serialize;
use symbolon_protocol::{
    matching::{
        rates::{Search, form, proportion, threshold},
        rule::{Comparison, Form},
    },
    seed::Seed,
};

use crate::{control::api::Failure, outlook::largest_blur};

use super::{
    CONFIDENCE, Model, Question, Seen, Source,
    counting::{self, Searches, compare, hits, moments},
    material::{self, Material},
};

/// False match rates 1e-1 to 1e-12, at whose thresholds there is a row if none are named.
const DECADES: std::ops::RangeInclusive<i32> = 1..=12;
/// A count is said to be out of the model only if an interval of this confidence is.
const DOUBTFUL: f64 = 0.999;
/// Fewer people or pairs of one person than this are said to be few.
const FEW: usize = 100;
/// A mean distance of strangers further from 1/2 than this is remarked upon.
const OFF_CENTRE: f64 = 0.02;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Study {
    /// The kind of synthetic templates; none for a file's.
    pub(crate) synthetic: Option<&'static str>,
    /// Bits of a template.
    pub(crate) length: u32,
    /// Whether the form has masks.
    pub(crate) masked: bool,
    /// Templates.
    pub(crate) templates: usize,
    /// Pairs of strangers that were compared.
    pub(crate) stranger_pairs: usize,
    /// Pairs of one person that were compared.
    pub(crate) own_pairs: usize,
    /// Degrees of freedom of the model.
    pub(crate) freedom: f64,
    /// Mean distance of strangers in the model.
    pub(crate) stranger_mean: f64,
    /// Mean distance of one person in the model.
    pub(crate) own_mean: f64,
    /// Its standard deviation.
    pub(crate) own_sd: f64,
    /// Comparisons with each record.
    pub(crate) alternatives: u16,
    /// Share of queries whose person is in the register, in thousandths.
    pub(crate) prior_permille: u32,
    /// The share of hits that may be false, in thousandths.
    pub(crate) false_permille: u32,
    /// By threshold, descending.
    pub(crate) rows: Vec<Row>,
    /// By register size, in the order asked.
    pub(crate) proposals: Vec<Proposal>,
    /// What to beware of.
    pub(crate) doubts: Vec<String>,
}

/// What a threshold does.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// The largest fractional distance, at full overlap, that is a hit.
    pub(crate) threshold: f64,
    /// False match rate of a comparison.
    pub(crate) fmr: Rate,
    /// False non-match rate of a comparison.
    pub(crate) fnmr: Rate,
    /// Searches, by register size in the order asked.
    pub(crate) registers: Vec<InRegister>,
}

/// What a threshold does to searches of a register.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct InRegister {
    /// Records of the register, one a person.
    pub(crate) records: u64,
    /// False positive identification rate.
    pub(crate) fpir: Rate,
    /// False negative identification rate.
    pub(crate) fnir: Rate,
    /// The model's share of candidates that are another person.
    pub(crate) false_hits: f64,
}

/// A rate, as counted and as the model has it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Rate {
    /// None if the sample allows no such trial.
    pub(crate) counted: Option<Counted>,
    /// The model's.
    pub(crate) model: f64,
}

/// A rate that was counted, with its interval of confidence [`CONFIDENCE`] [Clopper and Pearson 1934].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Counted {
    /// Errors.
    pub(crate) cases: u64,
    /// Comparisons or searches.
    pub(crate) trials: u64,
    /// Errors by trials.
    pub(crate) estimate: f64,
    /// Lower end of the interval.
    pub(crate) low: f64,
    /// Upper end of the interval; all that is known if there was no error.
    pub(crate) high: f64,
}

/// The threshold for the wanted share of false hits.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Proposal {
    /// Records of the register.
    pub(crate) records: u64,
    /// None if no threshold keeps the share.
    pub(crate) found: Option<Proposed>,
}

/// A threshold, what the model says of it, and the rule that stands for it in an agreement.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Proposed {
    /// The largest fractional distance, at full overlap, that is a hit.
    pub(crate) threshold: f64,
    /// Length, masks and rule.
    pub(crate) form: Form,
    /// Degrees of freedom to write beside it, whole.
    pub(crate) degrees_of_freedom: u32,
    /// The largest blur of an engine's decision on this form, as a share of the length; the rates are with it.
    pub(crate) blur: f64,
    /// False match rate of a comparison.
    pub(crate) fmr: f64,
    /// Share of queries for somebody present that do not find that person.
    pub(crate) fnir: f64,
    /// Share of queries for somebody absent that are answered with a hit.
    pub(crate) fpir: f64,
    /// Share of candidates that are another person.
    pub(crate) false_hits: f64,
}

/// Makes the figures.
///
/// # Errors
/// [`Failure`] if the file cannot be used, no model fits, or a threshold cannot stand in a form.
pub(crate) fn study(question: &Question, seen: Seen<'_>) -> Result<Study, Failure> {
    let seed = Seed::new(question.seed);
    let mut material = match &question.source {
        Source::Synthetic(preset, people) => material::synthetic(*preset, *people, &seed, seen)?,
        Source::File(path) => material::of_file(path, seen)?,
    };
    seed.stream("thresholds/people").shuffle(&mut material.people);
    seed.stream("thresholds/own").shuffle(&mut material.genuine);
    material.genuine.truncate(question.pairs);

    let pairs = counting::strangers(&material, question.pairs, &seed);
    let strangers = compare(&material, &pairs, "strangers", seen);
    let own = compare(&material, &material.genuine, "own", seen);
    let model = match &question.source {
        Source::Synthetic(preset, _) => Model::stated(&preset.modality())
            .map_err(|error| Failure::local(format!("the model cannot stand: {error}")))?,
        Source::File(_) => Model::observed(moments(&strangers), moments(&own))?,
    };
    let forms = forms(question, &material, &model)?;
    let searched: Vec<Option<Searches>> = question
        .records
        .iter()
        .map(|records| {
            let records = usize::try_from(*records).unwrap_or(usize::MAX);
            counting::searches(&material, records, question.alternatives, &forms, seen)
        })
        .collect();
    let rows = (0..).zip(&forms).filter_map(|(at, form)| {
        row(question, &model, form, (&strangers, &own), &in_column(&searched, at)).transpose()
    });
    let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
    let proposals = question.records.iter().map(|records| proposal(question, &material, &model, *records));
    Ok(Study {
        synthetic: match &question.source {
            Source::Synthetic(preset, _) => Some(preset.as_str()),
            Source::File(_) => None,
        },
        length: material.length(),
        masked: material.masked,
        templates: material.templates.len(),
        stranger_pairs: strangers.len(),
        own_pairs: own.len(),
        freedom: model.impostors.freedom(),
        stranger_mean: model.strangers,
        own_mean: model.mean,
        own_sd: model.sd,
        alternatives: question.alternatives,
        prior_permille: question.prior_permille,
        false_permille: question.false_permille,
        proposals: proposals.collect::<Result<_, _>>()?,
        doubts: doubts(&material, &model, own.len(), &rows),
        rows,
    })
}

/// The forms of the rows, of descending thresholds.
fn forms(question: &Question, material: &Material, model: &Model) -> Result<Vec<Form>, Failure> {
    let (length, masked) = (material.length(), material.masked);
    if question.thresholds.is_empty() {
        let decades = DECADES.map(|decade| model.impostors.threshold(10_f64.powi(-decade)));
        let mut forms: Vec<_> = decades.filter_map(|wanted| form(length, masked, wanted).ok()).collect();
        forms.dedup();
        return match forms.is_empty() {
            false => Ok(forms),
            true => Err(Failure::input("no threshold tells these templates of strangers apart")
                .with_help("the templates are too much alike; check that `person` differs between people")),
        };
    }
    let mut wanted = question.thresholds.clone();
    wanted.sort_by(|a, b| b.total_cmp(a));
    let one = |wanted: f64| {
        form(length, masked, wanted).map_err(|error| {
            let what = format!("the threshold {wanted} cannot stand in an agreement: {error}");
            Failure::input(what).with_help("thresholds are from 1/length to about 0.48")
        })
    };
    let mut forms = wanted.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    forms.dedup();
    Ok(forms)
}

/// Errors and trials of a form: of searches for somebody absent, and present.
type InTrial = Option<[(u64, u64); 2]>;

fn in_column(searched: &[Option<Searches>], at: usize) -> Vec<InTrial> {
    let of = |searches: &Option<Searches>| {
        let Searches { absent, found, present, missed } = searches.as_ref()?;
        Some([(*found.get(at)?, *absent), (*missed.get(at)?, *present)])
    };
    searched.iter().map(of).collect()
}

fn row(
    question: &Question,
    model: &Model,
    form: &Form,
    (strangers, own): (&[Comparison], &[Comparison]),
    searched: &[InTrial],
) -> Result<Option<Row>, Failure> {
    let Some(threshold) = threshold(form, form.length) else { return Ok(None) };
    let all = |comparisons: &[Comparison]| comparisons.len() as u64;
    let missed = all(own).saturating_sub(hits(own, form));
    let registers = question.records.iter().zip(searched).map(|(records, trial)| {
        let outlook = search(question, model, *records).outlook(threshold).map_err(odd)?;
        Ok(InRegister {
            records: *records,
            fpir: Rate { counted: trial.and_then(|[absent, _]| counted(absent)), model: outlook.fpir },
            fnir: Rate { counted: trial.and_then(|[_, present]| counted(present)), model: outlook.fnmr },
            false_hits: outlook.false_candidates,
        })
    });
    Ok(Some(Row {
        threshold,
        fmr: Rate {
            counted: counted((hits(strangers, form), all(strangers))),
            model: model.impostors.fmr(threshold),
        },
        fnmr: Rate { counted: counted((missed, all(own))), model: model.genuine.fnmr(threshold) },
        registers: registers.collect::<Result<_, Failure>>()?,
    }))
}

fn counted((cases, trials): (u64, u64)) -> Option<Counted> {
    let found = proportion(cases, trials, CONFIDENCE).ok()?;
    Some(Counted { cases, trials, estimate: found.estimate, low: found.low, high: found.high })
}

fn search(question: &Question, model: &Model, records: u64) -> Search {
    Search {
        impostors: model.impostors,
        genuine: model.genuine,
        groups: records,
        comparisons: question.alternatives.into(),
        prior: f64::from(question.prior_permille) / 1_000.0,
    }
}

fn proposal(
    question: &Question,
    material: &Material,
    model: &Model,
    records: u64,
) -> Result<Proposal, Failure> {
    let (length, search) = (material.length(), search(question, model, records));
    let wanted = f64::from(question.false_permille) / 1_000.0;
    let blur = |threshold| form(length, material.masked, threshold).map_or(0.0, |form| largest_blur(&form));
    let Some(largest) = search.propose(length, wanted, blur).map_err(odd)? else {
        return Ok(Proposal { records, found: None });
    };
    // Where hardly anything is false, the largest threshold is one that no form can stand for.
    let stands = (1..=length / 2).rev().map(|apart| f64::from(apart) / f64::from(length));
    let mut stands = stands.filter(|threshold| *threshold <= largest);
    let Some((threshold, form)) =
        stands.find_map(|threshold| Some((threshold, form(length, material.masked, threshold).ok()?)))
    else {
        return Ok(Proposal { records, found: None });
    };
    let blur = largest_blur(&form);
    let outlook = search.blurred(blur).outlook(threshold).map_err(odd)?;
    let found = Proposed {
        threshold,
        form,
        // Rounded down, to the side of more false matches; a model's is from 1 to 12,800.
        degrees_of_freedom: model.impostors.freedom() as u32,
        blur,
        fmr: outlook.fmr,
        fnir: outlook.fnmr,
        fpir: outlook.fpir,
        false_hits: outlook.false_candidates,
    };
    Ok(Proposal { records, found: Some(found) })
}

fn doubts(material: &Material, model: &Model, own: usize, rows: &[Row]) -> Vec<String> {
    let mut doubts = Vec::new();
    let people = material.people.len();
    if people < FEW || own < FEW {
        doubts.push(format!(
            "The sample is small: {people} people and {own} pairs of one person. The model's numbers are rough."
        ));
    }
    if (model.strangers - 0.5).abs() > OFF_CENTRE {
        doubts.push(format!(
            "Strangers are {:.3} apart on average, not 1/2. Subtract the extractor's mean from embeddings first.",
            model.strangers
        ));
    }
    let above = |rate: &Rate| {
        let counted = rate.counted?;
        let found = proportion(counted.cases, counted.trials, DOUBTFUL).ok()?;
        (counted.cases > 0 && found.low > rate.model).then_some(())
    };
    for (what, rate) in
        [("false matches", (|row| &row.fmr) as fn(&Row) -> &Rate), ("false non-matches", |row| &row.fnmr)]
    {
        let beyond: Vec<_> = rows.iter().filter(|row| above(rate(row)).is_some()).collect();
        if let (Some(first), Some(last)) = (beyond.first(), beyond.last()) {
            doubts.push(format!(
                "At thresholds from {:.4} to {:.4} more {what} were counted than the model has: it is too good there.",
                last.threshold, first.threshold
            ));
        }
    }
    doubts
}

fn odd(error: impl std::fmt::Display) -> Failure {
    Failure::input(error.to_string())
}
