//! Numbers of documents: one alphabet of `A-Z` and `0-9`, whatever the keyboard.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Reason;

/// The longest number after separators are gone; a document number in a machine-readable zone has at most 22.
pub(super) const MAX_NUMBER: usize = 24;

/// The number of a travel document.
pub(super) fn document(text: &str) -> Result<Zeroizing<String>, Reason> {
    let number = compact(text)?;
    match number.len() {
        0..5 => Err(Reason::ShortDocument),
        5..=MAX_NUMBER if placeholder(&number) => Err(Reason::Placeholder),
        5..=MAX_NUMBER => Ok(number),
        _ => Err(Reason::LongNumber),
    }
}

/// Compatibility forms resolved (NFKC), separators removed, upper case, look-alikes made Latin.
/// Only `A-Z` and `0-9` remain; any other character is refused.
pub(super) fn compact(text: &str) -> Result<Zeroizing<String>, Reason> {
    // Numbers are printed with `№`, which NFKC would turn into the letters `No`.
    let resolved = text.chars().filter(|letter| *letter != '№').nfkc();
    // NFKC at most doubles what this alphabet keeps, so no growth leaves a copy behind.
    let mut number = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
    for letter in resolved.filter(|letter| !separator(*letter)) {
        let mut upper = letter.to_uppercase();
        match (upper.next().and_then(latin), upper.next()) {
            (Some(latin), None) => number.push(latin),
            _ => return Err(Reason::Character),
        }
    }
    Ok(number)
}

/// Space, dashes, minus, dot, comma, slashes, underscore and the filler of the machine-readable zone.
fn separator(letter: char) -> bool {
    matches!(letter, ' ' | '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '.' | ',' | '/' | '\\' | '_' | '<')
}

/// The Latin capital or digit for a capital of any of the three alphabets that looks the same.
///
/// Numbers in machine-readable zones are Latin (ICAO 9303-3). Greek and Cyrillic letters in a number come
/// from a keyboard, or from a national series that is made of look-alikes on purpose.
fn latin(capital: char) -> Option<char> {
    Some(match capital {
        'A'..='Z' | '0'..='9' => capital,
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'У' | 'Υ' => 'Y',
        'Х' | 'Χ' => 'X',
        'Ζ' => 'Z',
        _ => return None,
    })
}

/// Whether a number stands for "unknown": one character throughout or all but once, digits that count
/// up or down by one (9 and 0 are neighbours), or a word. A word is all letters and has a vowel;
/// states that issue numbers without digits leave the vowels out.
pub(super) fn placeholder(number: &str) -> bool {
    let bytes = number.as_bytes();
    let same = |byte: &u8| bytes.iter().filter(|other| *other == byte).count();
    let flat = bytes.iter().map(same).max().is_none_or(|most| most.saturating_add(1) >= bytes.len());

    let digits = bytes.iter().all(u8::is_ascii_digit);
    let next = |digit: u8| if digit == b'9' { b'0' } else { digit.saturating_add(1) };
    let pairs = || bytes.iter().zip(bytes.iter().skip(1));
    let counts = digits && (pairs().all(|(a, b)| next(*a) == *b) || pairs().all(|(a, b)| next(*b) == *a));

    let word = bytes.iter().all(u8::is_ascii_alphabetic)
        && bytes.iter().any(|byte| matches!(byte, b'A' | b'E' | b'I' | b'O' | b'U'));
    flat || counts || word
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::tests::rows, *};

    #[test]
    fn documented_look_alikes_are_the_table() {
        let letters = |cell: &str| cell.replace(['`', ' '], "").chars().collect::<Vec<_>>();
        let mut documented: BTreeMap<char, char> =
            ('A'..='Z').chain('0'..='9').map(|same| (same, same)).collect();
        for row in rows("### Look-alikes") {
            documented.extend(letters(&row[0]).into_iter().zip(letters(&row[2])));
        }
        let coded = ('\0'..=char::MAX).filter_map(|from| Some((from, latin(from)?))).collect();
        assert_eq!(documented, coded);
    }
}
