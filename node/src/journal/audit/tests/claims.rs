//! Claims, what they found and what was released, in one journal and in two.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    agreement::ClaimTerms,
    case::{End, Ended, Found, Step},
    claim::{Claim, FieldDecision, Outcome, Release, SignedRelease, Standing, opening_digest},
    officer::{Act, ActKind, Officer, SignedAct},
    signing::{self, Document as _},
    words::{ClaimId, Digest, Field, OfficerId, Reference, Role},
};

use super::*;

/// A world whose agreement has terms for claims, and a claim of RS for one field, which `approvals` release.
struct Case {
    world: World,
    claim: Claim,
    found: Vec<Found>,
}

impl Case {
    fn new(approvals: u8) -> Self {
        Self::of(&[(Field::Place, approvals)])
    }

    /// Of these fields, each with the approvals that release it.
    fn of(fields: &[(Field, u8)]) -> Self {
        let mut world = World::new();
        let claims = ClaimTerms { claim_hours: 48, decide_hours: 48, most_records: 5 };
        world.terms.claims = Some(claims);
        world.agree();
        let ask = world.exchange(1);
        // O.2 of RS verifies the hit.
        let (key, at) = (SigningKey::from_bytes(&[8; 32]), world.now);
        let (id, seal): (OfficerId, _) = ("O.2".parse().unwrap(), "age1".to_owned());
        let officer =
            Officer { id: id.clone(), roles: vec![Role::Verifies], key: key.public(), seal, until: None };
        let verify = ActKind::Verify { query: ask.query, item: 0, same: true, reason: None };
        let act = SignedAct::sign(Act { officer: id, act: verify, at }, &key).unwrap();
        for event in [Event::OfficerEnrolled { officer }, Event::HitJudged { act }] {
            world.rs.journal.append(event, at).unwrap();
        }
        let claim = Claim {
            claim: ClaimId([1; 16]),
            query: ask.query,
            agreement: ask.agreement,
            asker: ask.asker.clone(),
            holder: ask.holder.clone(),
            basis: ask.basis,
            case: "K-1".into(),
            officer: ask.officer.clone(),
            seal: "age1".into(),
            verified_by: "O.2".parse().unwrap(),
            verified_at: ask.asked_at,
            items: vec![0],
            fields: fields.iter().map(|(field, _)| *field).collect(),
            opening: opening_digest(b"opened"),
            claimed_at: ask.asked_at,
        };
        let needs = |(field, approvals): &(Field, u8)| FieldDecision {
            field: *field,
            standing: Standing::Needs(*approvals),
            clauses: vec![],
        };
        let fields = fields.iter().map(needs).collect();
        let (reference, record) = (Reference([7; 16]), Digest([8; 32]));
        let found = vec![Found { reference, record, item: Some(0), fields }];
        let mut case = Self { world, claim, found };
        let claimed = |side, found: &[Found]| Event::Claimed {
            side,
            claim: case.claim.clone(),
            signature: signing::sign(&case.claim, &case.world.rs.key).unwrap(),
            act: None,
            found: found.to_vec(),
            at: case.world.now,
        };
        let (made, came) = (claimed(Side::Asker, &[]), claimed(Side::Holder, &case.found));
        case.note(true, made);
        case.note(false, came);
        let outcome = Outcome {
            claim: case.claim.digest().unwrap(),
            found: case.found.iter().map(Found::told).collect(),
            decide_by: case.world.now.plus(48 * Timestamp::HOUR),
            at: case.world.now,
        };
        case.answer(outcome);
        case
    }

    /// MK says what it found, and RS notes it.
    fn answer(&mut self, outcome: Outcome) {
        let signature = signing::sign(&outcome, &self.world.mk.key).unwrap();
        let claim = self.claim.claim;
        self.note(true, Event::ClaimAnswered { claim, outcome, signature });
    }

    fn note(&mut self, asker: bool, event: Event) {
        let agency = if asker { &self.world.rs } else { &self.world.mk };
        agency.journal.append(event, self.world.now).unwrap();
    }

    /// An officer of MK is enrolled with a key.
    fn enrol(&mut self, id: &str, key: &SigningKey) -> OfficerId {
        let (roles, seal) = (vec![Role::Approves], "age1".to_owned());
        let officer = Officer { id: id.parse().unwrap(), roles, key: key.public(), seal, until: None };
        self.note(false, Event::OfficerEnrolled { officer });
        id.parse().unwrap()
    }

    /// An officer of MK is enrolled with a key, and approves.
    fn approve(&mut self, id: &str, key: &SigningKey) {
        let (id, at) = (self.enrol(id, key), self.world.now);
        let act = ActKind::Approve { claim: self.claim.digest().unwrap() };
        let act = SignedAct::sign(Act { officer: id.clone(), act, at }, key).unwrap();
        let (claim, step) = (self.claim.claim, Step::Approve { officer: id });
        self.note(false, Event::CaseStep { claim, step, act: Some(act), at });
    }

    /// What MK may release, signed by both.
    fn released(&self, number: u32, fields: &[Field], approved_by: &[&str]) -> SignedRelease {
        let release = Release {
            claim: self.claim.claim,
            number,
            fields: vec![(self.found[0].reference, fields.to_vec())],
            approved_by: approved_by.iter().map(|id| id.parse().unwrap()).collect(),
            sealed: Digest([9; 32]),
            bytes: 1,
            at: self.world.now,
        };
        let holder = signing::sign(&release, &self.world.mk.key).unwrap();
        let asker = signing::sign(&release, &self.world.rs.key).unwrap();
        SignedRelease { release, holder, asker: Some(asker) }
    }

    /// Findings in the journal of MK, which journals these releases.
    fn found_in(&mut self, releases: Vec<SignedRelease>) -> Vec<String> {
        for release in releases {
            self.note(false, Event::Released { side: Side::Holder, release, marks: vec![] });
        }
        audit(&self.world.mk).findings.into_iter().map(|finding| finding.fault.to_string()).collect()
    }

    /// MK releases, RS signs for it, MK hears of that.
    fn release(&mut self, approved_by: &[&str]) {
        let both = self.released(0, &[Field::Place], approved_by);
        let made = SignedRelease { asker: None, ..both.clone() };
        for (asker, release) in [(false, made), (true, both.clone()), (false, both)] {
            let side = if asker { Side::Asker } else { Side::Holder };
            self.note(asker, Event::Released { side, release, marks: vec![] });
        }
    }

    /// Everything in order, and both go on.
    fn whole() -> Self {
        let mut case = Self::new(1);
        case.approve("A.1", &SigningKey::from_bytes(&[9; 32]));
        case.release(&["A.1"]);
        case.go_on();
        case
    }

    /// Hours later both journals go on: nothing of before is under way.
    fn go_on(&mut self) {
        self.world.now = self.world.now.plus(3 * Timestamp::HOUR);
        for asker in [true, false] {
            self.note(asker, Event::NationalRules { text: None });
        }
    }

    fn violated(&self) -> Vec<Difference> {
        let found = compared(&self.world).discrepancies.into_iter();
        found.filter(|found| found.weight == Weight::Violation).map(|found| found.difference).collect()
    }
}

/// Leaves entries out of a journal.
fn without(agency: &mut Agency, gone: impl Fn(&Event) -> bool) {
    let mut events = agency.events();
    events.retain(|(_, event)| !gone(event));
    agency.rewrite(events);
}

fn about_the_claim(event: &Event) -> bool {
    matches!(
        event,
        Event::Claimed { .. } | Event::ClaimAnswered { .. } | Event::CaseStep { .. } | Event::Released { .. }
    )
}

#[test]
fn claims_and_releases_in_order_are_told_alike() {
    let case = Case::whole();
    for agency in [&case.world.rs, &case.world.mk] {
        let report = audit(agency);
        assert_eq!(report.findings, [], "{report}");
    }
    let found = compared(&case.world);
    assert_eq!((found.claims, &found.discrepancies[..]), (1, &[][..]), "{found}");
}

#[test]
fn the_same_claim_made_again_and_collected_again_is_in_order() {
    let mut case = Case::whole();
    let events = case.world.rs.events();
    for (_, event) in events.into_iter().filter(|(_, event)| about_the_claim(event)) {
        case.note(true, event);
    }
    let report = audit(&case.world.rs);
    assert_eq!(report.findings, [], "{report}");
    assert_eq!(case.violated(), []);
}

#[test]
fn a_claim_or_a_release_that_one_hides_the_other_shows() {
    let claim = ClaimId([1; 16]);
    let no_claim = |lacks: &Agency| Difference::NoClaim { claim, lacks: lacks.code.clone() };
    let no_release = |lacks: &Agency| Difference::NoRelease { claim, lacks: lacks.code.clone() };
    // The holder hides the claim, and the release alone.
    let mut case = Case::whole();
    without(&mut case.world.mk, about_the_claim);
    assert_eq!(case.violated(), [no_claim(&case.world.mk), no_release(&case.world.mk)]);
    let mut case = Case::whole();
    without(&mut case.world.mk, |event| matches!(event, Event::Released { .. }));
    assert_eq!(case.violated(), [no_release(&case.world.mk)]);
    // The asker does.
    let mut case = Case::whole();
    without(&mut case.world.rs, about_the_claim);
    assert_eq!(case.violated(), [no_claim(&case.world.rs), no_release(&case.world.rs)]);
    let mut case = Case::whole();
    without(&mut case.world.rs, |event| matches!(event, Event::Released { .. }));
    assert_eq!(case.violated(), [no_release(&case.world.rs)]);
}

#[test]
fn what_was_not_collected_or_never_came_accuses_nobody() {
    // Made, and not collected yet.
    let mut case = Case::whole();
    without(&mut case.world.rs, |event| matches!(event, Event::Released { .. }));
    let asker_signed =
        |event: &Event| matches!(event, Event::Released { release, .. } if release.asker.is_some());
    without(&mut case.world.mk, asker_signed);
    assert_eq!(case.violated(), []);
    // Claimed, and it never came.
    let mut case = Case::whole();
    without(&mut case.world.mk, about_the_claim);
    without(&mut case.world.rs, |event| about_the_claim(event) && !matches!(event, Event::Claimed { .. }));
    assert_eq!(case.violated(), []);
}

#[test]
fn a_holder_that_tells_other_records_than_it_journalled_is_found() {
    let mut case = Case::whole();
    let mut events = case.world.mk.events();
    for (_, event) in &mut events {
        if let Event::Claimed { found, .. } = event {
            found.clear();
        }
    }
    case.world.mk.rewrite(events);
    assert_eq!(case.violated(), [Difference::OtherClaim { claim: case.claim.claim }]);
}

#[test]
fn an_outcome_of_another_claim_is_not_one_of_this() {
    let mut case = Case::new(1);
    let outcome =
        Outcome { claim: Digest([5; 32]), found: vec![], decide_by: case.world.now, at: case.world.now };
    let signature = signing::sign(&outcome, &case.world.mk.key).unwrap();
    let claim = case.claim.claim;
    case.note(true, Event::ClaimAnswered { claim, outcome, signature });
    let report = audit(&case.world.rs);
    assert!(matches!(violations(&report)[..], [Fault::Claim { .. }]), "{report}");
    assert_eq!(case.violated(), []);
}

#[test]
fn one_key_under_two_names_is_one_person() {
    let [one, other] = [9, 10].map(|seed| SigningKey::from_bytes(&[seed; 32]));
    let approved = |second: &SigningKey| {
        let mut case = Case::new(2);
        case.approve("A.1", &one);
        case.approve("A.2", second);
        case.release(&["A.1", "A.2"]);
        audit(&case.world.mk)
    };
    let report = approved(&other);
    assert!(report.is_clean(), "{report}");
    let report = approved(&one);
    let [Fault::Claim { problem, .. }] = violations(&report)[..] else { panic!("{report}") };
    assert!(problem.contains("one key"), "{report}");
}

/// Alters events of a journal.
fn alter(agency: &mut Agency, change: impl Fn(&mut Event)) {
    let mut events = agency.events();
    events.iter_mut().for_each(|(_, event)| change(event));
    agency.rewrite(events);
}

#[test]
fn a_verification_that_the_asker_signed_for_must_be_in_its_journal() {
    let claim = ClaimId([1; 16]);
    let lacking = |case: &Case| Difference::NoVerification {
        claim,
        officer: "O.2".parse().unwrap(),
        lacks: case.world.rs.code.clone(),
    };
    let mut case = Case::whole();
    without(&mut case.world.rs, |event| matches!(event, Event::HitJudged { .. }));
    assert!(!audit(&case.world.rs).is_clean());
    assert_eq!(case.violated(), [lacking(&case)]);
    // The officer said that it is another person.
    let mut case = Case::whole();
    alter(&mut case.world.rs, |event| {
        if let Event::HitJudged { act } = event
            && let ActKind::Verify { same, .. } = &mut act.act.act
        {
            *same = false;
            *act = SignedAct::sign(act.act.clone(), &SigningKey::from_bytes(&[8; 32])).unwrap();
        }
    });
    assert!(!audit(&case.world.rs).is_clean());
    assert_eq!(case.violated(), [lacking(&case)]);
    // Words of another key are not the officer's.
    let mut case = Case::whole();
    alter(&mut case.world.rs, |event| {
        if let Event::HitJudged { act } = event {
            *act = SignedAct::sign(act.act.clone(), &SigningKey::from_bytes(&[7; 32])).unwrap();
        }
    });
    assert_eq!(case.violated(), [lacking(&case)]);
}

#[test]
fn an_approval_that_the_holder_signed_for_must_be_in_its_journal() {
    let claim = ClaimId([1; 16]);
    let mut case = Case::whole();
    without(&mut case.world.mk, |event| matches!(event, Event::CaseStep { .. }));
    let officer = "A.1".parse().unwrap();
    let difference = Difference::NoApproval { claim, officer, lacks: case.world.mk.code.clone() };
    assert_eq!(case.violated(), [difference]);
}

#[test]
fn times_of_a_case_that_were_told_otherwise_are_found() {
    let other = Difference::OtherTime { claim: ClaimId([1; 16]) };
    // The holder lets the case begin later than it said.
    let mut case = Case::whole();
    alter(&mut case.world.mk, |event| {
        if let Event::Claimed { at, .. } = event {
            *at = at.plus(-5);
        }
    });
    assert_eq!(case.violated(), std::slice::from_ref(&other));
    // It told of a clock that was stopped, and its journal lacks that; with the steps the two agree.
    let told = |stopped: bool| {
        let mut case = Case::new(1);
        let key = SigningKey::from_bytes(&[9; 32]);
        let officer = case.enrol("A.1", &key);
        let of = case.claim.digest().unwrap();
        let begun = case.world.now;
        let stop = ActKind::StopClock { claim: of, reason: "court".into() };
        let resume = ActKind::ResumeClock { claim: of };
        for (act, step) in [
            (stop, Step::Stop { officer: officer.clone() }),
            (resume, Step::Resume { officer: officer.clone() }),
        ] {
            let at = case.world.now;
            let act = SignedAct::sign(Act { officer: officer.clone(), act, at }, &key).unwrap();
            if stopped {
                let claim = case.claim.claim;
                case.note(false, Event::CaseStep { claim, step, act: Some(act), at });
            }
            case.world.now = case.world.now.plus(Timestamp::HOUR);
        }
        // Claimed again, as after a lost connection.
        let found = case.found.iter().map(Found::told).collect();
        let decide_by = begun.plus(49 * Timestamp::HOUR);
        case.answer(Outcome { claim: of, found, decide_by, at: begun });
        let early = case.violated();
        assert_eq!(early, [], "the holder's export may be from before the steps");
        case.go_on();
        case.violated()
    };
    assert_eq!(told(true), []);
    assert_eq!(told(false), [other]);
}

#[test]
fn a_refused_claim_must_be_the_askers_and_refused_for_one_reason() {
    let claim = ClaimId([1; 16]);
    // The holder refused where it answered before.
    let refused = |by_asker: Option<RefusalCode>, by_holder: RefusalCode| {
        let mut case = Case::new(1);
        without(&mut case.world.mk, |event| matches!(event, Event::Claimed { .. }));
        without(&mut case.world.rs, |event| matches!(event, Event::ClaimAnswered { .. }));
        let signature = signing::sign(&case.claim, &case.world.rs.key).unwrap();
        let event =
            |side, claim: &Claim, code| Event::ClaimRefused { side, claim: claim.clone(), signature, code };
        let words = case.claim.clone();
        case.note(false, event(Side::Holder, &words, by_holder));
        if let Some(code) = by_asker {
            case.note(true, event(Side::Asker, &words, code));
        }
        case.go_on();
        case
    };
    let (late, many) = (RefusalCode::ClaimTooLate, RefusalCode::TooManyRecords);
    assert_eq!(refused(Some(late), late).violated(), []);
    assert_eq!(refused(None, late).violated(), [], "the refusal may have been lost on the way");
    assert_eq!(refused(Some(many), late).violated(), [Difference::OtherRefusal { claim }]);
    // The asker hides what it signed.
    let mut case = refused(None, late);
    without(&mut case.world.rs, about_the_claim);
    assert_eq!(case.violated(), [Difference::NoClaim { claim, lacks: case.world.rs.code.clone() }]);
    // And a verification that it named is missed there too.
    let mut case = refused(None, late);
    without(&mut case.world.rs, |event| matches!(event, Event::HitJudged { .. }));
    assert!(matches!(case.violated()[..], [Difference::NoVerification { .. }]));
}

#[test]
fn an_end_that_was_told_otherwise_is_found() {
    let told = |end: End| {
        let mut case = Case::whole();
        let ended = Ended { claim: case.claim.digest().unwrap(), end, at: case.world.now };
        let signature = signing::sign(&ended, &case.world.mk.key).unwrap();
        case.note(true, Event::ClaimEnded { claim: case.claim.claim, ended, signature });
        case.go_on();
        case.violated()
    };
    assert_eq!(told(End::Released), []);
    assert_eq!(told(End::Expired), [Difference::OtherEnd { claim: ClaimId([1; 16]) }]);
}

/// What both signed must be what was made.
#[test]
fn a_release_is_countersigned_as_it_was_made() {
    let found = |made: &[Field], signed: &[Field]| {
        let mut case = Case::new(1);
        case.approve("A.1", &SigningKey::from_bytes(&[9; 32]));
        let made = SignedRelease { asker: None, ..case.released(0, made, &["A.1"]) };
        let both = case.released(0, signed, &["A.1"]);
        case.found_in(vec![made, both])
    };
    assert_eq!(found(&[Field::Place], &[Field::Place]), [""; 0]);
    for (made, signed) in [(&[][..], &[Field::Place][..]), (&[Field::Place], &[Field::Name])] {
        let found = found(made, signed);
        assert!(found.iter().any(|fault| fault.contains("another one than was made")), "{found:?}");
    }
}

/// After a person refused nothing leaves that was not released before.
#[test]
fn nothing_is_released_anew_after_a_refusal() {
    let found = |first: &[Field]| {
        let mut case = Case::of(&[(Field::Place, 1), (Field::Name, 2)]);
        case.approve("A.1", &SigningKey::from_bytes(&[9; 32]));
        let first = SignedRelease { asker: None, ..case.released(0, first, &["A.1"]) };
        assert_eq!(case.found_in(vec![first]), [""; 0]);
        let (key, at) = (SigningKey::from_bytes(&[7; 32]), case.world.now);
        let (officer, reason) = (case.enrol("A.2", &key), "not heard".to_owned());
        let act = ActKind::Refuse { claim: case.claim.digest().unwrap(), reason: reason.clone() };
        let act = SignedAct::sign(Act { officer: officer.clone(), act, at }, &key).unwrap();
        let (claim, step) = (case.claim.claim, Step::Refuse { officer, reason });
        case.note(false, Event::CaseStep { claim, step, act: Some(act), at });
        let second = SignedRelease { asker: None, ..case.released(1, &[Field::Place], &["A.1"]) };
        case.found_in(vec![second])
    };
    // One that was released and not taken may be made again.
    assert_eq!(found(&[Field::Place]), [""; 0]);
    let anew = found(&[]);
    assert!(anew.iter().any(|fault| fault.contains("not released before the end")), "{anew:?}");
}
