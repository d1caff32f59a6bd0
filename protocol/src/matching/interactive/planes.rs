//! Numbers of many lanes as planes of bits: plane b has bit b of every lane. Additions are then logic over whole
//! words, and what crosses has no bit too many.

use crate::block::transpose64;

/// Runs a loop with the widest registers that the processor has.
macro_rules! wide {
    ($body:block) => {
        crate::block::registers().dispatch(
            #[inline(always)]
            || $body,
        )
    };
}

/// The majority of three bits.
#[inline(always)]
fn majority(a: u64, b: u64, c: u64) -> u64 {
    ((a ^ c) & (b ^ c)) ^ c
}

/// What a position adds for one choice: `gain` in the lanes of `plus`, minus `loss` in those of `minus`.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) plus: &'a [u64],
    pub(super) minus: &'a [u64],
    pub(super) gain: u32,
    pub(super) loss: u32,
}

/// Lanes whose share went over 2^k - 1, or under 0, when the step was added.
#[derive(Clone, Debug, Default)]
pub(super) struct Wraps {
    pub(super) up: Vec<u64>,
    pub(super) down: Vec<u64>,
}

/// All ones if a bit of the number is set.
fn ones(number: u32, bit: usize) -> u64 {
    u64::from(number.checked_shr(bit as u32).unwrap_or(0) & 1).wrapping_neg()
}

/// The holder's correction for one choice: `none` + step - `own`, modulo 2^k, and where the first sum wrapped.
/// `none`, `own` and `to` are k planes.
pub(super) fn correct(none: &[u64], own: &[u64], step: Step<'_>, to: &mut [u64], wraps: &mut Wraps) {
    let words = step.plus.len().max(1);
    let loss = step.loss.wrapping_neg();
    let (mut sum, mut rest) = (vec![0; words], vec![u64::MAX; words]);
    wide!({
        let planes = none.chunks_exact(words).zip(own.chunks_exact(words)).zip(to.chunks_exact_mut(words));
        for (bit, ((none, own), to)) in planes.enumerate() {
            let (gained, lost) = (ones(step.gain, bit), ones(loss, bit));
            let lanes = none.iter().zip(own).zip(to).zip(step.plus.iter().zip(step.minus));
            for ((((none, own), to), (plus, minus)), (sum, rest)) in
                lanes.zip(sum.iter_mut().zip(rest.iter_mut()))
            {
                let add = (plus & gained) | (minus & lost);
                let share = none ^ add ^ *sum;
                *sum = majority(*none, add, *sum);
                *to = share ^ !own ^ *rest;
                *rest = majority(share, !own, *rest);
            }
        }
    });
    wraps.up.clear();
    wraps.down.clear();
    wraps.up.extend(sum.iter().zip(step.plus).map(|(carry, plus)| carry & plus));
    wraps.down.extend(sum.iter().zip(step.minus).map(|(carry, minus)| !carry & minus));
}

/// The asker's share: its key stream and, under the mask of its choice, the correction, modulo 2^k.
pub(super) fn share(stream: &mut [u64], words: usize, correction: &[u64], mask: u64) {
    let mut carry = vec![0; words];
    wide!({
        for (stream, correction) in
            stream.chunks_exact_mut(words.max(1)).zip(correction.chunks_exact(words.max(1)))
        {
            for ((stream, correction), carry) in stream.iter_mut().zip(correction).zip(&mut carry) {
                let (a, b) = (*stream, correction & mask);
                *stream = a ^ b ^ *carry;
                *carry = majority(a, b, *carry);
            }
        }
    });
}

/// Adds planes to a sum of more planes; or takes them off it: adds their complement and 1.
pub(super) fn accumulate(sum: &mut [u64], add: &[u64], words: usize, off: bool) {
    let turn = u64::from(off).wrapping_neg();
    let mut carry = vec![turn; words];
    wide!({
        let mut add = add.chunks_exact(words.max(1));
        for sum in sum.chunks_exact_mut(words.max(1)) {
            match add.next() {
                Some(add) => {
                    for ((sum, add), carry) in sum.iter_mut().zip(add).zip(&mut carry) {
                        let (a, b) = (*sum, add ^ turn);
                        *sum = a ^ b ^ *carry;
                        *carry = majority(a, b, *carry);
                    }
                }
                None => {
                    for (sum, carry) in sum.iter_mut().zip(&mut carry) {
                        let a = *sum;
                        *sum = a ^ turn ^ *carry;
                        *carry = majority(a, turn, *carry);
                    }
                }
            }
        }
    });
}

/// Planes in which every lane is the same number.
pub(super) fn constant(number: i64, planes: usize, words: usize) -> Vec<u64> {
    let plane = |bit: usize| (number >> bit.min(63) & 1).wrapping_neg().cast_unsigned();
    (0..planes).flat_map(|bit| std::iter::repeat_n(plane(bit), words)).collect()
}

/// The number of each lane, with its sign.
pub(super) fn numbers(planes: &[u64], words: usize) -> Vec<i64> {
    let count = planes.len().checked_div(words).unwrap_or(0).clamp(1, 64);
    let unused = 64 - count as u32;
    let mut numbers = Vec::with_capacity(words * 64);
    for word in 0..words {
        let mut rows = [0; 64];
        for (row, plane) in rows.iter_mut().zip(planes.chunks_exact(words.max(1))) {
            *row = plane.get(word).copied().unwrap_or(0);
        }
        transpose64(&mut rows);
        numbers.extend(rows.iter().map(|row| (row << unused).cast_signed() >> unused));
    }
    numbers
}

/// The lowest planes of numbers, of which there is a multiple of 64.
pub(super) fn planes(numbers: &[i64], planes: usize) -> Vec<u64> {
    let (parts, _) = numbers.as_chunks::<64>();
    let words = parts.len();
    let mut to = vec![0; planes * words];
    for (word, part) in parts.iter().enumerate() {
        let mut rows = part.map(i64::cast_unsigned);
        transpose64(&mut rows);
        for (plane, row) in to.chunks_exact_mut(words).zip(rows) {
            if let Some(to) = plane.get_mut(word) {
                *to = row;
            }
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    /// Every kernel against numbers, lane by lane.
    #[test]
    fn planes_add_as_numbers_do() {
        let (k, wide, words) = (9, 14, 3);
        let lanes = words * 64;
        let mut stream = Seed::new([1; 32]).stream("planes");
        let t = 1_i64 << k;
        for _ in 0..20 {
            let mut draw =
                |n: i64| -> Vec<i64> { (0..lanes).map(|_| stream.below(n as u64) as i64).collect() };
            let (none, own, which) = (draw(t), draw(t), draw(3));
            let set =
                |value: i64| planes(&which.iter().map(|w| i64::from(*w == value)).collect::<Vec<_>>(), 1);
            let (plus, minus) = (set(1), set(2));
            let step = Step { plus: &plus, minus: &minus, gain: 5, loss: 13 };
            let (none_planes, own_planes) = (planes(&none, k), planes(&own, k));
            let mut correction = vec![0; k * words];
            let mut wraps = Wraps::default();
            correct(&none_planes, &own_planes, step, &mut correction, &mut wraps);

            let mut chosen = own_planes.clone();
            share(&mut chosen, words, &correction, u64::MAX);
            let mut other = own_planes.clone();
            share(&mut other, words, &correction, 0);
            assert_eq!(other, own_planes);

            let mut sum = constant(-3 * t, wide, words);
            accumulate(&mut sum, &chosen, words, false);
            accumulate(&mut sum, &none_planes, words, true);
            let sums = numbers(&sum, words);
            for lane in 0..lanes {
                let delta = [0, 5, -13][which[lane] as usize];
                let raw = none[lane] + delta;
                let share = raw.rem_euclid(t);
                assert_eq!(sums[lane], share - none[lane] - 3 * t, "{lane}");
                let bit = |plane: &[u64]| plane[lane / 64] >> (lane % 64) & 1 == 1;
                assert_eq!((bit(&wraps.up), bit(&wraps.down)), (raw >= t, raw < 0), "{lane}");
            }
        }
        let negative: Vec<i64> = (0..128).map(|n| n * n - 700).collect();
        assert_eq!(numbers(&planes(&negative, 15), 2), negative);
    }
}
