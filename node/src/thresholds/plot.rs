//! The trade-off between the two errors as a picture (SVG 1.1).
//!
//! A detection error trade-off curve [ISO/IEC 19795-1 and Martin et al. 1997], on logarithmic axes: rates here go
//! down to 1e-12, where normal deviates would look the same and be harder to read. One curve is of comparisons,
//! one of searches for each register, each with a mark for each threshold of the table. It needs no colour,
//! no script and no file beside it.

use std::fmt::{Display, Write};

use super::{Counted, Study, study::Row};

const WIDTH: f64 = 800.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 776.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 464.0;
/// Height of a line of the legend.
const LINE: f64 = 22.0;
/// The lowest powers of ten of the axes. A mark below stands on the edge.
const LOWEST_FALSE: i32 = -13;
const LOWEST_MISSED: i32 = -5;
/// A label that would come this close to the one before is left out.
const CROWDED: f64 = 26.0;

/// A kind of line: how it is dashed, and its mark as a path around 0, 0.
const STYLES: [(&str, &str); 7] = [
    ("none", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"),
    ("8 4", "M-4 -4h8v8h-8z"),
    ("2 3", "M0 -5l5 9h-10z"),
    ("10 4 2 4", "M0 -5l5 5l-5 5l-5 -5z"),
    ("14 4", "M0 5l5 -9h-10z"),
    ("5 2", "M-5 -2h10v4h-10z"),
    ("10 3 2 3 2 3", "M-2 -5h4v10h-4z"),
];

/// One curve: its name, and for each threshold the share falsely matched and the share missed.
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws a study.
pub(crate) fn svg(study: &Study) -> String {
    let curves = curves(study);
    let counted: Vec<_> = study.rows.iter().filter_map(observed).collect();
    let scale = Scale::of(&curves, &counted);
    let notes = notes(&scale, &curves, !counted.is_empty());
    let mut out = Drawing::default();
    let height = BOTTOM + 60.0 + LINE * (curves.len() + notes.len()) as f64;
    out.put(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title description" font-family="sans-serif" font-size="13" fill="black">"#
    ));
    out.element("title", r#" id="title""#, &title(study));
    out.element("desc", r#" id="description""#, &description(study));
    out.put(format_args!(r#"<rect width="{WIDTH}" height="{height}" fill="white"/>"#));
    out.text((LEFT, 26.0), r#"font-size="17" font-weight="bold""#, "Detection error trade-off");
    out.text((LEFT, 48.0), r#"font-size="12""#, &subtitle(study));
    axes(&mut out, &scale);
    for (curve, style) in curves.iter().zip(STYLES) {
        draw(&mut out, &scale, curve, style);
    }
    if let Some(comparisons) = curves.first() {
        thresholds(&mut out, &scale, &study.rows, comparisons);
    }
    for rates in &counted {
        observation(&mut out, &scale, rates);
    }
    legend(&mut out, &curves, &notes);
    out.put(format_args!("</svg>"));
    out.0
}

fn title(study: &Study) -> String {
    let kind = study.synthetic.map_or("measured".to_owned(), |kind| format!("synthetic {kind}"));
    format!("Detection error trade-off of {kind} templates of {} bits", study.length)
}

fn subtitle(study: &Study) -> String {
    let kind = match study.synthetic {
        Some(kind) => format!("Synthetic {kind} templates"),
        None => "Measured templates".to_owned(),
    };
    format!(
        "{kind}, {} bits; model of {:.0} degrees of freedom, one person {:.3} ± {:.3} apart",
        study.length, study.freedom, study.own_mean, study.own_sd
    )
}

fn description(study: &Study) -> String {
    let mut text = String::from("Share missed against share falsely matched. Comparisons, by the model:");
    for row in &study.rows {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            " threshold {:.4}: {:.1e} falsely matched, {:.1e} missed;",
            row.threshold, row.fmr.model, row.fnmr.model
        );
    }
    text.trim_end_matches(';').to_owned() + "."
}

fn curves(study: &Study) -> Vec<Curve> {
    let points = |of: &dyn Fn(&Row) -> Option<(f64, f64)>| study.rows.iter().filter_map(of).collect();
    let name = "one comparison (FMR, FNMR)".to_owned();
    let comparisons = Curve { name, points: points(&|row| Some((row.fmr.model, row.fnmr.model))) };
    let sizes = study.rows.first().map(|row| row.registers.as_slice()).unwrap_or_default();
    let searches = sizes.iter().enumerate().map(|(at, size)| Curve {
        name: format!("a search of {} records (FPIR, FNIR)", grouped(size.records)),
        points: points(&|row| row.registers.get(at).map(|found| (found.fpir.model, found.fnir.model))),
    });
    std::iter::once(comparisons).chain(searches).collect()
}

/// A number with spaces between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (head, tail) = digits.split_at(digits.len() % 3);
    let mut groups: Vec<_> = (0..tail.len() / 3).filter_map(|at| tail.get(3 * at..3 * at + 3)).collect();
    groups.insert(0, head);
    groups.join(" ").trim().to_owned()
}

/// What was counted of comparisons, if both errors were seen: falsely matched, and missed.
fn observed(row: &Row) -> Option<(Counted, Counted)> {
    let both = row.fmr.counted.zip(row.fnmr.counted);
    both.filter(|(falsely, missed)| falsely.cases > 0 && missed.cases > 0)
}

/// From rates to places. The axis of false matches ends at 1.
struct Scale {
    /// The power of ten at which the axis of false matches begins.
    falsely: i32,
    /// The powers of ten at which the axis of misses begins and ends.
    missed: (i32, i32),
}

impl Scale {
    /// Such that all marks fit, down to the limits.
    fn of(curves: &[Curve], counted: &[(Counted, Counted)]) -> Self {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        // A rate that is a power of ten but for the last digits is that power.
        let floor = |rate: f64, limit: i32| (rate.log10() + 1e-9).floor().max(f64::from(limit)) as i32;
        let least =
            |rates: &mut dyn Iterator<Item = f64>| rates.filter(|rate| *rate > 0.0).fold(0.1, f64::min);
        let falsely = floor(least(&mut points().map(|point| point.0)), LOWEST_FALSE);
        let lowest = floor(least(&mut points().map(|point| point.1)), LOWEST_MISSED);
        let modelled = points().map(|point| point.1).fold(0.0, f64::max);
        let most = counted.iter().map(|(_, missed)| missed.high).fold(modelled, f64::max);
        let highest = floor(most.max(1e-300), lowest).saturating_add(1).min(0);
        Self { falsely, missed: (lowest, highest) }
    }

    fn x(&self, rate: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * part(rate, (self.falsely, 0))
    }

    fn y(&self, rate: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * part(rate, self.missed)
    }

    /// Whether a point stands where it is, and not on the edge.
    fn shows(&self, (falsely, missed): (f64, f64)) -> bool {
        falsely >= 10_f64.powi(self.falsely) * 0.999 && missed >= 10_f64.powi(self.missed.0) * 0.999
    }
}

/// How far along an axis between two powers of ten a rate is, from 0 to 1.
fn part(rate: f64, (lowest, highest): (i32, i32)) -> f64 {
    let length = f64::from(highest.saturating_sub(lowest).max(1));
    ((rate.max(1e-300).log10() - f64::from(lowest)) / length).clamp(0.0, 1.0)
}

fn axes(out: &mut Drawing, scale: &Scale) {
    for power in scale.falsely..=0 {
        let x = scale.x(10_f64.powi(power));
        out.line((x, TOP), (x, BOTTOM), r##"stroke="#ddd""##);
        out.text((x, BOTTOM + 18.0), r#"text-anchor="middle""#, &label(power));
    }
    for power in scale.missed.0..=scale.missed.1 {
        let y = scale.y(10_f64.powi(power));
        out.line((LEFT, y), (RIGHT, y), r##"stroke="#ddd""##);
        out.text((LEFT - 8.0, y + 4.0), r#"text-anchor="end""#, &label(power));
    }
    let (width, height) = (RIGHT - LEFT, BOTTOM - TOP);
    out.put(format_args!(
        r#"<rect x="{LEFT}" y="{TOP}" width="{width}" height="{height}" fill="none" stroke="black"/>"#
    ));
    let middle = f64::midpoint(LEFT, RIGHT);
    out.text((middle, BOTTOM + 40.0), r#"text-anchor="middle""#, "share falsely matched (FMR or FPIR)");
    let middle = f64::midpoint(TOP, BOTTOM);
    let turned = format!(r#"text-anchor="middle" transform="rotate(-90 22 {middle})""#);
    out.text((22.0, middle), &turned, "share missed (FNMR or FNIR)");
}

/// `100 %` to `0.1 %`, and powers of ten below.
fn label(power: i32) -> String {
    match power {
        0 => "100 %".to_owned(),
        -1 => "10 %".to_owned(),
        -2 => "1 %".to_owned(),
        -3 => "0.1 %".to_owned(),
        other => format!("1e{other}"),
    }
}

fn draw(out: &mut Drawing, scale: &Scale, curve: &Curve, (dashes, mark): (&str, &str)) {
    let shown = curve.points.iter().filter(|point| scale.shows(**point));
    let path: Vec<_> = shown.map(|(a, b)| format!("{:.1},{:.1}", scale.x(*a), scale.y(*b))).collect();
    let path = path.join(" ");
    out.put(format_args!(
        r#"<polyline points="{path}" fill="none" stroke="black" stroke-width="1.5" stroke-dasharray="{dashes}"/>"#
    ));
    for (falsely, missed) in &curve.points {
        let (x, y) = (scale.x(*falsely), scale.y(*missed));
        out.put(format_args!(
            r#"<path class="mark" transform="translate({x:.1} {y:.1})" d="{mark}" fill="white" stroke="black"/>"#
        ));
    }
}

/// Thresholds beside the marks of the first curve, where there is room.
fn thresholds(out: &mut Drawing, scale: &Scale, rows: &[Row], curve: &Curve) {
    let mut before: Option<(f64, f64)> = None;
    for (row, point) in rows.iter().zip(&curve.points).filter(|(_, point)| scale.shows(**point)) {
        let (x, y) = (scale.x(point.0), scale.y(point.1));
        let crowded = before.is_some_and(|(a, b)| (x - a).hypot(y - b) < CROWDED);
        if crowded || y > BOTTOM - 20.0 || x < LEFT + 40.0 {
            continue;
        }
        before = Some((x, y));
        let text = format!("{:.3}", row.threshold);
        out.text((x - 8.0, y + 15.0), r#"text-anchor="end" font-size="11""#, &text);
    }
}

/// A full dot with both intervals.
fn observation(out: &mut Drawing, scale: &Scale, (falsely, missed): &(Counted, Counted)) {
    let (x, y) = (scale.x(falsely.estimate), scale.y(missed.estimate));
    let stroke = r#"stroke="black" stroke-width="2""#;
    out.line((scale.x(falsely.low), y), (scale.x(falsely.high), y), stroke);
    out.line((x, scale.y(missed.low)), (x, scale.y(missed.high)), stroke);
    out.put(format_args!(r#"<circle class="counted" cx="{x:.1}" cy="{y:.1}" r="3"/>"#));
}

/// A line of the legend that belongs to no curve, and whether it is that of counted rates.
type Note = (bool, &'static str);

fn notes(scale: &Scale, curves: &[Curve], counted: bool) -> Vec<Note> {
    let beyond = curves.iter().flat_map(|curve| &curve.points).any(|point| !scale.shows(*point));
    let counted = counted.then_some((true, "one comparison, counted; bars are intervals of 95 % confidence"));
    let beyond = beyond.then_some((false, "a mark on the lower or left edge lies beyond it"));
    let thresholds = (false, "numbers beside marks are thresholds on the fractional distance");
    counted.into_iter().chain([thresholds]).chain(beyond).collect()
}

fn legend(out: &mut Drawing, curves: &[Curve], notes: &[Note]) {
    let (middle, end) = (LEFT + 30.0, LEFT + 60.0);
    let mut y = BOTTOM + 70.0;
    for (curve, (dashes, mark)) in curves.iter().zip(STYLES) {
        let stroke = format!(r#"stroke="black" stroke-width="1.5" stroke-dasharray="{dashes}""#);
        out.line((LEFT, y), (end, y), &stroke);
        out.put(format_args!(
            r#"<path transform="translate({middle} {y})" d="{mark}" fill="white" stroke="black"/>"#
        ));
        out.text((end + 12.0, y + 4.0), "", &format!("{}, by the model", curve.name));
        y += LINE;
    }
    for (counted, text) in notes {
        if *counted {
            let stroke = r#"stroke="black" stroke-width="2""#;
            out.line((middle - 10.0, y), (middle + 10.0, y), stroke);
            out.line((middle, y - 7.0), (middle, y + 7.0), stroke);
            out.put(format_args!(r#"<circle cx="{middle}" cy="{y}" r="3"/>"#));
        }
        out.text((end + 12.0, y + 4.0), "", text);
        y += LINE;
    }
}

/// The text of a picture as it grows.
#[derive(Default)]
struct Drawing(String);

impl Drawing {
    fn put(&mut self, text: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{text}");
    }

    fn element(&mut self, name: &str, attributes: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.put(format_args!("<{name}{attributes}>{text}</{name}>"));
    }

    fn text(&mut self, (x, y): (f64, f64), attributes: &str, text: &str) {
        self.element("text", &format!(r#" x="{x:.1}" y="{y:.1}" {attributes}"#), text);
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), attributes: &str) {
        self.put(format_args!(r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" {attributes}/>"#));
    }
}
