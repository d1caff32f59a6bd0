use crate::{
    rules::{tests::*, *},
    words::{Field, LegalBasis, Purpose},
};

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
        purpose: Purpose::ReturnId,
        legal_basis: LegalBasis::Readmission,
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
    for part in [&sample.queries, &sample.searches, &sample.releases] {
        for tally in [&part.before, &part.after] {
            assert_eq!(tally.permitted + tally.refused, 3_000);
        }
        assert_eq!(part.before.permitted + part.now_permitted, part.after.permitted + part.now_refused);
    }
    // One more prohibition never permits more, and does not concern records.
    assert_eq!((sample.queries.now_permitted, sample.searches.now_refused), (0, 0));
    assert_eq!((sample.releases.now_permitted, sample.releases.now_refused), (0, 0));
    assert!(sample.queries.now_refused > 0, "{sample}");
    for records in [&sample.searches, &sample.releases] {
        assert!(records.before.by.contains_key("(floor)"), "{sample}");
    }
}

/// The ready rules, but what one person released nobody needs to.
fn fewer_approvals() -> Rulebook {
    let text = PCC_BILATERAL.replace("context.approvals >= 1", "context.approvals >= 0");
    assert_ne!(text, PCC_BILATERAL);
    book(&text)
}

#[test]
fn a_sample_shows_that_fewer_approvals_release_more() {
    let sample = simulate(&pcc(), &fewer_approvals(), 1, 2_000).unwrap();
    for part in [&sample.queries, &sample.searches] {
        assert_eq!((part.now_permitted, part.now_refused), (0, 0), "{sample}");
    }
    let releases = &sample.releases;
    assert!(releases.now_permitted > 0 && releases.now_refused == 0, "{sample}");
    for change in &releases.changes {
        assert!(change.now_permitted && change.asks.contains("approvals: 0"), "{change:?}");
        assert_eq!(
            (change.before.as_str(), change.after.as_str()),
            ("(nothing permits)", "shared/release-core")
        );
    }
    assert!(sample.to_string().contains("\nreleases: 2000 requests\n"), "{sample}");
    assert!(diff(&pcc(), &fewer_approvals(), 1).unwrap().releases.widened > 0);
}

#[test]
fn claimed_fields_are_tried_one_by_one() {
    let (pcc, fewer) = (pcc(), fewer_approvals());
    let AskContext { asker, officer, holder, register, purpose, legal_basis, exchange, .. } = query();
    let field = Field::Place;
    let place = ReleaseContext {
        asker,
        officer,
        holder,
        register,
        purpose,
        legal_basis,
        exchange,
        field,
        approvals: 0,
    };
    let mut past = Past { gone: 2, ..Past::default() };
    for (id, release) in [
        ("kept", ReleaseContext { approvals: 1, ..place.clone() }),
        ("early", place.clone()),
        ("name", ReleaseContext { field: Field::Name, ..place }),
    ] {
        past.releases.release(id, (&pcc, &fewer), &release, &wanted());
    }
    let Simulation { requests, now_permitted, now_refused, .. } = past.releases;
    assert_eq!((requests, now_permitted, now_refused), (3, 1, 0), "{past}");
    let [change] = past.releases.changes.as_slice() else { panic!("{past}") };
    assert_eq!((change.request.as_str(), change.now_permitted), ("early", true));
    assert!(change.asks.contains("field: PLACE; approvals: 0"), "{change:?}");
    assert!(past.to_string().ends_with("as their records are gone: 2"), "{past}");
}
