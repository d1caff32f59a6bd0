use super::*;
use crate::seed::Seed;

/// Plain bits: what the gates mean.
#[derive(Default)]
pub(crate) struct Plain;

impl Gates for Plain {
    type Wire = bool;

    fn and(&mut self, a: &[bool], b: &[bool]) -> Result<Vec<bool>, Fault> {
        Ok(a.iter().zip(b).map(|(a, b)| *a && *b).collect())
    }

    fn only(&mut self, a: &[bool], own: &[u64]) -> Result<Vec<bool>, Fault> {
        Ok(a.iter().enumerate().map(|(lane, a)| *a && bit(own, lane)).collect())
    }

    fn xor(&self, a: bool, b: bool) -> bool {
        a != b
    }

    fn turn(&self, wire: &mut [bool], own: &[u64]) {
        wire.iter_mut().enumerate().for_each(|(lane, wire)| *wire ^= bit(own, lane));
    }

    fn not(&self, wire: bool) -> bool {
        !wire
    }
}

/// A circuit with every gate.
fn circuit<G: Gates>(
    gates: &mut G,
    a: &[G::Wire],
    b: &[G::Wire],
    own: &[u64],
) -> Result<Vec<G::Wire>, Fault> {
    let both = gates.and(a, b)?;
    let only = gates.only(b, own)?;
    let either = gates.or(&gates.sum(&both, a), &only)?;
    let mut last = gates.and(&either, &gates.sum(a, b))?;
    gates.turn(&mut last, own);
    Ok(last.iter().map(|wire| gates.not(*wire)).collect())
}

#[test]
fn garbled_gates_do_what_plain_ones_do() {
    let mut stream = Seed::new([1; 32]).stream("garble");
    for lanes in [1_usize, 3, 256, 300, 1_111] {
        let (cipher, delta) = (Cipher::new(stream.block()), stream.block() | 1);
        let mut zeros = || -> Vec<u128> { (0..lanes).map(|_| stream.block()).collect() };
        let (a0, b0) = (zeros(), zeros());
        let mut bits = || -> Vec<bool> { (0..lanes).map(|_| stream.below(2) == 1).collect() };
        let (a, b) = (bits(), bits());
        let own: Vec<u64> = (0..lanes.div_ceil(64)).map(|_| stream.bits()).collect();

        let mut numbers = 5;
        let mut garbler = Garbler::new(&cipher, delta, &mut numbers);
        let out0 = circuit(&mut garbler, &a0, &b0, &own).unwrap();
        let tables = garbler.tables();

        let mut tally = Tally::default();
        circuit(&mut tally, &vec![(); lanes], &vec![(); lanes], &[]).unwrap();
        assert_eq!(tally.0, tables.len() as u64);

        let active = |zeros: &[u128], bits: &[bool]| -> Vec<u128> {
            zeros.iter().zip(bits).map(|(zero, bit)| zero ^ (u128::from(*bit) * delta)).collect()
        };
        let mut numbers = 5;
        let mut evaluator = Evaluator::new(&cipher, &mut numbers, &tables);
        let out = circuit(&mut evaluator, &active(&a0, &a), &active(&b0, &b), &[]).unwrap();
        let expected = circuit(&mut Plain, &a, &b, &own).unwrap();
        for lane in 0..lanes {
            assert_eq!(out[lane], out0[lane] ^ (u128::from(expected[lane]) * delta), "{lanes} {lane}");
        }

        // A table that was changed in one place gives a label that is neither.
        let mut spoilt = tables.clone();
        spoilt.iter_mut().for_each(|block| *block ^= 1 << 77);
        let mut numbers = 5;
        let mut evaluator = Evaluator::new(&cipher, &mut numbers, &spoilt);
        let wrong = circuit(&mut evaluator, &active(&a0, &a), &active(&b0, &b), &[]).unwrap();
        let valid = |lane: usize| wrong[lane] == out0[lane] || wrong[lane] == out0[lane] ^ delta;
        assert!(lanes < 100 || (0..lanes).filter(|lane| valid(*lane)).count() < lanes / 2);

        // Too few tables are the holder's fault.
        let mut numbers = 5;
        let mut evaluator = Evaluator::new(&cipher, &mut numbers, &tables[1..]);
        let end = circuit(&mut evaluator, &active(&a0, &a), &active(&b0, &b), &[]);
        assert_eq!(end, Err(Misbehaviour::Count.into()));
    }
}
