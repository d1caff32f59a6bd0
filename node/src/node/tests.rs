//! Two nodes in one process, over real sockets.

mod alerts;
mod canaries;
pub(crate) mod changes;
mod claims;
mod dry_run;
mod explain;
mod hits;
mod machine;
mod meters;
mod officers;
mod opened;
pub(crate) mod pair;
mod rebuild;

use std::time::Duration;

use super::*;
use crate::{
    control::api::{Outcome, QueryStage, QueryTerms},
    journal::Side,
    register::{Format, RejectReport},
};
use pair::{Agency, exact, hits, pair, person, record, terms};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_that_the_node_listens_can_use_it_at_once() {
    let agency = Agency::new("RS").await;
    let socket = agency.dir.path().join("control.sock");
    let (sender, mut reached) = tokio::sync::mpsc::unbounded_channel();
    let node = agency.node.clone();
    let told = move |_: &str| sender.send(std::os::unix::net::UnixStream::connect(&socket).is_ok()).unwrap();
    let serving = tokio::spawn(async move { node.serve(told).await });
    assert_eq!(reached.recv().await, Some(true), "the control socket takes clients");
    agency.ask(Request::Stop).await.unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_found_receipted_and_journalled_on_both_sides() {
    let (holder, asker, serving) = pair(10).await;
    let answer = exact(&asker, 0..20, terms()).await;
    let expected: Vec<String> = (0..10).filter(|i| *i != 3).map(|i| format!("p{i}")).collect();
    assert_eq!(hits(&answer), expected, "all but the blocked one");
    let receipt = answer.receipt.clone().unwrap();
    assert!(receipt.asker.is_some());

    let refused = exact(&asker, 0..2, QueryTerms { purpose: "SIMULATION".parse().unwrap(), ..terms() }).await;
    assert!(matches!(refused.outcome, Outcome::Refused { here: true, .. }), "{:?}", refused.outcome);

    let id = answer.query.unwrap();
    for (agency, side) in [(&holder, Side::Holder), (&asker, Side::Asker)] {
        let query = agency.node.core.book.state().query(side, &id).unwrap().unwrap();
        assert_eq!(query.stage, crate::state::Stage::Done(receipt.clone()));
        let Ok(Reply::Audit { clean, text, .. }) = agency.ask(Request::AuditVerify).await else {
            panic!("audit")
        };
        assert!(clean, "{text}");
    }
    holder.ask(Request::Stop).await.unwrap();
    serving.await.unwrap().unwrap();
}

// What is due for erasure is erased once a minute; until then it must not be answered about.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_record_that_is_not_erased_yet_is_in_no_new_snapshot() {
    let (holder, asker, _serving) = pair(5).await;
    let expired = record(20, false)
        .replace("R-20", "R-old")
        .replace(r#""taken":"2026-05-01""#, r#""taken":"2016-05-01","expires":"2021-05-01""#);
    let file = holder.file("old.ndjson", &[expired.clone(), record(21, false)].join("\n"));
    let register: symbolon_policy::words::RegisterName = "border".parse().unwrap();
    let import = Request::RegisterImport {
        register: register.clone(),
        file,
        format: None,
        create: false,
        rejects: None,
    };
    let Ok(Reply::Imported(imported)) = holder.ask(import).await else { panic!("import") };
    assert_eq!((imported.good, imported.rejected), (1, 1));
    let [refused] = imported.first_rejects.as_slice() else { panic!("{:?}", imported.first_rejects) };
    assert!(refused.line == 1 && refused.field == "expires" && refused.reason.starts_with("has come"));
    // It was taken while there was time.
    let mut rejects = RejectReport(Vec::new());
    let took = holder.core().registers.import(&register, expired.as_bytes(), Format::Ndjson, &mut rejects);
    assert_eq!(took.unwrap().good, 1);
    let answer = exact(&asker, 20..22, terms()).await;
    let show = Request::RegisterShow { register, id: "R-old".to_owned() };
    holder.ask(show).await.expect("it is in the register still");
    assert_eq!(hits(&answer), ["p21"], "and in no snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_noisy_once_a_period_and_not_repeated() {
    let (holder, asker, _serving) = pair(300).await;
    let lines: Vec<String> = (100..400).map(person).collect();
    let subjects = asker.file("people.ndjson", &lines.join("\n"));
    let statistics =
        QueryTerms { purpose: "STATISTICS".parse().unwrap(), basis: "BILAT".parse().unwrap(), ..terms() };
    let kind = "travel-document".parse().unwrap();
    let count =
        || Request::QueryCount { terms: statistics.clone(), subjects: subjects.clone(), format: None, kind };
    let Ok(Reply::Answers { answers }) = asker.ask(count()).await else { panic!("count") };
    let Outcome::Count { estimate, epsilon, items, .. } = answers[0].outcome else {
        panic!("{:?}", answers[0].outcome)
    };
    assert!((185..=215).contains(&estimate), "{estimate} is within the noise of 200");
    assert_eq!((epsilon, items), (1.0, 300));
    let Ok(Reply::Answers { answers }) = asker.ask(count()).await else { panic!("count") };
    assert!(matches!(answers[0].outcome, Outcome::Refused { here: true, .. }), "{:?}", answers[0].outcome);
    holder.ask(Request::Stop).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_is_down_is_told_of_and_the_query_resumed_for_free() {
    let (holder, asker, serving) = pair(5).await;
    let answer = exact(&asker, 0..5, terms()).await;
    assert_eq!(hits(&answer).len(), 4);
    holder.ask(Request::Stop).await.unwrap();
    serving.await.unwrap().unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(60), exact(&asker, 0..5, terms())).await.unwrap();
    assert!(matches!(answer.outcome, Outcome::Failed { .. }), "{:?}", answer.outcome);
    let Ok(Reply::Queries { queries }) = asker.ask(Request::QueryList).await else { panic!("queries") };
    let listed: Vec<_> = queries.iter().map(|line| (Some(line.query), line.stage)).collect();
    let open = answer.query.is_some().then_some((answer.query, QueryStage::Failed));
    assert_eq!(listed, open.into_iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_a_case_is_told_that_it_lacks_one() {
    let (_holder, asker, _serving) = pair(5).await;
    let Outcome::Refused { here: true, help, .. } =
        exact(&asker, 0..2, QueryTerms { case: None, ..terms() }).await.outcome
    else {
        panic!("refused")
    };
    let help = help.unwrap();
    assert!(help.contains("a case reference is given"), "{help}");
    assert!(help.contains("`symbolon rules explain --partner RS --register border"), "{help}");
    let answer = exact(&asker, 0..2, terms()).await;
    assert!(answer.as_of.is_some(), "how old the snapshot is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_names_is_not_overwritten() {
    let agency = Agency::new("RS").await;
    let file = agency.file("border.ndjson", &record(1, false));
    let import = |create, rejects: &std::path::Path| Request::RegisterImport {
        register: "border".parse().unwrap(),
        file: file.clone(),
        format: None,
        create,
        rejects: Some(rejects.to_owned()),
    };
    let told = agency.ask(import(true, &file)).await.unwrap_err();
    assert!(told.what.contains("cannot write"), "{told}");
    let rejects = agency.dir.path().join("rejects.ndjson");
    let told = agency.ask(import(false, &rejects)).await.unwrap_err();
    assert!(told.what.contains("there is no register") && !rejects.exists(), "{told}");
    agency.ask(import(true, &rejects)).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), record(1, false));

    let export = || Request::AuditExport { file: agency.dir.path().join("journal.ndjson") };
    agency.ask(export()).await.unwrap();
    assert!(agency.ask(export()).await.unwrap_err().what.contains("cannot write"));
}

// The state alone knows of entries that were cut off at the border of one.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_lost_entries_is_not_opened() {
    let agency = pair::Agency::new("RS").await;
    let home = crate::home::Home::new(agency.dir.path());
    let journal = home.journal().join("journal");
    let before = std::fs::read(&journal).unwrap();
    agency.core().book.record(&crate::journal::Event::QueriesErased { queries: Vec::new() }).unwrap();
    let pair::Agency { dir, node } = agency;
    node.close().await.unwrap();
    std::fs::write(&journal, before).unwrap();
    let open = || Node::open(dir.path(), crate::config::Config::default(), "long enough".to_owned().into());
    let failure = open().await.err().unwrap();
    assert!(failure.what.contains("1 were cut off"), "{failure:?}");
    assert!(failure.help.as_ref().is_some_and(|help| help.contains("audit reconcile")), "{failure:?}");
    std::fs::remove_dir_all(home.state()).unwrap();
    open().await.unwrap();
}
