//! Agreements in force: whether they hold, what was spent under them, and what their rules say.

use std::sync::Arc;

use super::{Refusal, RefusalCode};
use crate::{
    agreement::{Agreement, AgreementError, Terms, amendment},
    ask::Ask,
    quota::{Balance, Charge, Ledger, Meter, MeterKey, charges},
    rules::{AskContext, Decision, ExchangeKind, RuleSet, Rulebook, SearchContext, Slice},
    words::{AgencyCode, AgreementId, Digest, Modality, Purpose, RegisterName, Timestamp},
};

/// An agreement in force on this node, with its rules ready to decide.
#[derive(Clone, Debug)]
pub struct InForce {
    id: AgreementId,
    terms: Terms,
    rules: Digest,
    rulebook: Rulebook,
    revoked: bool,
    /// The terms it took the place of, the latest first.
    before: Vec<(AgreementId, Terms)>,
    /// The amendment that takes its place.
    next: Option<Arc<InForce>>,
}

impl InForce {
    /// Verifies an agreement and joins its shared rules with this node's national rules.
    ///
    /// # Errors
    /// [`AgreementError`] if the agreement does not stand.
    pub fn new(agreement: &Agreement, national: Option<RuleSet>) -> Result<Self, AgreementError> {
        agreement.verify()?;
        let shared = agreement.rules()?;
        let rules = shared.digest();
        let rulebook = Rulebook::new(shared, national)
            .map_err(|error| AgreementError::Term { term: "rules".into(), problem: error.to_string() })?;
        Ok(Self {
            id: agreement.id()?,
            terms: agreement.terms.clone(),
            rules,
            rulebook,
            revoked: false,
            before: Vec::new(),
            next: None,
        })
    }

    /// The same agreement as an amendment of earlier ones, the latest first: what was spent under them is spent.
    #[must_use]
    pub fn after(self, before: Vec<(AgreementId, Terms)>) -> Self {
        Self { before, ..self }
    }

    /// The same agreement until another one takes its place.
    #[must_use]
    pub fn until(self, next: Arc<Self>) -> Self {
        Self { next: Some(next), ..self }
    }

    /// What holds in its place at a moment, if it was amended.
    pub fn in_place(&self, now: Timestamp) -> Option<&Self> {
        let next = self.next.as_deref().filter(|next| amendment::due(&next.terms, now))?;
        Some(next.in_place(now).unwrap_or(next))
    }

    /// What is spent of what a charge is to be paid from, under this agreement and those before it.
    pub fn spent(&self, ledger: &dyn Ledger, charge: &Charge) -> u64 {
        let spent = |key: &MeterKey| ledger.spent(key);
        let before = self
            .before
            .iter()
            .map(|(id, terms)| amendment::spent_before(charge, &self.terms, (id, terms), &spent));
        before.fold(spent(&charge.key), u64::saturating_add)
    }

    /// What was answered both ways, under this agreement and those before it.
    pub fn balance(&self, ledger: &dyn Ledger, partner: &AgencyCode) -> Balance {
        let ids = self.before.iter().map(|(id, _)| id).chain([&self.id]);
        ids.map(|id| ledger.balance(id, partner)).fold(Balance::default(), |sum, more| Balance {
            given: sum.given.saturating_add(more.given),
            received: sum.received.saturating_add(more.received),
        })
    }

    /// Hits of this node's own queries, under this agreement and those before it, that were neither claimed nor
    /// explained in time.
    pub fn unexplained(&self, ledger: &dyn Ledger, now: Timestamp) -> u64 {
        let ids = self.amended().chain([&self.id]);
        ids.map(|id| ledger.unexplained(id, now)).fold(0, u64::saturating_add)
    }

    /// The agreements whose place it took, the latest first.
    pub fn amended(&self) -> impl Iterator<Item = &AgreementId> {
        self.before.iter().map(|(id, _)| id)
    }

    /// The same agreement, revoked.
    #[must_use]
    pub fn revoke(self) -> Self {
        Self { revoked: true, ..self }
    }

    /// The agreement's id.
    pub fn id(&self) -> AgreementId {
        self.id
    }

    /// Its terms.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The digest of its shared rules.
    pub fn rules_digest(&self) -> Digest {
        self.rules
    }

    /// The rules.
    pub fn rulebook(&self) -> &Rulebook {
        &self.rulebook
    }

    /// Whether it was revoked.
    pub fn revoked(&self) -> bool {
        self.revoked
    }

    /// Whether it holds at a moment.
    ///
    /// # Errors
    /// The [`Refusal`] that a query at this moment gets.
    pub fn holds(&self, now: Timestamp) -> Result<(), Refusal> {
        self.settles(now)?;
        match self.next.as_deref().filter(|next| amendment::due(&next.terms, now)) {
            None => Ok(()),
            Some(next) => Err(Refusal::new(
                RefusalCode::Amended,
                format!(
                    "the agreement was amended on {}; ask under the terms in its place",
                    next.terms.valid_from
                ),
            )),
        }
    }

    /// Whether it has not ended by itself. An amendment does not end it: [`holds`](Self::holds) and
    /// [`releases`](Self::releases) look at that too.
    ///
    /// # Errors
    /// The [`Refusal`] if it has, or has not begun.
    pub fn settles(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.revoked {
            return Err(Refusal::new(RefusalCode::Revoked, "the agreement was revoked"));
        }
        if now < self.terms.valid_from {
            return Err(Refusal::new(
                RefusalCode::NotYetValid,
                format!("the agreement holds from {} on", self.terms.valid_from),
            ));
        }
        if now >= self.terms.valid_until {
            return Err(Refusal::new(
                RefusalCode::Expired,
                format!("the agreement expired on {}", self.terms.valid_until),
            ));
        }
        Ok(())
    }

    /// Whether what was answered under it can be claimed and released at a moment: neither it nor what is in its
    /// place has ended.
    ///
    /// # Errors
    /// The [`Refusal`] that a claim at this moment gets.
    pub fn releases(&self, now: Timestamp) -> Result<(), Refusal> {
        self.settles(now)?;
        self.in_place(now).map_or(Ok(()), |next| next.holds(now))
    }

    /// Which records take part when `asker` searches a register for a purpose.
    pub fn slice(
        &self,
        asker: &AgencyCode,
        holder: &AgencyCode,
        register: &RegisterName,
        purpose: Purpose,
        exchange: ExchangeKind,
    ) -> Slice {
        self.rulebook.slice(&SearchContext {
            asker: asker.clone(),
            holder: holder.clone(),
            register: register.clone(),
            purpose,
            exchange,
        })
    }

    /// Which records a claim of a query finds: those that take part under these terms and, if they were amended,
    /// also under those in their place.
    pub fn claimable(&self, ask: &Ask, now: Timestamp) -> Slice {
        let of = |agreement: &Self| {
            agreement.slice(&ask.asker, &ask.holder, &ask.register, ask.purpose, ask.exchange)
        };
        let slice = of(self);
        match self.in_place(now) {
            None => slice,
            Some(next) => slice.and(&of(next)),
        }
    }

    fn modality(&self, ask: &Ask) -> Option<Modality> {
        let form = self.terms.matching.as_ref()?.form(&ask.matching.as_ref()?.form)?;
        Some(form.modality)
    }

    /// Puts a query to the rules and nothing else, for explanations.
    pub fn decide(
        &self,
        ask: &Ask,
        ledger: &dyn Ledger,
        partner: &AgencyCode,
        now: Timestamp,
    ) -> (AskContext, Decision) {
        let charges = charges(&self.terms, ask, now);
        let tightest = |counts: fn(&Meter) -> bool| {
            let fitting = charges.iter().filter(|charge| counts(&charge.key.meter));
            fitting
                .map(|charge| (charge.limit, self.spent(ledger, charge).saturating_add(charge.amount)))
                .min_by_key(|(limit, spent)| i128::from(*limit) - i128::from(*spent))
        };
        let (limit, used) = tightest(|meter| matches!(meter, Meter::Quota { .. })).unwrap_or((0, 0));
        let officer = tightest(|meter| matches!(meter, Meter::Quota { officer: Some(_), .. }));
        let left = |(limit, used): (u64, u64)| {
            let most = i128::from(u32::MAX);
            i64::try_from((i128::from(limit) - i128::from(used)).clamp(-most, most)).unwrap_or(-1)
        };
        // Both nodes tell the rules what the holder counts; each keeps what it gave itself.
        let mut balance = self.balance(ledger, partner);
        if ask.holder == *partner {
            std::mem::swap(&mut balance.given, &mut balance.received);
        }
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        // The holder sees no answer and so knows of no hit: it has the asker's signed word alone.
        let own = if ask.holder == *partner { self.unexplained(ledger, now) } else { 0 };
        let context = AskContext {
            asker: ask.asker.clone(),
            officer: ask.officer.clone(),
            holder: ask.holder.clone(),
            register: ask.register.clone(),
            exchange: ask.exchange,
            modality: self.modality(ask),
            purpose: ask.purpose,
            legal_basis: ask.basis,
            case_reference: ask.case.is_some(),
            batch_size: ask.items,
            quota_used: small(used),
            quota_limit: small(limit),
            officer_used: small(officer.map_or(0, |(_, used)| used)),
            officer_left: officer.map_or(-1, left),
            reciprocity: balance.reciprocity(),
            balance: left((balance.given, balance.received)),
            unexplained: ask.unexplained.max(small(own)),
            now,
        };
        let decision = self.rulebook.ask(&context);
        (context, decision)
    }
}
