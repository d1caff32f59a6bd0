//! The life of records as text: flags, notices, disclosures.

use symbolon_policy::{
    claim::Standing,
    words::{Field, OfficerId},
};

use crate::{
    control::api::{Disclosure, Disclosures, NoticeLine},
    register::Flags,
};

use super::{
    claim::{Left, end, most},
    many,
    table::{grid, one_line, pairs},
};

/// How many notices wait, if any do.
pub(super) fn waiting(notices: u64) -> String {
    match notices {
        0 => String::new(),
        some => format!(
            "\n{} told to those who received fields of it at the next meeting; see `symbolon notice list --sent`.",
            if some == 1 {
                "1 correction notice is".to_owned()
            } else {
                format!("{some} correction notices are")
            }
        ),
    }
}

fn words(flags: Flags) -> String {
    let named = [("blocked", flags.blocked), ("marked", flags.marked), ("contested", flags.contested)];
    let word = |(name, flag): (&str, Option<bool>)| {
        flag.map(|set| if set { name.to_owned() } else { format!("not {name}") })
    };
    named.into_iter().filter_map(word).collect::<Vec<_>>().join(", ")
}

pub(super) fn flagged(flags: Flags, changed: Flags, snapshots: u64) -> String {
    if changed == Flags::default() {
        return format!("Nothing changed; the record is {}.", words(flags));
    }
    let ended = match snapshots {
        0 => String::new(),
        some => format!("\n{} ended.", many(some, "snapshot", "snapshots")),
    };
    format!("The record is now {}.{ended}", words(flags))
}

fn codes(fields: &[Field]) -> String {
    fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Correction notices, that went out or came.
pub(super) fn notices(lines: &[NoticeLine], sent: bool) -> String {
    if lines.is_empty() {
        return "No correction notices.".to_owned();
    }
    let rows = lines.iter().map(|line| {
        let notice = &line.notice;
        let partner = if sent { &notice.asker } else { &notice.holder };
        let officer = line.officer.as_ref().map(ToString::to_string).unwrap_or_default();
        let record = line.record.clone().unwrap_or_else(|| notice.reference.to_string());
        let mut row =
            vec![notice.at.to_string(), partner.to_string(), notice.claim.to_string(), officer, record];
        if !sent {
            // Of a match there is one hit, and no more to say of it.
            let item = line.item.map(|item| format!("item {item}"));
            row.push(line.hit.clone().or(item).unwrap_or_default());
        }
        let confirmed = if line.confirmed { "yes" } else { "no" }.to_owned();
        row.extend([notice.cause.as_str().to_owned(), codes(&notice.fields), confirmed]);
        if !sent {
            row.push(line.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default());
        }
        row
    });
    let head: &[&str] = if sent {
        &["MADE", "PARTNER", "CLAIM", "OFFICER", "RECORD", "RECORD IS", "FIELDS", "CONFIRMED"]
    } else {
        &[
            "MADE",
            "HOLDER",
            "CLAIM",
            "OFFICER",
            "RECORD",
            "HIT",
            "RECORD IS",
            "FIELDS",
            "CONFIRMED",
            "WHAT THEY SAY NOW",
        ]
    };
    grid(head, rows.collect())
}

/// Everything that was ever released of a record.
pub(super) fn disclosures(told: &Disclosures) -> String {
    let mut parts = vec![match &told.record {
        Some(record) => format!("The record\n{record:#}"),
        None => "The record is not there any more.".to_owned(),
    }];
    if told.claims.is_empty() {
        parts.push("No claim ever found it, and nothing of it was ever released.".to_owned());
    }
    parts.extend(told.claims.iter().map(claim));
    for set in &told.flags {
        parts.push(format!("{}: set to {} ({}).", set.at, words(set.flags), one_line(&set.reason)));
    }
    parts.join("\n\n")
}

/// What of this record did not leave, of all that the rules let: when a case ended with a release, all was approved.
fn left(told: &Disclosure) -> Left {
    let may = told.asked.iter().filter(|(_, standing)| matches!(standing, Standing::Needs(_)));
    most(may.map(|(field, _)| {
        let given = || told.releases.iter().filter(|given| given.fields.contains(field));
        match given().any(|given| given.taken) {
            true => Left::Nothing,
            false if given().next().is_some() => Left::Untaken,
            false => Left::KeptBack,
        }
    }))
}

fn claim(told: &Disclosure) -> String {
    let mut about = vec![
        ("To", format!("{}/{}", told.partner, told.officer)),
        ("Claim", told.claim.to_string()),
        ("Came", told.claimed_at.to_string()),
        ("Purpose", told.purpose.to_string()),
        ("Legal basis", told.basis.to_string()),
        ("Agreement", format!("{}, {}", told.agreement, one_line(&told.title))),
    ];
    about.extend(told.case.map(|case| ("Case digest", case.to_string())));
    let officers = |ids: &[OfficerId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    for given in &told.releases {
        let by = if given.approved_by.is_empty() {
            "by the rules alone".to_owned()
        } else {
            format!("approved by {}", officers(&given.approved_by))
        };
        let taken = if given.taken { "" } else { "; not taken yet" };
        about.push(("Released", format!("{}: {}, {by}{taken}", given.at, codes(&given.fields))));
    }
    if told.releases.is_empty() {
        about.push(("Released", "nothing".to_owned()));
    }
    about.extend(told.end.as_ref().map(|over| ("Over", end(over, left(told)))));
    for since in &told.notices {
        let confirmed = if since.confirmed { "confirmed" } else { "waits" };
        let what = format!("{}: {}, {}; {confirmed}", since.at, since.cause.as_str(), codes(&since.fields));
        about.push(("Told since", what));
    }
    pairs(&about)
}

#[cfg(test)]
mod tests;
