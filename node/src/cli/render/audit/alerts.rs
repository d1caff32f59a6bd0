//! Alerts and canaries as text.

use super::{
    super::{
        many,
        table::{number, one_line, short, table},
    },
    list, word,
};
use crate::control::api::{Acknowledged, AlertLine, Alerts, CanaryLine, CanaryReach};

/// How many alerts there are.
pub(in crate::cli::render) fn alerts_line(count: u64) -> String {
    match count {
        0 => "none about the last thirty days".to_owned(),
        _ => format!("{} about the last thirty days; see `symbolon audit alerts`", number(count)),
    }
}

/// What stands out.
pub(in crate::cli::render) fn alerts(found: &Alerts) -> String {
    let tests = many(found.tests, "test", "tests");
    let thousandths = found.expected.div_ceil(1_000);
    let expected = format!("{}.{:03}", thousandths.div_euclid(1_000), thousandths.rem_euclid(1_000));
    let left_out = match found.left_out {
        0 => String::new(),
        count => format!("\n{} left out, for officers acknowledged them; see --all.", number(count)),
    };
    let note = format!(
        "{tests}; where the models of docs/audit.md hold, honest people set off at most {expected} of them.{left_out}"
    );
    if found.alerts.is_empty() {
        return format!("Nothing stands out. {note}");
    }
    let rows = found.alerts.iter().map(|AlertLine { id, alert, acknowledged }| {
        let chance = if alert.chance <= 1 {
            "below 1 in 1,000,000,000".to_owned()
        } else {
            format!("1 in {}", number(1_000_000_000_u64.div_euclid(alert.chance)))
        };
        let mut text = alert.text.clone();
        if let Some(Acknowledged { officer, at, note }) = acknowledged {
            text = format!("{text}; acknowledged by {officer} at {at}: {}", one_line(note));
        }
        [short(id), alert.from.to_string(), word(&alert.kind).replace('_', " "), chance, text]
    });
    format!("{}\n\n{note}", table(["ALERT", "FROM", "WHAT", "BY CHANCE", ""], rows))
}

/// Canaries.
pub(in crate::cli::render) fn canaries(canaries: &[CanaryLine]) -> String {
    if canaries.is_empty() {
        return "No canaries; `symbolon canary add` adds some.".to_owned();
    }
    let rows = canaries.iter().map(|line| {
        [
            line.name.clone(),
            line.partner.to_string(),
            line.register.to_string(),
            list(&line.purposes),
            line.until.to_string(),
            number(line.asked),
            number(line.found),
            short(&line.commitment),
        ]
    });
    table(["NAME", "PARTNER", "REGISTER", "PURPOSES", "UNTIL", "ASKED", "FOUND", "COMMITMENT"], rows)
}

/// What canaries have shown.
pub(in crate::cli::render) fn reach(reach: &[CanaryReach]) -> String {
    let parts = reach.iter().map(|line| {
        let CanaryReach { partner, register, items, asked, found, different, .. } = line;
        let head = format!(
            "{partner}, register {register}: {} of {} items were canaries, {} different ones; {} found.",
            number(*asked),
            number(*items),
            number(*different),
            number(*found)
        );
        let missed = match line.missed.as_slice() {
            [] => "None was missed.".to_owned(),
            names => format!("MISSED: {}", names.join(", ")),
        };
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let rows = line.rates.iter().map(|(suppressed, by_share, by_canary)| {
            [format!("{suppressed} %"), percent(*by_share), percent(*by_canary)]
        });
        let rates = table(["SUPPRESSED", "WOULD HAVE SHOWN", "COUNTING EACH CANARY ONCE"], rows);
        format!("{head}\n{missed}\n{rates}")
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        return "No canaries; `symbolon canary add` adds some.".to_owned();
    }
    let note = "A holder that knows which records are canaries can answer about these and suppress others.";
    format!("{}\n\n{note}", parts.join("\n\n"))
}
