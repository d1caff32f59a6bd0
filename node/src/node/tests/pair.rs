//! Two nodes in one process, for tests here and elsewhere.

use std::{fs, path::PathBuf, sync::Arc};

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    case::Found,
    claim::{Claim, FieldDecision, Standing, opening_digest},
    officer::{Act, ActKind, Officer, SignedAct},
    signing::{self, Signer as _},
    words::{AgreementId, ClaimId, Digest, Field, OfficerId, QueryId, Role},
};
use tempfile::TempDir;

use crate::{
    claims::{Behind, Records},
    clock,
    config::Config,
    control::{
        Handler as _, Updates,
        api::{AgreementState, Answer, Failure, Outcome, QueryTerms, Reply, Request},
    },
    home::{Init, init},
    journal::{Event, Side},
    node::{Core, Node},
};

/// An agency: its home and its node in this process.
pub(crate) struct Agency {
    pub(crate) dir: TempDir,
    pub(crate) node: Arc<Node>,
}

/// Where updates are lost, though somebody waits for the answer.
pub(crate) fn updates() -> Updates {
    let (updates, waiting) = tokio::sync::mpsc::channel(1);
    std::mem::forget(waiting);
    updates
}

impl Agency {
    /// A home and a node that does not serve yet.
    pub(crate) async fn new(code: &str) -> Self {
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

    /// Opens a node again.
    pub(crate) async fn open(dir: &TempDir, config: Config) -> Arc<Node> {
        let config = Config { listen: vec!["/ip4/127.0.0.1/tcp/0".into()], ..config };
        Node::open(dir.path(), config, "long enough".to_owned().into()).await.unwrap()
    }

    /// The same agency, its node closed and opened again.
    pub(crate) async fn again(self, config: Config) -> Self {
        let Self { dir, node } = self;
        node.close().await.unwrap();
        Self { node: Self::open(&dir, config).await, dir }
    }

    /// What its parts share.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.node.core
    }

    /// Puts a request to the node.
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.node.handle(request, updates()).await
    }

    /// Lets the node serve; gives its address.
    pub(crate) async fn serve(&self) -> (String, tokio::task::JoinHandle<Result<(), Failure>>) {
        let (sender, mut addresses) = tokio::sync::mpsc::unbounded_channel();
        let node = self.node.clone();
        let task =
            tokio::spawn(async move { node.serve(|address| drop(sender.send(address.to_owned()))).await });
        (addresses.recv().await.unwrap(), task)
    }

    /// Writes a file of the agency.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// A record as a line.
pub(crate) fn record(i: u32, blocked: bool) -> String {
    format!(
        r#"{{"v":1,"id":"R-{i}","category":"IRREGULAR_CROSSING","taken":"2026-05-01","identifiers":[{{"kind":"travel-document","number":"AB{:06}","state":"SYR","birth_date":"1990-01-31"}}],"subject":{{"age":"adult","own_citizen":false,"vulnerable":[],"marked":false,"blocked":{blocked},"contested":false}},"provenance":"own","fields":{{}}}}"#,
        i * 7 + 130_000
    )
}

/// Its person, as another agency spells it.
pub(crate) fn person(i: u32) -> String {
    format!(
        r#"{{"ref":"p{i}","identifiers":[{{"kind":"travel-document","number":"ab-{:06}","state":"SY","birth_date":"31.01.1990"}}]}}"#,
        i * 7 + 130_000
    )
}

/// Words of a query that is permitted.
pub(crate) fn terms() -> QueryTerms {
    QueryTerms {
        partners: Vec::new(),
        register: "border".parse().unwrap(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        basis: "READMISSION".parse().unwrap(),
        officer: "officer-1".parse().unwrap(),
        case: Some("K-17/2026".into()),
        authority: None,
    }
}

/// Puts an agreement in force on both sides.
pub(crate) async fn agree(one: &Agency, other: &Agency) {
    agree_on(one, other, |text| text).await;
}

/// The same with the draft edited.
pub(crate) async fn agree_on(one: &Agency, other: &Agency, edit: impl FnOnce(String) -> String) {
    let Ok(Reply::Identity(card)) = other.ask(Request::Identity).await else { panic!("card") };
    let draft = Request::AgreementDraft {
        partner: Box::new(card),
        title: None,
        valid_from: None,
        days: 30,
        rules: None,
    };
    let Ok(Reply::Text { text }) = one.ask(draft).await else { panic!("draft") };
    let text = edit(text);
    let Ok(Reply::Agreement { agreement, .. }) =
        one.ask(Request::AgreementSign { document: text, proofs: Vec::new() }).await
    else {
        panic!("sign")
    };
    let document = serde_json::to_string(&agreement).unwrap();
    assert!(
        one.ask(Request::AgreementAccept { document: document.clone(), proofs: Vec::new() }).await.is_err(),
        "one signature only"
    );
    let Ok(Reply::Agreement { agreement, state, .. }) =
        other.ask(Request::AgreementSign { document, proofs: Vec::new() }).await
    else {
        panic!("sign")
    };
    assert_eq!(state, AgreementState::Signed);
    let document = serde_json::to_string(&agreement).unwrap();
    for agency in [one, other] {
        let accepted = agency
            .ask(Request::AgreementAccept { document: document.clone(), proofs: Vec::new() })
            .await
            .unwrap();
        assert!(matches!(accepted, Reply::Agreement { state: AgreementState::InForce, .. }));
    }
}

/// A holder that serves so many records, of which the third is blocked, and an asker.
pub(crate) async fn pair(records: u32) -> (Agency, Agency, tokio::task::JoinHandle<Result<(), Failure>>) {
    pair_with(records, Config::default()).await
}

/// The same with settings of the holder. The asker keeps its queries for a day.
pub(crate) async fn pair_with(
    records: u32,
    config: Config,
) -> (Agency, Agency, tokio::task::JoinHandle<Result<(), Failure>>) {
    pair_on(records, config, |text| text).await
}

/// The same under an agreement that is edited.
pub(crate) async fn pair_on(
    records: u32,
    config: Config,
    edit: impl FnOnce(String) -> String,
) -> (Agency, Agency, tokio::task::JoinHandle<Result<(), Failure>>) {
    let (holder, asker) = (Agency::new("RS").await, Agency::new("MK").await);
    let holder = holder.again(config).await;
    agree_on(&holder, &asker, edit).await;
    let lines: Vec<String> = (0..records).map(|i| record(i, i == 3)).collect();
    let file = holder.file("border.ndjson", &lines.join("\n"));
    let register = "border".parse().unwrap();
    let import = Request::RegisterImport { register, file, format: None, create: true, rejects: None };
    let Ok(Reply::Imported(imported)) = holder.ask(import).await else { panic!("import") };
    assert_eq!((imported.good, imported.rejected), (u64::from(records), 0));
    let (address, serving) = holder.serve().await;
    let partners = [("RS".parse().unwrap(), vec![address])].into();
    let asker = asker.again(Config { partners, query_retention_days: 1, ..Config::default() }).await;
    (holder, asker, serving)
}

/// Asks about people.
pub(crate) async fn exact(asker: &Agency, people: std::ops::Range<u32>, terms: QueryTerms) -> Answer {
    let lines: Vec<String> = people.map(person).collect();
    let subjects = asker.file("people.ndjson", &lines.join("\n"));
    let reply = asker.ask(Request::QueryExact { terms, subjects, format: None }).await.unwrap();
    let Reply::Answers { mut answers } = reply else { panic!("{reply:?}") };
    answers.remove(0)
}

/// Who hit.
pub(crate) fn hits(answer: &Answer) -> Vec<String> {
    match &answer.outcome {
        Outcome::Hits { people, .. } => {
            people.iter().filter(|p| !p.hits.is_empty()).map(|p| p.reference.clone()).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// A claim of MK at RS, as if it had been made.
pub(crate) fn made(agreement: AgreementId, opening: Digest) -> Claim {
    let now = clock::now();
    Claim {
        claim: ClaimId([3; 16]),
        query: QueryId([4; 16]),
        agreement,
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        basis: "READMISSION".parse().unwrap(),
        case: "K-17".into(),
        officer: "ana".parse().unwrap(),
        seal: "age1".into(),
        verified_by: "bojan".parse().unwrap(),
        verified_at: now,
        items: vec![0],
        fields: vec![Field::Place],
        opening,
        claimed_at: now,
    }
}

/// A case of the first two records, of each of which one field needs one person and another two.
pub(crate) async fn case(holder: &Agency, asker: &Agency) -> ClaimId {
    let core = holder.core();
    let answer = exact(asker, 0..2, terms()).await;
    let asked = core.book.state().query(Side::Holder, &answer.query.unwrap()).unwrap().unwrap();
    let claim = Claim {
        query: asked.ask.query,
        fields: vec![Field::Taken, Field::Name],
        seal: age::x25519::Identity::generate().to_public().to_string(),
        ..made(asked.ask.agreement, opening_digest(b"opened"))
    };
    let (id, signature) = (claim.claim, signing::sign(&claim, &*asker.core().signer).unwrap());
    let mut records = core.registers.page(&asked.ask.register, None, 10).unwrap();
    records.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    let (mut found, mut behind) = (Vec::new(), Vec::new());
    for record in records.into_iter().take(2) {
        let reference = core.claims.reference(&id, &record.pseudonym);
        let fields = [(Field::Taken, 1), (Field::Name, 2)].map(|(field, needs)| FieldDecision {
            field,
            standing: Standing::Needs(needs),
            clauses: Vec::new(),
        });
        found.push(Found { reference, record: Digest([1; 32]), item: Some(0), fields: fields.into() });
        let trace = core.claims.trace(&record.identifiers[0]);
        behind.push(Behind { reference, record: record.id, trace });
    }
    core.claims.keep_records(&id, &Records(behind)).unwrap();
    let (side, act, at) = (Side::Holder, None, clock::now());
    core.book.record(&Event::Claimed { side, claim, signature, act, found, at }).unwrap();
    id
}

/// An officer with keys of its own.
pub(crate) struct Person(pub(crate) OfficerId, SigningKey);

impl Person {
    pub(crate) fn enrolled(agency: &Agency, id: &str, seed: u8, roles: Vec<Role>) -> Self {
        let (id, key): (OfficerId, _) = (id.parse().unwrap(), SigningKey::from_bytes(&[seed; 32]));
        let seal = age::x25519::Identity::generate().to_public().to_string();
        let officer = Officer { id: id.clone(), roles, key: key.public(), seal, until: None };
        agency.core().book.enrol(officer).unwrap();
        Self(id, key)
    }

    pub(crate) fn signs(&self, act: ActKind) -> SignedAct {
        SignedAct::sign(Act { officer: self.0.clone(), act, at: clock::now() }, &self.1).unwrap()
    }
}
