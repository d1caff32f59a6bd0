//! The name key: one spelling for what Serbian, Albanian, Macedonian, Bosnian, Bulgarian and Arabic
//! clerks write in different ways.
//!
//! The key is a skeleton made for exact comparison, not a transliteration to be read. It merges
//! spellings on purpose, so some different names share a key; the birth date beside it and the claim
//! that follows every hit settle those. Steps and tables are in `docs/identifiers.md`.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{
    Reason,
    letters::{latin, pair, single, soft},
};

/// Words that stand for an unknown name, as they look after folding.
pub(super) const FILLERS: [&str; 7] =
    ["unknovn", "nepoznat", "nepoznata", "nepoznato", "paniohur", "fnu", "lnu"];

/// The most combining marks in a row that do not compose with their letter.
const MAX_MARKS: u8 = 2;

/// A folded name part: letters of `a-z`, at least one.
pub(super) type Part = Zeroizing<String>;

/// The folded parts of one name field, in the order written. An empty field has none.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, Reason> {
    let resolved = text.chars().filter(|letter| !apostrophe(*letter)).nfkc();
    let mut plain = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
    plain.extend(resolved.flat_map(char::to_lowercase));

    let mut parts = Vec::new();
    for word in plain.split(boundary) {
        let part = fold(&spell(word)?);
        if !part.is_empty() {
            parts.push(part);
        }
    }
    Ok(parts)
}

/// The key of a whole name: all parts in alphabetical order with one space between.
///
/// The order forgets which parts were family names, so names entered in the wrong field agree.
pub(super) fn key(family: Vec<Part>, given: Vec<Part>) -> Result<Part, Reason> {
    let mut parts: Vec<Part> = family.into_iter().chain(given).collect();
    if parts.iter().any(|part| FILLERS.contains(&part.as_str())) {
        return Err(Reason::Placeholder);
    }
    if parts.len() < 2 {
        return Err(Reason::FewParts);
    }
    let letters = || parts.iter().flat_map(|part| part.chars());
    if letters().count() < 5 {
        return Err(Reason::FewLetters);
    }
    if ('a'..='z').filter(|letter| letters().any(|other| other == *letter)).count() < 3 {
        return Err(Reason::Placeholder);
    }

    let length = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()).saturating_add(1));
    let mut key = Zeroizing::new(String::with_capacity(length));
    parts.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    for part in parts {
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(&part);
    }
    Ok(key)
}

/// Signs inside a name part, dropped: apostrophes, accents used as such, modifier letters.
fn apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '`' | '´' | '‘' | '’' | 'ʹ' | 'ʻ' | 'ʼ' | 'ʽ' | 'ʾ' | 'ʿ' | '′')
}

/// Signs between name parts: space, dashes, dot, comma, slash, filler of the machine-readable zone.
fn boundary(letter: char) -> bool {
    matches!(letter, ' ' | '-' | '\u{2010}'..='\u{2015}' | '.' | ',' | '/' | '<')
}

/// Combining Diacritical Marks, the block that Latin and Cyrillic letters use.
fn mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// Writes one lower-case name part in the letters `a-z`.
fn spell(word: &str) -> Result<Part, Reason> {
    let mut spelled = Zeroizing::new(String::with_capacity(word.len().saturating_mul(2)));
    let (mut has_latin, mut has_cyrillic, mut marks) = (false, false, 0u8);
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        if mark(letter) {
            marks = marks.saturating_add(1);
            if marks > MAX_MARKS {
                return Err(Reason::Character);
            }
            continue;
        }
        marks = 0;
        if ('\u{400}'..='\u{52f}').contains(&letter) {
            has_cyrillic = true;
        } else {
            has_latin = true;
        }
        if letter == 'ь' {
            spelled.push_str(soft(letters.peek().copied()));
        } else {
            bare(letter, &mut spelled)?;
        }
    }
    if has_latin && has_cyrillic { Err(Reason::MixedScripts) } else { Ok(spelled) }
}

/// Appends one letter by the table, or else what is left of it without its marks.
fn bare(letter: char, spelled: &mut String) -> Result<(), Reason> {
    if let Some(piece) = latin(letter) {
        spelled.push_str(piece);
        return Ok(());
    }
    for base in std::iter::once(letter).nfd().filter(|base| !mark(*base)) {
        match latin(base) {
            Some(piece) => spelled.push_str(piece),
            None if base.is_ascii_lowercase() => spelled.push(base),
            None if base.is_alphabetic() => return Err(Reason::Script),
            None => return Err(Reason::Character),
        }
    }
    Ok(())
}

/// Folds one spelled part until nothing changes, so that a folded part is its own folding.
///
/// It ends: only `x` makes a part longer and none is left after one pass; after that each change
/// shortens the part.
fn fold(spelled: &str) -> Part {
    let mut before = pass(spelled);
    loop {
        let after = pass(&before);
        if after == before {
            return after;
        }
        before = after;
    }
}

/// One pass from left to right: a pair if there is one, else a single letter; never two equal letters
/// in a row.
fn pass(word: &str) -> Part {
    let mut folded = Zeroizing::new(String::with_capacity(word.len().saturating_mul(2)));
    let mut push = |letter: char| {
        if !folded.ends_with(letter) {
            folded.push(letter);
        }
    };
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        if let Some(one) = letters.peek().and_then(|next| pair(letter, *next)) {
            letters.next();
            push(one);
        } else {
            let (first, second) = single(letter);
            push(first);
            second.into_iter().for_each(&mut push);
        }
    }
    folded
}

#[cfg(test)]
mod tests;
