//! What engines say of themselves: cards, and what a register of some size would cost.
//!
//! Everything here comes through the seam, so a further engine shows up by itself.

use serde::Serialize;
use symbolon_protocol::{
    matching::{
        engine::{Answer, Assurance, Engine, Estimate, SetupEstimate, engines, taken},
        rates,
        rule::Form,
    },
    padding::bucket,
};

use crate::control::api::Failure;

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
}

/// All engines.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Told {
    /// One for each engine of this program.
    pub(crate) engines: Vec<Line>,
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
    Ok(Told { engines: engines().iter().map(|engine| line(*engine, form)).collect() })
}

fn line(engine: &dyn Engine, form: Option<(&Question, Form)>) -> Line {
    let card = engine.card();
    let security = |(assurance, how): (Assurance, &'static str)| Security {
        assurance: match assurance {
            Assurance::SemiHonest => "semi_honest",
            Assurance::Covert => "covert",
            Assurance::Malicious => "malicious",
        },
        how,
    };
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
    // Room for the place that says whether there are too many.
    let entries = bucket(records.saturating_add(1));
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
        Question { length, masked: false, threshold: 0.3, records, alternatives: 1, cap: None, cores: 2 }
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
            assert!(large.memory < 10_000_000, "a batch and a few bytes a place: {large:?}");
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
}
