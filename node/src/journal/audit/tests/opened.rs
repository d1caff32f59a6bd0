//! Opened queries against journals: what stands, and every departure that an auditor must be told of.

use std::collections::BTreeMap;

use age::x25519::Identity;
use ed25519_dalek::SigningKey;
use symbolon_policy::{
    agreement::{CountTerms, FormTerms, MatchAnswer, MatchTerms},
    ask::{Ask, MatchAsk, case_digest},
    officer::{Act, ActKind, Officer, SignedAct},
    rules::ExchangeKind,
    signing,
    words::{Digest, Modality, OfficerId, Position, Role},
};
use symbolon_protocol::{
    count, exact,
    identifier::RawIdentifier,
    matching::{engine::engine, template::Template},
    seed::Seed,
    set::IdentifierBytes,
};
use zeroize::Zeroizing;

use super::*;
use crate::{
    control::api::FailureKind,
    journal::audit::opened,
    opening::{Opening, check, file_digest},
    session::{
        asker::{Asked, Subject},
        matching::Ready,
    },
};

const CASE: &str = "K-17/2026";
const SEED: [u8; 32] = [7; 32];
const ENGINE: &str = "ot-garbled/1";

fn person(number: u32) -> IdentifierBytes {
    let raw = RawIdentifier::TravelDocument {
        number: format!("P{}", 1_234_501 + number),
        state: "SYR".into(),
        birth_date: "1990-02-03".into(),
    };
    Zeroizing::new(raw.canonical().unwrap().bytes().to_vec())
}

fn people(count: u32) -> Vec<IdentifierBytes> {
    (0..count).map(person).collect()
}

fn face(turned: usize) -> Template {
    let positions: Vec<_> = (0..256).map(|at| Some((at % 3 == 0) != (at < turned))).collect();
    Template::from_positions(&positions).unwrap()
}

/// A world whose agreement has terms for counts and matches.
fn world() -> World {
    let mut world = World::new();
    world.terms.count = Some(CountTerms {
        smallest_batch: 100,
        largest_batch: 1_000,
        period_days: 30,
        epsilon_milli: 1_000,
        dummies: 30,
        epsilon_budget_milli: 4_000,
    });
    world.terms.matching = Some(MatchTerms {
        engines: vec![ENGINE.parse().unwrap()],
        against_asker: None,
        against_holder: None,
        key_hours: 24,
        largest_slice: 1_000,
        budget: 10,
        budget_days: 365,
        prior_permille: 100,
        forms: vec![FormTerms {
            name: "face-256".parse().unwrap(),
            modality: Modality::Face,
            length: 256,
            masked: false,
            s: 0,
            p: 1,
            kappa: 128,
            degrees_of_freedom: 256,
            alternatives: 2,
            answers: vec![MatchAnswer::Any],
            cap: 1,
            projection: None,
        }],
    });
    world.terms.quotas.clear();
    world.agree();
    world
}

/// What RS asks of MK, answered and journalled by both. `made` gives the message for the words.
fn asked(
    world: &mut World,
    exchange: ExchangeKind,
    subject: Subject,
    made: impl Fn(&Subject) -> (u32, [u8; 32]),
) -> Asked {
    let (items, digest) = made(&subject);
    let (ask, _) = world.ask(items);
    let matching = (exchange == ExchangeKind::Match).then(|| MatchAsk {
        form: "face-256".parse().unwrap(),
        engine: ENGINE.parse().unwrap(),
        answer: MatchAnswer::Any,
        keys: Digest([6; 32]),
        positions: vec![Position::Face],
    });
    let seed = Seed::new(SEED);
    let ask = Ask {
        exchange,
        matching,
        case: Some(case_digest(&ask.query, CASE)),
        commitment: Digest(seed.commitment()),
        digest: Digest(digest),
        ..ask
    };
    let signature = signing::sign(&ask, &world.rs.key).unwrap();
    world.answered(&ask, signature);
    Asked { ask, signature, subject, canaries: 0, seed }
}

fn identifiers(subject: &Subject) -> Vec<IdentifierBytes> {
    let Subject::Identifiers(identifiers) = subject else { panic!() };
    identifiers.clone()
}

fn exact_query(world: &mut World, items: u32) -> Asked {
    asked(world, ExchangeKind::Exact, Subject::Identifiers(people(items)), |subject| {
        let query = exact::Query::blind(identifiers(subject), &Seed::new(SEED)).unwrap();
        (query.items(), query.digest())
    })
}

/// A count, by an asker that keeps to the agreement or by one that leaves the dummies out.
fn count_query(world: &mut World, dummies: bool) -> Asked {
    let noise = world.terms.noise().unwrap();
    asked(world, ExchangeKind::Count, Subject::Identifiers(people(120)), |subject| {
        let make = if dummies { count::Query::blind } else { count::Query::without_dummies };
        let query = make(identifiers(subject), noise, &Seed::new(SEED)).unwrap();
        (query.items(), query.digest())
    })
}

fn match_query(world: &mut World) -> Asked {
    let form = world.terms.matching.as_ref().unwrap().forms[0].form();
    asked(world, ExchangeKind::Match, Subject::Probe(vec![face(9)], Ready::default()), |subject| {
        let Subject::Probe(probe, _) = subject else { panic!() };
        (1, engine(ENGINE).unwrap().replay(&form, &[], probe, &Seed::new(SEED)).unwrap())
    })
}

/// What an auditor is told who gets this opening and these agencies' exports.
fn checked(asked: &Asked, agencies: &[&Agency]) -> (bool, String) {
    let identity = Identity::generate();
    let opening = Opening::of(asked, Some(CASE.to_owned()), Vec::new());
    told(&opening.seal(&identity.to_public()).unwrap(), &identity, agencies)
}

fn told(sealed: &[u8], identity: &Identity, agencies: &[&Agency]) -> (bool, String) {
    let opening = Opening::unseal(sealed, std::slice::from_ref(identity)).unwrap();
    let read = |agency: &&Agency| {
        let export = exported(agency);
        opened::read(export.as_slice(), &BTreeMap::new(), &opening.ask).unwrap().expect("a party")
    };
    let journals: Vec<_> = agencies.iter().map(read).collect();
    let verdict = check::check(&opening, sealed, &journals, &BTreeMap::new());
    (verdict.stands(), verdict.to_string())
}

#[track_caller]
fn caught(asked: &Asked, world: &World, says: &str) {
    for agencies in [&[&world.rs][..], &[&world.mk], &[&world.mk, &world.rs]] {
        let (stands, text) = checked(asked, agencies);
        assert!(!stands && text.contains(says), "{says}: {text}");
        assert!(!text.contains("\n- "), "nothing is shown by what does not stand: {text}");
    }
}

#[test]
fn honest_openings_stand_against_either_journal_and_say_what_was_asked() {
    let mut world = world();
    let queries = [exact_query(&mut world, 3), count_query(&mut world, true), match_query(&mut world)];
    let says = [
        "3. travel-document: birth_date 1990-02-03, number P1234503, state SYR",
        "all 30 agreed dummies were in the batch",
        "256 positions; a hit is 1·(alike - apart) ≥ 0·overlap + 128, so at least 128 positions must overlap\n  \
         FACE: 256 of 256 positions can be compared",
    ];
    for (asked, says) in queries.iter().zip(says) {
        for agencies in [&[&world.rs][..], &[&world.mk], &[&world.mk, &world.rs]] {
            let (stands, text) = checked(asked, agencies);
            assert!(stands && text.contains(says), "{says}: {text}");
            for shown in
                ["RS signed for this query", "MK signed that it answered this very query", "K-17/2026"]
            {
                assert!(text.contains(shown), "{text}");
            }
        }
    }
}

#[test]
fn another_query_and_anything_altered_in_one_are_exposed() {
    let mut world = world();
    let (query, other) = (exact_query(&mut world, 3), exact_query(&mut world, 4));
    // What another query asked about, under this one's words.
    let foreign = Asked { subject: other.subject.clone(), ..query.clone() };
    caught(&foreign, &world, "does not make the message");
    let with = |identifiers: Vec<IdentifierBytes>| Asked {
        subject: Subject::Identifiers(identifiers),
        ..query.clone()
    };
    caught(&with(vec![person(0), person(1), person(9)]), &world, "does not make the message");
    caught(&with(vec![person(1), person(0), person(2)]), &world, "does not make the message");
    caught(&with(people(2)), &world, "does not make the message");
    let seed = Seed::new([8; 32]);
    caught(&Asked { seed, ..query.clone() }, &world, "the seed is not the one");
    let probe = Subject::Probe(vec![face(9)], Ready::default());
    caught(&Asked { subject: probe, ..query.clone() }, &world, "opens something else");

    // Words that were never signed, and a query that no journal has.
    let mut words = query.clone();
    words.ask.items = 2;
    caught(&words, &world, "in other words than are opened");
    words.ask.query = symbolon_policy::words::QueryId([99; 16]);
    let (stands, text) = checked(&words, &[&world.mk]);
    assert!(!stands && text.contains("nothing binds what is opened"), "{text}");

    // Who keeps a journal writes what it likes. Only words that the asker signed bind.
    let mut forged = query.clone();
    forged.ask.query = symbolon_policy::words::QueryId([98; 16]);
    forged.ask.case = Some(case_digest(&forged.ask.query, CASE));
    forged.signature = signing::sign(&forged.ask, &world.rs.key).unwrap();
    let event =
        |side, ask: &Ask, signature| Event::Query { side, ask: ask.clone(), signature, charges: Vec::new() };
    let junk = Ask { items: 2, ..forged.ask.clone() };
    world.mk.journal.append(event(Side::Holder, &junk, forged.signature), world.now).unwrap();
    world.rs.journal.append(event(Side::Asker, &forged.ask, forged.signature), world.now).unwrap();
    let (stands, text) = checked(&forged, &[&world.rs, &world.mk]);
    assert!(stands && text.contains("words of the query there that the asker did not sign"), "{text}");
    assert!(text.contains("could have signed afterwards"), "nobody else has it: {text}");
    let (stands, text) = checked(&forged, &[&world.mk]);
    assert!(!stands && text.contains("nothing binds what is opened"), "{text}");

    // Something that is no identifier, though it was asked.
    let dummy = Zeroizing::new(b"symbolon/count-dummy/1\0\0\0\0\0".to_vec());
    let odd = Subject::Identifiers(vec![person(0), dummy]);
    let odd = asked(&mut world, ExchangeKind::Exact, odd, |subject| {
        let query = exact::Query::blind(identifiers(subject), &Seed::new(SEED)).unwrap();
        (query.items(), query.digest())
    });
    caught(&odd, &world, "item 2 is in no canonical form");

    let identity = Identity::generate();
    let opening = Opening::of(&query, Some("K-18/2026".to_owned()), Vec::new());
    let sealed = opening.seal(&identity.to_public()).unwrap();
    let (stands, text) = told(&sealed, &identity, &[&world.rs]);
    assert!(!stands && text.contains("the case reference"), "{text}");
}

#[test]
fn canaries_are_as_many_as_were_journalled() {
    let mut world = world();
    let query = exact_query(&mut world, 3);
    let one = Asked { canaries: 1, ..query.clone() };
    let says = "how many of the items are canaries is the word of RS";
    assert!(checked(&one, &[&world.rs]).1.contains(says), "not noted, as after a crash");
    let event = Event::CanariesAsked { query: query.ask.query, asked: 1, found: 1 };
    world.rs.journal.append(event, world.now).unwrap();
    assert!(checked(&one, &[&world.rs, &world.mk]).0);
    assert!(checked(&one, &[&world.mk]).1.contains(says));
    let (stands, text) = checked(&query, &[&world.rs]);
    assert!(!stands && text.contains("1 canaries were asked, and 0 are opened as such"), "{text}");
}

#[test]
fn a_count_without_its_dummies_or_of_other_people_is_exposed() {
    let mut world = world();
    let query = count_query(&mut world, false);
    caught(&query, &world, "the 30 agreed dummies were not in the batch");
    let mut others = people(119);
    others.push(person(500));
    caught(&Asked { subject: Subject::Identifiers(others), ..query }, &world, "does not make the message");
}

#[test]
fn an_export_that_is_older_than_the_keys_contradicts_nothing() {
    let mut world = world();
    let query = match_query(&mut world);
    let identity = Identity::generate();
    let sealed = Opening::of(&query, Some(CASE.to_owned()), vec![1; 64]).seal(&identity.to_public()).unwrap();
    let (_, text) = told(&sealed, &identity, &[&world.rs, &world.mk]);
    assert!(
        text.contains("not shown: that the probe is encrypted under the keys that were set up"),
        "{text}"
    );
    assert!(!text.contains("other keys were set up"), "{text}");
}

#[test]
fn another_probe_is_exposed() {
    let mut world = world();
    let query = match_query(&mut world);
    let with =
        |probe: Vec<Template>| Asked { subject: Subject::Probe(probe, Ready::default()), ..query.clone() };
    caught(&with(vec![face(8)]), &world, "does not make the message");
    caught(&with(vec![face(9), face(9)]), &world, "opens something else");
    caught(&Asked { seed: Seed::new([8; 32]), ..query.clone() }, &world, "the seed is not the one");
}

#[test]
fn keys_that_are_known_from_elsewhere_decide() {
    let mut world = world();
    let query = exact_query(&mut world, 3);
    let mut known = BTreeMap::from([(world.rs.code.clone(), world.rs.key.public())]);
    let export = exported(&world.rs);
    let read = |known: &BTreeMap<_, _>| opened::read(export.as_slice(), known, &query.ask);
    let journals = [read(&known).unwrap().unwrap()];
    let (opening, sealed) = (Opening::of(&query, Some(CASE.to_owned()), Vec::new()), [0]);
    assert!(check::check(&opening, &sealed, &journals, &known).stands());
    known.insert(world.mk.code.clone(), world.rs.key.public());
    let verdict = check::check(&opening, &sealed, &journals, &known);
    assert!(verdict.to_string().contains("another key of MK"), "{verdict}");
    known.insert(world.rs.code.clone(), world.mk.key.public());
    assert!(matches!(read(&known), Err(ImportError::Checkpoint(_))));
    // A journal of nobody who took part.
    let other = Ask { asker: "XX".parse().unwrap(), holder: "YY".parse().unwrap(), ..query.ask.clone() };
    assert!(opened::read(export.as_slice(), &BTreeMap::new(), &other).unwrap().is_none());
}

#[test]
fn a_sealed_file_opens_to_its_auditor_alone_and_not_if_it_is_altered() {
    let mut world = world();
    let query = exact_query(&mut world, 3);
    let [auditor, other] = [Identity::generate(), Identity::generate()];
    let opening = Opening::of(&query, Some(CASE.to_owned()), Vec::new());
    let sealed = opening.seal(&auditor.to_public()).unwrap();
    assert!(!sealed.windows(8).any(|part| part == b"P1234503"));
    let kind =
        |sealed: &[u8], identities: &[Identity]| Opening::unseal(sealed, identities).err().unwrap().kind;
    assert_eq!(kind(&sealed, std::slice::from_ref(&other)), FailureKind::Input);
    let keys = [other, auditor];
    assert!(Opening::unseal(&sealed, &keys).is_ok());
    for length in [0, 1, sealed.len() / 2, sealed.len() - 1] {
        assert!(Opening::unseal(&sealed[..length], &keys).is_err(), "{length}");
    }
    for at in (0..sealed.len()).step_by(11) {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(Opening::unseal(&altered, &keys).is_err(), "byte {at}");
    }
    let foreign = age::encrypt(&keys[1].to_public(), b"something else").unwrap();
    assert_eq!(kind(&foreign, &keys), FailureKind::Integrity);
}

#[test]
fn a_journal_tells_of_openings_and_they_must_have_been_allowed() {
    let opened_by = |roles: Vec<Role>, of_another: bool| {
        let mut world = world();
        let query = exact_query(&mut world, 3);
        let (key, identity) = (SigningKey::from_bytes(&[9; 32]), Identity::generate());
        let (id, recipient): (OfficerId, _) = ("A.1".parse().unwrap(), identity.to_public().to_string());
        let officer =
            Officer { id: id.clone(), roles, key: key.public(), seal: recipient.clone(), until: None };
        let opening = Opening::of(&query, Some(CASE.to_owned()), Vec::new());
        let sealed = opening.seal(&identity.to_public()).unwrap();
        let name = if of_another { symbolon_policy::words::QueryId([99; 16]) } else { query.ask.query };
        let act = ActKind::OpenQuery { query: name, recipient, reason: "yearly audit".into() };
        let act = SignedAct::sign(Act { officer: id, act, at: world.now }, &key).unwrap();
        let event = Event::QueryOpened { act, file: file_digest(&sealed) };
        for event in [Event::OfficerEnrolled { officer }, event] {
            world.rs.journal.append(event, world.now).unwrap();
        }
        (told(&sealed, &identity, &[&world.rs]).1, audit(&world.rs))
    };
    let (text, report) = opened_by(vec![Role::Audits], false);
    assert!(report.is_clean(), "{report}");
    assert!(text.contains("A.1 opened it on") && text.contains("\"yearly audit\""), "{text}");
    for (roles, of_another, says) in
        [(vec![Role::Asks], false, "does not have the role"), (vec![Role::Audits], true, "opens no query")]
    {
        let (_, report) = opened_by(roles, of_another);
        let [Fault::Officer { problem, .. }] = violations(&report)[..] else { panic!("{report}") };
        assert!(problem.contains(says), "{problem}");
    }
}
