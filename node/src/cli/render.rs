//! Replies as text for people. Nothing here reads or writes anything.

mod agreement;
mod ahead;
mod audit;
mod claim;
mod engines;
mod officer;
mod query;
mod record;
mod simulate;
mod table;
mod thresholds;

use symbolon_policy::{identity::IdentityCard, manifest::Manifest, words::AgencyCode};

use crate::control::api::{
    CourierKind, Failure, FailureKind, Imported, MeterLine, Outcome, PeerLine, RegisterLine, Reply, Status,
    ToldLine,
};

pub(super) use agreement::{clauses, next_step, quota_told, state as agreement_state};
pub(super) use audit::{csv as log_csv, log, statistics};
pub(super) use engines::engines;
pub(super) use officer::card as officer_card;
pub(super) use simulate::{checked, fitted, outcome, scenario, scenarios};
pub(super) use thresholds::thresholds;

use table::{number, pairs, short, table};

/// A reply as text, without a line end.
pub(super) fn reply(reply: &Reply) -> String {
    let text = match reply {
        Reply::Status(told) => status(told),
        Reply::Identity(card) => identity(card),
        Reply::Imported(done) => imported(done),
        Reply::Registers { registers } => self::registers(registers),
        Reply::Record { record } => format!("{record:#}"),
        Reply::Records { ids } if ids.is_empty() => "No records.".to_owned(),
        Reply::Records { ids } => ids.join("\n"),
        Reply::Erased { records, digest, snapshots_ended, unknown, notices, .. } => {
            erased(*records, &digest.to_string(), *snapshots_ended, unknown) + &record::waiting(*notices)
        }
        Reply::Flagged { flags, changed, snapshots_ended, notices } => {
            record::flagged(*flags, *changed, *snapshots_ended) + &record::waiting(*notices)
        }
        Reply::Disclosures(told) => record::disclosures(told),
        Reply::Notices { sent, notices } => record::notices(notices, *sent),
        Reply::Text { text } | Reply::Noted { text } => text.clone(),
        Reply::Agreement { id, state, agreement } => agreement::show(id, *state, agreement),
        Reply::Revoked { id, title, partner, told } => agreement::revoked(id, title, partner, *told),
        Reply::Agreements { agreements } => agreement::list(agreements),
        Reply::National { clauses: 0, .. } => "No national rules are in force.".to_owned(),
        Reply::National { clauses, digest } => {
            let are = if *clauses == 1 { "is" } else { "are" };
            let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
            format!(
                "{} {are} in force, digest {digest}.",
                many(*clauses, "national clause", "national clauses")
            )
        }
        Reply::Explained { text, .. } | Reply::Audit { text, .. } => text.clone(),
        Reply::Simulated(past) => past.to_string(),
        Reply::Peers { peers } => self::peers(peers),
        Reply::Pong { partner, micros } => {
            format!("{partner} answered in {}.{:03} ms.", number(micros / 1_000), micros % 1_000)
        }
        Reply::Answers { answers } => query::answers(answers),
        Reply::Queries { queries } => query::list(queries),
        Reply::Prepared(done) => ahead::prepared(done),
        Reply::Written { kind: CourierKind::Keys, partner, part, file, refused, .. } => {
            query::keys(partner, *part, file, refused.as_deref())
        }
        Reply::Written { kind, partner, query, file, refused, .. } => {
            query::written(*kind, partner, query, file, refused.as_deref())
        }
        Reply::KeysReady { partner, .. } => {
            format!(
                "The keys to ask {partner} are set up. Run the same `symbolon query match --courier` again, with the name \
                 of a new file."
            )
        }
        Reply::Opened { answers, receipt } => query::opened(answers, receipt.as_deref()),
        Reply::Settled { partner, query } => format!("{partner} countersigned the receipt of query {query}."),
        Reply::Officer { officer: enrolled } => {
            format!("Enrolled.\n\n{}", officer::list(true, std::slice::from_ref(enrolled)))
        }
        Reply::Officers { required, officers } => officer::list(*required, officers),
        Reply::Items { items } => items.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Reply::Hits { hits } => claim::hits(hits),
        Reply::ClaimDraft { claim } => claim.claim.to_string(),
        Reply::Claim(line) => claim::claim(line),
        Reply::Claims { claims, told } => claim::claims(claims, told),
        Reply::Case(line) => claim::case(line),
        Reply::Cases { cases } => claim::cases(cases),
        Reply::Snapshot { manifest, seconds } => {
            format!("Built in {seconds:.1} s.\n\n{}", manifests(std::slice::from_ref(manifest)))
        }
        Reply::Snapshots { made, received } => {
            format!("Made here\n{}\n\nReceived\n{}", manifests(made), manifests(received))
        }
        Reply::Canaries { canaries } => audit::canaries(canaries),
        Reply::CanaryReport { reach } => audit::reach(reach),
        Reply::AuditAlerts(found) => audit::alerts(found),
        Reply::AuditReport(told) => audit::log(told),
        Reply::Gathered { file, entries, countersigned } => {
            let of = many(*entries, "entry", "entries");
            let partners: Vec<_> = countersigned.iter().map(ToString::to_string).collect();
            let by = if partners.is_empty() { "no partner".to_owned() } else { partners.join(", ") };
            format!("Wrote {of} to {}.\nThe checkpoint in it is countersigned by {by}.", file.display())
        }
        Reply::QueryOpened { query, file, recipient, .. } => {
            let file = file.display();
            format!("Opened query {query} in {file}, sealed to {recipient}.\nThe journal tells of it.")
        }
        Reply::Exported { file, entries } => {
            format!("Wrote {} of the journal to {}.", many(*entries, "entry", "entries"), file.display())
        }
        Reply::Ok => "Done.".to_owned(),
    };
    text.trim_end().to_owned()
}

/// A reply as JSON: as the node answered, and of claims and cases how they stand, as the text says it.
///
/// # Errors
/// If it cannot be written.
pub(super) fn json(reply: &Reply) -> serde_json::Result<serde_json::Value> {
    let mut value = serde_json::to_value(reply)?;
    match reply {
        Reply::Claim(line) => claim::json::claim(line, &mut value),
        Reply::Claims { claims, told } => claim::json::claims(claims, told, &mut value),
        Reply::Case(line) => claim::json::case(line, &mut value),
        Reply::Cases { cases } => claim::json::cases(cases, &mut value),
        _ => {}
    }
    Ok(value)
}

/// The exit code of a reply: for a query that of the gravest failure, for an audit whether it is clean.
pub(super) fn exit_code(reply: &Reply) -> u8 {
    match reply {
        Reply::Audit { clean: false, .. } => FailureKind::Integrity.exit_code(),
        Reply::Imported(Imported { good: 0, .. }) => FailureKind::Input.exit_code(),
        // Whoever named the id believes otherwise that the record is erased.
        Reply::Erased { unknown, .. } if !unknown.is_empty() => FailureKind::Input.exit_code(),
        Reply::Written { refused: Some(_), .. } => FailureKind::Refused.exit_code(),
        Reply::Answers { answers } | Reply::Opened { answers, .. } => {
            let codes = answers.iter().map(|answer| match &answer.outcome {
                Outcome::Hits { .. } | Outcome::Count { .. } | Outcome::Matched(_) => 0,
                Outcome::Refused { .. } => FailureKind::Refused.exit_code(),
                Outcome::Failed { failure } => failure.kind.exit_code(),
            });
            codes.max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// An identity card.
pub(super) fn identity(card: &IdentityCard) -> String {
    let told = &card.identity;
    let text = pairs(&[
        ("Agency", told.code.to_string()),
        ("Name", told.name.clone()),
        ("Peer id", told.peer.clone()),
        ("Agreement key", told.key.to_string()),
        ("Addresses", or_none(told.addresses.join(", "))),
        ("Made", told.made.to_string()),
    ]);
    format!("{text}\n\nCompare the agreement key with the partner over a channel that both trust.")
}

fn status(status: &Status) -> String {
    let serving = match (status.serving, status.listening.is_empty()) {
        (false, _) => "no".to_owned(),
        (true, true) => "yes".to_owned(),
        (true, false) => format!("yes, on {}", status.listening.join(", ")),
    };
    let journal = many(status.journal_entries, "entry", "entries");
    let head = pairs(&[
        ("Agency", format!("{}, {}", status.agency, status.name)),
        ("Peer id", status.peer.clone()),
        ("Version", status.version.clone()),
        ("Serving", serving),
        ("Officers", officer::line(status.officers)),
        ("Exchanges", format!("{} under way", number(status.exchanges))),
        ("Alerts", audit::alerts_line(status.alerts)),
        ("Hits", claim::open_hits(&status.hits)),
        ("Cases", claim::counts(status.cases)),
        ("Journal", format!("{journal}, root {}", status.journal_root)),
    ]);
    let forks = status.forks.iter().map(|fork| {
        let more = match fork.seen {
            0 | 1 => String::new(),
            seen => format!(", and {} more", number(seen.saturating_sub(1))),
        };
        forked(&fork.partner, &format!("{}, at {}{more}", fork.text, fork.at))
    });
    let forks: Vec<String> = forks.collect();
    let mut parts = vec![head, registers(&status.registers), agreement::list(&status.agreements)];
    if !forks.is_empty() {
        parts.insert(1, forks.join("\n"));
    }
    if !status.meters.is_empty() {
        parts.push(meters(&status.meters));
    }
    if !status.told.is_empty() {
        parts.push(told(&status.told));
    }
    let prepared = &status.prepared;
    if !(prepared.kinds.is_empty() && prepared.stopped.is_empty()) {
        parts.push(ahead::status(prepared));
    }
    parts.join("\n\n")
}

/// A partner whose journal was rewritten, shortened or forked, or restored from a backup.
fn forked(partner: &AgencyCode, what: &str) -> String {
    format!("WARNING: {what}; see `symbolon audit evidence {partner}`")
}

fn meters(meters: &[MeterLine]) -> String {
    let rows = meters.iter().map(|line| {
        let (id, asker) = (short(&line.agreement), line.asker.to_string());
        [id, asker, line.meter.clone(), number(line.spent), number(line.limit)]
    });
    table(["AGREEMENT", "ASKER", "METER", "SPENT", "LIMIT"], rows)
}

fn told(told: &[ToldLine]) -> String {
    let rows =
        told.iter().map(|line| [short(&line.agreement), line.asker.to_string(), number(line.leakage_bits)]);
    table(["AGREEMENT", "ASKER", "BITS TOLD AT MOST"], rows)
}

fn registers(registers: &[RegisterLine]) -> String {
    if registers.is_empty() {
        return "No registers; `symbolon register import NAME FILE --create` makes one.".to_owned();
    }
    table(["REGISTER", "RECORDS"], registers.iter().map(|line| [line.name.to_string(), number(line.records)]))
}

fn imported(done: &Imported) -> String {
    let lines = many(done.lines, "line", "lines");
    let mut text = match done.good {
        0 => format!("No line was taken of {lines}; {} is as it was.", done.register),
        good => format!(
            "Imported {} of {lines} into {} in {:.1} s; {} replaced.",
            number(good),
            done.register,
            done.seconds,
            number(done.replaced)
        ),
    };
    if done.rejected > 0 {
        let listed = u64::try_from(done.first_rejects.len()).unwrap_or(u64::MAX);
        let which =
            if listed < done.rejected { format!("; the first {}", number(listed)) } else { String::new() };
        let were = if done.rejected == 1 { "was" } else { "were" };
        text += &format!("\n{} {were} refused{which}:\n\n", many(done.rejected, "line", "lines"));
        let rows = done.first_rejects.iter();
        text += &table(
            ["LINE", "FIELD", "REASON"],
            rows.map(|line| [number(line.line), line.field.clone(), line.reason.clone()]),
        );
    }
    if done.good > done.replaced {
        text += "\nExact queries find new records from the next snapshot on: at once after `symbolon snapshot build`.";
    }
    text + &record::waiting(done.notices)
}

fn erased(records: u64, digest: &str, snapshots: u64, unknown: &[String]) -> String {
    if records == 0 {
        return "Nothing was erased: no record's time of retention is over.".to_owned();
    }
    let ended = match snapshots {
        0 => String::new(),
        some => {
            format!("\n{} ended, for the records were in their slices.", many(some, "snapshot", "snapshots"))
        }
    };
    let none = match unknown {
        [] => String::new(),
        ids => format!("\nThere is no record {}.", ids.join(", ")),
    };
    let erased = many(records, "record", "records");
    format!("Erased {erased}; the journal keeps their digest {digest}.{ended}{none}")
}

fn peers(peers: &[PeerLine]) -> String {
    if peers.is_empty() {
        return "No partners; a partner comes with an agreement that both signed.".to_owned();
    }
    let rows = peers.iter().map(|line| {
        [
            line.partner.to_string(),
            line.name.clone(),
            (if line.connected { "yes" } else { "no" }).to_owned(),
            number(line.given),
            number(line.received),
            number(line.open_receipts),
            or_none(line.addresses.join(", ")),
        ]
    });
    let lines =
        table(["PARTNER", "NAME", "CONNECTED", "GIVEN", "RECEIVED", "OPEN RECEIPTS", "ADDRESSES"], rows);
    let forks = peers.iter().filter_map(|line| {
        let (partner, at) = (&line.partner, line.forked?);
        let what = format!("{partner} showed a history that contradicts the one it had shown, at {at}");
        Some(format!("\n\n{}", forked(partner, &what)))
    });
    lines + &forks.collect::<String>()
}

fn manifests(manifests: &[Manifest]) -> String {
    if manifests.is_empty() {
        return "None.".to_owned();
    }
    let rows = manifests.iter().map(|manifest| {
        [
            short(&manifest.snapshot),
            manifest.holder.to_string(),
            manifest.asker.to_string(),
            manifest.register.to_string(),
            manifest.purpose.to_string(),
            number(manifest.entries),
            number(manifest.bytes),
            manifest.made.to_string(),
            manifest.expires.to_string(),
        ]
    });
    let head = ["SNAPSHOT", "HOLDER", "ASKER", "REGISTER", "PURPOSE", "ENTRIES", "BYTES", "MADE", "EXPIRES"];
    table(head, rows)
}

fn failure(failure: &Failure) -> String {
    let help = failure.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
    format!("{}{help}", failure.what)
}

/// `1 line`, `2 lines`.
fn many(count: u64, one: &str, more: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { more })
}

/// A share in per cent, with two digits that count.
fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        10.0.. => format!("{value:.0} %"),
        0.1..10.0 => format!("{value:.1} %"),
        _ => format!("{value:.1e} %"),
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

#[cfg(test)]
mod tests;
