//! Beginning and end of a day: what retention ends, who decides claims, what the nodes worked, what was told.

use std::{f64::consts::LN_2, io};

use symbolon_policy::{rules::ExchangeKind, words::Timestamp};

use super::{
    nodes::Load,
    rows::{Row, Sink},
    state::{Claim, EARLIER, State, Today},
};
use crate::{contract::Line, outcome::PairTally};

const DAY: i64 = 86_400;

/// Entropy of a yes or no of this chance, in bits.
pub(crate) fn entropy(p: f64) -> f64 {
    let part = |p: f64| if p <= 0.0 { 0.0 } else { -p * libm::log2(p) };
    part(p) + part(1.0 - p)
}

/// Chance that a search alarms falsely: `1 - (1 - fmr)^N`; with over-dispersion `v` (variance of the rate between
/// probes over its square) the rates follow a gamma distribution and it is `1 - (1 + v N fmr)^(-1/v)`.
pub fn false_alarms(fmr: f64, comparisons: f64, over_dispersion: f64) -> f64 {
    if fmr <= 0.0 || comparisons <= 0.0 {
        return 0.0;
    }
    if over_dispersion > 0.0 {
        return -libm::expm1(-libm::log1p(over_dispersion * comparisons * fmr) / over_dispersion);
    }
    -libm::expm1(comparisons * libm::log1p(-fmr.min(1.0)))
}

impl State<'_> {
    /// Ends records, renews meters, and sizes slices.
    pub(super) fn begin(&mut self) {
        if let Some(ends) = self.ends.remove(&self.day) {
            for ((place, class), count) in ends {
                self.slices.change(place, class, -count);
            }
        }
        let today = (self.region.start / DAY) + self.day;
        self.meters.renew(today);
        if self.day < self.region.warm_up {
            return;
        }
        let contract = self.contract;
        for (place, (line, past)) in contract.lines.iter().zip(&mut self.past).enumerate() {
            if line.pact.is_none() {
                continue;
            }
            let records = self.slices.records(place) as f64 * self.region.weight;
            // Who is not enrolled has no template, who has no document no identifier.
            let practice = self.region.practices.get(line.practice);
            let entries = records
                * match (line.exchange, practice) {
                    (ExchangeKind::Match, Some(of)) => (1.0 - of.failure_to_enrol) * of.availability,
                    _ => self.region.people.documents,
                };
            if entries == past.entries && past.padded > 0.0 {
                continue;
            }
            past.entries = entries;
            // A cast, where `round` is a call: this is done for every line every day.
            let whole = (entries + 0.5) as u64;
            past.padded = match (line.exchange, line.count) {
                (ExchangeKind::Match, _) => line.buckets.places(whole),
                // Every dummy is counted as if it were in.
                (ExchangeKind::Count, Some((_, dummies, ..))) => line.buckets.pad(whole + u64::from(dummies)),
                _ => line.buckets.pad(whole),
            } as f64;
            past.fpir = match (line.exchange, practice) {
                (ExchangeKind::Match, Some(practice)) => {
                    false_alarms(practice.fmr, entries * f64::from(line.items), practice.over_dispersion)
                }
                _ => 0.0,
            };
        }
    }

    /// Decides the claims that are ready today, in order.
    pub(super) fn claims_of_the_day(&mut self) {
        let claims = usize::try_from(self.day).ok().and_then(|day| self.claims.get_mut(day));
        let mut claims = claims.map(std::mem::take).unwrap_or_default();
        claims.sort_by_key(|claim| (claim.ready, claim.person, claim.line));
        for claim in claims {
            self.decide(claim);
        }
    }

    fn decide(&mut self, claim: Claim) {
        let contract = self.contract;
        let Some(line) = contract.lines.get(claim.line as usize) else { return };
        let (alike, region) = (claim.alike, self.region);
        let (Some(claims), Some(holder)) = (line.claims, region.parties.get(line.holder)) else { return };
        let needs = line.needs.get(usize::from(claim.class)).map_or(&[][..], Vec::as_slice);
        let most = needs.iter().flatten().copied().max();
        let draws =
            self.draws.of(claim.person.into()).of(u64::from(claim.events) + 99).of(u64::from(claim.line));
        let (mut decided, mut done) = (claim.ready, None);
        if let Some(approvals) = most {
            let enough = self.approvers.get(line.holder).map_or(0, super::crew::Crew::officers);
            if approvals == 0 {
                done = Some(0);
            } else if let Some(crew) = self.approvers.get_mut(line.holder) {
                let seconds = f64::from(approvals) * holder.approve_seconds;
                decided = crew.take(claim.ready, seconds, alike, draws.of(super::person::uses::ALIKE));
                let late = decided - claim.ready > claims.decide_seconds;
                let refused = draws.chance(super::person::uses::REFUSED, holder.refuse_share);
                let hours = seconds / 3_600.0 * alike;
                if let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) {
                    pair.holder_hours += if late { 0.0 } else { hours };
                    pair.cases_expired += if late { alike } else { 0.0 };
                }
                if late {
                    decided = claim.ready + claims.decide_seconds;
                } else if !refused {
                    // One officer cannot approve twice.
                    done = Some(if enough < usize::from(approvals) { 1 } else { approvals });
                }
                if late {
                    self.tell(line, claim, None, decided, true);
                    return;
                }
            }
        }
        self.tell(line, claim, done, decided, false);
    }

    /// Releases what so many approvals release, or refuses; then the return is decided that waits for it.
    fn tell(&mut self, line: &Line, claim: Claim, approvals: Option<u8>, decided: i64, expired: bool) {
        let alike = claim.alike;
        let needs = line.needs.get(usize::from(claim.class)).map_or(&[][..], Vec::as_slice);
        let released =
            |need: &Option<u8>| matches!((need, approvals), (Some(need), Some(got)) if *need <= got);
        let fields = needs.iter().filter(|need| released(need)).count();
        let bits: f64 =
            needs.iter().zip(&line.field_bits).filter(|(need, _)| released(need)).map(|(_, bits)| bits).sum();
        let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) else { return };
        pair.claims += alike;
        // The opened probe is an identifier, or a template, of somebody the holder has.
        pair.opened_bits +=
            alike * libm::log2(self.past.get(claim.line as usize).map_or(1.0, |past| past.entries).max(1.0));
        if fields > 0 {
            pair.cases_released += alike;
            pair.fields_released += alike * fields as f64;
            pair.field_bits += alike * bits;
        } else if !expired {
            pair.cases_refused += alike;
        }
        if !expired {
            pair.wait_case += alike * (decided - claim.hit_at) as f64 / 3_600.0;
        }
        if fields > 0 && claim.minor {
            // However often something is released of it. Where a quota let some of those be asked about for whom it stands,
            // the next time others may be.
            let share = (alike / self.region.weight).min(1.0);
            let by_pair = self.exposed.entry((claim.person, line.asker, line.holder)).or_default();
            pair.minors_exposed += (1.0 - *by_pair) * share * self.region.weight;
            for exposed in [by_pair, self.exposed_at_all.entry(claim.person).or_default()] {
                *exposed += (1.0 - *exposed) * share;
            }
        }
        let waited = (decided - claim.ready) as f64 / 3_600.0;
        if let Some(party) = self.parties.get_mut(line.holder) {
            party.longest_wait = party.longest_wait.max(waited);
        }
        if claim.returns {
            let when = decided - self.region.start;
            self.decide_return(
                claim.person,
                claim.events,
                (line.asker, line.holder),
                (true, fields > 0),
                when,
            );
        }
    }

    /// Adds up the day: what answers told, what they cost, how long they took.
    ///
    /// # Errors
    /// Of the sink.
    pub(super) fn end(&mut self, mut sink: Option<&mut (dyn Sink + 'static)>) -> io::Result<()> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        let loads = self.work(&touched);
        let now = self.region.start + self.day * DAY;
        let time = if sink.is_some() { Timestamp(now).to_string() } else { String::new() };
        let (contract, weight) = (self.contract, self.region.weight);
        for place in touched.iter().copied() {
            let (Some(line), Some(today)) =
                (contract.lines.get(place), self.today.get_mut(place).map(std::mem::take))
            else {
                continue;
            };
            let bits = self.told(place, line, &today);
            let answer_seconds = self.cost(place, line, &today, &loads);
            self.add(line, &today, bits, place, answer_seconds);
            if let Some(sink) = sink.as_deref_mut() {
                let queries = weight * today.answered();
                sink.row(&Row {
                    wished: weight * today.wished,
                    queries,
                    unanswered: weight * today.wished - queries,
                    hits: weight * today.hit.iter().sum::<f64>(),
                    true_hits: weight * today.true_hits,
                    hit_bits: bits,
                    answer_seconds,
                    ..self.row(place, line, &time, &loads)
                })?;
            }
        }
        touched.clear();
        self.touched = touched;
        self.was_open();
        for (place, queries, hit_bits, answer_seconds) in std::mem::take(&mut self.counted) {
            if let (Some(sink), Some(line)) = (sink.as_deref_mut(), contract.lines.get(place)) {
                let row = self.row(place, line, &time, &loads);
                let unanswered = 1.0 - queries;
                sink.row(&Row { wished: 1.0, queries, unanswered, hit_bits, answer_seconds, ..row })?;
            }
        }
        Ok(())
    }

    /// The row of a line on this day, without what happened.
    fn row<'a>(&'a self, place: usize, line: &Line, time: &'a str, loads: &[Load]) -> Row<'a> {
        let code = |place: usize| self.region.codes.get(place).map_or("", |code| code.as_str());
        Row {
            time,
            proposal: &self.contract.id,
            seed: self.seed,
            asker: code(line.asker),
            holder: code(line.holder),
            exchange: line.exchange.as_str(),
            practice: line.practice,
            wished: 0.0,
            queries: 0.0,
            unanswered: 0.0,
            hits: 0.0,
            true_hits: 0.0,
            hit_bits: 0.0,
            entries: self.past.get(place).map_or(0.0, |past| past.padded),
            answer_seconds: 0.0,
            load: loads.get(line.holder).map_or(0.0, |load| load.load),
        }
    }

    /// Bits that a day's answers told: each answer the entropy of what earlier ones leave open. What earlier answers
    /// say is the share of hits so far, among those of whom this asker knew as much [Krichevsky, Trofimov 1981]. Answers
    /// are those of people in truth, spread over the day alike.
    fn told(&mut self, place: usize, line: &Line, today: &Today) -> f64 {
        let Some(past) = self.past.get_mut(place) else { return 0.0 };
        let bound = line.bound(past.padded).max(1.0);
        let mut bits = 0.0;
        for kind in 0..EARLIER {
            let (Some(asked), Some(hit)) = (past.asked.get_mut(kind), past.hit.get_mut(kind)) else {
                continue;
            };
            let of = |numbers: [f64; EARLIER]| numbers.get(kind).map_or(0.0, |n| n * self.region.weight);
            let (now, hits) = (of(today.asked), of(today.hit));
            let mut told = 0.0;
            while told < now {
                // The first ones one by one; where much is known, one more changes little.
                let step = ((*asked + told) / 4.0).max(1.0).min(now - told);
                let before = told + ((step - 1.0) / 2.0).max(0.0);
                let (yes, all) = (*hit + hits * before / now, *asked + before);
                let chance = (yes + 0.5) / (all + 1.0);
                // Of as many answers only one in `weight` was drawn, so that the entropy of their share is too small
                // by this on average [Miller 1955].
                let both = yes > 0.0 && yes < all;
                let short = if both { (self.region.weight - 1.0).max(0.0) / (2.0 * LN_2 * all) } else { 0.0 };
                bits += step * (entropy(chance) + short).min(1.0).min(bound);
                told += step;
            }
            *asked += now;
            *hit += hits;
        }
        bits
    }

    fn add(&mut self, line: &Line, today: &Today, bits: f64, place: usize, answer_seconds: f64) {
        let weight = self.region.weight;
        let padded = self.past.get(place).map_or(0.0, |past| past.padded);
        let asked = today.answered();
        let hits = today.hit.iter().sum::<f64>();
        let mut tally = PairTally {
            wished: today.wished,
            without_agreement: today.without,
            refused_quota: today.quota,
            refused_rules: today.rules,
            unanswered: today.down,
            queries: asked,
            items: asked * today.items(line),
            hits,
            true_hits: today.true_hits,
            false_hits: today.false_hits,
            missed_by_rules: today.kept_out,
            missed_by_error: today.erred,
            missed_unasked: today.unasked,
            hit_bits_bound: asked * line.bound(padded),
            minors_hit: today.minors,
            wait_answer: asked * answer_seconds,
            ..PairTally::default()
        };
        tally.scale(weight);
        tally.hit_bits = bits;
        if let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) {
            pair.add(&tally);
        }
    }
}
