//! What those ask for whom a simulated person stands: load on quotas and balances.
//!
//! Where a simulated person stands for `w`, their queries do not come at once, as they do not in truth. One is put when
//! the person comes; the `w - 1` others come on days of their own in the weeks after, at most one a day of one person if
//! the weeks are enough, each at a moment of the day that is drawn. So the queries of a day are as many, and as uneven, as in
//! truth, and each meets the node's meters as they are at its moment. How many of the last ones of a practice were admitted,
//! its own included, tells for which share of the `w` a simulated query is answered. A day on which nothing can
//! come near a limit is charged at once.

use super::{
    admit::{Admitted, SLACK},
    meters::Officer,
    person::uses,
    state::{OTHERS, State},
};
use crate::{
    contract::{Contract, Line, Numbers, Use},
    random::named,
    region::Region,
};

/// A share of a quota that is far from its end.
const HALF: f64 = 0.5;
/// Days over which the others spread at most, and the part of the run.
const DAYS: i64 = 91;
const PART: i64 = 4;
const DAY: i64 = 86_400;
/// Queries that are put together are not more than this part of any limit, and of a day's.
const FINE: f64 = 16.0;
const TOGETHER: u32 = 2;

/// Queries of others that are to come, and what became of those that came.
pub(super) struct Others {
    /// Others for each simulated person.
    beside: f64,
    /// Over how many days they spread, by line, and the most.
    days: Vec<i64>,
    most: i64,
    /// By line, and day modulo two more than `most`: by how much the simulated queries whose others come on a day are more
    /// than the day before.
    change: Vec<i32>,
    /// By line, the simulated queries whose others come today, and a part of a query that is left over.
    coming: Vec<(i32, f64)>,
    /// By line, how many that come today are not put yet, and in how many parts they are.
    today: Vec<(u32, u32)>,
    tried: Vec<Tried>,
    calm: Vec<Calm>,
    /// What one more that is tried leaves of those before: about as many count as a person stands for.
    keep: f64,
    log_keep: f64,
}

/// Queries of a line that were tried of late, and what became of them; or shares of them.
#[derive(Clone, Copy, Default)]
pub(super) struct Tried {
    pub(super) admitted: f64,
    pub(super) quota: f64,
    pub(super) rules: f64,
    /// In those that were admitted.
    pub(super) canaries: f64,
}

/// On what days it is known what becomes of every query of a line: with meters not fuller than this share, before a day.
#[derive(Clone, Copy)]
struct Calm {
    fullest: f64,
    until: i64,
    became: Admitted,
}

/// What else happens on a day.
struct Pressure {
    /// What those who come put on each meter.
    load: Vec<f64>,
    /// By asker, whether others than officers about people who came ask in its name.
    compete: Vec<bool>,
}

impl Others {
    pub(super) fn new(region: &Region, contract: &Contract) -> Self {
        let beside = (region.weight - 1.0).max(0.0);
        let longest = ((region.span - region.warm_up) / PART).clamp(1, DAYS);
        // Where they are enough, so many that no two of one person come in one period of a quota.
        let days = contract.lines.iter().map(|line| {
            let periods = line.uses.iter().filter_map(|using| contract.meters.get(using.meter));
            let period = periods.map(|meter| meter.days).min().unwrap_or(1);
            ((beside * period as f64).ceil() as i64).clamp(1, longest)
        });
        let days: Vec<i64> = days.collect();
        let most = days.iter().copied().max().unwrap_or(1);
        let change = if beside > 0.0 { days.len() * (most as usize + 2) } else { 0 };
        Self {
            beside,
            most,
            change: vec![0; change],
            coming: vec![(0, HALF); days.len()],
            today: vec![(0, 0); days.len()],
            tried: vec![Tried::default(); days.len()],
            calm: vec![Calm { fullest: 0.0, until: 0, became: Admitted::Rules }; days.len()],
            keep: beside / (beside + 1.0),
            log_keep: -libm::log1p(1.0 / beside.max(f64::MIN_POSITIVE)),
            days,
        }
    }

    /// The place of a day in a line's ring.
    fn turn(&self, day: i64) -> usize {
        usize::try_from(day).unwrap_or_default() % (self.most as usize + 2)
    }

    fn slot(&mut self, line: usize, turn: usize) -> Option<&mut i32> {
        self.change.get_mut(line * (self.most as usize + 2) + turn)
    }

    /// Whether there are others at all.
    pub(super) fn any(&self) -> bool {
        !self.change.is_empty()
    }

    /// Others of one who asks on a day come on the days after.
    pub(super) fn spread(&mut self, line: usize, day: i64) {
        let Some(days) = self.days.get(line).copied().filter(|_| self.any()) else { return };
        for (then, more) in [(day + 1, 1), (day + days + 1, -1)] {
            let turn = self.turn(then);
            if let Some(slot) = self.slot(line, turn) {
                *slot += more;
            }
        }
    }

    /// How many come on a day. Days are asked for in their order. `turn` is that of the day.
    fn due(&mut self, line: usize, day: i64, turn: usize) -> u32 {
        let change = self.slot(line, turn).map_or(0, std::mem::take);
        let (Some(days), Some((coming, left))) = (self.days.get(line), self.coming.get_mut(line)) else {
            return 0;
        };
        *coming += change;
        // On day t each of those of the last `days` days has 1 / days of its others; of fewer days before it, 1 / t, so that it has
        // its load from the beginning on.
        let many = f64::from(*coming) * self.beside / day.min(*days).max(1) as f64 + *left;
        let whole = many as u32;
        *left = many - f64::from(whole);
        whole
    }

    /// Notes what became of so many queries, with so many canaries. Each that is noted counts for the next ones with weights
    /// that add up to 1, so that shares are right on average, however uneven they are.
    fn note(&mut self, line: usize, became: Admitted, many: f64, canaries: f64) {
        let Some(tried) = self.tried.get_mut(line) else { return };
        if let Admitted::Yes(_) = became
            && tried.quota + tried.rules + tried.canaries + canaries == 0.0
        {
            // The weight does not matter where all are alike.
            tried.admitted = (tried.admitted + many).min(self.beside + 1.0);
            return;
        }
        let kept = if many == 1.0 { self.keep } else { libm::exp(many * self.log_keep) };
        let added = (1.0 - kept) / (1.0 - self.keep);
        for sum in [&mut tried.admitted, &mut tried.quota, &mut tried.rules, &mut tried.canaries] {
            *sum *= kept;
        }
        match became {
            Admitted::Yes(_) => {
                tried.admitted += added;
                tried.canaries += added / many * canaries;
            }
            Admitted::Quota => tried.quota += added,
            Admitted::Rules => tried.rules += added,
            Admitted::Without | Admitted::Down => {}
        }
    }

    fn note_one(&mut self, line: usize, became: Admitted) {
        let canaries = if let Admitted::Yes(canaries) = became { canaries.into() } else { 0.0 };
        self.note(line, became, 1.0, canaries);
    }

    /// Notes what became of a simulated query; the shares of what was tried of late, and canaries a query.
    pub(super) fn shares(&mut self, line: usize, became: Admitted) -> Tried {
        self.note_one(line, became);
        let tried = self.tried.get(line).copied().unwrap_or_default();
        let all = (tried.admitted + tried.quota + tried.rules).max(f64::MIN_POSITIVE);
        Tried {
            admitted: tried.admitted / all,
            quota: tried.quota / all,
            rules: tried.rules / all,
            canaries: tried.canaries / tried.admitted.max(f64::MIN_POSITIVE),
        }
    }
}

impl State<'_> {
    /// Puts the queries of others that come today: at once where no limit is near, else each at its moment.
    pub(super) fn others_of_the_day(&mut self) {
        if !self.others.any() {
            return;
        }
        let contract = self.contract;
        let mut due: Vec<(usize, &Line, u32)> = Vec::new();
        let turn = self.others.turn(self.day);
        for (place, line) in contract.lines.iter().enumerate() {
            let many = self.others.due(place, self.day, turn);
            if many > 0 && line.pact.is_some() && self.day >= self.region.warm_up {
                due.push((place, line, many));
            }
        }
        let mut pressure = Pressure {
            load: vec![0.0; contract.meters.len()],
            compete: (0..self.n).map(|asker| self.others_compete(asker)).collect(),
        };
        for (_, line, many) in &due {
            for using in &line.uses {
                if let Some(load) = pressure.load.get_mut(using.meter) {
                    *load += f64::from(*many) * using.of(f64::from(line.items) * (1.0 + line.canary_odds));
                }
            }
        }
        let today = self.day * DAY;
        for (place, line, many) in due {
            let closed = [today, today + DAY - 1].map(|when| self.closed(line, when).is_some());
            if closed == [true, true] {
                continue;
            }
            let draws = self.draws.of(named("others")).of(place as u64).of(self.day as u64);
            let alike =
                if closed == [false, false] { self.all_alike(place, line, many, &pressure) } else { None };
            match alike {
                Some(Admitted::Yes(_)) => {
                    let drawn = f64::from(many * line.items) * line.canary_odds;
                    let canaries = (drawn + draws.unit(uses::CANARIES)).floor();
                    let items = f64::from(line.items) + canaries / f64::from(many);
                    self.charge(line, Officer::Any(0.0), items, f64::from(many));
                    self.others.note(place, Admitted::Yes(0), f64::from(many), canaries);
                }
                Some(refused) => self.others.note(place, refused, f64::from(many), 0.0),
                None => {
                    let parts = self.parts(line, many);
                    if let Some(today) = self.others.today.get_mut(place) {
                        *today = (many, parts);
                    }
                    for one in 0..u64::from(parts) {
                        let second = (draws.of(one).unit(uses::OTHERS) * DAY as f64) as i64;
                        self.plan_early(u32::try_from(place).unwrap_or(u32::MAX), OTHERS, second);
                    }
                }
            }
        }
    }

    /// In how many parts so many queries of a line are put: near a small limit one by one, for a large one together, so that
    /// the work does not grow with the number of persons that one stands for.
    fn parts(&self, line: &Line, many: u32) -> u32 {
        let fits = |using: &Use| {
            let meter = self.contract.meters.get(using.meter)?;
            Some(meter.limit / using.of(line.items.into()).max(f64::MIN_POSITIVE) / FINE)
        };
        let together = line.uses.iter().filter_map(fits).fold(f64::INFINITY, f64::min).floor().max(1.0);
        // No more than `many`, and at least one.
        let parts = (f64::from(many) / together).ceil() as u32;
        parts.max(many.min(TOGETHER))
    }

    /// What becomes of every query of a line today, if it is the same whatever comes before it: a quota is spent already, or all
    /// have twice the load of the day left, and rules decide the last query as the first.
    fn all_alike(&mut self, place: usize, line: &Line, many: u32, pressure: &Pressure) -> Option<Admitted> {
        if line.by_officer {
            return None;
        }
        let mut fullest = 0.0_f64;
        let mut unused = true;
        for using in &line.uses {
            let (meter, amount) =
                (self.meters.of(using.meter, Officer::Any(0.0))?, using.of(line.items.into()));
            if meter.spent + amount > meter.limit + SLACK {
                return Some(Admitted::Quota);
            }
            let load = pressure.load.get(using.meter).copied().unwrap_or(0.0);
            let most = meter.spent + 2.0 * load + amount;
            fullest = fullest.max(most / meter.limit.max(f64::MIN_POSITIVE));
            unused &= meter.spent == 0.0;
        }
        if fullest > 1.0
            || pressure.compete.get(line.asker) == Some(&true)
            || (line.canary_odds > 0.0 && line.largest < line.items.saturating_mul(2))
        {
            return None;
        }
        let known = self.others.calm.get(place).copied();
        let known = known.filter(|known| fullest <= known.fullest && self.day < known.until);
        if let Some(known) = known {
            return Some(known.became);
        }
        // What holds for meters from nothing to half full, or as full as they get today, holds on other days.
        let tables = line.tables.iter().filter_map(|table| self.contract.tables.get(*table));
        let days = tables.map(|table| if unused { table.lasts() } else { 0 }).min().unwrap_or(0);
        let ahead = 2.0 * f64::from(many) * f64::from(line.items) * days.clamp(1, DAYS) as f64;
        let shares = [HALF.max(fullest), fullest];
        let (fullest, became) = shares.into_iter().find_map(|share| {
            let became = self.decided_alike(line, share, ahead)?;
            Some((share, became))
        })?;
        if let Some(calm) = self.others.calm.get_mut(place) {
            *calm = Calm { fullest, until: self.day.saturating_add(days), became };
        }
        Some(became)
    }

    /// What rules say of every query of a line until a meter is full to this share, and so many items are answered either way, if
    /// it is the same.
    fn decided_alike(&self, line: &Line, fullest: f64, ahead: f64) -> Option<Admitted> {
        let (today, items) = (self.day * DAY, f64::from(line.items));
        let most = line.uses.iter().filter_map(|using| {
            let meter = self.meters.of(using.meter, Officer::Any(0.0))?;
            Some((fullest * meter.limit - meter.spent) / using.of(items).max(f64::MIN_POSITIVE))
        });
        let most = most.fold(f64::INFINITY, f64::min).max(1.0);
        let first = self.numbers(line, Officer::Any(0.0), items, 1.0, today);
        let last = self.numbers(line, Officer::Any(0.0), items, most, today + DAY - 1);
        // With as many canaries as there can be.
        let largest = if line.canary_odds > 0.0 { line.items.saturating_mul(2) } else { line.items };
        let ends = [(ahead, 0.0), (0.0, ahead), (ahead, ahead)].map(|(given, received)| Numbers {
            given: last.given + given,
            received: last.received + received,
            items: largest,
            ..last
        });
        let mut became = Some(Admitted::Yes(0));
        for table in line.tables.iter().filter_map(|table| self.contract.tables.get(*table)) {
            let alike = ends.iter().all(|end| table.alike(&first, end));
            if alike && !table.permits(&first) {
                return Some(Admitted::Rules);
            }
            became = became.filter(|_| alike);
        }
        became
    }

    /// Whether today others than officers about people who came ask in the name of a party.
    fn others_compete(&self, asker: usize) -> bool {
        self.counts_due(asker) || self.wrong_asks_for(asker)
    }

    /// Queries of others of one part of a day, at its moment: all of them, or as many as a quota has left.
    pub(super) fn other(&mut self, place: usize, when: i64) {
        let contract = self.contract;
        let Some(line) = contract.lines.get(place) else { return };
        let draws = self.draws.of(named("another")).of(place as u64).of(when as u64);
        let officer = Officer::Any(if line.by_officer { draws.unit(uses::OFFICER) } else { 0.0 });
        let Some((left, parts)) = self.others.today.get_mut(place) else { return };
        let many = left.div_ceil((*parts).max(1));
        (*left, *parts) = (left.saturating_sub(many), parts.saturating_sub(1));
        let mut rest = f64::from(many);
        let draws = draws.of(uses::CANARIES);
        let mut became = self.admit(line, officer, rest, draws, when);
        if became == Admitted::Quota && many > 1 {
            let fits = self.fitting(line, officer).min(rest);
            if fits >= 1.0 {
                became = self.admit(line, officer, fits, draws, when);
                if let Admitted::Yes(canaries) = became {
                    self.others.note(place, became, fits, f64::from(canaries) * fits);
                    (rest, became) = (rest - fits, Admitted::Quota);
                }
            }
        }
        if rest >= 1.0 {
            let canaries = if let Admitted::Yes(canaries) = became { f64::from(canaries) } else { 0.0 };
            self.others.note(place, became, rest, canaries * rest);
        }
    }

    /// How many queries of a line, without canaries, its quotas have left.
    fn fitting(&self, line: &Line, officer: Officer) -> f64 {
        let left = line.uses.iter().filter_map(|using| {
            let meter = self.meters.of(using.meter, officer)?;
            Some((meter.limit - meter.spent + SLACK) / using.of(line.items.into()).max(f64::MIN_POSITIVE))
        });
        left.fold(f64::INFINITY, f64::min).floor()
    }
}
