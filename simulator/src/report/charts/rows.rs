//! Pictures of rows: intervals, waterfalls, swings, bars.

use crate::outcome::Interval;

use super::super::{
    draw::{Axis, Drawing, INK, SOFT, WIDTH},
    words::Words,
};

const LEFT: f64 = 14.0;
const RIGHT: f64 = WIDTH - 14.0;
/// Height of a row: a line of text and what is drawn under it.
const ROW: f64 = 44.0;

/// A row: its name, its value in words, its interval.
pub(in crate::report) struct Line {
    pub(in crate::report) label: String,
    pub(in crate::report) told: String,
    pub(in crate::report) interval: Interval,
    /// The place of its proposal, which has the same mark in every figure.
    pub(in crate::report) place: usize,
}

/// What a text of size 14 takes in a wide face, about, in units; Cyrillic letters take more.
fn width(text: &str) -> f64 {
    text.chars().map(|letter| if letter.is_ascii() { 7.4 } else { 8.8 }).sum()
}

/// How much higher rows are because some name does not fit beside its value, which then stands under it.
fn lift<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> f64 {
    let wide = |(label, told): (&str, &str)| width(label) + width(told) * 13.0 / 14.0 > RIGHT - LEFT;
    if texts.into_iter().any(wide) { 17.0 } else { 0.0 }
}

/// The name of a row and its value, `lift` under it.
fn heading(d: &mut Drawing, y: f64, lift: f64, label: &str, told: &str) {
    d.bar((LEFT, RIGHT), y - 14.0, 18.0 + lift, r#"fill="white""#);
    d.text((LEFT, y), "", shorten(label));
    d.text((RIGHT, y + lift), &format!(r#"text-anchor="end" font-size="13" fill="{SOFT}""#), told);
}

/// A name that fits in a row.
fn shorten(text: &str) -> String {
    let room = RIGHT - LEFT;
    if width(text) <= room {
        return text.to_owned();
    }
    let mut left = room - width("…");
    let fits = |letter: &char| {
        left -= width(letter.encode_utf8(&mut [0; 4]));
        left >= 0.0
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// Intervals under each other, with a line that matters: nothing (single), or where to walk away (double).
pub(in crate::report) fn forest(
    words: &Words,
    id: &str,
    lines: &[Line],
    (line, double): (f64, bool),
    (title, about): (&str, &str),
) -> String {
    let ends = lines.iter().flat_map(|line| [line.interval.lo, line.interval.hi]);
    let axis = Axis::over(ends.chain([line]), LEFT + 20.0, RIGHT - 20.0);
    let lift = lift(lines.iter().map(|line| (line.label.as_str(), line.told.as_str())));
    let bottom = 10.0 + (ROW + lift) * lines.len() as f64;
    let mut d = Drawing::new(id);
    d.axis(&axis, (6.0, bottom), |tick| words.number(tick));
    let x = axis.at(line);
    for offset in if double { [-1.6, 1.6] } else { [0.0, 0.0] } {
        d.line((x + offset, 4.0), (x + offset, bottom), &format!(r#"stroke="{INK}" stroke-width="1.3""#));
    }
    for (row, line) in lines.iter().enumerate() {
        let y = 24.0 + (ROW + lift) * row as f64;
        heading(&mut d, y, lift, &line.label, &line.told);
        let y = y + lift;
        let Interval { lo, mean, hi, .. } = line.interval;
        d.whisker((axis.at(lo), axis.at(mean), axis.at(hi)), y + 16.0, line.place);
    }
    d.done(bottom + 24.0, title, about)
}

/// One step of a waterfall.
pub(in crate::report) struct Bar {
    pub(in crate::report) label: String,
    pub(in crate::report) told: String,
    /// How far it goes.
    pub(in crate::report) by: f64,
    /// What is lost without it alone.
    pub(in crate::report) alone: Option<f64>,
}

/// Steps from one total to another.
pub(in crate::report) fn cascade(
    words: &Words,
    id: &str,
    ((from, from_label), (to, to_label)): ((f64, &str), (f64, &str)),
    steps: &[Bar],
    (title, about): (&str, &str),
) -> String {
    let mut reached = from;
    let mut values = vec![0.0, from, to];
    for step in steps {
        values.extend(step.alone.map(|alone| reached + alone));
        reached += step.by;
        values.push(reached);
    }
    let axis = Axis::over(values, LEFT, RIGHT - 8.0);
    let (from_told, to_told) = (words.number(from), words.number(to));
    let ends = [(from_label, from_told.as_str()), (to_label, to_told.as_str())];
    let lift = lift(steps.iter().map(|step| (step.label.as_str(), step.told.as_str())).chain(ends));
    let bottom = 10.0 + (ROW + lift) * (steps.len() + 2) as f64;
    let mut d = Drawing::new(id);
    d.axis(&axis, (6.0, bottom), |tick| words.number(tick));
    let solid = format!(r#"fill="{SOFT}""#);
    let mut y = 24.0;
    let mut row = |d: &mut Drawing, label: &str, told: &str| {
        heading(d, y, lift, label, told);
        y += ROW + lift;
        y - ROW + 9.0
    };
    let at = row(&mut d, from_label, &from_told);
    d.bar((axis.at(0.0), axis.at(from)), at, 14.0, &solid);
    let mut reached = from;
    for step in steps {
        let at = row(&mut d, &step.label, &step.told);
        let next = reached + step.by;
        // More is hatched, less is open; the arrow of the sign is in the words.
        let hatch = d.hatch(1);
        let fill = if step.by >= 0.0 { hatch.as_str() } else { "white" };
        let style = format!(r#"fill="{fill}" stroke="{INK}" stroke-width="1.2""#);
        d.bar((axis.at(reached), axis.at(next)), at, 14.0, &style);
        d.line(
            (axis.at(next), at),
            (axis.at(next), at + ROW + lift),
            &format!(r#"stroke="{SOFT}" stroke-dasharray="2 3""#),
        );
        if let Some(alone) = step.alone {
            let style = format!(r#"fill="white" stroke="{INK}" stroke-width="1.5""#);
            d.mark(3, (axis.at(reached + alone), at + 7.0), &style);
        }
        reached = next;
    }
    let at = row(&mut d, to_label, &to_told);
    d.bar((axis.at(0.0), axis.at(to)), at, 14.0, &solid);
    d.done(bottom + 24.0, title, about)
}

/// Bars to both sides of a centre: open to the lower end, filled to the upper.
pub(in crate::report) fn swings(
    words: &Words,
    id: &str,
    centre: f64,
    swings: &[(String, String, f64, f64)],
    (title, about): (&str, &str),
) -> String {
    let ends = swings.iter().flat_map(|(_, _, lo, hi)| [*lo, *hi]);
    let axis = Axis::over(ends.chain([centre]), LEFT + 10.0, RIGHT - 10.0);
    let lift = lift(swings.iter().map(|(label, told, ..)| (label.as_str(), told.as_str())));
    let bottom = 10.0 + (ROW + lift) * swings.len() as f64;
    let mut d = Drawing::new(id);
    d.axis(&axis, (6.0, bottom), |tick| words.number(tick));
    for (place, (label, told, lo, hi)) in swings.iter().enumerate() {
        let y = 24.0 + (ROW + lift) * place as f64;
        heading(&mut d, y, lift, label, told);
        let y = y + lift;
        let outline = format!(r#"stroke="{INK}" stroke-width="1.2""#);
        d.bar((axis.at(centre), axis.at(*lo)), y + 9.0, 6.5, &format!(r#"fill="white" {outline}"#));
        d.bar((axis.at(centre), axis.at(*hi)), y + 16.5, 6.5, &format!(r#"fill="{INK}" {outline}"#));
    }
    let x = axis.at(centre);
    d.line((x, 4.0), (x, bottom), &format!(r#"stroke="{INK}" stroke-width="1.3""#));
    d.done(bottom + 24.0, title, about)
}

/// Bars from nothing; one without a value runs to the edge and is open.
pub(in crate::report) fn bars(
    words: &Words,
    id: &str,
    lines: &[(Line, bool)],
    longest: f64,
    (title, about): (&str, &str),
) -> String {
    let ends = lines.iter().filter(|(_, found)| *found).flat_map(|(line, _)| [line.interval.mean]);
    let axis = Axis::over(ends.chain([0.0, longest]), LEFT, RIGHT - 10.0);
    let lift = lift(lines.iter().map(|(line, _)| (line.label.as_str(), line.told.as_str())));
    let bottom = 10.0 + (ROW + lift) * lines.len() as f64;
    let mut d = Drawing::new(id);
    d.axis(&axis, (6.0, bottom), |tick| words.number(tick));
    for (place, (line, found)) in lines.iter().enumerate() {
        let y = 24.0 + (ROW + lift) * place as f64;
        heading(&mut d, y, lift, &line.label, &line.told);
        let y = y + lift;
        if *found {
            let fill = d.hatch(4);
            let style = format!(r#"fill="{fill}" stroke="{INK}""#);
            d.bar((axis.at(0.0), axis.at(line.interval.mean)), y + 9.0, 13.0, &style);
        } else {
            let style = format!(r#"fill="none" stroke="{INK}" stroke-dasharray="4 4""#);
            d.bar((axis.at(0.0), RIGHT), y + 9.0, 13.0, &style);
        }
    }
    d.done(bottom + 24.0, title, about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_where_they_fit() {
        let fits = "Counter-proposal: all seven, no names, balanced, with canaries";
        assert_eq!(shorten(fits), fits);
        let cut = shorten(&fits.repeat(2));
        assert!(cut.ends_with('…') && width(&cut) <= RIGHT - LEFT && cut.len() > 50, "{cut}");
        // In Cyrillic fewer letters fit.
        assert!(shorten(&"ж".repeat(62)).chars().count() < 62);
        assert_eq!(lift([("a name", "+1 [0; 2]")]), 0.0);
        assert!(lift([("a name", "+1 [0; 2]"), (fits, "+1 [0; 2]")]) > 0.0);
    }
}
