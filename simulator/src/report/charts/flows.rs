//! Who confirms what to whom: ribbons, and the same as squares.

use super::super::{
    draw::{Drawing, INK, WIDTH},
    words::Words,
};

/// How much each asker (row) received from each holder (column).
pub(in crate::report) type Flows = Vec<Vec<f64>>;

fn flow(flows: &Flows, asker: usize, holder: usize) -> f64 {
    flows.get(asker).and_then(|row| row.get(holder)).copied().unwrap_or(0.0)
}

/// A ribbon between each two parties, as wide at each as what it received there.
pub(in crate::report) fn chord(
    id: &str,
    codes: &[String],
    flows: &Flows,
    (title, about): (&str, &str),
) -> String {
    const OUTER: f64 = 168.0;
    const INNER: f64 = 150.0;
    let centre = (WIDTH / 2.0, 200.0);
    let at =
        |radius: f64, turn: f64| (centre.0 + radius * libm::sin(turn), centre.1 - radius * libm::cos(turn));
    let point = |(x, y): (f64, f64)| format!("{x:.1} {y:.1}");
    let mut d = Drawing::new(id);
    let n = codes.len();
    let full = core::f64::consts::TAU;
    let gap = 0.06;
    // A party that received nothing keeps a small arc, so that ribbons have where to end.
    let received: Vec<f64> = (0..n).map(|a| (0..n).map(|h| flow(flows, a, h)).sum()).collect();
    let total: f64 = received.iter().sum();
    let least = if total > 0.0 { total * 0.02 } else { 1.0 };
    let sizes: Vec<f64> = received.iter().map(|size| size.max(least)).collect();
    let scale = (full - gap * n as f64) / sizes.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    // Where each part of each arc begins and ends.
    let mut spans = vec![vec![(0.0, 0.0); n]; n];
    let mut arcs = Vec::new();
    let mut turn = 0.0;
    for (a, size) in sizes.iter().enumerate() {
        let start = turn;
        for step in 1..n {
            let h = (a + n - step) % n;
            let width = flow(flows, a, h) * scale;
            if let Some(span) = spans.get_mut(a).and_then(|row| row.get_mut(h)) {
                *span = (turn, turn + width);
            }
            turn += width;
        }
        turn = start + size * scale;
        arcs.push((start, turn));
        turn += gap;
    }
    for a in 0..n {
        for h in a + 1..n {
            let (to_a, to_h) = (flow(flows, a, h), flow(flows, h, a));
            if to_a + to_h <= 0.0 {
                continue;
            }
            let span =
                |a: usize, h: usize| spans.get(a).and_then(|row| row.get(h)).copied().unwrap_or_default();
            let ((a0, a1), (h0, h1)) = (span(a, h), span(h, a));
            let c = point(centre);
            let r = INNER;
            let path = format!(
                "M{}A{r} {r} 0 {} 1 {}Q{c} {}A{r} {r} 0 {} 1 {}Q{c} {}Z",
                point(at(r, a0)),
                i32::from(a1 - a0 > full / 2.0),
                point(at(r, a1)),
                point(at(r, h0)),
                i32::from(h1 - h0 > full / 2.0),
                point(at(r, h1)),
                point(at(r, a0))
            );
            let larger = if to_a >= to_h { a } else { h };
            let fill = d.hatch(larger);
            d.path(&path, &format!(r#"fill="{fill}" fill-opacity="0.85" stroke="{INK}" stroke-width="0.8""#));
        }
    }
    for (place, ((start, end), code)) in arcs.iter().zip(codes).enumerate() {
        let wide = i32::from(end - start > full / 2.0);
        let path = format!(
            "M{}A{OUTER} {OUTER} 0 {wide} 1 {}L{}A{INNER} {INNER} 0 {wide} 0 {}Z",
            point(at(OUTER, *start)),
            point(at(OUTER, *end)),
            point(at(INNER, *end)),
            point(at(INNER, *start))
        );
        let fill = d.hatch(place);
        d.path(&path, &format!(r#"fill="{fill}" stroke="{INK}" stroke-width="1.2""#));
        let middle = (start + end) / 2.0;
        let (x, y) = at(OUTER + 12.0, middle);
        let across = libm::sin(middle);
        let anchor = if across > 0.3 {
            "start"
        } else if across < -0.3 {
            "end"
        } else {
            "middle"
        };
        let y = y + 5.0 - 4.0 * libm::cos(middle);
        d.text((x, y), &format!(r#"text-anchor="{anchor}" font-weight="600""#), code);
    }
    d.done(404.0, title, about)
}

/// A cell of the matrix below this has no room for a number.
const SMALL_CELL: f64 = 40.0;

/// A square for each pair, as large as what the asker received from the holder, with the number in it.
pub(in crate::report) fn matrix(
    words: &Words,
    id: &str,
    codes: &[String],
    flows: &Flows,
    (title, about): (&str, &str),
) -> String {
    let n = codes.len().max(1);
    let (left, top) = (96.0, 56.0);
    let cell = ((WIDTH - left - 16.0) / n as f64).min(96.0);
    let most = flows.iter().flatten().copied().fold(0.0, f64::max);
    let mut d = Drawing::new(id);
    d.text((8.0, top - 8.0), r#"font-size="13""#, format!("{} ↓", words.get("asker")));
    d.text((left, 18.0), r#"font-size="13""#, format!("{} →", words.get("holder")));
    // Where cells are small, numbers are for the table alone, and the codes above stand upright.
    let small = cell < SMALL_CELL;
    for (place, code) in codes.iter().enumerate() {
        let middle = (place as f64 + 0.5) * cell;
        if small {
            let (x, y) = (left + middle + 4.0, top - 6.0);
            let style = format!(r#"font-size="11" transform="rotate(-90 {x} {y})""#);
            d.text((x, y), &style, code);
            d.text((left - 10.0, top + middle + 4.0), r#"font-size="11" text-anchor="end""#, code);
        } else {
            d.text((left + middle, top - 8.0), r#"text-anchor="middle" font-weight="600""#, code);
            d.text((left - 10.0, top + middle + 5.0), r#"text-anchor="end" font-weight="600""#, code);
        }
    }
    for asker in 0..codes.len() {
        for holder in 0..codes.len() {
            let (x, y) = (left + holder as f64 * cell, top + asker as f64 * cell);
            let frame = r##"fill="white" stroke="#b9c2cb""##;
            d.bar((x, x + cell), y, cell, frame);
            let value = flow(flows, asker, holder);
            if asker == holder {
                d.line((x, y), (x + cell, y + cell), r##"stroke="#b9c2cb""##);
            } else if value > 0.0 && small {
                let side = (cell - 3.0) * libm::sqrt(value / most);
                let (x, y) = (x + (cell - side) / 2.0, y + (cell - side) / 2.0);
                d.bar((x, x + side), y, side, &format!(r#"fill="{INK}""#));
            } else if value > 0.0 {
                let side = (cell - 22.0).max(6.0) * libm::sqrt(value / most);
                let middle = x + cell / 2.0;
                let low = y + cell - 18.0;
                let fill = format!(r#"fill="{INK}""#);
                d.bar((middle - side / 2.0, middle + side / 2.0), low - side, side, &fill);
                let size = if cell < 70.0 { 11 } else { 13 };
                let style = format!(r#"font-size="{size}" text-anchor="middle""#);
                d.text((middle, y + cell - 5.0), &style, words.number(value));
            }
        }
    }
    d.done(top + cell * n as f64 + 12.0, title, about)
}
