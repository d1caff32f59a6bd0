use proptest::prelude::*;
use rayon::prelude::*;

use crate::{
    class::RecordClass,
    rules::{facts::*, ruling::Said, slice, tests::*, *},
    words::{Field, LegalBasis, Modality, OfficerId, Purpose, Timestamp},
};

mod whole;

fn holds(book: &Rulebook, request: Request<'_>) {
    assert_eq!(book.rule(request).decision(), book.consult(request), "{request:?}");
}

/// Whether a request is decided without Cedar.
fn tabled(book: &Rulebook, request: Request<'_>) -> bool {
    !matches!(book.rule(request).0, Said::Decided(_))
}

/// Rules about a few attributes, so that every class of request can be put to both.
const FEW: &str = r#"
@id("p1") @title("a") permit(principal, action == Action::"QueryExact", resource)
when { [Purpose::"TERRORISM", Purpose::"SERIOUS_CRIME"].contains(context.purpose) && context.batchSize <= 20 };
@id("p2") @title("b") permit(principal in Agency::"RS", action, resource in Agency::"MK");
@id("p3") @title("c") permit(principal == Officer::"AL/edi", action == Action::"Release", resource)
unless { resource.minor || context.approvals < 2 };
@id("p4") @title("d") permit(principal, action == Action::"Search", resource in Register::"MK/border")
when { resource.category == Category::"WANTED" || context.purpose == Purpose::"REMAINS" };
@id("f1") @title("e")
forbid(principal, action in [Action::"QueryExact", Action::"QueryCount", Action::"QueryMatch"], resource)
unless { context.caseReference };
@id("f2") @title("f") forbid(principal, action == Action::"QueryExact", resource)
when { context.hour < 6 || context.hour >= 20 };
@id("f3") @title("g") forbid(principal == Officer::"RS/ana", action == Action::"QueryMatch", resource)
when { context.modality == Modality::"FACE" && context.batchSize > 3 };
@id("f4") @title("h") forbid(principal, action == Action::"Search", resource)
when { resource.ownCitizen && context.exchange != Exchange::"count" };
@id("f5") @title("i") forbid(principal, action == Action::"Release", resource)
when { context.field == Field::"NAME" && !(context.approvals == 1 && resource.contested) };
@id("e1") @title("j") forbid(principal, action == Action::"QueryCount", resource)
when { context.purpose == Purpose::"REMAINS" && context.batchSize * 4611686018427387904 > 0 };
"#;

/// Every class that these rules can tell apart, each put to Cedar: officers, registers, purposes,
/// numbers on every side of those that are compared with, and every class of records.
#[test]
fn every_class_is_decided_as_cedar_decides_it() {
    let night = clause(
        "night",
        r#"forbid(principal, action == Action::"QueryCount", resource) when { context.hour == 3 };"#,
    );
    let book = Rulebook::new(shared(FEW), Some(national(&night))).unwrap();
    let askers = [("RS", "ana"), ("RS", "bo"), ("AL", "edi"), ("AL", "ana"), ("XK", "edi")];
    let registers = [("MK", "border"), ("MK", "asylum"), ("BA", "border")];
    let purposes = [Purpose::Terrorism, Purpose::SeriousCrime, Purpose::Remains, Purpose::ReturnId];
    let places: Vec<_> =
        askers.iter().flat_map(|who| registers.iter().map(move |what| (*who, *what))).collect();
    let queries: usize = places
        .par_iter()
        .map(|((asker, officer), (holder, register))| {
            let mut query = AskContext {
                asker: asker.parse().unwrap(),
                officer: officer.parse().unwrap(),
                holder: holder.parse().unwrap(),
                register: register.parse().unwrap(),
                ..query()
            };
            let mut count = 0;
            for &exchange in ExchangeKind::ALL {
                query.exchange = exchange;
                for purpose in purposes {
                    query.purpose = purpose;
                    for batch_size in [1, 2, 3, 4, 19, 20, 21] {
                        query.batch_size = batch_size;
                        for hour in [2, 3, 4, 5, 6, 19, 20] {
                            query.now = Timestamp(1_800_000_000 / 86_400 * 86_400 + hour * 3_600 + 59);
                            for (case_reference, modality) in
                                [(true, Modality::Face), (false, Modality::Face), (true, Modality::Iris)]
                            {
                                (query.case_reference, query.modality) = (case_reference, Some(modality));
                                holds(&book, Request::Query(&query));
                                let open = exchange == ExchangeKind::Count && purpose == Purpose::Remains;
                                assert_eq!(tabled(&book, Request::Query(&query)), !open);
                                count += 1;
                            }
                        }
                    }
                }
            }
            count
        })
        .sum();
    assert_eq!(queries, 15 * 3 * 4 * 7 * 7 * 3);
    places.par_iter().for_each(|((asker, officer), (holder, register))| {
        let (asker, holder) = (asker.parse().unwrap(), holder.parse().unwrap());
        let (officer, register) = (officer.parse::<OfficerId>().unwrap(), register.parse().unwrap());
        // Classes of records in turn: each search meets one of four purposes, so this samples the product.
        let mut search =
            SearchContext { asker, holder, register, purpose: purposes[0], exchange: ExchangeKind::Exact };
        for i in (0..slice::CLASSES).filter(|i| i % 3 == 0 || i % 32 < 2) {
            let class = slice::class(i);
            for exchange in [ExchangeKind::Exact, ExchangeKind::Count] {
                search.exchange = exchange;
                search.purpose = purposes[(i / 3) % purposes.len()];
                holds(&book, Request::Search(&search, &class));
                assert!(tabled(&book, Request::Search(&search, &class)));
            }
            let SearchContext { asker, holder, register, purpose, exchange } = search.clone();
            for (field, approvals) in
                [(Field::Name, 0), (Field::Name, 1), (Field::Name, 2), (Field::Sex, 1), (Field::Sex, 2)]
            {
                let (asker, holder, register) = (asker.clone(), holder.clone(), register.clone());
                let (officer, legal_basis) = (OfficerId::clone(&officer), LegalBasis::Bilat);
                let release = ReleaseContext {
                    asker,
                    officer,
                    holder,
                    register,
                    purpose,
                    legal_basis,
                    exchange,
                    field,
                    approvals,
                };
                holds(&book, Request::Release(&release, &class));
                assert!(tabled(&book, Request::Release(&release, &class)));
            }
        }
    });
}

/// No ready clause is left to Cedar.
#[test]
fn the_ready_rules_are_decided_by_tables_alone() {
    for set in library().unwrap() {
        let book = Rulebook::new(set.clone(), Some(national(NATIONAL_EXAMPLE))).unwrap();
        for &exchange in ExchangeKind::ALL {
            for &purpose in Purpose::ALL {
                let query = AskContext { exchange, purpose, ..query() };
                assert!(tabled(&book, Request::Query(&query)));
                holds(&book, Request::Query(&query));
                let search = SearchContext { exchange, ..search(purpose) };
                assert!(tabled(&book, Request::Search(&search, &wanted())));
                for &field in Field::ALL {
                    let release = ReleaseContext { field, ..release(&query) };
                    assert!(tabled(&book, Request::Release(&release, &wanted())));
                    holds(&book, Request::Release(&release, &wanted()));
                }
            }
        }
    }
}

fn release(ask: &AskContext) -> ReleaseContext {
    let AskContext { asker, officer, holder, register, purpose, legal_basis, exchange, .. } = ask.clone();
    ReleaseContext {
        asker,
        officer,
        holder,
        register,
        purpose,
        legal_basis,
        exchange,
        field: Field::Sex,
        approvals: 1,
    }
}

/// Conditions on any question, by how they begin: `context` of queries, of searches, of releases.
fn condition(kind: usize) -> impl Strategy<Value = String> {
    let anywhere = [
        "context.purpose == Purpose::\"TERRORISM\"",
        "[Purpose::\"REMAINS\", Purpose::\"RETURN_ID\"].contains(context.purpose)",
        "principal in Agency::\"RS\"",
        "resource in Register::\"MK/border\"",
        "resource in Agency::\"MK\"",
    ];
    let own = match kind {
        0 => vec![
            "context.legalBasis != LegalBasis::\"BILAT\"",
            "context.caseReference",
            "principal == Officer::\"RS/ana\"",
            "context.quotaUsed <= context.quotaLeft",
            "context.batchSize + context.quotaUsed > 6",
            "context.batchSize * 2305843009213693952 > 0",
            "context.balance - 9223372036854775807 < 0",
            "context.now < datetime(\"1970-01-01T05:00:00.500Z\")",
            "context.now.toTime() < duration(\"7h\")",
            "[context.hour, context.weekday] == [4]",
            "context.officerLeft < 0",
        ],
        1 => vec![
            "context.exchange == Exchange::\"count\"",
            "principal == Agency::\"AL\"",
            "resource in principal",
            "[Category::\"WANTED\", Category::\"MISSING\"].contains(resource.category)",
            "resource.minor",
            "resource.ageInDoubt",
            "resource.provenance == Provenance::\"own\"",
            "resource.contested",
            "context == {purpose: Purpose::\"REMAINS\", exchange: Exchange::\"exact\"}",
        ],
        _ => vec![
            "context.field == Field::\"NAME\"",
            "context.approvals >= 1",
            "context.approvals + context.approvals > 2",
            "context.approvals * 9223372036854775807 > 0",
            "principal == Officer::\"RS/ana\"",
            "resource.vulnerable",
            "resource.category != Category::\"WANTED\"",
            "context.legalBasis == LegalBasis::\"BILAT\"",
        ],
    };
    let mut words: Vec<String> = anywhere.iter().chain(&own).map(|text| (*text).to_owned()).collect();
    let numbers: &[&str] = match kind {
        0 => &[
            "batchSize",
            "quotaUsed",
            "quotaLeft",
            "officerUsed",
            "reciprocity",
            "balance",
            "unexplained",
            "hour",
            "weekday",
        ],
        _ => &[],
    };
    for (i, name) in numbers.iter().enumerate() {
        let op = ["<", "<=", ">", ">=", "==", "!="][i % 6];
        words.push(format!("context.{name} {op} {}", i % 4 + 1));
    }
    prop::sample::select(words).prop_recursive(2, 4, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("!({a} && {b})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
        ]
    })
}

fn drawn_clause() -> impl Strategy<Value = (bool, String)> {
    let actions = [
        vec![
            "action == Action::\"QueryExact\"",
            "action == Action::\"QueryMatch\"",
            "action in [Action::\"QueryExact\", Action::\"QueryCount\", Action::\"QueryMatch\"]",
        ],
        vec!["action == Action::\"Search\""],
        vec!["action == Action::\"Release\""],
    ];
    (0..3_usize).prop_flat_map(move |kind| {
        let words = (any::<bool>(), prop::sample::select(actions[kind].clone()), any::<bool>());
        (words, prop::collection::vec(condition(kind), 0..3)).prop_map(
            |((permit, action, unless), conditions)| {
                let effect = if permit { "permit" } else { "forbid" };
                let body: Vec<_> = conditions
                    .iter()
                    .map(|condition| format!("{} {{ {condition} }}", if unless { "unless" } else { "when" }))
                    .collect();
                (permit, format!("{effect}(principal, {action}, resource) {};", body.join(" ")))
            },
        )
    })
}

/// Rules of a few random clauses; those that are refused, as impossible ones are, are left out.
fn drawn_book() -> impl Strategy<Value = Rulebook> {
    prop::collection::vec(drawn_clause(), 1..12).prop_map(|clauses| {
        let (mut permits, mut forbids) = (String::new(), String::new());
        for (i, (permit, text)) in clauses.iter().enumerate() {
            let text = clause(&format!("c{i}"), text);
            let kind = if i % 3 == 2 && !permit { Kind::National } else { Kind::Shared };
            if RuleSet::parse(&text, kind).is_ok() {
                if kind == Kind::National { &mut forbids } else { &mut permits }.push_str(&text);
            }
        }
        Rulebook::new(shared(&permits), Some(national(&forbids))).unwrap()
    })
}

fn drawn_query() -> impl Strategy<Value = AskContext> {
    let who =
        prop::sample::select(vec![("RS", "MK"), ("MK", "RS"), ("AL", "MK"), ("AL", "XK"), ("XK", "XK")]);
    let codes = (
        prop::sample::select(ExchangeKind::ALL),
        prop_oneof![Just(Purpose::Terrorism), prop::sample::select(Purpose::ALL)],
        prop_oneof![Just(LegalBasis::Bilat), prop::sample::select(LegalBasis::ALL)],
        prop::option::weighted(0.95, prop::sample::select(Modality::ALL)),
    );
    let small = (0..8_u32, 0..8_u32, 0..8_u32, 0..8_u32, -3..8_i16);
    let large = (
        prop_oneof![9 => -3..8_i64, 1 => any::<i64>()],
        prop_oneof![9 => -3..8_i64, 1 => any::<i64>()],
        prop_oneof![9 => 0..700_000_i64, 1 => any::<i64>()],
    );
    (who, "border|asylum", "ana|bo", codes, any::<bool>(), small, large).prop_map(
        |((asker, holder), register, officer, codes, case_reference, small, large)| AskContext {
            asker: asker.parse().unwrap(),
            holder: holder.parse().unwrap(),
            register: register.parse().unwrap(),
            officer: officer.parse().unwrap(),
            exchange: codes.0,
            purpose: codes.1,
            legal_basis: codes.2,
            modality: codes.3,
            case_reference,
            batch_size: small.0,
            quota_used: small.1,
            quota_limit: small.2,
            officer_used: small.3,
            reciprocity: small.4,
            officer_left: large.0,
            balance: large.1,
            unexplained: small.3 / 2,
            now: Timestamp(large.2),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Any rules, any request: the same decision, the same clauses, the same error.
    #[test]
    fn tables_say_what_cedar_says(
        book in drawn_book(),
        asked in prop::collection::vec((drawn_query(), 0..slice::CLASSES, prop::sample::select(Field::ALL), 0..4_u8), 24),
    ) {
        for (ask, class, field, approvals) in asked {
            let class: RecordClass = slice::class(class);
            let class = RecordClass { blocked: false, ..class };
            let SearchContext { purpose, exchange, .. } = search(ask.purpose);
            let AskContext { asker, holder, register, .. } = ask.clone();
            let search = SearchContext { asker, holder, register, purpose, exchange };
            let release = ReleaseContext { field, approvals, ..release(&ask) };
            for request in [Request::Query(&ask), Request::Search(&search, &class), Request::Release(&release, &class)] {
                let ruling = book.rule(request);
                let permitted = ruling.permitted();
                let decision = ruling.decision();
                prop_assert_eq!(permitted, decision.permitted);
                prop_assert_eq!(&decision, &book.consult(request), "{:?}\n{}\n{:?}", request, book.shared().text(), book.national().map(RuleSet::text));
            }
        }
    }
}

/// As many clauses as rules may have, on both sides.
#[test]
fn the_most_clauses_fit() {
    let many = |n: usize, effect: &str| -> String {
        (0..n)
            .map(|i| {
                let body = format!("{effect}(principal, action == Action::\"QueryExact\", resource) when {{ context.batchSize == {i} }};");
                clause(&format!("c{i}"), &body)
            })
            .collect()
    };
    let most = MAX_CLAUSES;
    let book = Rulebook::new(shared(&many(most, "permit")), Some(national(&many(most, "forbid")))).unwrap();
    for batch_size in [0, 1, 63, 64, 65, 498, 499, 500] {
        let query = AskContext { batch_size, ..query() };
        assert!(tabled(&book, Request::Query(&query)) || batch_size == 0);
        holds(&book, Request::Query(&query));
    }
}

/// Found at random: a clause that no number within the range meets was dropped, and then met by one beyond it.
#[test]
fn numbers_that_cannot_occur_are_left_to_cedar() {
    let never =
        r#"forbid(principal, action == Action::"QueryMatch", resource) when { context.batchSize < 1 };"#;
    let all = clause("all", "permit(principal, action, resource);");
    let book = book(&(all + &clause("never", never)));
    for batch_size in [0, 1] {
        let query = AskContext { exchange: ExchangeKind::Match, batch_size, ..query() };
        holds(&book, Request::Query(&query));
        assert_eq!(tabled(&book, Request::Query(&query)), batch_size == 1);
    }
}
