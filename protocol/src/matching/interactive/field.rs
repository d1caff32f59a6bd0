//! Numbers modulo p = 2^61 - 1, in which sums are checked.

/// The modulus.
pub(super) const P: u64 = (1 << 61) - 1;

/// One of a sum below 2^64.
fn fold(sum: u64) -> u64 {
    let once = (sum & P) + (sum >> 61);
    // Once more without a branch: P itself is 0.
    let less = once.wrapping_sub(P);
    let mask = ((less >> 63) & 1).wrapping_neg();
    less.wrapping_add(P & mask)
}

pub(super) fn add(a: u64, b: u64) -> u64 {
    fold(a + b)
}

pub(super) fn negate(a: u64) -> u64 {
    fold(P - a)
}

pub(super) fn subtract(a: u64, b: u64) -> u64 {
    fold(a + (P - b))
}

/// Of any number.
pub(super) fn reduce(number: u128) -> u64 {
    let low = (number & u128::from(P)) as u64;
    let middle = (number >> 61 & u128::from(P)) as u64;
    add(add(fold(low), fold(middle)), (number >> 122) as u64)
}

pub(super) fn multiply(a: u64, b: u64) -> u64 {
    reduce(u128::from(a) * u128::from(b))
}

/// a·2^by, for `by` below 61.
pub(super) fn shift(a: u64, by: usize) -> u64 {
    reduce(u128::from(a) << by)
}

/// Of a number with a sign.
pub(super) fn signed(number: i64) -> u64 {
    let size = fold(number.unsigned_abs());
    let mask = u64::from(number < 0).wrapping_neg();
    (size & !mask) | (negate(size) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn arithmetic_is_that_of_the_integers() {
        let mut stream = Seed::new([1; 32]).stream("field");
        let p = i128::from(P);
        let edges = [0, 1, 2, P - 1, P / 2];
        for round in 0..2_000 {
            let mut draw = |at: usize| edges.get(at).copied().unwrap_or_else(|| stream.below(P));
            let (a, b) = (draw(round % 7), draw(round / 7 % 9));
            let (x, y) = (i128::from(a), i128::from(b));
            let of = |value: i128| value.rem_euclid(p) as u64;
            assert_eq!(add(a, b), of(x + y));
            assert_eq!(subtract(a, b), of(x - y));
            assert_eq!(multiply(a, b), of(x * y));
            assert_eq!(shift(a, round % 61), of((x << (round % 61)) % p));
            assert_eq!(negate(a), of(-x));
            let wide = stream.block();
            assert_eq!(u128::from(reduce(wide)), wide % u128::from(P));
            let small = stream.bits().cast_signed() >> 8;
            assert_eq!(signed(small), of(i128::from(small)));
        }
    }
}
