use symbolon_protocol::padding::Buckets;

use super::*;
use crate::world::{OPEN, key, mk, quota, rs, signed, terms};

/// The terms of every test, changed in one place.
fn with(change: impl FnOnce(&mut Terms)) -> Terms {
    let mut terms = terms();
    change(&mut terms);
    terms
}

fn out_of_range(change: impl FnOnce(&mut Terms)) -> String {
    match with(change).check() {
        Err(AgreementError::Term { term, problem }) => {
            assert!(problem.starts_with("must ") || problem.starts_with("or "), "{problem}");
            term
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_canonical_form_is_the_one_that_was_ever_signed() {
    // A change here makes every agreement in the world another one: it needs another label.
    let id = Agreement::new(terms()).unwrap().id().unwrap();
    assert_eq!(id.to_string(), "a31172f9a242ee0051f79173b07abea8fd413a5401903334d8d6191c40ce2482");
}

#[test]
fn a_draft_in_toml_and_the_agreement_in_json_have_one_id() {
    let agreement = signed(terms());
    let draft = toml::to_string_pretty(&agreement.terms).unwrap();
    let from_draft = Agreement::new(toml::from_str(&draft).unwrap()).unwrap();
    let json = serde_json::to_string_pretty(&agreement).unwrap();
    let from_json: Agreement = serde_json::from_str(&json).unwrap();
    let bytes = crate::canonical::encode(&agreement).unwrap();
    assert_eq!(from_draft.id().unwrap(), agreement.id().unwrap());
    assert_eq!(from_json, agreement);
    assert_eq!(crate::canonical::decode::<Agreement>(&bytes).unwrap(), agreement);
    from_json.verify().unwrap();
    // Absent terms stay absent, and a default written out is the default.
    let sparse = Terms { count: None, quotas: Vec::new(), ..terms() };
    let draft = toml::to_string(&sparse).unwrap();
    assert!(!draft.contains("count"), "{draft}");
    assert_eq!(toml::from_str::<Terms>(&draft).unwrap(), sparse);
}

#[test]
fn unknown_words_are_refused_in_every_form() {
    let mut json = serde_json::to_value(signed(terms())).unwrap();
    json["terms"]["exact"]["smallest_batch"] = 1.into();
    assert!(serde_json::from_value::<Agreement>(json).is_err());
    let draft = format!("colour = \"blue\"\n{}", toml::to_string(&terms()).unwrap());
    assert!(toml::from_str::<Terms>(&draft).unwrap_err().to_string().contains("colour"));
}

#[test]
fn every_change_of_the_terms_changes_the_id() {
    let changes: Vec<fn(&mut Terms)> = vec![
        |_| (),
        |t| t.title.push('.'),
        |t| t.valid_from = t.valid_from.plus(1),
        |t| t.valid_until = t.valid_until.plus(1),
        |t| t.parties.reverse(),
        |t| t.parties[0].code = "AL".parse().unwrap(),
        |t| t.parties[0].name.push('*'),
        |t| t.parties[0].peer.push('x'),
        |t| t.parties[0].key = key(3).public(),
        |t| t.parties[0].addresses.clear(),
        |t| t.buckets = Buckets::USUAL,
        |t| t.exact = None,
        |t| t.exact.as_mut().unwrap().largest_batch += 1,
        |t| t.exact.as_mut().unwrap().epoch_hours += 1,
        |t| t.count = None,
        |t| t.count.as_mut().unwrap().epsilon_milli += 1,
        |t| t.count.as_mut().unwrap().dummies += 2,
        |t| t.quotas.clear(),
        |t| t.quotas[0].limit += 1,
        |t| t.quotas[0].per_officer = true,
        |t| t.quotas[0].unit = Unit::Queries,
        |t| t.quotas[0].asker = mk(),
        |t| t.rules.push('\n'),
    ];
    let ids: std::collections::BTreeSet<_> =
        changes.iter().map(|change| with(change).digest().unwrap()).collect();
    assert_eq!(ids.len(), changes.len());
}

#[test]
fn every_term_out_of_range_is_named() {
    let long = "x".repeat(501);
    terms().check().unwrap();
    assert_eq!(out_of_range(|t| t.version = 2), "version");
    for title in ["", "  ", "two\nlines", long.as_str()] {
        assert_eq!(out_of_range(|t| t.title = title.into()), "title", "{title:?}");
    }
    assert_eq!(out_of_range(|t| t.canonicalisation = "symbolon-canon-0".into()), "canonicalisation");
    assert_eq!(out_of_range(|t| t.valid_until = t.valid_from), "valid_until");
    assert_eq!(out_of_range(|t| drop(t.parties.pop())), "parties");
    assert_eq!(out_of_range(|t| t.parties.push(t.parties[0].clone())), "parties");
    assert_eq!(out_of_range(|t| t.parties[1].code = rs()), "parties");
    assert_eq!(out_of_range(|t| t.parties[1].key = key(1).public()), "parties");
    assert_eq!(out_of_range(|t| t.parties[1].peer = t.parties[0].peer.clone()), "parties");
    assert_eq!(out_of_range(|t| t.parties[1].name.clear()), "parties[1].name");
    assert_eq!(out_of_range(|t| t.parties[0].peer.clear()), "parties[0].peer");
    assert_eq!(out_of_range(|t| t.parties[0].addresses = vec!["a".into(); 17]), "parties[0].addresses");
    assert_eq!(out_of_range(|t| t.parties[0].addresses = vec![long]), "parties[0].addresses");
    assert_eq!(out_of_range(|t| (t.exact, t.count) = (None, None)), "exact");
    for largest in [0, 65_536] {
        let wrong = |t: &mut Terms| t.exact.as_mut().unwrap().largest_batch = largest;
        assert_eq!(out_of_range(wrong), "exact.largest_batch");
    }
    for hours in [0, 745] {
        assert_eq!(out_of_range(|t| t.exact.as_mut().unwrap().epoch_hours = hours), "exact.epoch_hours");
    }
    let count = |change: fn(&mut CountTerms)| out_of_range(|t| change(t.count.as_mut().unwrap()));
    assert_eq!(count(|c| c.smallest_batch = 99), "count.smallest_batch");
    assert_eq!(count(|c| c.smallest_batch = c.largest_batch + 1), "count.smallest_batch");
    assert_eq!(count(|c| c.largest_batch = 1_000_001), "count.largest_batch");
    assert_eq!(count(|c| c.period_days = 0), "count.period_days");
    assert_eq!(count(|c| c.period_days = 3_661), "count.period_days");
    assert_eq!(count(|c| c.epsilon_budget_milli = c.epsilon_milli - 1), "count.epsilon_budget_milli");
    assert_eq!(out_of_range(|t| t.quotas[0].asker = "AL".parse().unwrap()), "quotas[0].asker");
    let second = |days| out_of_range(|t| t.quotas.push(Quota { period_days: days, ..t.quotas[0].clone() }));
    assert_eq!((second(0), second(3_661)), ("quotas[1].period_days".into(), "quotas[1].period_days".into()));
}

#[test]
fn noise_out_of_range_is_a_fault_of_the_count_terms() {
    let changes: [fn(&mut CountTerms); 4] =
        [|c| c.epsilon_milli = 0, |c| c.dummies = 0, |c| c.dummies = 31, |c| c.dummies = 10_002];
    for change in changes {
        let found = with(|t| change(t.count.as_mut().unwrap())).check();
        assert!(matches!(&found, Err(AgreementError::Term { term, .. }) if term == "count"), "{found:?}");
    }
    assert!(matches!(with(|t| t.count = None).noise(), Err(AgreementError::Term { .. })));
}

#[test]
fn the_ends_of_every_range_stand() {
    let edge = |exact: (u32, u32), count: (u32, u32, u32), days| Terms {
        exact: Some(ExactTerms { largest_batch: exact.0, epoch_hours: exact.1 }),
        count: terms().count.map(|old| CountTerms {
            smallest_batch: count.0,
            largest_batch: count.1,
            period_days: days,
            epsilon_budget_milli: old.epsilon_milli,
            dummies: count.2,
            ..old
        }),
        claims: None,
        quotas: vec![Quota { period_days: days, limit: 0, ..quota(Unit::Queries, 0) }],
        title: "x".repeat(500),
        ..terms()
    };
    edge((1, 1), (100, 100, 2), 1).check().unwrap();
    edge((65_535, 744), (1_000_000, 1_000_000, 10_000), 3_660).check().unwrap();
}

#[test]
fn shared_rules_that_do_not_stand_are_refused_whole() {
    let found = with(|t| t.rules = format!("{OPEN}permit(principal, action, resource);")).check();
    assert!(matches!(&found, Err(AgreementError::Rules(_))), "{found:?}");
    assert!(Agreement::new(with(|t| t.rules = "what?".into())).is_err());
}

#[test]
fn an_agreement_stands_when_both_have_signed() {
    let mut agreement = Agreement::new(terms()).unwrap();
    assert_eq!(agreement.verify(), Err(AgreementError::Unsigned(rs())));
    agreement.sign(&rs(), &key(1)).unwrap();
    assert_eq!(agreement.verify(), Err(AgreementError::Unsigned(mk())));
    agreement.verify_signatures().unwrap();
    agreement.sign(&mk(), &key(2)).unwrap();
    agreement.verify().unwrap();
    let before = agreement.clone();
    agreement.sign(&rs(), &key(1)).unwrap();
    assert_eq!(agreement.signatures.len(), 2, "signing again renews");
    agreement.verify().unwrap();
    assert_eq!(before.id(), agreement.id(), "signatures are no part of the id");
}

#[test]
fn nobody_signs_with_another_key_or_as_a_stranger() {
    let mut agreement = Agreement::new(terms()).unwrap();
    let wrong = agreement.sign(&rs(), &key(2)).unwrap_err();
    assert!(matches!(wrong, AgreementError::Signature { code, .. } if code == rs()));
    let al: AgencyCode = "AL".parse().unwrap();
    assert_eq!(agreement.sign(&al, &key(3)), Err(AgreementError::NotAParty(al.clone())));
    assert!(agreement.signatures.is_empty());
    let mut agreement = signed(terms());
    let stranger = PartySignature { code: al.clone(), ..agreement.signatures[0].clone() };
    agreement.signatures.push(stranger);
    assert_eq!(agreement.verify(), Err(AgreementError::Stranger(al)));
}

#[test]
fn a_signature_serves_for_one_party_and_one_wording() {
    let good = signed(terms());
    let mut swapped = good.clone();
    let [first, second] = swapped.signatures.as_mut_slice() else { panic!("two signatures") };
    std::mem::swap(&mut first.signature, &mut second.signature);
    assert!(matches!(swapped.verify(), Err(AgreementError::Signature { code, .. }) if code == rs()));
    let altered = Agreement { terms: with(|t| t.quotas[0].limit += 1), ..good.clone() };
    assert!(matches!(altered.verify(), Err(AgreementError::Signature { .. })));
    // One good signature does not hide a second, bad one of the same party.
    let mut doubled = good.clone();
    let bad = PartySignature { code: rs(), signature: good.signatures[1].signature };
    doubled.signatures.push(bad);
    assert!(matches!(doubled.verify(), Err(AgreementError::Signature { .. })));
    // Terms that do not stand are not signed, whoever asks.
    let mut spoilt = Agreement { terms: with(|t| t.version = 2), signatures: Vec::new() };
    assert!(matches!(spoilt.sign(&rs(), &key(1)), Err(AgreementError::Term { .. })));
}

#[test]
fn parties_find_each_other() {
    let terms = terms();
    assert_eq!(terms.party(&rs()).unwrap().code, rs());
    assert_eq!(terms.partner_of(&rs()).unwrap().code, mk());
    assert_eq!(terms.partner_of(&mk()).unwrap().code, rs());
    let al: AgencyCode = "AL".parse().unwrap();
    assert_eq!(terms.partner_of(&al), Err(AgreementError::NotAParty(al)));
}

#[test]
fn a_revocation_is_not_an_agreement() {
    let revocation =
        Revocation { agreement: AgreementId([1; 32]), by: rs(), reason: "ended".into(), at: Timestamp(0) };
    let signature = signing::sign(&revocation, &key(1)).unwrap();
    signing::verify(&revocation, &key(1).public(), &signature).unwrap();
    let other = Revocation { agreement: AgreementId([2; 32]), ..revocation.clone() };
    assert!(signing::verify(&other, &key(1).public(), &signature).is_err());
}
