//! Checking evidence, without either node; what was opened in claims in `openings`.

mod openings;

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    ask::Ask,
    case::{End, Step},
    officer::ActKind,
    signing::PublicKey,
    words::{AgencyCode, ClaimId, Digest},
};

use super::{Bundle, Problem, Subject, Verdict};
use crate::journal::{
    Checkpoint, Entry, Event, Side,
    audit::{Weight, history::History},
    checkpoint, tree,
};

/// How a claim ended, in words.
pub(crate) fn how(end: &End) -> String {
    match end {
        End::Released => "released".to_owned(),
        End::Refused { officer, reason } => format!("refused by {officer}: {reason}"),
        End::Expired => "nobody decided in time".to_owned(),
        End::Nothing => "nothing to release".to_owned(),
    }
}

/// Whether a bundle tells of more than one claim.
fn several(bundle: &Bundle) -> bool {
    let claims = bundle.entries.iter().filter_map(|proved| match &proved.entry.event {
        Event::Claimed { claim, .. }
        | Event::ClaimRefused { claim, .. }
        | Event::ClaimFailed { claim, .. } => Some(claim.claim),
        _ => None,
    });
    claims.collect::<BTreeSet<_>>().len() > 1
}

/// Checks a bundle. `known` are keys that whoever checks has from elsewhere; the agreement in the bundle
/// must name the same ones.
pub fn check(bundle: &Bundle, known: &BTreeMap<AgencyCode, PublicKey>) -> Verdict {
    let mut check = Check {
        bundle,
        several: several(bundle),
        keys: BTreeMap::new(),
        partner: None,
        shows: Vec::new(),
        problems: Vec::new(),
        asks: Vec::new(),
    };
    check.keys(known);
    let (size, countersigned) = check.checkpoint();
    check.entries();
    check.history();
    check.openings();
    let Check { keys, shows, problems, .. } = check;
    let (agency, subject) = (bundle.agency.clone(), bundle.subject.clone());
    let shows = if problems.is_empty() { shows } else { Vec::new() };
    Verdict { agency, subject, size, countersigned, keys, shows, problems }
}

struct Check<'a> {
    bundle: &'a Bundle,
    /// Whether it tells of more than one claim.
    several: bool,
    keys: BTreeMap<AgencyCode, PublicKey>,
    partner: Option<AgencyCode>,
    shows: Vec<String>,
    problems: Vec<Problem>,
    asks: Vec<&'a Ask>,
}

impl<'a> Check<'a> {
    fn problem(&mut self, at: impl Into<String>, what: impl std::fmt::Display) {
        self.problems.push(Problem { at: at.into(), what: what.to_string() });
    }

    /// Keys come from the agreements; those that are known must be the same.
    fn keys(&mut self, known: &BTreeMap<AgencyCode, PublicKey>) {
        let own = &self.bundle.agency;
        if self.bundle.evidence != Bundle::VERSION {
            self.problem("evidence", "it is of another version than this program reads");
        }
        for (place, proved) in self.bundle.entries.iter().enumerate() {
            let Event::AgreementAccepted { agreement } = &proved.entry.event else { continue };
            let at = format!("entries[{place}]");
            if let Err(error) = agreement.verify() {
                self.problem(at.clone(), format!("the agreement does not stand: {error}"));
            }
            match agreement.terms.partner_of(own) {
                Ok(partner) => self.partner = Some(partner.code.clone()),
                Err(error) => self.problem(at.clone(), error),
            }
            for party in &agreement.terms.parties {
                let other = known.get(&party.code).is_some_and(|key| *key != party.key);
                let before = self.keys.insert(party.code.clone(), party.key);
                if other || before.is_some_and(|before| before != party.key) {
                    let what = format!("the agreement names another key of {} than is known", party.code);
                    self.problem(at.clone(), what);
                }
            }
        }
        for code in known.keys() {
            if !self.keys.contains_key(code) {
                self.problem("entries", format!("no agreement here is one of {code}"));
            }
        }
        if self.keys.is_empty() {
            self.problem("entries", "there is no agreement, so no key to check anything with");
        }
    }

    /// The checkpoint must be the agency's own; gives its size and who countersigned it.
    fn checkpoint(&mut self) -> (u64, Vec<AgencyCode>) {
        let (note, own) = (&self.bundle.checkpoint, &self.bundle.agency);
        let Some(key) = self.keys.get(own) else { return (0, Vec::new()) };
        let checkpoint = match Checkpoint::verify(note, own, key) {
            Ok(checkpoint) => checkpoint,
            Err(fault) => {
                self.problem("checkpoint", fault);
                return (0, Vec::new());
            }
        };
        let partners = self.keys.iter().filter(|(code, _)| *code != own);
        let signed = partners.filter(|(code, key)| checkpoint::verify_signature(note, code, key).is_ok());
        let signed: Vec<AgencyCode> = signed.map(|(code, _)| code.clone()).collect();
        // Every line under the note must be a signature that stands.
        let lines = note.lines().filter(|line| line.starts_with('\u{2014}')).count();
        if lines != signed.len().saturating_add(1) {
            self.problem("checkpoint", "a signature under it is of neither party, or does not stand");
        }
        let (size, root) = (checkpoint.size, checkpoint.root);
        for (place, proved) in self.bundle.entries.iter().enumerate() {
            let digest = proved.entry.bytes().map(|bytes| Entry::digest(&bytes));
            let stands = digest
                .as_ref()
                .is_ok_and(|digest| tree::contains((size, &root), proved.entry.seq, digest, &proved.path));
            if !stands {
                let what = format!("entry {} is not in the journal of this checkpoint", proved.entry.seq);
                self.problem(format!("entries[{place}]"), what);
            }
        }
        (size, signed)
    }

    /// In their order, about the subject and what it takes to check it.
    fn entries(&mut self) {
        let entries = &self.bundle.entries;
        let begun = entries.first().is_some_and(|first| {
            first.entry.seq == 0
                && matches!(&first.entry.event, Event::Begun { agency, .. } if *agency == self.bundle.agency)
        });
        if !begun {
            self.problem("entries[0]", "it is not the beginning of the agency's journal");
        }
        for (place, pair) in entries.windows(2).enumerate() {
            if let [before, after] = pair
                && before.entry.seq >= after.entry.seq
            {
                self.problem(format!("entries[{}]", place.saturating_add(1)), "it is out of order");
            }
        }
        let told = entries.iter().any(|proved| match (&self.bundle.subject, &proved.entry.event) {
            (Subject::Query(id), Event::Query { ask, .. } | Event::Refused { ask, .. }) => ask.query == *id,
            (
                Subject::Claim(id),
                Event::Claimed { claim, .. }
                | Event::ClaimRefused { claim, .. }
                | Event::ClaimFailed { claim, .. },
            ) => claim.claim == *id,
            (Subject::Fork(of), Event::ForkSeen { partner, .. }) => partner == of,
            _ => false,
        });
        if !told {
            self.problem("subject", "no entry is about it");
        }
    }

    /// Everything that the audit of a journal checks, and what it then shows.
    fn history(&mut self) {
        let own = self.keys.get(&self.bundle.agency).copied();
        let mut history = History::new(own);
        for (place, proved) in self.bundle.entries.iter().enumerate() {
            let entry = &proved.entry;
            if let Event::ForkSeen { partner, before, now } = &entry.event {
                self.fork(place, partner, before, now);
                continue;
            }
            let digest = entry.bytes().map_or(Digest([0; 32]), |bytes| Entry::digest(&bytes));
            history.take(entry, &digest);
            self.show(entry);
        }
        let report = history.report();
        for finding in report.findings.into_iter().filter(|finding| finding.weight == Weight::Violation) {
            let place = self.bundle.entries.iter().position(|proved| Some(proved.entry.seq) == finding.seq);
            let at = place.map_or("entries".to_owned(), |place| format!("entries[{place}]"));
            self.problem(at, finding.text);
        }
    }

    /// The name of a claim, where there are several.
    fn named(&self, claim: &ClaimId) -> String {
        if self.several { format!(" {claim}") } else { String::new() }
    }

    /// The same of what is done in it.
    fn of(&self, claim: &ClaimId) -> String {
        if self.several { format!(" in claim {claim}") } else { String::new() }
    }

    fn show(&mut self, entry: &'a Entry) {
        let shown = match &entry.event {
            Event::AgreementAccepted { agreement } => {
                let parties: Vec<_> =
                    agreement.terms.parties.iter().map(|party| party.code.as_str()).collect();
                let (from, to) = (agreement.terms.valid_from, agreement.terms.valid_until);
                format!("{} signed an agreement that holds from {from} to {to}", parties.join(" and "))
            }
            Event::AgreementRevoked { revocation, .. } => {
                format!("{} revoked the agreement at {}", revocation.by, revocation.at)
            }
            Event::Query { ask, .. } => {
                self.asks.push(ask);
                format!(
                    "{} signed a query to {} at {}: {} of register {} for {} on {}, officer {}",
                    ask.asker,
                    ask.holder,
                    ask.asked_at,
                    ask.items,
                    ask.register,
                    ask.purpose,
                    ask.basis,
                    ask.officer
                )
            }
            Event::Refused { side, ask, code, .. } => {
                let code = serde_json::to_value(code).unwrap_or_default();
                let code = code.as_str().unwrap_or("unknown");
                let who = if *side == Side::Holder { &ask.holder } else { &ask.asker };
                format!("{who} recorded at {} that the query was refused: {code}", entry.time)
            }
            Event::Answered { receipt } => {
                format!("the holder signed a receipt for its answer of {}", receipt.receipt.answered_at)
            }
            Event::Receipt { receipt, .. } => {
                format!("both signed the receipt for the answer of {}", receipt.receipt.answered_at)
            }
            Event::HitJudged { act } => match &act.act.act {
                ActKind::Verify { item, same, .. } => {
                    let is = if *same { "is" } else { "is not" };
                    format!("officer {} signed that item {item} {is} the person", act.act.officer)
                }
                _ => format!("officer {} signed an explanation of the query", act.act.officer),
            },
            Event::Claimed { claim, found, side, .. } => {
                let fields: Vec<_> = claim.fields.iter().map(|field| field.as_str()).collect();
                let found = match side {
                    Side::Holder => format!("; it found {} records", found.len()),
                    Side::Asker => String::new(),
                };
                let (asker, at, fields) = (&claim.asker, claim.claimed_at, fields.join(", "));
                let (officer, named) = (&claim.officer, self.named(&claim.claim));
                format!("{asker} signed a claim{named} at {at} for {fields}, officer {officer}{found}")
            }
            Event::ClaimAnswered { claim, outcome, .. } => {
                let found = outcome.found.len();
                format!("the holder signed that the claim{} found {found} records", self.named(claim))
            }
            Event::ClaimEnded { claim, ended, .. } => {
                let (at, how) = (ended.at, how(&ended.end));
                format!("the holder signed at {at} how the claim{} ended: {how}", self.named(claim))
            }
            Event::CaseStep { claim, act: Some(act), .. } => {
                let (officer, of) = (&act.act.officer, self.of(claim));
                match &act.act.act {
                    ActKind::Approve { .. } => format!("officer {officer} signed an approval{of}"),
                    ActKind::Refuse { reason, .. } => {
                        format!("officer {officer} signed a refusal{of}: {reason}")
                    }
                    ActKind::StopClock { .. } => format!("officer {officer} stopped the clock{of}"),
                    _ => format!("officer {officer} let the clock run again{of}"),
                }
            }
            Event::CaseStep { claim, step: Step::Expire, act: None, at } => {
                let holder = &self.bundle.agency;
                format!(
                    "{holder} recorded at {at} that nobody decided on the claim{} in time",
                    self.named(claim)
                )
            }
            Event::Released { release, .. } => {
                let both = if release.asker.is_some() { "both signed" } else { "the holder signed" };
                let made = &release.release;
                let (records, of) = (made.fields.len(), self.of(&made.claim));
                format!("{both} release {} of {}{of}: fields of {records} records", made.number, made.at)
            }
            Event::ClaimRefused { claim, .. } => {
                format!("a claim{} of {} was refused", self.named(&claim.claim), claim.asker)
            }
            _ => return,
        };
        self.shows.push(shown);
    }

    /// Two notes that one key signed, of one size and with two roots, prove a fork to anybody.
    fn fork(&mut self, place: usize, partner: &AgencyCode, before: &str, now: &str) {
        let at = format!("entries[{place}]");
        let Some(key) = self.keys.get(partner).copied() else {
            return self.problem(at, format!("no agreement here names the key of {partner}"));
        };
        let read = [before, now].map(|note| Checkpoint::verify(note, partner, &key));
        match read {
            [Ok(before), Ok(now)] if before.size == now.size && before.root != now.root => {
                self.shows.push(format!(
                    "PROVED: {partner} signed two histories of {} entries that differ",
                    now.size
                ));
            }
            [Ok(before), Ok(now)] if now.size < before.size => self.shows.push(format!(
                "{partner} signed histories of {} and of {} entries; that the shorter came later is the \
                 journal's word",
                before.size, now.size
            )),
            [Ok(before), Ok(now)] => self.shows.push(format!(
                "{partner} signed histories of {} and of {} entries; that the second does not continue the \
                 first, the export of {partner} would show",
                before.size, now.size
            )),
            [Err(fault), _] | [_, Err(fault)] => self.problem(at, fault),
        }
    }
}
