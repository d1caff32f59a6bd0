//! What evidence says of claims: what was opened, and who said what of the hits.

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use symbolon_policy::{
    agreement::{Agreement, ClaimTerms},
    ask::Ask,
    case::{Found, Step},
    claim::{Claim, FieldDecision, Standing, opening_digest},
    officer::{Act, ActKind, Officer, SignedAct},
    signing::Document as _,
    words::{Field, OfficerId, Reference, Role, Timestamp},
};
use symbolon_protocol::{exact, exchange::Misbehaviour, seed::Seed};
use zeroize::Zeroizing;

use super::*;

fn identifiers(names: &[&str]) -> Vec<Zeroizing<Vec<u8>>> {
    names.iter().map(|name| Zeroizing::new(name.as_bytes().to_vec())).collect()
}

/// RS asked MK about two people, and what a claim of the second opens: something false, and the truth.
fn asked(world: &mut World) -> (Ask, Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
    let query = exact::Query::blind(identifiers(&["one", "two"]), &Seed::new([1; 32])).unwrap();
    let other = exact::Query::blind(identifiers(&["one", "six"]), &Seed::new([2; 32])).unwrap();
    let (ask, _) = world.ask(2);
    let ask = Ask { digest: Digest(query.digest()), ..ask };
    let signature = signing::sign(&ask, &world.rs.key).unwrap();
    world.mk.journal.append(world.paid(Side::Holder, &ask, signature), world.now).unwrap();
    let bytes = |query: &exact::Query| query.open(&[1]).unwrap().to_bytes();
    (ask, bytes(&other), bytes(&query))
}

/// RS claimed, and MK broke it off by RS's fault: as if for what it opened, also where the entry does not say so.
fn broken_off(world: &World, claim: &Claim, opened: Option<Digest>) {
    let signature = signing::sign(claim, &world.rs.key).unwrap();
    let (side, claim, reason) =
        (Side::Holder, claim.clone(), Misbehaviour::Opening("it is another one").to_string());
    let failed = Event::ClaimFailed { side, claim, signature, partner_at_fault: true, reason, opened };
    world.mk.journal.append(failed, world.now).unwrap();
}

/// What MK can show of the first claim, and of its query, where this was opened.
fn shown(world: &mut World, ask: &Ask, opening: &[u8]) -> [(Bundle, Verdict); 2] {
    world.meet();
    let (key, dir) = (&world.mk.key, world.mk.dir.path());
    [Subject::Claim(ClaimId([1; 16])), Subject::Query(ask.query)].map(|subject| {
        let bundle = gather(dir, &key.public(), key, subject, |_| Some(opening.to_vec())).unwrap();
        let verdict = check(&bundle, &keys(world));
        (bundle, verdict)
    })
}

fn proved(verdict: &Verdict) -> bool {
    verdict.shows.iter().any(|shown| shown.starts_with("PROVED: RS"))
}

/// A claim of the second item, signed for what it opens.
fn claim_of(ask: &Ask, opening: &[u8], claim: u8) -> Claim {
    Claim {
        claim: ClaimId([claim; 16]),
        query: ask.query,
        agreement: ask.agreement,
        asker: ask.asker.clone(),
        holder: ask.holder.clone(),
        basis: ask.basis,
        case: "K-1".into(),
        officer: ask.officer.clone(),
        seal: "age1".into(),
        verified_by: "O.2".parse().unwrap(),
        verified_at: ask.asked_at,
        items: vec![1],
        fields: vec![Field::ALL[0]],
        opening: opening_digest(opening),
        claimed_at: ask.asked_at,
    }
}

#[test]
fn a_false_opening_is_proved_from_what_the_asker_signed() {
    let mut world = World::new();
    let (ask, lie, truth) = asked(&mut world);
    for (number, opening) in [(1, &lie), (2, &truth)] {
        broken_off(&world, &claim_of(&ask, opening, number), Some(opening_digest(opening)));
    }
    world.meet();
    let of = |number: u8, opening: &[u8]| {
        let (key, dir) = (&world.mk.key, world.mk.dir.path());
        let subject = Subject::Claim(ClaimId([number; 16]));
        gather(dir, &key.public(), key, subject, |_| Some(opening.to_vec())).unwrap()
    };
    let bundle = of(1, &lie);
    let verdict = check(&bundle, &keys(&world));
    assert!(verdict.stands() && proved(&verdict), "{verdict}");
    // A holder cannot make a lie of what was true, nor of what was not signed.
    let verdict = check(&of(2, &truth), &keys(&world));
    assert!(verdict.problems[0].what.contains("nothing false was opened"), "{verdict}");
    assert_eq!(of(1, &truth).openings, BTreeMap::new());
    for (claim, opening) in [(1, &truth), (7, &lie)] {
        let mut other = bundle.clone();
        let words = claim_of(&ask, &lie, claim).digest().unwrap();
        other.openings = BTreeMap::from([(words, HEXLOWER.encode(opening))]);
        let verdict = check(&other, &keys(&world));
        assert!(verdict.problems[0].what.contains("not what a claim was signed for"), "{verdict}");
    }
    // What was opened may be gone. Then it is no more than the holder's word.
    let verdict = check(&Bundle { openings: BTreeMap::new(), ..bundle }, &keys(&world));
    assert!(verdict.stands() && !proved(&verdict), "{verdict}");
}

/// Whatever a partner adds to its false opening, it stays proved; also by entries of earlier versions.
#[test]
fn a_false_opening_is_proved_whatever_is_claimed_in_its_name_later() {
    for (says, before) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut world = World::new();
        let (ask, lie, _) = asked(&mut world);
        let (claim, other) = (claim_of(&ask, &lie, 1), claim_of(&ask, b"any bytes", 1));
        let mut entries = vec![(&claim, says.then_some(claim.opening)), (&other, None)];
        if before {
            entries.reverse();
        }
        for (claim, opened) in entries {
            broken_off(&world, claim, opened);
        }
        for (bundle, verdict) in shown(&mut world, &ask, &lie) {
            assert!(verdict.stands() && proved(&verdict), "{verdict}");
            assert_eq!(bundle.openings.len(), 1);
        }
    }
}

/// What a partner says of another query under the name of its claim is no part of the evidence, before or after.
#[test]
fn the_name_of_a_claim_keeps_no_evidence_back() {
    for (first, case) in [(false, false), (true, false), (false, true)] {
        let mut world = if case { with_claims() } else { World::new() };
        let (ask, lie, truth) = asked(&mut world);
        let (again, _) = world.ask(2);
        let again = Ask { digest: Digest([9; 32]), ..again };
        assert_ne!(again.query, ask.query);
        let signature = signing::sign(&again, &world.rs.key).unwrap();
        world.mk.journal.append(world.paid(Side::Holder, &again, signature), world.now).unwrap();
        let (claim, other) = (claim_of(&ask, &lie, 1), claim_of(&again, &lie, 1));
        if first {
            broken_off(&world, &other, Some(other.opening));
        }
        broken_off(&world, &claim, Some(claim.opening));
        if case {
            // The other one became a case, in words of its own.
            let claim = claim_of(&again, &truth, 1);
            let signature = signing::sign(&claim, &world.rs.key).unwrap();
            let (side, at) = (Side::Holder, world.now);
            let event = Event::Claimed { side, claim, signature, act: None, found: vec![], at };
            world.mk.journal.append(event, at).unwrap();
        } else if !first {
            broken_off(&world, &other, Some(other.opening));
        }
        let [(_, of_name), (bundle, verdict)] = shown(&mut world, &ask, &lie);
        assert!(verdict.stands() && proved(&verdict), "{verdict}");
        assert_eq!(bundle.openings.keys().collect::<Vec<_>>(), [&claim.digest().unwrap()]);
        assert!(of_name.stands(), "{of_name}");
    }
}

/// A claim that was broken off for something else, and then made properly, is no accusation.
#[test]
fn a_claim_that_was_broken_off_may_be_made_in_the_end() {
    for found in [true, false] {
        let mut world = with_claims();
        let (ask, _, truth) = asked(&mut world);
        let claim = claim_of(&ask, &truth, 1);
        broken_off(&world, &claim, None);
        let signature = signing::sign(&claim, &world.rs.key).unwrap();
        let (side, at) = (Side::Holder, world.now);
        let event = if found {
            Event::Claimed { side, claim, signature, act: None, found: vec![], at }
        } else {
            Event::ClaimRefused { side, claim, signature, code: RefusalCode::TooManyRecords }
        };
        world.mk.journal.append(event, at).unwrap();
        for (bundle, verdict) in shown(&mut world, &ask, &truth) {
            assert!(verdict.stands() && !proved(&verdict), "{verdict}");
            assert_eq!(bundle.openings, BTreeMap::new(), "what is true is not handed on");
        }
    }
}

/// MK has a claim and an opening of RS that are true, and puts a query of its own under the same id.
#[test]
fn a_holder_cannot_make_a_lie_of_an_opening_with_a_query_of_its_own() {
    for honest in [false, true] {
        let mut world = World::new();
        let query = exact::Query::blind(identifiers(&["one", "two"]), &Seed::new([1; 32])).unwrap();
        let (ask, _) = world.ask(2);
        let ask = Ask { digest: Digest(query.digest()), ..ask };
        let truth = query.open(&[1]).unwrap().to_bytes();
        let (asker, holder) = (ask.holder.clone(), ask.asker.clone());
        let own = Ask { asker, holder, digest: Digest([4; 32]), ..ask.clone() };
        let signature = signing::sign(&own, &world.mk.key).unwrap();
        world.mk.journal.append(world.paid(Side::Asker, &own, signature), world.now).unwrap();
        if honest {
            let signature = signing::sign(&ask, &world.rs.key).unwrap();
            world.mk.journal.append(world.paid(Side::Holder, &ask, signature), world.now).unwrap();
        }
        let claim = claim_of(&ask, &truth, 1);
        broken_off(&world, &claim, Some(claim.opening));
        world.meet();
        let of = |subject| {
            let (key, dir) = (&world.mk.key, world.mk.dir.path());
            gather(dir, &key.public(), key, subject, |_| Some(truth.to_vec())).unwrap()
        };
        let bundle = of(Subject::Query(ask.query));
        let own = |proved: &Proved| matches!(&proved.entry.event, Event::Query { ask, .. } if *ask == own);
        assert!(bundle.entries.iter().any(own));
        let verdict = check(&bundle, &keys(&world));
        let what = if honest { "nothing false was opened" } else { "the query that was claimed is not here" };
        assert!(matches!(&verdict.problems[..], [problem] if problem.what.contains(what)), "{verdict}");
        // To the claim belongs the query of its own side.
        assert!(!of(Subject::Claim(ClaimId([1; 16]))).entries.iter().any(own));
    }
}

/// Under another agreement the partner may have another key. What it says there in the query's name is left out.
#[test]
fn the_name_of_a_query_used_under_another_agreement_spoils_no_evidence() {
    let mut world = World::new();
    let (ask, ..) = asked(&mut world);
    let key = SigningKey::from_bytes(&[9; 32]);
    let mut terms = world.terms.clone();
    terms.parties.iter_mut().filter(|party| party.code == world.rs.code).for_each(|p| p.key = key.public());
    let mut agreement = Agreement::new(terms).unwrap();
    agreement.sign(&world.rs.code, &key).unwrap();
    agreement.sign(&world.mk.code, &world.mk.key).unwrap();
    let other = Ask { agreement: agreement.id().unwrap(), ..ask.clone() };
    let signature = signing::sign(&other, &key).unwrap();
    let (side, code) = (Side::Holder, RefusalCode::AlteredRetry);
    for event in [
        Event::AgreementAccepted { agreement: Box::new(agreement) },
        Event::Refused { side, ask: other, signature, code, clauses: vec![] },
    ] {
        world.mk.journal.append(event, world.now).unwrap();
    }
    world.meet();
    let bundle = gathered(&world.mk, Subject::Query(ask.query));
    let verdict = check(&bundle, &keys(&world));
    assert!(verdict.stands(), "{verdict}");
}

/// A world whose agreement has terms for claims.
fn with_claims() -> World {
    let mut world = World::new();
    world.terms.claims = Some(ClaimTerms { claim_hours: 48, decide_hours: 48, most_records: 5 });
    world.agree();
    world
}

/// Two claims of one query came, and nobody decided in time.
#[test]
fn evidence_says_that_nobody_decided_and_of_which_claim() {
    let mut world = with_claims();
    let (ask, _, truth) = asked(&mut world);
    let claims = [1, 2].map(|number| claim_of(&ask, &truth, number));
    let begun = world.now;
    for claim in &claims {
        let decision =
            FieldDecision { field: claim.fields[0], standing: Standing::Needs(1), clauses: vec!["c".into()] };
        let found = Found {
            reference: Reference([7; 16]),
            record: Digest([1; 32]),
            item: Some(1),
            fields: vec![decision],
        };
        let signature = signing::sign(claim, &world.rs.key).unwrap();
        let (side, claim, found) = (Side::Holder, claim.clone(), vec![found]);
        let event = Event::Claimed { side, claim, signature, act: None, found, at: begun };
        world.mk.journal.append(event, begun).unwrap();
    }
    world.now = begun.plus(49 * Timestamp::HOUR);
    for claim in &claims {
        let (claim, step, at) = (claim.claim, Step::Expire, world.now);
        world.mk.journal.append(Event::CaseStep { claim, step, act: None, at }, at).unwrap();
    }
    let [(_, of_claim), (_, of_query)] = shown(&mut world, &ask, &truth);
    assert!(of_claim.stands() && of_query.stands(), "{of_claim}\n{of_query}");
    let says = |verdict: &Verdict, what: &str| verdict.shows.iter().any(|shown| shown.contains(what));
    assert!(says(&of_claim, "that nobody decided on the claim in time"), "{of_claim}");
    for claim in &claims {
        let what = format!("that nobody decided on the claim {} in time", claim.claim);
        assert!(says(&of_query, &what), "{of_query}");
        assert!(says(&of_query, &format!("signed a claim {} at", claim.claim)), "{of_query}");
    }
}

/// Who is shown a claim learns nothing of the other hits of its query.
#[test]
fn evidence_of_a_claim_has_no_word_on_other_hits() {
    let mut world = with_claims();
    let (ask, signature) = world.ask(3);
    let (key, at) = (SigningKey::from_bytes(&[8; 32]), world.now);
    let (id, seal): (OfficerId, _) = ("O.2".parse().unwrap(), "age1".to_owned());
    let officer = Officer {
        id: id.clone(),
        roles: vec![Role::Asks, Role::Verifies],
        key: key.public(),
        seal,
        until: None,
    };
    world.rs.journal.append(world.paid(Side::Asker, &ask, signature), at).unwrap();
    world.rs.journal.append(Event::OfficerEnrolled { officer }, at).unwrap();
    let query = ask.query;
    let words = [
        ActKind::Verify { query, item: 0, same: false, reason: Some("another person".into()) },
        ActKind::Verify { query, item: 1, same: true, reason: None },
        ActKind::Explain { query, reason: "nobody needs the rest".into() },
    ];
    for act in words {
        let act = SignedAct::sign(Act { officer: id.clone(), act, at }, &key).unwrap();
        world.rs.journal.append(Event::HitJudged { act }, at).unwrap();
    }
    let claim = Claim { verified_by: id, verified_at: at, ..claim_of(&ask, b"opened", 1) };
    let signature = signing::sign(&claim, &world.rs.key).unwrap();
    let (side, found) = (Side::Asker, vec![]);
    world.rs.journal.append(Event::Claimed { side, claim, signature, act: None, found, at }, at).unwrap();
    world.meet();
    for (subject, words) in [(Subject::Claim(ClaimId([1; 16])), vec![1]), (Subject::Query(query), vec![0, 1])]
    {
        let bundle = gathered(&world.rs, subject.clone());
        let verdict = check(&bundle, &keys(&world));
        assert!(verdict.stands(), "{verdict}");
        let mut explained = false;
        let mut items = Vec::new();
        for proved in &bundle.entries {
            let Event::HitJudged { act } = &proved.entry.event else { continue };
            match &act.act.act {
                ActKind::Verify { item, .. } => items.push(*item),
                _ => explained = true,
            }
        }
        assert_eq!((items, explained), (words, matches!(subject, Subject::Query(_))));
    }
}

#[test]
fn an_asker_whose_partner_broke_the_protocol_opened_nothing_false() {
    let mut world = World::new();
    let (ask, signature) = world.ask(2);
    world.rs.journal.append(world.paid(Side::Asker, &ask, signature), world.now).unwrap();
    let claim = claim_of(&ask, b"opened", 1);
    let signature = signing::sign(&claim, &world.rs.key).unwrap();
    let (side, reason) = (Side::Asker, "its outcome is not signed".to_owned());
    let failed = Event::ClaimFailed { side, claim, signature, partner_at_fault: true, reason, opened: None };
    world.rs.journal.append(failed, world.now).unwrap();
    world.meet();
    let verdict = check(&gathered(&world.rs, Subject::Claim(ClaimId([1; 16]))), &keys(&world));
    assert!(verdict.stands() && !verdict.to_string().contains("something false"), "{verdict}");
}
