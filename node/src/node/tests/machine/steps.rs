//! The steps: each is done by the nodes and by the model, and what comes of it is compared.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    officer::{ActKind, How},
    permit::RefusalCode,
    signing::Document as _,
    words::{Digest, OfficerId, QueryId, Salt, Timestamp},
};

use super::{
    APPROVERS, FIELDS, LIMIT, Machine, PEOPLE, VERIFIERS,
    model::{Asked, Claimed, Person},
    signed,
};
use crate::{
    clock,
    control::api::{Authority, Outcome, QueryTerms, Reply, Request},
    hashed::Hashed,
    node::tests::{hits, person, terms},
    session::claim::cases,
};

impl Machine {
    pub(super) async fn query(&mut self) {
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

    pub(super) async fn verify(&mut self) {
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
        self.model.asked.get_mut(&query).unwrap().judged.insert(item, same);
    }

    pub(super) async fn claim(&mut self) {
        let Some((query, item)) = self.item() else { return };
        let fields: Vec<_> = FIELDS.into_iter().filter(|_| self.draw.below(3) > 0).collect();
        let Some((_, _)) = fields.first() else { return };
        self.say(format!("claim {query}/{item} {fields:?}"));
        let wanted = fields.iter().map(|(field, _)| *field).collect();
        let officer: OfficerId = "ana".parse().unwrap();
        let draft =
            self.asker.ask(Request::ClaimDraft { query, items: vec![item], fields: wanted, officer }).await;
        let asked = &self.model.asked[&query];
        let verified = asked.judged.get(&item) == Some(&true);
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
            hit: (query, item),
            person,
            fields,
            approved: Vec::new(),
            stopped: false,
            end,
            releases: Vec::new(),
            collected: BTreeSet::new(),
        };
        self.model.claims.insert(id, claimed);
        self.model.cases.push(id);
    }

    pub(super) async fn decide(&mut self) {
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
                if told {
                    case.release_rest();
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
    pub(super) async fn collect(&mut self) {
        let Some(id) = self.draw.one(&self.model.cases) else { return };
        self.say(format!("collect {id}"));
        let reply = self.asker.ask(Request::ClaimCollect { claim: id }).await;
        if self.model.revoked {
            return;
        }
        let model = &mut self.model;
        let case = model.claims.get_mut(&id).unwrap();
        let (query, item) = case.hit;
        if model.asked[&query].judged.get(&item) == Some(&false) {
            let refused = reply.unwrap_err();
            assert!(refused.what.contains("that it is another person"), "{refused}");
            model.seen.insert("another person after the claim");
            return;
        }
        let Ok(Reply::Claim(line)) = reply else { panic!("{reply:?}") };
        let told = model.people.get(&case.person).is_some_and(|person| person.may_be_told());
        if told && !matches!(case.end, Some("refused" | "expired")) {
            let before = case.releases.len();
            case.release_rest();
            if case.releases.len() > before {
                model.seen.insert("released late");
            }
        }
        let may = |at: &usize| case.releases[*at].is_empty() || told;
        case.collected.extend((0..case.releases.len()).filter(may));
        let numbers: BTreeSet<_> = line.releases.iter().map(|line| line.release.number as usize).collect();
        assert_eq!(numbers, case.collected);
        if case.collected.len() < case.releases.len() {
            model.seen.insert("held back at the collection");
        }
    }

    pub(super) async fn correct(&mut self) {
        let present = self.model.people.iter().filter(|(_, person)| person.present).map(|(i, _)| *i);
        let Some(i) = self.draw.one(&present.collect::<Vec<_>>()) else { return };
        let (minor, contested) = (self.draw.below(3) == 0, self.draw.below(3) == 0);
        self.say(format!("correct {i}: minor {minor}, contested {contested}"));
        self.model.people.insert(i, Person { present: true, minor, contested });
        self.import(&[i]).await;
        self.model.snapshot = None;
    }

    pub(super) async fn erase(&mut self) {
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
    pub(super) fn expire(&mut self) {
        self.say("expire");
        cases::expire(self.holder.core(), clock::now().plus(49 * Timestamp::HOUR)).unwrap();
        for case in self.model.claims.values_mut().filter(|case| case.end.is_none() && !case.stopped) {
            case.end = Some("expired");
        }
    }

    pub(super) async fn revoke(&mut self) {
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
}
