//! Claims: what follows a hit, on one stream.
//!
//! ```text
//! asker  → claim, signed            holder → admitted, or refused with a code
//! asker  → what it opens            holder replays it
//!                                   holder → what it found, signed
//! asker  → collect                  holder → how it stands, releases with their sealed fields
//! asker  → countersigned, for each
//! ```
//!
//! Everything is journalled on both sides before it is said. A claim that is repeated is the same claim.

pub(crate) mod asker;
pub(crate) mod cases;
mod find;
pub(crate) mod holder;
mod leaving;
pub(crate) mod notices;
pub(crate) mod releases;

use std::sync::Arc;
use symbolon_policy::{
    ask::{self, Ask},
    canonical,
    claim::Claim,
    permit::InForce,
    signing::Signature,
};
use symbolon_protocol::{
    exact, exchange::Fault, matching::engine::Answering, matching::opening, set::IdentifierBytes,
};

use super::SessionError;
use crate::{control::api::Failure, journal::Side, node::Core};

/// The most bytes of an opening: every blinded element of the largest query, and what is opened of it.
const LONGEST_OPENING: u64 = 4 << 20;
/// The most bytes of the sealed fields of a release.
const LONGEST_RELEASE: u64 = 32 << 20;
/// Bytes of one piece of them.
const PIECE: usize = 60_000;

/// What a claim opened.
pub(super) enum Opened {
    /// Places and identifiers of an exact query.
    Items(Vec<(u32, IdentifierBytes)>),
    /// The probe of a match.
    Probe(opening::Opened),
}

/// The words that open the transcript of a claim.
fn words(claim: &Claim, signature: &Signature) -> Result<Vec<u8>, SessionError> {
    canonical::encode(&(claim, signature)).map_err(|e| SessionError::Local(Failure::local(e.to_string())))
}

/// What makes of opened bytes what was opened, if it is what was asked.
fn replay(
    core: &Core,
    agreement: &InForce,
    ask: &Ask,
    claim: &Claim,
) -> Result<symbolon_protocol::claim::Replay<Opened>, SessionError> {
    let (digest, commitment) = (ask.digest.0, ask.commitment.0);
    let items = claim.items.clone();
    let Some(asked) = &ask.matching else {
        return Ok(Box::new(move |bytes| {
            let opened = exact::Opened::from_bytes(bytes)?.replay(&digest)?;
            if !opened.iter().map(|(place, _)| place).eq(&items) {
                let other = "it opens other items than the claim names";
                return Err(symbolon_protocol::exchange::Misbehaviour::Opening(other).into());
            }
            Ok(Opened::Items(opened))
        }));
    };
    let missing = || Failure::local("the agreement does not cover the query that is claimed");
    let agreed = agreement.terms().matching.as_ref().and_then(|agreed| agreed.form(&asked.form));
    let form = agreed.ok_or_else(missing)?.form();
    let engine = ask::engine(&asked.engine).map_err(SessionError::refused_here)?;
    let keys = core.book.state().key_set(&asked.keys)?.filter(|keys| keys.side == Side::Holder);
    let keys = keys.ok_or_else(|| Failure::local("the evaluation keys of the query have ended"))?;
    let answering: Arc<dyn Answering> = core.keys.answering(engine, &form, &keys)?;
    let alternatives = asked.positions.len();
    Ok(Box::new(move |bytes| -> Result<Opened, Fault> {
        let opened = opening::Opened::from_bytes(&form, alternatives, bytes)?;
        opened.replay(&*answering, &commitment, &digest)?;
        Ok(Opened::Probe(opened))
    }))
}
