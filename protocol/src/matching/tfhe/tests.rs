use std::sync::{Arc, OnceLock};

use tfhe::core_crypto::prelude::*;

use super::{query, *};
use crate::{
    exchange::Misbehaviour,
    matching::{
        engine::Group,
        rule::Rule,
        template::Template,
        testing::{Allow, Slice},
    },
    padding::Buckets,
    pump::{self, PumpError},
};

mod attacks;
mod claims;
mod decisions;
mod errors;
mod estimate;
mod parts;
mod setup;

/// Masked templates of 640 bits.
fn form() -> Form {
    Form { length: 640, masked: true, rule: Rule { s: 2, p: 5, kappa: 240 } }
}

/// The material of both sides without cut and choose, and everything that a cheat would need.
struct Ready {
    form: Form,
    encoding: Encoding,
    reference: Vec<u8>,
    seed: Seed,
    asking: Arc<dyn Asking>,
    answering: Arc<dyn Answering>,
}

fn ready() -> &'static Ready {
    static READY: OnceLock<Ready> = OnceLock::new();
    READY.get_or_init(|| {
        let (form, seed) = (form(), Seed::new([1; 32]));
        let encoding = Encoding::of(&form).unwrap();
        let reference = crs::make(&form, &encoding, &Seed::new([2; 32])).unwrap();
        let asking = [seed.expose().as_slice(), &reference].concat();
        let answering = [Public::of(&seed).to_bytes(), reference.clone()].concat();
        Ready {
            form,
            encoding,
            reference,
            asking: OneRound.asking(&form, &asking).unwrap(),
            answering: OneRound.answering(&form, &answering).unwrap(),
            seed,
        }
    })
}

/// A template with random bits; a masked form masks one position in eight.
fn random(form: &Form, seed: u8, at: u64) -> Template {
    let mut stream = Seed::new([seed; 32]).stream(&format!("template/{at}"));
    let positions: Vec<_> = (0..form.length)
        .map(|_| (!form.masked || stream.below(8) != 0).then(|| stream.below(2) == 1))
        .collect();
    Template::from_positions(&positions).unwrap()
}

/// A copy with `flips` unmasked bits turned.
fn near(template: &Template, flips: usize, seed: u64) -> Template {
    let mut positions: Vec<_> = template.positions().collect();
    let mut open: Vec<usize> = (0..positions.len()).filter(|at| positions[*at].is_some()).collect();
    Seed::new([9; 32]).stream(&format!("near/{seed}")).shuffle(&mut open);
    for at in open.into_iter().take(flips) {
        positions[at] = positions[at].map(|bit| !bit);
    }
    Template::from_positions(&positions).unwrap()
}

fn single(template: Template) -> Group {
    Group { rows: vec![(0, template)] }
}

/// Both machines of one query.
fn machines(
    ready: &Ready,
    probe: &[Template],
    slice: Vec<Group>,
    answer: Answer,
    seed: u8,
) -> (Boxed<Matched>, Boxed<Searched>) {
    let prepared = ready.asking.prepare(probe, &Seed::new([seed; 32])).unwrap();
    let asked = Asked {
        digest: prepared.digest(),
        alternatives: u16::try_from(probe.len()).unwrap(),
        answer,
        largest_slice: 10_000,
        buckets: Buckets::USUAL,
        places: None,
    };
    let asker = prepared.exchange(&asked, &Seed::new([0; 32])).unwrap();
    let rows = Box::new(Slice(slice, 0));
    (asker, ready.answering.answer(&asked, rows, &Seed::new([seed ^ 0x80; 32]), &Seed::new([0; 32])).unwrap())
}

fn ask(probe: &[Template], slice: Vec<Group>, answer: Answer, seed: u8) -> (Matched, Searched) {
    let (mut asker, mut holder) = machines(ready(), probe, slice, answer, seed);
    let capacity = [1, 2, 7][usize::from(seed) % 3];
    pump::run(&mut *asker, &mut *holder, capacity, &mut Allow, |_, _| ()).unwrap();
    (asker.finish().unwrap(), holder.finish().unwrap())
}
