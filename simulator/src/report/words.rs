//! Texts by Project Fluent, and numbers as each language writes them.

mod codes;

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use symbolon_policy::rules::Language;
use unic_langid::LanguageIdentifier;

use crate::outcome::Interval;

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

/// The texts of every language, read once.
pub(crate) fn every() -> &'static [Words] {
    static READ: OnceLock<Vec<Words>> = OnceLock::new();
    READ.get_or_init(|| Language::ALL.iter().map(|language| Words::new(*language)).collect())
}

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

    /// Which language it is.
    pub fn language(&self) -> Language {
        self.language
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
        // What is left of amounts that cancel out is nothing. A range is not broken in its middle.
        let told = |amount: f64| self.number(if amount.abs() < 1e-6 { 0.0 } else { amount });
        // One seed has no range.
        if of.n == 1 {
            return told(of.mean);
        }
        format!("{} [{};\u{A0}{}]", told(of.mean), told(of.lo), told(of.hi))
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
