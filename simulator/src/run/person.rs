//! People: they come, are registered or not, stay a while, and go on.
//!
//! A semi-Markov walk: the next place depends on the present one alone, the stay is exponential with the party's
//! mean. All draws are by person and event, so the same person walks the same way under every proposal until an
//! answer sends it back.

use symbolon_policy::words::Category;

use super::state::{
    CAME, COUNT, DOCUMENT, IN_DOUBT, MINOR, NOWHERE, OTHERS, PLANS, Person, RETURN, RETURNED, Record,
    Returning, State, VULNERABLE, WRONG,
};
use crate::{
    random::Draws,
    region::{Region, class_place, event},
    scenario::EventKind,
};

/// What a draw is for.
pub(super) mod uses {
    pub(crate) const ENTRY_TIME: u64 = 1;
    pub(crate) const ENTRY_PLACE: u64 = 2;
    pub(crate) const AGE: u64 = 3;
    pub(crate) const VULNERABLE: u64 = 4;
    pub(crate) const DOCUMENT: u64 = 5;
    pub(crate) const REGISTERED: u64 = 10;
    pub(crate) const ASYLUM: u64 = 11;
    pub(crate) const STAY: u64 = 12;
    pub(crate) const WAY: u64 = 13;
    pub(crate) const OWN: u64 = 14;
    pub(crate) const CONTESTED: u64 = 15;
    pub(crate) const BLOCKED: u64 = 16;
    pub(crate) const WANTED: u64 = 17;
    pub(crate) const TAKEN_BACK: u64 = 18;
    pub(crate) const OFFICER: u64 = 19;
    pub(crate) const REFUSED: u64 = 20;
    /// Pieces of work of those for whom a person stands.
    pub(crate) const ALIKE: u64 = 21;
    /// Canaries of a query.
    pub(crate) const CANARIES: u64 = 22;
    /// When those ask for whom a person stands.
    pub(crate) const OTHERS: u64 = 23;
    /// One for each practice and holder, above the others.
    pub(crate) const QUERY: u64 = 1_000;
    /// One for each two parties: whether identifiers agree.
    pub(crate) const IDENTITY: u64 = 1_000_000;
    /// One for each biometric and party: whether a template is there.
    pub(crate) const TEMPLATE: u64 = 2_000_000;
    /// Two for each practice: whether a probe of a self check can be taken, and agrees.
    pub(crate) const PROBE: u64 = 3_000_000;
}

const DAY: i64 = 86_400;

/// A plan in one word, in order of time.
fn key(second: i64, what: u32, plan: u8) -> u64 {
    (second as u64) << 40 | u64::from(what) << 8 | u64::from(plan)
}

impl State<'_> {
    /// Plans everybody's coming: at a uniform moment of the whole span.
    pub(super) fn enter(&mut self) {
        let seconds = (self.region.span * DAY) as f64;
        for person in 0..self.region.persons {
            let draws = self.draws.of(person.into());
            let when = (draws.unit(uses::ENTRY_TIME) * seconds) as i64;
            let Some((place, _)) = Region::step(&self.region.entry, draws.unit(uses::ENTRY_PLACE)) else {
                continue;
            };
            let shares = &self.region.people;
            let age = draws.unit(uses::AGE);
            let mut flags = 0;
            if age < shares.minors {
                flags |= MINOR;
            } else if age < shares.minors + shares.age_in_doubt {
                flags |= IN_DOUBT;
            }
            if draws.chance(uses::VULNERABLE, shares.vulnerable) {
                flags |= VULNERABLE;
            }
            if draws.chance(uses::DOCUMENT, shares.documents) {
                flags |= DOCUMENT;
            }
            if let Some(slot) = self.people.get_mut(person as usize) {
                *slot = Person { place, previous: NOWHERE, flags, plan: 0, events: 0 };
            }
            self.plan(person, 0, when);
        }
    }

    /// Plans a move at a second since the start; beyond the end nothing happens.
    pub(super) fn plan(&mut self, person: u32, plan: u8, when: i64) {
        let (day, second) = (when.div_euclid(DAY), when.rem_euclid(DAY));
        let key = key(second, person, plan);
        let today = self.day;
        let Some(moves) = usize::try_from(day).ok().and_then(|day| self.moves.get_mut(day)) else { return };
        if day == today && !moves.is_empty() {
            // The rest of today is in descending order (see below).
            let place = moves.partition_point(|other| *other > key);
            moves.insert(place, key);
        } else {
            moves.push(key);
        }
    }

    /// Plans something for a second of today, before the day has begun.
    pub(super) fn plan_early(&mut self, what: u32, plan: u8, second: i64) {
        if let Some(moves) = usize::try_from(self.day).ok().and_then(|day| self.moves.get_mut(day)) {
            moves.push(key(second, what, plan));
        }
    }

    /// Lets everybody come, and every query be put, whose moment is today, in order of time.
    pub(super) fn moves_of_the_day(&mut self) {
        let Some(moves) = usize::try_from(self.day).ok().and_then(|day| self.moves.get_mut(day)) else {
            return;
        };
        moves.sort_unstable_by(|a, b| b.cmp(a));
        loop {
            let next =
                usize::try_from(self.day).ok().and_then(|day| self.moves.get_mut(day)).and_then(Vec::pop);
            let Some(key) = next else { break };
            let (second, person, plan) =
                ((key >> 40) as i64, (key >> 8 & 0xFFFF_FFFF) as u32, (key & 0xFF) as u8);
            let when = self.day * DAY + second;
            match plan {
                RETURN => self.take_back(person, when),
                OTHERS => self.other(person as usize, when),
                WRONG => self.wrong_query(person.into(), when),
                COUNT => self.counts_of_the_day(when),
                _ if self.people.get(person as usize).is_some_and(|known| known.plan == plan) => {
                    self.come(person, when);
                }
                _ => {}
            }
        }
        if let Some(moves) = usize::try_from(self.day).ok().and_then(|day| self.moves.get_mut(day)) {
            *moves = Vec::new();
        }
    }

    /// Somebody comes to a party.
    fn come(&mut self, person: u32, when: i64) {
        let Some(here) = self.people.get(person as usize).copied() else { return };
        let place = usize::from(here.place);
        let Some(party) = self.region.parties.get(place) else {
            // It leaves the region: whoever wanted to return it comes too late.
            if let Some(slot) = self.people.get_mut(person as usize) {
                slot.events += 1;
            }
            return;
        };
        let draws = self.draws.of(person.into()).of(u64::from(here.events) + 100);
        let counted = self.day >= self.region.warm_up;
        let returned = here.is(RETURNED);
        let registered = returned || draws.chance(uses::REGISTERED, party.register_p);
        let asylum = registered && !returned && draws.chance(uses::ASYLUM, self.region.people.asylum);
        if counted {
            self.total.persons += f64::from(u8::from(!here.is(CAME)));
            if let Some(slot) = self.people.get_mut(person as usize) {
                slot.flags |= CAME;
            }
            self.total.moves += f64::from(u8::from(here.events > 0));
            self.total.registrations += f64::from(u8::from(registered));
            self.total.returned += f64::from(u8::from(returned));
            if let Some(tally) = self.parties.get_mut(place) {
                tally.arrivals += 1.0;
                tally.registrations += f64::from(u8::from(registered));
            }
        }
        if counted || self.others.any() {
            self.ask_at(event(registered, asylum), person, here, draws, when, None);
        }
        if registered {
            let category = match (returned, asylum) {
                (true, _) => Category::Readmitted,
                (_, true) => Category::AsylumApplicant,
                _ => Category::IrregularCrossing,
            };
            self.register(person, here, place, category, draws);
        }
        let wanted = registered && !asylum && !returned && counted;
        if wanted && self.region.readmission.is_some_and(|returns| draws.chance(uses::WANTED, returns.wanted))
        {
            self.want_back(person, here, draws, when);
        }
        self.go_on(person, here, draws, when);
    }

    /// Plans the next move, to another party or out of the region.
    fn go_on(&mut self, person: u32, here: Person, draws: Draws, when: i64) {
        let stay = self.region.parties.get(usize::from(here.place)).map_or(1.0, |party| party.sojourn);
        let seconds = ((stay * 86_400.0 * draws.exponential(uses::STAY)) as i64).max(1);
        let way = self.way(here.place, draws.unit(uses::WAY));
        let Some(slot) = self.people.get_mut(person as usize) else { return };
        slot.events += 1;
        slot.flags &= !RETURNED;
        slot.plan = (slot.plan + 1) % PLANS;
        slot.previous = here.place;
        slot.place = way.map_or(NOWHERE, |(to, _)| to);
        let plan = slot.plan;
        self.plan(person, plan, when + seconds);
    }

    /// Writes a record, in the place of an older one of the same person.
    fn register(&mut self, person: u32, here: Person, place: usize, category: Category, draws: Draws) {
        let (Some(party), shares) = (self.region.parties.get(place), &self.region.people) else { return };
        let flags = [
            draws.chance(uses::OWN, party.own_citizens),
            here.is(VULNERABLE),
            draws.chance(uses::BLOCKED, shares.blocked),
            draws.chance(uses::CONTESTED, shares.contested),
        ];
        let class = class_place(category, here.age(), flags);
        let retention = party.retention;
        let Some(slot) = self.records.get_mut(person as usize * self.n + place) else { return };
        let old = std::mem::replace(slot, Record::new(self.day, class));
        if old.lives(self.day, retention) {
            self.slices.change(place, old.class(), -1);
            self.end_later(place, old.class(), old.day() + retention, -1);
        }
        self.slices.change(place, class.into(), 1);
        self.end_later(place, class.into(), self.day + retention, 1);
    }

    fn end_later(&mut self, place: usize, class: usize, day: i64, by: i64) {
        if day < self.region.span {
            *self.ends.entry(day).or_default().entry((place, class)).or_default() += by;
        }
    }

    /// Somebody is to be returned to where it was before.
    fn want_back(&mut self, person: u32, here: Person, draws: Draws, when: i64) {
        if here.previous == NOWHERE || here.previous == here.place {
            return;
        }
        let (from, to) = (usize::from(here.place), usize::from(here.previous));
        let claimed = self.ask_at(EventKind::Return, person, here, draws, when, Some(to));
        if !claimed {
            let row = self.known.get(person as usize * self.n + from).copied().unwrap_or_default();
            let hit = row.hit >> to & 1 == 1;
            self.decide_return(person, here.events + 1, (from, to), (hit, false), when);
        }
    }

    /// Whether the party where somebody was before takes it back. It is returned some days later if it is still
    /// there, that is, if it has had no more events than `events` then.
    pub(super) fn decide_return(
        &mut self,
        person: u32,
        events: u32,
        (from, to): (usize, usize),
        (hit, case): (bool, bool),
        when: i64,
    ) {
        let Some(returns) = self.region.readmission else { return };
        let chance = match (case, hit) {
            (true, _) => returns.with_case,
            (false, true) => returns.with_hit,
            (false, false) => returns.without,
        };
        if let Some(pair) = self.pairs.get_mut(from * self.n + to) {
            pair.returns_asked += self.region.weight;
        }
        let draws = self.draws.of(person.into()).of(u64::from(events) + 99);
        if draws.chance(uses::TAKEN_BACK, chance) {
            let when = when + returns.seconds;
            self.returning.insert(person, Returning { events, from, to, when });
            self.plan(person, RETURN, when);
        }
    }

    /// Takes somebody back, if it is still there.
    fn take_back(&mut self, person: u32, when: i64) {
        // One planned earlier, from where it is no more, does not bring forward a later one.
        let planned = self.returning.get(&person).copied().filter(|planned| planned.when == when);
        let Some(Returning { events, from, to, .. }) = planned else { return };
        self.returning.remove(&person);
        let Some(slot) = self.people.get_mut(person as usize).filter(|slot| slot.events == events) else {
            return;
        };
        slot.previous = u8::try_from(from).unwrap_or(NOWHERE);
        slot.place = u8::try_from(to).unwrap_or(NOWHERE);
        slot.plan = (slot.plan + 1) % PLANS;
        slot.flags |= RETURNED;
        if let Some(pair) = self.pairs.get_mut(from * self.n + to) {
            pair.returns_taken += self.region.weight;
        }
        self.come(person, when);
    }
}
