//! The templates of a study, and which pairs of them are of one person.

use std::{collections::BTreeMap, fs::File, path::Path};

use rayon::prelude::*;
use symbolon_policy::words::Position;
use symbolon_protocol::{
    matching::{
        synthetic::Population,
        template::{Template, TemplateError},
    },
    seed::Seed,
};

use crate::{
    control::api::Failure,
    register::{PersonSample, person_samples},
};

use super::{Preset, Seen};

/// People drawn between two words of progress.
const STEP: u32 = 250;

/// Templates by number, and what is compared with what.
pub(super) struct Material {
    pub(super) templates: Vec<Template>,
    /// Person and template. Two of one group and of different persons are strangers' templates.
    pub(super) groups: Vec<Vec<(u32, u32)>>,
    /// Two templates of one person.
    pub(super) genuine: Vec<(u32, u32)>,
    /// For whole searches, one entry a person.
    pub(super) people: Vec<Enrolled>,
    /// Whether something is masked, or may be.
    pub(super) masked: bool,
    /// Bits of a column, if templates can be turned.
    pub(super) column: Option<usize>,
}

/// Somebody whose template can stand in a register.
#[derive(Clone, Copy)]
pub(super) struct Enrolled {
    /// What stands in the register.
    pub(super) record: u32,
    /// Another template of the person, if there is one.
    pub(super) probe: Option<u32>,
}

impl Material {
    pub(super) fn template(&self, number: u32) -> Option<&Template> {
        self.templates.get(usize::try_from(number).ok()?)
    }

    /// Bits of a template.
    pub(super) fn length(&self) -> u32 {
        self.templates.first().map_or(0, |template| u32::try_from(template.length()).unwrap_or(0))
    }
}

/// Invented people, with one record and one capture each. Strangers are compared by records, for which the
/// degrees of freedom are stated; one person by record and capture, as the stated distances are.
pub(super) fn synthetic(
    preset: Preset,
    people: u32,
    seed: &Seed,
    seen: Seen<'_>,
) -> Result<Material, Failure> {
    let population = Population::new(preset.modality(), seed.clone())
        .map_err(|error| Failure::local(format!("these people cannot be drawn: {error}")))?;
    let both = |person: u32| -> Result<[Template; 2], TemplateError> {
        let person = u64::from(person);
        Ok([population.code(person)?, population.capture(person, 0, 0.0)?.template])
    };
    let mut templates = Vec::new();
    for from in (0..people).step_by(STEP as usize) {
        seen("people", from.into(), people.into());
        let range = from..people.min(from.saturating_add(STEP));
        let drawn: Result<Vec<_>, _> = range.into_par_iter().map(both).collect();
        let drawn = drawn.map_err(|error| Failure::local(format!("a template cannot be drawn: {error}")))?;
        templates.extend(drawn.into_iter().flatten());
    }
    let numbers = || (0..people).map(|person| (person.saturating_mul(2), person.saturating_mul(2) | 1));
    Ok(Material {
        templates,
        groups: vec![(0..).zip(numbers()).map(|(person, (record, _))| (person, record)).collect()],
        genuine: numbers().collect(),
        people: numbers().map(|(record, probe)| Enrolled { record, probe: Some(probe) }).collect(),
        masked: preset.masked(),
        column: preset.column(),
    })
}

/// The templates of a file. Only those of one position are compared; whole searches are of the position
/// that most templates are of.
pub(super) fn of_file(path: &Path, seen: Seen<'_>) -> Result<Material, Failure> {
    let wrong = |what: String| Failure::input(format!("{}: {what}", path.display()));
    let file = File::open(path)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    let samples = person_samples(file, &mut |lines| {
        if lines.is_multiple_of(1_000) {
            seen("lines", lines, 0);
        }
    });
    let samples = samples.map_err(|error| wrong(error.to_string()))?;

    let mut groups = BTreeMap::<Option<Position>, Vec<(u32, u32)>>::new();
    let mut templates = Vec::with_capacity(samples.len());
    for (number, PersonSample { person, position, template }) in (0..).zip(samples) {
        groups.entry(position).or_default().push((person, number));
        templates.push(template);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    // By person; within a person in the order of the file.
    groups.iter_mut().for_each(|group| group.sort_unstable());
    let largest = groups.iter().max_by_key(|group| group.len());
    let people = largest.map(|group| enrolled(group)).unwrap_or_default();
    let genuine: Vec<_> = groups.iter().flat_map(|group| of_one(group)).collect();
    if !groups.iter().any(|group| of_each(group).nth(1).is_some()) {
        let help = "at least two people are needed, with templates of one `position` or of none";
        return Err(wrong("there are no two people to compare".to_owned()).with_help(help));
    }
    if genuine.is_empty() {
        let help = "misses can only be seen on two samples of one `person`, from one `position` or from none";
        return Err(wrong("nobody has two templates".to_owned()).with_help(help));
    }
    let masked = templates.iter().any(|template| template.usable() < template.length());
    Ok(Material { templates, groups, genuine, people, masked, column: None })
}

/// The entries of each person of a sorted group.
fn of_each(group: &[(u32, u32)]) -> impl Iterator<Item = &[(u32, u32)]> {
    group.chunk_by(|(one, _), (next, _)| one == next)
}

fn enrolled(group: &[(u32, u32)]) -> Vec<Enrolled> {
    let one = |own: &[(u32, u32)]| {
        let mut numbers = own.iter().map(|(_, number)| *number);
        Some(Enrolled { record: numbers.next()?, probe: numbers.next() })
    };
    of_each(group).filter_map(one).collect()
}

/// All pairs of one person.
fn of_one(group: &[(u32, u32)]) -> impl Iterator<Item = (u32, u32)> {
    of_each(group).flat_map(|own| {
        let later = |(at, (_, a)): (usize, &(u32, u32))| {
            let a = *a;
            own.iter().skip(at.saturating_add(1)).map(move |(_, b)| (a, *b)).collect::<Vec<_>>()
        };
        own.iter().enumerate().flat_map(later).collect::<Vec<_>>()
    })
}
