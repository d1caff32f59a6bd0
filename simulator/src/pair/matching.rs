//! A match between the two: keys, then queries under them, by whatever engine the agreement names.

use std::sync::Arc;

use symbolon_policy::{
    agreement::{FormTerms, MatchAnswer},
    ask::{self, Ask, Fetch, MatchAsk, MatchSetup},
    canonical,
    class::RecordClass,
    rules::ExchangeKind,
    words::{Digest, Position},
};
use symbolon_protocol::{
    exchange::Fault,
    matching::{
        engine::{Answering, Asking, Group, Matched, Rows},
        template::Template,
    },
    pump::Traffic,
};

use super::{Outcome, Pair, PairError, Question, run};
use crate::pipe::Work;

/// One template of the holder's register.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// What the rules may look at.
    pub class: RecordClass,
    /// Where it was taken.
    pub position: Position,
    /// The template.
    pub template: Template,
}

/// The keys of an asker at a holder.
pub struct Keys {
    setup: MatchSetup,
    form: FormTerms,
    digest: Digest,
    asking: Arc<dyn Asking>,
    answering: Arc<dyn Answering>,
    /// Bytes that setting them up took.
    pub traffic: Traffic,
}

impl Keys {
    /// The form of the templates.
    pub fn form(&self) -> &FormTerms {
        &self.form
    }
}

impl Pair<'_> {
    /// Sets up keys for a form and an engine of the agreement.
    ///
    /// # Errors
    /// [`PairError`]; a refusal carries its code.
    pub fn keys(&mut self, question: &Question, setup: &MatchSetup) -> Result<Keys, PairError> {
        let draws = self.draws();
        let fetch = Fetch { matching: Some(setup.clone()), ..self.fetch(question) };
        let asking = self.asker.admit_fetch(&fetch, question.now)?;
        let answering = self.holder.admit_fetch(&fetch, question.now)?;
        let refused = |refusal| PairError::Refused { by: self.holder.code.clone(), refusal };
        let engine = ask::engine(&setup.engine).map_err(refused)?;
        let agreed = self.holder.agreement.terms().matching.as_ref();
        let form = agreed.and_then(|agreed| agreed.form(&setup.form)).cloned();
        let form = form.ok_or(Fault::Misuse("the agreement has no such form"))?;
        let shape = form.form();
        let machines =
            (engine.offer(&shape, &draws.asker)?, engine.accept(&shape, &draws.holder, &draws.holder)?);
        let opening = canonical::encode(&fetch)?;
        let (own, theirs, (traffic, spent), digest) =
            run((asking, machines.0), (answering, machines.1), &opening, self.watch)?;
        self.on_snapshots.add(spent);
        let work = Work::begin();
        let asking = engine.asking(&shape, &own)?;
        self.on_snapshots.asker += work.seconds();
        let work = Work::begin();
        let answering = engine.answering(&shape, &theirs)?;
        self.on_snapshots.holder += work.seconds();
        Ok(Keys { setup: setup.clone(), form, digest, asking, answering, traffic })
    }

    /// Asks whether anybody in the slice of `register` matches a probe: one template for each alternative, with
    /// the position where it was taken.
    ///
    /// # Errors
    /// [`PairError`]; a refusal carries its code. What was paid before stays paid.
    pub fn matching(
        &mut self,
        question: &Question,
        keys: &Keys,
        answer: MatchAnswer,
        probe: &[(Position, Template)],
        register: &[Enrolled],
    ) -> Result<Outcome<Matched>, PairError> {
        let draws = self.draws();
        let templates: Vec<Template> = probe.iter().map(|(_, template)| template.clone()).collect();
        let work = Work::begin();
        let prepared = keys.asking.prepare(&templates, &draws.asker)?;
        self.on_queries.asker += work.seconds();
        let ask = Ask {
            items: u32::try_from(probe.len()).unwrap_or(u32::MAX),
            digest: Digest(prepared.digest()),
            matching: Some(MatchAsk {
                form: keys.setup.form.clone(),
                engine: keys.setup.engine.clone(),
                answer,
                keys: keys.digest,
                positions: probe.iter().map(|(position, _)| *position).collect(),
            }),
            ..self.opening(ExchangeKind::Match, question, &draws)
        };
        let both = self.holder.agreement.terms().asked(&ask);
        let both = both.ok_or(Fault::Misuse("the agreement does not cover this match"))?;
        let rows = Box::new(self.rows(question, probe, register));
        let asker = prepared.exchange(&both, &draws.epoch)?;
        let holder = keys.answering.answer(&both, rows, &draws.holder, &draws.run)?;
        let (answer, exchange, receipt) =
            self.settle(ask, (asker, holder), question.now, |served| served.groups)?;
        Ok(Outcome { answer, snapshot: Traffic::default(), exchange, receipt })
    }

    /// The templates of records that the holder's rules let take part, each beside the alternatives taken at its
    /// place.
    fn rows(&self, question: &Question, probe: &[(Position, Template)], register: &[Enrolled]) -> Listed {
        let slice = self.holder.agreement.slice(
            &self.asker.code,
            &self.holder.code,
            &question.register,
            question.purpose,
            ExchangeKind::Match,
        );
        let within = register.iter().filter(|record| slice.contains(&record.class));
        let group = |record: &Enrolled| {
            let rows = (0..).zip(probe).filter(|(_, (position, _))| *position == record.position);
            let rows: Vec<_> = rows.map(|(place, _)| (place, record.template.clone())).collect();
            (!rows.is_empty()).then_some(Group { rows })
        };
        let groups: Vec<Group> = within.filter_map(group).collect();
        Listed { total: groups.len() as u64, left: groups.into_iter() }
    }
}

/// A slice in memory.
struct Listed {
    left: std::vec::IntoIter<Group>,
    total: u64,
}

impl Rows for Listed {
    fn groups(&self) -> u64 {
        self.total
    }

    fn next(&mut self, most: usize) -> Result<Vec<Group>, Fault> {
        Ok(self.left.by_ref().take(most).collect())
    }
}
