//! The holder scores its slice, a few transfers at a time.

use zeroize::Zeroize;

use super::super::{
    check::Wrap,
    messages::{CORRECTIONS, Out},
    parameters::{Encoding, Layout, Part},
    planes,
    score::{self, Given, TRANSFERS},
    slice::{Columns, Slice},
};
use crate::{exchange::Fault, wire::Outbox};

/// A part of which some transfers are scored.
struct Scoring {
    part: Part,
    columns: Columns,
    transfer: usize,
    sum: Vec<u64>,
    wraps: Vec<Wrap>,
    outbox: Outbox<8>,
}

/// The slice, as far as it is scored.
pub(super) struct Scorer {
    pub(super) layout: Layout,
    pub(super) slice: Slice,
    given: Vec<Given>,
    scoring: Option<Scoring>,
    /// Parts that are scored as a whole.
    pub(super) scored: usize,
}

impl Drop for Scorer {
    fn drop(&mut self) {
        self.given.iter_mut().for_each(|(keys, _)| keys.zeroize());
    }
}

/// Of each lane of a part, the holder's sum, which is the asker's if every choice is the first; and what wrapped.
pub(super) type Shares = (Vec<i64>, Vec<Wrap>);

impl Scorer {
    pub(super) fn new(layout: Layout, slice: Slice, given: Vec<Given>) -> Self {
        Self { layout, slice, given, scoring: None, scored: 0 }
    }

    /// The transfers of a part's alternative.
    fn of<'a>(given: &'a [Given], part: &Part, encoding: &Encoding) -> &'a [Given] {
        given.chunks(encoding.transfers()).nth(part.alternative).unwrap_or_default()
    }

    /// Every transfer.
    pub(super) fn given(&self) -> &[Given] {
        &self.given
    }

    /// Which transfers of a part's alternative are turned.
    pub(super) fn turned(&self, encoding: &Encoding, part: &Part) -> Vec<bool> {
        Self::of(&self.given, part, encoding).iter().map(|(_, turned)| *turned).collect()
    }

    /// Scores more transfers of a part; gives its shares when it is whole. The corrections go to `out`: they were
    /// sent already if there is none.
    pub(super) fn advance(
        &mut self,
        encoding: &Encoding,
        out: Option<&mut Out>,
    ) -> Result<Option<Shares>, Fault> {
        let part = self.layout.part(self.scored);
        let given = Self::of(&self.given, &part, encoding);
        let scoring = match &mut self.scoring {
            Some(scoring) => scoring,
            None => {
                let words = encoding.transfers() * score::words(encoding, &part);
                let turned: Vec<bool> = given.iter().map(|(_, turned)| *turned).collect();
                self.scoring.insert(Scoring {
                    columns: self.slice.columns(&part),
                    transfer: 0,
                    sum: score::nothing(encoding, &part, &turned),
                    wraps: Vec::new(),
                    outbox: Outbox::new(CORRECTIONS, words as u64),
                    part,
                })
            }
        };
        let most = rayon::current_num_threads().max(1) * TRANSFERS;
        let given = given.get(scoring.transfer..).unwrap_or_default();
        let given = given.get(..most).unwrap_or(given);
        let of = (encoding, &self.layout, &scoring.part);
        let done = score::give(of, &scoring.columns, scoring.transfer, given, &mut scoring.sum);
        if let Some(out) = out {
            for scored in &done {
                out.add(&mut scoring.outbox, bytemuck::cast_slice(&scored.corrections))?;
            }
        }
        done.into_iter().for_each(|scored| scoring.wraps.extend(scored.wraps));
        scoring.transfer += given.len();
        if scoring.transfer < encoding.transfers() {
            return Ok(None);
        }
        let own = planes::numbers(&scoring.sum, scoring.part.words());
        let wraps = std::mem::take(&mut scoring.wraps);
        self.scored += 1;
        self.scoring = None;
        Ok(Some((own, wraps)))
    }
}
