//! The words of sessions.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::Revocation,
    ask::{Ask, Fetch},
    canonical,
    case::Ended,
    claim::{Claim, Outcome, SignedRelease},
    keys::KeySet,
    manifest::Manifest,
    permit::{Refusal, RefusalCode},
    prepare::SignedPrepare,
    receipt::SignedReceipt,
    signing::Signature,
    words::{AgreementId, ClaimId, Digest, Timestamp},
};
use symbolon_protocol::exchange::Frame;

use super::{SessionError, sync::Carried};
use crate::journal::CheckpointOffer;

/// The tag of frames that carry words; exchanges use tags below.
const TAG: u8 = 0x80;
/// Characters of a text of a partner's that are read.
const LONGEST_TEXT: usize = 2_000;

/// One word.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Word {
    /// The asker opens a query.
    Ask {
        /// What is asked.
        ask: Box<Ask>,
        /// By the asker's agreement key.
        signature: Signature,
        /// The preparation that the asker would use. It is not of the query, which is the same in every try; it is
        /// named in one try of one query only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prepared: Option<Digest>,
    },
    /// The asker wants to do work ahead of a match.
    Prepare(Box<SignedPrepare>),
    /// This side keeps its half of what was prepared.
    Kept,
    /// The asker wants the current snapshot, or to set up keys.
    Fetch(Box<Fetch>),
    /// The holder admits the query, or the setting up of keys.
    Admitted,
    /// The holder does not.
    Refused {
        /// Why, for machines.
        code: RefusalCode,
        /// Why, for people.
        text: String,
    },
    /// The snapshot is being built, or keys are being set up; ask again. How far it is would tell the true size of the slice.
    Preparing,
    /// The current snapshot.
    Manifest {
        /// What it is.
        manifest: Box<Manifest>,
        /// By the holder's agreement key.
        signature: Signature,
    },
    /// The search of a match begins, over so many records with padding, and takes about so long.
    Searching {
        /// Records, padding included.
        entries: u64,
        /// Seconds, as the engine estimates them.
        seconds: u64,
        /// Whether the holder uses its half of the preparation that the asker named; so the asker must, too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        prepared: bool,
    },
    /// Evaluation keys that were set up.
    Keys {
        /// What they are.
        set: Box<KeySet>,
        /// By the holder's agreement key.
        signature: Signature,
    },
    /// The asker claims a hit.
    Claim {
        /// What is claimed.
        claim: Box<Claim>,
        /// By the asker's agreement key.
        signature: Signature,
    },
    /// What a claim found.
    Outcome {
        /// What.
        outcome: Box<Outcome>,
        /// By the holder's agreement key.
        signature: Signature,
    },
    /// The asker wants to know how its claim stands, and what is released.
    Collect(ClaimId),
    /// How a claim stands.
    Standing {
        /// Persons who approved.
        approvals: u8,
        /// Until when it is decided.
        decide_by: Timestamp,
        /// Whether the clock is stopped.
        stopped: bool,
        /// How it ended, if it did, and the holder's signature under that.
        ended: Option<Box<(Ended, Signature)>>,
        /// Releases that follow.
        releases: u32,
    },
    /// A release; its sealed fields follow in pieces.
    Release(Box<SignedRelease>),
    /// A piece of sealed fields.
    Piece(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Still at work.
    Progress {
        /// Items done.
        done: u64,
        /// Items in all.
        total: u64,
    },
    /// The holder's receipt.
    Receipt(Box<SignedReceipt>),
    /// The asker's signature under the receipt.
    Countersigned(Signature),
    /// The size of the partner's journal when its checkpoint was last seen.
    Seen(u64),
    /// The current checkpoint, with a proof from that size on.
    Checkpoint(Box<CheckpointOffer>),
    /// The checkpoint with this node's countersignature; nothing if it contradicts an earlier one.
    Cosigned(Option<String>),
    /// Agreements that this side revoked, of which the other has not confirmed that it knows.
    Revocations(Vec<(Revocation, Signature)>),
    /// The agreements among them that this side knows to be revoked.
    Revoked(Vec<AgreementId>),
    /// A correction notice that waits; none if none does.
    Notice(Option<Box<Carried>>),
    /// This side's signature under the other's notice; none if it showed none, or one about an unknown claim.
    Noted(Option<Signature>),
    /// Receipts that wait for the other side's signature.
    OpenReceipts(Vec<SignedReceipt>),
    /// Signatures under them, in order; nothing for receipts this side does not know.
    Signatures(Vec<Option<Signature>>),
}

impl Word {
    /// A refusal as a partner is told it. What failed here, with paths of this machine, is for this node's log.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let text = match refusal.code {
            RefusalCode::Failed => {
                tracing::error!(why = %refusal.text, "a partner was refused because this node could not go on");
                "the node could not go on; its log says why".to_owned()
            }
            _ => refusal.text.clone(),
        };
        Self::Refused { code: refusal.code, text }
    }

    pub(super) fn frame(&self) -> Result<Frame, SessionError> {
        let body = canonical::encode(self).map_err(|e| SessionError::Misbehaved(e.to_string()))?;
        Ok(Frame { tag: TAG, last: true, body })
    }

    /// Whether a frame carries a word.
    pub(super) fn is(frame: &Frame) -> bool {
        frame.tag == TAG
    }

    pub(super) fn read(frame: &Frame) -> Result<Self, SessionError> {
        if frame.tag != TAG || !frame.last {
            return Err(SessionError::Misbehaved(format!(
                "a frame with tag {} came where a word was due",
                frame.tag
            )));
        }
        let word = canonical::decode(&frame.body)
            .map_err(|e| SessionError::Misbehaved(format!("a malformed word: {e}")))?;
        Ok(match word {
            // What a partner says stands in errors and logs: in one line, and not for ever.
            Self::Refused { code, text } => {
                let text = text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { ' ' } else { c });
                Self::Refused { code, text: text.collect() }
            }
            word => word,
        })
    }

    /// The word's kind, for errors.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ask { .. } => "ask",
            Self::Prepare(_) => "prepare",
            Self::Kept => "kept",
            Self::Fetch(_) => "fetch",
            Self::Admitted => "admitted",
            Self::Refused { .. } => "refused",
            Self::Preparing => "preparing",
            Self::Manifest { .. } => "manifest",
            Self::Searching { .. } => "searching",
            Self::Keys { .. } => "keys",
            Self::Claim { .. } => "claim",
            Self::Outcome { .. } => "outcome",
            Self::Collect(_) => "collect",
            Self::Standing { .. } => "standing",
            Self::Release(_) => "release",
            Self::Piece(_) => "piece",
            Self::Progress { .. } => "progress",
            Self::Receipt(_) => "receipt",
            Self::Countersigned(_) => "countersigned",
            Self::Seen(_) => "seen",
            Self::Checkpoint(_) => "checkpoint",
            Self::Cosigned(_) => "cosigned",
            Self::Revocations(_) => "revocations",
            Self::Revoked(_) => "revoked",
            Self::Notice(_) => "notice",
            Self::Noted(_) => "noted",
            Self::OpenReceipts(_) => "open receipts",
            Self::Signatures(_) => "signatures",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partners_refusal_is_read_in_one_line() {
        let text = format!("no\nhelp: run rm -r\u{1b}[2J{}", "x".repeat(3 * LONGEST_TEXT));
        let said = Word::Refused { code: RefusalCode::Busy, text };
        let Word::Refused { code: RefusalCode::Busy, text } = Word::read(&said.frame().unwrap()).unwrap()
        else {
            panic!("another word")
        };
        assert!(text.starts_with("no help: run rm -r [2Jx"), "{text}");
        assert!(!text.contains(char::is_control) && text.chars().count() == LONGEST_TEXT);
    }
}
