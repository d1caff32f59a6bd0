//! Everybody that the asker has a document of, in one exact query or one count.

use symbolon_protocol::set::IdentifierBytes;

use super::{Check, Checked, ExactError};
use crate::{
    cost::{COUNT, EXACT, Size},
    pair::{Outcome, Record},
};

/// What a document comes to at both sides.
struct Documents {
    /// The holder's records.
    register: Vec<Record>,
    /// Of them, those in the slice.
    within: u64,
    /// The identifiers asked.
    asked: Vec<IdentifierBytes>,
    /// Of each, whether the model finds it.
    model: Vec<bool>,
}

/// An identifier: what a person's document comes to, or something that no other registration comes to.
fn identifier(person: usize, alias: &str) -> IdentifierBytes {
    IdentifierBytes::new(format!("simulated document {person}{alias}").into_bytes())
}

impl Check<'_> {
    pub(super) fn identifiers(mut self) -> Result<Option<Checked>, ExactError> {
        let most = self.terms.exact.as_ref().map_or(0, |exact| exact.largest_batch);
        let of = self.documents(most);
        if of.asked.is_empty() {
            return Ok(None);
        }
        self.question.identifiers.clone_from(&of.asked);
        let real = self.pair.exact(&self.question, &of.register).map_err(|error| self.fault(error))?;
        let differ = of.model.iter().zip(&real.answer).filter(|(model, real)| model != real).count();
        let hits = real.answer.iter().filter(|hit| **hit).count();
        let entries = self.terms.buckets.pad(of.within) as f64;
        let size = Size { items: of.asked.len() as f64, records: of.within as f64, entries };
        Ok(Some(self.beside(EXACT, &of, size, &real, (hits, differ))))
    }

    /// The noise of the two is not the same, but what it can be at most is: a count that is further from the true
    /// number differs.
    pub(super) fn count(mut self) -> Result<Option<Checked>, ExactError> {
        let Some((_, dummies, smallest, largest)) = self.line.count else { return Ok(None) };
        let of = self.documents(largest);
        if of.asked.len() < smallest as usize {
            return Ok(None);
        }
        self.question.identifiers.clone_from(&of.asked);
        // The rules ask for a case where a person is asked about.
        self.question.case = None;
        let real = self.pair.count(&self.question, &of.register).map_err(|error| self.fault(error))?;
        let counted = usize::try_from(real.answer.estimate).unwrap_or(0);
        let both = of.model.iter().filter(|hit| **hit).count();
        let differ = real.answer.estimate.abs_diff(i64::try_from(both).unwrap_or(i64::MAX));
        let differ = usize::from(differ > u64::from(dummies / 2));
        let entries = self.terms.buckets.pad(of.within.saturating_add(dummies.into())) as f64;
        let size = Size { items: of.asked.len() as f64, records: of.within as f64, entries };
        Ok(Some(self.beside(COUNT, &of, size.with_dummies(dummies), &real, (counted, differ))))
    }

    fn documents(&self, most: u32) -> Documents {
        let theirs = self.rows.iter().enumerate().filter_map(|(person, row)| {
            let place = self.theirs(row)?;
            let alias = if row.document { String::new() } else { format!(" unseen by {}", self.codes[0]) };
            Some(Record { class: self.class(place), identifiers: vec![identifier(person, &alias)] })
        });
        let within = self.rows.iter().filter(|row| self.theirs(row).is_some_and(|place| self.within(place)));
        let have = self.rows.iter().enumerate().filter(|(_, row)| row.document && self.ours(row));
        let (asked, model) = have
            .take(self.batch().min(most as usize))
            .map(|(person, row)| {
                let same = row.same(self.line.asker, self.line.holder);
                let alias = if same { "" } else { " by another name" };
                let found = same && self.theirs(row).is_some_and(|place| self.within(place));
                (identifier(person, alias), found)
            })
            .unzip();
        Documents { register: theirs.collect(), within: within.count() as u64, asked, model }
    }

    /// Identifiers of one query that all meters together have room for.
    fn batch(&self) -> usize {
        let room = self.line.uses.iter().filter_map(|using| {
            let limit = self.contract.meters.get(using.meter)?.limit;
            let fits = if using.amount <= limit { f64::INFINITY } else { 0.0 };
            Some(if using.by_items { limit / using.amount } else { fits })
        });
        room.fold(f64::from(u32::MAX), f64::min) as usize
    }

    fn beside<T>(
        &self,
        exchange: &str,
        of: &Documents,
        size: Size,
        real: &Outcome<T>,
        (real_hits, differ): (usize, usize),
    ) -> Checked {
        let cost = self.plan.calibration.plain(exchange);
        let moved = [real.exchange, real.snapshot].map(|moved| moved.to_holder + moved.to_asker);
        Checked {
            asked: of.asked.len(),
            model_hits: of.model.iter().filter(|hit| **hit).count(),
            real_hits,
            differ,
            model_bytes: cost.bytes(size) + cost.setup.bytes(size),
            real_bytes: moved.iter().map(|bytes| *bytes as f64).sum(),
            model_seconds: cost.seconds(size) + cost.setup.seconds(size),
            ..self.blank(exchange.to_owned())
        }
    }
}
