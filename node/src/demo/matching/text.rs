//! The match for people.

use std::fmt::{self, Write};

use symbolon_policy::agreement::MatchAnswer;

use super::{Form, Keys, Large, Matching, Planted, Probed, Sort, Verdict};
use crate::{
    control::{bytes, duration},
    demo::report::grouped,
};

/// Writes what the match showed.
///
/// # Errors
/// What writing gives.
pub(in crate::demo) fn write(matching: &Matching, out: &mut String) -> fmt::Result {
    let Matching { register, records, engine, forms, keys, probes, .. } = matching;
    writeln!(
        out,
        "\nEncrypted match: {} people in register `{register}`, by {engine}",
        grouped((*records).into())
    )?;
    for Form { name, length, masked, threshold, blur } in forms {
        let masks = if *masked { "masks" } else { "no masks" };
        let threshold = threshold.unwrap_or_default() * 100.0;
        writeln!(
            out,
            "  {name:<14} {} bits, {masks}; a hit up to {threshold:.1} % apart, give or take {blur:.1} bits",
            grouped((*length).into())
        )?;
    }
    for Keys { form, seconds, wire } in keys {
        writeln!(
            out,
            "  {form:<14} keys in {seconds:.1} s, once a day: {} bytes out, {} in",
            grouped(wire.bytes_out),
            grouped(wire.bytes_in)
        )?;
    }
    writeln!(out, "  RS sees no probe; MK sees no template, no distance and not whose record it is.\n")?;
    for (number, probed) in (1_u32..).zip(probes) {
        line(number, probed, out)?;
    }

    let there = |probed: &&Probed| probed.planted != Planted::Stranger;
    let count = |fits: &dyn Fn(&&Probed) -> bool| probes.iter().filter(fits).count();
    writeln!(
        out,
        "\n  {} of {} people who are in the register were found; {} of {} strangers were hits.",
        count(&|probed| there(probed) && probed.as_planted()),
        count(&|probed| there(probed)),
        count(&|probed| !there(probed) && !probed.as_planted()),
        count(&|probed| !there(probed)),
    )?;
    let same = count(&|probed| probed.verdict == Verdict::Same);
    let wrong = count(&|probed| probed.verdict == Verdict::Wrong);
    let within = probes.len().saturating_sub(same).saturating_sub(wrong);
    write!(out, "  {same} of {} answers are those of the plain rule", probes.len())?;
    if within > 0 {
        write!(out, "; {within} differ within the blur of the threshold")?;
    }
    if wrong > 0 {
        write!(out, "; {wrong} DIFFER")?;
    }
    writeln!(out, ".")?;
    let next = u32::try_from(probes.len()).unwrap_or(u32::MAX).saturating_add(1);
    large(&matching.large, next, out)?;
    writeln!(out, "  A hit is a candidate, not an identity.")
}

fn large(large: &Large, number: u32, out: &mut String) -> fmt::Result {
    let Large { register, records, choice, probe, expected, one_round, one_round_keys } = large;
    writeln!(
        out,
        "\n  One probe of {} people in register `{register}`, by {}, which MK's node chose:\n",
        grouped((*records).into()),
        choice.engine
    )?;
    line(number, probe, out)?;
    let moved = probe.wire.bytes_out.saturating_add(probe.wire.bytes_in);
    writeln!(
        out,
        "     {} s and {} in all; expected for two idle nodes {} and {}; by {} {} and {}, after {} for keys.\n",
        format_args!("{:.2}", probe.seconds),
        bytes(moved),
        duration(expected.seconds),
        bytes(expected.bytes),
        one_round.engine,
        duration(one_round.seconds),
        bytes(one_round.bytes),
        duration(*one_round_keys),
    )
}

fn line(number: u32, probed: &Probed, out: &mut String) -> fmt::Result {
    let Probed { told, plain, seconds, wire, .. } = probed;
    let who = match (probed.planted, probed.sort) {
        (Planted::Stranger, sort) => format!("{} of a stranger", sort.words()),
        (_, Sort::Face | Sort::Crowd) => "a face, another capture than RS has".to_owned(),
        (_, Sort::Fingers) => "ten fingers, two of them missing".to_owned(),
    };
    let (asked, answer) = match (told.answer, told.candidates) {
        (MatchAnswer::Any, _) if told.hit => ("any?", "a hit".to_owned()),
        (MatchAnswer::Any, _) => ("any?", "no hit".to_owned()),
        (MatchAnswer::Candidates, Some(1)) => ("candidates?", "1 candidate".to_owned()),
        (MatchAnswer::Candidates, Some(found)) => ("candidates?", format!("{found} candidates")),
        (MatchAnswer::Candidates, None) => ("candidates?", format!("more than {}", told.cap)),
    };
    let near = if plain.near > 0 { format!(", {} near the threshold", plain.near) } else { String::new() };
    let rule = match plain.hits {
        1 => "1 hit".to_owned(),
        hits => format!("{hits} hits"),
    };
    writeln!(out, "  {number}  {who:<36} {asked:<11} {answer:<13} plain rule: {rule}{near}")?;
    let bits =
        if told.leakage_bits == 1 { "1 bit".to_owned() } else { format!("{} bits", told.leakage_bits) };
    let share =
        told.false_hits.map_or_else(String::new, |share| format!("; up to {} of hits false", percent(share)));
    writeln!(
        out,
        "     {seconds:.2} s, {} bytes out, {} in; tells at most {bits}; {} of {} probes spent{share}",
        grouped(wire.bytes_out),
        grouped(wire.bytes_in),
        told.budget.spent,
        told.budget.limit
    )
}

/// A share in per cent.
fn percent(share: f64) -> String {
    match share * 100.0 {
        value @ 10.0.. => format!("{value:.0} %"),
        value @ 0.01..10.0 => format!("{value:.2} %"),
        _ => "0.01 %".to_owned(),
    }
}
