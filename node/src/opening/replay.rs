//! The asker's message, made again from what was opened, and compared with what was signed.

use symbolon_policy::{
    agreement::Terms,
    ask::{self, Ask, MatchAsk, case_digest},
    rules::ExchangeKind,
    words::Digest,
};
use symbolon_protocol::{
    count, exact,
    exchange::Fault,
    identifier::plain,
    matching::{engine::Alternative, opening, rule::Form},
    seed::Seed,
    set::IdentifierBytes,
};
use zeroize::Zeroizing;

use super::{Bytes, Opened, Opening};

/// How an opening departs from the query that was signed, or from what was agreed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Departure {
    /// Not even the kind of exchange fits.
    #[error("it opens something else than the query asked for, or in another form than is agreed")]
    Form,
    /// This program has no such engine.
    #[error("this program does not have the engine of the match, so its message cannot be made again")]
    Engine,
    /// The asker committed to another seed.
    #[error("the seed is not the one that the asker committed to")]
    Seed,
    /// The message is another one than was signed.
    #[error("what is opened does not make the message that the asker signed for")]
    Message,
    /// A count without its noise.
    #[error(
        "the {dummies} agreed dummies were not in the batch: the asker left them out and saw the exact number"
    )]
    Dummies {
        /// How many are agreed.
        dummies: u32,
    },
    /// Another number than was signed and charged.
    #[error("it opens {opened} items, and the query was charged for {signed}")]
    Items {
        /// Opened.
        opened: u32,
        /// Signed.
        signed: u32,
    },
    /// Something that is no identifier was asked about.
    #[error(
        "item {item} is in no canonical form, and {others} more are in none: no honest node asks about that"
    )]
    Identifier {
        /// The place of the first, from 1.
        item: usize,
        /// How many follow.
        others: usize,
    },
    /// Another case reference than was signed.
    #[error("the case reference is not the one of the query")]
    Case,
    /// The keys' public half is missing or spoilt.
    #[error("the public half of the match's keys is not in the file, or is spoilt")]
    Keys,
    /// The message could not be made.
    #[error("the message cannot be made again: {0}")]
    Failed(String),
}

impl Opening {
    /// Everything in which it departs from the words of a query under the terms of its agreement; nothing if seed and
    /// subject make the asker's message byte for byte.
    pub(crate) fn departures(&self, ask: &Ask, terms: &Terms) -> Vec<Departure> {
        let mut found = Vec::new();
        let named = self.case.as_deref().map(|case| case_digest(&ask.query, case));
        if named != ask.case {
            found.push(Departure::Case);
        }
        let replayed = match (&self.opened, ask.exchange, &ask.matching) {
            (Opened::Batch { seed, identifiers, .. }, ExchangeKind::Exact, None) => {
                batch(&mut found, ask, identifiers, &Seed::new(*seed), None)
            }
            (Opened::Batch { seed, identifiers, .. }, ExchangeKind::Count, None) => {
                batch(&mut found, ask, identifiers, &Seed::new(*seed), Some(terms))
            }
            (Opened::Probe { opening, shared }, ExchangeKind::Match, Some(asked)) => {
                probe(ask, asked, terms, (&opening.0, &shared.0))
            }
            _ => Err(Departure::Form),
        };
        found.extend(replayed.err());
        found
    }

    /// Form and alternatives of an opened match, if they are of the form that is agreed.
    pub(super) fn alternatives(&self, asked: &MatchAsk, terms: &Terms) -> Option<(Form, Vec<Alternative>)> {
        let Opened::Probe { opening, .. } = &self.opened else { return None };
        read(asked, terms, &opening.0).map(|(form, opened)| (form, opened.probe))
    }
}

fn failed(fault: Fault) -> Departure {
    Departure::Failed(fault.to_string())
}

/// Replays an exact query, or a count under `count`'s terms.
fn batch(
    found: &mut Vec<Departure>,
    ask: &Ask,
    identifiers: &[Bytes],
    seed: &Seed,
    count: Option<&Terms>,
) -> Result<(), Departure> {
    let mut odd = identifiers.iter().zip(1..).filter(|(bytes, _)| plain::read(&bytes.0).is_none());
    if let Some((_, item)) = odd.next() {
        found.push(Departure::Identifier { item, others: odd.count() });
    }
    if Digest(seed.commitment()) != ask.commitment {
        return Err(Departure::Seed);
    }
    let inputs = || -> Vec<IdentifierBytes> {
        identifiers.iter().map(|bytes| Zeroizing::new(bytes.0.clone())).collect()
    };
    let (items, digest) = match count {
        None => {
            let query = exact::Query::blind(inputs(), seed).map_err(failed)?;
            (query.items(), query.digest())
        }
        Some(terms) => {
            let noise = terms.noise().map_err(|_| Departure::Form)?;
            let query = count::Query::blind(inputs(), noise, seed).map_err(failed)?;
            let without = |digest: &[u8; 32]| {
                let query = count::Query::without_dummies(inputs(), noise, seed).map_err(failed)?;
                Ok(query.digest() == *digest)
            };
            if query.digest() != ask.digest.0 && without(&ask.digest.0)? {
                return Err(Departure::Dummies { dummies: noise.dummies() });
            }
            (query.items(), query.digest())
        }
    };
    if digest != ask.digest.0 {
        return Err(Departure::Message);
    }
    if items != ask.items {
        return Err(Departure::Items { opened: items, signed: ask.items });
    }
    Ok(())
}

fn read(asked: &MatchAsk, terms: &Terms, opening: &[u8]) -> Option<(Form, opening::Opened)> {
    let form = terms.matching.as_ref()?.form(&asked.form)?.form();
    let opened = opening::Opened::from_bytes(&form, asked.positions.len(), opening).ok()?;
    Some((form, opened))
}

fn probe(
    ask: &Ask,
    asked: &MatchAsk,
    terms: &Terms,
    (opening, shared): (&[u8], &[u8]),
) -> Result<(), Departure> {
    let (form, opened) = read(asked, terms, opening).ok_or(Departure::Form)?;
    if Digest(opened.seed.commitment()) != ask.commitment {
        return Err(Departure::Seed);
    }
    let engine = ask::engine(&asked.engine).map_err(|_| Departure::Engine)?;
    let made = engine.replay(&form, shared, &opened.probe, &opened.seed).map_err(|fault| match fault {
        Fault::PeerMisbehaved(_) => Departure::Keys,
        fault => failed(fault),
    })?;
    if made != ask.digest.0 {
        return Err(Departure::Message);
    }
    // Positions stand in the words that were signed, one for each alternative.
    let opened = u32::try_from(asked.positions.len()).unwrap_or(u32::MAX);
    if opened != ask.items {
        return Err(Departure::Items { opened, signed: ask.items });
    }
    Ok(())
}
