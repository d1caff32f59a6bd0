//! What partners may begin: one preparation at a time each, and so many a day.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use symbolon_policy::{
    permit::{Refusal, RefusalCode},
    words::{AgencyCode, Timestamp},
};

/// Preparations that one partner may begin in a day. Each costs about as much as a match, and is not charged.
pub(crate) const A_DAY: u32 = 200;

#[derive(Debug, Default)]
struct Begun {
    day: i64,
    count: u32,
    now: bool,
}

/// Who began how many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<AgencyCode, Begun>>>);

/// The one preparation that is made with a partner now.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    partner: AgencyCode,
}

impl Turns {
    /// Counts a preparation that begins.
    ///
    /// # Errors
    /// The [`Refusal`] if one is under way with this partner, or there were as many as may be today.
    pub(crate) fn begin(&self, partner: &AgencyCode, now: Timestamp) -> Result<Turn, Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = all.entry(partner.clone()).or_default();
        let today = now.period(Timestamp::DAY);
        if begun.day != today {
            (begun.day, begun.count) = (today, 0);
        }
        if begun.now {
            return Err(Refusal::new(RefusalCode::Busy, "another preparation is under way"));
        }
        if begun.count >= A_DAY {
            let text = format!("at most {A_DAY} matches a day are prepared with one partner");
            return Err(Refusal::new(RefusalCode::NotPrepared, text));
        }
        begun.count = begun.count.saturating_add(1);
        begun.now = true;
        Ok(Turn { turns: self.clone(), partner: partner.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(begun) = all.get_mut(&self.partner) {
            begun.now = false;
        }
    }
}
