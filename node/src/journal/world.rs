//! Two agencies with real keys, a real agreement and journals on disk, for tests.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    agreement::{Agreement, ExactTerms, Party, Quota, Revocation, Terms, Unit},
    ask::Ask,
    permit::RefusalCode,
    quota,
    receipt::{AnswerClass, Receipt, SignedReceipt, leakage_bits},
    rules::{self, ExchangeKind},
    signing::{self, Signature, Signer},
    words::{AgencyCode, AgreementId, Digest, LegalBasis, Purpose, QueryId, Timestamp},
};
use tempfile::TempDir;

use super::{CheckpointOffer, Event, Journal, Review, Side, checkpoint, witness};

pub(super) const START: Timestamp = Timestamp(1_790_000_000);

/// One agency and its node's journal.
pub(super) struct Agency {
    pub(super) code: AgencyCode,
    pub(super) key: SigningKey,
    pub(super) dir: TempDir,
    pub(super) journal: Journal,
}

impl Agency {
    fn new(code: &str, seed: u8) -> Self {
        let code: AgencyCode = code.parse().unwrap();
        let dir = TempDir::new().unwrap();
        let journal = Journal::create(dir.path(), &code, "test", START).unwrap();
        Self { code, key: SigningKey::from_bytes(&[seed; 32]), dir, journal }
    }

    /// The events so far, with their times.
    pub(super) fn events(&self) -> Vec<(Timestamp, Event)> {
        self.journal.entries().unwrap().map(|entry| entry.unwrap().0).map(|e| (e.time, e.event)).collect()
    }

    /// Replaces the journal by another with these events, chained and correct in itself.
    pub(super) fn rewrite(&mut self, events: Vec<(Timestamp, Event)>) {
        self.dir = TempDir::new().unwrap();
        let Some(((at, Event::Begun { software, .. }), rest)) = events.split_first() else { panic!() };
        self.journal = Journal::create(self.dir.path(), &self.code, software, *at).unwrap();
        for (at, event) in rest {
            self.journal.append(event.clone(), *at).unwrap();
        }
    }

    pub(super) fn file(&self) -> std::path::PathBuf {
        self.dir.path().join(super::FILE)
    }
}

/// RS asks, MK holds.
pub(super) struct World {
    pub(super) rs: Agency,
    pub(super) mk: Agency,
    pub(super) agreement: AgreementId,
    pub(super) terms: Terms,
    pub(super) now: Timestamp,
    count: u8,
}

impl World {
    /// Two journals that hold the agreement.
    pub(super) fn new() -> Self {
        let (rs, mk) = (Agency::new("RS", 1), Agency::new("MK", 2));
        let party = |agency: &Agency| Party {
            code: agency.code.clone(),
            name: format!("Agency of {}", agency.code),
            peer: format!("peer-{}", agency.code),
            key: agency.key.public(),
            addresses: vec![],
        };
        let terms = Terms {
            version: Terms::VERSION,
            title: "Test".into(),
            canonicalisation: symbolon_protocol::identifier::CANONICALISATION.into(),
            valid_from: START,
            valid_until: START.plus(365 * Timestamp::DAY),
            amends: None,
            proofs: Vec::new(),
            buckets: symbolon_protocol::padding::Buckets::default(),
            parties: vec![party(&rs), party(&mk)],
            exact: Some(ExactTerms { largest_batch: 100, epoch_hours: 24 }),
            count: None,
            matching: None,
            claims: None,
            quotas: vec![Quota {
                asker: rs.code.clone(),
                register: None,
                purpose: None,
                per_officer: false,
                unit: Unit::Identifiers,
                limit: 20,
                period_days: 365,
            }],
            rules: rules::PCC_BILATERAL.into(),
        };
        let agreement = Agreement::new(terms.clone()).unwrap().id().unwrap();
        let mut world = Self { rs, mk, agreement, terms, now: START, count: 0 };
        world.agree();
        world
    }

    /// Both sign the terms as they are, and journal that. What follows is under this agreement.
    pub(super) fn agree(&mut self) {
        let mut agreement = Agreement::new(self.terms.clone()).unwrap();
        for agency in [&self.rs, &self.mk] {
            agreement.sign(&agency.code, &agency.key).unwrap();
        }
        agreement.verify().unwrap();
        self.agreement = agreement.id().unwrap();
        for agency in [&self.rs, &self.mk] {
            let event = Event::AgreementAccepted { agreement: Box::new(agreement.clone()) };
            agency.journal.append(event, START).unwrap();
        }
    }

    /// Both sign the same terms from that moment on, in the place of those before. Gives the agreement that is amended.
    pub(super) fn amend(&mut self, from: Timestamp) -> AgreementId {
        let before = self.agreement;
        (self.terms.amends, self.terms.valid_from) = (Some(before), from);
        self.agree();
        before
    }

    /// RS revokes an agreement, and MK hears of it.
    pub(super) fn revoke(&self, agreement: AgreementId) {
        let (by, reason) = (self.rs.code.clone(), "ended".into());
        let revocation = Revocation { agreement, by, reason, at: self.now };
        let signature = signing::sign(&revocation, &self.rs.key).unwrap();
        for agency in [&self.rs, &self.mk] {
            let event = Event::AgreementRevoked { revocation: revocation.clone(), signature };
            agency.journal.append(event, self.now).unwrap();
        }
    }

    /// The amendment takes the place of what it amends, in both journals.
    pub(super) fn take_effect(&self, amended: AgreementId) {
        for agency in [&self.rs, &self.mk] {
            let event = Event::AgreementAmended { agreement: self.agreement, amended };
            agency.journal.append(event, self.now).unwrap();
        }
    }

    /// The next query, of `items` identifiers.
    pub(super) fn ask(&mut self, items: u32) -> (Ask, Signature) {
        self.count += 1;
        self.now = self.now.plus(2 * Timestamp::HOUR);
        let ask = Ask {
            query: QueryId([self.count; 16]),
            agreement: self.agreement,
            rules: self.terms.shared_rules().unwrap().digest(),
            asker: self.rs.code.clone(),
            holder: self.mk.code.clone(),
            exchange: ExchangeKind::Exact,
            register: "border".parse().unwrap(),
            purpose: Purpose::IllegalStay,
            basis: LegalBasis::Bilat,
            officer: "O.1".parse().unwrap(),
            case: Some(Digest([self.count; 32])),
            items,
            snapshot: None,
            matching: None,
            unexplained: 0,
            commitment: Digest([3; 32]),
            digest: Digest([self.count; 32]),
            asked_at: self.now,
        };
        let signature = signing::sign(&ask, &self.rs.key).unwrap();
        (ask, signature)
    }

    /// The entry that pays for a query.
    pub(super) fn paid(&self, side: Side, ask: &Ask, signature: Signature) -> Event {
        let charges = quota::charges(&self.terms, ask, self.now);
        Event::Query { side, ask: ask.clone(), signature, charges }
    }

    /// The receipt of a query, by the holder alone and by both.
    pub(super) fn receipt(&self, ask: &Ask, transcript: u8) -> (SignedReceipt, SignedReceipt) {
        let receipt = Receipt {
            ask: ask.clone(),
            engine: "exact/1".into(),
            entries: 1_024,
            snapshot: None,
            transcript: Digest([transcript; 32]),
            answer: AnswerClass::Hits,
            leakage_bits: leakage_bits(AnswerClass::Hits, ask.items, 1_024),
            answered_at: self.now,
        };
        let holder = signing::sign(&receipt, &self.mk.key).unwrap();
        let asker = signing::sign(&receipt, &self.rs.key).unwrap();
        let answered = SignedReceipt { receipt, holder, asker: None };
        let both = SignedReceipt { asker: Some(asker), ..answered.clone() };
        (answered, both)
    }

    /// One whole exchange, journalled on both sides.
    pub(super) fn exchange(&mut self, items: u32) -> Ask {
        let (ask, signature) = self.ask(items);
        self.answered(&ask, signature);
        ask
    }

    /// A query that is asked and answered, journalled on both sides.
    pub(super) fn answered(&self, ask: &Ask, signature: Signature) {
        let (answered, both) = self.receipt(ask, 9);
        let receipt = |side| Event::Receipt { side, receipt: Box::new(both.clone()) };
        self.rs.journal.append(self.paid(Side::Asker, ask, signature), self.now).unwrap();
        self.mk.journal.append(self.paid(Side::Holder, ask, signature), self.now).unwrap();
        let answered = Event::Answered { receipt: Box::new(answered) };
        self.mk.journal.append(answered, self.now).unwrap();
        self.rs.journal.append(receipt(Side::Asker), self.now).unwrap();
        let seen = Event::HitsSeen { query: ask.query, items: vec![0] };
        self.rs.journal.append(seen, self.now).unwrap();
        self.mk.journal.append(receipt(Side::Holder), self.now).unwrap();
    }

    /// One query that MK refuses.
    pub(super) fn refusal(&mut self, asker: RefusalCode, holder: RefusalCode) {
        let (ask, signature) = self.ask(1);
        let refused =
            |side, code| Event::Refused { side, ask: ask.clone(), signature, code, clauses: vec![] };
        self.rs.journal.append(self.paid(Side::Asker, &ask, signature), self.now).unwrap();
        self.mk.journal.append(refused(Side::Holder, holder), self.now).unwrap();
        self.rs.journal.append(refused(Side::Asker, asker), self.now).unwrap();
    }

    /// Both show and countersign their checkpoints, over the wire's bytes.
    pub(super) fn meet(&mut self) {
        self.now = self.now.plus(Timestamp::HOUR);
        for (shows, sees) in [(&self.rs, &self.mk), (&self.mk, &self.rs)] {
            let review = show(shows, sees, self.now);
            assert!(matches!(review, Review::Consistent(_)), "{review:?}");
        }
    }
}

/// One half of a meeting, as the session does it.
pub(super) fn show(shows: &Agency, sees: &Agency, now: Timestamp) -> Review {
    let last = sees.journal.last_seen(&shows.code).unwrap();
    let size = last.as_deref().map_or(0, |note| super::Checkpoint::read(note).unwrap().size);
    let offer = match shows.journal.offer(size, &shows.key) {
        Ok(offer) => offer,
        // What a node does that hides its loss.
        Err(_) => shows.journal.offer(0, &shows.key).unwrap(),
    };
    let bytes = symbolon_policy::canonical::encode(&offer).unwrap();
    let offer: CheckpointOffer = witness::decode(&bytes).unwrap();
    let review = witness::review(&shows.code, &shows.key.public(), last.as_deref(), &offer);
    if let Review::Consistent(_) = review {
        let note = checkpoint::countersign(&offer.note, &sees.code, &sees.key).unwrap();
        let key = sees.key.public();
        checkpoint::verify_countersigned(&offer.note, &note, &sees.code, &key).unwrap();
        let seen = Event::CheckpointSeen { partner: shows.code.clone(), note: note.clone() };
        sees.journal.append(seen, now).unwrap();
        let countersigned = Event::CheckpointCountersigned { partner: sees.code.clone(), note };
        shows.journal.append(countersigned, now).unwrap();
    }
    review
}
