use crate::{
    class::RecordClass,
    rules::{tests::*, *},
    words::{AgeBand, LegalBasis, Provenance, Purpose},
};

/// The agreement's rules with one clause of the library added.
fn with(clause: &str) -> Rulebook {
    let (_, text) = ready_clause(clause).unwrap().unwrap_or_else(|| panic!("no clause {clause}"));
    book(&(super::super::tests::clause("all", "permit(principal, action, resource);") + text))
}

fn asked(clause: &str, query: AskContext) -> bool {
    with(clause).ask(&query).permitted
}

fn found(clause: &str, context: &SearchContext, class: RecordClass) -> bool {
    with(clause).search(context, &class).permitted
}

#[test]
fn every_clause_stands_alone_names_its_article_and_speaks_all_languages() {
    let mut seen = std::collections::BTreeSet::new();
    for set in library().unwrap() {
        for name in set.clauses() {
            assert!(seen.insert(name.id.clone()), "{} is there twice", name.id);
            assert!(name.article.as_deref().is_some_and(|article| article.starts_with("Art. ")), "{name:?}");
            let alone = shared(set.clause_text(&name.id).unwrap());
            assert_eq!(alone.clauses().collect::<Vec<_>>(), [name]);
            for language in Language::ALL {
                assert!(alone.speaks(*language), "{} has no title in {language}", name.id);
            }
        }
    }
    assert!(seen.len() >= 35, "{}", seen.len());
}

#[test]
fn clauses_about_queries_decide_as_their_titles_say() {
    let identity = AskContext { purpose: Purpose::ReturnId, ..query() };
    for (clause, refused, permitted) in [
        ("case-demanded", AskContext { case_reference: false, ..query() }, query()),
        ("police-basis", AskContext { legal_basis: LegalBasis::NatLaw, ..query() }, query()),
        (
            "migration-basis",
            AskContext { legal_basis: LegalBasis::Pcsc, ..identity.clone() },
            AskContext { legal_basis: LegalBasis::Readmission, ..identity },
        ),
        (
            "k-anonymous",
            AskContext { exchange: ExchangeKind::Count, batch_size: 99, ..query() },
            AskContext { exchange: ExchangeKind::Count, batch_size: 100, ..query() },
        ),
        ("officer-limit", AskContext { officer_left: -1, ..query() }, query()),
        (
            "reciprocity",
            AskContext { reciprocity: 501, balance: 1001, ..query() },
            AskContext { reciprocity: 501, balance: 1000, ..query() },
        ),
        (
            "hits-unexplained",
            AskContext { unexplained: 1, ..query() },
            AskContext { unexplained: 1, purpose: Purpose::Remains, ..query() },
        ),
        ("small-batches", AskContext { batch_size: 51, ..query() }, query()),
        ("expiry", AskContext { now: "2028-01-01T00:00:00Z".parse().unwrap(), ..query() }, query()),
        ("aggregates-only", query(), AskContext { exchange: ExchangeKind::Count, ..query() }),
        ("quota", AskContext { quota_used: 101, ..query() }, query()),
    ] {
        assert!(!asked(clause, refused.clone()), "{clause}: {refused:?}");
        assert!(asked(clause, permitted.clone()), "{clause}: {permitted:?}");
    }
    // With the parties not put in, nobody asks.
    assert!(!asked("one-asks", query()));
}

#[test]
fn clauses_about_records_decide_as_their_titles_say() {
    let police = search(Purpose::SeriousCrime);
    let doubtful = RecordClass { age: AgeBand::Doubtful, ..wanted() };
    let minor = RecordClass { age: AgeBand::Minor, ..wanted() };
    for clause in ["minors", "minors-never"] {
        assert!(!found(clause, &police, doubtful) && !found(clause, &police, minor), "{clause}");
        assert!(found(clause, &police, wanted()), "{clause}");
    }
    let child = search(Purpose::ChildProtection);
    assert!(found("minors", &child, doubtful) && !found("minors-never", &child, doubtful));
    assert!(found("doubtful-age", &child, doubtful) && !found("doubtful-age", &police, doubtful));
    // Nobody sees who stands at the counter of another agency: these persons ask the agency that holds the record.
    let marked = RecordClass { marked: true, ..wanted() };
    let vulnerable = RecordClass { vulnerable: true, ..wanted() };
    let request = search(Purpose::DataSubject);
    for (clause, class) in [("protected", marked), ("vulnerable", vulnerable)] {
        assert!(!found(clause, &request, class) && !found(clause, &police, class), "{clause}");
        assert!(found(clause, &child, class) && found(clause, &request, wanted()), "{clause}");
    }
    let own = RecordClass { own_citizen: true, ..wanted() };
    assert!(found("own-citizens", &request, own));
    assert!(found("own-citizens", &child, own) && !found("own-citizens-never", &child, own));
    assert!(!found("aggregates-only-records", &police, wanted()));
    let count = SearchContext { exchange: ExchangeKind::Count, ..search(Purpose::Statistics) };
    assert!(found("aggregates-only-records", &count, wanted()));
    // These two say what the floors hold to in any case.
    for (clause, class) in [
        ("eu-provenance", RecordClass { provenance: Provenance::Eu, ..wanted() }),
        ("blocked", RecordClass { blocked: true, ..wanted() }),
    ] {
        let decision = with(clause).decide(&Facts::search(&police, &class));
        assert_eq!((decision.reason, decision.clauses[0].id.as_str()), (Reason::ForbiddenBy, clause));
    }
    assert!(!found("one-is-searched", &police, wanted()));
}

#[test]
fn ready_agreements_let_each_party_do_what_they_say() {
    let (rs, mk) = ("RS".parse().unwrap(), "MK".parse().unwrap());
    let book = |ready: Ready, parties| Rulebook::new(shared(&ready.text(parties).unwrap()), None).unwrap();
    let turned = AskContext { asker: "MK".parse().unwrap(), holder: "RS".parse().unwrap(), ..query() };
    let back = SearchContext {
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        ..search(Purpose::SeriousCrime)
    };
    let both = book(Ready::PccSee, None);
    assert!(both.ask(&query()).permitted && both.ask(&turned).permitted);

    let one = book(Ready::AskOnly, Some((&rs, &mk)));
    assert!(one.ask(&query()).permitted && !one.ask(&turned).permitted);
    assert!(one.slice(&search(Purpose::SeriousCrime)).contains(&wanted()));
    assert_eq!(one.slice(&back).classes(), 0);

    let observer = book(Ready::Observer, Some((&rs, &mk)));
    for &exchange in ExchangeKind::ALL {
        let count = exchange == ExchangeKind::Count;
        for &purpose in Purpose::ALL {
            let context = SearchContext { exchange, ..search(purpose) };
            let statistics = count && purpose == Purpose::Statistics;
            assert_eq!(observer.slice(&context).classes() > 0, statistics, "{context:?}");
            let query = AskContext { exchange, purpose, batch_size: 200, quota_limit: 1_000, ..query() };
            assert_eq!(observer.ask(&query).permitted, statistics, "{query:?}");
        }
    }
    // With the parties not put in, nobody asks.
    for ready in [Ready::AskOnly, Ready::Observer] {
        let count = AskContext {
            exchange: ExchangeKind::Count,
            purpose: Purpose::Statistics,
            batch_size: 200,
            quota_limit: 1_000,
            ..query()
        };
        let unnamed = book(ready, None);
        assert!(!unnamed.ask(&query()).permitted && !unnamed.ask(&count).permitted);
        assert_eq!(unnamed.slice(&search(Purpose::SeriousCrime)).classes(), 0);
    }
}
