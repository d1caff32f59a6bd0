//! Invented persons, and the ways two agencies write down the same one.
//!
//! [`Spelling::varied`] uses only differences that `docs/identifiers.md` says are normalised. The two harder ones,
//! [`Spelling::misread`] and [`Spelling::misheard`], spoil one identifier each and leave the other whole.

use jiff::{ToSpan, civil::Date};
use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use symbolon_policy::words::AgeBand;
use symbolon_protocol::identifier::RawIdentifier;

use super::names::{Row, State, TRADITIONS};

/// A person who does not exist.
#[derive(Clone, Debug)]
pub(super) struct Person {
    family: Row,
    given: Row,
    pub(super) state: &'static State,
    number: String,
    birth: Date,
}

impl Person {
    /// Draws a person of an age; `None` if the draw came to nothing and must be repeated.
    pub(super) fn draw(age: AgeBand, today: Date, dice: &mut ChaCha20Rng) -> Option<Self> {
        let tradition = TRADITIONS.choose(dice)?;
        let state = tradition.states.choose(dice)?;
        let digits = (0..state.digits).map(|_| char::from(dice.random_range(b'0'..=b'9')));
        let number = state.prefix.chars().chain(digits).collect();
        // Whole years of 366 days keep every age clear of the border at 18 but where it is in doubt.
        let years = match age {
            AgeBand::Adult => 19..=68,
            AgeBand::Minor => 2..=16,
            AgeBand::Doubtful => 15..=19,
        };
        let days = dice.random_range(years.start() * 366..=years.end() * 366);
        let birth = today.checked_sub(days.days()).ok()?;
        Some(Self {
            family: tradition.families.choose(dice)?,
            given: tradition.given.choose(dice)?,
            state,
            number,
            birth,
        })
    }
}

/// One way to write a person's two identifiers down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spelling {
    /// Family names, or the whole name as in a machine-readable zone.
    pub family: String,
    /// Given names.
    pub given: String,
    /// The birth date beside the name.
    pub born: String,
    /// Number of the travel document.
    pub number: String,
    /// The state that issued it.
    pub state: String,
    /// The birth date on the document.
    pub document_born: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
}

impl Script {
    fn draw(dice: &mut ChaCha20Rng) -> Self {
        if dice.random() { Self::Latin } else { Self::Cyrillic }
    }

    fn of(text: &str) -> Self {
        let cyrillic = text.chars().any(|letter| ('\u{400}'..='\u{52f}').contains(&letter));
        if cyrillic { Self::Cyrillic } else { Self::Latin }
    }

    fn spellings(self, row: Row) -> Vec<&'static str> {
        row.iter().copied().filter(|spelling| Self::of(spelling) == self).collect()
    }
}

impl Spelling {
    /// As the holder's register has it: Serbian in one of its scripts, the number as in the machine-readable zone.
    pub(super) fn plain(person: &Person, dice: &mut ChaCha20Rng) -> Option<Self> {
        let script = Script::draw(dice);
        let name = |row: Row| script.spellings(row).first().map(|name| (*name).to_owned());
        let born = person.birth.to_string();
        Some(Self {
            family: name(person.family)?,
            given: name(person.given)?,
            born: born.clone(),
            number: person.number.clone(),
            state: person.state.alpha3.to_owned(),
            document_born: born,
        })
    }

    /// As the asker may have it: other script and orthography, case, order of names, separators and look-alike
    /// letters in the number, code of the state, form of the date.
    pub(super) fn varied(person: &Person, dice: &mut ChaCha20Rng) -> Option<Self> {
        let script = Script::draw(dice);
        let family = (*script.spellings(person.family).choose(dice)?).to_owned();
        let given = (*script.spellings(person.given).choose(dice)?).to_owned();
        let (family, given) = match dice.random_range(0..5) {
            0 => (family.to_uppercase(), given.to_uppercase()),
            1 => (given, family),
            2 => (format!("{family}<<{given}").replace(' ', "<").to_uppercase(), String::new()),
            3 => (doubled(&family), given),
            _ => (family, given),
        };
        let state = if dice.random() { person.state.alpha2 } else { person.state.alpha3 };
        let state = if dice.random() { state.to_owned() } else { state.to_lowercase() };
        Some(Self {
            family,
            given,
            born: date(person.birth, dice),
            number: number(person, dice),
            state,
            document_born: date(person.birth, dice),
        })
    }

    /// One digit of the document number is wrong: only the name can hit.
    pub(super) fn misread(mut self, dice: &mut ChaCha20Rng) -> Option<Self> {
        let digits: Vec<usize> = positions(&self.number, |letter| letter.is_ascii_digit());
        let at = *digits.choose(dice)?;
        let right = self.number.get(at..=at)?.parse::<u8>().ok()?;
        let wrong = right.checked_add(dice.random_range(1..=9))?.checked_rem(10)?;
        self.number.replace_range(at..=at, &wrong.to_string());
        Some(self)
    }

    /// One vowel of a name is wrong, and vowels are never merged: only the document can hit.
    pub(super) fn misheard(mut self, dice: &mut ChaCha20Rng) -> Option<Self> {
        let vowels = match Script::of(&self.given) {
            Script::Latin => ['a', 'e', 'i', 'o', 'u'],
            Script::Cyrillic => ['а', 'е', 'и', 'о', 'у'],
        };
        let at = *positions(&self.given, |letter| vowels.contains(&letter)).choose(dice)?;
        let right = self.given.get(at..)?.chars().next()?;
        let wrong = *vowels.into_iter().filter(|vowel| *vowel != right).collect::<Vec<_>>().choose(dice)?;
        let end = at.checked_add(right.len_utf8())?;
        self.given.replace_range(at..end, wrong.encode_utf8(&mut [0; 4]));
        Some(self)
    }

    /// The identifiers: travel document, then name and birth date.
    pub fn identifiers(&self) -> [RawIdentifier; 2] {
        let document = RawIdentifier::TravelDocument {
            number: self.number.clone(),
            state: self.state.clone(),
            birth_date: self.document_born.clone(),
        };
        let name = RawIdentifier::NameBirth {
            family: self.family.clone(),
            given: self.given.clone(),
            birth_date: self.born.clone(),
        };
        [document, name]
    }
}

/// Byte positions of the letters that fit.
fn positions(text: &str, fits: impl Fn(char) -> bool) -> Vec<usize> {
    text.char_indices().filter(|(_, letter)| fits(*letter)).map(|(at, _)| at).collect()
}

/// The first `l`, `m`, `n` or `r` twice. These begin no pair of the table, so nothing else changes.
fn doubled(name: &str) -> String {
    let mut doubled = String::with_capacity(name.len().saturating_add(2));
    let mut done = false;
    for letter in name.chars() {
        doubled.push(letter);
        if !done && "lmnrлмнр".contains(letter) {
            doubled.push(letter);
            done = true;
        }
    }
    doubled
}

fn date(day: Date, dice: &mut ChaCha20Rng) -> String {
    let (year, month, day) = (day.year(), day.month(), day.day());
    match dice.random_range(0..4) {
        0 => format!("{day:02}.{month:02}.{year}."),
        1 => format!("{day}. {month}. {year}."),
        2 => format!("{day:02}/{month:02}/{year}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

fn number(person: &Person, dice: &mut ChaCha20Rng) -> String {
    let (prefix, number) = (person.state.prefix, person.number.as_str());
    let digits = number.strip_prefix(prefix).unwrap_or(number);
    let (start, end) = digits.split_at_checked(3).unwrap_or((digits, ""));
    match dice.random_range(0..5) {
        0 => format!("{prefix} {start} {end}"),
        1 => format!("{prefix}{start}-{end}"),
        2 => format!("№ {}", number.to_lowercase()),
        3 => number.chars().map(look_alike).collect(),
        _ => format!("{number}<"),
    }
}

/// The Cyrillic letter of the same shape, as a clerk with a Cyrillic keyboard types it.
fn look_alike(letter: char) -> char {
    match letter {
        'A' => 'А',
        'B' => 'В',
        'C' => 'С',
        'H' => 'Н',
        'K' => 'К',
        'P' => 'Р',
        'T' => 'Т',
        other => other,
    }
}
