mod changes;
mod hits;

use std::{collections::BTreeMap, fs};

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use symbolon_policy::{
    agreement::{Agreement, ExactTerms, Party, Quota, Revocation, Terms, Unit},
    ask::Ask,
    manifest::Manifest,
    officer::{Act, ActKind, Intent, Officer, SignedAct},
    permit::{self, InForce, Paid, RefusalCode},
    quota::Meter,
    receipt::{AnswerClass, Receipt},
    rules::ExchangeKind,
    signing::{self, Signature, Signer},
    words::{Digest, LegalBasis, Purpose, Role, Timestamp},
};
use symbolon_protocol::{identifier::CANONICALISATION, padding::Buckets};
use tempfile::TempDir;

use super::*;
use crate::{journal::Event, register::Flags};

const NOW: Timestamp = Timestamp(1_795_000_000);
const OPEN: &str = "@id(\"all\")\n@title(\"All\")\npermit(principal, action, resource);\n";

fn code(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn key(agency: u8) -> SigningKey {
    SigningKey::from_bytes(&[agency; 32])
}

fn agreement() -> Agreement {
    let party = |name: &str, agency| Party {
        code: code(name),
        name: name.into(),
        peer: format!("peer of {name}"),
        key: key(agency).public(),
        addresses: Vec::new(),
    };
    let quota = |asker, per_officer, limit| Quota {
        asker: code(asker),
        register: None,
        purpose: None,
        per_officer,
        unit: Unit::Identifiers,
        limit,
        period_days: 1,
    };
    let terms = Terms {
        version: 1,
        title: "Test".into(),
        canonicalisation: CANONICALISATION.into(),
        valid_from: NOW.plus(-Timestamp::DAY),
        valid_until: NOW.plus(Timestamp::DAY),
        amends: None,
        proofs: Vec::new(),
        buckets: Buckets::default(),
        parties: vec![party("RS", 1), party("MK", 2)],
        exact: Some(ExactTerms { largest_batch: 1_000, epoch_hours: 24 }),
        count: None,
        matching: None,
        claims: None,
        quotas: vec![quota("RS", false, 100), quota("RS", true, 40), quota("MK", false, 100)],
        rules: OPEN.into(),
    };
    let mut agreement = Agreement::new(terms).unwrap();
    agreement.sign(&code("RS"), &key(1)).unwrap();
    agreement.sign(&code("MK"), &key(2)).unwrap();
    agreement
}

fn in_force() -> InForce {
    InForce::new(&agreement(), None).unwrap()
}

/// A query of RS, or of MK for the other side, told apart by `n`.
fn ask(agreement: &InForce, side: Side, n: u8, items: u32) -> Ask {
    let (own, partner) = (code("RS"), code("MK"));
    let (asker, holder) = if side == Side::Asker { (own, partner) } else { (partner, own) };
    Ask {
        query: QueryId([n; 16]),
        agreement: agreement.id(),
        rules: agreement.rules_digest(),
        asker,
        holder,
        exchange: ExchangeKind::Exact,
        register: "border".parse().unwrap(),
        purpose: Purpose::IrregEntry,
        basis: LegalBasis::Bilat,
        officer: if n.is_multiple_of(2) { "ana" } else { "ivo" }.parse().unwrap(),
        case: None,
        items,
        snapshot: None,
        matching: None,
        unexplained: 0,
        commitment: Digest([n; 32]),
        digest: Digest([n; 32]),
        asked_at: NOW,
    }
}

fn receipt(ask: Ask) -> SignedReceipt {
    let receipt = Receipt {
        engine: "test".into(),
        entries: 1_024,
        snapshot: None,
        transcript: Digest([1; 32]),
        answer: AnswerClass::Hits,
        leakage_bits: ask.items.into(),
        answered_at: NOW,
        ask,
    };
    let holder = signing::sign(&receipt, &key(2)).unwrap();
    SignedReceipt { receipt, holder, asker: None }
}

fn manifest(n: u8, agreement: &InForce) -> Manifest {
    Manifest {
        snapshot: SnapshotId([n; 16]),
        agreement: agreement.id(),
        holder: code("MK"),
        asker: code("RS"),
        register: "border".parse().unwrap(),
        purpose: Purpose::IrregEntry,
        canonicalisation: CANONICALISATION.into(),
        public_key: Digest([n; 32]),
        entries: 1_024,
        bytes: 4_800,
        digest: Digest([n; 32]),
        made: NOW,
        expires: NOW.plus(Timestamp::DAY),
    }
}

fn signature() -> Signature {
    Signature([9; 64])
}

fn officer(n: u8) -> Officer {
    let (id, until) = (if n.is_multiple_of(2) { "ana" } else { "ivo" }.parse().unwrap(), None);
    Officer { id, roles: vec![Role::Asks], key: key(n).public(), seal: "age1".into(), until }
}

/// One random event; queries carry the charges that the policy sets for them.
fn event(agreement: &InForce, kind: u8, n: u8, items: u32, at_asker: bool) -> Event {
    let side = if at_asker { Side::Asker } else { Side::Holder };
    let asked = ask(agreement, side, n, items);
    match kind {
        0..5 => {
            let charges = symbolon_policy::quota::charges(agreement.terms(), &asked, NOW);
            Event::Query { side, ask: asked, signature: signature(), charges }
        }
        5 => Event::Refused {
            side,
            ask: asked,
            signature: signature(),
            code: RefusalCode::Busy,
            clauses: Vec::new(),
        },
        6 => Event::Failed { side, query: asked.query, partner_at_fault: false, reason: "broke".into() },
        7 => Event::Answered { receipt: Box::new(receipt(ask(agreement, Side::Holder, n, items))) },
        8 => Event::Receipt { side, receipt: Box::new(receipt(asked)) },
        9 => Event::SnapshotMade { manifest: manifest(n, agreement) },
        10 => Event::SnapshotMoved { side, manifest: manifest(n, agreement), signature: signature() },
        11 => Event::SnapshotEnded { snapshot: SnapshotId([n; 16]), reason: "expired".into() },
        12 => Event::NationalRules { text: at_asker.then(|| format!("// {n}")) },
        13 => Event::Imported {
            register: asked.register,
            good: 1,
            replaced: 0,
            rejected: 0,
            digest: asked.digest,
        },
        14 => Event::ImportBegun { register: asked.register },
        15 => Event::ErasureBegun { register: asked.register },
        16 => Event::ChangeFailed { register: asked.register, reason: "broke".into() },
        17 => Event::QueriesErased { queries: vec![asked.query] },
        18 => Event::RevocationKnown { agreement: agreement.id() },
        19 => Event::AgreementAccepted { agreement: Box::new(self::agreement()) },
        20 => Event::OfficerEnrolled { officer: officer(n) },
        21 => Event::OfficerRemoved { officer: officer(n).id, reason: "moved".into() },
        22 => {
            let at = NOW.plus(i64::from(items) * Timestamp::DAY);
            let kind = ActKind::Ask { digest: asked.digest };
            let act = Act { officer: officer(n).id, act: kind, at };
            let act = SignedAct { act, signature: signature() };
            Event::OfficerAsked { act, intent: Intent::Resume { query: asked.query } }
        }
        25 => Event::HitsSeen { query: asked.query, items: (0..items).collect() },
        26 => Event::FlagsBegun { register: asked.register },
        27 => Event::FlagsSet {
            register: asked.register,
            record: asked.digest,
            flags: Flags { blocked: Some(at_asker), ..Flags::default() },
            reason: "decided".into(),
        },
        23 => Event::OfficerRefused { officer: officer(n).id, act: None, reason: "no key".into() },
        _ => Event::AgreementRevoked {
            revocation: Revocation {
                agreement: agreement.id(),
                by: code("RS"),
                reason: "ended".into(),
                at: NOW,
            },
            signature: signature(),
        },
    }
}

fn contents(state: &State) -> BTreeMap<Vec<u8>, Vec<u8>> {
    state.contents()
}

fn apply_all(state: &State, events: &[Event]) {
    (0..).zip(events).for_each(|(seq, event)| state.apply(seq, event).unwrap());
}

/// A state in a directory of its own, as after these events.
fn after(events: &[Event]) -> (TempDir, State) {
    let dir = TempDir::new().unwrap();
    let state = State::open(&dir.path().join("state")).unwrap();
    apply_all(&state, events);
    (dir, state)
}

fn readings(state: &State) -> Vec<(bool, u64)> {
    let per_officer = |key: &MeterKey| matches!(key.meter, Meter::Quota { officer: Some(_), .. });
    state.meters().unwrap().iter().map(|(key, spent)| (per_officer(key), *spent)).collect()
}

fn paid(agreement: &InForce, side: Side, ask: &Ask) -> Event {
    let charges = symbolon_policy::quota::charges(agreement.terms(), ask, NOW);
    Event::Query { side, ask: ask.clone(), signature: signature(), charges }
}

fn refused(side: Side, ask: &Ask) -> Event {
    let (ask, clauses) = (ask.clone(), Vec::new());
    Event::Refused { side, ask, signature: signature(), code: RefusalCode::Busy, clauses }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_state_is_a_function_of_the_journal(
        steps in prop::collection::vec((0_u8..28, 0_u8..6, 1_u32..9, any::<bool>()), 1..60),
        stop in 0_usize..60,
    ) {
        let agreement = in_force();
        let events: Vec<Event> =
            steps.into_iter().map(|(kind, n, items, side)| event(&agreement, kind, n, items, side)).collect();
        let (_kept, whole) = after(&events);
        let (_kept_too, again) = after(&events);
        prop_assert_eq!(contents(&whole), contents(&again));
        // Stopped after any entry and opened again, it goes on from there.
        let stop = stop.min(events.len());
        let (dir, state) = after(&events[..stop]);
        state.flush().unwrap();
        drop(state);
        let state = State::open(&dir.path().join("state")).unwrap();
        prop_assert_eq!(state.applied().unwrap(), stop as u64);
        for (seq, event) in events.iter().enumerate().skip(stop) {
            state.apply(seq as u64, event).unwrap();
        }
        prop_assert_eq!(contents(&state), contents(&whole));
        prop_assert_eq!(state.applied().unwrap(), events.len() as u64);
    }

    #[test]
    fn meters_are_the_sum_of_what_was_asked_and_not_given_back(
        steps in prop::collection::vec((1_u32..9, any::<bool>()), 1..40),
    ) {
        // Every query has an id of its own; some are refused by the partner afterwards.
        let agreement = in_force();
        let (mut events, mut sum) = (Vec::new(), 0);
        for (n, (items, back)) in (0_u8..).zip(&steps) {
            let asked = ask(&agreement, Side::Asker, n, *items);
            events.push(paid(&agreement, Side::Asker, &asked));
            if *back {
                events.push(refused(Side::Asker, &asked));
            } else {
                sum += u64::from(*items);
            }
        }
        let (_dir, state) = after(&events);
        let found = readings(&state);
        let common: u64 = found.iter().filter(|(own, _)| !own).map(|(_, spent)| spent).sum();
        let officers: u64 = found.iter().filter(|(own, _)| *own).map(|(_, spent)| spent).sum();
        prop_assert_eq!((common, officers), (sum, sum));
    }
}

#[test]
fn a_damaged_state_is_thrown_away_and_made_anew() {
    let agreement = in_force();
    let events = [
        event(&agreement, 19, 0, 1, true),
        paid(&agreement, Side::Asker, &ask(&agreement, Side::Asker, 1, 5)),
        event(&agreement, 9, 2, 1, true),
    ];
    let damage: [fn(&Path); 3] = [
        |path| fs::write(path.join("conf"), b"no such thing").unwrap(),
        |path| fs::write(path.join("db"), vec![0xff; 4_096]).unwrap(),
        |path| {
            let db = sled::open(path).unwrap();
            db.insert(Key::layout(), b"another layout").unwrap();
            db.flush().unwrap();
        },
    ];
    for (nth, damage) in damage.iter().enumerate() {
        let (dir, state) = after(&events);
        let (path, before) = (dir.path().join("state"), contents(&state));
        state.flush().unwrap();
        drop(state);
        damage(&path);
        let state = State::open(&path).unwrap();
        assert_eq!(state.applied().unwrap(), 0, "damage {nth}: it begins empty");
        assert!(state.agreements().unwrap().is_empty() && state.meters().unwrap().is_empty());
        apply_all(&state, &events);
        assert_eq!(contents(&state), before, "damage {nth}");
    }
}

#[test]
fn a_refusal_by_the_partner_gives_the_charge_back_once() {
    let agreement = in_force();
    let asked = ask(&agreement, Side::Asker, 2, 30);
    let (_dir, state) = after(&[paid(&agreement, Side::Asker, &asked)]);
    assert_eq!(readings(&state), [(false, 30), (true, 30)]);
    state.apply(1, &refused(Side::Asker, &asked)).unwrap();
    assert_eq!(readings(&state), [(false, 0), (true, 0)]);
    assert_eq!(state.query(Side::Asker, &asked.query).unwrap(), None);
    state.apply(2, &refused(Side::Asker, &asked)).unwrap();
    assert_eq!(readings(&state), [(false, 0), (true, 0)]);
    permit::admit(&agreement, &asked, &code("RS"), &state, NOW).unwrap();
}

#[test]
fn nothing_is_given_back_for_what_the_partner_may_have_seen() {
    let agreement = in_force();
    let asked = ask(&agreement, Side::Asker, 2, 30);
    let other = Ask { items: 29, ..asked.clone() };
    let failed =
        Event::Failed { side: Side::Asker, query: asked.query, partner_at_fault: true, reason: "cut".into() };
    let done = Event::Receipt { side: Side::Asker, receipt: Box::new(receipt(asked.clone())) };
    let charge = || paid(&agreement, Side::Asker, &asked);
    for events in [
        vec![charge(), failed, refused(Side::Asker, &asked)],
        vec![charge(), done, refused(Side::Asker, &asked)],
        vec![charge(), refused(Side::Asker, &other)],
        vec![charge(), refused(Side::Holder, &asked)],
    ] {
        let (_dir, state) = after(&events);
        assert_eq!(readings(&state), [(false, 30), (true, 30)], "{:?}", events.last());
    }
    // The holder never gives back what it was asked: it may have answered.
    let held = ask(&agreement, Side::Holder, 2, 30);
    let (_dir, state) = after(&[paid(&agreement, Side::Holder, &held), refused(Side::Holder, &held)]);
    assert_eq!(readings(&state), [(false, 30)]);
}

#[test]
fn a_retry_is_the_recorded_query_and_is_not_charged_again() {
    let agreement = in_force();
    let asked = ask(&agreement, Side::Asker, 2, 30);
    let failed = Event::Failed {
        side: Side::Asker,
        query: asked.query,
        partner_at_fault: false,
        reason: "cut".into(),
    };
    let (_dir, state) = after(&[paid(&agreement, Side::Asker, &asked), failed]);
    let query = state.query(Side::Asker, &asked.query).unwrap().unwrap();
    assert_eq!((query.stage, &query.ask), (Stage::Failed, &asked));
    assert!(state.open_queries(Side::Asker).unwrap().is_empty());
    Paid::retry(&agreement, &asked, &query.ask, NOW).unwrap();
    assert_eq!(readings(&state), [(false, 30), (true, 30)]);
    // As a new query it would not fit the officer's quota any more: 30 and 30 of 40.
    let anew = Ask { query: QueryId([4; 16]), ..asked };
    let refusal = permit::admit(&agreement, &anew, &code("RS"), &state, NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
}

#[test]
fn a_receipt_counts_in_the_balance_once() {
    let agreement = in_force();
    let (held, asked) = (ask(&agreement, Side::Holder, 2, 7), ask(&agreement, Side::Asker, 3, 5));
    let both = |side, ask: &Ask| Event::Receipt { side, receipt: Box::new(receipt(ask.clone())) };
    let answered = Event::Answered { receipt: Box::new(receipt(held.clone())) };
    let (_dir, state) = after(&[paid(&agreement, Side::Holder, &held), answered]);
    let open = |state: &State| state.open_receipts(&code("MK"), 10).unwrap();
    let balance = |state: &State| state.balance(&agreement.id(), &code("MK"));
    // What went out is given, though nobody signs for it.
    let given = Balance { given: 7, received: 0 };
    assert_eq!((open(&state), balance(&state)), (vec![receipt(held.clone())], given));
    assert!(state.open_receipts(&code("RS"), 10).unwrap().is_empty());
    for (seq, event) in [
        (2, Event::Answered { receipt: Box::new(receipt(held.clone())) }),
        (3, both(Side::Holder, &held)),
        (4, both(Side::Holder, &held)),
        (5, paid(&agreement, Side::Asker, &asked)),
        (6, both(Side::Asker, &asked)),
        (7, both(Side::Asker, &asked)),
    ] {
        state.apply(seq, &event).unwrap();
    }
    assert_eq!(balance(&state), Balance { given: 7, received: 5 });
    assert!(open(&state).is_empty());
    let stage = state.query(Side::Holder, &held.query).unwrap().unwrap().stage;
    assert_eq!(stage, Stage::Done(Box::new(receipt(held))));
}

#[test]
fn a_reading_that_cannot_be_read_is_full() {
    let agreement = in_force();
    let asked = ask(&agreement, Side::Asker, 2, 1);
    let (_dir, state) = after(&[paid(&agreement, Side::Asker, &asked)]);
    for (key, _) in state.meters().unwrap() {
        state.db.insert(Key::meter(&key).unwrap(), b"\xff".as_slice()).unwrap();
        assert_eq!(state.spent(&key), u64::MAX);
    }
    let next = Ask { query: QueryId([4; 16]), ..asked };
    let refusal = permit::admit(&agreement, &next, &code("RS"), &state, NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
}
