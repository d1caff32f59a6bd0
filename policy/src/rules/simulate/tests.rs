use crate::rules::{tests::*, *};

fn pcc() -> Rulebook {
    book(PCC_BILATERAL)
}

fn stricter() -> Rulebook {
    let (_, clause) = ready_clause("small-batches").unwrap().unwrap();
    book(&format!("{PCC_BILATERAL}\n{clause}\n"))
}

#[test]
fn past_queries_are_counted_by_what_decides() {
    let mut simulation = Simulation::default();
    let migrant = AskContext {
        purpose: crate::words::Purpose::ReturnId,
        legal_basis: crate::words::LegalBasis::Readmission,
        batch_size: 60,
        ..query()
    };
    for (id, query) in [
        ("kept", query()),
        ("large", migrant),
        ("caseless", AskContext { case_reference: false, ..query() }),
        ("beyond", AskContext { quota_used: 101, ..query() }),
    ] {
        simulation.query(id, &pcc(), &stricter(), &query);
    }
    let counts = |tally: &Tally| (tally.permitted, tally.refused);
    assert_eq!(
        (simulation.requests, counts(&simulation.before), counts(&simulation.after)),
        (4, (2, 2), (1, 3))
    );
    assert_eq!((simulation.now_permitted, simulation.now_refused, simulation.other_clauses), (0, 1, 0));
    assert_eq!(simulation.before.by["(nothing permits)"], 1);
    assert_eq!(simulation.before.by["shared/quota"], 1);
    assert_eq!(simulation.after.by["shared/small-batches"], 1);
    let [change] = simulation.changes.as_slice() else { panic!("{simulation}") };
    assert_eq!((change.request.as_str(), change.now_permitted), ("large", false));
    assert!(change.asks.contains("batch size: 60"), "{change:?}");
}

#[test]
fn a_sample_is_the_same_for_the_same_seed_and_adds_up() {
    let sample = simulate(&pcc(), &stricter(), 7, 3_000).unwrap();
    assert_eq!(sample, simulate(&pcc(), &stricter(), 7, 3_000).unwrap());
    assert_ne!(sample, simulate(&pcc(), &stricter(), 8, 3_000).unwrap());
    for part in [&sample.queries, &sample.searches] {
        for tally in [&part.before, &part.after] {
            assert_eq!(tally.permitted + tally.refused, 3_000);
        }
        assert_eq!(part.before.permitted + part.now_permitted, part.after.permitted + part.now_refused);
    }
    // One more prohibition never permits more, and does not concern records.
    assert_eq!((sample.queries.now_permitted, sample.searches.now_refused), (0, 0));
    assert!(sample.queries.now_refused > 0, "{sample}");
    assert!(sample.searches.before.by.contains_key("(floor)"));
}
