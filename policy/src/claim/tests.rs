use std::sync::Arc;

use super::*;
use crate::{
    agreement::Terms,
    receipt::{AnswerClass, EXACT_ENGINE},
    rules::{Kind, PCC_BILATERAL, RuleSet},
    words::{AgeBand, Category, Provenance, Purpose},
    world::{
        NOW, ask as world_ask, count, in_force, in_force_under, match_ask, match_terms, mk, officer, rs,
        terms,
    },
};

/// RS claims the second and the fourth of the identifiers of a query.
pub(crate) fn claim(ask: &Ask) -> Claim {
    Claim {
        claim: ClaimId([9; 16]),
        query: ask.query,
        agreement: ask.agreement,
        asker: rs(),
        holder: mk(),
        basis: ask.basis,
        case: "K-17/2026".into(),
        officer: officer("ana"),
        seal: "age1".into(),
        verified_by: officer("bojan"),
        verified_at: NOW,
        items: vec![1, 3],
        fields: vec![Field::Category, Field::Name],
        opening: opening_digest(b"opened"),
        claimed_at: NOW,
    }
}

fn agreed() -> Terms {
    let claims = Some(ClaimTerms { claim_hours: 72, decide_hours: 48, most_records: 10 });
    Terms { claims, rules: PCC_BILATERAL.into(), ..terms() }
}

fn with_case(ask: Ask) -> Ask {
    Ask { case: Some(case_digest(&ask.query, "K-17/2026")), ..ask }
}

fn receipt(ask: &Ask) -> Receipt {
    Receipt {
        ask: ask.clone(),
        engine: EXACT_ENGINE.into(),
        entries: 1_024,
        snapshot: None,
        transcript: Digest([5; 32]),
        answer: AnswerClass::Hits,
        leakage_bits: 5,
        answered_at: NOW,
    }
}

fn code(agreement: &InForce, claim: &Claim, ask: &Ask, now: Timestamp) -> Option<RefusalCode> {
    claim.check(agreement, ask, &receipt(ask), now).err().map(|refusal| refusal.code)
}

#[test]
fn a_claim_is_of_its_query_in_time_and_well_formed() {
    let agreement = in_force(agreed());
    let ask = with_case(world_ask(&agreement));
    let good = claim(&ask);
    assert_eq!(code(&agreement, &good, &ask, NOW), None);
    let late = NOW.plus(72 * Timestamp::HOUR);
    assert_eq!(code(&agreement, &good, &ask, late), None);
    assert_eq!(code(&agreement, &good, &ask, late.plus(1)), Some(RefusalCode::ClaimTooLate));
    assert_eq!(code(&in_force(terms()), &good, &ask, NOW), Some(RefusalCode::ClaimsNotAgreed));

    type Change = fn(&mut Claim);
    let wrong: [(Change, RefusalCode); 14] = [
        (|c| c.query.0[0] ^= 1, RefusalCode::UnknownQuery),
        (|c| c.agreement.0[0] ^= 1, RefusalCode::UnknownQuery),
        (|c| c.asker = mk(), RefusalCode::UnknownQuery),
        (|c| c.holder = rs(), RefusalCode::UnknownQuery),
        (|c| c.case = "K-18/2026".into(), RefusalCode::CaseDiffers),
        (|c| c.basis = LegalBasis::PccPrum, RefusalCode::CaseDiffers),
        (|c| c.verified_by = officer("ana"), RefusalCode::Malformed),
        (|c| c.items = Vec::new(), RefusalCode::Malformed),
        (|c| c.items = vec![3, 1], RefusalCode::Malformed),
        (|c| c.items = vec![1, 1], RefusalCode::Malformed),
        (|c| c.items = vec![5], RefusalCode::Malformed),
        (|c| c.fields = Vec::new(), RefusalCode::Malformed),
        (|c| c.fields = vec![Field::Name, Field::Name], RefusalCode::Malformed),
        (|c| c.case = "K\n".into(), RefusalCode::Malformed),
    ];
    for (place, (change, expected)) in wrong.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert_eq!(code(&agreement, &bad, &ask, NOW), Some(expected), "change {place}");
    }
    // Without a case reference there is nothing to claim by.
    let bare = world_ask(&agreement);
    assert_eq!(code(&agreement, &claim(&bare), &bare, NOW), Some(RefusalCode::CaseDiffers));
}

#[test]
fn a_match_is_opened_whole_and_a_count_not_at_all() {
    let claims = agreed().claims;
    let agreement = in_force(Terms { claims, ..match_terms() });
    let ask = with_case(match_ask(&agreement));
    let by_items = claim(&ask);
    assert_eq!(code(&agreement, &by_items, &ask, NOW), Some(RefusalCode::Malformed));
    assert_eq!(code(&agreement, &Claim { items: Vec::new(), ..by_items }, &ask, NOW), None);
    let ask = with_case(count(&agreement));
    assert_eq!(code(&agreement, &claim(&ask), &ask, NOW), Some(RefusalCode::Malformed));
}

const ADULT: RecordClass = RecordClass {
    category: Category::IrregularCrossing,
    age: AgeBand::Adult,
    provenance: Provenance::Own,
    own_citizen: false,
    vulnerable: false,
    marked: false,
    blocked: false,
    contested: false,
};

#[test]
fn fields_are_decided_one_by_one() {
    let agreement = in_force(agreed());
    let ask = with_case(world_ask(&agreement));
    let standing = |agreement: &InForce, class: RecordClass, field, purpose| {
        decide(agreement, &claim(&ask), &Ask { purpose, ..ask.clone() }, &class, field, NOW).standing
    };
    let (entry, child) = (Purpose::IrregEntry, Purpose::ChildProtection);
    assert_eq!(standing(&agreement, ADULT, Field::Place, entry), Standing::Needs(1));
    assert_eq!(standing(&agreement, ADULT, Field::Name, entry), Standing::Needs(2));
    assert_eq!(standing(&agreement, ADULT, Field::Other, entry), Standing::Refused);
    for age in [AgeBand::Minor, AgeBand::Doubtful] {
        let minor = RecordClass { age, ..ADULT };
        assert!(
            Field::ALL.iter().all(|field| standing(&agreement, minor, *field, entry) == Standing::Refused)
        );
        assert_eq!(standing(&agreement, minor, Field::Place, child), Standing::Needs(1));
        assert_eq!(standing(&agreement, minor, Field::Name, child), Standing::Needs(2));
    }
    for class in [
        RecordClass { blocked: true, ..ADULT },
        RecordClass { provenance: Provenance::Eu, ..ADULT },
        RecordClass { contested: true, ..ADULT },
    ] {
        assert!(
            Field::ALL.iter().all(|field| standing(&agreement, class, *field, entry) == Standing::Refused)
        );
    }
    let national = "@id(\"no-names\")\n@title(\"No names\")\nforbid(principal, action == Action::\"Release\", resource)\n\
                    when { context.field == Field::\"NAME\" };\n";
    let stricter = in_force_under(agreed(), national);
    assert_eq!(standing(&stricter, ADULT, Field::Name, entry), Standing::Refused);
    assert_eq!(standing(&stricter, ADULT, Field::Place, entry), Standing::Needs(1));
    assert!(RuleSet::parse(PCC_BILATERAL, Kind::Shared).is_ok());
}

/// What was asked before an amendment is released if both rules let it; the stricter decides.
#[test]
fn after_an_amendment_both_rules_decide() {
    let with = |more: &str, valid_from| {
        let rules = format!("{PCC_BILATERAL}\n{more}");
        in_force(Terms { rules, valid_from, ..agreed() })
    };
    let clause = |id: &str, rest: &str| {
        format!(
            "@id(\"{id}\")\n@title(\"About {id}\")\n{rest} (principal, action == Action::\"Release\", resource)\nwhen "
        )
    };
    let moment = NOW.plus(100);
    let wider = clause("other", "permit") + "{ context.field == Field::\"OTHER\" };\n";
    let narrower = clause("no-place", "forbid")
        + "{ context.field == Field::\"PLACE\" };\n"
        + &clause("two-for-sex", "forbid")
        + "{ context.field == Field::\"SEX\" && context.approvals < 2 };\n"
        + &wider;
    let found = "@id(\"no-crossings\")\n@title(\"None\")\nforbid (principal, action == Action::\"Search\", resource)\n\
                 when { resource.category == Category::\"IRREGULAR_CROSSING\" };\n";
    let agreement = with("", agreed().valid_from).until(Arc::new(with(&(narrower + found), moment)));
    let ask = with_case(world_ask(&agreement));
    let said = |field, now| {
        let decision = decide(&agreement, &claim(&ask), &ask, &ADULT, field, now);
        (decision.standing, decision.clauses)
    };
    let told = |clause: &str| vec![clause.to_owned()];
    for (field, before, after) in [
        (Field::Place, (Standing::Needs(1), told("release-core")), (Standing::Refused, told("no-place"))),
        (Field::Sex, (Standing::Needs(1), told("release-core")), (Standing::Needs(2), told("release-core"))),
        (
            Field::Name,
            (Standing::Needs(2), told("release-identity")),
            (Standing::Needs(2), told("release-identity")),
        ),
        // Permitted now, it was not when it was asked.
        (Field::Other, (Standing::Refused, Vec::new()), (Standing::Refused, Vec::new())),
    ] {
        assert_eq!(said(field, moment.plus(-1)), before, "{field}");
        assert_eq!(said(field, moment), after, "{field}");
    }
    assert!(agreement.claimable(&ask, moment.plus(-1)).contains(&ADULT));
    assert!(!agreement.claimable(&ask, moment).contains(&ADULT));
    assert!(agreement.releases(moment).is_ok() && agreement.holds(moment).is_err());
    let end = agreed().valid_until;
    assert!(agreement.releases(end.plus(-1)).is_ok() && agreement.releases(end).is_err());
}

/// Once the amendment took its place, the end of either ends the claims of what was asked before.
#[test]
fn no_claim_is_taken_when_what_holds_in_its_place_has_ended() {
    let moment = NOW.plus(100);
    let next = |until, revoked| {
        let next = in_force(Terms { valid_from: moment, valid_until: until, ..agreed() });
        let next = if revoked { next.revoke() } else { next };
        in_force(agreed()).until(Arc::new(next))
    };
    let end = agreed().valid_until;
    let said = |agreement: InForce, now: Timestamp| {
        let ask = with_case(world_ask(&agreement));
        code(&agreement, &claim(&ask), &ask, now)
    };
    assert_eq!(said(next(end, false), moment.plus(300)), None);
    assert_eq!(said(next(end, true), moment.plus(300)), Some(RefusalCode::Revoked));
    assert_eq!(said(next(moment.plus(200), false), moment.plus(199)), None);
    assert_eq!(said(next(moment.plus(200), false), moment.plus(300)), Some(RefusalCode::Expired));
}
