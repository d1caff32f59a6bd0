//! Beginning and end of a day: what retention ends, who decides claims, what the nodes worked, what was told.

use std::{io, sync::Arc};

use symbolon_policy::{rules::ExchangeKind, words::Timestamp};
use symbolon_protocol::padding;

use super::{
    rows::{Row, Sink},
    state::{Claim, EARLIER, EXPOSED, State, Today},
};
use crate::{cost::waiting, outcome::PairTally, pair::places, region::CLASSES};

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
                self.resize(place, class, -count);
            }
        }
        let today = (self.region.start / DAY) + self.day;
        for meter in &mut self.meters {
            let period = today.div_euclid(meter.days.max(1));
            if meter.period != period {
                (meter.period, meter.spent) = (period, 0.0);
            }
        }
        if self.day < self.region.warm_up {
            return;
        }
        // Lines towards one holder mostly search one of a few slices: each is sized once.
        let mut sized: Vec<(usize, &Arc<Vec<bool>>, f64)> = Vec::new();
        let contract = self.contract;
        for (line, past) in contract.lines.iter().zip(&mut self.past) {
            if line.pact.is_none() {
                continue;
            }
            let known = sized
                .iter()
                .find(|(holder, slice, _)| *holder == line.holder && Arc::ptr_eq(slice, &line.slice));
            let entries = if let Some((.., entries)) = known {
                *entries
            } else {
                let sizes =
                    self.sizes.get(line.holder * CLASSES..(line.holder + 1) * CLASSES).unwrap_or_default();
                let within = sizes.iter().zip(line.slice.iter()).filter(|(_, within)| **within);
                let entries = within.map(|(size, _)| f64::from(*size)).sum::<f64>() * self.region.weight;
                sized.push((line.holder, &line.slice, entries));
                entries
            };
            past.entries = entries;
            let whole = entries.round() as u64;
            past.padded = match (line.exchange, line.count) {
                (ExchangeKind::Match, _) => places(whole),
                // Every dummy is counted as if it were in.
                (ExchangeKind::Count, Some((_, dummies, ..))) => padding::bucket(whole + u64::from(dummies)),
                _ => padding::bucket(whole),
            } as f64;
            past.fpir = match (line.exchange, self.region.practices.get(line.practice)) {
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
        let (weight, region) = (self.region.weight, self.region);
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
                decided = crew.take(claim.ready, seconds, weight);
                let late = decided - claim.ready > claims.decide_seconds;
                let refused = draws.chance(super::person::uses::REFUSED, holder.refuse_share);
                let hours = seconds / 3_600.0 * weight;
                if let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) {
                    pair.holder_hours += if late { 0.0 } else { hours };
                    pair.cases_expired += if late { weight } else { 0.0 };
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
    fn tell(
        &mut self,
        line: &crate::contract::Line,
        claim: Claim,
        approvals: Option<u8>,
        decided: i64,
        expired: bool,
    ) {
        let weight = self.region.weight;
        let needs = line.needs.get(usize::from(claim.class)).map_or(&[][..], Vec::as_slice);
        let released =
            |need: &Option<u8>| matches!((need, approvals), (Some(need), Some(got)) if *need <= got);
        let fields = needs.iter().filter(|need| released(need)).count();
        let bits: f64 =
            needs.iter().zip(&line.field_bits).filter(|(need, _)| released(need)).map(|(_, bits)| bits).sum();
        let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) else { return };
        pair.claims += weight;
        // The opened probe is an identifier, or a template, of somebody the holder has.
        pair.opened_bits +=
            weight * libm::log2(self.past.get(claim.line as usize).map_or(1.0, |past| past.entries).max(1.0));
        if fields > 0 {
            pair.cases_released += weight;
            pair.fields_released += weight * fields as f64;
            pair.field_bits += weight * bits;
        } else if !expired {
            pair.cases_refused += weight;
        }
        if !expired {
            pair.wait_case += weight * (decided - claim.hit_at) as f64 / 3_600.0;
        }
        if fields > 0 && claim.minor {
            pair.minors_exposed += weight;
            if let Some(person) = self.people.get_mut(claim.person as usize) {
                person.flags |= EXPOSED;
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
        for place in touched.iter().copied() {
            let contract = self.contract;
            let (Some(line), Some(today)) =
                (contract.lines.get(place), self.today.get_mut(place).map(std::mem::take))
            else {
                continue;
            };
            let bits = self.told(place, line, &today);
            let answer_seconds = self.cost(place, line, &today, &loads);
            self.add(line, &today, bits, place, answer_seconds);
            if let Some(sink) = sink.as_deref_mut() {
                let weight = self.region.weight;
                let sum = |numbers: [u32; EARLIER]| weight * f64::from(numbers.iter().sum::<u32>());
                let code = |place: usize| self.region.codes.get(place).map_or("", |code| code.as_str());
                sink.row(&Row {
                    time: &time,
                    proposal: &contract.id,
                    seed: self.seed,
                    asker: code(line.asker),
                    holder: code(line.holder),
                    exchange: line.exchange.as_str(),
                    practice: line.practice,
                    wished: weight * f64::from(today.wished),
                    queries: sum(today.asked),
                    unanswered: weight * f64::from(today.wished) - sum(today.asked),
                    hits: sum(today.hit),
                    true_hits: weight * f64::from(today.true_hits),
                    hit_bits: bits,
                    entries: self.past.get(place).map_or(0.0, |past| past.padded),
                    answer_seconds,
                    load: loads.get(line.holder).map_or(0.0, |load| load.load),
                })?;
            }
        }
        touched.clear();
        self.touched = touched;
        Ok(())
    }

    /// Bits that a day's answers told: each answer the entropy of what earlier ones leave open. What earlier answers
    /// say is the share of hits so far, among those of whom this asker knew as much [Krichevsky, Trofimov 1981].
    fn told(&mut self, place: usize, line: &crate::contract::Line, today: &Today) -> f64 {
        let Some(past) = self.past.get_mut(place) else { return 0.0 };
        let bound = line.bound(past.padded);
        let mut bits = 0.0;
        for kind in 0..EARLIER {
            let (Some(asked), Some(hit)) = (past.asked.get_mut(kind), past.hit.get_mut(kind)) else {
                continue;
            };
            let chance = (*hit + 0.5) / (*asked + 1.0);
            let (now, hits) = (today.asked.get(kind).copied(), today.hit.get(kind).copied());
            let (now, hits) = (f64::from(now.unwrap_or(0)), f64::from(hits.unwrap_or(0)));
            bits += now * entropy(chance).min(bound.max(1.0));
            *asked += now;
            *hit += hits;
        }
        bits * self.region.weight
    }
}

/// How busy a node was.
#[derive(Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) load: f64,
    /// Mean service and its squared coefficient of variation.
    service: f64,
    variation: f64,
    behind: f64,
}

impl State<'_> {
    /// How busy each node was today as a holder.
    fn work(&mut self, touched: &[usize]) -> Vec<Load> {
        let mut sums = vec![(0.0, 0.0, 0.0); self.n];
        for place in touched {
            let (Some(line), Some(today), Some(past)) =
                (self.contract.lines.get(*place), self.today.get(*place), self.past.get(*place))
            else {
                continue;
            };
            let queries = self.region.weight * f64::from(today.asked.iter().sum::<u32>());
            let service = line.cost.holder.of(past.size(line.items.into()));
            if let Some(sum) = sums.get_mut(line.holder) {
                *sum = (sum.0 + queries, sum.1 + queries * service, sum.2 + queries * service * service);
            }
        }
        let each = sums.into_iter().enumerate().map(|(place, (queries, work, squares))| {
            let cores = self.region.parties.get(place).map_or(1.0, |party| party.cores);
            let capacity = cores * DAY as f64;
            let behind = self.behind.get_mut(place);
            let load = work / capacity;
            let waits = behind.map_or(0.0, |behind| {
                let before = *behind;
                *behind = (before + work - capacity).max(0.0);
                (before + *behind) / 2.0 / cores
            });
            if let Some(party) = self.parties.get_mut(place) {
                party.peak_load = party.peak_load.max(load);
            }
            let service = if queries > 0.0 { work / queries } else { 0.0 };
            let variation = if work > 0.0 { squares * queries / (work * work) - 1.0 } else { 0.0 };
            Load { load, service, variation: variation.max(0.0), behind: waits }
        });
        each.collect()
    }

    /// Adds the cost of a line's day; seconds from a query to its answer.
    fn cost(&mut self, place: usize, line: &crate::contract::Line, today: &Today, loads: &[Load]) -> f64 {
        let (Some(past), Some(load)) = (self.past.get_mut(place), loads.get(line.holder)) else { return 0.0 };
        let queries = self.region.weight * f64::from(today.asked.iter().sum::<u32>());
        if queries == 0.0 {
            return 0.0;
        }
        let (size, cost) = (past.size(line.items.into()), &line.cost);
        let (up, down) = (cost.up.of(size), cost.down.of(size));
        let now = self.day * DAY;
        let renew = now >= past.ready_until;
        if renew {
            past.ready_until = now + line.epoch_seconds;
        }
        let (Some(holder), Some(asker)) =
            (self.region.parties.get(line.holder), self.region.parties.get(line.asker))
        else {
            return 0.0;
        };
        let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) else { return 0.0 };
        pair.asker_cpu += queries * cost.asker.of(size);
        pair.holder_cpu += queries * cost.holder.of(size);
        pair.bytes_up += queries * up;
        pair.bytes_down += queries * down;
        if renew {
            pair.asker_cpu += cost.setup.asker.of(size);
            pair.holder_cpu += cost.setup.holder.of(size);
            pair.bytes_up += cost.setup.up.of(size);
            pair.bytes_down += cost.setup.down.of(size);
        }
        // Beyond what a day can carry, the work that is left over is what is waited for.
        let queue =
            waiting(load.service, load.load.min(0.98), holder.cores, 1.0, load.variation) + load.behind;
        let line_speed = holder.bytes_a_second.min(asker.bytes_a_second);
        let travel = asker.round_trip.max(holder.round_trip) * 2.0 + (up + down) / line_speed;
        queue + cost.holder.of(size) + cost.asker.of(size) + travel
    }

    fn add(
        &mut self,
        line: &crate::contract::Line,
        today: &Today,
        bits: f64,
        place: usize,
        answer_seconds: f64,
    ) {
        let weight = self.region.weight;
        let padded = self.past.get(place).map_or(0.0, |past| past.padded);
        let asked = f64::from(today.asked.iter().sum::<u32>());
        let hits = f64::from(today.hit.iter().sum::<u32>());
        let mut tally = PairTally {
            wished: today.wished.into(),
            without_agreement: today.without.into(),
            refused_quota: today.quota.into(),
            refused_rules: today.rules.into(),
            unanswered: today.down.into(),
            queries: asked,
            items: asked * f64::from(line.items),
            hits,
            true_hits: today.true_hits.into(),
            false_hits: today.false_hits.into(),
            missed_by_rules: today.kept_out.into(),
            missed_by_error: today.erred.into(),
            missed_unasked: today.unasked.into(),
            hit_bits_bound: asked * line.bound(padded),
            minors_hit: today.minors.into(),
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
