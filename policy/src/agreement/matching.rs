//! The terms of the match: which templates are compared, by which rule, how often, and what is told.

use serde::{Deserialize, Serialize};
use symbolon_protocol::{
    exchange::Fault,
    matching::{
        engine::{self, Answer, Asked, Card, Engine, engine},
        rule::{Form, FormError, Rule},
    },
};

use super::{
    AgreementError, Terms,
    terms::{LONGEST_EPOCH_HOURS, LONGEST_PERIOD_DAYS, check, term},
};
use crate::{
    ask::Ask,
    words::{EngineName, FormName, Modality, ProjectionSeed},
};

/// Terms of the match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchTerms {
    /// Engines that may be used. The asker's node takes the one that it expects to be quickest, the first of equals,
    /// unless its officer names one. An agreement may name one that a node does not have; a query by it is then
    /// refused.
    pub engines: Vec<EngineName>,
    /// The least that an engine must be sure of, by its card, where it protects the slice against the asker. An engine
    /// that gives less is refused, though it is among `engines`. Nothing is demanded if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_asker: Option<Assurance>,
    /// The same where it protects the probe against the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_holder: Option<Assurance>,
    /// How long an asker's evaluation keys live, in hours.
    pub key_hours: u32,
    /// The most records that a query may search, before the slice is padded.
    pub largest_slice: u64,
    /// The most probes of one register in a budget period; every alternative of a query is one.
    #[serde(default = "default_budget")]
    pub budget: u32,
    /// The budget period, in days.
    #[serde(default = "default_budget_days")]
    pub budget_days: u32,
    /// Share of queries whose person is expected to be in the register, in thousandths. From it follows
    /// the share of false hits that is shown beside every hit.
    pub prior_permille: u32,
    /// The kinds of templates.
    pub forms: Vec<FormTerms>,
}

/// Terms of one kind of template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormTerms {
    /// Its name in this agreement.
    pub name: FormName,
    /// What the templates were taken from.
    pub modality: Modality,
    /// Bits of a template.
    pub length: u32,
    /// Whether templates have masks.
    pub masked: bool,
    /// Weight of the overlap (see [`Rule`]).
    pub s: u32,
    /// Weight of the agreement.
    pub p: u32,
    /// What must be reached beyond the overlap's share.
    pub kappa: u32,
    /// Independent bits that comparisons of different persons behave like; from them follows how often two
    /// persons are taken for one. Far fewer than `length`: an iris code of 2,048 bits has about 249.
    pub degrees_of_freedom: u32,
    /// The most alternatives in one query.
    pub alternatives: u16,
    /// What may be told.
    pub answers: Vec<MatchAnswer>,
    /// The most hits that an answer with candidates shows.
    pub cap: u32,
    /// How embeddings become templates, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<Projection>,
}

/// What the asker of a match is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchAnswer {
    /// Whether anything in the slice is a hit.
    Any,
    /// One bit for each record in fresh random order, or only that there are more hits than the cap.
    Candidates,
}

/// How sure a protection is, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Only against a side that follows the protocol.
    SemiHonest,
    /// A side that deviates is caught with a stated probability.
    Covert,
    /// Also against a side that deviates.
    Malicious,
}

/// An answer that no engine of the terms gives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no engine of the agreement gives the answer `{}` for the form {form} ({why})", answer.as_str())]
pub struct Unanswerable {
    /// Which form.
    pub form: FormName,
    /// Which answer.
    pub answer: MatchAnswer,
    /// What each engine says.
    pub why: String,
}

impl MatchAnswer {
    /// As it stands in an agreement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Candidates => "candidates",
        }
    }
}

impl Assurance {
    /// From the least to the most.
    pub const ALL: [Self; 3] = [Self::SemiHonest, Self::Covert, Self::Malicious];

    /// As it stands in an agreement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SemiHonest => "semi_honest",
            Self::Covert => "covert",
            Self::Malicious => "malicious",
        }
    }
}

impl From<engine::Assurance> for Assurance {
    fn from(assurance: engine::Assurance) -> Self {
        match assurance {
            engine::Assurance::SemiHonest => Self::SemiHonest,
            engine::Assurance::Covert => Self::Covert,
            engine::Assurance::Malicious => Self::Malicious,
        }
    }
}

/// What is demanded of an engine's card, and it does not give: for each side against which it protects too little,
/// a sentence.
pub fn lacking(card: &Card, asker: Option<Assurance>, holder: Option<Assurance>) -> Option<String> {
    let sides = [("asker", asker, card.against_asker.0), ("holder", holder, card.against_holder.0)];
    let lacks = sides.into_iter().filter_map(|(side, demanded, given)| {
        let (demanded, given) = (demanded?, Assurance::from(given));
        (given < demanded)
            .then(|| format!("{} against the {side}, and {} is demanded", given.as_str(), demanded.as_str()))
    });
    let lacks: Vec<_> = lacks.collect();
    (!lacks.is_empty()).then(|| format!("{} is only {}", card.id, lacks.join("; it is only ")))
}

/// A seeded projection of embeddings to sign bits [ISO/IEC 24745: renewable, and unlinkable across
/// agreements].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// Numbers in an embedding.
    pub dimensions: u32,
    /// Seeds the directions.
    pub seed: ProjectionSeed,
}

/// Half of the 2,606 hit bits from which a template of 2,048 bits was recovered, rounded down to
/// hundreds: two budget periods end to end stay below it (measured; docs/rules.md).
const LARGEST_BUDGET: u32 = 1_300;
const SHORTEST_BUDGET_DAYS: u32 = 30;
const LARGEST_SLICE: u64 = 10_000_000;
const MOST_ENGINES: usize = 16;
const MOST_FORMS: usize = 32;
const MOST_ALTERNATIVES: u16 = 32;
const LARGEST_CAP: u32 = 16;
const MOST_DIMENSIONS: u32 = 4_096;

fn default_budget() -> u32 {
    500
}

fn default_budget_days() -> u32 {
    365
}

impl Terms {
    /// What both sides know before the first frame of a match, if all of it is agreed.
    pub fn asked(&self, ask: &Ask) -> Option<Asked> {
        let (terms, asked) = self.matching.as_ref().zip(ask.matching.as_ref())?;
        let form = terms.form(&asked.form)?;
        let alternatives = u16::try_from(ask.items).ok().filter(|n| (1..=form.alternatives).contains(n))?;
        let answer = form.answer(asked.answer).filter(|_| terms.engines.contains(&asked.engine))?;
        Some(Asked {
            digest: ask.digest.0,
            alternatives,
            answer,
            largest_slice: terms.largest_slice,
            buckets: self.buckets,
            places: None,
        })
    }
}

impl MatchTerms {
    /// The terms of the form with this name, if it is agreed.
    pub fn form(&self, name: &FormName) -> Option<&FormTerms> {
        self.forms.iter().find(|form| form.name == *name)
    }

    /// Why an engine among these is not allowed: what it lacks of what is demanded. Of an engine that this program does
    /// not have nothing is known, so it is not allowed where anything is demanded.
    pub fn lacking(&self, name: &EngineName) -> Option<String> {
        let (asker, holder) = (self.against_asker, self.against_holder);
        match engine(name.as_str()) {
            Some(engine) => lacking(engine.card(), asker, holder),
            None => asker.or(holder).map(|_| {
                format!("this program does not have {name}, so it cannot tell what {name} protects")
            }),
        }
    }

    /// Answers that no engine of these terms gives, as far as this program knows the engines. One that it does not
    /// know may give them.
    pub fn unanswerable(&self) -> Vec<Unanswerable> {
        let engines: Option<Vec<_>> = self.engines.iter().map(|name| engine(name.as_str())).collect();
        let Some(engines) = engines else { return Vec::new() };
        let mut found = Vec::new();
        for form in &self.forms {
            for told in &form.answers {
                let Some(answer) = form.answer(*told) else { continue };
                let takes = |alternatives| {
                    let faults = engines.iter().map(|engine| {
                        if let Some(lacks) = lacking(engine.card(), self.against_asker, self.against_holder) {
                            return Some(lacks);
                        }
                        let fault = form.taken_by(*engine, alternatives, answer).err();
                        fault.map(|fault| format!("{}: {}", engine.card().id, fault.reason()))
                    });
                    faults.collect::<Option<Vec<_>>>()
                };
                // With the most alternatives too, for a query may have as many.
                if let Some(why) = takes(1).or_else(|| takes(form.alternatives)) {
                    found.push(Unanswerable { form: form.name.clone(), answer: *told, why: why.join("; ") });
                }
            }
        }
        found
    }

    pub(super) fn check(&self) -> Result<(), AgreementError> {
        let engines = (1..=MOST_ENGINES).contains(&self.engines.len()) && all_differ(&self.engines);
        check(engines, "matching.engines", "must be 1 to 16 different engines")?;
        let hours = (1..=LONGEST_EPOCH_HOURS).contains(&self.key_hours);
        check(hours, "matching.key_hours", "must be from 1 to 744")?;
        let slice = (1..=LARGEST_SLICE).contains(&self.largest_slice);
        check(slice, "matching.largest_slice", "must be from 1 to 10,000,000")?;
        let budget = (1..=LARGEST_BUDGET).contains(&self.budget);
        check(
            budget,
            "matching.budget",
            "must be from 1 to 1,300: about 2,600 hit bits are enough to recover a template",
        )?;
        let days = (SHORTEST_BUDGET_DAYS..=LONGEST_PERIOD_DAYS).contains(&self.budget_days);
        check(days, "matching.budget_days", "must be from 30 to 3,660")?;
        let prior = (1..=999).contains(&self.prior_permille);
        check(prior, "matching.prior_permille", "must be from 1 to 999")?;
        let forms = (1..=MOST_FORMS).contains(&self.forms.len());
        check(forms, "matching.forms", "must be 1 to 32")?;
        let names: Vec<_> = self.forms.iter().map(|form| &form.name).collect();
        check(all_differ(&names), "matching.forms", "must have different names")?;
        self.forms.iter().enumerate().try_for_each(|(index, form)| form.check(index))
    }
}

impl FormTerms {
    /// Length, mask and rule, as protocols take them.
    pub fn form(&self) -> Form {
        let rule = Rule { s: self.s, p: self.p, kappa: self.kappa };
        Form { length: self.length, masked: self.masked, rule }
    }

    /// Whether an engine runs a query of this form. Where its decision blurs by more than a quarter of the spread of
    /// strangers' distances, far more of them would be hits than the threshold says.
    ///
    /// # Errors
    /// Its own word for a form, answer or number of alternatives that it does not take; [`Fault::Misuse`] for the blur.
    pub fn taken_by(&self, engine: &dyn Engine, alternatives: u16, answer: Answer) -> Result<(), Fault> {
        let form = self.form();
        engine.takes(&form, alternatives, answer)?;
        let spread = f64::from(self.length) / (2.0 * f64::from(self.degrees_of_freedom).sqrt());
        if engine.blur(&form)? > spread / 4.0 {
            return Err(Fault::Misuse("its blur is above a quarter of the spread of strangers' distances"));
        }
        Ok(())
    }

    /// An answer as protocols take it, if it is agreed.
    pub fn answer(&self, answer: MatchAnswer) -> Option<Answer> {
        self.answers.contains(&answer).then_some(match answer {
            MatchAnswer::Any => Answer::Any,
            MatchAnswer::Candidates => Answer::Candidates { cap: self.cap },
        })
    }

    fn check(&self, index: usize) -> Result<(), AgreementError> {
        let path = |name: &str| format!("matching.forms[{index}].{name}");
        self.form().check().map_err(|error| match error {
            FormError::Length => term(&path("length"), "must be from 128 to 12,800"),
            FormError::Weights => term(&path("p"), "must be from 1 to 1,000 and above `s`"),
            FormError::Kappa(least, most) => {
                term(&path("kappa"), &format!("must be from {least} to {most} with this length, s and p"))
            }
        })?;
        let freedom = (1..=self.length).contains(&self.degrees_of_freedom);
        check(freedom, &path("degrees_of_freedom"), "must be from 1 to `length`")?;
        let alternatives = (1..=MOST_ALTERNATIVES).contains(&self.alternatives);
        check(alternatives, &path("alternatives"), "must be from 1 to 32")?;
        let answers = !self.answers.is_empty() && all_differ(&self.answers);
        check(answers, &path("answers"), "must be `any`, `candidates` or both")?;
        check((1..=LARGEST_CAP).contains(&self.cap), &path("cap"), "must be from 1 to 16")?;
        let dimensions = self.projection.as_ref().map(|projection| projection.dimensions);
        let dimensions = dimensions.is_none_or(|n| (1..=MOST_DIMENSIONS).contains(&n));
        check(dimensions, &path("projection.dimensions"), "must be from 1 to 4,096")
    }
}

fn all_differ<T: PartialEq>(items: &[T]) -> bool {
    (1..).zip(items).all(|(next, item)| !items.iter().skip(next).any(|later| later == item))
}

#[cfg(test)]
mod tests;
