//! Some of those that the asker has, one match each.
//!
//! A template is invented for each person the holder could enrol. A probe that the model lets agree is another capture
//! of the same person; one that it does not is a capture of somebody who is not there.

use symbolon_policy::{
    agreement::FormTerms,
    ask::{MatchAsk, MatchSetup},
    words::Position,
};
use symbolon_protocol::{
    matching::{
        engine::{self, Matched},
        synthetic::{Modality, ModalityError, Population},
        template::Template,
    },
    seed::Seed,
};

use super::{Check, Checked, ExactError};
use crate::{contract::ask, cost::Size, pair::Enrolled};

/// Captures of good quality, which agree under every threshold in use: mean and spread of their distance.
const NEAR: (f64, f64) = (0.05, 0.02);
const QUALITY: f64 = 0.5;
/// Matches of one pair at most.
const MOST: usize = 20;

impl Check<'_> {
    pub(super) fn templates(mut self, seconds: f64) -> Result<Option<Checked>, ExactError> {
        let [a, h] = &self.codes;
        let words = ask(self.practice, self.terms, a, h)?;
        let agreed = words.matching.clone().zip(self.terms.matching.as_ref());
        let agreed = agreed.and_then(|(asked, agreed)| {
            let (form, position) = (agreed.form(&asked.form)?.clone(), *asked.positions.first()?);
            Some((engine::engine(asked.engine.as_str())?, asked, form, position))
        });
        // An engine that this program lacks cannot be checked.
        let Some((engine, asked, form, position)) = agreed else { return Ok(None) };
        let people = people(&form, &self.seed)?;
        let register = self.register(&people, position);
        let records = self.rows.iter().filter(|row| {
            row.template(self.line.practice, self.line.holder)
                && self.theirs(row).is_some_and(|place| self.within(place))
        });
        let records = records.count() as u64;
        let padded = self.terms.buckets.places(records);
        let alternatives = u16::try_from(self.line.items).unwrap_or(u16::MAX);
        let Some(told) = form.answer(asked.answer) else { return Ok(None) };
        let each = engine.estimate(&form.form(), padded, alternatives, told, 1).seconds;
        let most = ((seconds / each.max(1e-3)) as usize).clamp(1, MOST).min(self.room());
        let probes = self.probes(&people, &form, most);
        if probes.is_empty() {
            return Ok(None);
        }
        let setup = MatchSetup { form: asked.form.clone(), engine: asked.engine.clone() };
        let keys = self.pair.keys(&self.question, &setup).map_err(|error| self.fault(error))?;
        let (mut bytes, mut hits, mut differ) = (keys.traffic.to_holder + keys.traffic.to_asker, 0, 0);
        for (probe, model) in &probes {
            if self.watch.cancelled() {
                return Err(ExactError::Cancelled);
            }
            let probe = vec![(position, probe.clone()); usize::from(alternatives)];
            let real = self.pair.matching(&self.question, &keys, asked.answer, &probe, &register);
            let real = real.map_err(|error| self.fault(error))?;
            bytes += real.exchange.to_holder + real.exchange.to_asker;
            let hit = hit(&real.answer);
            hits += usize::from(hit);
            differ += usize::from(hit != *model);
        }
        let (cost, queries) = (self.line.cost, probes.len() as f64);
        let size = Size { items: self.line.items.into(), records: records as f64, entries: padded as f64 };
        Ok(Some(Checked {
            asked: probes.len(),
            model_hits: probes.iter().filter(|(_, hit)| *hit).count(),
            real_hits: hits,
            differ,
            model_bytes: queries * cost.bytes(size) + cost.setup.bytes(size),
            real_bytes: bytes as f64,
            model_seconds: queries * cost.seconds(size) + cost.setup.seconds(size),
            ..self.blank(name(&asked))
        }))
    }

    /// Matches that all meters together have room for.
    fn room(&self) -> usize {
        let room = self.line.uses.iter().filter_map(|using| {
            let limit = self.contract.meters.get(using.meter)?.limit;
            Some(limit / using.of(self.line.items.into()).max(1.0))
        });
        room.fold(f64::from(u32::MAX), f64::min) as usize
    }

    /// The holder's templates.
    fn register(&self, people: &Population, position: Position) -> Vec<Enrolled> {
        let each = (0_u64..).zip(self.rows).filter_map(|(person, row)| {
            let place = self.theirs(row)?;
            let enrolled = row.template(self.line.practice, self.line.holder);
            let template = people.code(person).ok().filter(|_| enrolled)?;
            Some(Enrolled { class: self.class(place), position, template })
        });
        each.collect()
    }

    /// Probes, and whether the model has each for a hit: of those who are to hit and those who are not, in turn.
    fn probes(&self, people: &Population, form: &FormTerms, most: usize) -> Vec<(Template, bool)> {
        let rule = form.form().rule;
        let strangers = self.rows.len() as u64;
        let each = (0_u64..).zip(self.rows).filter(|(_, row)| self.ours(row)).filter_map(|(person, row)| {
            let agrees = row.captured(self.line.practice);
            let template = if agrees {
                let (near, code) =
                    (people.capture(person, 1, QUALITY).ok()?.template, people.code(person).ok()?);
                if rule.hit(&near, &code) { near } else { code }
            } else {
                people.code(strangers + person).ok()?
            };
            let there = row.template(self.line.practice, self.line.holder)
                && self.theirs(row).is_some_and(|place| self.within(place));
            Some((template, there && agrees))
        });
        let (hits, others): (Vec<_>, Vec<_>) = each.partition(|(_, hit)| *hit);
        let (mut hits, mut others) = (hits.into_iter(), others.into_iter());
        let mut probes = Vec::new();
        while probes.len() < most {
            let next = if probes.len() % 2 == 0 {
                hits.next().or_else(|| others.next())
            } else {
                others.next().or_else(|| hits.next())
            };
            match next {
                Some(next) => probes.push(next),
                None => break,
            }
        }
        probes
    }
}

/// Invented people whose templates have the form.
fn people(form: &FormTerms, seed: &Seed) -> Result<Population, ExactError> {
    let fault = |error: ModalityError| ExactError::Templates { form: form.name.to_string(), error };
    let modality = Modality {
        length: usize::try_from(form.length).unwrap_or(usize::MAX),
        parts: 1,
        freedom: f64::from(form.degrees_of_freedom),
        mean: NEAR.0,
        sd: NEAR.1,
    };
    Population::new(modality, seed.clone()).map_err(fault)
}

fn hit(answer: &Matched) -> bool {
    match answer {
        Matched::Any(hit) => *hit,
        Matched::Candidates { hits, .. } => !hits.is_empty(),
        Matched::TooMany => true,
    }
}

/// Engine and form, as a calibration names them, and the answer.
fn name(asked: &MatchAsk) -> String {
    format!("match by {}, {} ({})", asked.engine, asked.form, asked.answer.as_str())
}
