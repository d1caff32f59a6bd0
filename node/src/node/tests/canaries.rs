//! Canaries between two nodes: asked, charged, shown to nobody, missed where the holder suppresses.

use std::path::Path;

use symbolon_policy::quota::Ledger as _;

use super::*;
use crate::{
    alerts::Kind,
    config::Config,
    control::api::{CanaryReach, QueryTerms},
    journal::Event,
};

async fn report(asker: &Agency) -> Vec<CanaryReach> {
    let Ok(Reply::CanaryReport { reach }) = asker.ask(Request::CanaryReport).await else { panic!("report") };
    reach
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suppressed_canary_is_missed_and_officers_see_none() {
    // The third record is blocked: the holder does not answer about it.
    let (holder, asker, _serving) = pair(10).await;
    let partners = asker.core().config.partners.clone();
    let config = Config { partners, canary_share: 500, ..Config::default() };
    let asker = asker.again(config).await;
    let lines: Vec<String> = [3, 5].into_iter().map(person).collect();
    let subjects = asker.file("planted.ndjson", &lines.join("\n"));
    let add = |subjects: &Path, purposes: &[&str]| Request::CanaryAdd {
        partner: "RS".parse().unwrap(),
        register: "border".parse().unwrap(),
        purposes: purposes.iter().map(|purpose| purpose.parse().unwrap()).collect(),
        from: None,
        until: crate::clock::now().plus(86_400),
        subjects: subjects.to_path_buf(),
        format: None,
    };
    let Ok(Reply::Canaries { canaries }) = asker.ask(add(&subjects, &["IRREG_ENTRY"])).await else {
        panic!("add")
    };
    assert_eq!(canaries.len(), 2);
    assert!(asker.ask(add(&subjects, &["IRREG_ENTRY"])).await.is_err(), "the same names again");
    assert_eq!(report(&asker).await[0].rates[0], (1, 0.0, 0.0), "nothing was asked yet");

    // Eight people, so that both canaries are almost surely drawn at a half; asked again until they were.
    let mut queries = 0;
    let mut charged = 0;
    loop {
        let answer = exact(&asker, 20..28, terms()).await;
        let Outcome::Hits { people, hits } = &answer.outcome else { panic!("{:?}", answer.outcome) };
        assert_eq!((people.len(), *hits), (8, 0), "canaries are no people");
        queries += 1;
        charged += u64::from(answer.receipt.as_ref().unwrap().receipt.ask.items);
        let told = report(&asker).await;
        if told[0].different == 2 || queries == 8 {
            break;
        }
    }
    let told = report(&asker).await;
    let CanaryReach { items, asked, found, different, missed, rates, .. } = &told[0];
    assert_eq!((*items, *different, missed.as_slice()), (charged, 2, &["p3:travel-document".to_owned()][..]));
    assert!(*asked > *found && *asked == charged - 8 * queries);
    // All suppressed would have shown for sure; with half of the records two different ones show three quarters.
    let half = rates.iter().find(|(percent, _, _)| *percent == 50).unwrap();
    assert!((half.2 - 0.75).abs() < 1e-12 && half.1 > 0.0);
    // What is found of them is no hit: not in the status, not in the log, and nothing waits for a claim.
    assert!(*found > 0, "the other canary was found");
    let entries = asker.core().book.journal().entries_from(0).unwrap();
    let mut counted = [0, 0];
    for entry in entries {
        match entry.unwrap().0.event {
            Event::HitsSeen { items, .. } => {
                assert!(items.is_empty());
                counted[0] += 1;
            }
            Event::CanariesAsked { .. } => counted[1] += 1,
            _ => {}
        }
    }
    // An entry of each kind for every query, whatever came of it: a partner sees how many there are.
    assert_eq!(counted, [queries, queries]);
    let Ok(Reply::Hits { hits }) = asker.ask(Request::HitList { overdue: false }).await else {
        panic!("hits")
    };
    assert_eq!(hits, []);
    let report = Request::AuditReport { from: None, to: None, smallest: 1 };
    let Ok(Reply::AuditReport(told)) = asker.ask(report).await else { panic!("log") };
    assert!(told.log.queries.iter().all(|line| line.hits == 0 && line.items > 0));
    // They are charged as everything.
    let agreement = asker.core().book.agreements()[0].id();
    let received = asker.core().book.state().balance(&agreement, &"RS".parse().unwrap()).received;
    assert_eq!(received, charged);
    let Ok(Reply::AuditAlerts(found)) = asker.ask(Request::AuditAlerts { from: None, all: false }).await
    else {
        panic!("alerts")
    };
    let missed: Vec<_> = found.alerts.iter().filter(|line| line.alert.kind == Kind::CanaryMissed).collect();
    assert!(!missed.is_empty() && missed[0].alert.partner == Some("RS".parse().unwrap()));
    let Ok(Reply::Status(status)) = asker.ask(Request::Status).await else { panic!("status") };
    assert_eq!(status.alerts, missed.len() as u64);
    // Told once, journalled once.
    let entries = asker.core().book.entries().unwrap();
    asker.ask(Request::AuditAlerts { from: None, all: false }).await.unwrap();
    assert_eq!(asker.core().book.entries().unwrap(), entries);
    // For another purpose they are not asked.
    let other = QueryTerms { purpose: "RETURN_ID".parse().unwrap(), ..terms() };
    if let Some(receipt) = exact(&asker, 20..28, other).await.receipt {
        assert_eq!(receipt.receipt.ask.items, 8);
    }
    // No query is refused for its canaries: the rules take twenty of a kind and not one more.
    let lines: Vec<String> = (6..9).map(|number| person(number).replace("\"p", "\"c")).collect();
    let others = asker.file("others.ndjson", &lines.join("\n"));
    asker.ask(add(&others, &["CHILD_PROTECTION"])).await.unwrap();
    let child = QueryTerms {
        purpose: "CHILD_PROTECTION".parse().unwrap(),
        basis: "VITAL_INTEREST".parse().unwrap(),
        ..terms()
    };
    for asked in [20_u32, 19, 18] {
        let answer = exact(&asker, 40..40 + asked, child.clone()).await;
        let items = answer.receipt.unwrap_or_else(|| panic!("{:?}", answer.outcome)).receipt.ask.items;
        assert!((asked..=20).contains(&items), "{asked}: {items}");
    }
    drop(holder);
}
