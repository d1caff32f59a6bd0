//! The journal alone tells everything: the state that is made anew from it is the same, byte for byte, and the
//! log has a line for every refusal, approval, release and change of rules.

use std::fs;

use symbolon_policy::{
    case::{End, Step},
    claim::Claim,
    officer::ActKind,
    permit::RefusalCode,
    signing::Document as _,
    words::{ClaimId, Digest, Field, QueryId, Role},
};

use super::{pair::Person, *};
use crate::{
    book::Book,
    control::api::{AuditReport, NationalChange},
    journal::{
        Event, audit,
        log::{Refused, Result as Ended, RulesLine},
    },
    state::State,
};

/// Judges an item, claims its category, and gives the claim.
async fn claimed(asker: &Agency, query: QueryId, item: u32, ana: &Person, bojan: &Person) -> Claim {
    let verify = ActKind::Verify { query, item, same: true, reason: None };
    asker.ask(Request::HitJudge { acts: vec![bojan.signs(verify)] }).await.unwrap();
    let (items, fields, officer) = (vec![item], vec![Field::Category], ana.0.clone());
    let drafted = asker.ask(Request::ClaimDraft { query, items, fields, officer }).await.unwrap();
    let Reply::ClaimDraft { claim } = drafted else { panic!("{drafted:?}") };
    let act = ana.signs(ActKind::Claim { digest: claim.digest().unwrap() });
    asker.ask(Request::ClaimMake { claim: claim.clone(), act: Box::new(act) }).await.unwrap();
    *claim
}

async fn step(
    holder: &Agency,
    claim: &Claim,
    by: &Person,
    act: fn(Digest) -> ActKind,
) -> Result<Reply, Failure> {
    let act = Box::new(by.signs(act(claim.digest().unwrap())));
    holder.ask(Request::CaseStep { claim: claim.claim, act }).await
}

fn refuse(claim: Digest) -> ActKind {
    ActKind::Refuse { claim, reason: "the facts do not carry it".into() }
}

async fn log(agency: &Agency) -> AuditReport {
    let reply = agency.ask(Request::AuditReport { from: None, to: None, smallest: 5 }).await.unwrap();
    let Reply::AuditReport(told) = reply else { panic!("{reply:?}") };
    *told
}

/// One of everything that can be refused, decided, released and changed.
async fn history() -> (Agency, Agency, [ClaimId; 2]) {
    let (holder, asker, serving) = pair(10).await;
    let answer = exact(&asker, 0..6, terms()).await;
    assert_eq!(hits(&answer).len(), 5);
    let query = answer.query.unwrap();
    let forbidden = QueryTerms { purpose: "SIMULATION".parse().unwrap(), ..terms() };
    let refused = exact(&asker, 0..2, forbidden).await;
    assert!(matches!(refused.outcome, Outcome::Refused { here: true, .. }));
    // Before the register changes, so that it is the last count that can be repeated.
    super::changes::count(&holder, &asker).await;
    // A second count in the period is refused with its words.
    let lines: Vec<String> = (100..300).map(person).collect();
    let subjects = asker.file("people.ndjson", &lines.join("\n"));
    let statistics =
        QueryTerms { purpose: "STATISTICS".parse().unwrap(), basis: "BILAT".parse().unwrap(), ..terms() };
    let kind = "travel-document".parse().unwrap();
    let again = Request::QueryCount { terms: statistics, subjects, format: None, kind };
    let Ok(Reply::Answers { answers }) = asker.ask(again).await else { panic!("count") };
    assert!(matches!(answers[0].outcome, Outcome::Refused { .. }));

    let ana = Person::enrolled(&asker, terms().officer.as_str(), 1, vec![Role::Asks]);
    let bojan = Person::enrolled(&asker, "bojan", 2, vec![Role::Verifies]);
    let dana = Person::enrolled(&holder, "dana", 3, vec![Role::Approves]);
    let ivo = Person::enrolled(&holder, "ivo", 4, vec![Role::Audits]);
    // Nobody signed for this one.
    let subjects = asker.file("people.ndjson", &person(1));
    let unsigned = asker.ask(Request::QueryExact { terms: terms(), subjects, format: None }).await;
    assert!(unsigned.is_err());

    let first = claimed(&asker, query, 0, &ana, &bojan).await;
    assert!(step(&holder, &first, &ivo, |claim| ActKind::Approve { claim }).await.is_err());
    step(&holder, &first, &dana, |claim| ActKind::Approve { claim }).await.unwrap();
    asker.ask(Request::ClaimCollect { claim: first.claim }).await.unwrap();
    let second = claimed(&asker, query, 1, &ana, &bojan).await;
    let stop = |claim| ActKind::StopClock { claim, reason: "a court is asked".into() };
    let silent = |claim| ActKind::StopClock { claim, reason: String::new() };
    assert!(step(&holder, &second, &dana, silent).await.is_err(), "it says why");
    step(&holder, &second, &dana, stop).await.unwrap();
    let Ok(Reply::Case(stopped)) = holder.ask(Request::CaseShow { claim: second.claim }).await else {
        panic!("case")
    };
    assert_eq!(stopped.stop, Some((dana.0.clone(), "a court is asked".to_owned())));
    step(&holder, &second, &dana, |claim| ActKind::ResumeClock { claim }).await.unwrap();
    step(&holder, &second, &dana, refuse).await.unwrap();
    asker.ask(Request::ClaimCollect { claim: second.claim }).await.unwrap();
    let again = |claim| ActKind::Refuse { claim, reason: "once more".into() };
    assert!(step(&holder, &second, &dana, again).await.is_err(), "it is over");
    let explain = ActKind::Explain { query, reason: "the person left".into() };
    asker.ask(Request::HitJudge { acts: vec![ana.signs(explain)] }).await.unwrap();

    let text =
        "@id(\"night\")\n@title(\"None\")\nforbid (principal, action == Action::\"QueryCount\", resource);\n";
    let national = |change| Request::RulesNational { change };
    holder.ask(national(NationalChange::Set(text.to_owned()))).await.unwrap();
    let register: symbolon_policy::words::RegisterName = "border".parse().unwrap();
    let (ids, reason) = (vec!["R-9".to_owned()], "SUBJECT_REQUEST".to_owned());
    holder.ask(Request::RegisterErase { register, ids, reason }).await.unwrap();
    let (id, reason) = (ivo.0.clone(), "moved".to_owned());
    holder.ask(Request::OfficerRemove { id, reason }).await.unwrap();
    let agreement = holder.core().partners()[0].agreement.id();
    let (id, reason) = (agreement.to_string(), "ended".to_owned());
    holder.ask(Request::AgreementRevoke { id, reason }).await.unwrap();
    holder.ask(Request::Stop).await.unwrap();
    serving.await.unwrap().unwrap();
    (holder, asker, [first.claim, second.claim])
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_found_again_from_the_journal_alone() {
    let (holder, asker, [first, second]) = history().await;
    let (held, asked) = (log(&holder).await.log, log(&asker).await.log);
    assert!(held.clean && asked.clean);

    // Queries.
    let ends = |log: &crate::journal::log::Log| -> Vec<&'static str> {
        log.queries.iter().map(|line| line.result.as_str()).collect()
    };
    assert_eq!(ends(&held), ["answered", "answered"]);
    assert_eq!(ends(&asked), ["answered", "answered", "refused"]);
    assert_eq!(asked.queries[2].result, Ended::Refused { code: RefusalCode::Differencing });

    // Refusals: by rules, for want of a signature, by an officer, of an officer.
    let whys = |log: &crate::journal::log::Log| -> Vec<(Refused, String)> {
        let why = |line: &crate::journal::log::RefusalLine| line.reason.clone().unwrap_or_default();
        log.refusals.iter().map(|line| (line.refused, why(line))).collect()
    };
    let asked_refused = whys(&asked);
    assert_eq!(asked_refused.len(), 3, "{asked_refused:?}");
    // By rules that hold for every query of the purpose: before there is a query.
    assert_eq!(
        (asked_refused[0].0, asked.refusals[0].code),
        (Refused::Snapshot, Some(RefusalCode::RulesForbid))
    );
    assert_eq!(asked_refused[1].0, Refused::Query);
    assert!(asked_refused[2].0 == Refused::Request && asked_refused[2].1.contains("did not sign"));
    let held_refused = whys(&held);
    assert_eq!(held_refused.len(), 3, "{held_refused:?}");
    assert!(held_refused[0].0 == Refused::Request && held_refused[0].1.contains("APPROVES"));
    assert_eq!(held_refused[1], (Refused::Fields, "the facts do not carry it".to_owned()));
    assert!(held_refused[2].0 == Refused::Request && held_refused[2].1.contains("the case is over"));

    // Claims, approvals, releases.
    for log in [&held, &asked] {
        assert_eq!(log.claims.iter().map(|line| line.claim).collect::<Vec<_>>(), [first, second]);
        let release = &log.claims[0].releases[..];
        assert_eq!(release.len(), 1);
        assert!(release[0].countersigned && release[0].fields == [Field::Category]);
        assert_eq!(release[0].approved_by, ["dana".parse().unwrap()]);
        assert_eq!((log.claims[0].found, log.claims[1].releases.len()), (Some(1), 0));
    }
    let steps: Vec<&Step> =
        held.claims.iter().flat_map(|line| &line.decisions).map(|decision| &decision.step).collect();
    assert!(
        matches!(
            steps[..],
            [Step::Approve { .. }, Step::Stop { .. }, Step::Resume { .. }, Step::Refuse { .. }]
        ),
        "{steps:?}"
    );
    assert_eq!(held.claims[0].end, Some(End::Released));
    assert!(matches!(held.claims[1].end, Some(End::Refused { .. })));
    // The asker has the holder's word for it.
    assert_eq!([0, 1].map(|of: usize| &asked.claims[of].end), [0, 1].map(|of: usize| &held.claims[of].end));
    assert_eq!(asked.judgements.len(), 3);

    // Rules, officers, records.
    assert!(
        matches!(
            held.rules[..],
            [RulesLine::Accepted { .. }, RulesLine::National { set: true, .. }, RulesLine::Revoked { .. }]
        ),
        "{:?}",
        held.rules
    );
    assert_eq!((held.officers.len(), held.officers[2].removed.as_deref()), (3, Some("moved")));
    assert!(
        held.changes.iter().any(|line| line.count == 1 && line.reason.as_deref() == Some("SUBJECT_REQUEST"))
    );

    // The balance is the one by which reciprocity is decided.
    for (agency, log) in [(&holder, &held), (&asker, &asked)] {
        use symbolon_policy::quota::Ledger as _;
        let whole = log.balance.iter().find(|line| line.month.is_none()).unwrap();
        let agreement = agency.core().book.agreements()[0].id();
        let kept = agency.core().book.state().balance(&agreement, &whole.partner);
        assert_eq!((whole.given, whole.received), (kept.given, kept.received));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_made_anew_from_the_journal_is_the_same_to_the_byte() {
    let (holder, asker, _) = history().await;
    for agency in [holder, asker] {
        let core = agency.core().clone();
        let (before, entries) = (core.book.state().contents(), core.book.entries().unwrap());
        let kinds: std::collections::BTreeSet<u8> = before.keys().map(|key| key[0]).collect();
        for (kind, what) in [
            (b'a', "agreements"),
            (b'm', "meters"),
            (b'q', "queries"),
            (b'w', "claims"),
            (b'f', "officers"),
            (b'b', "balances"),
            (b't', "what answers told"),
        ] {
            assert!(kinds.contains(&kind), "the history has no {what}");
        }
        // From an export, which is all that an auditor has.
        let export = agency.dir.path().join("journal.ndjson");
        agency.ask(Request::AuditExport { file: export.clone() }).await.unwrap();
        let anew = State::open(&agency.dir.path().join("anew")).unwrap();
        let file = std::io::BufReader::new(fs::File::open(&export).unwrap());
        audit::read_export(file, None, |entry, _| anew.apply(entry.seq, &entry.event).unwrap()).unwrap();
        assert_eq!(anew.contents(), before);
        // From the node's own file, after its state is gone.
        let (home, own, signer) = (core.home.clone(), core.book.own().clone(), core.signer.clone());
        drop(core);
        let Agency { dir, node } = agency;
        node.close().await.unwrap();
        // The database lets go of its files a moment after the last handle.
        fs::remove_dir_all(home.state()).unwrap();
        let book = Book::open(&home, own, signer).unwrap();
        assert_eq!((book.state().contents(), book.entries().unwrap()), (before, entries));
        drop((book, dir));
    }
}

#[test]
fn no_event_is_left_out_of_the_list_above_by_oversight() {
    // A match without a wildcard: whoever adds an event decides here whether the log tells of it.
    let told = |event: &Event| match event {
        Event::AgreementAccepted { .. }
        | Event::AgreementRevoked { .. }
        | Event::AgreementAmended { .. }
        | Event::NationalRules { .. }
        | Event::OfficerEnrolled { .. }
        | Event::OfficerRemoved { .. }
        | Event::OfficerRefused { .. }
        | Event::Query { .. }
        | Event::Refused { .. }
        | Event::Failed { .. }
        | Event::Answered { .. }
        | Event::Receipt { .. }
        | Event::SnapshotRefused { .. }
        | Event::SnapshotEnded { .. }
        | Event::KeysRefused { .. }
        | Event::KeysFailed { .. }
        | Event::KeysEnded { .. }
        | Event::PreparationFailed { .. }
        | Event::PreparationsAllowed { .. }
        | Event::Imported { .. }
        | Event::Erased { .. }
        | Event::ChangeFailed { .. }
        | Event::QueriesErased { .. }
        | Event::Claimed { .. }
        | Event::ClaimRefused { .. }
        | Event::ClaimFailed { .. }
        | Event::ClaimAnswered { .. }
        | Event::ClaimEnded { .. }
        | Event::CaseStep { .. }
        | Event::HitJudged { .. }
        | Event::Released { .. }
        | Event::FlagsSet { .. }
        | Event::Notice { .. }
        | Event::CanariesAsked { .. }
        | Event::QueryOpened { .. }
        | Event::ForkSeen { .. } => true,
        // What these begin or prove has a line when it is over.
        Event::Begun { .. }
        | Event::RevocationKnown { .. }
        | Event::OfficerAsked { .. }
        // What becomes of hits has lines: judgements and claims.
        | Event::HitsSeen { .. }
        | Event::AlertRaised { .. }
        | Event::AlertAcknowledged { .. }
        | Event::CanariesAdded { .. }
        | Event::ImportBegun { .. }
        | Event::ErasureBegun { .. }
        | Event::FlagsBegun { .. }
        | Event::SnapshotMade { .. }
        | Event::SnapshotMoved { .. }
        | Event::KeysMade { .. }
        | Event::CheckpointSeen { .. }
        | Event::CheckpointCountersigned { .. } => false,
    };
    assert!(!told(&Event::Begun { agency: "RS".parse().unwrap(), software: "test".into() }));
}
