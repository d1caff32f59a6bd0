//! What goes wrong, one thing at a time: the same people under the same proposal, beside the run in which nothing does.
//!
//! A wrongful query goes through the same agreement, quotas and rules as a rightful one, among those of the day at a moment
//! of its own. Detection ends it. A lying holder is found by canaries: of `n` that are asked about it suppresses a share
//! `s`, so it is undetected with chance `(1 - s)^n`, and of `k` different ones never with `(1 - s)^k` (`docs/audit.md`).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Progress,
    admit::Admitted,
    day::entropy,
    meters::Officer,
    person::uses,
    state::{IN_DOUBT, MINOR, State, WRONG},
};
use crate::{
    contract::{Contract, Line},
    outcome::{AbuseOutcome, SeedOutcome},
    random::{Draws, named},
    region::{Region, drawn},
    scenario::{Abuse, AbuseKind, Scenario},
};
use symbolon_policy::rules::ExchangeKind;

/// One thing that goes wrong.
#[derive(Clone)]
pub(super) struct Wrong<'a> {
    id: &'a str,
    kind: AbuseKind,
    party: usize,
    partner: Option<usize>,
    /// First and last day, warm-up included.
    from: i64,
    until: i64,
    per_day: f64,
    suppressed: f64,
    audited: f64,
    space: f64,
    bits_needed: f64,
    /// Lines by which he asks, those towards each holder together.
    lines: Vec<Vec<usize>>,
    different: u32,
    found: Option<i64>,
    /// Persons of whom a corrupt officer was told.
    told_of: BTreeSet<(u32, u64)>,
    sum: Sum,
}

/// What came of it.
#[derive(Clone, Copy, Default)]
struct Sum {
    asked: f64,
    hits: f64,
    refused: f64,
    bits: f64,
    persons: f64,
    minors: f64,
    guessed: f64,
}

/// Runs a seed once more, with one thing that goes wrong; nothing if it was cancelled.
pub(super) fn try_one(
    scenario: &Scenario,
    region: &Region,
    contract: &Contract,
    seed: u64,
    abuse: &Abuse,
    base: &SeedOutcome,
    progress: &Progress<'_>,
) -> Option<AbuseOutcome> {
    let drawn = drawn(scenario, seed);
    let drawn = drawn.abuse.iter().find(|other| other.id == abuse.id)?;
    let place = |code| region.codes.iter().position(|other| other == code);
    let from = region.warm_up + i64::from(abuse.from_day);
    let mut wrong = Wrong {
        id: &abuse.id,
        kind: abuse.kind,
        party: place(&abuse.party)?,
        partner: abuse.partner.as_ref().and_then(place),
        from,
        until: abuse.days.map_or(region.span, |days| from + i64::from(days)),
        per_day: drawn.per_day.mid(),
        suppressed: drawn.suppressed.mid(),
        audited: drawn.audited.mid(),
        space: drawn.space.mid().max(1.0),
        bits_needed: drawn.bits_needed.mid(),
        lines: Vec::new(),
        different: drawn.canaries.mid().round() as u32,
        found: None,
        told_of: BTreeSet::new(),
        sum: Sum::default(),
    };
    wrong.lines = wrong.lines_of(contract);
    let mut state = State::new(region, contract, seed, Some(wrong));
    // Without a sink nothing can fail.
    let outcome = state.run(Some(progress), None).ok().flatten()?;
    let wrong = state.wrong?;
    let hits = |outcome: &SeedOutcome| outcome.pairs.iter().map(|pair| pair.true_hits).sum::<f64>();
    Some(wrong.outcome(hits(base) - hits(&outcome), region))
}

impl Wrong<'_> {
    fn outcome(&self, hits_lost: f64, region: &Region) -> AbuseOutcome {
        let days = |day: i64| (day - self.from) as f64;
        let seen = match self.kind {
            // Everybody notices at once.
            AbuseKind::PartyLeaves | AbuseKind::Outage => Some(0.0),
            _ => self.found.map(|day| days(day) + 1.0),
        };
        let recovered = match self.kind {
            AbuseKind::TemplateProbe => f64::from(u8::from(self.sum.bits >= self.bits_needed)),
            _ => self.sum.guessed,
        };
        AbuseOutcome {
            id: self.id.to_owned(),
            kind: self.kind,
            days_to_detection: seen,
            days_observed: days(region.span),
            queries: self.sum.asked,
            refused: self.sum.refused,
            bits: self.sum.bits,
            persons: self.sum.persons,
            minors: self.sum.minors,
            hits_lost,
            recovered,
        }
    }

    fn goes_on(&self, day: i64) -> bool {
        self.found.is_none() && (self.from..self.until).contains(&day)
    }

    /// Exchanges by which wrongful queries are put, if any are.
    fn exchanges(&self) -> &'static [ExchangeKind] {
        match self.kind {
            AbuseKind::CorruptOfficer => &[ExchangeKind::Exact, ExchangeKind::Match],
            AbuseKind::TemplateProbe => &[ExchangeKind::Match],
            AbuseKind::GuessIdentifiers => &[ExchangeKind::Exact],
            AbuseKind::LyingResponder | AbuseKind::PartyLeaves | AbuseKind::Outage => &[],
        }
    }

    fn lines_of(&self, contract: &Contract) -> Vec<Vec<usize>> {
        let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let concerns = |line: &Line| {
            line.asker == self.party && self.partner.is_none_or(|partner| partner == line.holder)
        };
        for (place, line) in contract.lines.iter().enumerate() {
            if concerns(line) && self.exchanges().contains(&line.exchange) {
                found.entry(line.holder).or_default().push(place);
            }
        }
        found.into_values().collect()
    }
}

impl State<'_> {
    fn wrong_now(&self, kind: AbuseKind) -> Option<&Wrong<'_>> {
        self.wrong.as_ref().filter(|wrong| wrong.kind == kind && wrong.goes_on(self.day))
    }

    /// Whether a party of the line has left.
    pub(super) fn left(&self, line: &Line) -> bool {
        let left = self.wrong_now(AbuseKind::PartyLeaves);
        left.is_some_and(|wrong| [line.asker, line.holder].contains(&wrong.party))
    }

    /// Whether a party's node does not answer.
    pub(super) fn down(&self, party: usize) -> bool {
        self.wrong_now(AbuseKind::Outage).is_some_and(|wrong| wrong.party == party)
    }

    /// Whether the holder suppresses this hit.
    pub(super) fn suppressed(&self, line: &Line, draws: Draws) -> bool {
        self.wrong_now(AbuseKind::LyingResponder).is_some_and(|wrong| {
            line.holder == wrong.party
                && wrong.partner.is_none_or(|partner| partner == line.asker)
                && draws.chance(4, wrong.suppressed)
        })
    }

    /// Whether wrongful queries are put today in the name of a party.
    pub(super) fn wrong_asks_for(&self, asker: usize) -> bool {
        let wrong = self.wrong.as_ref().filter(|wrong| wrong.goes_on(self.day) && wrong.party == asker);
        wrong.is_some_and(|wrong| !wrong.exchanges().is_empty())
    }

    /// Draws of today's wrongs.
    fn wrong_draws(&self, wrong: &Wrong<'_>) -> Draws {
        self.draws.of(named("abuse")).of(named(wrong.id)).of(self.day as u64)
    }

    /// Plans today's wrongful queries, each for a moment of its own, as officers' queries are put.
    pub(super) fn plan_wrongs(&mut self) {
        let Some(wrong) = self.wrong.as_ref().filter(|wrong| wrong.goes_on(self.day)) else { return };
        let draws = self.wrong_draws(wrong);
        // As many as until tonight less as many as until last night: of less than one a day some days have one.
        let until = |day: i64| (wrong.per_day * (day - wrong.from) as f64 + 0.5).floor();
        let many = until(self.day + 1) - until(self.day);
        let many = if wrong.exchanges().is_empty() { 0 } else { many as u32 };
        for query in 0..many {
            let second = draws.of(query.into()).unit(uses::OTHERS) * 86_400.0;
            self.plan_early(query, WRONG, second as i64);
        }
    }

    /// Puts one of today's wrongful queries.
    pub(super) fn wrong_query(&mut self, query: u64, when: i64) {
        if !self.wrong.as_ref().is_some_and(|wrong| wrong.goes_on(self.day)) {
            return;
        }
        // Put back below; what is done here asks nobody whether a party left or is down.
        let Some(mut wrong) = self.wrong.take() else { return };
        let draws = self.wrong_draws(&wrong).of(query);
        let told_all = wrong.kind == AbuseKind::TemplateProbe && wrong.sum.bits >= wrong.bits_needed;
        if !told_all && let Some(place) = self.open_to(&mut wrong, draws, when) {
            match wrong.kind {
                AbuseKind::CorruptOfficer => self.corrupt(&mut wrong, place, draws),
                AbuseKind::GuessIdentifiers => self.guess(&mut wrong, place, draws),
                _ => {
                    // A probe near the threshold tells a whole bit of one template.
                    wrong.sum.bits += 1.0;
                    wrong.sum.persons = 1.0;
                }
            }
            if draws.chance(2, wrong.audited) {
                wrong.found = Some(self.day);
            }
        }
        self.wrong = Some(wrong);
    }

    /// Puts a wrongful query in the name of one officer, by the first line towards a holder that is open: who does wrong
    /// names whatever purpose is permitted. It counts once, whatever a person stands for.
    fn open_to(&mut self, wrong: &mut Wrong<'_>, draws: Draws, when: i64) -> Option<usize> {
        let contract = self.contract;
        let towards = match wrong.kind {
            AbuseKind::TemplateProbe => wrong.lines.first(),
            _ => wrong.lines.get(draws.bits(0) as usize % wrong.lines.len().max(1)),
        };
        let canaries = draws.of(uses::CANARIES);
        let open = towards.into_iter().flatten().copied().find(|place| {
            contract.lines.get(*place).is_some_and(|line| {
                let became = self.admit(line, Officer::Wrongdoer, 1.0, canaries, when);
                if let Admitted::Yes(canaries) = became
                    && !line.by_officer
                {
                    self.answer(line, f64::from(line.items + canaries), 1.0);
                }
                matches!(became, Admitted::Yes(_))
            })
        });
        wrong.sum.asked += f64::from(u8::from(open.is_some()));
        wrong.sum.refused += f64::from(u8::from(open.is_none()));
        open
    }

    fn corrupt(&self, wrong: &mut Wrong<'_>, place: usize, draws: Draws) {
        let Some(line) = self.contract.lines.get(place) else { return };
        let person = (draws.bits(1) % self.people.len().max(1) as u64) as usize;
        let retention = self.region.parties.get(line.holder).map_or(0, |party| party.retention);
        let record = self.records.get(person * self.n + line.holder).copied().unwrap_or_default();
        let within =
            record.lives(self.day, retention) && line.slice.get(record.class()).copied().unwrap_or(false);
        // He asks by the document or the capture of the person, and no better than others do.
        let here = self.people.get(person).copied().unwrap_or_default();
        let number = u32::try_from(person).unwrap_or(u32::MAX);
        let practice = self.region.practices.get(line.practice).copied();
        let found = within && practice.is_some_and(|of| self.agrees(line, &of, number, here, draws.of(1)));
        // The answer tells what earlier ones leave open, as of every query.
        let chance = (wrong.sum.hits + 0.5) / wrong.sum.asked.max(1.0);
        wrong.sum.bits += entropy(chance.min(1.0));
        wrong.sum.hits += f64::from(u8::from(found));
        // One person is one, however often it is asked about: which of those that the simulated one stands for.
        let which = (draws.unit(5) * self.region.weight) as u64;
        if found && wrong.told_of.insert((number, which)) {
            wrong.sum.persons += 1.0;
            wrong.sum.minors += f64::from(u8::from(here.is(MINOR) || here.is(IN_DOUBT)));
        }
    }

    fn guess(&self, wrong: &mut Wrong<'_>, place: usize, draws: Draws) {
        let Some(line) = self.contract.lines.get(place) else { return };
        // Each identifier is one of the slice with chance N/|D|.
        let entries = self.past.get(place).map_or(0.0, |past| past.entries);
        let chance = (entries / wrong.space).min(1.0);
        for item in 0..u64::from(line.items) {
            wrong.sum.bits += entropy(chance);
            if draws.of(item).chance(1, chance) {
                wrong.sum.guessed += 1.0;
                wrong.sum.persons += 1.0;
            }
        }
    }

    /// Whether today's canaries show a holder that lies. Each asker has some different ones, and those that are suppressed
    /// are so for good, since it is records that are suppressed.
    pub(super) fn lie_of_the_day(&mut self) {
        let lies =
            |wrong: &&mut Wrong<'_>| wrong.kind == AbuseKind::LyingResponder && wrong.goes_on(self.day);
        if self.wrong.as_mut().filter(lies).is_none() {
            return;
        }
        let Some(mut wrong) = self.wrong.take() else { return };
        let (contract, draws) = (self.contract, self.wrong_draws(&wrong));
        for asker in (0..self.n).filter(|asker| wrong.partner.is_none_or(|partner| partner == *asker)) {
            let lines = contract.lines.iter().zip(&self.today);
            let mut canaries = 0.0;
            for (_, today) in lines.filter(|(line, _)| (line.asker, line.holder) == (asker, wrong.party)) {
                wrong.sum.asked += today.answered() * self.region.weight;
                canaries += today.canaries * self.region.weight;
            }
            let own = self.draws.of(named("canaries")).of(named(wrong.id)).of(asker as u64);
            let shown = shown(own, wrong.different, wrong.suppressed);
            if draws.chance(asker as u64, found_by(canaries, 1.0, shown)) {
                wrong.found = Some(self.day);
            }
        }
        self.wrong = Some(wrong);
    }
}

/// The share of so many canaries that is suppressed, where each is with the chance `suppressed`.
pub(super) fn shown(draws: Draws, canaries: u32, suppressed: f64) -> f64 {
    let hidden = (0..u64::from(canaries)).filter(|canary| draws.chance(*canary, suppressed)).count();
    hidden as f64 / f64::from(canaries.max(1))
}

/// Chance that of `items` with a share `canaries` of canaries at least one is suppressed by a holder that suppresses a
/// share `suppressed` of them: `1 - (1 - c s)^n`.
pub fn found_by(items: f64, canaries: f64, suppressed: f64) -> f64 {
    if items <= 0.0 {
        return 0.0;
    }
    -libm::expm1(items * libm::log1p(-(canaries * suppressed).clamp(0.0, 1.0)))
}
