//! Permits: no exchange runs without one.
//!
//! [`admit`] asks the agreement, the quotas and the rules, and gives a [`Permit`]. Recording its
//! charges gives a [`Paid`] permit, and only a paid permit can open an exchange. The [`Guarded`]
//! exchange asks the permit before every disclosure and keeps the transcript. The types leave no
//! other way: what is not recorded cannot be answered.

mod covered;
mod force;
mod grant;
mod guarded;
mod refusal;

use crate::{
    agreement::{ClaimTerms, Terms},
    ask::{Ask, Fetch},
    claim::Claim,
    prepare::Prepare,
    quota::{Charge, Ledger, Meter, charges},
    receipt::Receipt,
    words::{AgencyCode, Timestamp},
};

pub use force::InForce;
pub use guarded::Guarded;
pub use refusal::{Refusal, RefusalCode};

use grant::Grant;

/// Checks whether the terms of an agreement cover a query: its exchange, what is asked of it, and its size. Quotas and
/// rules are not asked.
///
/// # Errors
/// The [`Refusal`] with its reason code.
pub fn covers(terms: &Terms, ask: &Ask) -> Result<(), Refusal> {
    covered::check(terms, ask)
}

/// Decides whether `own` agency takes part in a query, as asker or as holder.
///
/// # Errors
/// The [`Refusal`] with its reason code; nothing was spent.
pub fn admit(
    agreement: &InForce,
    ask: &Ask,
    own: &AgencyCode,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Permit, Refusal> {
    agreement.holds(now)?;
    let terms = agreement.terms();
    let partner = terms.partner_of(own).map_err(|_| Refusal::new(RefusalCode::NoAgreement, "not a party"))?;
    let parties = [&ask.asker, &ask.holder];
    if ask.agreement != agreement.id()
        || parties.iter().any(|code| terms.party(code).is_err())
        || ask.asker == ask.holder
    {
        return Err(Refusal::new(
            RefusalCode::NoAgreement,
            "the query names other parties than the agreement",
        ));
    }
    if ask.rules != agreement.rules_digest() {
        return Err(Refusal::new(
            RefusalCode::RulesMismatch,
            "the two nodes have different shared rules; compare `symbolon agreement show`",
        ));
    }
    covered::check(terms, ask)?;
    let charges = charges(terms, ask, now);
    if !charges.iter().any(|charge| matches!(charge.key.meter, Meter::Quota { .. })) {
        return Err(Refusal::new(RefusalCode::QuotaExceeded, "no quota of the agreement covers this query"));
    }
    for charge in &charges {
        check_charge(charge, agreement.spent(ledger, charge))?;
    }
    let (_, decision) = agreement.decide(ask, ledger, &partner.code, now);
    if !decision.permitted {
        return Err(Refusal::by_rules(&decision));
    }
    Ok(Permit { ask: ask.clone(), charges, grant: Grant::of(terms, ask)? })
}

fn check_charge(charge: &Charge, spent: u64) -> Result<(), Refusal> {
    if spent.saturating_add(charge.amount) <= charge.limit {
        return Ok(());
    }
    let (code, what) = match &charge.key.meter {
        Meter::Quota { .. } => (RefusalCode::QuotaExceeded, "the quota"),
        Meter::Counts { .. } => {
            (RefusalCode::Differencing, "the counts of this register and purpose in this period")
        }
        Meter::Epsilon => {
            (RefusalCode::EpsilonSpent, "the privacy budget of this period (in thousandths of epsilon)")
        }
        Meter::Probes { .. } => (RefusalCode::ProbesSpent, "the probes of this register in this period"),
    };
    Err(Refusal::new(code, format!("{what}: {spent} of {} spent, {} asked", charge.limit, charge.amount)))
}

/// The rules admitted one query. Not `Clone`: one permit, one exchange.
#[derive(Debug)]
pub struct Permit {
    ask: Ask,
    charges: Vec<Charge>,
    grant: Grant,
}

impl Permit {
    /// What the query costs.
    pub fn charges(&self) -> &[Charge] {
        &self.charges
    }

    /// Hands the charges to `record`, which must not return before they would survive a loss of
    /// power.
    ///
    /// # Errors
    /// Whatever `record` fails with; then the permit is lost.
    pub fn pay<E>(self, record: impl FnOnce(&Ask, &[Charge]) -> Result<(), E>) -> Result<Paid, E> {
        record(&self.ask, &self.charges)?;
        Ok(Paid { grant: self.grant })
    }
}

/// A permit whose charges are recorded.
#[derive(Debug)]
pub struct Paid {
    grant: Grant,
}

/// Decides whether `own` agency takes part in the transfer of a snapshot, or in the setting up of keys.
/// Neither costs anything.
///
/// # Errors
/// The [`Refusal`] with its reason code.
pub fn admit_fetch(
    agreement: &InForce,
    fetch: &Fetch,
    own: &AgencyCode,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Paid, Refusal> {
    admit(agreement, &fetch.smallest_ask(agreement.terms()), own, ledger, now)?;
    let grant = if fetch.matching.is_some() { Grant::Keys } else { Grant::Snapshot };
    Ok(Paid { grant })
}

/// Decides whether `own` agency takes part in a preparation of a match, which costs nothing: what is done with it
/// is a match of its own, and charged.
///
/// # Errors
/// The [`Refusal`] with its reason code.
pub fn admit_prepare(
    agreement: &InForce,
    prepare: &Prepare,
    own: &AgencyCode,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Paid, Refusal> {
    let ask = prepare.ask(agreement.terms());
    if ask.matching.is_none() {
        return Err(Refusal::new(RefusalCode::Malformed, "only a match is prepared"));
    }
    admit(agreement, &ask, own, ledger, now)?;
    let asked = agreement.terms().asked(&ask);
    let text = "the agreement does not cover this match";
    let asked = asked.ok_or_else(|| Refusal::new(RefusalCode::ExchangeNotAgreed, text))?;
    Ok(Paid { grant: Grant::Preparation(asked) })
}

/// Decides whether an agency takes part in a claim, which costs nothing. The asker opens `opening` bytes, the
/// holder none.
///
/// # Errors
/// The [`Refusal`] with its reason code.
pub fn admit_claim<'a>(
    agreement: &'a InForce,
    claim: &Claim,
    (ask, receipt): (&Ask, &Receipt),
    opening: u64,
    now: Timestamp,
) -> Result<(Paid, &'a ClaimTerms), Refusal> {
    let terms = claim.check(agreement, ask, receipt, now)?;
    Ok((Paid { grant: Grant::Opening(opening) }, terms))
}

impl Paid {
    /// A retry of a query whose charges were recorded earlier. It costs nothing again, because a
    /// query's id, commitment and digest fix its bytes and so its answer.
    ///
    /// # Errors
    /// [`Refusal`] with [`RefusalCode::AlteredRetry`] if anything differs from the
    /// query that was paid for, [`RefusalCode::NoAgreement`] if that was under another agreement, or
    /// with the agreement's state if it no longer holds.
    pub fn retry(agreement: &InForce, ask: &Ask, recorded: &Ask, now: Timestamp) -> Result<Self, Refusal> {
        // First: other words are none of this query, whatever else is wrong with them.
        if *ask != *recorded {
            return Err(Refusal::new(
                RefusalCode::AlteredRetry,
                "a query with this id was asked before in other words",
            ));
        }
        agreement.holds(now)?;
        if ask.agreement != agreement.id() {
            return Err(Refusal::new(
                RefusalCode::NoAgreement,
                "the query was paid for under another agreement",
            ));
        }
        Ok(Self { grant: Grant::of(agreement.terms(), ask)? })
    }
}

#[cfg(test)]
mod tests;
