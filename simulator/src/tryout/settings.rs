//! Settings, from the query of an address and as controls of a form.

use std::{collections::BTreeMap, ops::RangeInclusive};

use symbolon_policy::{
    agreement::{ClaimTerms, CountTerms, ExactTerms, Unit},
    words::{Field, Purpose},
};
use symbolon_protocol::padding::Buckets;
use toml::Value;

use crate::{
    outcome::PartyLabel,
    proposal::{CANARY_SHARES, Proposal, ProposalError},
    report::Words,
    scenario::Scenario,
    search::{KnobError, turn},
};

use super::{MOST, SettingsError, Takes};

/// A control of the form.
#[derive(Clone, Debug)]
pub struct Control {
    /// Its name in the query.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// Its kind.
    pub kind: Kind,
}

/// Kinds of controls.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A number; empty where it is as in the files.
    Number {
        /// What it is.
        value: String,
        /// What it is in the files.
        usual: String,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// The step.
        step: String,
    },
    /// Yes or no; the query has its code where the answer is no.
    Off {
        /// The code.
        code: &'static str,
        /// Whether it is off.
        off: bool,
    },
    /// One of several: value, name, whether it is chosen.
    Choice(Vec<(String, String, bool)>),
}

/// A number that can be set: name, text, least and greatest, step.
type Number = (&'static str, &'static str, (f64, f64), f64);

/// The step of a number that is a power of two.
const DOUBLE: f64 = 0.0;

/// Terms of the agreements, within what an agreement may say. Of a quota it may say any number.
const TERMS: [Number; 8] = [
    ("identifiers", "s-identifiers", (0.0, 1_000_000.0), 1.0),
    ("probes", "s-probes", (0.0, 100_000.0), 1.0),
    ("batch", "t-exact-largest_batch", ends(&ExactTerms::LARGEST_BATCH), 1.0),
    ("epoch", "t-exact-epoch_hours", ends(&ExactTerms::EPOCH_HOURS), 1.0),
    ("hours", "t-claims-decide_hours", ends(&ClaimTerms::HOURS), 1.0),
    ("smallest", "t-count-smallest_batch", ends(&CountTerms::BATCH), 1.0),
    ("buckets", "t-buckets", (1.0, Buckets::MOST as f64), DOUBLE),
    ("canary", "t-canary_share", (*CANARY_SHARES.start(), *CANARY_SHARES.end()), 0.005),
];

/// The least and the greatest of a term.
const fn ends(of: &RangeInclusive<u32>) -> (f64, f64) {
    (*of.start() as f64, *of.end() as f64)
}

/// Paths of those terms that are one number.
const PATHS: [(&str, &str); 5] = [
    ("batch", "exact.largest_batch"),
    ("epoch", "exact.epoch_hours"),
    ("hours", "claims.decide_hours"),
    ("smallest", "count.smallest_batch"),
    ("buckets", "buckets"),
];
/// Error rates at the threshold.
const RATES: [Number; 2] = [("fmr", "s-fmr", (0.0, 0.1), 1e-12), ("fnmr", "s-fnmr", (0.0, 1.0), 0.001)];
/// Weights of every party.
const WEIGHTS: [Number; 8] = [
    ("w-hits", "s-true_hits", (-1e6, 1e6), 0.01),
    ("w-false", "s-false_hits", (-1e6, 1e6), 0.01),
    ("w-released", "s-released", (-1e6, 1e6), 0.01),
    ("w-bits", "s-bits", (-1e6, 1e6), 0.001),
    ("w-minors", "s-minors", (-1e6, 1e6), 0.1),
    ("w-hours", "s-person_hours", (-1e6, 1e6), 0.01),
    ("w-cpu", "s-cpu_hours", (-1e6, 1e6), 0.01),
    ("w-walk", "s-walk", (-1e9, 1e9), 1.0),
];

/// What a query says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    base: Option<String>,
    numbers: BTreeMap<&'static str, f64>,
    purposes: Vec<Purpose>,
    fields: Vec<Field>,
}

impl Settings {
    /// Reads a query, such as `base=pcc&identifiers=500&no-purpose=RETURN_ID`. Empty values count as left out.
    ///
    /// # Errors
    /// [`SettingsError`] of the first setting that does not stand.
    pub fn parse(query: &str) -> Result<Self, SettingsError> {
        if query.len() > MOST {
            return Err(SettingsError::Long);
        }
        let mut settings = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            if !value.is_empty() {
                settings.take(name, &value)?;
            }
        }
        Ok(settings)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), SettingsError> {
        let unknown = || SettingsError::Unknown(name.chars().take(40).collect());
        let wrong = |takes| SettingsError::Value { name: name.to_owned(), takes };
        let purpose = || wrong(Takes::Code(Purpose::ALL.iter().map(|of| of.as_str()).collect()));
        let field = || wrong(Takes::Code(Field::ALL.iter().map(|of| of.as_str()).collect()));
        match name {
            "base" if self.base.is_none() => self.base = Some(value.to_owned()),
            "no-purpose" => self.purposes.push(value.parse().map_err(|_| purpose())?),
            "no-field" => self.fields.push(value.parse().map_err(|_| field())?),
            _ => {
                let mut all = TERMS.iter().chain(&RATES).chain(&WEIGHTS);
                let (name, _, (least, most), step) = all.find(|of| of.0 == name).ok_or_else(unknown)?;
                let number = value.parse::<f64>().ok().filter(|number| (*least..=*most).contains(number));
                let number = number.ok_or_else(|| wrong(Takes::Number(*least, *most)))?;
                if *step == DOUBLE && !powers(*most).contains(&number) {
                    return Err(wrong(Takes::Name(powers(*most).iter().map(f64::to_string).collect())));
                }
                if self.numbers.insert(name, number).is_some() {
                    return Err(unknown());
                }
            }
        }
        Ok(())
    }

    pub(super) fn base<'a>(&self, proposals: &'a [Proposal]) -> Result<&'a Proposal, SettingsError> {
        let found = match &self.base {
            Some(id) => proposals.iter().find(|proposal| proposal.id == *id),
            None => proposals.first(),
        };
        let ids = || Takes::Name(proposals.iter().map(|proposal| proposal.id.clone()).collect());
        found.ok_or_else(|| SettingsError::Value { name: "base".to_owned(), takes: ids() })
    }

    /// The proposal that the settings make.
    ///
    /// # Errors
    /// [`KnobError`] if the terms do not stand with them, [`SettingsError`] if there is no such proposal.
    pub(super) fn proposal(&self, proposals: &[Proposal]) -> Result<Proposal, super::TryoutError> {
        let base = self.base(proposals)?;
        let mut proposal = base.clone().named(format!("{}-tried", base.id), &base.title);
        for (name, path) in PATHS {
            if let (Some(number), Some(_)) = (self.numbers.get(name), base.term(path)) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a whole number within the range of its setting"
                )]
                let whole = Value::Integer(number.round() as i64);
                proposal = turn(&proposal, path, &whole)?;
            }
        }
        for (name, unit) in [("identifiers", Unit::Identifiers), ("probes", Unit::Probes)] {
            if let Some(number) = self.numbers.get(name) {
                proposal = limited(&proposal, unit, *number)?;
            }
        }
        if let Some(share) = self.numbers.get("canary") {
            proposal = turn(&proposal, "canary_share", &Value::Float(*share))?;
        }
        for purpose in &self.purposes {
            proposal = turn(&proposal, &format!("purpose:{purpose}"), &Value::Boolean(false))?;
        }
        for field in &self.fields {
            proposal = turn(&proposal, &format!("field:{field}"), &Value::Boolean(false))?;
        }
        Ok(proposal)
    }

    /// The scenario with the error rates of the threshold.
    pub(super) fn scenario(&self, scenario: &Scenario) -> Scenario {
        let mut changed = scenario.clone();
        for (name, ..) in RATES {
            let Some(rate) = self.numbers.get(name) else { continue };
            for kind in scenario.biometric.keys() {
                changed = changed.with(&format!("biometric.{kind}.{name}"), *rate);
            }
        }
        changed
    }

    /// Puts the weights in the place of those of the scenario.
    pub(super) fn weigh(&self, parties: &mut [PartyLabel]) {
        for (name, weight) in &self.numbers {
            for party in parties.iter_mut() {
                let utility = &mut party.utility;
                match *name {
                    "w-hits" => utility.true_hits = *weight,
                    "w-false" => utility.false_hits = *weight,
                    "w-released" => utility.released = *weight,
                    "w-cpu" => utility.cpu_hours = *weight,
                    "w-bits" => utility.bits_told = *weight,
                    "w-minors" => utility.minors_exposed = *weight,
                    "w-hours" => utility.person_hours = *weight,
                    "w-walk" => utility.walk_away = *weight,
                    _ => {}
                }
            }
        }
    }

    /// The controls of the form, in groups, as these settings have them.
    pub(super) fn controls(
        &self,
        words: &Words,
        scenario: &Scenario,
        proposals: &[Proposal],
    ) -> Vec<(String, Vec<Control>)> {
        let base = self.base(proposals).ok();
        let number = |(name, key, (min, max), step): &Number, usual: String| Control {
            name: (*name).to_owned(),
            label: words.get(key),
            kind: Kind::Number {
                value: self.numbers.get(name).map_or_else(String::new, f64::to_string),
                usual,
                min: *min,
                max: *max,
                step: match *step {
                    DOUBLE => "double".to_owned(),
                    ..1e-6 => "any".to_owned(),
                    step => step.to_string(),
                },
            },
        };
        let chosen = base.map_or("", |base| &base.id);
        let choices = proposals.iter().map(|of| (of.id.clone(), of.title.clone(), of.id == chosen)).collect();
        let mut terms = vec![Control {
            name: "base".to_owned(),
            label: words.get("s-base"),
            kind: Kind::Choice(choices),
        }];
        terms.extend(
            TERMS.iter().map(|of| number(of, base.map_or_else(String::new, |base| usual(base, of.0)))),
        );
        let first = scenario.biometric.values().next();
        terms.extend(RATES.iter().filter_map(|of| {
            let rates = first?;
            let rate = if of.0 == "fmr" { &rates.fmr } else { &rates.fnmr };
            Some(number(of, rate_text(rate.mid())))
        }));
        let utility = scenario.party.values().next().map(|party| party.utility.clone()).unwrap_or_default();
        let weights = WEIGHTS.iter().map(|of| {
            let usual = match of.0 {
                "w-hits" => utility.true_hits,
                "w-false" => utility.false_hits,
                "w-released" => utility.released,
                "w-cpu" => utility.cpu_hours,
                "w-bits" => utility.bits_told,
                "w-minors" => utility.minors_exposed,
                "w-hours" => utility.person_hours,
                _ => utility.walk_away,
            };
            number(of, usual.to_string())
        });
        let mut purposes: Vec<Purpose> = scenario.practice.iter().map(|practice| practice.purpose).collect();
        purposes.sort_unstable();
        purposes.dedup();
        let mut fields: Vec<Field> =
            scenario.practice.iter().flat_map(|practice| practice.fields.iter().copied()).collect();
        fields.sort_unstable();
        fields.dedup();
        let off = |name: &str, label: String, code, off| Control {
            name: name.to_owned(),
            label,
            kind: Kind::Off { code, off },
        };
        vec![
            (words.get("terms"), terms),
            (
                words.get("s-purposes"),
                purposes
                    .iter()
                    .map(|of| off("no-purpose", words.purpose(*of), of.as_str(), self.purposes.contains(of)))
                    .collect(),
            ),
            (
                words.get("s-fields"),
                fields
                    .iter()
                    .map(|of| off("no-field", words.field(*of), of.as_str(), self.fields.contains(of)))
                    .collect(),
            ),
            (words.get("weights"), weights.collect()),
        ]
    }
}

/// The powers of two up to one.
fn powers(most: f64) -> Vec<f64> {
    std::iter::successors(Some(1.0), |power| Some(power * 2.0)).take_while(|power| *power <= most).collect()
}

/// What a setting is called, if there is one of this name.
pub(super) fn label(words: &Words, name: &str) -> Option<String> {
    let key = match name {
        "base" => "s-base",
        "no-purpose" => "s-purposes",
        "no-field" => "s-fields",
        _ => TERMS.iter().chain(&RATES).chain(&WEIGHTS).find(|of| of.0 == name)?.1,
    };
    Some(words.get(key))
}

/// A rate that is read without counting zeros.
fn rate_text(rate: f64) -> String {
    if rate > 0.0 && rate < 1e-3 { format!("{rate:.1e}") } else { rate.to_string() }
}

/// What the files say of a setting.
fn usual(base: &Proposal, name: &str) -> String {
    if let Some((_, path)) = PATHS.iter().find(|(of, _)| *of == name) {
        return base.term(path).map_or_else(String::new, |value| value.to_string());
    }
    let limit = |unit: Unit| {
        let mut quotas = base.deals.values().flat_map(|terms| &terms.quotas);
        quotas.find(|quota| quota.unit == unit).map_or_else(String::new, |quota| quota.limit.to_string())
    };
    match name {
        "identifiers" => limit(Unit::Identifiers),
        "probes" => limit(Unit::Probes),
        _ => base.canary_share.to_string(),
    }
}

/// The same with another limit in every quota of a unit.
fn limited(proposal: &Proposal, unit: Unit, limit: f64) -> Result<Proposal, KnobError> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the range of its setting"
    )]
    let limit = limit.round().max(0.0) as u64;
    let mut changed = proposal.clone();
    for ([a, b], terms) in &mut changed.deals {
        for quota in terms.quotas.iter_mut().filter(|quota| quota.unit == unit) {
            quota.limit = limit;
        }
        terms.check().map_err(|error| ProposalError::Terms {
            proposal: proposal.id.clone(),
            pair: format!("{a} and {b}"),
            error,
        })?;
    }
    Ok(changed)
}

/// Undoes the encoding of forms: `+` and `%XX`. What is no such encoding stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, more @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    bytes.extend(u8::try_from(high * 16 + low).ok());
                    rest = more;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
