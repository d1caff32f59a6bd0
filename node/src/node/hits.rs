//! Hits of own queries of which nothing became yet.

use std::{collections::BTreeMap, sync::Arc};

use symbolon_policy::{officer::SignedAct, words::QueryId};

use super::{Core, blocking, queries::Sealed};
use crate::{
    clock,
    control::api::{Failure, HitLine, OfficerHits, OpenHits, Reply},
    journal::Side,
    verification,
};

/// Lists them, the most urgent first.
pub(super) async fn list(core: &Arc<Core>, only_overdue: bool) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let (now, officers) = (clock::now(), core.book.state().officers()?);
        let mut lines = Vec::new();
        for hits in core.book.state().hits()? {
            let (items, overdue) = (hits.open(), hits.is_overdue(now));
            if items.is_empty() || (only_overdue && !overdue) {
                continue;
            }
            let judged = core.book.state().judged(&hits.query)?;
            let counts =
                |act: &&SignedAct| officers.iter().any(|officer| verification::counts(act, officer, now));
            let words: Vec<_> = judged.iter().filter(counts).collect();
            let query = core.book.state().query(Side::Asker, &hits.query)?;
            let query = query.ok_or_else(|| Failure::integrity("the query of a hit is not there"))?;
            lines.push(HitLine {
                hits: named(&core, &hits.query, &items).into_iter().map(|(_, name)| name).collect(),
                exchange: query.ask.exchange,
                case: Sealed::load(&core, &hits.query).ok().and_then(|sealed| sealed.case()),
                verified_by: items.iter().map(|item| verification::last_same(&words, *item)).collect(),
                query: hits.query,
                holder: hits.holder,
                officer: hits.officer,
                answered_at: hits.answered_at,
                due: hits.due,
                overdue,
                items,
            });
        }
        lines.sort_by_key(|line| (line.due.is_none(), line.due, line.query));
        Ok(Reply::Hits { hits: lines })
    })
    .await
}

/// Places of hits beside what `hit verify` calls them, as far as the sealed copy of the query tells.
pub(super) fn named(core: &Core, query: &QueryId, items: &[u32]) -> Vec<(u32, String)> {
    let Ok(asked) = Sealed::load(core, query) else { return Vec::new() };
    let people = asked.people();
    let places: Vec<_> =
        people.iter().flat_map(|(person, kinds)| kinds.iter().map(move |kind| (person, kind))).collect();
    let place = |item: &u32| {
        let (person, kind) = places.get(usize::try_from(*item).ok()?)?;
        Some((*item, format!("{person}:{kind}")))
    };
    items.iter().filter_map(place).collect()
}

/// How many there are, by officer.
pub(super) fn open(core: &Core) -> Result<OpenHits, Failure> {
    let now = clock::now();
    let mut officers: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for hits in core.book.state().hits()? {
        let count = hits.open().len() as u64;
        if count == 0 {
            continue;
        }
        let overdue = if hits.is_overdue(now) { count } else { 0 };
        let sums = officers.entry(hits.officer).or_default();
        *sums = (sums.0.saturating_add(count), sums.1.saturating_add(overdue));
    }
    let officers: Vec<_> = officers
        .into_iter()
        .map(|(officer, (open, overdue))| OfficerHits { officer, open, overdue })
        .collect();
    let sum = |of: fn(&OfficerHits) -> u64| officers.iter().map(of).fold(0, u64::saturating_add);
    Ok(OpenHits { open: sum(|line| line.open), overdue: sum(|line| line.overdue), officers })
}
