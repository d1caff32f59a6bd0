use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use symbolon_policy::{
    agreement::{Agreement, AgreementError, CountTerms, ExactTerms, Party, Quota, Terms, Unit},
    class::RecordClass,
    permit::RefusalCode,
    quota::{Balance, Ledger},
    rules::{Kind, NATIONAL_EXAMPLE, PCC_BILATERAL, RuleSet},
    signing::Signer,
    words::{AgeBand, AgencyCode, Category, Provenance},
};
use symbolon_protocol::{identifier::CANONICALISATION, padding::Buckets};

use super::*;

/// Noon of a Monday.
const NOON: Timestamp = Timestamp(1_795_435_200);

fn code(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn key(agency: u8) -> SigningKey {
    SigningKey::from_bytes(&[agency; 32])
}

fn agreement(buckets: Buckets) -> Agreement {
    let party = |name: &str, agency| Party {
        code: code(name),
        name: name.into(),
        peer: format!("peer of {name}"),
        key: key(agency).public(),
        addresses: Vec::new(),
    };
    let terms = Terms {
        version: 1,
        title: "Simulated".into(),
        canonicalisation: CANONICALISATION.into(),
        valid_from: NOON.plus(-Timestamp::DAY),
        valid_until: NOON.plus(100 * Timestamp::DAY),
        amends: None,
        proofs: Vec::new(),
        buckets,
        parties: vec![party("RS", 1), party("MK", 2)],
        exact: Some(ExactTerms { largest_batch: 500, epoch_hours: 24 }),
        count: Some(CountTerms {
            smallest_batch: 100,
            largest_batch: 1_000,
            period_days: 30,
            epsilon_milli: 1_000,
            dummies: 30,
            epsilon_budget_milli: 1_000,
        }),
        matching: None,
        claims: None,
        quotas: vec![Quota {
            asker: code("RS"),
            register: None,
            purpose: None,
            per_officer: false,
            unit: Unit::Identifiers,
            limit: 600,
            period_days: 1,
        }],
        rules: PCC_BILATERAL.into(),
    };
    let mut agreement = Agreement::new(terms).unwrap();
    agreement.sign(&code("RS"), &key(1)).unwrap();
    agreement.sign(&code("MK"), &key(2)).unwrap();
    agreement
}

fn pair_under(national: Option<&str>, seed: u8) -> Pair<'static> {
    pair_of(&agreement(Buckets::USUAL), national, seed)
}

fn pair_of(agreement: &Agreement, national: Option<&str>, seed: u8) -> Pair<'static> {
    let national = national.map(|text| RuleSet::parse(text, Kind::National).unwrap());
    let asker = Side::new(code("RS"), Box::new(key(1)), agreement, None).unwrap();
    let holder = Side::new(code("MK"), Box::new(key(2)), agreement, national).unwrap();
    Pair::new(asker, holder, Seed::new([seed; 32]))
}

fn pair() -> Pair<'static> {
    pair_under(None, 7)
}

fn person(i: u32) -> IdentifierBytes {
    IdentifierBytes::new(format!("person {i}").into_bytes())
}

fn record(i: u32, change: impl FnOnce(&mut RecordClass)) -> Record {
    let mut class = RecordClass {
        category: Category::IrregularCrossing,
        age: AgeBand::Adult,
        provenance: Provenance::Own,
        own_citizen: false,
        vulnerable: false,
        marked: false,
        blocked: false,
        contested: false,
    };
    change(&mut class);
    Record { class, identifiers: vec![person(i)] }
}

fn question(people: impl IntoIterator<Item = u32>) -> Question {
    Question {
        register: "border".parse().unwrap(),
        purpose: Purpose::IrregEntry,
        basis: LegalBasis::Readmission,
        officer: "ana".parse().unwrap(),
        case: Some("case 1".into()),
        identifiers: people.into_iter().map(person).collect(),
        now: NOON,
    }
}

fn statistics(people: std::ops::Range<u32>) -> Question {
    Question { purpose: Purpose::Statistics, basis: LegalBasis::Bilat, case: None, ..question(people) }
}

fn refusal<T: std::fmt::Debug>(found: Result<T, PairError>) -> (String, RefusalCode) {
    match found.unwrap_err() {
        PairError::Refused { by, refusal } => (by.to_string(), refusal.code),
        other => panic!("{other}"),
    }
}

/// Frame headers and bodies of `items` elements of `size` bytes.
fn framed(items: u64, size: u64) -> u64 {
    items * size + (items * size).div_ceil(65_536).max(1) * 6
}

#[test]
fn slices_are_padded_as_agreed() {
    let register: Vec<Record> = (0..2_100).map(|i| record(i, |_| ())).collect();
    for (buckets, exact, count) in [(1, 4_096, 4_096), (16, 2_176, 2_176), (64, 2_112, 2_144)] {
        let mut pair = pair_of(&agreement(Buckets::new(buckets).unwrap()), None, 7);
        let outcome = pair.exact(&question(0..10), &register).unwrap();
        let bits = 8.0 * outcome.snapshot.to_asker as f64 / exact as f64;
        assert!((37.4..37.8).contains(&bits), "{buckets}: {bits} bits an entry");
        assert_eq!(outcome.receipt.receipt.entries, exact);
        // A count has room for all of its thirty dummies.
        let counted = pair.count(&statistics(0..100), &register).unwrap();
        assert_eq!(counted.receipt.receipt.entries, count);
    }
}

#[test]
fn the_bytes_are_those_that_the_protocols_say() {
    let register: Vec<Record> = (0..2_000).map(|i| record(i, |_| ())).collect();
    let outcome = pair().exact(&question(1_900..2_100), &register).unwrap();
    assert_eq!(outcome.answer.iter().filter(|hit| **hit).count(), 100);
    // docs/protocols/exact.md: 32 bytes an identifier each way and one proof of 64.
    assert_eq!(outcome.exchange.to_holder, framed(200, 32));
    assert_eq!(outcome.exchange.to_asker, framed(200, 32) + framed(1, 64));
    // One offset of 8 bytes; 37.6 bits an entry, and the frames' headers.
    assert_eq!(outcome.snapshot.to_holder, framed(1, 8));
    let receipt = &outcome.receipt.receipt;
    assert_eq!(receipt.entries, Buckets::USUAL.pad(2_000));
    let bits = 8.0 * outcome.snapshot.to_asker as f64 / receipt.entries as f64;
    assert!((37.4..37.8).contains(&bits), "{bits} bits an entry");
    assert_eq!((receipt.leakage_bits, receipt.answer), (200, AnswerClass::Hits));
}

#[test]
fn a_count_is_the_true_number_within_its_noise() {
    let register: Vec<Record> = (0..500).map(|i| record(i, |_| ())).collect();
    let outcome = pair().count(&statistics(300..700), &register).unwrap();
    assert!(outcome.answer.estimate.abs_diff(200) <= 15, "{:?}", outcome.answer);
    let receipt = &outcome.receipt.receipt;
    // ceil(log2(401)) bits; 400 identifiers and 30 dummies went up.
    assert_eq!((receipt.leakage_bits, receipt.answer, receipt.entries), (9, AnswerClass::NoisyCount, 1_024));
    assert_eq!(outcome.exchange.to_holder, framed(430, 32));
    assert_eq!((outcome.snapshot, receipt.snapshot), (Traffic::default(), None));
}

#[test]
fn receipts_are_signed_by_both_and_books_move_on_both_sides() {
    let mut pair = pair();
    let outcome = pair.exact(&question(0..10), &[record(3, |_| ())]).unwrap();
    outcome.receipt.verify(&key(2).public(), &key(1).public()).unwrap();
    assert!(outcome.receipt.asker.is_some());
    assert!(pair.asker.books.meters().eq(pair.holder.books.meters()));
    assert_eq!(pair.holder.books.meters().map(|(_, spent)| spent).collect::<Vec<_>>(), [10]);
    let id = agreement(Buckets::USUAL).id().unwrap();
    assert_eq!(pair.holder.books.balance(&id, &code("RS")), Balance { given: 10, received: 0 });
    assert_eq!(pair.asker.books.balance(&id, &code("MK")), Balance { given: 0, received: 10 });
}

#[test]
fn refusals_come_with_their_code_and_cost_nothing() {
    let register = [record(1, |_| ())];
    let mut pair = pair();
    let mut exact = |question: &Question| refusal(pair.exact(question, &register));
    let asker = |code| ("RS".to_owned(), code);
    assert_eq!(exact(&question(0..501)), asker(RefusalCode::BatchTooLarge));
    let without = Question { case: None, ..question(0..1) };
    assert_eq!(exact(&without), asker(RefusalCode::RulesForbid));
    let late = Question { now: NOON.plus(200 * Timestamp::DAY), ..question(0..1) };
    assert_eq!(exact(&late), asker(RefusalCode::Expired));
    assert_eq!(refusal(pair.count(&statistics(0..99), &register)), asker(RefusalCode::BatchTooSmall));
    assert_eq!(pair.asker.books.meters().count() + pair.holder.books.meters().count(), 0);

    pair.exact(&question(0..400), &register).unwrap();
    let quota = refusal(pair.exact(&question(0..201), &register));
    assert_eq!(quota, asker(RefusalCode::QuotaExceeded));
    pair.count(&statistics(0..100), &register).unwrap();
    assert_eq!(refusal(pair.count(&statistics(0..100), &register)), asker(RefusalCode::Differencing));
    let backwards = Side::new(code("RS"), Box::new(key(2)), &agreement(Buckets::USUAL), None);
    assert!(matches!(backwards.err(), Some(AgreementError::Signature { .. })));
}

#[test]
fn the_holder_decides_by_its_own_national_rules() {
    let mut pair = pair_under(Some(NATIONAL_EXAMPLE), 7);
    let found = refusal(pair.exact(&question(0..51), &[record(1, |_| ())]));
    assert_eq!(found, ("MK".to_owned(), RefusalCode::RulesForbid), "national rules: at most 50");
    let night = Question { now: NOON.plus(11 * Timestamp::HOUR), ..question(0..1) };
    assert_eq!(refusal(pair.exact(&night, &[])), ("MK".to_owned(), RefusalCode::RulesForbid));
    pair.exact(&question(0..50), &[]).unwrap();
}

#[test]
fn everything_replays_from_the_seed() {
    let register: Vec<Record> = (0..50).map(|i| record(i, |_| ())).collect();
    let run = |seed| {
        let mut pair = pair_under(None, seed);
        let first = pair.exact(&question(40..60), &register).unwrap();
        let second = pair.exact(&question(40..60), &register).unwrap();
        (first, second, pair.count(&statistics(0..200), &register).unwrap())
    };
    let (one, same, other) = (run(1), run(1), run(2));
    assert_eq!(one, same);
    let transcripts: BTreeSet<_> = [&one.0, &one.1, &other.0, &other.1]
        .map(|outcome| outcome.receipt.receipt.transcript)
        .into_iter()
        .collect();
    assert_eq!(transcripts.len(), 4, "but no two queries and no two seeds are alike");
    assert_eq!(one.0.answer, other.0.answer);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn hits_are_the_plain_intersection_with_what_may_be_searched(
        held in prop::collection::vec((0_u32..60, 0_u8..10), 0..60),
        asked in prop::collection::vec(0_u32..80, 1..40),
    ) {
        // The oracle reads the titles, not the Cedar text. Irregular entry finds migrants, contested and
        // vulnerable ones too, but no minor, own citizen, protected or blocked person and no foreign data.
        let class = |kind: u8, class: &mut RecordClass| match kind {
            1 => class.blocked = true,
            2 => class.provenance = Provenance::Eu,
            3 => class.age = AgeBand::Doubtful,
            4 => class.marked = true,
            5 => class.category = Category::Wanted,
            6 => class.provenance = Provenance::Partner,
            7 => class.own_citizen = true,
            8 => class.vulnerable = true,
            9 => class.contested = true,
            _ => (),
        };
        let register: Vec<Record> = held.iter().map(|(i, kind)| record(*i, |c| class(*kind, c))).collect();
        let shown: BTreeSet<u32> = held.iter().filter(|(_, kind)| matches!(kind, 0 | 8 | 9)).map(|(i, _)| *i).collect();
        let expected: Vec<bool> = asked.iter().map(|i| shown.contains(i)).collect();
        let outcome = pair().exact(&question(asked.clone()), &register).unwrap();
        prop_assert_eq!(outcome.answer, expected);
        // A suppressed record leaves no trace in size either.
        let only: Vec<Record> = shown.iter().map(|i| record(*i, |_| ())).collect();
        let without = pair().exact(&question(asked), &only).unwrap();
        prop_assert_eq!(outcome.snapshot, without.snapshot);
        prop_assert_eq!(outcome.exchange, without.exchange);
        prop_assert_eq!(outcome.receipt, without.receipt);
    }
}
