//! National registration numbers, with the check digits of the successor states of Yugoslavia.

use zeroize::Zeroizing;

use super::{
    Reason,
    number::{MAX_NUMBER, compact, placeholder},
};

/// A registration number of `state`, an alpha-3 code.
pub(super) fn number(text: &str, state: &str) -> Result<Zeroizing<String>, Reason> {
    let number = compact(text)?;
    match number.len() {
        0..8 => return Err(Reason::ShortRegistration),
        8..=MAX_NUMBER => (),
        _ => return Err(Reason::LongNumber),
    }
    if placeholder(&number) {
        return Err(Reason::Placeholder);
    }
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        checked(&number, state)?;
    }
    Ok(number)
}

/// Checks a number of digits alone, where the state is known to use a check digit.
fn checked(digits: &str, state: &str) -> Result<(), Reason> {
    let fits = match (state, digits.len()) {
        ("BIH" | "HRV" | "MKD" | "MNE" | "SCG" | "SRB" | "SVN" | "XKX" | "YUG", 13) => jmbg(digits),
        ("BIH" | "MKD" | "MNE" | "SCG" | "SRB" | "SVN" | "YUG", 12) => return Err(Reason::LostZero),
        ("HRV", 11) => oib(digits),
        _ => true,
    };
    if fits { Ok(()) } else { Err(Reason::CheckDigit) }
}

/// The check digit of the JMBG (EMBG, EMŠO): weights 7 6 5 4 3 2 twice, modulo 11, where 10 counts as 0.
fn jmbg(digits: &str) -> bool {
    const WEIGHTS: [u32; 12] = [7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let mut values = digits.chars().filter_map(|digit| digit.to_digit(10));
    // At most 9 * 54, far from overflow.
    let sum = values
        .clone()
        .zip(WEIGHTS)
        .fold(0u32, |sum, (digit, weight)| sum.saturating_add(digit.saturating_mul(weight)));
    let check = match sum % 11 {
        0 | 1 => 0,
        remainder => 11u32.saturating_sub(remainder),
    };
    values.next_back() == Some(check)
}

/// The check digit of the Croatian OIB: ISO/IEC 7064, MOD 11,10.
fn oib(digits: &str) -> bool {
    let mut values = digits.chars().filter_map(|digit| digit.to_digit(10));
    let carry = values.by_ref().take(10).fold(10u32, |carry, digit| {
        let sum = carry.saturating_add(digit) % 10;
        if sum == 0 { 9 } else { sum.saturating_mul(2) % 11 }
    });
    values.next().is_some_and(|check| check.saturating_add(carry) % 10 == 1)
}
