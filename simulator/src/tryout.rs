//! Settings that a negotiator tries by hand, and the page that answers.
//!
//! All state is in the query of the address, so that a link reproduces the page. A setting that is left out is as
//! in the files. The network is not here: [`Tryout::page`] and [`Tryout::answer`] take the query and give HTML.
//! A quick look takes at most [`PERSONS`] persons and [`SEEDS`] seeds.

mod error;
mod settings;

use askama::Template;
use symbolon_policy::{
    rules::Language,
    words::{Field, Purpose},
};

use crate::{
    cost::Calibration,
    proposal::Proposal,
    report::{Report, ReportError, Words, marked},
    run::{Plan, RunError, Watch, run},
    scenario::Scenario,
};

pub use error::{SettingsError, Takes};
pub use settings::{Control, Kind, Settings};

/// Persons of a quick look, at most.
pub const PERSONS: u32 = 20_000;
/// Seeds of a quick look, at most. Persons are shared among them.
pub const SEEDS: usize = 4;
/// Bytes of a query, at most.
pub const MOST: usize = 4_096;

/// The script of the page, served beside it; the page works without.
pub const SCRIPT: &str = include_str!("../templates/tryout.js");

/// What is tried.
#[derive(Debug)]
pub struct Tryout {
    scenario: Scenario,
    proposals: Vec<Proposal>,
    baseline: Proposal,
    calibration: Calibration,
    words: Words,
}

/// Settings that cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum TryoutError {
    /// A setting is none, or out of range.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Terms or rules do not stand with it.
    #[error(transparent)]
    Knob(#[from] crate::search::KnobError),
    /// The run cannot be made.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The page cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Others are waiting already.
    #[error("too many requests at once")]
    Busy,
    /// The run broke off.
    #[error("the run broke off")]
    Ended,
}

#[derive(Template)]
#[template(path = "tryout.html")]
struct Page<'a> {
    lang: &'a str,
    title: String,
    scenario: &'a str,
    note: String,
    link: String,
    apply: String,
    translation: String,
    groups: Vec<(String, Vec<Control>)>,
    answer: String,
    style: &'static str,
}

/// A page that says what was wrong.
#[derive(Template)]
#[template(path = "wrong.html")]
struct Wrong<'a> {
    lang: &'a str,
    title: String,
    scenario: &'a str,
    part: String,
    style: &'static str,
}

impl Tryout {
    /// Over a scenario and its proposals; the first is the baseline.
    ///
    /// # Errors
    /// [`SettingsError::Nothing`] if no proposal has an agreement.
    pub fn new(
        scenario: &Scenario,
        proposals: Vec<Proposal>,
        calibration: &Calibration,
        language: Language,
    ) -> Result<Self, SettingsError> {
        let baseline = proposals.first().cloned().ok_or(SettingsError::Nothing)?;
        let proposals: Vec<Proposal> = proposals.into_iter().filter(|of| !of.deals.is_empty()).collect();
        if proposals.is_empty() {
            return Err(SettingsError::Nothing);
        }
        let mut scenario = scenario.clone();
        let seeds: Vec<u64> = scenario.seeds().into_iter().take(SEEDS).collect();
        let each = PERSONS / u32::try_from(seeds.len().max(1)).unwrap_or(1);
        scenario.run.persons = scenario.run.persons.min(each);
        scenario.run.seeds = crate::scenario::Seeds::Listed(seeds);
        scenario.abuse.clear();
        Ok(Self {
            scenario,
            proposals,
            baseline,
            calibration: calibration.clone(),
            words: Words::new(language),
        })
    }

    /// The whole page for a query.
    ///
    /// # Errors
    /// [`TryoutError`] if it cannot be answered.
    pub fn page(&self, query: &str, watch: &dyn Watch) -> Result<String, TryoutError> {
        let settings = Settings::parse(query)?;
        let answer = self.answer(query, watch)?;
        let words = &self.words;
        let seeds = self.scenario.seeds().len();
        let put = [
            ("persons", words.number(f64::from(self.scenario.run.persons))),
            ("seeds", words.number(seeds as f64)),
        ];
        let put: Vec<(&'static str, &str)> =
            put.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = Page {
            lang: words.tag(),
            title: words.get("assess"),
            scenario: &self.scenario.title,
            note: words.with("note-quick", &put),
            link: words.get("share-link"),
            apply: words.get("apply"),
            translation: words.get("translation-note"),
            groups: settings.controls(words, &self.scenario, &self.proposals),
            answer,
            style: include_str!("../templates/report.css"),
        };
        Ok(page.render().map_err(|error| ReportError::Page(error.to_string()))?)
    }

    /// The part of the page that the settings change.
    ///
    /// # Errors
    /// [`TryoutError`] if it cannot be answered.
    pub fn answer(&self, query: &str, watch: &dyn Watch) -> Result<String, TryoutError> {
        let settings = Settings::parse(query)?;
        let mut proposal = settings.proposal(&self.proposals)?;
        proposal.title = self.words.with("tried", &[("proposal", &proposal.title)]);
        let scenario = settings.scenario(&self.scenario);
        // The proposal as its files have it stands beside what is tried, unless it is the baseline itself.
        let base = settings.base(&self.proposals)?.clone();
        let mut shown = vec![self.baseline.clone()];
        if base.id != self.baseline.id {
            shown.push(base);
        }
        shown.push(proposal);
        let seeds = scenario.seeds();
        let mut outcome = run(&Plan::new(&scenario, &shown, &seeds, &self.calibration), watch)?;
        if outcome.cancelled {
            return Err(RunError::Cancelled.into());
        }
        settings.weigh(&mut outcome.parties);
        let report = Report {
            outcome: &outcome,
            baseline: 0,
            compared: None,
            proposals: &shown,
            found: &[],
            screened: (0, 0),
            crossing: 0,
            counters: &[],
        };
        Ok(report.fragment(&self.words)?)
    }

    /// The page in the place of one that could not be made: what was wrong, and a way back.
    pub fn wrong(&self, error: &TryoutError) -> String {
        let words = &self.words;
        let page = Wrong {
            lang: words.tag(),
            title: words.get("wrong"),
            scenario: &self.scenario.title,
            part: self.wrong_part(error),
            style: include_str!("../templates/report.css"),
        };
        page.render().unwrap_or_else(|error| error.to_string())
    }

    /// The same, in the place of an answer.
    pub fn wrong_part(&self, error: &TryoutError) -> String {
        let (told, back) = (marked(&self.told(error)), marked(&self.words.get("wrong-back")));
        format!("<p role=\"alert\">{told}</p>\n<p><a href=\"/\">{back}</a></p>\n")
    }

    fn told(&self, error: &TryoutError) -> String {
        let words = &self.words;
        // What stands between backticks is shown as it is, so it has none itself.
        let plain = |text: &str| text.replace('`', "'");
        match error {
            TryoutError::Settings(SettingsError::Long) => {
                words.with("wrong-long", &[("most", &words.number(MOST as f64))])
            }
            TryoutError::Settings(SettingsError::Unknown(name)) => {
                words.with("wrong-unknown", &[("name", &plain(name))])
            }
            TryoutError::Settings(SettingsError::Value { name, takes }) => {
                let label = settings::label(words, name).unwrap_or_else(|| format!("`{}`", plain(name)));
                let (key, put) = match takes {
                    Takes::Number(least, most) => {
                        let [least, most] = [least, most].map(|end| words.number(*end));
                        ("wrong-number", vec![("least", least), ("most", most)])
                    }
                    Takes::Code(codes) => ("wrong-choice", vec![("choices", self.codes(codes))]),
                    Takes::Name(names) => {
                        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                        ("wrong-choice", vec![("choices", names.join(", "))])
                    }
                };
                let mut put: Vec<(&'static str, &str)> =
                    put.iter().map(|(name, text)| (*name, text.as_str())).collect();
                put.push(("label", &label));
                words.with(key, &put)
            }
            TryoutError::Busy => words.get("wrong-busy"),
            TryoutError::Ended | TryoutError::Run(RunError::Cancelled) => words.get("wrong-ended"),
            TryoutError::Settings(SettingsError::Nothing)
            | TryoutError::Knob(_)
            | TryoutError::Run(_)
            | TryoutError::Report(_) => words.with("wrong-terms", &[("why", &plain(&error.to_string()))]),
        }
    }

    /// Purposes or fields, in words and as they stand in an address.
    fn codes(&self, codes: &[&str]) -> String {
        let each = codes.iter().map(|code| {
            let purpose = code.parse::<Purpose>().map(|purpose| self.words.purpose(purpose));
            let said = purpose.or_else(|_| code.parse::<Field>().map(|field| self.words.field(field)));
            format!("{} `{code}`", said.unwrap_or_default())
        });
        each.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests;
