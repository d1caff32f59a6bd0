//! Officers ask: whether they may, what the answer is, and who checks a hit.

use symbolon_policy::rules::ExchangeKind;

use super::{
    admit::Admitted,
    meters::Officer,
    others::Tried,
    person::uses,
    state::{Claim, DOCUMENT, IN_DOUBT, MINOR, Person, State},
};
use crate::{contract::Line, random::Draws, scenario::EventKind};

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
                // One claim is enough to ask for a return.
                let returns = event == EventKind::Return && !claimed;
                claimed |= self.ask(*place, line, person, here, draws, when, returns);
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
        self.others.spread(place, self.day);
        if self.day < self.region.warm_up {
            // Nobody asks yet, but some of those will for whom it stands.
            return false;
        }
        let alike = self.region.weight.min(1.0);
        let became = self.admit(line, officer, alike, draws.of(uses::CANARIES), when);
        let shares = match became {
            Admitted::Without | Admitted::Down => Tried::default(),
            _ => self.answered_share(place, line, became),
        };
        let Some(today) = self.today.get_mut(place) else { return false };
        if today.wished == 0.0 {
            self.touched.push(place);
        }
        today.wished += 1.0;
        today.without += f64::from(u8::from(became == Admitted::Without));
        today.down += f64::from(u8::from(became == Admitted::Down));
        today.quota += shares.quota;
        today.rules += shares.rules;
        let share = shares.admitted;
        today.canaries += share * shares.canaries;
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

    /// Which share of those for whom a person stands is answered, and what becomes of the rest.
    fn answered_share(&mut self, place: usize, line: &Line, became: Admitted) -> Tried {
        let mut shares = self.others.shares(place, became);
        let items = f64::from(line.items) + shares.canaries;
        if self.others.any() {
            let most = line.uses.iter().map(|using| {
                self.meters.left(using.meter) / (using.of(items) * self.region.weight).max(f64::MIN_POSITIVE)
            });
            let most = most.fold(shares.admitted, f64::min);
            shares.quota += shares.admitted - most;
            shares.admitted = most;
            self.answer(line, items, most * self.region.weight);
        }
        shares
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
                self.has_template(person, practice, line.holder)
                    && !draws.chance(1, practice.failure_to_acquire)
                    && !draws.chance(2, practice.fnmr)
            }
            ExchangeKind::Exact | ExchangeKind::Count => {
                here.is(DOCUMENT) && self.same_identity(person, line.asker, line.holder)
            }
        }
    }

    /// Whether a party could enrol somebody: once for a biometric, whichever practice asks.
    pub(super) fn has_template(&self, person: u32, practice: &crate::region::Share, party: usize) -> bool {
        let (own, biometric) = (self.draws.of(person.into()), practice.biometric as u64);
        let template = own.of(uses::TEMPLATE + biometric * 64 + party as u64);
        !own.of(uses::TEMPLATE).chance(biometric, practice.failure_to_enrol)
            && template.chance(0, practice.availability)
    }

    /// Whether two registrations of somebody with a document carry an equal identifier.
    pub(super) fn same_identity(&self, person: u32, a: usize, b: usize) -> bool {
        let pair = (a.min(b) * 64 + a.max(b)) as u64;
        self.draws.of(person.into()).chance(uses::IDENTITY + pair, self.region.people.same_identity)
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
