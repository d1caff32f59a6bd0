//! What other rules would have said of queries and of claimed fields.

use symbolon_policy::{case::Step, rules::Past};

use super::{
    pair::{case, terms},
    *,
};
use crate::{clock, journal::Event};

async fn tried(agency: &Agency, text: &str, national: bool) -> Past {
    let request = Request::RulesSimulate { text: text.to_owned(), national };
    let Ok(Reply::Simulated(past)) = agency.ask(request).await else { panic!("no simulation") };
    *past
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_are_tried_on_every_query_of_the_journal() {
    let (holder, asker, _serving) = pair(5).await;
    exact(&asker, 0..4, terms()).await;
    let refused = exact(&asker, 0..2, QueryTerms { purpose: "SIMULATION".parse().unwrap(), ..terms() }).await;
    assert!(matches!(refused.outcome, Outcome::Refused { here: true, .. }), "{:?}", refused.outcome);
    let none =
        "@id(\"none\")\n@title(\"None\")\nforbid (principal, action == Action::\"QueryExact\", resource);\n";
    let all = "@id(\"all\")\n@title(\"All\")\npermit (principal, action, resource);\n";
    for (agency, asked) in [(&holder, 1), (&asker, 2)] {
        let before = agency.core().book.entries().unwrap();
        let Past { queries: nothing, releases, gone } = tried(agency, none, true).await;
        assert_eq!((releases.requests, gone), (0, 0), "nothing was claimed");
        assert_eq!(
            (nothing.requests, nothing.before.permitted, nothing.now_refused),
            (asked, 1, 1),
            "{nothing}"
        );
        assert_eq!(nothing.after.by["national/none"], asked);
        let everything = tried(agency, all, false).await.queries;
        assert_eq!(
            (everything.after.permitted, everything.now_permitted),
            (asked, asked - 1),
            "{everything}"
        );
        assert!(agency.ask(Request::RulesSimulate { text: all.to_owned(), national: true }).await.is_err());
        assert_eq!(agency.core().book.entries().unwrap(), before, "a dry run leaves no trace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_want_fewer_approvals_are_tried_on_every_claimed_field() {
    let (holder, asker, _serving) = pair(2).await;
    let claim = case(&holder, &asker).await;
    let core = holder.core();
    let present = core.partners()[0].agreement.rulebook().shared().text().to_owned();
    let fewer = present.replace("context.approvals >= 1", "context.approvals >= 0");
    assert_ne!(fewer, present);
    // Two fields of two records, while nobody has approved.
    let past = tried(&holder, &fewer, false).await;
    assert_eq!((past.queries.requests, past.queries.now_permitted), (1, 0), "{past}");
    assert_eq!((past.releases.requests, past.releases.now_permitted, past.gone), (4, 2, 0), "{past}");
    for change in &past.releases.changes {
        assert!(change.request.starts_with(&format!("{claim} record ")), "{change:?}");
        assert!(change.asks.contains("field: TAKEN; approvals: 0"), "{change:?}");
    }

    // One person does; what these rules would have done before that stays to be seen.
    let step = Step::Approve { officer: "dana".parse().unwrap() };
    core.book.record(&Event::CaseStep { claim, step, act: None, at: clock::now() }).unwrap();
    let past = tried(&holder, &fewer, false).await;
    assert_eq!((past.releases.requests, past.releases.now_permitted, past.gone), (8, 2, 0), "{past}");
    assert_eq!((past.releases.before.permitted, past.releases.after.permitted), (2, 4), "{past}");

    // What rules look at goes with the record.
    let (register, ids) = ("border".parse().unwrap(), vec!["R-0".to_owned()]);
    holder.ask(Request::RegisterErase { register, ids, reason: "SUBJECT_REQUEST".into() }).await.unwrap();
    let past = tried(&holder, &fewer, false).await;
    assert_eq!((past.releases.requests, past.releases.now_permitted, past.gone), (4, 1, 2), "{past}");

    // The asker does not know what rules look at.
    assert_eq!(tried(&asker, &fewer, false).await.releases.requests, 0);
}
