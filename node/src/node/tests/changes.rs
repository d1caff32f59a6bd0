//! Changes of a register: journalled before they begin, and what follows if they do not end.

use symbolon_policy::{
    permit::RefusalCode,
    signing,
    words::{Digest, QueryId, SnapshotId},
};

use super::*;
use crate::{
    book::Admission,
    clock,
    journal::Event,
    state::{Query, Snapshot},
};

fn register() -> symbolon_policy::words::RegisterName {
    "border".parse().unwrap()
}

async fn import(agency: &Agency, file: std::path::PathBuf) -> Result<Reply, Failure> {
    let request =
        Request::RegisterImport { register: register(), file, format: None, create: false, rejects: None };
    agency.ask(request).await
}

/// Events about registers and snapshots from an entry on, by name.
fn events(core: &Core, from: u64) -> Vec<&'static str> {
    let entries = core.book.journal().entries_from(from).unwrap();
    let name = |event: &Event| match event {
        Event::ImportBegun { .. } => Some("import begun"),
        Event::ErasureBegun { .. } => Some("erasure begun"),
        Event::ChangeFailed { .. } => Some("change failed"),
        Event::Imported { .. } => Some("imported"),
        Event::Erased { .. } => Some("erased"),
        Event::SnapshotEnded { .. } => Some("snapshot ended"),
        _ => None,
    };
    entries.filter_map(|entry| name(&entry.unwrap().0.event)).collect()
}

fn made(core: &Core) -> Vec<Snapshot> {
    core.book.state().snapshots().unwrap().into_iter().filter(|s| s.side == Side::Holder).collect()
}

/// How a query would be admitted now.
fn admitted(core: &Core, query: &Query) -> Option<RefusalCode> {
    let agreement = core.book.agreement(&query.ask.agreement).unwrap();
    match core.book.admit(Side::Holder, &agreement, &query.ask, query.signature, clock::now()).unwrap() {
        Admission::Paid(_) => None,
        Admission::Refused(refusal) => Some(refusal.code),
    }
}

/// Asks for a number; gives the query as the holder has it.
pub(crate) async fn count(holder: &Agency, asker: &Agency) -> Query {
    let lines: Vec<String> = (100..300).map(person).collect();
    let subjects = asker.file("people.ndjson", &lines.join("\n"));
    let terms =
        QueryTerms { purpose: "STATISTICS".parse().unwrap(), basis: "BILAT".parse().unwrap(), ..terms() };
    let kind = "travel-document".parse().unwrap();
    let reply = asker.ask(Request::QueryCount { terms, subjects, format: None, kind }).await;
    let Ok(Reply::Answers { answers }) = reply else { panic!("{reply:?}") };
    assert!(matches!(answers[0].outcome, Outcome::Count { .. }), "{:?}", answers[0].outcome);
    let id = answers[0].query.unwrap();
    holder.node.core.book.state().query(Side::Holder, &id).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_journalled_before_it_begins_and_when_it_ends() {
    let (holder, asker, _serving) = pair(10).await;
    let core = &holder.node.core;
    assert_eq!(events(core, 0), ["import begun", "imported"]);
    exact(&asker, 0..2, terms()).await;
    let erase = |ids: &[&str]| Request::RegisterErase {
        register: register(),
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        reason: "ORDER".to_owned(),
    };

    let from = core.book.entries().unwrap();
    let nobody = holder.ask(erase(&["R-77"])).await.unwrap_err();
    assert!(nobody.what.contains("R-77"), "{nobody}");
    assert_eq!(events(core, from), [""; 0], "nobody was erased");
    let Ok(Reply::Erased { records: 1, unknown, .. }) = holder.ask(erase(&["R-5", "R-77"])).await else {
        panic!("erased")
    };
    assert_eq!(unknown, ["R-77"]);
    assert_eq!(events(core, from), ["erasure begun", "erased", "snapshot ended"]);

    exact(&asker, 0..2, terms()).await;
    let from = core.book.entries().unwrap();
    import(&holder, holder.file("new.ndjson", &record(20, false))).await.unwrap();
    assert_eq!(events(core, from), ["import begun", "imported"], "a new record ends nothing");
    import(&holder, holder.file("new.ndjson", &record(20, true))).await.unwrap();
    assert_eq!(events(core, from)[2..], ["import begun", "imported", "snapshot ended"]);

    exact(&asker, 0..2, terms()).await;
    let from = core.book.entries().unwrap();
    import(&holder, holder.file("none.csv", "no such column")).await.unwrap_err();
    assert_eq!(events(core, from), [""; 0], "a file that is refused as a whole changes nothing");
    let directory = holder.dir.path().join("directory.ndjson");
    std::fs::create_dir(&directory).unwrap();
    import(&holder, directory).await.unwrap_err();
    assert_eq!(events(core, from), ["import begun", "change failed", "snapshot ended"]);
    holder.ask(Request::Stop).await.unwrap();
}

// A count that is repeated over a register that changed in part gives a difference without noise.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_within_a_change_nothing_of_before_is_answered() {
    let (holder, asker, serving) = pair(300).await;
    exact(&asker, 0..2, terms()).await;
    let counted = count(&holder, &asker).await;
    let core = &holder.node.core;
    assert_eq!((made(core).len(), admitted(core, &counted)), (1, None), "a retry is admitted before");

    core.book.record(&Event::ImportBegun { register: register() }).unwrap();
    assert_eq!(admitted(core, &counted), Some(RefusalCode::AlteredRetry), "while it changes");
    let mut anew = counted.clone();
    anew.ask.query = QueryId([7; 16]);
    anew.signature = signing::sign(&anew.ask, &*asker.node.core.signer).unwrap();
    assert_eq!(admitted(core, &anew), Some(RefusalCode::Busy), "a new count waits for the end");

    // The end never came.
    holder.ask(Request::Stop).await.unwrap();
    serving.await.unwrap().unwrap();
    let holder = holder.again(Config::default()).await;
    let core = &holder.node.core;
    assert_eq!(events(core, 0)[2..], ["import begun", "change failed", "snapshot ended"]);
    assert_eq!(made(core), []);
    assert_eq!(std::fs::read_dir(holder.dir.path().join("snapshots")).unwrap().count(), 0, "nor its key");
    assert_eq!(admitted(core, &counted), Some(RefusalCode::AlteredRetry));
    let now = admitted(core, &anew);
    assert!(
        now.is_some_and(|code| code != RefusalCode::Busy),
        "one count a period, and no longer busy: {now:?}"
    );
    let Ok(Reply::Audit { clean, text, .. }) = holder.ask(Request::AuditVerify).await else {
        panic!("audit")
    };
    assert!(clean, "{text}");

    let holder = holder.again(Config::default()).await;
    assert_eq!(events(&holder.node.core, 0).len(), 5, "it is ended once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_what_changed_while_it_was_built_is_not_kept() {
    let (holder, asker, _serving) = pair(10).await;
    exact(&asker, 0..2, terms()).await;
    let book = &holder.node.core.book;
    let mut manifest = made(&holder.node.core).remove(0).manifest;
    manifest.snapshot = SnapshotId([7; 16]);
    let imported = |replaced| Event::Imported {
        register: register(),
        good: 1,
        replaced,
        rejected: 0,
        digest: Digest([0; 32]),
    };
    let since = book.entries().unwrap();
    book.record(&imported(0)).unwrap();
    book.snapshot_made(&manifest, since).unwrap();
    for event in [imported(1), Event::NationalRules { text: None }] {
        let since = book.entries().unwrap();
        book.record(&event).unwrap();
        let kept = book.snapshot_made(&manifest, since);
        assert!(kept.is_err_and(|failure| failure.what.contains("changed while")), "{event:?}");
        book.snapshot_made(&manifest, book.entries().unwrap()).unwrap();
    }
}
