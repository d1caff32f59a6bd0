//! What an export tells of one query, for checking that query's opening (see [`crate::opening`]).

use std::{collections::BTreeMap, io::BufRead};

use symbolon_policy::{
    agreement::Terms,
    ask::Ask,
    officer::ActKind,
    receipt::SignedReceipt,
    signing::{PublicKey, Signature},
    words::{AgencyCode, Digest, OfficerId, Timestamp},
};

use super::import::{ImportError, read_export};
use crate::journal::{Checkpoint, Entry, Event, Side};

/// What an export tells of one query. The export itself was read and checked.
pub(crate) struct Told {
    /// Whose journal it is.
    pub(crate) agency: AgencyCode,
    /// The side that this agency was on.
    pub(crate) side: Side,
    /// Whether the audit found nothing violated in it.
    pub(crate) clean: bool,
    /// The words of the query, and the asker's signature.
    pub(crate) asked: Option<Words>,
    /// The terms of its agreement, if both parties signed them.
    pub(crate) terms: Option<Terms>,
    /// The last receipt: by the holder, or by both.
    pub(crate) receipt: Option<SignedReceipt>,
    /// Digests of the files that a partner's keys of the match were kept in.
    pub(crate) keys: Vec<Digest>,
    /// How many canaries were asked.
    pub(crate) canaries: Option<u32>,
    /// When it was opened, by whom and why, and the digests of the files.
    pub(crate) opened: Vec<OpenedOnce>,
}

/// A query, and where the journal has it.
pub(crate) struct Words {
    pub(crate) seq: u64,
    pub(crate) ask: Ask,
    pub(crate) signature: Signature,
}

/// One time that a query was opened.
pub(crate) struct OpenedOnce {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) officer: OfficerId,
    pub(crate) recipient: String,
    pub(crate) reason: String,
    pub(crate) file: Digest,
}

/// Reads an export; `known` are keys from elsewhere, `ask` is the query as it is opened. `None` if the journal is of neither party to it.
///
/// # Errors
/// [`ImportError`] if the export does not verify.
pub(crate) fn read(
    reader: impl BufRead,
    known: &BTreeMap<AgencyCode, PublicKey>,
    ask: &Ask,
) -> Result<Option<Told>, ImportError> {
    let mut told: Option<Told> = None;
    let import = read_export(reader, None, |entry, _| {
        if let Event::Begun { agency, .. } = &entry.event {
            told = Told::of(agency, ask);
        }
        told.iter_mut().for_each(|told| told.take(entry, ask));
    })?;
    let terms = import.history.agreements.get(&ask.agreement).map(|held| held.terms.clone());
    // A journal names the keys of its agency itself, in agreements that anybody could have made up. The one that counts
    // is in the agreement of this query, which people compare.
    let agreed = terms.as_ref().and_then(|terms| terms.party(&import.agency).ok()).map(|party| &party.key);
    for key in known.get(&import.agency).into_iter().chain(agreed) {
        Checkpoint::verify(&import.note, &import.agency, key).map_err(ImportError::Checkpoint)?;
    }
    Ok(told.map(|told| Told { clean: import.report.is_clean(), terms, ..told }))
}

impl Told {
    fn of(agency: &AgencyCode, ask: &Ask) -> Option<Self> {
        let sides = [(&ask.asker, Side::Asker), (&ask.holder, Side::Holder)];
        let (_, side) = sides.into_iter().find(|(party, _)| *party == agency)?;
        Some(Self {
            agency: agency.clone(),
            side,
            clean: false,
            asked: None,
            terms: None,
            receipt: None,
            keys: Vec::new(),
            canaries: None,
            opened: Vec::new(),
        })
    }

    /// Whether the query was found in these words.
    pub(crate) fn has(&self, ask: &Ask) -> bool {
        self.asked.as_ref().is_some_and(|words| words.ask == *ask)
    }

    fn take(&mut self, entry: &Entry, opened: &Ask) {
        let (seq, own) = (entry.seq, self.side);
        // Ids are their askers'.
        let same = |ask: &Ask| (ask.query, &ask.asker) == (opened.query, &opened.asker);
        match &entry.event {
            // What was refused may have been asked anew in other words: those that are opened count.
            Event::Query { side, ask, signature, .. } if *side == own && same(ask) && !self.has(opened) => {
                self.asked = Some(Words { seq, ask: ask.clone(), signature: *signature });
            }
            Event::Answered { receipt } if own == Side::Holder && same(&receipt.receipt.ask) => {
                self.receipt = Some((**receipt).clone());
            }
            Event::Receipt { side, receipt } if *side == own && same(&receipt.receipt.ask) => {
                self.receipt = Some((**receipt).clone());
            }
            Event::KeysMade { side: Side::Holder, set, file, .. } => {
                let asked = opened.matching.as_ref();
                if asked.is_some_and(|asked| asked.keys == set.keys) && set.asker == opened.asker {
                    self.keys.push(*file);
                }
            }
            Event::CanariesAsked { query, asked, .. } if own == Side::Asker && *query == opened.query => {
                self.canaries = Some(*asked);
            }
            Event::QueryOpened { act, file } if own == Side::Asker => {
                if let ActKind::OpenQuery { query, recipient, reason } = &act.act.act
                    && *query == opened.query
                {
                    self.opened.push(OpenedOnce {
                        seq,
                        at: entry.time,
                        officer: act.act.officer.clone(),
                        recipient: recipient.clone(),
                        reason: reason.clone(),
                        file: *file,
                    });
                }
            }
            _ => {}
        }
    }
}
