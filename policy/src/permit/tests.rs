use super::*;
use crate::{
    agreement::{AgreementError, Quota, Unit},
    quota::Balance,
    rules::{ExchangeKind, Kind, NATIONAL_EXAMPLE},
    words::{AgreementId, Digest, LegalBasis, OfficerId, Purpose, QueryId, SnapshotId},
    world::{
        Meters, NOW, OPEN, ask, border, count, in_force, in_force_under, match_ask, match_terms, matching,
        mk, officer, quota, rs, signed, terms,
    },
};

mod guarding;
mod history;
mod matches;

/// What the holder answers, or the code of its refusal.
fn code(agreement: &InForce, ask: &Ask, meters: &Meters, now: Timestamp) -> Option<RefusalCode> {
    admit(agreement, ask, &mk(), meters, now).err().map(|refusal| refusal.code)
}

fn fresh(agreement: &InForce, ask: &Ask) -> Option<RefusalCode> {
    code(agreement, ask, &Meters::default(), NOW)
}

/// Admits and pays into the meters.
fn spend(agreement: &InForce, ask: &Ask, meters: &mut Meters, now: Timestamp) -> Result<Paid, RefusalCode> {
    let permit = admit(agreement, ask, &mk(), meters, now).map_err(|refusal| refusal.code)?;
    let paid = permit.pay(|paid_for, charges| {
        assert_eq!(paid_for, ask);
        meters.charge(charges);
        Ok::<(), ()>(())
    });
    Ok(paid.unwrap())
}

#[test]
fn both_ends_admit_a_query_that_the_agreement_covers() {
    let agreement = in_force(terms());
    for ask in [ask(&agreement), count(&agreement)] {
        for own in [rs(), mk()] {
            let permit = admit(&agreement, &ask, &own, &Meters::default(), NOW).unwrap();
            assert_eq!(permit.charges(), charges(&terms(), &ask, NOW));
        }
    }
}

#[test]
fn an_agreement_holds_from_its_first_second_to_before_its_last() {
    let agreement = in_force(terms());
    let (from, until) = (terms().valid_from, terms().valid_until);
    let at = |now| code(&agreement, &ask(&agreement), &Meters::default(), now);
    assert_eq!(at(from.plus(-1)), Some(RefusalCode::NotYetValid));
    assert_eq!((at(from), at(until.plus(-1))), (None, None));
    assert_eq!(at(until), Some(RefusalCode::Expired));
    let revoked = agreement.clone().revoke();
    assert!(revoked.revoked() && !agreement.revoked());
    for now in [from.plus(-1), NOW, until] {
        let found = code(&revoked, &ask(&agreement), &Meters::default(), now);
        assert_eq!(found, Some(RefusalCode::Revoked), "revoked says more than expired");
    }
}

#[test]
fn only_the_two_parties_take_part() {
    let agreement = in_force(terms());
    let good = ask(&agreement);
    let al: AgencyCode = "AL".parse().unwrap();
    let strangers = [
        Ask { agreement: AgreementId([9; 32]), ..good.clone() },
        Ask { asker: al.clone(), ..good.clone() },
        Ask { holder: al.clone(), ..good.clone() },
        Ask { holder: rs(), ..good.clone() },
    ];
    for ask in strangers {
        assert_eq!(fresh(&agreement, &ask), Some(RefusalCode::NoAgreement), "{ask:?}");
    }
    let third = admit(&agreement, &good, &al, &Meters::default(), NOW).unwrap_err();
    assert_eq!(third.code, RefusalCode::NoAgreement);
}

#[test]
fn batches_and_exchanges_out_of_the_terms_are_refused() {
    let agreement = in_force(terms());
    let with = |items, ask: &Ask| fresh(&agreement, &Ask { items, ..ask.clone() });
    let (exact, number) = (ask(&agreement), count(&agreement));
    assert_eq!(with(0, &exact), Some(RefusalCode::BatchTooSmall));
    assert_eq!((with(1, &exact), with(100, &exact)), (None, None));
    assert_eq!(with(101, &exact), Some(RefusalCode::BatchTooLarge));
    assert_eq!(with(99, &number), Some(RefusalCode::BatchTooSmall));
    assert_eq!((with(100, &number), with(200, &number)), (None, None));
    assert_eq!(with(201, &number), Some(RefusalCode::BatchTooLarge));
    assert_eq!(with(u32::MAX, &number), Some(RefusalCode::BatchTooLarge));
    let no_count = in_force(Terms { count: None, ..terms() });
    assert_eq!(fresh(&no_count, &count(&no_count)), Some(RefusalCode::ExchangeNotAgreed));
    let no_exact = in_force(Terms { exact: None, ..terms() });
    assert_eq!(fresh(&no_exact, &ask(&no_exact)), Some(RefusalCode::ExchangeNotAgreed));
}

#[test]
fn what_no_quota_covers_is_refused() {
    for quotas in [vec![], vec![Quota { asker: mk(), ..quota(Unit::Queries, 9) }]] {
        let agreement = in_force(Terms { quotas, ..terms() });
        assert_eq!(fresh(&agreement, &ask(&agreement)), Some(RefusalCode::QuotaExceeded));
        let found = fresh(&agreement, &count(&agreement));
        assert_eq!(found, Some(RefusalCode::QuotaExceeded), "a privacy budget is no quota");
    }
    let none = in_force(Terms { quotas: vec![quota(Unit::Queries, 0)], ..terms() });
    assert_eq!(fresh(&none, &ask(&none)), Some(RefusalCode::QuotaExceeded));
}

#[test]
fn a_quota_is_used_to_its_last_unit_and_comes_back_with_the_next_period() {
    let agreement = in_force(Terms { quotas: vec![quota(Unit::Identifiers, 12)], ..terms() });
    let mut meters = Meters::default();
    let with = |items| Ask { items, ..ask(&agreement) };
    spend(&agreement, &with(5), &mut meters, NOW).unwrap();
    assert_eq!(code(&agreement, &with(8), &meters, NOW), Some(RefusalCode::QuotaExceeded));
    spend(&agreement, &with(7), &mut meters, NOW).unwrap();
    let refusal = admit(&agreement, &with(1), &mk(), &meters, NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
    assert!(refusal.text.contains("12 of 12 spent, 1 asked"), "{refusal}");
    assert_eq!(code(&agreement, &with(12), &meters, NOW.plus(Timestamp::DAY)), None);
}

#[test]
fn officers_have_quotas_of_their_own_and_share_the_common_one() {
    let own = Quota { per_officer: true, ..quota(Unit::Queries, 2) };
    let agreement = in_force(Terms { quotas: vec![own, quota(Unit::Queries, 3)], ..terms() });
    let mut meters = Meters::default();
    let mut by =
        |name| spend(&agreement, &Ask { officer: officer(name), ..ask(&agreement) }, &mut meters, NOW);
    assert!(by("ana").is_ok() && by("ana").is_ok());
    assert_eq!(by("ana").err(), Some(RefusalCode::QuotaExceeded), "her own");
    assert!(by("ivo").is_ok());
    assert_eq!(by("ivo").err(), Some(RefusalCode::QuotaExceeded), "that of all");
}

#[test]
fn a_query_has_to_fit_every_quota_that_concerns_it() {
    let register = |limit| Quota { register: Some(border()), ..quota(Unit::Identifiers, limit) };
    let purpose = |limit| Quota { purpose: Some(Purpose::IrregEntry), ..quota(Unit::Identifiers, limit) };
    for (limits, fits) in [((5, 5, 5), true), ((4, 5, 5), false), ((5, 4, 5), false), ((5, 5, 4), false)] {
        let quotas = vec![quota(Unit::Identifiers, limits.0), register(limits.1), purpose(limits.2)];
        let agreement = in_force(Terms { quotas, ..terms() });
        assert_eq!(fresh(&agreement, &ask(&agreement)).is_none(), fits, "{limits:?}");
        let elsewhere =
            Ask { register: "visa".parse().unwrap(), purpose: Purpose::ReturnId, ..ask(&agreement) };
        assert_eq!(fresh(&agreement, &elsewhere).is_none(), limits.0 == 5, "only the common quota counts");
    }
}

#[test]
fn counts_are_answered_once_a_period_and_within_epsilon() {
    let agreement = in_force(terms());
    let mut meters = Meters::default();
    let of =
        |register: &str, purpose| Ask { register: register.parse().unwrap(), purpose, ..count(&agreement) };
    let (first, second) = (of("border", Purpose::Statistics), of("visa", Purpose::Statistics));
    spend(&agreement, &first, &mut meters, NOW).unwrap();
    assert_eq!(code(&agreement, &first, &meters, NOW), Some(RefusalCode::Differencing));
    spend(&agreement, &second, &mut meters, NOW).unwrap();
    // 2 of 2.5 are spent, and a third count would need 1.
    let third = of("border", Purpose::ReturnId);
    assert_eq!(code(&agreement, &third, &meters, NOW), Some(RefusalCode::EpsilonSpent));
    assert_eq!(code(&agreement, &ask(&agreement), &meters, NOW), None, "exact queries spend no epsilon");
    let next = Timestamp((NOW.period(30 * Timestamp::DAY) + 1) * 30 * Timestamp::DAY);
    assert_eq!(code(&agreement, &first, &meters, next.plus(-1)), Some(RefusalCode::Differencing));
    assert_eq!(code(&agreement, &first, &meters, next), None);
}

#[test]
fn a_meter_that_cannot_be_read_refuses() {
    struct Broken;
    impl Ledger for Broken {
        fn spent(&self, _key: &crate::quota::MeterKey) -> u64 {
            u64::MAX
        }
        fn balance(&self, _agreement: &AgreementId, _partner: &AgencyCode) -> Balance {
            Balance::default()
        }
        fn unexplained(&self, _agreement: &AgreementId, _now: Timestamp) -> u64 {
            u64::MAX
        }
    }
    let agreement = in_force(Terms { quotas: vec![quota(Unit::Queries, u64::MAX - 1)], ..terms() });
    let refusal = admit(&agreement, &ask(&agreement), &mk(), &Broken, NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::QuotaExceeded);
}

#[test]
fn nothing_is_permitted_by_default() {
    let only_count =
        "@id(\"a\")\n@title(\"A\")\npermit(principal, action == Action::\"QueryCount\", resource);";
    for rules in ["// nothing\n", only_count] {
        let agreement = in_force(Terms { rules: rules.into(), ..terms() });
        let refusal = admit(&agreement, &ask(&agreement), &mk(), &Meters::default(), NOW).unwrap_err();
        assert_eq!((refusal.code, refusal.clauses), (RefusalCode::RulesForbid, Vec::new()));
    }
}

#[test]
fn a_clause_that_fails_refuses_and_is_named() {
    let overflow = "@id(\"big\")\n@title(\"Big\")\nforbid(principal, action == Action::\"QueryExact\", resource)\n\
                    when { context.batchSize * 9223372036854775807 < 0 };";
    let agreement = in_force(Terms { rules: format!("{OPEN}{overflow}"), ..terms() });
    let refusal = admit(&agreement, &ask(&agreement), &mk(), &Meters::default(), NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::RulesFailed);
    assert_eq!(refusal.clauses[0].id, "big");
}

#[test]
fn national_rules_restrict_and_stay_at_home() {
    let agreement = in_force_under(terms(), NATIONAL_EXAMPLE);
    let day = Timestamp(NOW.period(Timestamp::DAY) * Timestamp::DAY);
    let (noon, night) = (day.plus(12 * Timestamp::HOUR), day.plus(23 * Timestamp::HOUR));
    let at = |now| admit(&agreement, &ask(&agreement), &mk(), &Meters::default(), now);
    assert!(at(noon).is_ok());
    let refusal = at(night).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::RulesForbid);
    let clause = &refusal.clauses[0];
    assert_eq!((clause.kind, clause.id.as_str()), (Kind::National, "night"));
    assert!(!refusal.text.contains("night"), "the text goes to the partner: {refusal}");
    let without = in_force(terms());
    assert!(admit(&without, &ask(&without), &mk(), &Meters::default(), night).is_ok());
    assert_eq!(agreement.rules_digest(), without.rules_digest(), "only shared rules have to be equal");
    let slice = |of: &InForce| of.slice(&rs(), &mk(), &border(), Purpose::SeriousCrime, ExchangeKind::Exact);
    assert!(slice(&agreement).classes() < slice(&without).classes());
}

#[test]
fn the_balance_reaches_the_rules() {
    let agreement = in_force_under(terms(), NATIONAL_EXAMPLE);
    let noon = Timestamp(NOW.period(Timestamp::DAY) * Timestamp::DAY + 12 * Timestamp::HOUR);
    let mut meters = Meters { balance: Balance { given: 900, received: 100 }, ..Meters::default() };
    let exact = Ask { items: 50, ..ask(&agreement) };
    let small = Ask { items: 51, ..ask(&agreement) };
    assert_eq!(code(&agreement, &exact, &meters, noon), None);
    assert_eq!(code(&agreement, &small, &meters, noon), Some(RefusalCode::RulesForbid), "over 50");
    assert_eq!(code(&agreement, &count(&agreement), &meters, noon), None, "800 is not more than 800");
    meters.balance.given += 10;
    assert_eq!(code(&agreement, &count(&agreement), &meters, noon), Some(RefusalCode::RulesForbid));
}

#[test]
fn rules_see_the_tightest_quota_with_this_query_in_it() {
    let agreement = in_force(Terms {
        claims: None,
        quotas: vec![quota(Unit::Identifiers, 50), quota(Unit::Identifiers, 20)],
        ..terms()
    });
    let mut meters = Meters::default();
    spend(&agreement, &ask(&agreement), &mut meters, NOW).unwrap();
    let (context, decision) = agreement.decide(&ask(&agreement), &meters, &rs(), NOW);
    assert!(decision.permitted);
    assert_eq!((context.quota_limit, context.quota_used), (20, 10));
    assert_eq!((context.batch_size, context.case_reference, context.now), (5, false, NOW));
}

#[test]
fn checks_come_in_one_order() {
    // Each step repairs the first fault that is left; the code found is always that of the first.
    let rules = "// nothing\n".to_owned();
    let spoilt = in_force(Terms { rules, quotas: vec![quota(Unit::Queries, 0)], ..terms() });
    let mut ask = Ask { agreement: AgreementId([9; 32]), rules: Digest([9; 32]), items: 101, ..ask(&spoilt) };
    let until = terms().valid_until;
    let find = |agreement: &InForce, ask: &Ask, now| code(agreement, ask, &Meters::default(), now);
    assert_eq!(find(&spoilt.clone().revoke(), &ask, until), Some(RefusalCode::Revoked));
    assert_eq!(find(&spoilt, &ask, until), Some(RefusalCode::Expired));
    assert_eq!(find(&spoilt, &ask, NOW), Some(RefusalCode::NoAgreement));
    ask.agreement = spoilt.id();
    assert_eq!(find(&spoilt, &ask, NOW), Some(RefusalCode::RulesMismatch));
    ask.rules = spoilt.rules_digest();
    assert_eq!(find(&spoilt, &ask, NOW), Some(RefusalCode::BatchTooLarge));
    ask.items = 5;
    assert_eq!(find(&spoilt, &ask, NOW), Some(RefusalCode::QuotaExceeded));
    let closed = in_force(Terms { rules: "// nothing\n".into(), ..terms() });
    let ask = Ask { agreement: closed.id(), ..ask };
    assert_eq!(find(&closed, &ask, NOW), Some(RefusalCode::RulesForbid));
}

#[test]
fn a_permit_that_cannot_be_paid_is_lost() {
    let agreement = in_force(terms());
    let permit = admit(&agreement, &ask(&agreement), &mk(), &Meters::default(), NOW).unwrap();
    assert_eq!(permit.pay(|_, _| Err("the disk is full")).unwrap_err(), "the disk is full");
}

/// Every field of a query, changed. Destructured, so that a new field cannot be forgotten.
fn altered(ask: &Ask) -> Vec<Ask> {
    let Ask {
        query: _,
        agreement: _,
        rules: _,
        asker: _,
        holder: _,
        exchange: _,
        register: _,
        purpose: _,
        basis: _,
        officer: _,
        case: _,
        items,
        snapshot: _,
        matching: _,
        unexplained: _,
        commitment: _,
        digest: _,
        asked_at,
    } = ask.clone();
    let with = |change: fn(&mut Ask)| {
        let mut other = ask.clone();
        change(&mut other);
        other
    };
    vec![
        with(|a| a.query = QueryId([8; 16])),
        with(|a| a.agreement = AgreementId([8; 32])),
        with(|a| a.rules = Digest([8; 32])),
        with(|a| a.asker = "AL".parse().unwrap()),
        with(|a| a.holder = "AL".parse().unwrap()),
        with(|a| a.exchange = ExchangeKind::Count),
        with(|a| a.register = "visa".parse().unwrap()),
        with(|a| a.purpose = Purpose::Terrorism),
        with(|a| a.basis = LegalBasis::Bilat),
        with(|a| a.officer = "ivo".parse::<OfficerId>().unwrap()),
        with(|a| a.case = Some(Digest([8; 32]))),
        Ask { items: items + 1, ..ask.clone() },
        with(|a| a.snapshot = Some(SnapshotId([8; 16]))),
        with(|a| a.matching = Some(match_ask(&in_force(match_terms())).matching.unwrap())),
        with(|a| a.unexplained = 8),
        with(|a| a.commitment = Digest([8; 32])),
        with(|a| a.digest = Digest([8; 32])),
        Ask { asked_at: asked_at.plus(1), ..ask.clone() },
    ]
}

#[test]
fn a_retry_is_the_same_query_to_the_last_field() {
    let agreement = in_force(terms());
    let recorded = ask(&agreement);
    Paid::retry(&agreement, &recorded, &recorded, NOW).unwrap();
    let all = altered(&recorded);
    assert_eq!(all.len(), 18);
    for ask in all {
        let refusal = Paid::retry(&agreement, &ask, &recorded, NOW).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::AlteredRetry, "{ask:?}");
        // Whatever else is wrong with them, other words are none of the query.
        let late = Paid::retry(&agreement, &ask, &recorded, terms().valid_until).unwrap_err();
        assert_eq!(late.code, RefusalCode::AlteredRetry, "{ask:?}");
    }
    let late = Paid::retry(&agreement, &recorded, &recorded, terms().valid_until).unwrap_err();
    assert_eq!(late.code, RefusalCode::Expired);
    let revoked = Paid::retry(&agreement.clone().revoke(), &recorded, &recorded, NOW).unwrap_err();
    assert_eq!(revoked.code, RefusalCode::Revoked);
    let next = in_force(Terms { title: "The next one".into(), ..terms() });
    let elsewhere = Paid::retry(&next, &recorded, &recorded, NOW).unwrap_err();
    assert_eq!(elsewhere.code, RefusalCode::NoAgreement, "paid under another agreement");
}

#[test]
fn an_agreement_that_does_not_stand_is_never_in_force() {
    let mut agreement = signed(terms());
    agreement.signatures.pop();
    assert_eq!(InForce::new(&agreement, None).unwrap_err(), AgreementError::Unsigned(mk()));
}

/// Both nodes must put the same facts to the shared rules.
#[test]
fn both_nodes_tell_the_rules_what_the_holder_counts() {
    let per_officer = Quota { per_officer: true, limit: 20, ..quota(Unit::Queries, 20) };
    let agreement = in_force(Terms { quotas: vec![quota(Unit::Identifiers, 1_000), per_officer], ..terms() });
    let ask = ask(&agreement);
    let mut meters = Meters { balance: Balance { given: 900, received: 100 }, ..Meters::default() };
    meters.charge(&charges(agreement.terms(), &ask, NOW));
    let (at_holder, _) = agreement.decide(&ask, &meters, &ask.asker, NOW);
    assert_eq!((at_holder.reciprocity, at_holder.balance), (800, 800));
    assert_eq!((at_holder.officer_used, at_holder.officer_left), (2, 18));
    let (quota_left, used) = (at_holder.quota_limit - at_holder.quota_used, at_holder.quota_used);
    assert_eq!((quota_left, used), (18, 2), "the tightest");
    // The asker received what the holder gave.
    meters.balance = Balance { given: 100, received: 900 };
    let (at_asker, _) = agreement.decide(&ask, &meters, &ask.holder, NOW);
    assert_eq!(at_asker, at_holder);
    // The asker counts its hits itself and says how many are overdue; the holder has its word alone.
    let said = Ask { unexplained: 2, ..ask.clone() };
    let unexplained = |ask: &Ask, own: u64, partner: &AgencyCode| {
        let meters = Meters { unexplained: own, ..Meters::default() };
        agreement.decide(ask, &meters, partner, NOW).0.unexplained
    };
    assert_eq!([0, 2, 5].map(|own| unexplained(&said, own, &ask.holder)), [2, 2, 5]);
    assert_eq!([0, 2, 5].map(|own| unexplained(&said, own, &ask.asker)), [2; 3]);
    assert_eq!(unexplained(&ask, u64::MAX, &ask.holder), u32::MAX);
    // Without a quota for each officer there is nothing left of it.
    let agreement = in_force(terms());
    let (context, _) = agreement.decide(&self::ask(&agreement), &meters, &mk(), NOW);
    assert_eq!((context.officer_used, context.officer_left), (0, -1));
}
