//! Officers ask: whether they may, what the answer is, and who checks a hit.

use symbolon_policy::rules::ExchangeKind;

use super::{
    meters::Officer,
    person::uses,
    state::{Claim, DOCUMENT, IN_DOUBT, MINOR, Person, State},
};
use crate::{
    contract::{Line, Numbers, Use},
    random::Draws,
    scenario::EventKind,
};

/// What becomes of a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Admitted {
    /// It is answered, to this share of those for whom the person stands; a quota refuses the rest.
    Yes(f64),
    /// No agreement is in force.
    Without,
    /// Terms or rules refuse it.
    Rules,
    /// A quota is spent.
    Quota,
    /// The holder's node does not answer.
    Down,
}

impl State<'_> {
    /// Asks about somebody at every line that comes up, or only of `whom`. Whether a claim is under way.
    pub(super) fn ask_at(
        &mut self,
        event: EventKind,
        person: u32,
        here: Person,
        draws: Draws,
        when: i64,
        whom: Option<usize>,
    ) -> bool {
        let contract = self.contract;
        let mut claimed = false;
        for place in contract.at(event, usize::from(here.place)) {
            let Some(line) = contract.lines.get(*place) else { continue };
            if whom.is_none_or(|whom| whom == line.holder) {
                claimed |= self.ask(*place, line, person, here, draws, when, event == EventKind::Return);
            }
        }
        claimed
    }

    #[expect(clippy::too_many_arguments, reason = "one query in its circumstances")]
    fn ask(
        &mut self,
        place: usize,
        line: &Line,
        person: u32,
        here: Person,
        draws: Draws,
        when: i64,
        returns: bool,
    ) -> bool {
        let Some(practice) = self.region.practices.get(line.practice).copied() else { return false };
        let draws = draws.of(uses::QUERY + (line.practice * 64 + line.holder) as u64);
        if practice.share < 1.0 && !draws.chance(0, practice.share) {
            return false;
        }
        let retention = self.region.parties.get(line.holder).map_or(0, |party| party.retention);
        let slot = person as usize * self.n + line.holder;
        let record = self.records.get(slot).copied().unwrap_or_default();
        let inside = record.lives(self.day, retention);
        let officer = Officer::Any(if line.by_officer { draws.unit(uses::OFFICER) } else { 0.0 });
        let admitted = self.admit(line, officer, line.charged, self.region.weight, when);
        let Some(today) = self.today.get_mut(place) else { return false };
        if today.wished == 0.0 {
            self.touched.push(place);
        }
        today.wished += 1.0;
        let share = match admitted {
            Admitted::Yes(share) => share,
            _ => 0.0,
        };
        match admitted {
            Admitted::Without => today.without += 1.0,
            Admitted::Quota | Admitted::Yes(_) => today.quota += 1.0 - share,
            Admitted::Rules => today.rules += 1.0,
            Admitted::Down => today.down += 1.0,
        }
        let counts = |is: bool| if is { share } else { 0.0 };
        today.unasked += f64::from(u8::from(inside)) - counts(inside);
        if share == 0.0 {
            return false;
        }
        let bit = 1_u32 << line.holder;
        let row = person as usize * self.n + line.asker;
        let known = self.known.get(row).copied().unwrap_or_default();
        let earlier = usize::from(known.asked & bit != 0) + usize::from(known.hit & bit != 0);
        let within = inside && line.slice.get(record.class()).copied().unwrap_or(false);
        let agrees = inside && self.agrees(line, &practice, person, here, draws);
        let true_hit = within && agrees && !self.suppressed(line, draws);
        let Some(today) = self.today.get_mut(place) else { return false };
        let fpir = self.past.get(place).map_or(0.0, |past| past.fpir);
        let false_hit = !true_hit && fpir > 0.0 && draws.chance(3, fpir);
        let hit = true_hit || false_hit;
        if let Some(asked) = today.asked.get_mut(earlier) {
            *asked += share;
        }
        if let Some(hits) = today.hit.get_mut(earlier) {
            *hits += counts(hit);
        }
        today.true_hits += counts(true_hit);
        today.false_hits += counts(false_hit);
        today.kept_out += counts(inside && !within);
        today.erred += counts(within && !true_hit);
        let minor = here.is(MINOR) || here.is(IN_DOUBT);
        today.minors += counts(true_hit && minor);
        if let Some(known) = self.known.get_mut(row) {
            known.asked |= bit;
            known.hit |= if true_hit { bit } else { 0 };
        }
        hit && self.verify(
            place,
            line,
            (person, here.events + 1),
            (record.class(), share * self.region.weight),
            (true_hit, minor, returns),
            (when, draws),
        )
    }

    /// Whether the identifier or the template of somebody agrees with the one in the holder's record.
    pub(super) fn agrees(
        &self,
        line: &Line,
        practice: &crate::region::Share,
        person: u32,
        here: Person,
        draws: Draws,
    ) -> bool {
        match line.exchange {
            ExchangeKind::Match => {
                self.has_template(person, line.practice, practice, line.holder)
                    && !draws.chance(1, practice.failure_to_acquire)
                    && !draws.chance(2, practice.fnmr)
            }
            ExchangeKind::Exact | ExchangeKind::Count => {
                here.is(DOCUMENT) && self.same_identity(person, line.asker, line.holder)
            }
        }
    }

    /// Whether a party could enrol somebody for a practice.
    pub(super) fn has_template(
        &self,
        person: u32,
        place: usize,
        practice: &crate::region::Share,
        party: usize,
    ) -> bool {
        let own = self.draws.of(person.into());
        let template = own.of(uses::TEMPLATE + (place * 64 + party) as u64);
        !own.of(uses::TEMPLATE).chance(place as u64, practice.failure_to_enrol)
            && template.chance(0, practice.availability)
    }

    /// Whether two registrations of somebody with a document carry an equal identifier.
    pub(super) fn same_identity(&self, person: u32, a: usize, b: usize) -> bool {
        let pair = (a.min(b) * 64 + a.max(b)) as u64;
        self.draws.of(person.into()).chance(uses::IDENTITY + pair, self.region.people.same_identity)
    }

    /// Why nothing at all can be asked at a second, if so.
    pub(super) fn closed(&self, line: &Line, now: i64) -> Option<Admitted> {
        let pact = line.pact.and_then(|pact| self.contract.pacts.get(pact));
        if !pact.is_some_and(|pact| (pact.valid_from..pact.valid_until).contains(&now)) || self.left(line) {
            return Some(Admitted::Without);
        }
        if self.down(line.holder) || self.down(line.asker) {
            return Some(Admitted::Down);
        }
        (!line.covered).then_some(Admitted::Rules)
    }

    /// Whether a query of so many items may be put now, and if so, charges it; `queries` alike at once.
    pub(super) fn admit(
        &mut self,
        line: &Line,
        officer: Officer,
        items: f64,
        queries: f64,
        when: i64,
    ) -> Admitted {
        let now = self.region.start + when;
        if let Some(why) = self.closed(line, now) {
            return why;
        }
        let mut room = queries;
        for using in &line.uses {
            let Some(meter) = self.meters.of(using.meter, officer) else { return Admitted::Quota };
            room = room.min(meter.room(using.of(items), queries));
        }
        if room <= 0.0 {
            return Admitted::Quota;
        }
        // Rules see what is used and left of one period.
        let mut numbers = Numbers { now, items: items as u32, ..Numbers::default() };
        let mut tightest = f64::INFINITY;
        for using in &line.uses {
            let Some(meter) = self.meters.of(using.meter, officer) else { return Admitted::Quota };
            let used = (meter.spent + using.of(items) * room) / meter.periods;
            if using.is_quota && meter.limit - used < tightest {
                tightest = meter.limit - used;
                (numbers.quota_used, numbers.quota_limit) = (used, meter.limit);
            }
            if using.by_officer {
                numbers.officer = Some((used, meter.limit));
            }
        }
        numbers.given = self.answered.get(line.asker * self.n + line.holder).copied().unwrap_or(0.0);
        numbers.received = self.answered.get(line.holder * self.n + line.asker).copied().unwrap_or(0.0);
        let mut tables = line.tables.iter().filter_map(|table| self.contract.tables.get(*table));
        if !tables.all(|table| table.permits(&numbers)) {
            return Admitted::Rules;
        }
        for using in &line.uses {
            self.meters.charge(using.meter, officer, using.of(items) * room);
        }
        if let Some(answered) = self.answered.get_mut(line.asker * self.n + line.holder) {
            *answered += items * room;
        }
        Admitted::Yes(room / queries)
    }

    /// The asker's officers look at a hit: those on somebody else are found out here. Whether it is claimed.
    fn verify(
        &mut self,
        place: usize,
        line: &Line,
        (person, events): (u32, u32),
        (class, alike): (usize, f64),
        (true_hit, minor, returns): (bool, bool, bool),
        (when, draws): (i64, Draws),
    ) -> bool {
        let Some(claims) = line.claims else { return false };
        let seconds = self.region.parties.get(line.asker).map_or(0.0, |party| party.verify_seconds);
        let Some(crew) = self.verifiers.get_mut(line.asker) else { return false };
        let now = self.region.start + when;
        let done = crew.take(now, seconds, alike, draws.of(uses::ALIKE));
        let waited = (done - now) as f64 / 3_600.0;
        if let Some(party) = self.parties.get_mut(line.asker) {
            party.longest_wait = party.longest_wait.max(waited);
        }
        let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) else { return false };
        pair.asker_hours += seconds / 3_600.0 * alike;
        if !true_hit {
            return false;
        }
        pair.verified += alike;
        if done - now > claims.claim_seconds {
            pair.cases_expired += alike;
            return false;
        }
        let day = (done - self.region.start).div_euclid(86_400);
        let claim = Claim {
            ready: done,
            hit_at: now,
            person,
            events,
            line: u32::try_from(place).unwrap_or(u32::MAX),
            alike,
            class: u8::try_from(class).unwrap_or(u8::MAX),
            returns,
            minor,
        };
        match usize::try_from(day).ok().and_then(|day| self.claims.get_mut(day)) {
            Some(claims) => {
                claims.push(claim);
                true
            }
            None => {
                if let Some(party) = self.parties.get_mut(line.asker) {
                    party.open_cases += alike;
                }
                false
            }
        }
    }
}

impl Use {
    /// What a query of so many items puts on the meter.
    pub(crate) fn of(&self, items: f64) -> f64 {
        if self.by_items { self.amount * items } else { self.amount }
    }
}
