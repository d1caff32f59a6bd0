//! Birth dates. Day comes before month unless the year comes first.

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Reason;

/// A complete birth date in ISO 8601 form, ten bytes.
///
/// Taken are `2024-01-31`, `31.01.2024`, `31/01/2024` and their variants with single digits, spaces or a
/// final dot. There is no clock here, so only the calendar and the years 1880 to 2199 are checked.
pub(super) fn iso(text: &str) -> Result<Zeroizing<String>, Reason> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.nfkc().filter(|letter| *letter != ' '));

    let (year, month, day) = if plain.contains('-') {
        let (year, month, day) = three(&plain, '-')?;
        if month.len() != 2 || day.len() != 2 {
            return Err(Reason::DateForm);
        }
        (year, month, day)
    } else if plain.contains('/') {
        let (day, month, year) = three(&plain, '/')?;
        (year, month, day)
    } else {
        let (day, month, year) = three(plain.strip_suffix('.').unwrap_or(&plain), '.')?;
        (year, month, day)
    };

    let (month, day, width) = (digits(month, 2)?, digits(day, 2)?, year.len());
    let year = digits(year, 4)?;
    match width {
        4 => (),
        2 => return Err(Reason::ShortYear),
        _ => return Err(Reason::DateForm),
    }
    if month == 0 || day == 0 {
        return Err(Reason::PartialDate);
    }
    if !(1880..=2199).contains(&year) {
        return Err(Reason::YearRange);
    }
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return Err(Reason::NoSuchDay);
    };
    let date = Date::new(year, month, day).map_err(|_| Reason::NoSuchDay)?;
    Ok(Zeroizing::new(date.to_string()))
}

/// Exactly three parts. A year alone, or with one part more, is a partial date.
fn three(text: &str, separator: char) -> Result<(&str, &str, &str), Reason> {
    let mut parts = text.split(separator);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(first), Some(second), Some(third), None) => Ok((first, second, third)),
        (Some(one), Some(other), None, _) => {
            digits(one, 4).and(digits(other, 4)).and(Err(Reason::PartialDate))
        }
        (Some(year), None, ..) if year.len() == 4 => digits(year, 4).and(Err(Reason::PartialDate)),
        _ => Err(Reason::DateForm),
    }
}

/// One to `most` ASCII digits; `most` is at most 4, so the number fits.
fn digits(text: &str, most: usize) -> Result<i16, Reason> {
    if text.len() > most || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::DateForm);
    }
    text.parse().map_err(|_| Reason::DateForm)
}
