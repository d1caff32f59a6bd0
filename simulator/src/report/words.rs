//! Texts by Project Fluent, and numbers as each language writes them.

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use symbolon_policy::rules::Language;
use unic_langid::LanguageIdentifier;

use crate::outcome::{Interval, Measure};

/// The texts of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").field("language", &self.language).finish_non_exhaustive()
    }
}

/// The file of a language.
pub(super) fn file(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("words/en.ftl"),
        Language::SrLatn => include_str!("words/sr-latn.ftl"),
        Language::SrCyrl => include_str!("words/sr-cyrl.ftl"),
        Language::Sq => include_str!("words/sq.ftl"),
        Language::Mk => include_str!("words/mk.ftl"),
        Language::Bs => include_str!("words/bs.ftl"),
    }
}

/// Where there is no value.
pub(super) const NONE: &str = "–";
/// A narrow space that does not break, between groups of three digits [ISO 80000-1].
const GROUP: char = '\u{202F}';

impl Words {
    /// The texts of a language.
    pub fn new(language: Language) -> Self {
        let tag = match language {
            Language::SrLatn => "sr-Latn",
            Language::SrCyrl => "sr-Cyrl",
            other => other.as_str(),
        };
        let mut bundle =
            FluentBundle::new_concurrent(vec![tag.parse::<LanguageIdentifier>().unwrap_or_default()]);
        bundle.set_use_isolating(false);
        // A test reads every file; a fault would leave out the message that has it.
        let resource = FluentResource::try_new(file(language).to_owned()).unwrap_or_else(|(read, _)| read);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// The tag of the language, as HTML wants it.
    pub fn tag(&self) -> &'static str {
        match self.language {
            Language::SrLatn => "sr-Latn",
            Language::SrCyrl => "sr-Cyrl",
            other => other.as_str(),
        }
    }

    /// A text. What has no text is shown by its name.
    pub fn get(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// A text with something put in.
    pub fn with(&self, key: &str, put: &[(&'static str, &str)]) -> String {
        let pattern = self.bundle.get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else { return key.to_owned() };
        let args: FluentArgs<'_> = put.iter().map(|(name, value)| (*name, *value)).collect();
        self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }

    /// The name of a figure.
    pub fn measure(&self, measure: Measure) -> String {
        self.get(&format!("m-{}", measure.as_str()))
    }

    /// What a number of a scenario says, and of whom: `party.RS.register_p` becomes "… (RS)". Its `label` has after the path
    /// what a place in a list stands for, in brackets. A path without words stays as it is.
    pub fn quantity(&self, path: &str, label: &str) -> String {
        let mut parts = path.split('.');
        let (Some(table), Some(last)) = (parts.next(), parts.next_back()) else { return label.to_owned() };
        let (list, middle) = (table.split('[').next().unwrap_or(table), parts.next());
        let (key, whose) = match list {
            "field_bits" => (format!("n-{list}"), Some(last)),
            _ => (format!("n-{list}-{last}"), middle),
        };
        if !self.bundle.has_message(&key) {
            return label.to_owned();
        }
        let said = label.split_once(" (").and_then(|(_, said)| said.strip_suffix(')'));
        let whose = whose.or(said).map(|whose| format!(" ({whose})"));
        self.get(&key) + &whose.unwrap_or_default()
    }

    /// A number with about three digits that count.
    pub fn number(&self, value: f64) -> String {
        let size = value.abs();
        if size != 0.0 && size < 0.001 {
            return self.mark(&format!("{value:.2e}")).replace('-', "−");
        }
        let digits = if size == 0.0 || size >= 100.0 {
            0
        } else if size >= 10.0 {
            1
        } else if size >= 1.0 {
            2
        } else {
            3
        };
        let text = format!("{value:.digits$}");
        let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("−", rest));
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let part = part.trim_end_matches('0');
        let zero = whole == "0" && part.is_empty();
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) && whole.len() > 4 {
                grouped.push(GROUP);
            }
            grouped.push(digit);
        }
        if !part.is_empty() {
            grouped.push('.');
            grouped.push_str(part);
        }
        format!("{}{}", if zero { "" } else { sign }, self.mark(&grouped))
    }

    /// A share as percent.
    pub fn percent(&self, share: f64) -> String {
        format!("{}\u{A0}%", self.number(share * 100.0))
    }

    /// A mean with its range.
    pub fn interval(&self, of: &Interval) -> String {
        if of.n == 0 {
            return NONE.to_owned();
        }
        // A range is not broken in its middle.
        format!("{} [{};\u{A0}{}]", self.number(of.mean), self.number(of.lo), self.number(of.hi))
    }

    /// A difference with its range and sign.
    pub fn difference(&self, of: &Interval) -> String {
        let sign = if of.mean > 0.0 { "+" } else { "" };
        format!("{sign}{}", self.interval(of))
    }

    /// The decimal sign of the language.
    fn mark(&self, text: &str) -> String {
        if self.language == Language::En { text.to_owned() } else { text.replace('.', ",") }
    }
}
