//! A thousand cases that wait for two persons each, ten officers at once, and a node that is killed meanwhile: no
//! decision is lost, none is made twice, and every one is in the journal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ed25519_dalek::SigningKey;
use serde_json::Value;
use symbolon_node::control::{
    api::{Failure, FailureKind, Reply, Request},
    connect,
};
use symbolon_policy::{
    case::End,
    officer::{Act, ActKind, Card, OfficerCard, SignedAct},
    signing::{Document as _, Signer as _},
    words::{ClaimId, Digest, Field, OfficerId, QueryId, Role, Timestamp},
};
use tokio::task::JoinSet;

use support::{Agency, PERMITTED, people, records};

const OFFICERS: usize = 10;
const BATCH: u32 = 100;

/// How many cases: a thousand if asked for, a few otherwise.
fn cases() -> u32 {
    std::env::var("SYMBOLON_TEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_second())
}

/// An officer whose key is in this process.
#[derive(Clone)]
struct Officer {
    id: OfficerId,
    key: SigningKey,
}

impl Officer {
    fn new(id: &str, seed: u8) -> Self {
        Self { id: id.parse().unwrap(), key: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn signs(&self, act: ActKind) -> SignedAct {
        SignedAct::sign(Act { officer: self.id.clone(), act, at: now() }, &self.key).unwrap()
    }

    fn enrol(&self, roles: &[Role]) -> Request {
        let seal = age::x25519::Identity::generate().to_public().to_string();
        let card = Card { id: self.id.clone(), key: self.key.public(), seal };
        let card = Box::new(OfficerCard::sign(card, &self.key).unwrap());
        Request::OfficerEnrol { card, roles: roles.to_vec(), until: None }
    }
}

/// One request over the control socket, as the command line sends it.
async fn call(socket: &Path, request: &Request) -> Result<Reply, Failure> {
    let client = connect(socket).await?;
    let client = client.ok_or_else(|| Failure::new(FailureKind::Local, "no node runs"))?;
    client.call(request, |_| ()).await
}

/// Makes real claims of a name, each of one person, which the ready rules release when two persons approved.
async fn claim(
    asker: &Path,
    queries: &[(QueryId, u32)],
    ana: &Officer,
    bojan: &Officer,
) -> BTreeSet<ClaimId> {
    let mut wanted = Vec::new();
    for (query, items) in queries {
        let acts = (0..*items)
            .map(|item| bojan.signs(ActKind::Verify { query: *query, item, same: true, reason: None }));
        call(asker, &Request::HitJudge { acts: acts.collect() }).await.unwrap();
        wanted.extend((0..*items).map(|item| (*query, item)));
    }
    let wanted = Arc::new(Mutex::new(wanted));
    let mut workers = JoinSet::new();
    for _ in 0..4 {
        let (wanted, asker, ana) = (wanted.clone(), asker.to_path_buf(), ana.clone());
        workers.spawn(async move {
            let mut made = Vec::new();
            loop {
                let Some((query, item)) = wanted.lock().unwrap().pop() else { return made };
                let (items, fields) = (vec![item], vec![Field::Name]);
                let draft = Request::ClaimDraft { query, items, fields, officer: ana.id.clone() };
                let Reply::ClaimDraft { claim } = call(&asker, &draft).await.unwrap() else {
                    panic!("a draft")
                };
                let act = Box::new(ana.signs(ActKind::Claim { digest: claim.digest().unwrap() }));
                made.push(claim.claim);
                call(&asker, &Request::ClaimMake { claim, act }).await.unwrap();
            }
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

/// What officers were told: who approved what, and how often nothing came of it.
#[derive(Default)]
struct Told {
    approved: Mutex<BTreeMap<ClaimId, BTreeSet<OfficerId>>>,
    refused: AtomicUsize,
    cut: AtomicUsize,
}

/// An officer goes through all cases in an order of its own and approves what it may, whatever the others do. When
/// the node is gone it waits and tries again.
async fn decide(holder: PathBuf, officer: Officer, cases: Vec<(ClaimId, Digest)>, told: Arc<Told>) {
    for (claim, digest) in cases {
        loop {
            let act = Box::new(officer.signs(ActKind::Approve { claim: digest }));
            match call(&holder, &Request::CaseStep { claim, act }).await {
                Ok(_) => {
                    told.approved.lock().unwrap().entry(claim).or_default().insert(officer.id.clone());
                }
                // It is over, or this officer approved it just before the node was killed.
                Err(failure) if failure.kind == FailureKind::Refused => {
                    told.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    told.cut.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            }
            break;
        }
    }
}

#[test]
fn ten_officers_decide_at_once_and_a_kill_loses_nothing() {
    let cases = cases();
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree(&asker);
    let plain = records(0..cases, "");
    let named = plain.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record["fields"] = serde_json::json!({ "name": "Name" });
        record.to_string() + "\n"
    });
    holder.import(&named.collect::<String>());
    holder.serve();
    asker.serve();
    // Before officers are enrolled nobody has to sign a query.
    let queries = (0..cases).step_by(BATCH as usize).map(|first| {
        let last = cases.min(first + BATCH);
        let file = asker.file("people.ndjson", &people(first..last));
        let done = asker.run(&Agency::exact(&file, PERMITTED, &["RS"]));
        assert_eq!(done.hits().len(), (last - first) as usize);
        (done.answer()["query"].as_str().unwrap().parse().unwrap(), last - first)
    });
    let queries: Vec<(QueryId, u32)> = queries.collect();

    let (holds, asks) = (holder.home().join("control.sock"), asker.home().join("control.sock"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (ana, bojan) = (Officer::new("ana", 1), Officer::new("bojan", 2));
    let officers: Vec<_> =
        (0..OFFICERS).map(|n| Officer::new(&format!("officer-{n}"), u8::try_from(10 + n).unwrap())).collect();
    let claims = runtime.block_on(async {
        call(&asks, &ana.enrol(&[Role::Asks])).await.unwrap();
        call(&asks, &bojan.enrol(&[Role::Verifies])).await.unwrap();
        for officer in &officers {
            call(&holds, &officer.enrol(&[Role::Approves])).await.unwrap();
        }
        let begun = Instant::now();
        let claims = claim(&asks, &queries, &ana, &bojan).await;
        eprintln!("{cases} claims in {:?}", begun.elapsed());
        claims
    });
    assert_eq!(claims.len(), cases as usize);
    let pending = runtime.block_on(call(&holds, &Request::CaseList { all: false })).unwrap();
    let Reply::Cases { cases: pending } = pending else { panic!("cases") };
    let pending: Vec<(ClaimId, Digest)> =
        pending.into_iter().map(|line| (line.case.claim.claim, line.digest)).collect();
    assert_eq!(pending.len(), cases as usize);

    let told = Arc::new(Told::default());
    let begun = Instant::now();
    let mut deciding = JoinSet::new();
    for (n, officer) in officers.iter().enumerate() {
        let mut order = pending.clone();
        order.rotate_left(n * pending.len() / OFFICERS / 2);
        if n % 2 == 1 {
            order.reverse();
        }
        deciding.spawn_on(decide(holds.clone(), officer.clone(), order, told.clone()), runtime.handle());
    }
    // Killed at moments that nobody chose, as long as there is anything to decide.
    let mut kills = 0;
    for moment in [150, 430, 290] {
        std::thread::sleep(Duration::from_millis(moment));
        if deciding.try_join_next().is_some() {
            break;
        }
        holder.kill();
        kills += 1;
        holder.serve();
    }
    runtime.block_on(async { while deciding.join_next().await.is_some() {} });
    eprintln!(
        "decided in {:?} with {kills} kills, {} requests refused, {} cut off",
        begun.elapsed(),
        told.refused.load(Ordering::Relaxed),
        told.cut.load(Ordering::Relaxed)
    );
    assert!(kills > 0, "the node was never killed");

    // Whoever looks at the cases finds released what a kill kept from being released.
    let Reply::Cases { cases: ended } =
        runtime.block_on(call(&holds, &Request::CaseList { all: true })).unwrap()
    else {
        panic!("cases")
    };
    // What the journal says, step by step.
    let mut steps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut releases: BTreeMap<String, usize> = BTreeMap::new();
    for (name, event) in holder.events("cases.ndjson") {
        match name.as_str() {
            "case_step" => {
                let officer =
                    event["step"]["approve"]["officer"].as_str().expect("only approvals").to_owned();
                assert_eq!(event["act"]["act"]["officer"], officer, "each with the officer's word");
                steps.entry(event["claim"].as_str().unwrap().to_owned()).or_default().push(officer);
            }
            "released" => {
                let claim = event["release"]["release"]["claim"].as_str().unwrap().to_owned();
                *releases.entry(claim).or_default() += 1;
            }
            _ => {}
        }
    }
    assert_eq!(ended.len(), cases as usize);
    let told = told.approved.lock().unwrap();
    for line in ended {
        let (id, case) = (line.case.claim.claim, line.case);
        let journal = &steps[&id.to_string()];
        let approved: Vec<_> = case.approved_by.iter().map(ToString::to_string).collect();
        assert_eq!(&approved, journal, "the case is what the journal says");
        let distinct: BTreeSet<_> = approved.iter().collect();
        assert_eq!((distinct.len(), approved.len()), (2, 2), "two persons, each once: {approved:?}");
        assert_eq!(case.end, Some(End::Released));
        // Who was told that it approved did.
        for officer in told.get(&id).into_iter().flatten() {
            assert!(case.approved_by.contains(officer), "{officer} approved and it was lost");
        }
        assert_eq!((line.releases.len(), releases.get(&id.to_string())), (1, Some(&1)), "released once");
        assert_eq!(line.releases[0].fields.len(), 1);
    }
    // The asker takes what is released after all that.
    let first = *claims.first().unwrap();
    let collected = runtime.block_on(call(&asks, &Request::ClaimCollect { claim: first })).unwrap();
    let Reply::Claim(line) = collected else { panic!("a claim") };
    assert_eq!(line.releases.len(), 1);
}
