//! Hits that are open and overdue, against a plain account of them.

use symbolon_policy::{
    agreement::ClaimTerms,
    claim::{Claim, Outcome},
    words::Field,
};

use super::*;

/// The agreement with claims, or without.
fn agreed(claims: bool) -> Agreement {
    let mut terms = agreement().terms;
    terms.claims = claims.then_some(ClaimTerms { claim_hours: 72, decide_hours: 48, most_records: 10 });
    let mut agreement = Agreement::new(terms).unwrap();
    agreement.sign(&code("RS"), &key(1)).unwrap();
    agreement.sign(&code("MK"), &key(2)).unwrap();
    agreement
}

fn judged(act: ActKind) -> Event {
    let act = Act { officer: officer(0).id, act, at: NOW };
    Event::HitJudged { act: SignedAct { act, signature: signature() } }
}

fn claim(ask: &Ask, n: u8, items: Vec<u32>) -> [Event; 2] {
    let claim = Claim {
        claim: ClaimId([n; 16]),
        query: ask.query,
        agreement: ask.agreement,
        asker: ask.asker.clone(),
        holder: ask.holder.clone(),
        basis: ask.basis,
        case: "K-17".into(),
        officer: ask.officer.clone(),
        seal: "age1".into(),
        verified_by: officer(0).id,
        verified_at: NOW,
        items,
        fields: vec![Field::Place],
        opening: Digest([0; 32]),
        claimed_at: NOW,
    };
    let outcome = Outcome { claim: Digest([0; 32]), found: Vec::new(), decide_by: NOW, at: NOW };
    let (side, act, found) = (Side::Asker, None, Vec::new());
    let answered = Event::ClaimAnswered { claim: claim.claim, outcome, signature: signature() };
    [Event::Claimed { side, claim, signature: signature(), act, found, at: NOW }, answered]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_open_is_what_was_neither_claimed_nor_said_to_be_another_nor_explained(
        hit in prop::collection::btree_set(0_u32..8, 1..8),
        steps in prop::collection::vec((0_u8..8, 0_u32..8), 0..12),
    ) {
        let agreement = agreed(true);
        let in_force = InForce::new(&agreement, None).unwrap();
        let asked = ask(&in_force, Side::Asker, 2, 8);
        let items = hit.iter().copied().collect();
        let mut events = vec![
            Event::AgreementAccepted { agreement: Box::new(agreement) },
            paid(&in_force, Side::Asker, &asked),
            Event::Receipt { side: Side::Asker, receipt: Box::new(receipt(asked.clone())) },
            Event::HitsSeen { query: asked.query, items },
        ];
        // The plain account: what became of each place.
        let (mut claimed, mut different, mut explained) = ([false; 8], [false; 8], false);
        for (n, (kind, item)) in (0_u8..).zip(steps) {
            let (query, place, reason) = (asked.query, item as usize, None);
            match kind {
                0 => {
                    explained = true;
                    events.push(judged(ActKind::Explain { query, reason: "known".into() }));
                }
                1..4 => {
                    claimed[place] = true;
                    events.extend(claim(&asked, n, vec![item]));
                }
                _ => {
                    different[place] = kind < 6;
                    events.push(judged(ActKind::Verify { query, item, same: kind >= 6, reason }));
                }
            }
        }
        let (_dir, state) = after(&events);
        let open: Vec<u32> = hit
            .into_iter()
            .filter(|item| !explained && !claimed[*item as usize] && !different[*item as usize])
            .collect();
        prop_assert_eq!(&state.hits().unwrap()[0].open(), &open);
        let due = NOW.plus(72 * Timestamp::HOUR);
        let unexplained = |now| state.unexplained(&asked.agreement, now);
        prop_assert_eq!([unexplained(NOW), unexplained(due), unexplained(due.plus(1))], [0, 0, open.len() as u64]);
        prop_assert_eq!(state.unexplained(&AgreementId([9; 32]), due.plus(1)), 0);
    }
}

#[test]
fn where_claims_are_not_agreed_nothing_is_due_and_a_number_that_cannot_be_read_is_the_greatest() {
    let agreement = agreed(false);
    let in_force = InForce::new(&agreement, None).unwrap();
    let asked = ask(&in_force, Side::Asker, 2, 8);
    let (_dir, state) = after(&[
        Event::AgreementAccepted { agreement: Box::new(agreement) },
        paid(&in_force, Side::Asker, &asked),
        Event::Receipt { side: Side::Asker, receipt: Box::new(receipt(asked.clone())) },
        Event::HitsSeen { query: asked.query, items: vec![0, 7] },
    ]);
    let late = NOW.plus(900 * Timestamp::DAY);
    assert_eq!((state.hits().unwrap()[0].open(), state.unexplained(&asked.agreement, late)), (vec![0, 7], 0));
    let key = Key::open_hit(&asked.agreement, NOW, &asked.query);
    state.db.insert(key, b"\xff".as_slice()).unwrap();
    assert_eq!(state.unexplained(&asked.agreement, late), u64::MAX);
}

// Killed between the two entries, the node gets the answer again, and the hits are noted then.
#[test]
fn what_was_answered_waits_for_its_hits_to_be_noted() {
    let agreement = agreed(true);
    let in_force = InForce::new(&agreement, None).unwrap();
    let asked = ask(&in_force, Side::Asker, 2, 8);
    let events = [
        Event::AgreementAccepted { agreement: Box::new(agreement) },
        paid(&in_force, Side::Asker, &asked),
        Event::Receipt { side: Side::Asker, receipt: Box::new(receipt(asked.clone())) },
        Event::HitsSeen { query: asked.query, items: Vec::new() },
    ];
    for (entries, waits) in [(2, false), (3, true), (4, false)] {
        let (_dir, state) = after(&events[..entries]);
        assert_eq!(state.unseen(&asked.query).unwrap(), waits, "after {entries}");
    }
}
