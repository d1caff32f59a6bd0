//! Many decisions, one by one, against the plain rule: groups of the answer are opened in the order of the slice by
//! making each run show which it hit through its count.

use super::*;

/// Decides `rows` comparisons of a form by the circuit itself, without a network, and holds each to the rule. Shares
/// are as in a run: random, with the holder's offsets.
fn decide(form: &Form, blocks: u64) -> u64 {
    use crate::{
        garble::tests::Plain,
        matching::interactive::{
            circuit::reached,
            parameters::Layout,
            planes,
            probe::Key,
            score::{self, Taken},
            slice::Loading,
        },
    };
    use rayon::prelude::*;

    let encoding = Encoding::of(form).unwrap();
    let one = |block: u64| -> u64 {
        let mut stream = seed(50).stream(&format!("exact/{}/{}/{block}", form.length, form.masked));
        let probe = random(form, &mut stream);
        let layout = Layout::new(BLOCK as u64, 1, 1).unwrap();
        let part = layout.part(0);
        let mut loading = Loading::new(encoding, 1, BLOCK as u64, &mut seed(51).stream("order")).unwrap();
        // The order of places, to find each lane's template again.
        let mut order: Vec<u32> = (0..BLOCK as u32).collect();
        seed(51).stream("order").shuffle(&mut order);
        let mut templates = vec![None; BLOCK];
        // From the first flip on that is no hit, the threshold is near.
        let usable = probe.usable();
        let rule = form.rule;
        let edge = (0..usable).find(|flips| {
            i64::from(rule.p) * (usable as i64 - 2 * *flips as i64)
                < i64::from(rule.s) * usable as i64 + i64::from(rule.kappa)
        });
        let edge = edge.unwrap_or(1);
        for place in &order {
            let template = match stream.below(4) {
                0 => random(form, &mut stream),
                _ => {
                    let flips = (edge + stream.below(9) as usize).saturating_sub(5);
                    near(&probe, flips, &mut stream)
                }
            };
            templates[*place as usize] = Some(template.clone());
            loading.push(&single(template)).unwrap();
        }
        let slice = loading.finish(&layout);
        let columns = slice.columns(&part);
        let mut turning = seed(52).stream(&format!("turned/{block}"));
        let mut key = || Key { stream: stream.block(), mask: 0 };
        // Half of the blocks as if they were prepared: about half of the transfers are turned.
        let prepared = block % 2 == 1;
        let given: Vec<([Key; 2], bool)> =
            (0..encoding.transfers()).map(|_| ([key(), key()], prepared && turning.below(2) == 1)).collect();
        let turned: Vec<bool> = given.iter().map(|(_, turned)| *turned).collect();
        let mut own = score::nothing(&encoding, &part, &turned);
        let mut corrections = Vec::new();
        for scored in score::give((&encoding, &layout, &part), &columns, 0, &given, &mut own) {
            corrections.extend(scored.corrections);
        }
        let bits = probe::choices(&encoding, std::slice::from_ref(&probe)).unwrap();
        let taken: Vec<Taken> = given
            .iter()
            .zip(bits.iter())
            .map(|(([none, other], turned), bit)| {
                let choice = bit != turned;
                let key = if choice { *other } else { *none };
                Taken { key, mask: u64::from(choice).wrapping_neg(), turned: *turned }
            })
            .collect();
        let mut sum = score::nothing(&encoding, &part, &turned);
        score::take((&encoding, &layout, &part), &taken, &corrections, &mut sum);
        let (own, sums) = (planes::numbers(&own, part.words()), planes::numbers(&sum, part.words()));
        let left_out = slice.left_out(&part, &turned);
        let offsets: Vec<i64> =
            own.iter().zip(left_out).map(|(own, left)| left - encoding.due - own).collect();
        let offsets = planes::planes(&offsets, encoding.bits);
        let bits: Vec<Vec<bool>> =
            (0..encoding.bits).map(|bit| sums.iter().map(|sum| sum >> bit & 1 == 1).collect()).collect();
        let shares: Vec<&[bool]> = bits.iter().map(Vec::as_slice).collect();
        let offsets: Vec<&[u64]> = offsets.chunks(part.words()).collect();
        let told = reached(&mut Plain, &shares, &offsets).unwrap();
        let mut hits = 0;
        for (told, template) in told.iter().zip(&templates) {
            let hit = rule.hit(&probe, template.as_ref().unwrap());
            assert_eq!(*told, hit);
            hits += u64::from(hit);
        }
        assert!(hits > BLOCK as u64 / 8 && hits < BLOCK as u64 * 7 / 8, "{hits}: near and far, hits and not");
        BLOCK as u64
    };
    (0..blocks).into_par_iter().map(one).sum()
}

#[test]
fn a_hundred_thousand_decisions_are_those_of_the_rule() {
    let done = decide(&plain(), 14) + decide(&masked(), 14);
    assert!(done > 100_000, "{done}");
}

/// 10^8 of 512 bits, half of them with masks: about ten minutes on two cores.
#[test]
#[ignore = "ten minutes; see docs/benchmarks.md"]
fn a_hundred_million_decisions_are_those_of_the_rule() {
    let plain = Form { length: 512, masked: false, rule: Rule { s: 9, p: 25, kappa: 256 } };
    let masked = Form { length: 512, masked: true, rule: Rule { s: 9, p: 25, kappa: 700 } };
    let done = decide(&plain, 12_300) + decide(&masked, 12_300);
    assert!(done > 100_000_000, "{done}");
}
