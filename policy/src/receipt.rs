//! Receipts: what both nodes sign after an exchange.

mod candidates;

use serde::{Deserialize, Serialize};

use crate::{
    agreement::{MatchAnswer, Terms},
    ask::Ask,
    canonical::CanonicalError,
    rules::ExchangeKind,
    signing::{self, Document, PublicKey, Signature, SignatureError},
    words::{Digest, SnapshotId, Timestamp},
};

/// The way exact intersection is run, as receipts name it.
pub const EXACT_ENGINE: &str = "voprf-ristretto255-sha512";
/// The way counts are run, as receipts name it.
pub const COUNT_ENGINE: &str = "dh-shuffle-ristretto255-dp";

/// The way a query is run, as receipts name it; empty for a match that does not say.
pub fn engine_of(ask: &Ask) -> &str {
    match ask.exchange {
        ExchangeKind::Exact => EXACT_ENGINE,
        ExchangeKind::Count => COUNT_ENGINE,
        ExchangeKind::Match => ask.matching.as_ref().map_or("", |asked| asked.engine.as_str()),
    }
}

/// The kind of answer; never the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerClass {
    /// One hit or no-hit for each identifier.
    Hits,
    /// One noisy number.
    NoisyCount,
    /// Whether anything in the slice is a hit.
    Any,
    /// Which records in a random order are hits, or only that there are more than the cap.
    Candidates {
        /// The most hits that are shown.
        cap: u32,
    },
}

impl AnswerClass {
    /// The kind of answer that a query gets; none for a match that the terms do not cover.
    pub fn of(terms: &Terms, ask: &Ask) -> Option<Self> {
        match ask.exchange {
            ExchangeKind::Exact => Some(Self::Hits),
            ExchangeKind::Count => Some(Self::NoisyCount),
            ExchangeKind::Match => {
                let asked = ask.matching.as_ref()?;
                let form = terms.matching.as_ref()?.form(&asked.form)?;
                Some(match asked.answer {
                    MatchAnswer::Any => Self::Any,
                    MatchAnswer::Candidates => Self::Candidates { cap: form.cap },
                })
            }
        }
    }
}

/// What happened, in the words of the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The query.
    pub ask: Ask,
    /// The way the exchange was run.
    pub engine: String,
    /// Padded size of the slice.
    pub entries: u64,
    /// The snapshot that was asked, for an exact exchange.
    pub snapshot: Option<SnapshotId>,
    /// Hash over everything that was said.
    pub transcript: Digest,
    /// The kind of answer.
    pub answer: AnswerClass,
    /// The most that the answer can have told the asker, in bits.
    pub leakage_bits: u64,
    /// When the answer was complete, by the holder's clock.
    pub answered_at: Timestamp,
}

impl Document for Receipt {
    const LABEL: &'static str = "symbolon/receipt/1";
}

/// A receipt and its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// What happened.
    pub receipt: Receipt,
    /// By the holder, who writes it.
    pub holder: Signature,
    /// By the asker, who agrees; missing until it has.
    pub asker: Option<Signature>,
}

impl SignedReceipt {
    /// Checks the signatures that are there.
    ///
    /// # Errors
    /// [`SignatureError`] with the first that does not stand.
    pub fn verify(&self, holder: &PublicKey, asker: &PublicKey) -> Result<(), SignatureError> {
        signing::verify(&self.receipt, holder, &self.holder)?;
        self.asker.iter().try_for_each(|signature| signing::verify(&self.receipt, asker, signature))
    }

    /// The digest that names the receipt.
    ///
    /// # Errors
    /// [`CanonicalError`] never for a receipt that was read.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        self.receipt.digest()
    }
}

/// The most that an answer tells, in bits, of `items` asked in a slice of `entries`, padding included:
/// log2 of the number of answers there can be, rounded up.
///
/// That is a yes or no for each identifier; a number from 0 to the size of the batch; one yes or no; or
/// up to `cap` places among the entries, or that there are more.
pub fn leakage_bits(answer: AnswerClass, items: u32, entries: u64) -> u64 {
    match answer {
        AnswerClass::Hits => u64::from(items),
        AnswerClass::NoisyCount => u64::from(items).saturating_add(1).next_power_of_two().ilog2().into(),
        AnswerClass::Any => 1,
        AnswerClass::Candidates { cap } => candidates::bits(entries, cap),
    }
}

#[cfg(test)]
mod tests;
