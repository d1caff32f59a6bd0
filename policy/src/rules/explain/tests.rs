use crate::{
    rules::{tests::*, *},
    words::{LegalBasis, Modality, Purpose},
};

fn pcc() -> Rulebook {
    Rulebook::new(shared(PCC_BILATERAL), Some(national(NATIONAL_EXAMPLE))).unwrap()
}

/// The lines after the request itself.
fn told(query: &AskContext) -> String {
    let text = pcc().explain(query).to_string();
    text.lines().skip(1).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_permitted_query_names_its_clause_and_conditions() {
    let text = pcc().explain(&query()).to_string();
    assert_eq!(
        text,
        "\
exchange: exact; asker: RS/ana.petrovic; register: MK/border; purpose: SERIOUS_CRIME; legal basis: PCC_PRUM; case \
reference: yes; batch size: 3; quota used: 40; quota left: 60; officer's quota used: 4; officer's quota left: 6; \
reciprocity: 0; balance: 0; unexplained hits: 0; weekday: 1; hour (UTC): 10; time: 2026-11-23T10:00:00Z
permitted by
  ask-identity-police (shared rules, Art. 2(2); PCC SEE automated exchange agreement, 2018; Regulation (EU) 2024/982, Art. 33): \
Police may ask about persons in a case of serious crime or terrorism, a few at a time
ask-identity-police applies because
  - the request is QueryExact
  - the purpose is one of SERIOUS_CRIME, TERRORISM
  - the legal basis is one of PCC_PRUM, PCSC, BILAT
  - a case reference is given
  - the batch size is at most 20
"
    );
}

#[test]
fn a_query_that_nothing_permits_is_shown_the_nearest_clause_first() {
    let text = told(&AskContext {
        batch_size: 30,
        case_reference: false,
        legal_basis: LegalBasis::NatLaw,
        ..query()
    });
    let start = "\
refused: no clause permits it. Clauses that would, the nearest first:
ask-identity-police (shared rules, Art. 2(2); PCC SEE automated exchange agreement, 2018; Regulation (EU) 2024/982, Art. 33): \
Police may ask about persons in a case of serious crime or terrorism, a few at a time
  - only if the legal basis is one of PCC_PRUM, PCSC, BILAT (here legal basis: NAT_LAW)
  - only if a case reference is given (here case reference: no)
  - only if the batch size is at most 20 (here batch size: 30)
";
    assert!(text.starts_with(start), "{text}");
    assert!(!text.contains("ask-statistics"), "another kind of request is no near miss");
}

#[test]
fn a_forbidden_query_names_what_forbids_it() {
    assert_eq!(
        told(&AskContext { batch_size: 60, now: "2026-11-23T23:30:00Z".parse().unwrap(), ..query() }),
        "\
refused: forbidden by
  night (national rules): Between 22:00 and 05:00 UTC we answer only when a life or a case of terrorism depends on it
  small-batches (national rules): Nobody asks us about more than 50 identifiers at once, except for a count
small-batches applies because
  - the request is QueryExact
  - the batch size is above 50
night applies because
  - the request is one of QueryExact, QueryCount, QueryMatch
  - the hour (UTC) is at least 22 or the hour (UTC) is below 5
  - the purpose is none of CHILD_PROTECTION, MISSING_HUMANITARIAN, TERRORISM
"
    );
}

#[test]
fn a_match_is_shown_with_its_modality() {
    let face = AskContext { exchange: ExchangeKind::Match, modality: Some(Modality::Face), ..query() };
    let text = pcc().explain(&face).to_string();
    assert!(
        text.starts_with("exchange: match; asker: RS/ana.petrovic; register: MK/border; modality: FACE;")
    );
    assert!(text.contains("  - the request is QueryMatch\n  - the modality is FACE\n"), "{text}");
    // Without one, as for a form that the agreement does not have, the request is no match at all.
    let decision = pcc().ask(&AskContext { modality: None, ..face });
    assert!(matches!(decision.reason, Reason::EvaluationError(_)), "{decision}");
}

#[test]
fn an_error_is_shown_where_it_is() {
    let sum = "context.caseReference && context.batchSize * 9223372036854775807 > 0";
    let text = clause(
        "sum",
        &format!("forbid(principal, action == Action::\"QueryExact\", resource) when {{ {sum} }};"),
    );
    let explanation = book(&text).explain(&query());
    let holds: Vec<_> = explanation.clauses[0].conditions.iter().map(|c| c.holds.is_ok()).collect();
    assert_eq!(holds, [true, true, false]);
    let text = explanation.to_string();
    assert!(
        text.contains("the batch size times 9223372036854775807 is above 0 (here batch size: 3; cannot"),
        "{text}"
    );
}

#[test]
fn a_kind_of_request_that_nothing_permits_says_so() {
    let rules = book(&clause("exact", "permit(principal, action == Action::\"QueryExact\", resource);"));
    let text = rules.explain(&AskContext { exchange: ExchangeKind::Count, ..query() }).to_string();
    assert!(text.ends_with("refused: no clause permits requests of this kind\n"), "{text}");
}

#[test]
fn a_record_is_explained() {
    let child = RecordClass { age: crate::words::AgeBand::Doubtful, ..wanted() };
    let text = pcc().explain_search(&search(Purpose::SeriousCrime), &child).to_string();
    for line in [
        "refused: forbidden by\n  minors (shared rules",
        "  - the subject is a minor or its age is in doubt\n",
        "  - the purpose is none of CHILD_PROTECTION, MISSING_HUMANITARIAN, REMAINS, STATISTICS\n",
    ] {
        assert!(text.contains(line), "{line}\n---\n{text}");
    }
    let blocked = RecordClass { blocked: true, ..wanted() };
    let text = pcc().explain_search(&search(Purpose::SeriousCrime), &blocked).to_string();
    assert!(text.ends_with("refused: a blocked record never takes part, whatever the rules say\n"), "{text}");
}

#[test]
fn conditions_have_plain_words() {
    for (cedar, words) in [
        ("context.purpose != Purpose::\"REMAINS\"", "the purpose is not REMAINS"),
        ("!(context.purpose == Purpose::\"REMAINS\")", "the purpose is not REMAINS"),
        (
            "context.purpose in [Purpose::\"REMAINS\", Purpose::\"TERRORISM\"]",
            "the purpose is one of REMAINS, TERRORISM",
        ),
        ("!context.caseReference", "no case reference is given"),
        ("100 >= context.batchSize", "the batch size is at most 100"),
        ("!(context.batchSize < 100)", "the batch size is at least 100"),
        ("context.reciprocity > -200", "the reciprocity is above -200"),
        ("context.now < datetime(\"2027-01-01\")", "the time is before 2027-01-01"),
        ("context.quotaUsed + 5 <= context.quotaLeft", "the quota used plus 5 is at most the quota left"),
        (
            "context.hour < 5 || context.hour > 6 && context.weekday == 7",
            "the hour (UTC) is below 5 or (the hour (UTC) is above 6 and the weekday is 7)",
        ),
        (
            "!(context.caseReference && context.hour < 5)",
            "no case reference is given or the hour (UTC) is at least 5",
        ),
        ("principal in Agency::\"RS\"", "the asker belongs to agency RS"),
        ("resource in [Agency::\"MK\", Agency::\"RS\"]", "the register belongs to agency MK, agency RS"),
        (
            "(if context.caseReference then context.hour else 3) > 2",
            "`(if context.caseReference then context.hour else 3) > 2`",
        ),
    ] {
        let text =
            format!("permit(principal, action == Action::\"QueryExact\", resource) when {{ {cedar} }};");
        let explanation = book(&clause("c", &text)).explain(&query());
        let found = RuleSet::parse(&clause("c", &text), Kind::Shared).unwrap();
        let found = &found.parts().next().unwrap().conditions[1].words;
        assert_eq!(found, words, "{cedar}");
        assert_eq!(explanation.clauses.len(), 1);
    }
    let text = "permit(principal == Officer::\"RS/ana\", action in [Action::\"QueryExact\"], resource in Agency::\"MK\");";
    let scope = RuleSet::parse(&clause("c", text), Kind::Shared).unwrap();
    let words: Vec<_> = scope.parts().next().unwrap().conditions.iter().map(|c| c.words.as_str()).collect();
    assert_eq!(
        words,
        [
            "the asker is officer RS/ana",
            "the request is one of QueryExact",
            "the register belongs to agency MK"
        ]
    );
}
