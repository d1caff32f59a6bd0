//! Work ahead of matches, as text.

use crate::control::api::{Ahead, Prepared, PreparedLines};

use super::table::{number, one_line, table};

/// A preparation that was made.
pub(super) fn prepared(done: &Prepared) -> String {
    let Prepared { partner, bytes, moved, seconds, expires, .. } = done;
    format!(
        "Prepared one match with {partner} in {seconds:.1} s: {} bytes sent, {} received, {} kept here.\nIt ends with its \
         keys, {expires}.",
        number(moved.bytes_out),
        number(moved.bytes_in),
        number(*bytes)
    )
}

/// What lies ready.
pub(super) fn status(lines: &PreparedLines) -> String {
    let rows = lines.kinds.iter().map(|line| {
        [
            line.asker.to_string(),
            line.holder.to_string(),
            line.register.to_string(),
            line.purpose.to_string(),
            line.form.to_string(),
            number(line.count),
            number(line.bytes),
            line.oldest.to_string(),
        ]
    });
    let mut parts = Vec::new();
    if !lines.kinds.is_empty() {
        let heads = ["ASKER", "HOLDER", "REGISTER", "PURPOSE", "FORM", "PREPARED", "BYTES", "OLDEST"];
        parts.push(table(heads, rows));
    }
    parts.extend(lines.stopped.iter().map(|(partner, why)| {
        format!(
            "No keys are set up for {partner} and nothing is prepared with it: {}. See `symbolon peer allow-preparations`.",
            one_line(why)
        )
    }));
    parts.join("\n")
}

/// How much of a match was done ahead, if that is worth a line.
pub(super) fn used(ahead: Ahead) -> Option<&'static str> {
    match ahead {
        Ahead::Prepared => Some("A preparation was used."),
        Ahead::Stale => Some("A preparation was used up and served nothing: the slice had changed."),
        Ahead::InFull => None,
    }
}
