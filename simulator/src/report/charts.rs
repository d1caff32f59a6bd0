//! The pictures. Each has a row of text above what it shows, so that long names fit on a telephone.

mod flows;
mod rows;

use super::{
    draw::{Axis, Drawing, INK, SOFT, WIDTH},
    words::Words,
};

pub(super) use flows::{chord, matrix};
pub(super) use rows::{Bar, Line, bars, cascade, forest, swings};

/// A mark of a scatter plot, with the intervals of both values.
pub(super) struct Spot {
    pub(super) label: String,
    pub(super) x: [f64; 3],
    pub(super) y: [f64; 3],
}

/// Up: one figure; right: another. Small circles are what a search tried, a line its front.
pub(super) fn scatter(
    words: &Words,
    id: &str,
    spots: &[Spot],
    (tried, candidate): (&[(f64, f64, bool)], &str),
    (across, up, about): (&str, &str, &str),
) -> String {
    let (top, bottom) = (30.0, 380.0);
    let mut d = Drawing::new(id);
    let all = |pick: fn(&Spot) -> [f64; 3]| spots.iter().flat_map(pick).collect::<Vec<_>>();
    let xs = all(|spot| spot.x).into_iter().chain(tried.iter().map(|(x, _, _)| *x));
    let ys = all(|spot| spot.y).into_iter().chain(tried.iter().map(|(_, y, _)| *y));
    let (x, y) = (Axis::over(xs, 76.0, WIDTH - 24.0), Axis::over(ys, bottom, top));
    d.axis(&x, (top, bottom), |tick| words.number(tick));
    for tick in y.ticks() {
        d.line((76.0, y.at(tick)), (WIDTH - 24.0, y.at(tick)), r##"stroke="#d4dbe1""##);
        let style = format!(r#"font-size="13" fill="{SOFT}" text-anchor="end""#);
        d.text((70.0, y.at(tick) + 4.0), &style, words.number(tick));
    }
    d.text((8.0, 18.0), r#"font-weight="600""#, format!("↑ {up}"));
    d.text((WIDTH - 24.0, bottom + 38.0), r#"font-weight="600" text-anchor="end""#, format!("{across} →"));
    for (right, high, _) in tried.iter().filter(|(_, _, front)| !front) {
        d.mark(0, (x.at(*right), y.at(*high)), r##"fill="none" stroke="#8a97a3" stroke-width="1""##);
    }
    let mut front: Vec<(f64, f64)> = tried
        .iter()
        .filter(|(_, _, front)| *front)
        .map(|(right, high, _)| (x.at(*right), y.at(*high)))
        .collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    if !front.is_empty() {
        let d_path: Vec<String> = front.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let style = format!(r#"fill="none" stroke="{INK}" stroke-dasharray="5 4""#);
        d.path(&format!("M{}", d_path.join("L")), &style);
        for at in &front {
            d.mark(3, *at, &format!(r#"fill="white" stroke="{INK}" stroke-width="1.5""#));
        }
    }
    let mut legend = bottom + 62.0;
    for (kind, spot) in spots.iter().enumerate() {
        let ([x_lo, x_at, x_hi], [y_lo, y_at, y_hi]) = (spot.x.map(|v| x.at(v)), spot.y.map(|v| y.at(v)));
        let thin = format!(r#"stroke="{INK}" stroke-width="1.5""#);
        d.line((x_lo, y_at), (x_hi, y_at), &thin);
        d.line((x_at, y_lo), (x_at, y_hi), &thin);
        let fill = if kind == 0 { "white" } else { INK };
        let style = format!(r#"fill="{fill}" stroke="{INK}" stroke-width="2""#);
        d.mark(kind, (x_at, y_at), &style);
        d.mark(kind, (20.0, legend - 5.0), &style);
        d.text((36.0, legend), "", &spot.label);
        legend += 22.0;
    }
    if !tried.is_empty() {
        d.mark(0, (20.0, legend - 5.0), r##"fill="none" stroke="#8a97a3""##);
        // Both halves in one line are wider than the picture.
        let (found, how) = candidate.split_once(", ").unwrap_or((candidate, ""));
        d.text((36.0, legend), "", found);
        legend += 18.0;
        d.text((36.0, legend), "", how);
        d.mark(3, (20.0, legend + 17.0), &format!(r#"fill="white" stroke="{INK}" stroke-width="1.5""#));
        d.text((36.0, legend + 22.0), "", words.get("front"));
        legend += 44.0;
    }
    d.done(legend, up, about)
}
