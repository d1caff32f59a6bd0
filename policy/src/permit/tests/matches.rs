//! Matches: what the terms cover, what they cost, and what their permits release.

use symbolon_protocol::exchange::{Disclosure, Verdict, Warden};

use super::*;
use crate::{
    agreement::{Assurance, MatchAnswer, MatchTerms},
    ask::{Fetch, MatchAsk, MatchSetup},
    rules::PCC_BILATERAL,
    words::{Modality, Position},
    world::{fetch, setup},
};

fn agreed() -> InForce {
    in_force(match_terms())
}

fn agreed_with(change: impl FnOnce(&mut MatchTerms)) -> InForce {
    let mut matching = matching();
    change(&mut matching);
    in_force(Terms { matching: Some(matching), ..match_terms() })
}

/// The query with another wish.
fn wish(ask: Ask, change: impl FnOnce(&mut MatchAsk)) -> Ask {
    let mut matching = ask.matching.clone().unwrap();
    change(&mut matching);
    Ask { matching: Some(matching), ..ask }
}

/// The query by so many alternatives, all taken at one place.
fn by(ask: Ask, items: u32, position: Position) -> Ask {
    let places = usize::try_from(items).unwrap().min(100);
    wish(Ask { items, ..ask }, |m| m.positions = vec![position; places])
}

/// The query by so many faces.
fn faces(ask: Ask, items: u32) -> Ask {
    by(wish(ask, |m| m.form = "face".parse().unwrap()), items, Position::Face)
}

#[test]
fn both_ends_admit_a_match_that_the_agreement_covers() {
    let agreement = agreed();
    let ask = match_ask(&agreement);
    for own in [rs(), mk()] {
        let permit = admit(&agreement, &ask, &own, &Meters::default(), NOW).unwrap();
        assert_eq!(permit.charges(), charges(&match_terms(), &ask, NOW));
    }
    let any = wish(match_ask(&agreement), |m| m.answer = MatchAnswer::Any);
    let face = faces(match_ask(&agreement), 1);
    assert_eq!((fresh(&agreement, &any), fresh(&agreement, &face)), (None, None));
}

#[test]
fn what_the_terms_do_not_cover_is_refused() {
    let agreement = agreed();
    let good = || match_ask(&agreement);
    let find = |ask: Ask| admit(&agreement, &ask, &mk(), &Meters::default(), NOW).unwrap_err();
    let face = |items| faces(good(), items);
    for (ask, code, text) in [
        (Ask { matching: None, ..good() }, RefusalCode::Malformed, "words of a match"),
        (Ask { exchange: ExchangeKind::Exact, ..good() }, RefusalCode::Malformed, "words of a match"),
        (Ask { exchange: ExchangeKind::Count, ..good() }, RefusalCode::Malformed, "words of a match"),
        (Ask { snapshot: Some(SnapshotId([1; 16])), ..good() }, RefusalCode::Malformed, "without a snapshot"),
        (wish(good(), |m| m.form = "ear".parse().unwrap()), RefusalCode::FormNotAgreed, "named ear"),
        (
            wish(good(), |m| m.engine = "third/1".parse().unwrap()),
            RefusalCode::EngineNotAgreed,
            "engine third/1",
        ),
        (
            wish(face(1), |m| m.answer = MatchAnswer::Any),
            RefusalCode::AnswerNotAgreed,
            "this answer for face",
        ),
        (Ask { items: 0, ..good() }, RefusalCode::BatchTooSmall, "0 alternatives were asked"),
        (Ask { items: 15, ..good() }, RefusalCode::BatchTooLarge, "15 alternatives were asked, at most 14"),
        (face(2), RefusalCode::BatchTooLarge, "at most 1 may be"),
        (Ask { items: u32::MAX, ..good() }, RefusalCode::BatchTooLarge, "at most 14"),
        (Ask { items: 4, ..good() }, RefusalCode::Malformed, "says where it was taken"),
        (wish(good(), |m| m.positions = Vec::new()), RefusalCode::Malformed, "says where it was taken"),
        (wish(face(1), |m| m.positions = vec![Position::LeftIris]), RefusalCode::Malformed, "at LEFT_IRIS"),
    ] {
        let refusal = find(ask);
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(refusal.text.contains(text), "{refusal}");
    }
    let without = in_force(Terms { matching: None, ..match_terms() });
    let refusal = admit(&without, &match_ask(&without), &mk(), &Meters::default(), NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::ExchangeNotAgreed);
}

#[test]
fn an_engine_that_the_program_lacks_has_a_refusal_of_its_own() {
    let refusal = crate::ask::engine(&"first/1".parse().unwrap()).err().unwrap();
    assert_eq!(refusal.code, RefusalCode::EngineMissing);
    assert!(refusal.text.contains("first/1"), "{refusal}");
}

#[test]
fn an_engine_that_protects_less_than_is_demanded_is_refused() {
    let [one_round, interactive] = ["tfhe-one-round/1", "ot-garbled/1"];
    let find = |asker, holder, engine: &str| {
        let agreement = agreed_with(|t| {
            t.engines = [one_round, interactive, "third/1"].map(|name| name.parse().unwrap()).into();
            (t.against_asker, t.against_holder) = (asker, holder);
        });
        let ask = wish(match_ask(&agreement), |m| m.engine = engine.parse().unwrap());
        admit(&agreement, &ask, &mk(), &Meters::default(), NOW)
            .err()
            .map(|refusal| (refusal.code, refusal.text))
    };
    use Assurance::{Covert, Malicious, SemiHonest};
    for (asker, holder) in [(None, None), (Some(SemiHonest), Some(SemiHonest)), (Some(Covert), None)] {
        assert_eq!([one_round, interactive].map(|name| find(asker, holder, name)), [None, None]);
    }
    assert_eq!(find(Some(Malicious), Some(SemiHonest), interactive), None);
    let (code, text) = find(Some(Malicious), Some(Covert), one_round).unwrap();
    assert_eq!(code, RefusalCode::EngineNotAgreed);
    assert_eq!(
        text,
        "the agreement does not allow this engine: tfhe-one-round/1 is only covert against the asker, and malicious \
         is demanded; it is only semi_honest against the holder, and covert is demanded"
    );
    let (_, text) = find(None, Some(Malicious), interactive).unwrap();
    assert!(
        text.ends_with("ot-garbled/1 is only semi_honest against the holder, and malicious is demanded"),
        "{text}"
    );
    // Of an engine that this program lacks nothing is known.
    assert_eq!(find(None, None, "third/1"), None, "what it lacks is told elsewhere");
    let (code, text) = find(None, Some(SemiHonest), "third/1").unwrap();
    assert_eq!(code, RefusalCode::EngineNotAgreed);
    assert!(text.contains("does not have third/1"), "{text}");
}

#[test]
fn quotas_of_identifiers_and_of_probes_do_not_concern_each_other() {
    let with = |units: &[Unit]| {
        in_force(Terms { quotas: units.iter().map(|unit| quota(*unit, 5)).collect(), ..match_terms() })
    };
    let (identifiers, probes, queries) =
        (with(&[Unit::Identifiers]), with(&[Unit::Probes]), with(&[Unit::Queries]));
    let exhausted = Some(RefusalCode::QuotaExceeded);
    assert_eq!(fresh(&identifiers, &match_ask(&identifiers)), exhausted, "no quota covers it");
    assert_eq!(fresh(&probes, &ask(&probes)), exhausted, "no quota covers it");
    assert_eq!((fresh(&probes, &match_ask(&probes)), fresh(&identifiers, &ask(&identifiers))), (None, None));
    assert_eq!((fresh(&queries, &match_ask(&queries)), fresh(&queries, &ask(&queries))), (None, None));
    assert_eq!(
        fresh(&probes, &by(match_ask(&probes), 6, Position::LeftIris)),
        exhausted,
        "alternatives count"
    );
    let both = with(&[Unit::Identifiers, Unit::Probes]);
    let mut meters = Meters::default();
    spend(&both, &match_ask(&both), &mut meters, NOW).unwrap();
    spend(&both, &ask(&both), &mut meters, NOW).unwrap();
    assert_eq!(code(&both, &match_ask(&both), &meters, NOW), exhausted);
}

#[test]
fn the_budget_counts_every_alternative_of_a_register_through_its_period() {
    let agreement = agreed_with(|t| (t.budget, t.budget_days) = (20, 60));
    let mut meters = Meters::default();
    let with = |items, name: &str, purpose| {
        let ask = Ask { officer: officer(name), purpose, ..match_ask(&agreement) };
        by(ask, items, Position::RightIris)
    };
    spend(&agreement, &with(14, "ana", Purpose::IrregEntry), &mut meters, NOW).unwrap();
    let by_ivo = |items| with(items, "ivo", Purpose::Terrorism);
    let refusal = admit(&agreement, &by_ivo(7), &mk(), &meters, NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::ProbesSpent, "for every officer and purpose together");
    assert!(refusal.text.contains("14 of 20 spent, 7 asked"), "{refusal}");
    spend(&agreement, &by_ivo(6), &mut meters, NOW).unwrap();
    assert_eq!(code(&agreement, &by_ivo(1), &meters, NOW), Some(RefusalCode::ProbesSpent));
    let elsewhere = Ask { register: "visa".parse().unwrap(), ..by_ivo(1) };
    assert_eq!(code(&agreement, &elsewhere, &meters, NOW), None, "every register has its own");
    assert_eq!(code(&agreement, &ask(&agreement), &meters, NOW), None, "exact queries spend none");
    let back = Ask { asker: mk(), holder: rs(), ..by_ivo(1) };
    let answers = admit(&agreement, &back, &rs(), &meters, NOW).unwrap_err();
    assert_eq!(answers.code, RefusalCode::QuotaExceeded, "MK has no quota, but its probes are not spent");
    let next = Timestamp((NOW.period(60 * Timestamp::DAY) + 1) * 60 * Timestamp::DAY);
    assert_eq!(code(&agreement, &by_ivo(1), &meters, next.plus(-1)), Some(RefusalCode::ProbesSpent));
    assert_eq!(code(&agreement, &by_ivo(14), &meters, next), None);
}

#[test]
fn a_retry_costs_nothing_and_is_the_same_wish() {
    let agreement = agreed();
    let recorded = match_ask(&agreement);
    Paid::retry(&agreement, &recorded, &recorded, NOW).unwrap();
    let changes: [fn(&mut MatchAsk); 5] = [
        |m| m.form = "face".parse().unwrap(),
        |m| m.engine = "first/1".parse().unwrap(),
        |m| m.answer = MatchAnswer::Any,
        |m| m.keys = Digest([9; 32]),
        |m| m.positions.swap_with_slice(&mut [Position::RightIris; 5]),
    ];
    for change in changes {
        let refusal = Paid::retry(&agreement, &wish(recorded.clone(), change), &recorded, NOW).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::AlteredRetry);
    }
}

fn released(paid: &mut Paid, disclosure: &Disclosure) -> bool {
    paid.judge(disclosure) == Verdict::Release
}

#[test]
fn a_permit_releases_the_match_that_was_paid_for_and_nothing_else() {
    let agreement = agreed();
    let paid = |ask: &Ask| spend(&agreement, ask, &mut Meters::default(), NOW).unwrap();
    let disclosed = |groups, cap, alternatives| Disclosure::Match { groups, cap, alternatives };
    let mut candidates = paid(&match_ask(&agreement));
    for (disclosure, fits) in [
        (disclosed(1_024, Some(4), 5), true),
        (disclosed(0, Some(4), 5), true),
        (disclosed(1_025, Some(4), 5), false),
        (disclosed(1_024, Some(5), 5), false),
        (disclosed(1_024, Some(3), 5), false),
        (disclosed(1_024, None, 5), false),
        (disclosed(1_024, Some(4), 4), false),
        (disclosed(1_024, Some(4), 6), false),
        (Disclosure::Evaluations { items: 5 }, false),
        (Disclosure::Count { items: 5 }, false),
        (Disclosure::Snapshot { entries: 1, bytes: 1 }, false),
    ] {
        assert_eq!(released(&mut candidates, &disclosure), fits, "{disclosure:?}");
    }
    let mut any = paid(&wish(match_ask(&agreement), |m| m.answer = MatchAnswer::Any));
    assert!(released(&mut any, &disclosed(1_024, None, 5)));
    assert!(!released(&mut any, &disclosed(1_024, Some(4), 5)));
    let mut retried = Paid::retry(&agreement, &match_ask(&agreement), &match_ask(&agreement), NOW).unwrap();
    assert!(released(&mut retried, &disclosed(1_024, Some(4), 5)));
    let mut exact = paid(&ask(&agreement));
    assert!(!released(&mut exact, &disclosed(1, Some(4), 5)), "a match for the price of an exact query");
}

#[test]
fn keys_are_set_up_where_a_match_could_be_asked_and_disclose_nothing() {
    let agreement = agreed();
    let find = |fetch: &Fetch, meters: &Meters| {
        admit_fetch(&agreement, fetch, &mk(), meters, NOW).err().map(|refusal| refusal.code)
    };
    let with = |change: fn(&mut MatchSetup)| {
        let mut matching = setup(&agreement).matching.unwrap();
        change(&mut matching);
        find(&Fetch { matching: Some(matching), ..setup(&agreement) }, &Meters::default())
    };
    assert_eq!(with(|_| ()), None);
    assert_eq!(with(|s| s.form = "face".parse().unwrap()), None, "with the one answer it allows");
    assert_eq!(with(|s| s.form = "ear".parse().unwrap()), Some(RefusalCode::FormNotAgreed));
    assert_eq!(with(|s| s.engine = "third/1".parse().unwrap()), Some(RefusalCode::EngineNotAgreed));
    let mut meters = Meters::default();
    meters.charge(&charges(&match_terms(), &Ask { items: 500, ..match_ask(&agreement) }, NOW));
    assert_eq!(find(&setup(&agreement), &meters), Some(RefusalCode::ProbesSpent));
    assert_eq!(find(&fetch(&agreement), &meters), None, "a snapshot serves other queries");
    let mut keys = admit_fetch(&agreement, &setup(&agreement), &mk(), &Meters::default(), NOW).unwrap();
    for disclosure in [
        Disclosure::Match { groups: 1, cap: Some(4), alternatives: 1 },
        Disclosure::Snapshot { entries: 1, bytes: 1 },
        Disclosure::Evaluations { items: 1 },
    ] {
        assert!(!released(&mut keys, &disclosure), "{disclosure:?}");
    }
    let exact_only =
        "@id(\"a\")\n@title(\"A\")\npermit(principal, action == Action::\"QueryExact\", resource);";
    let closed = in_force(Terms { rules: exact_only.into(), ..match_terms() });
    let refusal = admit_fetch(&closed, &setup(&closed), &mk(), &Meters::default(), NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::RulesForbid);
    admit_fetch(&closed, &fetch(&closed), &mk(), &Meters::default(), NOW).unwrap();
}

#[test]
fn rules_see_the_modality_of_a_match() {
    let agreement = in_force_under(match_terms(), NATIONAL_EXAMPLE);
    let noon = Timestamp(NOW.period(Timestamp::DAY) * Timestamp::DAY + 12 * Timestamp::HOUR);
    let face = faces(match_ask(&agreement), 1);
    let (context, decision) = agreement.decide(&face, &Meters::default(), &rs(), noon);
    assert_eq!((context.modality, decision.permitted), (Some(Modality::Face), false));
    assert_eq!(decision.clauses[0].id, "faces");
    let child = Ask { purpose: Purpose::ChildProtection, ..face };
    assert_eq!(code(&agreement, &child, &Meters::default(), noon), None);
    assert_eq!(code(&agreement, &match_ask(&agreement), &Meters::default(), noon), None, "an iris");
    let (context, _) = agreement.decide(&ask(&agreement), &Meters::default(), &rs(), noon);
    assert_eq!(context.modality, None);
}

#[test]
fn the_shipped_rules_permit_matches_as_they_permit_exact_queries() {
    let agreement = in_force(Terms { rules: PCC_BILATERAL.into(), ..match_terms() });
    let case = Some(Digest([1; 32]));
    for &purpose in Purpose::ALL {
        for &basis in LegalBasis::ALL {
            let with = |case, ask: Ask| Ask { purpose, basis, case, items: 5, ..ask };
            let (exact, matched) = (ask(&agreement), match_ask(&agreement));
            let found = fresh(&agreement, &with(case, matched.clone()));
            assert_eq!(found, fresh(&agreement, &with(case, exact)), "{purpose} {basis}");
            assert!(fresh(&agreement, &with(None, matched)).is_some(), "a case reference always");
        }
        let slice = |exchange| agreement.slice(&rs(), &mk(), &border(), purpose, exchange);
        assert_eq!(slice(ExchangeKind::Match), slice(ExchangeKind::Exact), "{purpose}");
    }
}
