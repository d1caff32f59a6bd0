//! Everybody that the asker has a document of, in one exact query.

use symbolon_protocol::{padding::bucket, set::IdentifierBytes};

use super::{Check, Checked, ExactError};
use crate::{cost::EXACT, pair::Record};

/// An identifier: what a person's document comes to, or something that no other registration comes to.
fn identifier(person: usize, alias: &str) -> IdentifierBytes {
    IdentifierBytes::new(format!("simulated document {person}{alias}").into_bytes())
}

impl Check<'_> {
    pub(super) fn identifiers(mut self) -> Result<Option<Checked>, ExactError> {
        let [a, h] = self.codes.clone();
        let theirs = self.rows.iter().enumerate().filter_map(|(person, row)| {
            let place = self.theirs(row)?;
            let alias = if row.document { String::new() } else { format!(" unseen by {a}") };
            Some(Record { class: self.class(place), identifiers: vec![identifier(person, &alias)] })
        });
        let theirs: Vec<Record> = theirs.collect();
        let most = self.terms.exact.as_ref().map_or(0, |exact| exact.largest_batch) as usize;
        let most = most.min(self.room().saturating_mul(self.line.items as usize));
        let (mut asked, mut model) = (Vec::new(), Vec::new());
        let have = self.rows.iter().enumerate().filter(|(_, row)| row.document && self.ours(row));
        for (person, row) in have.take(most) {
            let same = row.same(self.line.asker, self.line.holder);
            asked.push(identifier(person, if same { "" } else { " by another name" }));
            model.push(self.theirs(row).is_some_and(|place| self.within(place)) && same);
        }
        if asked.is_empty() {
            return Ok(None);
        }
        let entries = self.rows.iter().filter(|row| self.theirs(row).is_some_and(|place| self.within(place)));
        let (items, padded) = (asked.len() as f64, bucket(entries.count() as u64) as f64);
        self.question.identifiers.clone_from(&asked);
        let real = self.pair.exact(&self.question, &theirs).map_err(|error| self.fault(error))?;
        let cost = self.plan.calibration.plain(EXACT);
        let moved = [
            real.exchange.to_holder,
            real.exchange.to_asker,
            real.snapshot.to_holder,
            real.snapshot.to_asker,
        ];
        let spent = [self.pair.on_queries, self.pair.on_snapshots];
        Ok(Some(Checked {
            proposal: String::new(),
            asker: a,
            holder: h,
            exchange: EXACT.to_owned(),
            asked: asked.len(),
            model_hits: model.iter().filter(|hit| **hit).count(),
            real_hits: real.answer.iter().filter(|hit| **hit).count(),
            differ: model.iter().zip(&real.answer).filter(|(model, real)| model != real).count(),
            model_bytes: cost.bytes(items, padded) + cost.setup.bytes(padded),
            real_bytes: moved.iter().map(|bytes| *bytes as f64).sum(),
            model_seconds: cost.seconds(items, padded) + cost.setup.seconds(padded),
            real_seconds: spent.iter().map(|spent| spent.asker + spent.holder).sum(),
        }))
    }
}
