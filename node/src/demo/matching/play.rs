//! What is asked by probes, and what the plain rule says of each answer.

use std::{ffi::OsStr, path::Path, time::Duration};

use serde::Serialize;
use symbolon_policy::{agreement::MatchAnswer, words::QueryId};
use symbolon_protocol::matching::rule::Comparison;

use super::{
    ENGINE, REGISTER, keys_seconds,
    large::Many,
    people::{Crowd, Probe, Shelf, record_id},
    query_seconds,
    report::{Form, Keys, Matching, Probed},
};
use crate::{
    control::api::{self, Answer, Failure, Outcome, Reply},
    demo::{
        CASE, OFFICER,
        stage::{Stage, odd, write},
        steps::{Steps, Wire},
    },
};

/// Standard deviations from the threshold beyond which an encrypted decision must be that of the plain rule: it is
/// another once in 500 million.
const BAND: f64 = 6.0;

/// What the match gave.
pub(in crate::demo) struct Matched {
    pub(in crate::demo) report: Matching,
    pub(in crate::demo) queries: Vec<QueryId>,
}

/// What the plain rule says of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Plain {
    /// Records that are hits.
    pub hits: u64,
    /// Records so close to the threshold that the encrypted decision may differ.
    pub near: u64,
    /// Of these, hits.
    pub near_hits: u64,
    /// Share of positions in which the planted record differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
    /// Whether the planted record is a hit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planted_hit: Option<bool>,
}

/// How an answer compares with the plain rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the same.
    Same,
    /// It differs, but within the band in which it may.
    WithinBlur,
    /// It differs.
    Wrong,
}

impl Plain {
    /// Compares a probe with every record.
    pub(super) fn of(shelf: &Shelf, probe: &Probe) -> Self {
        let mut plain = Self::default();
        let rule = shelf.form.rule;
        // A position that differs moves the score by 2p; the engine decides in the middle of a step.
        let band = if shelf.blur > 0.0 { (BAND * shelf.blur + 1.0) * 2.0 * f64::from(rule.p) } else { -1.0 };
        for (place, template) in (0_u32..).zip(&shelf.templates) {
            let comparison = Comparison::of(&probe.template, template);
            let score = rule.score_of(comparison);
            let (hit, near) = (score >= 0, (score as f64).abs() <= band);
            plain.hits = plain.hits.saturating_add(u64::from(hit));
            plain.near = plain.near.saturating_add(u64::from(near));
            plain.near_hits = plain.near_hits.saturating_add(u64::from(hit && near));
            if probe.person == Some(place) {
                plain.distance = comparison.distance();
                plain.planted_hit = Some(hit);
            }
        }
        plain
    }

    /// Holds an answer to the rule.
    pub(super) fn verdict(&self, told: &api::Matched) -> Verdict {
        let fits = |least: u64, most: u64| match (told.answer, told.candidates) {
            (MatchAnswer::Any, _) if told.hit => most > 0,
            (MatchAnswer::Any, _) => least == 0,
            (MatchAnswer::Candidates, Some(found)) => (least..=most).contains(&found),
            (MatchAnswer::Candidates, None) => most > u64::from(told.cap),
        };
        let certain = self.hits.saturating_sub(self.near_hits);
        match () {
            () if fits(self.hits, self.hits) => Verdict::Same,
            () if fits(certain, certain.saturating_add(self.near)) => Verdict::WithinBlur,
            () => Verdict::Wrong,
        }
    }
}

impl Stage<'_> {
    /// Imports the registers of templates, asks the small one by every probe and the large one by one.
    ///
    /// # Errors
    /// A [`Failure`] of a command, or of a query that is not answered.
    pub(in crate::demo) fn matched(
        &self,
        (crowd, register): (&Crowd, &Path),
        (many, faces): (&Many, &Path),
        steps: &mut Steps,
    ) -> Result<Matched, Failure> {
        let imported = steps.run("RS", "imports a register of templates", || {
            let reply = self.holder.call("register import --create", &[&REGISTER, &register])?;
            let Reply::Imported(imported) = reply else { return Err(odd("register import")) };
            Ok(imported)
        })?;
        if imported.good != u64::from(crowd.records) || imported.rejected > 0 {
            let what = format!("{} of {} templates' records were imported", imported.good, crowd.records);
            return Err(Failure::integrity(what));
        }
        let (mut keys, mut probes, mut queries) = (Vec::<Keys>::new(), Vec::new(), Vec::new());
        for (number, probe) in (1_u32..).zip(&crowd.probes) {
            let first = keys.iter().all(|keys| keys.form != probe.sort.name());
            let (what, seconds) = if first {
                (", sets up keys", keys_seconds() + query_seconds(crowd.records))
            } else {
                ("", query_seconds(crowd.records))
            };
            steps.expect(Duration::from_secs_f64(seconds));
            let what = format!("asks about {}, encrypted{what}", probe.sort.words());
            let answer = steps.run("MK", what, || self.ask_by(REGISTER, number, probe, Some(ENGINE)))?;
            steps.wire(answer.bytes_out, answer.bytes_in);
            let shelf = crowd.shelf(probe)?;
            keys.extend(Keys::of(probe.sort, &answer));
            queries.extend(answer.query);
            probes.push(probed(shelf, probe, probe.person.map(record_id), answer)?);
        }
        let next = u32::try_from(probes.len()).unwrap_or(u32::MAX).saturating_add(1);
        let (large, query) = self.asked_of_many(many, faces, next, steps)?;
        queries.push(query);
        let forms = crowd.shelves.iter().map(Form::of).collect();
        let (register, engine) = (REGISTER, ENGINE);
        let estimated_seconds = super::estimate(crowd.records);
        let records = crowd.records;
        let report = Matching { register, records, engine, estimated_seconds, forms, keys, probes, large };
        Ok(Matched { report, queries })
    }

    /// Asks by one probe, as an officer does.
    pub(super) fn ask_by(
        &self,
        register: &str,
        number: u32,
        probe: &Probe,
        engine: Option<&str>,
    ) -> Result<Answer, Failure> {
        let file = self.place.join(format!("probe-{number}.json"));
        write(&file, probe.file().to_string().as_bytes())?;
        let answer = match probe.answer {
            MatchAnswer::Any => "any",
            MatchAnswer::Candidates => "candidates",
        };
        let verb = "query match --purpose IRREG_ENTRY --basis READMISSION";
        let form = probe.sort.name();
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![
            &"--register",
            &register,
            &"--officer",
            &OFFICER,
            &"--case",
            &CASE,
            &"--peer",
            &"RS",
            &"--form",
            &form,
            &"--answer",
            &answer,
            &"--probe",
            &file,
        ];
        if let Some(engine) = &engine {
            arguments.extend([&"--engine" as &dyn AsRef<OsStr>, engine]);
        }
        let reply = self.signed(&self.asker, verb, &arguments, OFFICER)?;
        let Reply::Answers { answers } = reply else { return Err(odd(verb)) };
        answers.into_iter().next().ok_or_else(|| odd(verb))
    }
}

/// What a probe showed. `record` is the person's.
pub(super) fn probed(
    shelf: &Shelf,
    probe: &Probe,
    record: Option<String>,
    answer: Answer,
) -> Result<Probed, Failure> {
    let told = match answer.outcome {
        Outcome::Matched(told) => told,
        Outcome::Refused { text, .. } => {
            return Err(Failure::integrity(format!("a match that is allowed was refused: {text}")));
        }
        Outcome::Failed { failure } => return Err(failure),
        Outcome::Hits { .. } | Outcome::Count { .. } => return Err(odd("query match")),
    };
    let plain = Plain::of(shelf, probe);
    let seconds = answer.timing.iter().filter(|(phase, _)| phase != "keys").map(|(_, seconds)| seconds).sum();
    let setup = answer.setup.map_or((0, 0), |moved| (moved.bytes_out, moved.bytes_in));
    Ok(Probed {
        planted: probe.planted,
        sort: probe.sort,
        record,
        masked: probe.template.length().saturating_sub(probe.template.usable()),
        verdict: plain.verdict(&told),
        plain,
        told,
        seconds,
        wire: Wire {
            bytes_out: answer.bytes_out.saturating_sub(setup.0),
            bytes_in: answer.bytes_in.saturating_sub(setup.1),
        },
    })
}
