//! What a run yields month by month.

use super::state::State;
use crate::outcome::{PairTally, SeriesRow};

/// Months.
#[derive(Default)]
pub(super) struct Series {
    pub(super) rows: Vec<SeriesRow>,
    before: PairTally,
    registrations: f64,
}

impl Series {
    /// Ends a month where one ends.
    pub(super) fn day(&mut self, state: &State<'_>) {
        let text = |day: i64| {
            let second = state.region.start + day * 86_400;
            let text = symbolon_policy::words::Timestamp(second).to_string();
            text.get(..10).unwrap_or_default().to_owned()
        };
        let (today, tomorrow) = (text(state.day), text(state.day + 1));
        let month = |day: &str| day.get(..7).map(str::to_owned);
        if state.day + 1 < state.region.span && month(&today) == month(&tomorrow) {
            return;
        }
        let mut all = PairTally::default();
        state.pairs.iter().for_each(|pair| all.add(pair));
        let registrations: f64 = state.parties.iter().map(|party| party.registrations).sum();
        let mut this = self.before.clone();
        this.scale(-1.0);
        this.add(&all);
        let from = self.rows.last().map_or_else(
            || text(state.region.warm_up),
            |_| format!("{}-01", month(&today).unwrap_or_default()),
        );
        self.rows.push(SeriesRow {
            from,
            all: this,
            registrations: (registrations - self.registrations) * state.region.weight,
        });
        self.before = all;
        self.registrations = registrations;
    }
}
