//! What is kept of queries, claims, agreements, snapshots and keys.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::{Agreement, Revocation},
    ask::Ask,
    case::{Case, End},
    claim::{Outcome, SignedRelease},
    keys::KeySet,
    manifest::Manifest,
    permit::RefusalCode,
    quota::Charge,
    receipt::SignedReceipt,
    signing::{PublicKey, Signature},
    words::Digest,
};

use super::{Marks, Told};
use crate::journal::Side;

/// Where a query stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Asked or admitted, not answered.
    Open,
    /// Answered; the asker has not countersigned.
    Answered(Box<SignedReceipt>),
    /// Both signed the receipt.
    Done(Box<SignedReceipt>),
    /// Ended without an answer; may be retried.
    Failed,
}

/// A query that was paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Query {
    /// The opening words.
    pub(crate) ask: Ask,
    /// The asker's signature.
    pub(crate) signature: Signature,
    /// Where it stands.
    pub(crate) stage: Stage,
    /// Whether the partner ever broke the protocol in it, answered or not. Such a match is not run again: each run could
    /// tell it one bit of the other side's templates.
    pub(crate) broken: bool,
    /// What it cost.
    pub(crate) charges: Vec<Charge>,
    /// The register's version when it was admitted; a count is repeated only if it is the same.
    pub(crate) register_version: u64,
}

/// A claim that was made or came, and what followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claimed {
    /// At the holder the case as it stands; at the asker one without records.
    pub(crate) case: Case,
    /// By the asker's agreement key.
    pub(crate) signature: Signature,
    /// At the asker, how the holder said that it ended; and the code, if it refused the claim.
    pub(crate) ended: Option<End>,
    pub(crate) refused: Option<RefusalCode>,
    /// The key of each who approved, as it was enrolled then, at the holder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) approved_with: Vec<Option<PublicKey>>,
    /// What the holder said, at the asker.
    pub(crate) outcome: Option<Outcome>,
    /// Releases, in their order.
    pub(crate) releases: Vec<SignedRelease>,
    /// What each release said when it was made, by its number, at the holder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) marks: Vec<(u32, Marks)>,
    /// What the asker was told last of each record of which fields were released, at the holder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) told: Vec<Told>,
}

/// An agreement that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    /// The agreement.
    pub(crate) agreement: Agreement,
    /// How it was revoked, if it was.
    pub(crate) revoked: Option<Revoked>,
    /// It took the place of the agreement that it amends.
    #[serde(default)]
    pub(crate) effective: bool,
}

/// A revocation, the first of an agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revoked {
    /// What was said.
    pub(crate) revocation: Revocation,
    /// By the agreement key of the party that said it.
    pub(crate) signature: Signature,
    /// Whether the partner confirmed that it knows; of our own revocations only.
    pub(crate) known: bool,
}

/// A snapshot that was made or received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// What it is.
    pub(crate) manifest: Manifest,
    /// Which side this node is on.
    pub(crate) side: Side,
    /// The place of its entry in the journal.
    pub(crate) entry: u64,
}

/// Evaluation keys that were set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys {
    /// What they are.
    pub(crate) set: KeySet,
    /// Which side this node is on.
    pub(crate) side: Side,
    /// Digest of this node's file of them.
    pub(crate) file: Digest,
}
