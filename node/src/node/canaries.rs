//! Canaries of this node: added, asked among the items of queries, counted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use symbolon_policy::{
    ask::Ask,
    permit::admit,
    rules::ExchangeKind,
    words::{AgencyCode, Purpose, RegisterName, SnapshotId, Timestamp},
};

use super::{
    Core, Partner, blocking, people,
    queries::{Asking, Sealed, words},
};
use crate::{
    canaries::{Canary, Drawn, Wanted, detection},
    clock,
    control::api::{CanaryLine, CanaryReach, Failure, Format, QueryTerms, Reply},
    files,
    journal::{
        Event, Side,
        log::{Collector, Period, Result as Ended},
    },
};

/// The most canaries in one register of a partner.
const MOST: usize = 10_000;
/// Shares of records that a report tells the detection of, in per cent.
const SHARES: [u32; 5] = [1, 5, 10, 50, 100];

/// What canaries are added for.
pub(super) struct Held {
    pub(super) partner: AgencyCode,
    pub(super) register: RegisterName,
    pub(super) purposes: Vec<Purpose>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

pub(super) async fn add(
    core: &Arc<Core>,
    held: Held,
    file: PathBuf,
    format: Option<Format>,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let Held { partner, register, mut purposes, from, until } = held;
        core.partner(&partner)?;
        purposes.sort_unstable();
        purposes.dedup();
        if from >= until {
            return Err(Failure::input("canaries end before they begin"));
        }
        let (people, _) = people::read(&file, format)?;
        let canaries =
            people.iter().flat_map(|person| person.identifiers.iter().map(move |one| (person, one)));
        let canaries = canaries.map(|(person, (kind, identifier))| {
            let held = (partner.clone(), register.clone(), purposes.clone());
            let name = format!("{}:{kind}", person.reference);
            Canary::new(name, (*kind, identifier), held, (from, until))
        });
        let canaries: Vec<Canary> = canaries.collect();
        let commitments = canaries.iter().map(Canary::commitment).collect::<Result<Vec<_>, _>>()?;
        core.canaries.change(|all| {
            let here = |known: &&Canary| known.partner == partner && known.register == register;
            let known: Vec<&Canary> = all.iter().filter(here).collect();
            if known.len().saturating_add(canaries.len()) > MOST {
                return Err(Failure::input(format!("more than {MOST} canaries in one register")));
            }
            let mut names: Vec<&str> = known.iter().map(|canary| canary.name.as_str()).collect();
            names.extend(canaries.iter().map(|canary| canary.name.as_str()));
            let (all_names, mut names) = (names.len(), names);
            names.sort_unstable();
            names.dedup();
            if names.len() < all_names {
                return Err(Failure::input("two canaries of one register have one name")
                    .with_help("give each a `ref` of its own; see `symbolon canary list`"));
            }
            // An entry holds some thousands of them.
            for commitments in commitments.chunks(MOST / 10) {
                let (partner, register) = (partner.clone(), register.clone());
                let commitments = commitments.to_vec();
                core.book.record(&Event::CanariesAdded { partner, register, commitments })?;
            }
            all.extend(canaries.iter().cloned());
            Ok(())
        })?;
        lines(&core)
    })
    .await
}

pub(super) async fn list(core: &Arc<Core>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || lines(&core)).await
}

fn lines(core: &Core) -> Result<Reply, Failure> {
    let line = |canary: &Canary| -> Result<CanaryLine, Failure> {
        Ok(CanaryLine {
            name: canary.name.clone(),
            partner: canary.partner.clone(),
            register: canary.register.clone(),
            purposes: canary.purposes.clone(),
            from: canary.from,
            until: canary.until,
            asked: canary.asked,
            found: canary.found,
            commitment: canary.commitment()?,
        })
    };
    let canaries = core.canaries.all()?.iter().map(line).collect::<Result<_, _>>()?;
    Ok(Reply::Canaries { canaries })
}

/// Writes what an auditor needs to know the canaries by their commitments.
pub(super) async fn open(core: &Arc<Core>, file: PathBuf) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let opened = core.canaries.all()?.iter().map(Canary::opened).collect::<Result<Vec<_>, _>>()?;
        let text = serde_json::to_vec_pretty(&opened).map_err(|e| Failure::local(e.to_string()))?;
        save(&file, &zeroize::Zeroizing::new(text))?;
        let of = if opened.len() == 1 { "1 canary".to_owned() } else { format!("{} canaries", opened.len()) };
        let text = format!("Wrote {of} with identifiers to {}; it is for an auditor alone.", file.display());
        Ok(Reply::Noted { text })
    })
    .await
}

fn save(file: &Path, text: &[u8]) -> Result<(), Failure> {
    files::write_new(file, text).map_err(|error| files::unwritable(file, &error))
}

/// Canaries for a new query: never so many that it would be refused for them, by the terms, the quotas or the rules
/// that this node knows. Another query may still spend what is left before this one is charged.
pub(super) async fn drawn(
    core: &Arc<Core>,
    partner: &Partner,
    terms: &QueryTerms,
    snapshot: Option<SnapshotId>,
    items: usize,
) -> Result<Vec<Drawn>, Failure> {
    let most = partner.agreement.terms().exact.as_ref().map_or(0, |exact| exact.largest_batch);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (core, partner, terms) = (core.clone(), partner.clone(), terms.clone());
    blocking(move || {
        let now = clock::now();
        let QueryTerms { register, purpose, .. } = &terms;
        let code = &partner.party.code;
        let wanted = Wanted { partner: code, register, purpose: *purpose, now, items, most };
        let mut drawn = core.canaries.draw(&wanted, core.config.canary_share)?;
        let mut ask = words(&core, &partner, &terms, (ExchangeKind::Exact, snapshot), 0);
        let admitted = |canaries: &usize| {
            ask.items = u32::try_from(items.saturating_add(*canaries)).unwrap_or(u32::MAX);
            admit(&partner.agreement, &ask, core.book.own(), core.book.state(), now).is_ok()
        };
        let fit = (1..=drawn.len()).rev().find(admitted).unwrap_or(0);
        drawn.truncate(fit);
        Ok(drawn)
    })
    .await
}

/// Counts the canaries of an answer; they come after what the officer asked about. The answer stands without
/// it. None is counted too: partners see how many entries the journal has.
pub(super) async fn note(core: &Arc<Core>, ask: &Ask, asking: &[Asking], hits: &[bool]) {
    let people = asking.iter().map(|(_, kinds)| kinds.len()).sum();
    let hits = hits.get(people..).unwrap_or_default();
    let (core, ask, hits) = (core.clone(), ask.clone(), hits.to_vec());
    let noted = blocking(move || {
        let names = Sealed::load(&core, &ask.query)?.canaries();
        let found: Vec<(String, bool)> = names.into_iter().zip(hits).collect();
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (asked, hit) = (small(found.len()), small(found.iter().filter(|(_, found)| *found).count()));
        core.book.record(&Event::CanariesAsked { query: ask.query, asked, found: hit })?;
        core.canaries.note((&ask.holder, &ask.register), &found)
    });
    if let Err(failure) = noted.await {
        tracing::error!(%failure, "canaries of an answer could not be counted");
    }
}

/// How likely suppression would have shown by now.
pub(super) async fn report(core: &Arc<Core>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let mut collector = Collector::new(Period { from: Timestamp::FIRST, to: Timestamp::LAST });
        let root = core.book.root()?;
        for entry in core.book.journal().entries_from(0)? {
            collector.take(&entry?.0);
        }
        let log = collector.unaudited(root);
        let log = log.ok_or_else(|| Failure::integrity("the journal has no beginning"))?;
        let mut kept: BTreeMap<(AgencyCode, RegisterName), Vec<Canary>> = BTreeMap::new();
        for canary in core.canaries.all()? {
            kept.entry((canary.partner.clone(), canary.register.clone())).or_default().push(canary);
        }
        let reach = kept.into_iter().map(|((partner, register), canaries)| {
            let since = canaries.iter().map(|canary| canary.from).min().unwrap_or(Timestamp::LAST);
            let queries = log.queries.iter().filter(|line| {
                (line.side, line.exchange) == (Side::Asker, ExchangeKind::Exact)
                    && (&line.holder, &line.register) == (&partner, &register)
                    && line.at >= since
                    && matches!(line.result, Ended::Answered { .. })
            });
            let items: u64 = queries.map(|line| u64::from(line.items)).sum();
            let asked =
                log.canaries.iter().filter(|line| (&line.partner, &line.register) == (&partner, &register));
            let (asked, found) = asked.fold((0_u64, 0_u64), |(asked, found), line| {
                (asked.saturating_add(line.asked.into()), found.saturating_add(line.found.into()))
            });
            let different = canaries.iter().filter(|canary| canary.asked > 0).count() as u64;
            let share = if items > 0 { asked as f64 / items as f64 } else { 0.0 };
            let rates = SHARES.map(|percent| {
                let suppressed = f64::from(percent) / 100.0;
                (percent, detection(share, suppressed, items), detection(1.0, suppressed, different))
            });
            let missed = canaries.iter().filter(|canary| canary.found < canary.asked);
            let missed = missed.map(|canary| canary.name.clone()).collect();
            CanaryReach { partner, register, items, asked, found, different, missed, rates: rates.into() }
        });
        Ok(Reply::CanaryReport { reach: reach.collect() })
    })
    .await
}
