//! Random sequences of everything that two nodes do with one another, held to a model that knows neither.
//!
//! The nodes are real, with their books, registers and sessions over loopback. The model has people, what was
//! asked of them and what was approved, and says of every step what must come of it. After each step both
//! books are compared with it; at the end both journals are audited and reconciled.
//!
//! `SYMBOLON_TEST_SEQUENCES=200 cargo test --release --lib -- machine` tries more. A sequence is
//! its seed: one that ever failed is kept in [`KEPT`].

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    case::End,
    officer::{Act, ActKind, Card, How, OfficerCard, SignedAct},
    permit::RefusalCode,
    signing::{Document as _, Signer as _},
    words::{ClaimId, Digest, Field, OfficerId, QueryId, Role, Salt, Timestamp},
};

use super::*;
use crate::{
    clock,
    control::api::{Authority, Outcome},
    hashed::Hashed,
    journal::audit,
    session::claim::cases,
};

/// Sequences that failed once, by their seeds. 18: a release that was collected in two sessions close together was
/// journalled as countersigned twice, which the audit calls a violation.
const KEPT: &[u64] = &[18];
/// Sequences beside these, and steps of each.
const SEQUENCES: u64 = 8;
const STEPS: usize = 80;
/// Identifiers that may be asked: few enough to run out.
const LIMIT: u64 = 26;
const PEOPLE: u32 = 8;
/// Fields that are requested, and how many persons the ready rules want for each.
const FIELDS: [(Field, Option<u8>); 3] =
    [(Field::Place, Some(1)), (Field::Name, Some(2)), (Field::Other, None)];
const APPROVERS: [&str; 3] = ["dana", "edin", "filip"];
const VERIFIERS: [&str; 2] = ["bojan", "cveta"];

/// SplitMix64 [Steele, Lea, Flood, OOPSLA 2014].
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { Some(of[self.below(of.len())].clone()) }
    }
}

fn key(id: &str) -> SigningKey {
    SigningKey::from_bytes(&Digest::of("test officer", id.as_bytes()).0)
}

fn signed(id: &str, act: ActKind) -> SignedAct {
    SignedAct::sign(Act { officer: id.parse().unwrap(), act, at: clock::now() }, &key(id)).unwrap()
}

/// A person, as the model knows it.
#[derive(Clone, Copy)]
struct Person {
    present: bool,
    minor: bool,
    contested: bool,
}

impl Person {
    /// Whether it takes part for the purpose of these queries.
    fn takes_part(self) -> bool {
        self.present && !self.minor
    }

    /// Whether its fields may be released at all.
    fn may_be_told(self) -> bool {
        self.takes_part() && !self.contested
    }

    fn line(self, i: u32) -> String {
        let mut record: serde_json::Value = serde_json::from_str(&record(i, false)).unwrap();
        record["fields"] =
            serde_json::json!({ "name": format!("Name {i}"), "place": "Place", "note": "Note" });
        record["subject"]["age"] = if self.minor { "minor" } else { "adult" }.into();
        record["subject"]["contested"] = self.contested.into();
        record.to_string() + "\n"
    }
}

struct Asked {
    people: Vec<u32>,
    took_part: BTreeSet<u32>,
    /// The last word of each verifier about each item.
    judged: BTreeMap<(u32, &'static str), bool>,
}

struct Claimed {
    digest: Digest,
    person: u32,
    /// Fields with what they need; nothing if the claim found nobody.
    fields: Vec<(Field, u8)>,
    approved: Vec<&'static str>,
    stopped: bool,
    end: Option<&'static str>,
    releases: Vec<BTreeSet<Field>>,
    /// How many of them the asker has.
    collected: usize,
}

impl Claimed {
    fn needs(&self) -> Option<u8> {
        self.fields.iter().map(|(_, needs)| *needs).max()
    }
}

struct Model {
    people: BTreeMap<u32, Person>,
    /// Who is in the snapshot that is there, if one is.
    snapshot: Option<BTreeSet<u32>>,
    spent: u64,
    revoked: bool,
    asked: BTreeMap<QueryId, Asked>,
    claims: BTreeMap<ClaimId, Claimed>,
    /// In the order they came: ids are drawn at random, and a sequence must not depend on them.
    queries: Vec<QueryId>,
    cases: Vec<ClaimId>,
    /// What came of steps, so that it can be seen that all of it comes up.
    seen: BTreeSet<&'static str>,
}

struct Machine {
    holder: Agency,
    asker: Agency,
    serving: tokio::task::JoinHandle<Result<(), Failure>>,
    model: Model,
    draw: Draw,
    steps: usize,
}

async fn enrol(agency: &Agency, id: &str, role: Role) {
    let seal = age::x25519::Identity::generate().to_public().to_string();
    let card = Card { id: id.parse().unwrap(), key: key(id).public(), seal };
    let card = Box::new(OfficerCard::sign(card, &key(id)).unwrap());
    agency.ask(Request::OfficerEnrol { card, roles: vec![role], until: None }).await.unwrap();
}

impl Machine {
    async fn new(seed: u64) -> Self {
        let (holder, asker) = (Agency::new("RS").await, Agency::new("MK").await);
        // Ten years, so that no sequence runs over the end of a period.
        let few = |text: String| {
            text.replace("limit = 10000", &format!("limit = {LIMIT}"))
                .replace("period_days = 1\n", "period_days = 3660\n")
        };
        pair::agree_on(&holder, &asker, few).await;
        let person = Person { present: true, minor: false, contested: false };
        let people: BTreeMap<u32, Person> = (0..PEOPLE).map(|i| (i, person)).collect();
        let mut machine = Self {
            serving: tokio::spawn(async { Ok(()) }),
            model: Model {
                people,
                snapshot: None,
                spent: 0,
                revoked: false,
                asked: BTreeMap::new(),
                claims: BTreeMap::new(),
                queries: Vec::new(),
                cases: Vec::new(),
                seen: BTreeSet::new(),
            },
            draw: Draw(seed),
            steps: 0,
            holder,
            asker,
        };
        machine.import(&(0..PEOPLE).collect::<Vec<_>>()).await;
        let (address, serving) = machine.holder.serve().await;
        machine.serving = serving;
        let partners = [("RS".parse().unwrap(), vec![address])].into();
        machine.asker =
            machine.asker.again(Config { partners, query_retention_days: 1, ..Config::default() }).await;
        enrol(&machine.asker, "ana", Role::Asks).await;
        for id in VERIFIERS {
            enrol(&machine.asker, id, Role::Verifies).await;
        }
        for id in APPROVERS {
            enrol(&machine.holder, id, Role::Approves).await;
        }
        machine
    }

    async fn import(&self, people: &[u32]) {
        let lines: String = people.iter().map(|i| self.model.people[i].line(*i)).collect();
        let (register, file) = ("border".parse().unwrap(), self.holder.file("border.ndjson", &lines));
        let import = Request::RegisterImport { register, file, format: None, create: true, rejects: None };
        let Ok(Reply::Imported(imported)) = self.holder.ask(import).await else { panic!("import") };
        assert_eq!((imported.good, imported.rejected), (people.len() as u64, 0));
    }

    /// Notes a step; shown if one fails.
    fn say(&mut self, what: impl AsRef<str>) {
        self.steps += 1;
        eprintln!("{} {}", self.steps, what.as_ref());
    }

    async fn step(&mut self) {
        match self.draw.below(100) {
            0..18 => self.query().await,
            18..36 => self.verify().await,
            36..56 => self.claim().await,
            56..80 => self.decide().await,
            80..84 => self.collect().await,
            84..90 => self.correct().await,
            90..92 => self.erase().await,
            92..95 => self.expire(),
            95..98 if self.steps > STEPS / 2 => self.revoke().await,
            _ => self.say("nothing"),
        }
    }

    async fn query(&mut self) {
        let wanted = 1 + self.draw.below(3);
        // One that never was, too.
        let people: BTreeSet<u32> =
            (0..wanted).map(|_| self.draw.below(PEOPLE as usize + 1) as u32).collect();
        let people: Vec<u32> = people.into_iter().collect();
        let forbidden = self.draw.below(8) == 0;
        self.say(format!("ask {people:?}{}", if forbidden { ", forbidden" } else { "" }));
        let mut terms = QueryTerms { officer: "ana".parse().unwrap(), ..terms() };
        if forbidden {
            (terms.purpose, terms.basis) = ("SIMULATION".parse().unwrap(), "VITAL_INTEREST".parse().unwrap());
        }
        let lines: Vec<String> = people.iter().map(|i| person(*i)).collect();
        let subjects = self.asker.file("people.ndjson", &lines.join("\n"));
        let file = Hashed::new(std::fs::File::open(&subjects).unwrap()).finish().unwrap();
        // Another each time: what an officer signed serves once.
        let salt = Salt(Digest::of("test salt", &self.steps.to_be_bytes()).0);
        let digest = terms.intent(How::Exact, &salt, &file).digest().unwrap();
        let act = signed("ana", ActKind::Ask { digest });
        let request = Request::QueryExact { terms, subjects, format: None };
        let reply = self.asker.ask(request.with_authority(Authority { act, salt })).await;
        let model = &mut self.model;
        if model.revoked {
            assert!(reply.is_err(), "{reply:?}");
            return;
        }
        let Ok(Reply::Answers { mut answers }) = reply else { panic!("{reply:?}") };
        let answer = answers.remove(0);
        let n = people.len() as u64;
        let expected = if model.spent + 1 > LIMIT {
            Err(RefusalCode::QuotaExceeded)
        } else if forbidden {
            Err(RefusalCode::RulesForbid)
        } else if model.spent + n > LIMIT {
            Err(RefusalCode::QuotaExceeded)
        } else {
            Ok(())
        };
        match (&answer.outcome, expected) {
            (Outcome::Refused { code, .. }, Err(expected)) => {
                assert_eq!(*code, expected);
                model.seen.insert(if expected == RefusalCode::RulesForbid {
                    "refused by rules"
                } else {
                    "quota"
                });
            }
            (Outcome::Hits { .. }, Ok(())) => {
                model.spent += n;
                let now = || model.people.iter().filter(|(_, p)| p.takes_part()).map(|(i, _)| *i).collect();
                let took_part = model.snapshot.get_or_insert_with(now).clone();
                let expected: Vec<String> =
                    people.iter().filter(|i| took_part.contains(i)).map(|i| format!("p{i}")).collect();
                assert_eq!(hits(&answer), expected);
                model.queries.push(answer.query.unwrap());
                model
                    .asked
                    .insert(answer.query.unwrap(), Asked { people, took_part, judged: BTreeMap::new() });
            }
            (outcome, expected) => panic!("{outcome:?}, expected {expected:?}"),
        }
    }

    /// An item of a query that was answered.
    fn item(&mut self) -> Option<(QueryId, u32)> {
        let query = self.draw.one(&self.model.queries)?;
        let item = self.draw.below(self.model.asked[&query].people.len()) as u32;
        Some((query, item))
    }

    async fn verify(&mut self) {
        let Some((query, item)) = self.item() else { return };
        let (by, same) = (self.draw.one(&VERIFIERS).unwrap(), self.draw.below(4) > 0);
        self.say(format!("{by} judges {query}/{item}: {same}"));
        let acts = vec![signed(by, ActKind::Verify { query, item, same, reason: None })];
        let judged = self.asker.ask(Request::HitJudge { acts }).await;
        let asked = &self.model.asked[&query];
        if !asked.took_part.contains(&asked.people[item as usize]) {
            assert!(judged.is_err(), "{judged:?}");
            self.model.seen.insert("no hit");
            return;
        }
        judged.unwrap();
        self.model.asked.get_mut(&query).unwrap().judged.insert((item, by), same);
    }

    async fn claim(&mut self) {
        let Some((query, item)) = self.item() else { return };
        let fields: Vec<_> = FIELDS.into_iter().filter(|_| self.draw.below(3) > 0).collect();
        let Some((_, _)) = fields.first() else { return };
        self.say(format!("claim {query}/{item} {fields:?}"));
        let wanted = fields.iter().map(|(field, _)| *field).collect();
        let officer: OfficerId = "ana".parse().unwrap();
        let draft =
            self.asker.ask(Request::ClaimDraft { query, items: vec![item], fields: wanted, officer }).await;
        let asked = &self.model.asked[&query];
        let verified = VERIFIERS.iter().any(|by| asked.judged.get(&(item, *by)) == Some(&true));
        if !verified || self.model.revoked {
            assert!(draft.is_err(), "{draft:?}");
            return;
        }
        let Ok(Reply::ClaimDraft { claim }) = draft else { panic!("{draft:?}") };
        let (id, digest) = (claim.claim, claim.digest().unwrap());
        let act = Box::new(signed("ana", ActKind::Claim { digest }));
        self.asker.ask(Request::ClaimMake { claim, act }).await.unwrap();
        let person = asked.people[item as usize];
        let now = self.model.people.get(&person).copied();
        let found = asked.took_part.contains(&person) && now.is_some_and(Person::takes_part);
        let told = found && now.is_some_and(Person::may_be_told);
        let needs = fields.into_iter().filter_map(|(field, needs)| Some((field, needs?)));
        let fields: Vec<_> = needs.filter(|_| told).collect();
        let end = fields.is_empty().then_some("nothing");
        let claimed = Claimed {
            digest,
            person,
            fields,
            approved: Vec::new(),
            stopped: false,
            end,
            releases: Vec::new(),
            collected: 0,
        };
        self.model.claims.insert(id, claimed);
        self.model.cases.push(id);
    }

    async fn decide(&mut self) {
        let Some(id) = self.draw.one(&self.model.cases) else { return };
        let (by, what) = (self.draw.one(&APPROVERS).unwrap(), self.draw.below(10));
        self.say(format!("{by} decides {id}: {what}"));
        let claim = self.model.claims[&id].digest;
        let reason = "a reason".to_owned();
        let act = match what {
            0..7 => ActKind::Approve { claim },
            7 => ActKind::Refuse { claim, reason },
            8 => ActKind::StopClock { claim, reason },
            _ => ActKind::ResumeClock { claim },
        };
        let taken =
            self.holder.ask(Request::CaseStep { claim: id, act: Box::new(signed(by, act)) }).await.is_ok();
        let revoked = self.model.revoked;
        let case = self.model.claims.get_mut(&id).unwrap();
        let told = self.model.people.get(&case.person).is_some_and(|person| person.may_be_told()) && !revoked;
        let may = case.end.is_none()
            && match what {
                0..7 => !case.stopped && !case.approved.contains(&by),
                7 => true,
                8 => !case.stopped,
                _ => case.stopped,
            };
        assert_eq!(taken, may);
        match what {
            _ if !may => {}
            0..7 => {
                case.approved.push(by);
                let approvals = case.approved.len() as u8;
                let due: Vec<_> = case.fields.iter().filter(|(_, needs)| *needs == approvals).collect();
                if !due.is_empty() {
                    let told = due.into_iter().filter(|_| told).map(|(field, _)| *field);
                    case.releases.push(told.collect());
                }
                if case.needs().is_some_and(|needs| approvals >= needs) {
                    case.end = Some("released");
                }
            }
            7 => case.end = Some("refused"),
            8 => case.stopped = true,
            _ => case.stopped = false,
        }
    }

    /// The asker has what was released and could be released still when it came for it, and nothing else.
    async fn collect(&mut self) {
        let Some(id) = self.draw.one(&self.model.cases) else { return };
        self.say(format!("collect {id}"));
        let reply = self.asker.ask(Request::ClaimCollect { claim: id }).await;
        if self.model.revoked {
            return;
        }
        let Ok(Reply::Claim(line)) = reply else { panic!("{reply:?}") };
        let model = &mut self.model;
        let case = model.claims.get_mut(&id).unwrap();
        let told = model.people.get(&case.person).is_some_and(|person| person.may_be_told());
        let waiting = case.releases.iter().skip(case.collected);
        case.collected += waiting.take_while(|fields| fields.is_empty() || told).count();
        assert_eq!(line.releases.len(), case.collected);
        if case.collected < case.releases.len() {
            model.seen.insert("held back at the collection");
        }
    }

    async fn correct(&mut self) {
        let present = self.model.people.iter().filter(|(_, person)| person.present).map(|(i, _)| *i);
        let Some(i) = self.draw.one(&present.collect::<Vec<_>>()) else { return };
        let (minor, contested) = (self.draw.below(3) == 0, self.draw.below(3) == 0);
        self.say(format!("correct {i}: minor {minor}, contested {contested}"));
        self.model.people.insert(i, Person { present: true, minor, contested });
        self.import(&[i]).await;
        self.model.snapshot = None;
    }

    async fn erase(&mut self) {
        let present = self.model.people.iter().filter(|(_, person)| person.present).map(|(i, _)| *i);
        let Some(i) = self.draw.one(&present.collect::<Vec<_>>()) else { return };
        self.say(format!("erase {i}"));
        let (register, ids) = ("border".parse().unwrap(), vec![format!("R-{i}")]);
        let erase = Request::RegisterErase { register, ids, reason: "SUBJECT_REQUEST".into() };
        self.holder.ask(erase).await.unwrap();
        self.model.people.get_mut(&i).unwrap().present = false;
        self.model.snapshot = None;
    }

    /// The time for deciding passes.
    fn expire(&mut self) {
        self.say("expire");
        cases::expire(self.holder.core(), clock::now().plus(49 * Timestamp::HOUR)).unwrap();
        for case in self.model.claims.values_mut().filter(|case| case.end.is_none() && !case.stopped) {
            case.end = Some("expired");
        }
    }

    async fn revoke(&mut self) {
        self.say("revoke");
        let by_holder = self.draw.below(2) == 0;
        let by = if by_holder { &self.holder } else { &self.asker };
        let id = by.core().book.agreements()[0].id().to_string();
        let revoked = by.ask(Request::AgreementRevoke { id, reason: "it is over".into() }).await;
        assert_eq!(revoked.is_ok(), !self.model.revoked);
        if by_holder && !self.model.revoked {
            // It cannot reach the asker, which does not serve, and tells it when they meet.
            self.asker.ask(Request::PeerPing { partner: "RS".parse().unwrap() }).await.unwrap();
        }
        self.model.revoked = true;
        self.model.seen.insert("revoked");
    }

    /// Both books say what the model says.
    fn check(&self) -> BTreeSet<&'static str> {
        let mut seen = self.model.seen.clone();
        for agency in [&self.holder, &self.asker] {
            let meters = agency.core().book.state().meters().unwrap();
            let spent: u64 = meters.iter().map(|(_, spent)| *spent).sum();
            assert!(spent <= LIMIT, "a quota is never below nothing");
            assert_eq!(spent, self.model.spent);
        }
        let known = self.holder.core().book.state().claims(Side::Holder).unwrap();
        assert_eq!(known.len(), self.model.claims.len());
        for claimed in known {
            let (case, model) = (&claimed.case, &self.model.claims[&claimed.case.claim.claim]);
            let approved: Vec<&str> = case.approved_by.iter().map(OfficerId::as_str).collect();
            assert_eq!(approved, model.approved);
            assert_eq!(case.stopped.is_some() && case.end.is_none(), model.stopped && model.end.is_none());
            let end = case.end.as_ref().map(|end| match end {
                End::Released => "released",
                End::Refused { .. } => "refused",
                End::Expired => "expired",
                End::Nothing => "nothing",
            });
            assert_eq!(end, model.end);
            seen.extend(end);
            if claimed.releases.iter().any(|signed| signed.release.fields.is_empty()) {
                seen.insert("corrected or erased before the release");
            }
            let releases: Vec<BTreeSet<Field>> = claimed
                .releases
                .iter()
                .map(|signed| {
                    signed.release.fields.iter().flat_map(|(_, fields)| fields.iter().copied()).collect()
                })
                .collect();
            assert_eq!(releases, model.releases);
            // Whatever the model says: nothing without as many persons as the field needs.
            for signed in &claimed.releases {
                let persons: BTreeSet<_> = signed.release.approved_by.iter().collect();
                for field in signed.release.fields.iter().flat_map(|(_, fields)| fields) {
                    let needs = FIELDS.iter().find(|(known, _)| known == field).and_then(|(_, needs)| *needs);
                    assert!(
                        needs.is_some_and(|needs| persons.len() >= usize::from(needs)),
                        "{field} by {persons:?}"
                    );
                }
            }
        }
        seen
    }

    async fn end(self) {
        let mut exports = Vec::new();
        for agency in [&self.holder, &self.asker] {
            let Ok(Reply::Audit { clean, text, .. }) = agency.ask(Request::AuditVerify).await else {
                panic!("audit")
            };
            assert!(clean, "{text}");
            let file = agency.dir.path().join("export.ndjson");
            agency.ask(Request::AuditExport { file: file.clone() }).await.unwrap();
            let reader = std::io::BufReader::new(std::fs::File::open(&file).unwrap());
            exports.push(audit::import_export(reader, None).unwrap());
        }
        let found = audit::reconcile(&exports[0], &exports[1]);
        assert!(found.is_clean(), "{found}");
        self.holder.ask(Request::Stop).await.unwrap();
        self.serving.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_two_nodes_do_is_what_the_model_says() {
    let more = std::env::var("SYMBOLON_TEST_SEQUENCES").ok().and_then(|n| n.parse().ok());
    let mut seen = BTreeSet::new();
    for seed in KEPT.iter().copied().chain(0..more.unwrap_or(SEQUENCES)) {
        eprintln!("sequence {seed}");
        let mut machine = Machine::new(seed).await;
        for _ in 0..STEPS {
            machine.step().await;
            seen.extend(machine.check());
        }
        machine.end().await;
    }
    for what in [
        "released",
        "refused",
        "expired",
        "nothing",
        "no hit",
        "quota",
        "refused by rules",
        "revoked",
        "corrected or erased before the release",
        "held back at the collection",
    ] {
        assert!(seen.contains(what), "nothing was {what}: {seen:?}");
    }
}
