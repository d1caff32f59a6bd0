//! The report for people.

use std::fmt::{self, Write};

use symbolon_policy::receipt::AnswerClass;
use symbolon_protocol::identifier::Kind;

use super::{CaseCount, Reconciled, Report};
use crate::{
    control::api::MeterLine,
    demo::{
        matching, procedure,
        spelling::Spelling,
        steps::{Step, Wire},
    },
};

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(report, &mut text);
    text
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    let [holder, asker] = &report.nodes;
    writeln!(out, "Symbolon {}: two nodes on this machine. All persons are invented.\n", report.version)?;
    let records = grouped(report.records.into());
    writeln!(
        out,
        "  {}  {}, holder: {records} records in register `{}`",
        holder.agency, holder.name, report.register
    )?;
    writeln!(out, "  {}  {}, asker: {} people", asker.agency, asker.name, grouped(report.people.into()))?;

    steps(report, out)?;
    cases(report, out)?;
    examples(report, out)?;
    refusals(report, out)?;
    count(report, out)?;
    procedure::write(report, out)?;
    if let Some(told) = &report.matching {
        matching::write(told, out)?;
    }
    receipt(report, out)?;
    journals(report, out)?;
    capture(report, out)?;

    let left =
        if report.left_running == 0 { "nothing is left running" } else { "processes are left running" };
    writeln!(out, "\nDone in {:.1} seconds; {left}.", report.seconds)?;
    if let Some(kept) = &report.kept {
        writeln!(out, "Homes, passphrases, files and logs are kept in {}.", kept.display())?;
    }
    if report.matching.is_none() {
        let minutes = matching::estimate(matching::RECORDS) / 60.0;
        writeln!(
            out,
            "The encrypted match of faces and fingers: `symbolon demo --match`, about {minutes:.0} minutes more."
        )?;
    }
    Ok(())
}

fn steps(report: &Report, out: &mut String) -> fmt::Result {
    writeln!(out, "\nSteps {:>58}  {:>20}", "seconds", "bytes out / in")?;
    for Step { who, what, seconds, wire } in &report.steps {
        let bytes = wire.map_or_else(String::new, |Wire { bytes_out, bytes_in }| {
            format!("{} / {}", grouped(bytes_out), grouped(bytes_in))
        });
        let line = format!("  {who:<7} {what:<46} {seconds:>7.2}  {bytes:>20}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn cases(report: &Report, out: &mut String) -> fmt::Result {
    writeln!(out, "\nHits: {} found of {} planted", report.hits_found, report.hits_planted)?;
    writeln!(out, "  {:<44} {:>7} {:>7}  hit by", "", "people", "hits")?;
    for CaseCount { case, planted, hit, .. } in &report.cases {
        let by = kinds(case.expected());
        let line = format!("  {:<44} {:>7} {:>7}  {by}", case.words(), grouped(*planted), grouped(*hit));
        writeln!(out, "{}", line.trim_end())?;
    }
    let suppressed = &report.suppressed;
    let [holder, asker] = &report.nodes;
    let (holder, asker) = (&holder.agency, &asker.agency);
    if suppressed.held_and_blocked && suppressed.same_as_absent {
        writeln!(
            out,
            "  {holder} holds {}, which is blocked. What {asker} gets for {} and for everybody else\n  \
             whose record is suppressed is what it gets for a person who is not in the register.",
            suppressed.record, suppressed.reference
        )?;
    }
    writeln!(out, "  A hit is a candidate, not an identity.")
}

fn examples(report: &Report, out: &mut String) -> fmt::Result {
    let [holder, asker] = &report.nodes;
    writeln!(out, "\nOne person, two spellings")?;
    for example in &report.examples {
        writeln!(out, "  {}  {}", holder.agency, spelled(&example.holder))?;
        let hits = kinds(&example.hits);
        writeln!(out, "  {}  {}  -> hit by {hits}", asker.agency, spelled(&example.asker))?;
    }
    Ok(())
}

fn spelled(spelling: &Spelling) -> String {
    let Spelling { family, given, born, number, state, document_born: _ } = spelling;
    let name = if given.is_empty() { family.clone() } else { format!("{family}, {given}") };
    format!("{name} · {born} · {number} {state}")
}

fn refusals(report: &Report, out: &mut String) -> fmt::Result {
    let [holder, asker] = &report.nodes;
    writeln!(out, "\nRefused")?;
    for refused in &report.refusals {
        let who = if refused.here { format!("{} itself", asker.agency) } else { holder.agency.to_string() };
        writeln!(out, "  {} on {}, by {who}: {}", refused.purpose, refused.basis, refused.text)?;
        match refused.clauses.as_slice() {
            [] => writeln!(out, "    the clause is national and not shown to {}", asker.agency)?,
            clauses => writeln!(out, "    {}", clauses.join("; "))?,
        }
    }
    Ok(())
}

fn count(report: &Report, out: &mut String) -> fmt::Result {
    let count = &report.count;
    writeln!(
        out,
        "\nCount for statistics, without identities (ε = {})\n  {} ± {} of {} people are in the register; planted were {}",
        count.epsilon,
        count.estimate,
        count.half_width,
        grouped(report.people.into()),
        count.planted
    )
}

fn receipt(report: &Report, out: &mut String) -> fmt::Result {
    let receipt = &report.receipt.receipt;
    let answer = match receipt.answer {
        AnswerClass::Hits => "a hit or no-hit for each",
        AnswerClass::NoisyCount => "one noisy number",
        AnswerClass::Any => "one hit or no-hit",
        AnswerClass::Candidates { .. } => "a capped number of hits",
    };
    writeln!(out, "\nReceipt of the first query, signed by both")?;
    writeln!(out, "  query {}, agreement {}", receipt.ask.query, short(&receipt.ask.agreement))?;
    writeln!(
        out,
        "  {} on {}, officer {}, rules {}",
        receipt.ask.purpose,
        receipt.ask.basis,
        receipt.ask.officer,
        short(&receipt.ask.rules)
    )?;
    writeln!(
        out,
        "  {} identifiers against {} entries: {answer}, at most {} bits; transcript {}",
        grouped(receipt.ask.items.into()),
        grouped(receipt.entries),
        grouped(receipt.leakage_bits),
        short(&receipt.transcript)
    )
}

fn journals(report: &Report, out: &mut String) -> fmt::Result {
    writeln!(out, "\nJournals")?;
    for journal in &report.journals {
        let holds = if journal.clean { "verifies" } else { "DOES NOT VERIFY" };
        writeln!(out, "  {}  {} entries, {holds}", journal.agency, journal.entries)?;
    }
    let Reconciled { queries, matched, clean } = report.reconciled;
    let agree = if clean { "the two agree" } else { "THE TWO DO NOT AGREE" };
    writeln!(out, "  {agree}: {matched} of {queries} answered queries are told alike")?;
    let [holder, asker] = &report.nodes;
    for MeterLine { meter, spent, limit, .. } in
        holder.meters.iter().filter(|meter| meter.asker == asker.agency && meter.spent > 0)
    {
        writeln!(out, "  {} has used {} of {}: {meter}", asker.agency, grouped(*spent), grouped(*limit))?;
    }
    Ok(())
}

fn capture(report: &Report, out: &mut String) -> fmt::Result {
    let Some(capture) = &report.capture else { return Ok(()) };
    let [holder, _] = report.nodes.each_ref().map(|node| &node.agency);
    let sum = |counts: Vec<&u64>| counts.into_iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let controls: Vec<_> =
        capture.controls.iter().filter(|(_, found)| **found > 0).map(|(name, _)| name.as_str()).collect();
    let things = match report.matching {
        Some(_) => "names, numbers, dates, references and templates",
        None => "names, numbers, dates and references",
    };
    writeln!(out, "\nCapture of the wire before encryption: {}", capture.file.display())?;
    writeln!(
        out,
        "  searched for {} patterns of {things} in {} bytes: {} found",
        grouped(sum(capture.patterns.values().collect())),
        grouped(capture.bytes),
        grouped(sum(capture.found.values().collect()))
    )?;
    writeln!(out, "  the two people who were claimed, whom a claim opens to {holder}, are left out")?;
    for (form, number) in &capture.patterns {
        writeln!(out, "  {:>9} {form}", grouped(*number))?;
    }
    writeln!(
        out,
        "  so that the search is seen to work, {} of {} things that are there were found:\n  {}",
        controls.len(),
        capture.controls.len(),
        controls.join(", ")
    )
}

fn kinds(kinds: &[Kind]) -> String {
    if kinds.is_empty() {
        return "-".into();
    }
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

/// The first eight characters of a digest.
fn short(digest: &impl fmt::Display) -> String {
    digest.to_string().chars().take(8).collect()
}

/// `1234567` as `1,234,567`.
pub(in crate::demo) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len().saturating_mul(2));
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        grouped.push(digit);
        if place > 0 && place % 3 == 0 {
            grouped.push(',');
        }
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
