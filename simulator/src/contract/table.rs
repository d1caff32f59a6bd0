//! Decisions on the queries of one line, each asked of the rules once.
//!
//! A query of a line differs from another only in numbers: what is used and left of quotas, what was given and
//! received, and the time. Rules compare them with some numbers ([`Rulebook::cuts`]), and two queries between the same
//! of these are decided alike; so the first query of a cell is put to the rules and the others get its decision.
//! Where rules compute with numbers, or have too many, every query is put to them.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use symbolon_policy::{
    ask::Ask,
    rules::{AskContext, Attribute},
    words::{Modality, Timestamp},
};

use crate::shelf::Book;

/// Cells of one table at most.
const MOST_CELLS: usize = 1 << 16;
const UNKNOWN: u8 = 0;
const REFUSED: u8 = 1;
const PERMITTED: u8 = 2;

/// The numbers of one query.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) quota_used: f64,
    pub(crate) quota_limit: f64,
    /// Used of the officer's own quota, and its limit, if there is one.
    pub(crate) officer: Option<(f64, f64)>,
    /// Given and received, as the holder counts.
    pub(crate) given: f64,
    pub(crate) received: f64,
    pub(crate) now: i64,
    pub(crate) items: u32,
}

/// Decisions on one line, by one side's rules.
pub(crate) struct Table {
    book: Arc<Book>,
    context: AskContext,
    dimensions: Vec<(Attribute, Vec<i64>)>,
    /// Empty where every query is put to the rules.
    cells: Vec<AtomicU8>,
}

impl Table {
    pub(crate) fn new(book: Arc<Book>, ask: &Ask, modality: Option<Modality>) -> Self {
        let cuts = &book.cuts;
        let grows = !matches!(ask.exchange, symbolon_policy::rules::ExchangeKind::Match);
        let dimensions: Vec<(Attribute, Vec<i64>)> = cuts
            .numbers
            .iter()
            .filter(|(attribute, _)| !matches!(attribute, Attribute::Approvals))
            // The items of a line are always the same, but for counts and for canaries.
            .filter(|(attribute, _)| grows || **attribute != Attribute::BatchSize)
            .map(|(attribute, cuts)| (*attribute, cuts.clone()))
            .collect();
        let size =
            dimensions.iter().try_fold(1_usize, |size, (_, cuts)| size.checked_mul(2 * cuts.len() + 1));
        let size = size.filter(|size| *size <= MOST_CELLS && !cuts.computes).unwrap_or(0);
        let context = AskContext {
            asker: ask.asker.clone(),
            officer: ask.officer.clone(),
            holder: ask.holder.clone(),
            register: ask.register.clone(),
            exchange: ask.exchange,
            modality,
            purpose: ask.purpose,
            legal_basis: ask.basis,
            case_reference: ask.case.is_some(),
            batch_size: ask.items,
            quota_used: 0,
            quota_limit: 0,
            officer_used: 0,
            officer_left: -1,
            reciprocity: 0,
            balance: 0,
            // Nobody claims here, so no hit is ever due.
            unexplained: 0,
            now: Timestamp(0),
        };
        Self { book, context, dimensions, cells: (0..size).map(|_| AtomicU8::new(UNKNOWN)).collect() }
    }

    /// Whether the rules permit a query.
    pub(crate) fn permits(&self, numbers: &Numbers) -> bool {
        let Some(cell) = self.place(numbers).and_then(|place| self.cells.get(place)) else {
            return self.ask(numbers);
        };
        match cell.load(Ordering::Relaxed) {
            UNKNOWN => {
                // Threads that come at once find the same.
                let permits = self.ask(numbers);
                cell.store(if permits { PERMITTED } else { REFUSED }, Ordering::Relaxed);
                permits
            }
            found => found == PERMITTED,
        }
    }

    /// Whether two queries are decided alike, and all between them.
    pub(crate) fn alike(&self, first: &Numbers, last: &Numbers) -> bool {
        self.place(first).is_some_and(|place| self.place(last) == Some(place))
    }

    /// For how many days what is decided today is decided alike if quotas are used alike: balances move slowly.
    pub(crate) fn lasts(&self) -> i64 {
        let each = self.dimensions.iter().map(|(attribute, _)| match attribute {
            Attribute::Hour | Attribute::Weekday | Attribute::Now => 0,
            Attribute::Reciprocity | Attribute::Balance => 7,
            _ => i64::MAX,
        });
        each.min().unwrap_or(i64::MAX)
    }

    /// The cell of a query; none where every query is put to the rules.
    fn place(&self, numbers: &Numbers) -> Option<usize> {
        if self.cells.is_empty() {
            return None;
        }
        let mut place = 0;
        for (attribute, cuts) in &self.dimensions {
            let value = numbers.value(*attribute);
            let below = cuts.partition_point(|cut| *cut < value);
            let on = usize::from(cuts.get(below) == Some(&value));
            place = place * (2 * cuts.len() + 1) + 2 * below + on;
        }
        Some(place)
    }

    fn ask(&self, numbers: &Numbers) -> bool {
        self.book.rules.ask(&numbers.fill(&self.context)).permitted
    }

    /// What Cedar itself says.
    #[cfg(test)]
    pub(crate) fn consult(&self, numbers: &Numbers) -> bool {
        self.book
            .rules
            .consult(symbolon_policy::rules::Request::Query(&numbers.fill(&self.context)))
            .permitted
    }

    /// Queries with every number at, just below and just above every cut.
    #[cfg(test)]
    pub(crate) fn points(&self) -> Vec<Numbers> {
        let monday = crate::calendar::first_second("2022-01-03").unwrap_or_default();
        let blank = Numbers { now: monday, items: self.context.batch_size, ..Numbers::default() };
        let mut points = vec![blank];
        for (attribute, cuts) in &self.dimensions {
            let values: Vec<i64> = cuts.iter().flat_map(|cut| [cut - 1, *cut, cut + 1]).collect();
            let each =
                points.iter().flat_map(|point| values.iter().map(|value| point.put(*attribute, *value)));
            points = each.flatten().collect();
        }
        points
    }
}

impl Numbers {
    /// The nearest whole number, halves away from zero. A cast is an instruction where `round` is a call.
    fn whole(number: f64) -> i64 {
        (number + 0.5_f64.copysign(number)) as i64
    }

    fn left(used: f64, limit: f64) -> i64 {
        let most = i64::from(u32::MAX);
        Self::whole(limit - used).clamp(-most, most)
    }

    fn small(number: f64) -> u32 {
        u32::try_from(Self::whole(number).max(0)).unwrap_or(u32::MAX)
    }

    /// As the policy's own account of a balance has it, per mille.
    fn reciprocity(&self) -> i16 {
        let [given, received] = [self.given, self.received].map(|items| Self::whole(items).unsigned_abs());
        symbolon_policy::quota::Balance { given, received }.reciprocity()
    }

    fn balance(&self) -> i64 {
        let most = i64::from(u32::MAX);
        Self::whole(self.given).saturating_sub(Self::whole(self.received)).clamp(-most, most)
    }

    /// The value of an attribute; of one that is no number of a query, 0.
    fn value(&self, attribute: Attribute) -> i64 {
        let now = Timestamp(self.now);
        match attribute {
            Attribute::QuotaUsed => Self::small(self.quota_used).into(),
            Attribute::QuotaLeft => {
                i64::from(Self::small(self.quota_limit)) - i64::from(Self::small(self.quota_used))
            }
            Attribute::OfficerUsed => self.officer.map_or(0, |(used, _)| Self::small(used).into()),
            Attribute::OfficerLeft => self.officer.map_or(-1, |(used, limit)| Self::left(used, limit)),
            Attribute::Reciprocity => self.reciprocity().into(),
            Attribute::Balance => self.balance(),
            Attribute::BatchSize => self.items.into(),
            Attribute::Hour => now.period(Timestamp::HOUR).rem_euclid(24),
            Attribute::Weekday => (now.period(Timestamp::DAY).rem_euclid(7) + 3).rem_euclid(7) + 1,
            Attribute::Now => self.now,
            _ => 0,
        }
    }

    /// The same with another value of an attribute, where there can be such a query.
    #[cfg(test)]
    fn put(&self, attribute: Attribute, value: i64) -> Option<Self> {
        let mut put = *self;
        match attribute {
            Attribute::QuotaUsed => (put.quota_used, put.quota_limit) = (value.max(0) as f64, 1e6),
            Attribute::QuotaLeft => (put.quota_used, put.quota_limit) = (100.0, (100 + value).max(0) as f64),
            Attribute::OfficerUsed => put.officer = Some((value.max(0) as f64, 1e6)),
            Attribute::OfficerLeft => put.officer = Some((100.0, (100 + value).max(0) as f64)),
            // (g - r) / (g + r) per mille.
            Attribute::Reciprocity => {
                (put.given, put.received) = ((1_000 + value).max(0) as f64, (1_000 - value).max(0) as f64);
            }
            Attribute::Balance => (put.given, put.received) = (put.received + value as f64, put.received),
            Attribute::BatchSize => put.items = u32::try_from(value).ok()?,
            Attribute::Hour if (0..24).contains(&value) => {
                put.now = put.now / 86_400 * 86_400 + value * 3_600
            }
            Attribute::Now => put.now = value,
            _ => return None,
        }
        Some(put)
    }

    fn fill(&self, context: &AskContext) -> AskContext {
        AskContext {
            quota_used: Self::small(self.quota_used),
            quota_limit: Self::small(self.quota_limit),
            officer_used: self.officer.map_or(0, |(used, _)| Self::small(used)),
            officer_left: self.officer.map_or(-1, |(used, limit)| Self::left(used, limit)),
            reciprocity: self.reciprocity(),
            balance: self.balance(),
            now: Timestamp(self.now),
            batch_size: if self.items == 0 { context.batch_size } else { self.items },
            ..context.clone()
        }
    }
}
