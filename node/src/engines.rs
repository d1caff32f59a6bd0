//! What engines say of themselves: cards, and what a register of some size would cost.
//!
//! Everything here comes through the seam, so a further engine shows up by itself.

use serde::Serialize;
use symbolon_policy::agreement::{Assurance, lacking};
use symbolon_protocol::{
    matching::{
        engine::{self, Answer, Engine, Estimate, SetupEstimate, engines, taken},
        rates,
        rule::Form,
    },
    padding::Buckets,
};

use crate::control::api::Failure;

pub(crate) mod choice;

pub(crate) use choice::{Choice, Weighed, Work};

/// For which register the costs are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// Bits of a template.
    pub(crate) length: u32,
    /// Whether templates have masks.
    pub(crate) masked: bool,
    /// On the fractional distance.
    pub(crate) threshold: f64,
    /// Records of the register.
    pub(crate) records: u64,
    /// Alternatives in the query.
    pub(crate) alternatives: u16,
    /// The most candidates; the most that the engine takes when absent.
    pub(crate) cap: Option<u32>,
    /// Cores of each side.
    pub(crate) cores: usize,
    /// What is demanded against the asker.
    pub(crate) against_asker: Option<Assurance>,
    /// What is demanded against the holder.
    pub(crate) against_holder: Option<Assurance>,
}

/// All engines.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    /// One for each engine of this program.
    pub(crate) engines: Vec<Line>,
    /// If a form was given: for each answer, which engine a node would take once keys are there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) choices: Vec<Chosen>,
}

/// Which engine a node would take.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chosen {
    /// `any`, or `candidates`.
    pub(crate) answer: &'static str,
    /// Why none can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) none: Option<String>,
    /// The engine.
    #[serde(flatten)]
    pub(crate) choice: Option<Choice>,
}

/// One engine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    /// Messages of a query, both ways together.
    pub(crate) messages: u32,
    pub(crate) rounds: u32,
    pub(crate) by_courier: bool,
    pub(crate) against_asker: Security,
    pub(crate) against_holder: Security,
    pub(crate) asker_learns: &'static str,
    pub(crate) holder_learns: &'static str,
    pub(crate) assumptions: &'static str,
    pub(crate) cost: &'static str,
    /// What it lacks of what was demanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lacks: Option<String>,
    /// If a form was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) costs: Option<Costs>,
}

/// What protects one side against the other.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Security {
    /// How sure it is.
    pub(crate) assurance: &'static str,
    /// By what.
    pub(crate) how: &'static str,
}

/// What the engine makes of a register.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Costs {
    /// It does not take the form.
    Refused {
        /// Why.
        why: String,
    },
    /// It does.
    Taken(Box<Taken>),
}

/// The costs of a form that an engine takes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Taken {
    pub(crate) length: u32,
    pub(crate) masked: bool,
    /// Records searched, padding included.
    pub(crate) entries: u64,
    pub(crate) alternatives: u16,
    pub(crate) cores: usize,
    /// The most alternatives that the engine takes of this form.
    pub(crate) most_alternatives: u16,
    /// The most candidates that it shows of this form; 0 for none.
    pub(crate) largest_cap: u32,
    /// Setting up keys, once until they end.
    pub(crate) setup: Setup,
    /// One query for each answer that it gives.
    pub(crate) queries: Vec<Query>,
}

/// Setting up keys.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Setup {
    pub(crate) messages: u32,
    /// Of both sides together.
    pub(crate) seconds: f64,
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
    /// At the holder, for loaded keys.
    pub(crate) memory: u64,
}

/// One query.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Query {
    /// `any`, or `candidates`.
    pub(crate) answer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cap: Option<u32>,
    /// At the holder.
    pub(crate) seconds: f64,
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
    /// At the holder, beside the keys.
    pub(crate) memory: u64,
}

/// Asks every engine.
///
/// # Errors
/// An input [`Failure`] if no form follows from length and threshold.
pub(crate) fn tell(question: Option<&Question>) -> Result<Told, Failure> {
    let form = question.map(|q| rates::form(q.length, q.masked, q.threshold).map(|form| (q, form)));
    let form = form.transpose().map_err(|error| {
        Failure::input(format!("no form follows from these numbers: {error}"))
            .with_help("see docs/thresholds.md")
    })?;
    let choices = form.map(|(question, form)| choices(question, form)).unwrap_or_default();
    Ok(Told { engines: engines().iter().map(|engine| line(*engine, form)).collect(), choices })
}

fn choices(question: &Question, form: Form) -> Vec<Chosen> {
    let Question { records, alternatives, cap, cores, against_asker, against_holder, .. } = *question;
    let entries = Buckets::USUAL.places(records);
    let most = engines().iter().filter_map(|engine| taken(*engine, &form).ok()).map(|taken| taken.cap).max();
    let cap = cap.or(most).unwrap_or(1);
    let answers = [("any", Answer::Any), ("candidates", Answer::Candidates { cap })];
    let chosen = answers.map(|(answer, told)| {
        let work = Work { form, entries, alternatives, answer: told, cores };
        let weighed = engines().iter().filter_map(|engine| {
            let (card, name) = (engine.card(), engine.card().id.parse().ok()?);
            Some(match lacking(card, against_asker, against_holder) {
                Some(lacks) => Weighed::excluded(&name, lacks),
                None => Weighed::of(&name, *engine, &work, true),
            })
        });
        match Choice::among(weighed.collect(), entries) {
            Ok(choice) => Chosen { answer, none: None, choice: Some(choice) },
            Err(why) => Chosen { answer, none: Some(why), choice: None },
        }
    });
    chosen.into()
}

fn line(engine: &dyn Engine, form: Option<(&Question, Form)>) -> Line {
    let card = engine.card();
    let security = |(assurance, how): (engine::Assurance, &'static str)| Security {
        assurance: Assurance::from(assurance).as_str(),
        how,
    };
    let demanded = form.map(|(question, _)| (question.against_asker, question.against_holder));
    let lacks = demanded.and_then(|(asker, holder)| lacking(card, asker, holder));
    Line {
        id: card.id,
        summary: card.summary,
        messages: card.messages,
        rounds: card.messages.div_ceil(2),
        by_courier: card.by_courier,
        against_asker: security(card.against_asker),
        against_holder: security(card.against_holder),
        asker_learns: card.asker_learns,
        holder_learns: card.holder_learns,
        assumptions: card.assumptions,
        cost: card.cost,
        lacks,
        costs: form.map(|(question, form)| costs(engine, question, &form)),
    }
}

fn costs(engine: &dyn Engine, question: &Question, form: &Form) -> Costs {
    let refused = |why: String| Costs::Refused { why };
    let taken = match taken(engine, form) {
        Ok(taken) => taken,
        Err(fault) => return refused(fault.to_string()),
    };
    let Question { records, alternatives, cores, .. } = *question;
    if alternatives > taken.alternatives {
        return refused(format!("it takes at most {} alternatives of this form", taken.alternatives));
    }
    let entries = Buckets::USUAL.places(records);
    let cap = question.cap.unwrap_or(taken.cap);
    let answers = [
        taken.any.then_some(("any", Answer::Any)),
        (1..=taken.cap).contains(&cap).then_some(("candidates", Answer::Candidates { cap })),
    ];
    let query = |(name, answer): (&'static str, Answer)| {
        let Estimate { seconds, bytes_up, bytes_down, memory } =
            engine.estimate(form, entries, alternatives, answer, cores);
        let cap = matches!(answer, Answer::Candidates { .. }).then_some(cap);
        Query { answer: name, cap, seconds, bytes_up, bytes_down, memory }
    };
    let SetupEstimate { messages, seconds, bytes_up, bytes_down, memory } =
        engine.setup_estimate(form, cores);
    Costs::Taken(Box::new(Taken {
        length: form.length,
        masked: form.masked,
        entries,
        alternatives,
        cores,
        most_alternatives: taken.alternatives,
        largest_cap: taken.cap,
        setup: Setup { messages, seconds, bytes_up, bytes_down, memory },
        queries: answers.into_iter().flatten().map(query).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(length: u32, records: u64) -> Question {
        let (against_asker, against_holder) = (None, None);
        let (masked, threshold, alternatives, cap, cores) = (false, 0.3, 1, None, 2);
        Question {
            length,
            masked,
            threshold,
            records,
            alternatives,
            cap,
            cores,
            against_asker,
            against_holder,
        }
    }

    fn taken(question: &Question) -> Taken {
        let told = tell(Some(question)).unwrap();
        match told.engines.into_iter().next().unwrap().costs.unwrap() {
            Costs::Taken(taken) => *taken,
            Costs::Refused { why } => panic!("{why}"),
        }
    }

    #[test]
    fn cards_need_no_form() {
        let told = tell(None).unwrap();
        assert_eq!(told.engines.len(), engines().len());
        assert!(told.engines.iter().all(|line| line.costs.is_none() && !line.cost.is_empty()));
    }

    #[test]
    fn costs_are_the_engines_own_and_grow_with_the_register() {
        let (small, large) = (taken(&question(512, 1_000)), taken(&question(512, 100_000)));
        for (small, large) in small.queries.iter().zip(&large.queries) {
            assert!(large.seconds > 50.0 * small.seconds, "{small:?} {large:?}");
            assert!(large.memory < 12_000_000, "a batch and a few bytes a place: {large:?}");
        }
        assert_eq!(small.queries.len(), 2);
        assert_eq!(small.queries[1].cap, Some(small.largest_cap));
        assert_eq!(small.largest_cap, 6, "what `takes` says");
    }

    #[test]
    fn what_is_not_taken_is_said() {
        let capped = Question { cap: Some(7), ..question(512, 10) };
        assert_eq!(taken(&capped).queries.len(), 1, "a yes or no only");
        assert!(tell(Some(&Question { threshold: 0.001, ..question(128, 10) })).is_err());
    }

    #[test]
    fn demands_exclude_and_the_choice_says_so() {
        let engines = |question: &Question| -> Vec<Option<String>> {
            let told = tell(Some(question)).unwrap();
            told.choices.iter().map(|chosen| chosen.choice.as_ref().map(|c| c.engine.to_string())).collect()
        };
        let large = question(512, 100_000);
        let both = |name: &str| vec![Some(name.to_owned()); 2];
        assert_eq!(engines(&large), both("ot-garbled/1"));
        let malicious = Question { against_asker: Some(Assurance::Malicious), ..large };
        assert_eq!(engines(&malicious), both("ot-garbled/1"));
        let told = tell(Some(&malicious)).unwrap();
        let lacks = "tfhe-one-round/1 is only covert against the asker, and malicious is demanded";
        assert_eq!(told.engines[0].lacks.as_deref(), Some(lacks));
        assert_eq!(told.engines[1].lacks, None);
        let why = &told.choices[0].choice.as_ref().unwrap().why;
        assert!(why.ends_with(&format!("; not used: {lacks}")), "{why}");
        let neither = Question { against_holder: Some(Assurance::Malicious), ..large };
        assert_eq!(engines(&neither), [None, None]);
        let why = tell(Some(&neither)).unwrap().choices.remove(0).none.unwrap();
        assert_eq!(
            why.matches("only semi_honest against the holder, and malicious is demanded").count(),
            2,
            "{why}"
        );
    }
}
