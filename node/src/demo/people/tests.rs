use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use symbolon_policy::{
    rules::{ExchangeKind, Kind as RuleKind, PCC_BILATERAL, RuleSet, Rulebook, SearchContext},
    words::Purpose,
};

use super::*;

const PEOPLE: u32 = 1_000;
const RECORDS: u32 = 5_000;

struct World {
    asked: Vec<Asked>,
    records: BTreeMap<String, Record>,
}

fn world(seed: u64) -> World {
    let mut register = Vec::new();
    let asked = generate(PEOPLE, RECORDS, seed, date(2026, 3, 1), &mut register).unwrap();
    let lines = register.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let records = lines.map(|line| serde_json::from_slice::<Record>(line).unwrap());
    World { asked, records: records.map(|record| (record.id.to_string(), record)).collect() }
}

fn canonical(identifiers: &[RawIdentifier]) -> Vec<Vec<u8>> {
    identifiers.iter().map(|identifier| identifier.canonical().unwrap().bytes().to_vec()).collect()
}

fn rulebook() -> Rulebook {
    Rulebook::new(RuleSet::parse(PCC_BILATERAL, RuleKind::Shared).unwrap(), None).unwrap()
}

fn slice(world: &World, purpose: Purpose, exchange: ExchangeKind) -> BTreeSet<Vec<u8>> {
    let slice = rulebook().slice(&SearchContext {
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        register: "border".parse().unwrap(),
        purpose,
        exchange,
    });
    let inside = world.records.values().filter(|record| slice.contains(&record.class()));
    inside.flat_map(|record| canonical(&record.identifiers)).collect()
}

#[test]
fn numbers_are_as_planted() {
    let world = world(1);
    assert_eq!(world.records.len(), RECORDS as usize);
    assert_eq!(world.asked.len(), PEOPLE as usize);
    for case in Case::ALL {
        let found = world.asked.iter().filter(|person| person.case == case).count();
        let planted = if case == Case::Absent { 840 } else { case.planted(PEOPLE) };
        assert_eq!(found, planted as usize, "{case:?}");
    }
    let references: BTreeSet<_> = world.asked.iter().map(|person| &person.reference).collect();
    assert_eq!(references.len(), PEOPLE as usize);
}

#[test]
fn every_case_holds_on_canonical_bytes() {
    for seed in 0..5 {
        let world = world(seed);
        let everything: BTreeSet<_> =
            world.records.values().flat_map(|record| canonical(&record.identifiers)).collect();
        assert_eq!(everything.len(), 2 * RECORDS as usize, "no two records share an identifier");
        for person in &world.asked {
            let asked = canonical(&person.asker.identifiers());
            let same: Vec<bool> = asked.iter().map(|bytes| everything.contains(bytes)).collect();
            let expected = match person.case {
                Case::Absent => [false, false],
                Case::Misread => [false, true],
                Case::Misheard => [true, false],
                _ => [true, true],
            };
            assert_eq!(same, expected, "{person:?}");
            let Some((id, spelling)) = &person.holder else {
                assert_eq!(person.case, Case::Absent);
                continue;
            };
            let record = &world.records[id];
            assert_eq!(record.identifiers, spelling.identifiers());
            let own = canonical(&record.identifiers);
            assert!(
                asked.iter().zip(same).all(|(bytes, same)| same == own.contains(bytes)),
                "another's record"
            );
            let alike = person.asker == *spelling;
            assert_eq!(alike, person.case == Case::Alike, "{person:?}");
        }
    }
}

#[test]
fn the_rules_give_the_hits_that_are_expected() {
    let world = world(7);
    let exact = slice(&world, Purpose::IrregEntry, ExchangeKind::Exact);
    let count = slice(&world, Purpose::Statistics, ExchangeKind::Count);
    for person in &world.asked {
        let identifiers = person.asker.identifiers();
        let hits = identifiers
            .iter()
            .zip(canonical(&identifiers))
            .filter(|(_, bytes)| exact.contains(bytes))
            .map(|(identifier, _)| identifier.kind())
            .collect::<Vec<_>>();
        assert_eq!(hits, person.case.expected(), "{person:?}");
        let document = &canonical(&identifiers[..1])[0];
        assert_eq!(count.contains(document), person.case.counted(), "{person:?}");
    }
}

#[test]
fn every_kind_of_noise_occurs() {
    let world = world(3);
    let respelled = || world.asked.iter().filter(|person| person.case == Case::Respelled);
    let some = |what: &str, test: &dyn Fn(&Spelling, &Spelling) -> bool| {
        let found = respelled().any(|person| test(&person.asker, &person.holder.as_ref().unwrap().1));
        assert!(found, "{what}");
    };
    let cyrillic = |text: &str| text.chars().any(|letter| ('\u{400}'..='\u{52f}').contains(&letter));
    some("other script", &|a, h| cyrillic(&a.family) != cyrillic(&h.family));
    some("whole name in one field", &|a, _| a.given.is_empty());
    some("upper case", &|a, _| !a.given.is_empty() && a.given == a.given.to_uppercase());
    some("look-alike letter", &|a, _| cyrillic(&a.number));
    some("separator", &|a, _| a.number.contains('-'));
    some("lower case number", &|a, _| a.number.starts_with('№'));
    some("two letters for the state", &|a, _| a.state.len() == 2);
    some("day first", &|a, _| a.born.contains('/'));
    some("dotted date", &|a, _| a.document_born.ends_with('.'));
}

#[test]
fn a_seed_gives_the_same_people_and_another_seed_others() {
    let lines = |seed| {
        let mut register = Vec::new();
        let asked = generate(200, 1_000, seed, date(2026, 3, 1), &mut register).unwrap();
        let mut file = Vec::new();
        asked.iter().for_each(|person| person.write(&mut file).unwrap());
        (register, file)
    };
    assert_eq!(lines(1), lines(1));
    assert_ne!(lines(1).0, lines(2).0);
    assert_ne!(lines(1).1, lines(2).1);
}

#[test]
fn minors_are_minors() {
    let world = world(4);
    for record in world.records.values() {
        let RawIdentifier::NameBirth { birth_date, .. } = &record.identifiers[1] else { panic!("order") };
        let birth: jiff::civil::Date = birth_date.parse().unwrap();
        let eighteen = birth.checked_add(18.years()).unwrap() <= date(2026, 3, 1);
        match record.subject.age {
            AgeBand::Adult => assert!(eighteen, "{birth_date}"),
            AgeBand::Minor => assert!(!eighteen, "{birth_date}"),
            AgeBand::Doubtful => (),
        }
    }
}
