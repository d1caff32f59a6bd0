//! Matches by every engine, for the forms in use.

use symbolon_policy::{
    agreement::{FormTerms, MatchAnswer, MatchTerms},
    ask::MatchSetup,
    words::{FormName, Modality, Position},
};
use symbolon_protocol::{
    matching::{
        engine::{Engine, engines},
        rates,
        synthetic::{self, Population},
        template::Template,
    },
    seed::Seed,
};

use super::{CLASS, CalibrateError, ENTRY, FIXED, Measured, costs, pair, question};
use crate::{
    cost::{EngineCost, Size, match_name},
    pair::{Enrolled, Spent},
};

/// Forms: bits of a template, masks, what they are taken from, and independent bits.
const FORMS: [(u32, bool, Modality, u32); 3] = [
    (512, false, Modality::Face, 65),
    (2_048, true, Modality::Iris, 249),
    (5_120, true, Modality::Tenprint, 1_000),
];
/// Records searched by an engine that is quick, and by one that works milliseconds on each.
const SLICES: [u32; 3] = [1_000, 4_000, 16_000];
const SLOW_SLICES: [u32; 2] = [1_000, 1_400];
/// Runs of each size by a quick engine; the median counts.
const RUNS: u64 = 3;
/// Seconds that a record may take for an engine to count as quick.
const QUICK: f64 = 1e-3;
/// A threshold on the share of positions that differ.
const THRESHOLD: f64 = 0.3;

/// Terms with every engine and every form.
pub(super) fn terms() -> Result<MatchTerms, CalibrateError> {
    let named = engines().iter().map(|engine| engine.card().id.parse());
    Ok(MatchTerms {
        engines: named.collect::<Result<_, _>>()?,
        against_asker: None,
        against_holder: None,
        key_hours: 24,
        largest_slice: 1_000_000,
        budget: 1_300,
        budget_days: 365,
        prior_permille: 10,
        forms: FORMS.iter().map(form).collect::<Result<_, _>>()?,
    })
}

fn form(
    (length, masked, modality, freedom): &(u32, bool, Modality, u32),
) -> Result<FormTerms, CalibrateError> {
    let rule = rates::form(*length, *masked, THRESHOLD);
    let rule = rule.map_err(|error| CalibrateError::Templates(error.to_string()))?.rule;
    Ok(FormTerms {
        name: format!("form-{length}").parse::<FormName>()?,
        modality: *modality,
        length: *length,
        masked: *masked,
        s: rule.s,
        p: rule.p,
        kappa: rule.kappa,
        degrees_of_freedom: *freedom,
        alternatives: 1,
        answers: vec![MatchAnswer::Candidates],
        cap: 3,
        projection: None,
    })
}

/// Every form that is measured with an engine; the slow one leaves out the one in the middle.
pub(super) fn every_form(
    engine: &dyn Engine,
    seen: &mut (dyn FnMut(&str, u64, u64) + Send),
) -> Result<Vec<(String, EngineCost)>, CalibrateError> {
    let id = engine.card().id;
    let mut found = Vec::new();
    for form in terms()?.forms {
        let Some(told) = form.answer(MatchAnswer::Candidates) else { continue };
        let each = engine.estimate(&form.form(), 1_024, 1, told, 1).seconds / 1_024.0;
        let quick = each < QUICK;
        if !quick && form.modality == Modality::Iris {
            continue;
        }
        let (slices, runs): (&[u32], u64) = if quick { (&SLICES, RUNS) } else { (&SLOW_SLICES, 1) };
        let measured = measure(engine, &form, slices, runs, seen)?;
        let cost =
            EngineCost { rule: Some([form.s, form.p, form.kappa]), ..costs(&measured, &[FIXED, ENTRY]) };
        found.push((match_name(id, &form), cost));
    }
    Ok(found)
}

pub(super) fn measure(
    engine: &dyn Engine,
    form: &FormTerms,
    slices: &[u32],
    runs: u64,
    seen: &mut (dyn FnMut(&str, u64, u64) + Send),
) -> Result<Vec<Measured>, CalibrateError> {
    let id = engine.card().id;
    let what = format!("{id}, {} bits", form.length);
    let total = slices.len() as u64 * runs + 1;
    let mut pair = pair(&["ASKER".parse()?, "HOLDER".parse()?], 1)?;
    let question = question(false)?;
    seen(&what, 0, total);
    let keys = pair.keys(&question, &MatchSetup { form: form.name.clone(), engine: id.parse()? })?;
    let (setup, filter) = (pair.on_snapshots, keys.traffic);
    let position = Position::ALL.iter().copied().find(|position| position.modality() == form.modality);
    let position = position.ok_or_else(|| CalibrateError::Templates("no position".to_owned()))?;
    let people = people(form)?;
    let template = |person: u32| -> Result<Template, CalibrateError> {
        people.code(person.into()).map_err(|error| CalibrateError::Templates(error.to_string()))
    };
    let (mut measured, mut done) = (Vec::new(), 1);
    for slice in slices {
        let register =
            (0..*slice).map(|person| Ok(Enrolled { class: CLASS, position, template: template(person)? }));
        let register = register.collect::<Result<Vec<_>, CalibrateError>>()?;
        let mut each: Vec<Measured> = Vec::new();
        for run in 0..runs {
            seen(&what, done, total);
            pair.on_queries = Spent::default();
            let probe = [(position, template(run as u32)?)];
            let outcome = pair.matching(&question, &keys, MatchAnswer::Candidates, &probe, &register)?;
            each.push(Measured {
                size: Size {
                    items: 1.0,
                    records: f64::from(*slice),
                    entries: outcome.receipt.receipt.entries as f64,
                },
                query: pair.on_queries,
                snapshot: setup,
                traffic: outcome.exchange,
                filter,
            });
            done += 1;
        }
        each.sort_by(|a, b| (a.query.asker + a.query.holder).total_cmp(&(b.query.asker + b.query.holder)));
        measured.extend(each.get(each.len() / 2));
    }
    Ok(measured)
}

/// Invented people; how their captures differ does not matter to what a match costs.
fn people(form: &FormTerms) -> Result<Population, CalibrateError> {
    let modality = synthetic::Modality {
        length: form.length as usize,
        parts: 1,
        freedom: f64::from(form.degrees_of_freedom),
        mean: 0.1,
        sd: 0.05,
    };
    Population::new(modality, Seed::new([3; 32]))
        .map_err(|error| CalibrateError::Templates(error.to_string()))
}
