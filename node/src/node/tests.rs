//! Two nodes in one process, over real sockets.

use std::{fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{
    control::api::{AgreementState, Answer, Outcome, QueryTerms},
    home::{Init, init},
    journal::Side,
};

struct Agency {
    dir: TempDir,
    node: Arc<Node>,
}

fn updates() -> Updates {
    tokio::sync::mpsc::channel(1).0
}

impl Agency {
    async fn new(code: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let init_with = Init {
            code: code.parse().unwrap(),
            name: format!("Agency of {code}"),
            announce: Vec::new(),
            listen: Vec::new(),
            passphrase: "long enough".to_owned().into(),
        };
        init(dir.path(), init_with).unwrap();
        let node = Self::open(&dir, Config::default()).await;
        Self { dir, node }
    }

    async fn open(dir: &TempDir, config: Config) -> Arc<Node> {
        let config = Config { listen: vec!["/ip4/127.0.0.1/tcp/0".into()], ..config };
        Node::open(dir.path(), config, "long enough".to_owned().into()).await.unwrap()
    }

    async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.node.handle(request, updates()).await
    }

    async fn serve(&self) -> (String, tokio::task::JoinHandle<Result<(), Failure>>) {
        let (sender, mut addresses) = tokio::sync::mpsc::unbounded_channel();
        let node = self.node.clone();
        let task =
            tokio::spawn(async move { node.serve(|address| drop(sender.send(address.to_owned()))).await });
        (addresses.recv().await.unwrap(), task)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn record(i: u32, blocked: bool) -> String {
    format!(
        r#"{{"v":1,"id":"R-{i}","category":"IRREGULAR_CROSSING","taken":"2026-05-01","identifiers":[{{"kind":"travel-document","number":"AB{:06}","state":"SYR","birth_date":"1990-01-31"}}],"subject":{{"age":"adult","own_citizen":false,"vulnerable":[],"marked":false,"blocked":{blocked},"contested":false}},"provenance":"own","fields":{{}}}}"#,
        i * 7 + 130_000
    )
}

fn person(i: u32) -> String {
    format!(
        r#"{{"ref":"p{i}","identifiers":[{{"kind":"travel-document","number":"ab-{:06}","state":"SY","birth_date":"31.01.1990"}}]}}"#,
        i * 7 + 130_000
    )
}

fn terms() -> QueryTerms {
    QueryTerms {
        partners: Vec::new(),
        register: "border".parse().unwrap(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        basis: "READMISSION".parse().unwrap(),
        officer: "officer-1".parse().unwrap(),
        case: Some("K-17/2026".into()),
    }
}

async fn agree(one: &Agency, other: &Agency) {
    let Ok(Reply::Identity(card)) = other.ask(Request::Identity).await else { panic!("card") };
    let draft = Request::AgreementDraft {
        partner: Box::new(card),
        title: None,
        valid_from: None,
        days: 30,
        rules: None,
    };
    let Ok(Reply::Text { text }) = one.ask(draft).await else { panic!("draft") };
    let Ok(Reply::Agreement { agreement, .. }) = one.ask(Request::AgreementSign { document: text }).await
    else {
        panic!("sign")
    };
    let document = serde_json::to_string(&agreement).unwrap();
    assert!(
        one.ask(Request::AgreementAccept { document: document.clone() }).await.is_err(),
        "one signature only"
    );
    let Ok(Reply::Agreement { agreement, state, .. }) = other.ask(Request::AgreementSign { document }).await
    else {
        panic!("sign")
    };
    assert_eq!(state, AgreementState::Signed);
    let document = serde_json::to_string(&agreement).unwrap();
    for agency in [one, other] {
        let accepted = agency.ask(Request::AgreementAccept { document: document.clone() }).await.unwrap();
        assert!(matches!(accepted, Reply::Agreement { state: AgreementState::InForce, .. }));
    }
}

async fn pair(records: u32) -> (Agency, Agency, tokio::task::JoinHandle<Result<(), Failure>>) {
    let (holder, mut asker) = (Agency::new("RS").await, Agency::new("MK").await);
    agree(&holder, &asker).await;
    let lines: Vec<String> = (0..records).map(|i| record(i, i == 3)).collect();
    let file = holder.file("border.ndjson", &lines.join("\n"));
    let register = "border".parse().unwrap();
    let import = Request::RegisterImport { register, file, format: None, create: true, rejects: None };
    let Ok(Reply::Imported(imported)) = holder.ask(import).await else { panic!("import") };
    assert_eq!((imported.good, imported.rejected), (u64::from(records), 0));
    let (address, serving) = holder.serve().await;
    asker.node.clone().close().await.unwrap();
    let dir = asker.dir;
    drop(asker.node);
    let partners = [("RS".parse().unwrap(), vec![address])].into();
    asker = Agency { node: Agency::open(&dir, Config { partners, ..Config::default() }).await, dir };
    (holder, asker, serving)
}

async fn exact(asker: &Agency, people: std::ops::Range<u32>, terms: QueryTerms) -> Answer {
    let lines: Vec<String> = people.map(person).collect();
    let subjects = asker.file("people.ndjson", &lines.join("\n"));
    let reply = asker.ask(Request::QueryExact { terms, subjects, format: None }).await.unwrap();
    let Reply::Answers { mut answers } = reply else { panic!("{reply:?}") };
    answers.remove(0)
}

fn hits(answer: &Answer) -> Vec<String> {
    match &answer.outcome {
        Outcome::Hits { people, .. } => {
            people.iter().filter(|p| !p.hits.is_empty()).map(|p| p.reference.clone()).collect()
        }
        other => panic!("{other:?}"),
    }
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
}
