use super::*;
use crate::words::{AgeBand, Category, LegalBasis, Modality, Provenance, Purpose, Timestamp};

pub(super) fn shared(text: &str) -> RuleSet {
    RuleSet::parse(text, Kind::Shared).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

pub(super) fn national(text: &str) -> RuleSet {
    RuleSet::parse(text, Kind::National).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

pub(super) fn book(text: &str) -> Rulebook {
    Rulebook::new(shared(text), None).unwrap()
}

pub(super) fn clause(id: &str, rest: &str) -> String {
    format!("@id(\"{id}\")\n@title(\"About {id}\")\n{rest}\n")
}

pub(super) fn query() -> AskContext {
    AskContext {
        asker: "RS".parse().unwrap(),
        officer: "ana.petrovic".parse().unwrap(),
        holder: "MK".parse().unwrap(),
        register: "border".parse().unwrap(),
        exchange: ExchangeKind::Exact,
        modality: Some(Modality::Iris),
        purpose: Purpose::SeriousCrime,
        legal_basis: LegalBasis::PccPrum,
        case_reference: true,
        batch_size: 3,
        quota_used: 40,
        quota_limit: 100,
        officer_used: 4,
        officer_left: 6,
        reciprocity: 0,
        balance: 0,
        unexplained: 0,
        now: "2026-11-23T10:00:00Z".parse().unwrap(),
    }
}

pub(super) fn search(purpose: Purpose) -> SearchContext {
    let AskContext { asker, holder, register, .. } = query();
    SearchContext { asker, holder, register, purpose, exchange: ExchangeKind::Exact }
}

pub(super) fn wanted() -> RecordClass {
    RecordClass {
        category: Category::Wanted,
        age: AgeBand::Adult,
        provenance: Provenance::Own,
        own_citizen: false,
        vulnerable: false,
        marked: false,
        blocked: false,
        contested: false,
    }
}

/// Reads a constraint as a person would, where the rules name these agencies and registers.
pub(super) fn meets(constraint: &Constraint, facts: &Facts, named: &[&str]) -> bool {
    let found = facts.show(constraint.attribute);
    let found = match constraint.attribute {
        Attribute::Asker => {
            named.iter().find(|code| found.starts_with(**code)).unwrap_or(&"any other agency").to_string()
        }
        Attribute::Register if named.contains(&found.as_str()) => found,
        Attribute::Register => match named.iter().find(|code| found.starts_with(**code)) {
            Some(holder) => format!("any other register of {holder}"),
            None => "any register of another agency".to_owned(),
        },
        _ => found,
    };
    let number = |text: &str| match constraint.attribute {
        Attribute::Now => text.parse::<Timestamp>().unwrap().0,
        _ => text.parse::<i64>().unwrap(),
    };
    if let Some(rest) = constraint.values.strip_prefix("all but ") {
        return rest.split(", ").all(|value| value != found);
    }
    constraint.values.split(", ").any(|value| {
        if let Some(least) = value.strip_suffix(" or more") {
            number(&found) >= number(least)
        } else if let Some(most) = value.strip_prefix("up to ") {
            number(&found) <= number(most)
        } else if let Some((least, most)) = value.split_once(" to ") {
            (number(least)..=number(most)).contains(&number(&found))
        } else {
            value == "any"
                || value == found
                || constraint.attribute == Attribute::Now && number(value) == number(&found)
        }
    })
}

#[test]
fn the_code_lists_of_the_schema_are_those_of_the_words() {
    let json: serde_json::Value = {
        let (fragment, _) = cedar_policy::SchemaFragment::from_cedarschema_str(SCHEMA).unwrap();
        fragment.to_json_value().unwrap()
    };
    let list = |name: &str| -> Vec<String> {
        serde_json::from_value(json[""]["entityTypes"][name]["enum"].clone()).unwrap()
    };
    fn codes<T: Copy>(all: &[T], text: fn(T) -> &'static str) -> Vec<&'static str> {
        all.iter().map(|code| text(*code)).collect()
    }
    assert_eq!(list("Purpose"), codes(Purpose::ALL, Purpose::as_str));
    assert_eq!(list("LegalBasis"), codes(LegalBasis::ALL, LegalBasis::as_str));
    assert_eq!(list("Category"), codes(Category::ALL, Category::as_str));
    assert_eq!(list("Provenance"), codes(Provenance::ALL, Provenance::as_str));
    assert_eq!(list("Modality"), codes(Modality::ALL, Modality::as_str));
    assert_eq!(list("Exchange"), codes(ExchangeKind::ALL, ExchangeKind::as_str));
}

#[test]
fn every_request_fits_the_schema() {
    let all = book(&clause("all", "permit(principal, action, resource);"));
    for &exchange in ExchangeKind::ALL {
        for &purpose in Purpose::ALL {
            for &legal_basis in LegalBasis::ALL {
                let query = AskContext { exchange, purpose, legal_basis, ..query() };
                assert!(all.ask(&query).permitted, "{}", all.ask(&query));
            }
            assert!(all.search(&SearchContext { exchange, ..search(purpose) }, &wanted()).permitted);
        }
    }
}

#[test]
fn national_rules_only_restrict() {
    let text = clause("a", "permit(principal, action, resource);");
    let errors = RuleSet::parse(&text, Kind::National).unwrap_err();
    assert!(errors.0[0].what.contains("cannot permit"), "{errors}");
    let set = national(NATIONAL_EXAMPLE);
    assert!(matches!(Rulebook::new(set.clone(), None), Err(RulebookError::Kind { .. })));
    assert!(matches!(Rulebook::new(shared(&text), Some(shared(&text))), Err(RulebookError::Kind { .. })));
    // The same @id may stand in both.
    let both = clause("night", "permit(principal, action, resource);");
    let book = Rulebook::new(shared(&both), Some(set)).unwrap();
    let late = AskContext { now: "2026-11-23T23:00:00Z".parse().unwrap(), ..query() };
    assert!(book.ask(&query()).permitted);
    let decision = book.ask(&late);
    assert_eq!(decision.reason, Reason::ForbiddenBy);
    assert_eq!((decision.clauses[0].kind, decision.clauses[0].id.as_str()), (Kind::National, "night"));
}

#[test]
fn the_default_is_refusal() {
    let empty = book("// nothing\n");
    assert_eq!(empty.ask(&query()).reason, Reason::NothingPermits);
    assert_eq!(empty.search(&search(Purpose::Terrorism), &wanted()).reason, Reason::NothingPermits);
    assert_eq!(empty.slice(&search(Purpose::Terrorism)).classes(), 0);
}

#[test]
fn an_erring_clause_refuses_whatever_the_others_say() {
    let permit = clause("all", "permit(principal, action, resource);");
    let query_only = "(principal, action == Action::\"QueryExact\", resource)";
    for effect in ["forbid", "permit"] {
        let overflow =
            format!("{effect}{query_only} when {{ context.batchSize * 9223372036854775807 < 0 }};");
        let decision = book(&(permit.clone() + &clause("overflow", &overflow))).ask(&query());
        assert!(!decision.permitted);
        assert!(matches!(decision.reason, Reason::EvaluationError(_)), "{decision}");
        assert_eq!(decision.clauses[0].id, "overflow");
    }
}

#[test]
fn floors_hold_under_rules_that_permit_all() {
    let all = book(&clause("all", "permit(principal, action, resource);"));
    let context = search(Purpose::Terrorism);
    let slice = all.slice(&context);
    for i in 0..slice::CLASSES {
        let class = slice::class(i);
        let may = !class.blocked && class.provenance != Provenance::Eu;
        assert_eq!(slice.contains(&class), may, "{class:?}");
        assert_eq!(all.search(&context, &class).permitted, may);
    }
    let blocked = RecordClass { blocked: true, ..wanted() };
    assert_eq!(all.search(&context, &blocked).reason, Reason::Floor(Floor::Blocked));
}

#[test]
fn classes_count_themselves() {
    let mut seen = std::collections::BTreeSet::new();
    for i in 0..slice::CLASSES {
        assert_eq!(slice::index(&slice::class(i)), i);
        seen.insert(slice::class(i));
    }
    assert_eq!((slice::CLASSES, seen.len()), (2304, 2304));
}

#[test]
fn a_slice_is_what_cedar_says_of_every_class() {
    let book = Rulebook::new(shared(PCC_BILATERAL), Some(national(NATIONAL_EXAMPLE))).unwrap();
    for &purpose in Purpose::ALL {
        for &exchange in ExchangeKind::ALL {
            let context = SearchContext { exchange, ..search(purpose) };
            let slice = book.slice(&context);
            for i in 0..slice::CLASSES {
                let class = slice::class(i);
                let response = Facts::search(&context, &class).put(&book.policies).unwrap();
                assert_eq!(response.diagnostics().errors().count(), 0);
                let may = response.decision() == Verdict::Allow && Floor::of(&class).is_none();
                assert_eq!(slice.contains(&class), may, "{purpose} {class:?}");
            }
        }
    }
}

#[test]
fn the_library_says_what_it_promises() {
    let book = Rulebook::new(shared(PCC_BILATERAL), None).unwrap();
    assert!(book.ask(&query()).permitted);
    for (query, reason) in [
        (AskContext { case_reference: false, ..query() }, Reason::NothingPermits),
        (AskContext { batch_size: 21, ..query() }, Reason::NothingPermits),
        (AskContext { legal_basis: LegalBasis::VitalInterest, ..query() }, Reason::NothingPermits),
        (AskContext { exchange: ExchangeKind::Count, ..query() }, Reason::NothingPermits),
        (AskContext { purpose: Purpose::Simulation, ..query() }, Reason::ForbiddenBy),
        (AskContext { quota_used: 101, ..query() }, Reason::ForbiddenBy),
    ] {
        assert_eq!(book.ask(&query).reason, reason, "{query:?}");
    }
    let takes_part = |purpose, class: RecordClass| book.slice(&search(purpose)).contains(&class);
    let migrant = RecordClass { category: Category::IrregularCrossing, ..wanted() };
    for age in [AgeBand::Minor, AgeBand::Doubtful] {
        let child = RecordClass { age, ..migrant };
        assert!(takes_part(Purpose::ChildProtection, child));
        assert!(takes_part(Purpose::MissingHumanitarian, child));
        assert!(!takes_part(Purpose::ReturnId, child));
        assert!(!takes_part(Purpose::SeriousCrime, child));
    }
    assert!(takes_part(Purpose::SeriousCrime, wanted()));
    assert!(!takes_part(Purpose::SeriousCrime, RecordClass { own_citizen: true, ..wanted() }));
    assert!(!takes_part(Purpose::SeriousCrime, RecordClass { contested: true, ..wanted() }));
    assert!(!takes_part(Purpose::ReturnId, RecordClass { vulnerable: true, ..migrant }));
    assert!(!takes_part(Purpose::ReturnId, RecordClass { provenance: Provenance::Partner, ..migrant }));
}

#[test]
fn hours_and_days_follow_from_the_time() {
    for (time, hour, weekday) in
        [("1970-01-01T00:00:00Z", 0, 4), ("2026-11-23T10:59:59Z", 10, 1), ("1969-12-31T23:59:59Z", 23, 3)]
    {
        let now: Timestamp = time.parse().unwrap();
        let Facts::Query { hour: h, weekday: d, .. } = Facts::query(&AskContext { now, ..query() }) else {
            panic!("a query");
        };
        assert_eq!((h, d), (hour, weekday), "{time}");
    }
}

#[test]
fn a_time_beyond_the_calendar_refuses() {
    let all = book(&clause("all", "permit(principal, action, resource);"));
    let decision = all.ask(&AskContext { now: Timestamp(i64::MAX), ..query() });
    assert!(matches!(decision.reason, Reason::EvaluationError(_)), "{decision}");
}
