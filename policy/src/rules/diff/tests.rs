use proptest::prelude::*;

use crate::{
    class::RecordClass,
    rules::{diff::*, facts::Facts, slice, tests::*, *},
    words::{LegalBasis, Modality, Purpose, Timestamp},
};

/// Conditions of queries, with small numbers so that random requests meet the boundaries.
fn query_condition() -> impl Strategy<Value = String> {
    let simple = prop_oneof![
        Just("context.purpose == Purpose::\"TERRORISM\"".to_owned()),
        Just("[Purpose::\"REMAINS\", Purpose::\"RETURN_ID\"].contains(context.purpose)".to_owned()),
        Just("context.legalBasis != LegalBasis::\"BILAT\"".to_owned()),
        Just("context.caseReference".to_owned()),
        Just("principal in Agency::\"RS\"".to_owned()),
        Just("resource == Register::\"MK/border\"".to_owned()),
        ("batchSize|quotaUsed|quotaLeft|reciprocity|hour", "<|<=|>|>=|==|!=", 1..5_i64)
            .prop_map(|(attribute, op, number)| format!("context.{attribute} {op} {number}")),
        Just("context.now < datetime(\"1970-01-01T05:00:00.500Z\")".to_owned()),
    ];
    simple.prop_recursive(1, 3, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("!({a} && {b})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
        ]
    })
}

fn match_condition() -> impl Strategy<Value = String> {
    let modality = prop::sample::select(vec![
        "context.modality == Modality::\"FACE\"",
        "context.modality != Modality::\"IRIS\"",
        "[Modality::\"FINGER\", Modality::\"TENPRINT\"].contains(context.modality)",
        "context has modality && context.modality != Modality::\"FACE\"",
    ]);
    prop_oneof![query_condition(), modality.prop_map(str::to_owned)]
}

/// Conditions of queries of any kind, told apart by what they have.
fn any_kind_condition() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec![
        "context has modality",
        "!(context has modality)",
        "!(context has modality) || context.modality == Modality::\"IRIS\"",
        "context has modality && context.modality == Modality::\"FACE\"",
        "if context has modality then context.modality == Modality::\"FACE\" else context.caseReference",
    ]);
    prop_oneof![query_condition(), kind.prop_map(|text| format!("({text})"))]
}

fn search_condition() -> impl Strategy<Value = String> {
    let simple = prop::sample::select(vec![
        "context.purpose == Purpose::\"TERRORISM\"",
        "context.exchange == Exchange::\"count\"",
        "principal == Agency::\"RS\"",
        "resource in Register::\"MK/border\"",
        "[Category::\"WANTED\", Category::\"MISSING\"].contains(resource.category)",
        "resource.minor",
        "resource.ageInDoubt",
        "resource.provenance == Provenance::\"own\"",
        "resource.ownCitizen",
        "resource.contested",
    ]);
    (simple.clone(), "&&|\\|\\|", simple).prop_map(|(a, op, b)| format!("({a} {op} !({b}))"))
}

fn rules(
    action: &'static str,
    condition: impl Strategy<Value = String> + Clone,
) -> impl Strategy<Value = Option<Rulebook>> {
    let drawn = ("permit|forbid", prop::collection::vec(condition, 1..3), any::<bool>());
    prop::collection::vec(drawn, 1..5).prop_map(move |clauses| {
        let mut text = String::new();
        for (i, (effect, conditions, unless)) in clauses.iter().enumerate() {
            let word = if *unless { "unless" } else { "when" };
            let body = conditions.join(" && ");
            text += &clause(
                &format!("c{i}"),
                &format!("{effect}(principal, {action}, resource) {word} {{ {body} }};"),
            );
        }
        // A random clause may be impossible, which is refused.
        let set = RuleSet::parse(&text, Kind::Shared).ok()?;
        Some(Rulebook::new(set, None).unwrap())
    })
}

fn any_query() -> impl Strategy<Value = AskContext> {
    let who = prop::sample::select(vec![("RS", "MK"), ("MK", "RS"), ("AL", "MK"), ("AL", "XK")]);
    let codes = (
        prop::sample::select(ExchangeKind::ALL),
        prop::sample::select(Purpose::ALL),
        prop::sample::select(LegalBasis::ALL),
        prop::sample::select(Modality::ALL),
    );
    let numbers = (1..8_u32, 0..8_u32, 0..8_u32, -3..8_i16, 0..86_400_i64);
    (who, "border|asylum", codes, any::<bool>(), numbers).prop_map(
        |((asker, holder), register, (exchange, purpose, legal_basis, modality), case_reference, numbers)| {
            let (batch_size, quota_used, quota_limit, reciprocity, now) = numbers;
            AskContext {
                asker: asker.parse().unwrap(),
                holder: holder.parse().unwrap(),
                register: register.parse().unwrap(),
                now: Timestamp(now),
                ..AskContext {
                    exchange,
                    modality: Some(modality),
                    purpose,
                    legal_basis,
                    case_reference,
                    batch_size,
                    quota_used,
                    quota_limit,
                    reciprocity,
                    ..query()
                }
            }
        },
    )
}

fn any_search() -> impl Strategy<Value = (SearchContext, RecordClass)> {
    (any_query(), 0..slice::CLASSES).prop_map(|(ask, class)| {
        let AskContext { asker, holder, register, purpose, exchange, .. } = ask;
        (SearchContext { asker, holder, register, purpose, exchange }, slice::class(class))
    })
}

/// Whether the report, read as a person would, says what the decisions say.
fn agrees(
    changes: &Changes,
    facts: &Facts,
    books: [&Rulebook; 2],
    [before, after]: [bool; 2],
) -> Result<(), TestCaseError> {
    let text = books.map(|book| book.shared().text()).concat();
    let names = ["RS", "MK", "MK/border"];
    let named: Vec<_> = names.into_iter().filter(|name| text.contains(&format!("\"{name}"))).collect();
    let regions: Vec<_> = changes
        .regions
        .iter()
        .filter(|region| region.region.iter().all(|c| meets(c, facts, &named)))
        .collect();
    let said: Vec<bool> = regions.iter().map(|region| region.widened).collect();
    let expected: Vec<bool> = (before != after).then_some(after).into_iter().collect();
    prop_assert_eq!(said, expected, "{:?}\n{}", facts, changes);
    Ok(())
}

fn consistent(changes: &Changes) -> Result<(), TestCaseError> {
    let sum =
        |widened| changes.regions.iter().filter(|r| r.widened == widened).map(|r| r.requests).sum::<u64>();
    prop_assert_eq!((sum(true), sum(false)), (changes.widened, changes.narrowed));
    for region in &changes.regions {
        prop_assert_eq!(region.after.permitted, region.widened, "{:?}", region);
        prop_assert_eq!(region.before.permitted, !region.widened, "{:?}", region);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The report against decisions on random queries.
    #[test]
    fn queries_change_as_the_report_says(
        a in rules("action == Action::\"QueryExact\"", query_condition().boxed()),
        b in rules("action in [Action::\"QueryExact\", Action::\"QueryCount\"]", query_condition().boxed()),
        queries in prop::collection::vec(any_query(), 200),
    ) {
        let (Some(a), Some(b)) = (a, b) else { return Ok(()) };
        let diff = match diff(&a, &b, usize::MAX) {
            Ok(diff) => diff,
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        consistent(&diff.queries)?;
        prop_assert!(diff.queries.sampled.is_empty());
        prop_assert_eq!(diff.searches.widened + diff.searches.narrowed, 0);
        for query in queries {
            agrees(&diff.queries, &Facts::query(&query), [&a, &b], [&a, &b].map(|book| book.ask(&query).permitted))?;
        }
    }

    /// The same with matches, whose modality other queries do not have.
    #[test]
    fn matches_change_as_the_report_says(
        a in rules("action == Action::\"QueryMatch\"", match_condition().boxed()),
        b in rules("action in [Action::\"QueryExact\", Action::\"QueryMatch\"]", query_condition().boxed()),
        queries in prop::collection::vec(any_query(), 200),
    ) {
        let (Some(a), Some(b)) = (a, b) else { return Ok(()) };
        let diff = match diff(&a, &b, usize::MAX) {
            Ok(diff) => diff,
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        consistent(&diff.queries)?;
        for query in queries {
            agrees(&diff.queries, &Facts::query(&query), [&a, &b], [&a, &b].map(|book| book.ask(&query).permitted))?;
        }
    }

    /// The same with clauses that look at what a query has.
    #[test]
    fn queries_of_all_kinds_change_as_the_report_says(
        a in rules("action in [Action::\"QueryExact\", Action::\"QueryCount\", Action::\"QueryMatch\"]", any_kind_condition().boxed()),
        b in rules("action in [Action::\"QueryExact\", Action::\"QueryMatch\"]", any_kind_condition().boxed()),
        queries in prop::collection::vec(any_query(), 200),
    ) {
        let (Some(a), Some(b)) = (a, b) else { return Ok(()) };
        let diff = match diff(&a, &b, usize::MAX) {
            Ok(diff) => diff,
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        consistent(&diff.queries)?;
        for query in queries {
            agrees(&diff.queries, &Facts::query(&query), [&a, &b], [&a, &b].map(|book| book.ask(&query).permitted))?;
        }
    }

    /// The report against decisions on random searches.
    #[test]
    fn searches_change_as_the_report_says(
        a in rules("action == Action::\"Search\"", search_condition().boxed()),
        b in rules("action == Action::\"Search\"", search_condition().boxed()),
        searches in prop::collection::vec(any_search(), 200),
    ) {
        let (Some(a), Some(b)) = (a, b) else { return Ok(()) };
        let diff = diff(&a, &b, usize::MAX).unwrap();
        consistent(&diff.searches)?;
        for (search, class) in searches {
            let may = [&a, &b].map(|book| book.search(&search, &class).permitted);
            agrees(&diff.searches, &Facts::search(&search, &class), [&a, &b], may)?;
        }
    }
}

/// What a query has tells its kind, so a clause that looks at it looks at the kind.
#[test]
fn what_a_request_has_is_looked_at() {
    let any = "action in [Action::\"QueryExact\", Action::\"QueryMatch\"]";
    let before =
        clause("some", &format!("permit(principal, {any}, resource) when {{ context.caseReference }};"));
    let more =
        clause("more", &format!("permit(principal, {any}, resource) when {{ !(context has modality) }};"));
    let diff = diff(&book(&before), &book(&(before.clone() + &more)), 10).unwrap();
    let [region] = &diff.queries.regions[..] else { panic!("{diff}") };
    assert_eq!(region.region[0].attribute, Attribute::Exchange, "{diff}");
    assert_eq!((region.region[0].values.as_str(), region.widened), ("exact", true), "{diff}");
}

/// Every request of a small space, counted by asking one by one.
#[test]
fn counts_are_those_of_a_plain_count() {
    let narrow = "permit(principal, action == Action::\"QueryExact\", resource) when { context.batchSize <= 20 && context.caseReference };";
    let wide =
        "permit(principal, action == Action::\"QueryExact\", resource) when { context.batchSize <= 50 };";
    let (a, b) = (book(&clause("a", narrow)), book(&clause("b", wide)));
    let diff = diff(&a, &b, 10).unwrap();
    let (mut compared, mut widened, mut narrowed) = (0, 0, 0);
    for exchange in ExchangeKind::ALL {
        for case_reference in [false, true] {
            for batch_size in [19, 20, 21, 49, 50, 51] {
                let query = AskContext { exchange: *exchange, case_reference, batch_size, ..query() };
                compared += 1;
                widened += u64::from(!a.ask(&query).permitted && b.ask(&query).permitted);
                narrowed += u64::from(a.ask(&query).permitted && !b.ask(&query).permitted);
            }
        }
    }
    let Changes { compared: c, widened: w, narrowed: n, .. } = diff.queries;
    assert_eq!((c, w, n), (compared, widened, narrowed));
}

#[test]
fn a_rulebook_is_equal_to_itself() {
    let one = Rulebook::new(shared(PCC_BILATERAL), Some(national(NATIONAL_EXAMPLE))).unwrap();
    let spaced = shared(&PCC_BILATERAL.replace('\n', "\r\n  // a remark\n"));
    let same = Rulebook::new(spaced, Some(national(NATIONAL_EXAMPLE))).unwrap();
    let diff = diff(&one, &same, 5).unwrap();
    assert!(diff.added.is_empty() && diff.removed.is_empty() && diff.changed.is_empty());
    for changes in [diff.queries, diff.searches] {
        assert_eq!((changes.widened, changes.narrowed, changes.regions.len()), (0, 0, 0));
        assert!(changes.compared > 1_000, "{}", changes.compared);
    }
}

#[test]
fn national_rules_never_widen() {
    let alone = Rulebook::new(shared(PCC_BILATERAL), None).unwrap();
    let both = Rulebook::new(shared(PCC_BILATERAL), Some(national(NATIONAL_EXAMPLE))).unwrap();
    let diff = diff(&alone, &both, 100).unwrap();
    assert_eq!((diff.queries.widened, diff.searches.widened), (0, 0));
    assert!(diff.queries.narrowed > 0 && diff.searches.narrowed > 0);
    assert_eq!(diff.added.len(), 5);
}

#[test]
fn floors_do_not_change() {
    let nothing = book(&clause("none", "forbid(principal, action, resource);"));
    let all = book(&clause("all", "permit(principal, action, resource);"));
    let diff = diff(&nothing, &all, 10).unwrap();
    let [region] = &diff.searches.regions[..] else { panic!("{diff}") };
    assert_eq!(region.region.len(), 2);
    assert_eq!(
        (region.region[0].attribute, region.region[0].values.as_str()),
        (Attribute::Provenance, "own, partner")
    );
    assert_eq!((region.region[1].attribute, region.region[1].values.as_str()), (Attribute::Blocked, "no"));
}

#[test]
fn arithmetic_is_owned_up_to() {
    let permit = |condition: &str| {
        let text =
            format!("permit(principal, action == Action::\"QueryExact\", resource) when {{ {condition} }};");
        book(&clause("a", &text))
    };
    for (a, b) in [
        ("context.quotaUsed + 1 <= context.quotaLeft", "context.quotaUsed + 2 <= context.quotaLeft"),
        ("context.quotaUsed <= context.quotaLeft", "context.quotaUsed < context.quotaLeft"),
        ("context.batchSize * 3 < 3000", "context.batchSize * 3 < 2999"),
        ("context.now.toTime() < duration(\"5h\")", "context.caseReference"),
    ] {
        let changes = diff(&permit(a), &permit(b), 10).unwrap();
        assert_eq!((changes.queries.sampled.len(), changes.changed.len()), (1, 1), "{a}");
        assert!(changes.searches.sampled.is_empty());
    }
    let changes = diff(
        &permit("context.quotaUsed <= context.quotaLeft"),
        &permit("context.quotaUsed < context.quotaLeft"),
        10,
    );
    let changes = changes.unwrap().queries;
    assert!(changes.narrowed > 0 && changes.widened == 0, "every order of the two was tried");
    let exact =
        diff(&permit("context.quotaUsed < 5 || context.hour > 7"), &permit("context.hour > 7"), 10).unwrap();
    assert!(exact.queries.sampled.is_empty());
}

/// A clause about both questions: what it says of records is no error for queries.
#[test]
fn clauses_about_both_questions_stay_apart() {
    let all = clause("all", "permit(principal, action, resource);");
    let forbid = "forbid(principal, action, resource) when { resource is Record && resource.contested };";
    let diff = diff(&book(&all), &book(&(all.clone() + &clause("contested", forbid))), 10).unwrap();
    assert_eq!((diff.queries.widened, diff.queries.narrowed), (0, 0));
    assert_eq!(diff.searches.regions.len(), 1);
    assert!(
        diff.searches.regions[0]
            .region
            .iter()
            .any(|c| c.attribute == Attribute::Contested && c.values == "yes")
    );
}

#[test]
fn a_space_that_explodes_is_named() {
    let mut body = Vec::new();
    for (n, attribute) in ["batchSize", "quotaUsed", "quotaLeft"].into_iter().enumerate() {
        body.extend((0..12).map(|i| format!("context.{attribute} == {}", 1000 * (i + 12 * n as i64))));
    }
    let text = format!(
        "permit(principal, action == Action::\"QueryExact\", resource) when {{ {} }};",
        body.join(" || ")
    );
    let book = book(&clause("bomb", &text));
    let error = diff(&book, &book, 10).unwrap_err().to_string();
    assert!(
        error.contains("`bomb`") && error.contains("batch size (") && error.contains("quota left ("),
        "{error}"
    );
}

#[test]
fn the_report_reads_well() {
    let before = PCC_BILATERAL;
    let after = before
        .replace("context.batchSize <= 20", "context.batchSize <= 50")
        .replace("when { resource.vulnerable &&", "when {")
        .replace("@id(\"onward\")", "@id(\"passing-on\")");
    let diff = diff(&book(before), &book(&after), 3).unwrap();
    let report = diff.to_string();
    for line in [
        "added: passing-on (shared rules, Art. 7(6); Regulation (EU) 2024/982, Art. 60): Data received from another partner is not passed on",
        "removed: onward (shared rules, Art. 7(6); Regulation (EU) 2024/982, Art. 60): Data received from another partner is not passed on",
        "+ now permitted: exchange: exact; purpose: CHILD_PROTECTION, MISSING_HUMANITARIAN, REMAINS; case reference: yes; batch size: 21 to 50",
    ] {
        assert!(report.contains(line), "{line}\n---\n{report}");
    }
}

/// The place of a clause in the text is no part of it.
#[test]
fn a_clause_that_only_moved_is_not_changed() {
    let clause = |id: &str, condition: &str| {
        format!(
            "@id(\"{id}\")\n@title(\"{id}\")\npermit(principal, action == Action::\"QueryExact\", resource) when {{ {condition} }};\n"
        )
    };
    let [a, b, c] = ["a", "b", "c"].map(|id| clause(id, "context.purpose == Purpose::\"RETURN_ID\""));
    let other = clause("b", "context.purpose == Purpose::\"TERRORISM\"");
    let book = |text: String| Rulebook::new(RuleSet::parse(&text, Kind::Shared).unwrap(), None).unwrap();
    let before = book(format!("{a}{b}"));
    let named = |clauses: &[ClauseRef]| clauses.iter().map(|clause| clause.id.clone()).collect::<Vec<_>>();
    let moved = diff(&before, &book(format!("{c}{b}{a}")), 10).unwrap();
    assert_eq!((named(&moved.added), named(&moved.changed)), (vec!["c".to_owned()], vec![]));
    let changed = diff(&before, &book(format!("{c}{other}{a}")), 10).unwrap();
    assert_eq!(
        (named(&changed.added), named(&changed.changed)),
        (vec!["c".to_owned()], vec!["b".to_owned()])
    );
}
