//! Own queries, asked again.

use std::io::Read as _;

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    officer::{Act, ActKind, Officer, SignedAct},
    signing::{Document as _, Signer as _},
    words::{OfficerId, Role, Timestamp},
};

use super::*;
use crate::{
    book::{Admission, Failed},
    clock,
    control::api::{FailureKind, Request},
    journal::Event,
    node::tests::pair::{Agency, agree, exact, hits, pair, person, terms, updates},
};

/// A query of the asker about the first person, paid for and interrupted before its first word.
async fn interrupted(core: &Arc<Core>, holder: &Agency, asker: &Agency) -> Asked {
    let partner = core.partner(holder.core().book.own()).unwrap();
    let (people, _) = people::read(&asker.file("people.ndjson", &person(1)), None).unwrap();
    let report = Report::new("RS", updates());
    let mut attempt = Attempt::new(core, partner, report);
    let snapshot = attempt.fetch(&terms()).await.unwrap();
    let identifiers: Vec<_> =
        people.iter().flat_map(|person| &person.identifiers).map(|(_, bytes)| bytes.clone()).collect();
    let asking = vec![("p1".to_owned(), people[0].identifiers.iter().map(|(kind, _)| *kind).collect())];
    let subject = Subject::Identifiers(identifiers);
    let draft = Draft { exchange: ExchangeKind::Exact, snapshot: Some(snapshot), matching: None, subject };
    let asked = attempt.prepare(&terms(), draft, &asking, Vec::new()).await.unwrap();
    let agreement = &attempt.partner.agreement;
    let paid = core.book.admit(Side::Asker, agreement, &asked.ask, asked.signature, clock::now()).unwrap();
    assert!(matches!(paid, Admission::Paid(_)));
    asked
}

/// That the connection was lost.
fn lost() -> Failed {
    Failed { partner_at_fault: false, always: false, reason: "cut".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_is_journalled_whatever_was_before_it() {
    let (holder, asker, _serving) = pair(5).await;
    let core = asker.core();
    let asked = interrupted(core, &holder, &asker).await;
    let breach = || Failed { partner_at_fault: true, always: true, reason: "a false sum".to_owned() };
    let tested =
        || Failed { partner_at_fault: false, always: true, reason: "cut after the check".to_owned() };
    let broke = || core.book.state().query(Side::Asker, &asked.ask.query).unwrap().unwrap().broken;
    let told = || {
        let entries = core.book.journal().entries_from(0).unwrap();
        let of = entries.filter_map(|entry| match entry.unwrap().0.event {
            Event::Failed { reason, .. } => Some(reason),
            _ => None,
        });
        of.collect::<Vec<_>>()
    };
    for (failed, broken, entries) in [
        (lost(), false, 1),
        // A partner that only hangs up fills no journal.
        (lost(), false, 1),
        (tested(), false, 2),
        (tested(), false, 3),
        (breach(), true, 4),
        (lost(), true, 4),
        (breach(), true, 5),
    ] {
        core.book.fail(Side::Asker, &asked.ask, failed).unwrap();
        assert_eq!((broke(), told().len()), (broken, entries), "{:?}", told());
    }
    // Of a query that was answered too, which stays answered.
    let done = exact(&asker, 1..2, terms()).await.query.unwrap();
    let ask = core.book.state().query(Side::Asker, &done).unwrap().unwrap().ask;
    core.book.fail(Side::Asker, &ask, lost()).unwrap();
    core.book.fail(Side::Asker, &ask, breach()).unwrap();
    let query = core.book.state().query(Side::Asker, &done).unwrap().unwrap();
    assert!(matches!(query.stage, Stage::Done(_)) && query.broken && told().len() == 6, "{:?}", told());
    let Ok(Reply::Audit { clean, text, .. }) = asker.ask(Request::AuditVerify).await else { panic!("audit") };
    assert!(clean, "{text}");
}

// A query was paid for under its own agreement; under another one it would be refused, or paid twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_resumed_under_its_own_agreement_though_a_newer_one_is_in_force() {
    let (holder, asker, _serving) = pair(5).await;
    let core = asker.core();
    let code = holder.core().book.own();
    let first = core.partner(code).unwrap().agreement.id();
    let asked = interrupted(core, &holder, &asker).await;

    let begun = clock::now();
    while clock::now() <= begun {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    agree(&holder, &asker).await;
    assert_ne!(core.partner(code).unwrap().agreement.id(), first, "the newer one is in force");

    let reply = resume(core, asked.ask.query, None, updates()).await.unwrap();
    let Reply::Answers { answers } = reply else { panic!("{reply:?}") };
    assert_eq!(hits(&answers[0]), ["p1"]);
    let receipt = answers[0].receipt.as_ref().unwrap();
    assert_eq!((receipt.receipt.ask.agreement, receipt.receipt.ask.query), (first, asked.ask.query));
}

// Whoever resumes gets the answer, and the receipt names the officer who asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_resumed_by_the_officer_who_asked() {
    let (holder, asker, _serving) = pair(5).await;
    let core = asker.core();
    let asked = interrupted(core, &holder, &asker).await;
    let query = asked.ask.query;
    let (own, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let (ana, ivo) = (terms().officer, "ivo".parse::<OfficerId>().unwrap());
    for (id, key) in [(&ana, &own), (&ivo, &other)] {
        let roles = vec![Role::Asks];
        let (id, key) = (id.clone(), key.public());
        core.book.enrol(Officer { id, roles, key, seal: "age1".into(), until: None }).unwrap();
    }
    let word = |id: &OfficerId, key: &SigningKey, query| {
        let act = ActKind::Ask { digest: Intent::Resume { query }.digest().unwrap() };
        let act = Act { officer: id.clone(), act, at: clock::now() };
        Authority { act: SignedAct::sign(act, key).unwrap(), salt: Salt([0; 32]) }
    };
    for wrong in [
        None,
        Some(word(&ivo, &other, query)),
        Some(word(&ana, &other, query)),
        Some(word(&ana, &own, QueryId([9; 16]))),
    ] {
        let refused = resume(core, query, wrong.as_ref(), updates()).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
    }
    let signed = word(&ana, &own, query);
    let reply = resume(core, query, Some(&signed), updates()).await.unwrap();
    let Reply::Answers { answers } = reply else { panic!("{reply:?}") };
    assert_eq!(hits(&answers[0]), ["p1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_kept_for_a_time_and_those_that_can_be_resumed_for_longer() {
    let (holder, asker, _serving) = pair(5).await;
    let core = asker.core();
    let answered = exact(&asker, 1..2, terms()).await.query.unwrap();
    let (open, failed) = (interrupted(core, &holder, &asker).await, interrupted(core, &holder, &asker).await);
    core.book.fail(Side::Asker, &failed.ask, lost()).unwrap();
    let path = |query: QueryId| core.home.queries().join(query.to_string());
    // A copy that was not written whole, of a query that was never asked.
    let torn = path(QueryId([7; 16])).with_extension("tmp");
    std::fs::write(&torn, b"sealed").unwrap();
    // What another program reads through a descriptor of its own is what lies on the disk.
    let mut reader = std::fs::File::open(path(answered)).unwrap();
    let kept = || {
        let files = std::fs::read_dir(core.home.queries()).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let all = kept();
    assert_eq!(all.len(), 4);

    let now = clock::now();
    erase_old(core, now).unwrap();
    erase_old(core, now.plus(Timestamp::DAY - 60)).unwrap();
    assert_eq!(kept(), all, "not a day old");
    let entries = core.book.entries().unwrap();
    erase_old(core, now.plus(Timestamp::DAY + 60)).unwrap();
    let mut resumable = vec![open.ask.query.to_string(), failed.ask.query.to_string()];
    resumable.sort();
    assert_eq!(kept(), resumable);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0), "overwritten before it was removed");
    let journalled = |from| -> Vec<Event> {
        let entries = core.book.journal().entries_from(from).unwrap();
        entries.map(|entry| entry.unwrap().0.event).collect()
    };
    let [Event::QueriesErased { queries }] = &journalled(entries)[..] else {
        panic!("{:?}", journalled(entries))
    };
    let mut erased = queries.clone();
    erased.sort_by_key(|query| *query != answered);
    assert_eq!(erased, [answered, QueryId([7; 16])]);

    // Once its snapshot is gone, a query that failed cannot be resumed, and is kept no longer.
    let snapshot = failed.ask.snapshot.unwrap();
    core.end_snapshot(&core.book.state().snapshot(&snapshot).unwrap().unwrap().manifest, "over").unwrap();
    erase_old(core, now.plus(Timestamp::DAY + 60)).unwrap();
    assert_eq!(kept(), [open.ask.query.to_string()]);
    let gone = resume(core, failed.ask.query, None, updates()).await.unwrap_err();
    assert!(gone.what.ends_with("is no longer kept"), "{gone}");
}

#[test]
fn a_probe_that_is_named_twice_is_refused_before_it_is_read() {
    let path = std::path::PathBuf::from("/nowhere/p.json");
    let wish = api::Wish {
        form: "face-512".parse().unwrap(),
        answer: symbolon_policy::agreement::MatchAnswer::Any,
        engine: None,
        probes: vec![path.clone(), path],
    };
    let refused = Wish::read(wish).err().unwrap();
    assert!(refused.what.contains("/nowhere/p.json is named twice"), "{refused}");
}
