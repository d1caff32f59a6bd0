use std::sync::Arc;

use super::*;
use crate::{
    matching::{
        engine::Group,
        rule::Rule,
        template::Template,
        testing::{Allow, Slice},
    },
    padding::Buckets,
    pump::{self, PumpError, Traffic},
};

mod ahead;
mod attacks;
mod decisions;
mod exact;
mod streams;
mod whole;

fn seed(byte: u8) -> Seed {
    Seed::new([byte; 32])
}

/// Without masks.
fn plain() -> Form {
    Form { length: 200, masked: false, rule: Rule { s: 2, p: 5, kappa: 40 } }
}

/// With masks.
fn masked() -> Form {
    Form { length: 160, masked: true, rule: Rule { s: 2, p: 5, kappa: 60 } }
}

/// A template with random bits; a masked form masks one position in eight.
fn random(form: &Form, stream: &mut crate::seed::Stream) -> Template {
    let positions: Vec<_> = (0..form.length)
        .map(|_| (!form.masked || stream.below(8) != 0).then(|| stream.below(2) == 1))
        .collect();
    Template::from_positions(&positions).unwrap()
}

/// A copy with `flips` unmasked bits turned.
fn near(template: &Template, flips: usize, stream: &mut crate::seed::Stream) -> Template {
    let mut positions: Vec<_> = template.positions().collect();
    let mut open: Vec<usize> = (0..positions.len()).filter(|at| positions[*at].is_some()).collect();
    stream.shuffle(&mut open);
    for at in open.into_iter().take(flips) {
        positions[at] = positions[at].map(|bit| !bit);
    }
    Template::from_positions(&positions).unwrap()
}

fn single(template: Template) -> Group {
    Group { rows: vec![(0, template)] }
}

/// The name that a setup gives both.
fn name() -> Vec<u8> {
    let (mut asker, mut holder) = (
        Interactive.offer(&plain(), &seed(1)).unwrap(),
        Interactive.accept(&plain(), &seed(2), &seed(3)).unwrap(),
    );
    pump::run(&mut *asker, &mut *holder, 1, &mut Allow, |_, _| ()).unwrap();
    let (a, b) = (asker.finish().unwrap(), holder.finish().unwrap());
    assert_eq!(a, b);
    a
}

fn sides(form: &Form) -> (Arc<dyn Asking>, Arc<dyn Answering>) {
    let name = name();
    (Interactive.asking(form, &name).unwrap(), Interactive.answering(form, &name).unwrap())
}

fn asked(digest: [u8; 32], alternatives: usize, answer: Answer) -> Asked {
    let alternatives = u16::try_from(alternatives).unwrap();
    Asked { digest, alternatives, answer, largest_slice: 100_000, buckets: Buckets::USUAL, places: None }
}

/// Whether a run is made in full, or with a preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Full,
    Ahead,
}

const WAYS: [Way; 2] = [Way::Full, Way::Ahead];

/// Both machines of one query.
fn machines(
    way: Way,
    form: &Form,
    probe: &[Template],
    slice: Vec<Group>,
    answer: Answer,
    run: u8,
) -> (Boxed<Matched>, Boxed<Searched>) {
    if way == Way::Ahead {
        return ahead::Halves::new(form, slice.clone(), probe.len(), run)
            .machines(form, probe, slice, answer, run)
            .unwrap();
    }
    let (asking, answering) = sides(form);
    let prepared = asking.prepare(probe, &seed(3)).unwrap();
    let asked = asked(prepared.digest(), probe.len(), answer);
    let asker = prepared.exchange(&asked, &seed(run)).unwrap();
    let holder = answering.answer(&asked, Box::new(Slice(slice, 0)), &seed(4), &seed(run ^ 0x80)).unwrap();
    (asker, holder)
}

fn ask(
    way: Way,
    form: &Form,
    probe: &[Template],
    slice: Vec<Group>,
    answer: Answer,
    run: u8,
) -> (Matched, Searched, Traffic) {
    let (mut asker, mut holder) = machines(way, form, probe, slice, answer, run);
    let capacity = [1, 2, 7][usize::from(run) % 3];
    let traffic = pump::run(&mut *asker, &mut *holder, capacity, &mut Allow, |_, _| ()).unwrap();
    (asker.finish().unwrap(), holder.finish().unwrap(), traffic)
}
