//! The people of the demonstration: a register of invented records, and invented people to ask about.
//!
//! Everything follows from a seed and a day. It is planted how many people are in the register, under which
//! spelling, and which of their records the rules suppress; everybody else differs from every record in both
//! identifiers, which is checked on canonical bytes.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
};

use jiff::{ToSpan, civil::Date};
use rand::{
    RngExt, SeedableRng,
    seq::{IndexedRandom, SliceRandom, index},
};
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use symbolon_policy::words::{AgeBand, Category, Provenance};
use symbolon_protocol::identifier::{Kind, RawIdentifier};

use super::spelling::{Person, Spelling};
use crate::register::{Day, Record, Subject, Version1, Vulnerability, longest_months};

/// What was planted for a person of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// In the register, spelled alike.
    Alike,
    /// In the register, spelled otherwise in ways that the canonical form forgets.
    Respelled,
    /// In the register; the asker has a digit of the document number wrong.
    Misread,
    /// In the register; the asker has a vowel of the name wrong.
    Misheard,
    /// In the register, but blocked.
    Blocked,
    /// In the register, but received from a system of the European Union.
    European,
    /// In the register, but a minor.
    Minor,
    /// Not in the register.
    Absent,
}

impl Case {
    /// Every case.
    pub const ALL: [Self; 8] = [
        Self::Alike,
        Self::Respelled,
        Self::Misread,
        Self::Misheard,
        Self::Blocked,
        Self::European,
        Self::Minor,
        Self::Absent,
    ];

    /// The kinds of identifier that must hit.
    pub fn expected(self) -> &'static [Kind] {
        match self {
            Self::Alike | Self::Respelled => &[Kind::TravelDocument, Kind::NameBirth],
            Self::Misread => &[Kind::NameBirth],
            Self::Misheard => &[Kind::TravelDocument],
            Self::Blocked | Self::European | Self::Minor | Self::Absent => &[],
        }
    }

    /// Whether there is a record that the rules keep out of the slice.
    pub fn suppressed(self) -> bool {
        matches!(self, Self::Blocked | Self::European | Self::Minor)
    }

    /// Whether a count of travel documents for statistics includes the person: minors may be counted.
    pub fn counted(self) -> bool {
        matches!(self, Self::Alike | Self::Respelled | Self::Misheard | Self::Minor)
    }

    /// The case for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Alike => "in the register, spelled alike",
            Self::Respelled => "in the register, spelled otherwise",
            Self::Misread => "document number misread, name right",
            Self::Misheard => "name misheard, document right",
            Self::Blocked => "in the register, blocked",
            Self::European => "in the register, of EU provenance",
            Self::Minor => "in the register, a minor",
            Self::Absent => "not in the register",
        }
    }

    /// How many of `people` are planted so; the rest is absent.
    fn planted(self, people: u32) -> u32 {
        let of_a_thousand = match self {
            Self::Respelled => 60_u32,
            Self::Alike | Self::Misread | Self::Misheard => 20,
            Self::Blocked | Self::European => 15,
            Self::Minor => 10,
            Self::Absent => return 0,
        };
        (people.saturating_mul(of_a_thousand) / 1_000).max(1)
    }
}

/// A person of the query.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The asker's reference.
    pub(super) reference: String,
    /// What was planted.
    pub(super) case: Case,
    /// How the asker writes the person.
    pub(super) asker: Spelling,
    /// The id of the holder's record and how it writes the person, unless absent.
    pub(super) holder: Option<(String, Spelling)>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    identifiers: [RawIdentifier; 2],
}

impl Asked {
    /// Writes the line of the query file.
    pub(super) fn write(&self, file: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(
            &mut *file,
            &Line { reference: &self.reference, identifiers: self.asker.identifiers() },
        )?;
        file.write_all(b"\n")
    }
}

/// Categories that a query on irregular entry and a count for statistics both search.
const MIGRATION: [Category; 4] =
    [Category::AsylumApplicant, Category::IrregularCrossing, Category::IllegalStay, Category::Readmitted];

/// Makes the people of the query in random order, and writes the register, NDJSON, with their records among others.
///
/// `records` must be at least the number of planted records, which is below a fifth of `people` from 100 people on.
///
/// # Errors
/// What writing gives.
pub(super) fn generate(
    people: u32,
    records: u32,
    seed: u64,
    today: Date,
    register: &mut impl Write,
) -> io::Result<Vec<Asked>> {
    let mut maker = Maker { today, dice: ChaCha20Rng::seed_from_u64(seed), used: HashSet::new() };
    let cases: Vec<Case> = Case::ALL
        .into_iter()
        .flat_map(|case| std::iter::repeat_n(case, case.planted(people) as usize))
        .collect();
    let places = index::sample(&mut maker.dice, records as usize, cases.len().min(records as usize));

    let mut asked = Vec::with_capacity(people as usize);
    let mut planted = BTreeMap::new();
    for (case, place) in cases.into_iter().zip(places) {
        let (person, record) = maker.until(|maker| maker.plant(case, place));
        asked.push(person);
        planted.insert(place, record);
    }
    let absent = (people as usize).saturating_sub(asked.len());
    asked.extend((0..absent).map(|_| maker.until(Maker::absent)));

    for place in 0..records as usize {
        let record = match planted.remove(&place) {
            Some(record) => record,
            None => maker.until(|maker| maker.background(place)),
        };
        serde_json::to_writer(&mut *register, &record)?;
        register.write_all(b"\n")?;
    }

    asked.shuffle(&mut maker.dice);
    for (number, person) in (1_u32..).zip(&mut asked) {
        person.reference = format!("mk-person-{number:05}");
    }
    Ok(asked)
}

struct Maker {
    today: Date,
    dice: ChaCha20Rng,
    /// Hashes of the canonical identifiers in use. Two that collide only cost a draw.
    used: HashSet<u64>,
}

impl Maker {
    /// Draws until a draw comes to something.
    fn until<T>(&mut self, draw: impl Fn(&mut Self) -> Option<T>) -> T {
        loop {
            if let Some(thing) = draw(self) {
                return thing;
            }
        }
    }

    /// A person of the query with a record in the register.
    fn plant(&mut self, case: Case, place: usize) -> Option<(Asked, Record)> {
        let age = if case == Case::Minor { AgeBand::Minor } else { AgeBand::Adult };
        // The rules keep the holder's own citizens out of the slice.
        let person = Person::draw(age, self.today, &mut self.dice).filter(|person| !own_citizen(person))?;
        let holder = Spelling::plain(&person, &mut self.dice)?;
        let varied = Spelling::varied(&person, &mut self.dice)?;
        let asker = match case {
            Case::Alike => holder.clone(),
            Case::Misread => varied.misread(&mut self.dice)?,
            Case::Misheard => {
                Spelling { family: holder.family.clone(), given: holder.given.clone(), ..varied }
                    .misheard(&mut self.dice)?
            }
            _ => varied,
        };
        if case != Case::Alike && (asker.number == holder.number || asker.born == holder.born) {
            return None;
        }
        let category = *MIGRATION.choose(&mut self.dice)?;
        let provenance = if case == Case::European { Provenance::Eu } else { Provenance::Own };
        let mut subject = plain_subject(age);
        subject.blocked = case == Case::Blocked;
        let record = self.record(place, category, subject, provenance, &holder)?;
        // Last, so that nothing is used up by a draw that comes to nothing.
        if !self.takes(&holder.identifiers()) {
            return None;
        }
        let [document, name] = asker.identifiers();
        let spoiled_is_new = match case {
            Case::Misread => self.takes(&[document]),
            Case::Misheard => self.takes(&[name]),
            _ => true,
        };
        let holder = Some((record.id.to_string(), holder));
        spoiled_is_new.then(|| (Asked { reference: String::new(), case, asker, holder }, record))
    }

    /// A person of the query without a record.
    fn absent(&mut self) -> Option<Asked> {
        let age = if self.dice.random_ratio(1, 10) { AgeBand::Minor } else { AgeBand::Adult };
        let person = Person::draw(age, self.today, &mut self.dice)?;
        let asker = Spelling::varied(&person, &mut self.dice)?;
        let absent = Asked { reference: String::new(), case: Case::Absent, asker, holder: None };
        self.takes(&absent.asker.identifiers()).then_some(absent)
    }

    /// A record of somebody who is not asked about.
    fn background(&mut self, place: usize) -> Option<Record> {
        let dice = &mut self.dice;
        let age = match dice.random_range(0..100) {
            0..84 => AgeBand::Adult,
            84..97 => AgeBand::Minor,
            _ => AgeBand::Doubtful,
        };
        let provenance = match dice.random_range(0..100) {
            0..92 => Provenance::Own,
            92..96 => Provenance::Eu,
            _ => Provenance::Partner,
        };
        let category = match dice.random_range(0..10) {
            0 => *Category::ALL.choose(dice)?,
            _ => *MIGRATION.choose(dice)?,
        };
        let person = Person::draw(age, self.today, dice)?;
        let mut subject = plain_subject(age);
        subject.own_citizen = own_citizen(&person);
        subject.blocked = dice.random_ratio(1, 100);
        subject.marked = dice.random_ratio(3, 100);
        subject.contested = dice.random_ratio(1, 100);
        if dice.random_ratio(4, 100) {
            subject.vulnerable.push(Vulnerability::SeriousIllness);
        }
        let spelling = Spelling::plain(&person, dice)?;
        let record = self.record(place, category, subject, provenance, &spelling)?;
        self.takes(&record.identifiers).then_some(record)
    }

    fn record(
        &mut self,
        place: usize,
        category: Category,
        subject: Subject,
        provenance: Provenance,
        spelling: &Spelling,
    ) -> Option<Record> {
        let day = self.today.checked_sub(self.dice.random_range(1..=360).days()).ok()?;
        let taken = Day::try_from(day).ok()?;
        let crossing = *["Preševo", "Horgoš", "Gradina", "Batrovci", "Merdare"].choose(&mut self.dice)?;
        let case_number = format!("{}-{place}", day.year());
        let name = format!("{} {}", spelling.family, spelling.given).trim().to_owned();
        let fields = [("place", crossing.to_owned()), ("case_number", case_number), ("name", name)];
        Some(Record {
            v: Version1,
            id: format!("rs-record-{place:07}").parse().ok()?,
            category,
            taken,
            expires: taken.plus_months(longest_months(category)),
            identifiers: spelling.identifiers().to_vec(),
            templates: Vec::new(),
            subject,
            provenance,
            fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
        })
    }

    /// Takes identifiers if all are fit and none is in use.
    fn takes(&mut self, identifiers: &[RawIdentifier]) -> bool {
        let hash = |identifier: &RawIdentifier| {
            let mut hash = DefaultHasher::new();
            identifier.canonical().ok()?.bytes().hash(&mut hash);
            Some(hash.finish())
        };
        let Some(hashes) = identifiers.iter().map(hash).collect::<Option<Vec<_>>>() else { return false };
        let free = hashes.iter().all(|hash| !self.used.contains(hash));
        if free {
            self.used.extend(hashes);
        }
        free
    }
}

fn own_citizen(person: &Person) -> bool {
    person.state.alpha3 == "SRB"
}

fn plain_subject(age: AgeBand) -> Subject {
    Subject {
        age,
        own_citizen: false,
        vulnerable: Vec::new(),
        marked: false,
        blocked: false,
        contested: false,
    }
}

#[cfg(test)]
mod tests;
