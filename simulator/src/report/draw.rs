//! A drawing in SVG 1.1: lines, marks, hatching, axes.

use std::fmt::{Display, Write};

/// Width of every drawing, in its own units; text of 14 units is still read on a telephone.
pub(super) const WIDTH: f64 = 500.0;
/// The ink of lines and letters.
pub(super) const INK: &str = "#16202b";
/// Ink for what matters less; 7:1 on white.
pub(super) const SOFT: &str = "#4a5865";

/// Hatchings, by path in a cell of 8, its background, and its ink: told apart without colour.
const HATCHES: [(&str, &str, &str); 8] = [
    ("", "#1f4e79", "#1f4e79"),
    ("M0 8L8 0M-2 2L2 -2M6 10L10 6", "#fdf0e3", "#8a4b08"),
    ("M2 2h.1M6 6h.1", "#e9f4ec", "#1e6b3a"),
    ("M0 0L8 8M-2 6L2 10M6 -2L10 2M0 8L8 0M-2 2L2 -2M6 10L10 6", "#f5ecf7", "#6a2c82"),
    ("M0 4h8", "#eef2f6", "#33485c"),
    ("M4 0v8", "#fff7d6", "#6b5600"),
    ("M0 0L8 8M-2 6L2 10M6 -2L10 2", "#fde8ea", "#97202f"),
    ("M0 2h8M0 6h8M2 0v8M6 0v8", "#e6f5f6", "#0d5f68"),
];

/// Marks as paths around 0, 0.
const MARKS: [&str; 7] = [
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-5 -5h10v10h-10z",
    "M0 -6l6 11h-12z",
    "M0 -6l6 6l-6 6l-6 -6z",
    "M0 6l6 -11h-12z",
    "M-6 -2.5h12v5h-12z",
    "M-2.5 -6h5v12h-5z",
];

/// A drawing that grows.
pub(super) struct Drawing {
    id: String,
    body: String,
}

impl Drawing {
    /// An empty drawing whose name is unlike any other of the page.
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), body: String::new() }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(text);
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), style: &str) {
        self.put(format_args!(r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" {style}/>"#));
    }

    /// A bar from one place to another, whichever is the left one.
    pub(super) fn bar(&mut self, (from, to): (f64, f64), y: f64, height: f64, style: &str) {
        let (x, width) = (from.min(to), (to - from).abs().max(0.8));
        self.put(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" {style}/>"#
        ));
    }

    pub(super) fn path(&mut self, d: &str, style: &str) {
        self.put(format_args!(r#"<path d="{d}" {style}/>"#));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), style: &str, text: impl Display) {
        self.put(format_args!(r#"<text x="{x:.1}" y="{y:.1}" {style}>"#));
        escape(&mut self.body, &text.to_string());
        self.body.push_str("</text>");
    }

    /// A mark: its kind tells a proposal from another.
    pub(super) fn mark(&mut self, kind: usize, (x, y): (f64, f64), style: &str) {
        let d = MARKS.get(kind % MARKS.len()).copied().unwrap_or_default();
        self.put(format_args!(r#"<path transform="translate({x:.1} {y:.1})" d="{d}" {style}/>"#));
    }

    /// An interval with its mark.
    pub(super) fn whisker(&mut self, (lo, at, hi): (f64, f64, f64), y: f64, kind: usize) {
        self.line((lo, y), (hi, y), &format!(r#"stroke="{INK}" stroke-width="2""#));
        for end in [lo, hi] {
            self.line((end, y - 5.0), (end, y + 5.0), &format!(r#"stroke="{INK}" stroke-width="2""#));
        }
        let fill = if kind == 0 { "white" } else { INK };
        self.mark(kind, (at, y), &format!(r#"fill="{fill}" stroke="{INK}" stroke-width="1.5""#));
    }

    /// How to fill with a hatching.
    pub(super) fn hatch(&self, kind: usize) -> String {
        format!("url(#{}-h{})", self.id, kind % HATCHES.len())
    }

    /// The ticks of an axis, with lines from `top` to `bottom`.
    pub(super) fn axis(&mut self, axis: &Axis, (top, bottom): (f64, f64), label: impl Fn(f64) -> String) {
        for tick in axis.ticks() {
            let x = axis.at(tick);
            self.line((x, top), (x, bottom), r##"stroke="#d4dbe1" stroke-width="1""##);
            let style = format!(r#"font-size="13" fill="{SOFT}" text-anchor="middle""#);
            self.text((x, bottom + 15.0), &style, label(tick));
        }
    }

    /// The finished drawing.
    pub(super) fn done(self, height: f64, title: &str, description: &str) -> String {
        let Self { id, body } = self;
        let mut out = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-labelledby="{id}-t {id}-d" font-family="system-ui, 'Noto Sans', 'DejaVu Sans', sans-serif" font-size="14" fill="{INK}">"#
        );
        for (tag, suffix, text) in [("title", "t", title), ("desc", "d", description)] {
            let _ = write!(out, r#"<{tag} id="{id}-{suffix}">"#);
            escape(&mut out, text);
            let _ = write!(out, "</{tag}>");
        }
        out.push_str("<defs>");
        for (kind, (d, ground, ink)) in HATCHES.iter().enumerate() {
            if body.contains(&format!("url(#{id}-h{kind})")) {
                let _ = write!(
                    out,
                    r#"<pattern id="{id}-h{kind}" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="{ground}"/><path d="{d}" stroke="{ink}" stroke-width="1.6" stroke-linecap="round" fill="none"/></pattern>"#
                );
            }
        }
        let _ =
            write!(out, r#"</defs><rect width="{WIDTH}" height="{height:.0}" fill="white"/>{body}</svg>"#);
        out
    }
}

/// Puts text where markup is expected.
pub(super) fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no place for other control characters.
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
}

/// Where values lie between two edges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    lo: f64,
    hi: f64,
    left: f64,
    right: f64,
}

impl Axis {
    /// An axis that holds every value, with a little room.
    pub(super) fn over(values: impl IntoIterator<Item = f64>, left: f64, right: f64) -> Self {
        let finite: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let lo = finite.iter().copied().fold(f64::INFINITY, f64::min);
        let hi = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (lo, hi) = if lo > hi { (0.0, 1.0) } else { (lo, hi) };
        let room = if hi > lo { (hi - lo) * 0.04 } else { hi.abs().max(1.0) * 0.5 };
        let floor = if lo >= 0.0 && lo - room < 0.0 { lo } else { lo - room };
        Self { lo: floor, hi: hi + room, left, right }
    }

    /// The place of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.left + (value - self.lo) / (self.hi - self.lo) * (self.right - self.left)
    }

    /// Round values, four to seven of them.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let rough = (self.hi - self.lo) / 5.0;
        let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = libm::ceil(self.lo / step);
        let ticks = (0..12).map(|k| (first + f64::from(k)) * step);
        ticks.take_while(|tick| *tick <= self.hi).map(|tick| if tick == 0.0 { 0.0 } else { tick }).collect()
    }
}
