//! An opening against the journals of asker and holder: what they show of it, and what they do not.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use symbolon_policy::{
    agreement::Terms,
    ask::Ask,
    rules::ExchangeKind,
    signing::{self, PublicKey},
    words::{AgencyCode, Digest},
};

use super::{Opening, asked::Asked, file_digest};
use crate::{
    journal::{
        Side,
        audit::{
            evidence::Problem,
            opened::{OpenedOnce, Told, Words},
        },
    },
    keys,
};

/// What an opening shows. It holds what was asked: personal data.
#[derive(Serialize)]
pub(crate) struct Verdict {
    /// The words of the query, as the file has them.
    ask: Ask,
    /// The case reference.
    case: Option<String>,
    /// What is opened; nothing if no journal has the agreement, or the file does not fit it.
    asked: Option<Asked>,
    /// The keys that signatures were checked against. People compare them.
    keys: BTreeMap<AgencyCode, PublicKey>,
    /// What is shown, in words, if nothing is wrong.
    shows: Vec<String>,
    /// What these journals do not show.
    limits: Vec<String>,
    /// What does not stand, or departs from what was agreed.
    problems: Vec<Problem>,
}

/// Checks an opening. `sealed` is the file as it came, `journals` are exports that were read, and `known` keys that
/// whoever checks has from elsewhere.
pub(crate) fn check(
    opening: &Opening,
    sealed: &[u8],
    journals: &[Told],
    known: &BTreeMap<AgencyCode, PublicKey>,
) -> Verdict {
    let mut check = Check { opening, shows: Vec::new(), limits: Vec::new(), problems: Vec::new() };
    let terms = journals.iter().find_map(|told| told.terms.as_ref());
    let keys = terms.map(|terms| check.keys(terms, known)).unwrap_or_default();
    check.words(journals, &keys);
    let asked = match terms {
        None => {
            check.problem("journal", "no journal here has the agreement of the query, signed by both");
            None
        }
        Some(terms) => {
            check.message(terms);
            check.shared(journals);
            opening.asked(&opening.ask, terms)
        }
    };
    check.receipts(journals, &keys);
    check.told(journals, &file_digest(sealed));
    let Check { shows, mut limits, problems, .. } = check;
    limits.push(
        "who these people are and whether there was a reason to ask is for the asker's own files to show; that \
         nothing else was asked, for `audit reconcile`"
            .to_owned(),
    );
    let shows = if problems.is_empty() { shows } else { Vec::new() };
    let (ask, case) = (opening.ask.clone(), opening.case.clone());
    Verdict { ask, case, asked, keys, shows, limits, problems }
}

struct Check<'a> {
    opening: &'a Opening,
    shows: Vec<String>,
    limits: Vec<String>,
    problems: Vec<Problem>,
}

/// Where something stands in a journal.
fn at(told: &Told, seq: u64) -> String {
    format!("journal of {}, entry {seq}", told.agency)
}

impl Check<'_> {
    fn problem(&mut self, at: impl Into<String>, what: impl fmt::Display) {
        self.problems.push(Problem { at: at.into(), what: what.to_string() });
    }

    /// Keys come from the agreement; those that are known must be the same.
    fn keys(
        &mut self,
        terms: &Terms,
        known: &BTreeMap<AgencyCode, PublicKey>,
    ) -> BTreeMap<AgencyCode, PublicKey> {
        for party in &terms.parties {
            if known.get(&party.code).is_some_and(|key| *key != party.key) {
                let what = format!("the agreement names another key of {} than is known", party.code);
                self.problem("agreement", what);
            }
        }
        terms.parties.iter().map(|party| (party.code.clone(), party.key)).collect()
    }

    /// The query must stand in a journal as it is opened, under the asker's signature.
    fn words(&mut self, journals: &[Told], keys: &BTreeMap<AgencyCode, PublicKey>) {
        let ask = &self.opening.ask;
        let mut bound = false;
        for told in journals {
            match &told.asked {
                Some(Words { seq, ask: journalled, signature }) => {
                    let key = keys.get(&ask.asker);
                    let signed = key.is_some_and(|key| signing::verify(journalled, key, signature).is_ok());
                    if !signed && told.side == Side::Holder {
                        // Whoever keeps a journal can write into it what it likes; only the signature is the asker's.
                        let what =
                            "has words of the query there that the asker did not sign: they say nothing";
                        self.limits.push(format!("{} {what}", at(told, *seq)));
                    } else if !signed {
                        self.problem(at(told, *seq), "the query is not signed by the asker");
                    } else if journalled != ask {
                        self.problem(at(told, *seq), "the query stands there in other words than are opened");
                    } else {
                        bound = true;
                        self.shows.push(format!("{} signed for this query ({})", ask.asker, at(told, *seq)));
                    }
                }
                // It journals what it signs before it sends it.
                None if told.side == Side::Asker => {
                    self.problem(format!("journal of {}", told.agency), "it does not have the query");
                }
                None => self.limits.push(format!("the journal of {} does not have the query", told.agency)),
            }
            if !told.clean {
                let agency = &told.agency;
                self.limits.push(format!(
                    "the journal of {agency} is not clean in itself: see `audit report --journal`, and ask for it"
                ));
            }
        }
        if !bound {
            self.problem(
                "journal",
                "no journal here has the query as it was signed, so nothing binds what is opened",
            );
        }
    }

    /// The asker's message, made again.
    fn message(&mut self, terms: &Terms) {
        let ask = &self.opening.ask;
        let departures = self.opening.departures(ask, terms);
        if departures.is_empty() {
            self.shows.push(match ask.exchange {
                ExchangeKind::Exact | ExchangeKind::Count => {
                    "seed and identifiers make the message that was signed for, byte for byte".to_owned()
                }
                ExchangeKind::Match => {
                    "seed and probe make the message, or the commitment to the probe, that was signed for"
                        .to_owned()
                }
            });
            if let (ExchangeKind::Count, Ok(noise)) = (ask.exchange, terms.noise()) {
                self.shows.push(format!(
                    "all {} agreed dummies were in the batch, under one blind: the asker saw a noisy number",
                    noise.dummies()
                ));
            }
        }
        departures.into_iter().for_each(|departure| self.problem("opening", departure));
    }

    /// The keys under which a probe is encrypted again must be those that were set up.
    fn shared(&mut self, journals: &[Told]) {
        let shared = self.opening.shared();
        if shared.is_empty() {
            return;
        }
        let holder = &self.opening.ask.holder;
        let file = keys::digest(shared);
        let held = journals.iter().find(|told| told.side == Side::Holder);
        match held.map(|told| &told.keys) {
            None => self.limits.push(format!(
                "that the probe is encrypted under the keys that were set up: only the journal of {holder} shows it"
            )),
            Some(keys) if keys.contains(&file) => {
                self.shows.push(format!("it is encrypted under the keys that {holder} took from the asker"));
            }
            // The export may be older than the keys.
            Some(keys) if keys.is_empty() => self.limits.push(format!(
                "that the probe is encrypted under the keys that were set up: the journal of {holder} does not have them"
            )),
            Some(_) => {
                let what = format!(
                    "by this journal other keys were set up for the query than those that are opened; {holder} did not sign \
                     for them alone, so it is the word of the one against that of the other"
                );
                self.problem(format!("journal of {holder}"), what);
            }
        }
    }

    /// What the receipts say of the answer.
    fn receipts(&mut self, journals: &[Told], keys: &BTreeMap<AgencyCode, PublicKey>) {
        let Ask { asker, holder, .. } = &self.opening.ask;
        let parties = keys.get(holder).zip(keys.get(asker));
        let mut answered = false;
        for told in journals {
            let (Some(signed), Some((by_holder, by_asker))) = (&told.receipt, parties) else { continue };
            let place = format!("journal of {}", told.agency);
            if signed.verify(by_holder, by_asker).is_err() {
                self.problem(place, "the receipt is not signed by its parties");
            } else if signed.receipt.ask != self.opening.ask {
                self.problem(place, "the receipt is of the query in other words than are opened");
            } else if !answered {
                answered = true;
                let at = signed.receipt.answered_at;
                let both = if signed.asker.is_some() { "; both signed that" } else { "" };
                self.shows.push(format!("{holder} signed that it answered this very query on {at}{both}"));
                self.limits.push(format!(
                    "that {holder} got this message and no other: it has signed the message's digest, which its program \
                     compares; the transcript in the receipt covers both directions and cannot be made from one"
                ));
            }
        }
        if !answered {
            self.limits.push("no receipt is here: whether the message ever came and was answered".to_owned());
            let holders = |told: &Told| told.side == Side::Holder && told.has(&self.opening.ask);
            if !journals.iter().any(holders) {
                self.limits.push(format!(
                    "when {asker} signed: it alone keeps what is here, and could have signed afterwards for what it opens"
                ));
            }
        }
    }

    /// What the asker's journal says beside: canaries, and that it was opened.
    fn told(&mut self, journals: &[Told], file: &Digest) {
        let Ask { asker, .. } = &self.opening.ask;
        let canaries = self.opening.canaries();
        let told = journals.iter().find(|told| told.side == Side::Asker);
        match told.and_then(|told| told.canaries) {
            Some(counted) if counted != canaries => {
                let what = format!("{counted} canaries were asked, and {canaries} are opened as such");
                self.problem(format!("journal of {asker}"), what);
            }
            Some(_) => {}
            None if canaries > 0 => {
                self.limits.push(format!("how many of the items are canaries is the word of {asker}"));
            }
            None => {}
        }
        let Some(told) = told else { return };
        match told.opened.iter().find(|once| once.file == *file) {
            Some(OpenedOnce { seq, at, officer, recipient, reason, .. }) => self.shows.push(format!(
                "{officer} opened it on {at} in this very file, to {}: {reason:?} ({})",
                recipient.escape_debug(),
                self::at(told, *seq)
            )),
            // The export may be older than the file.
            None => self.limits.push(format!("the journal of {} does not tell of this file", told.agency)),
        }
    }
}

impl Verdict {
    /// Whether the opening stands.
    pub(crate) fn stands(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ask { query, asker, holder, exchange, register, purpose, basis, officer, asked_at, .. } =
            &self.ask;
        let case = self.case.as_deref().unwrap_or("none");
        let exchange = match exchange {
            ExchangeKind::Exact => "exact query",
            ExchangeKind::Count => "count",
            ExchangeKind::Match => "match",
        };
        writeln!(f, "query {query} of {asker} to {holder}, asked on {asked_at}")?;
        writeln!(
            f,
            "{exchange} in {register} for {purpose}, basis {basis}, by officer {officer}, case {case:?}"
        )?;
        for (code, key) in &self.keys {
            writeln!(f, "key of {code}: {key}")?;
        }
        match &self.asked {
            Some(asked) => writeln!(f, "opened: {asked}")?,
            None => writeln!(f, "opened: what is in the file cannot be read as such a query")?,
        }
        for shown in &self.shows {
            writeln!(f, "- {shown}")?;
        }
        for limit in &self.limits {
            writeln!(f, "not shown: {limit}")?;
        }
        for Problem { at, what } in &self.problems {
            writeln!(f, "DOES NOT STAND: {at}: {what}")?;
        }
        f.write_str(if self.stands() { "the opening stands" } else { "THE OPENING DOES NOT STAND" })
    }
}
