//! Each claim, as questions to the solver.
//!
//! Cedar skips a clause that cannot be evaluated, and here it refuses. So what is permitted here is
//! permitted by Cedar, and a proof that Cedar never permits something holds here. The converse needs
//! that no clause fails; it is shown for every clause it matters for, or nothing is claimed.

use cedar_policy::{PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env,
    err::{Error, SolverError},
    solver::Solver,
};

use crate::{
    rules::{
        ReleaseContext, Rulebook, SearchContext, decision::Decision, schema::Vocabulary, set::Clause,
        space::Names,
    },
    words::{AgeBand, Purpose},
};

use super::{
    Case, Finding, ProofError, Question, Verdict,
    encode::{Parts, claim},
    replay::Replay,
};

/// The rules, the solver and what is put to it.
pub(super) struct Claims<'a, S: Solver> {
    rules: &'a Rulebook,
    proposal: Option<&'a Rulebook>,
    compiler: &'a mut CedarSymCompiler<S>,
    schema: &'static Schema,
    names: Names,
    parts: Parts,
}

/// What the solver says of a formula.
enum Said {
    Impossible,
    Example(Box<Env>),
    Nothing(String),
}

/// What is put to the solver: that the first never permits anything; nothing that the second
/// refuses; nothing that the second permits too.
#[derive(Clone, Copy)]
enum Relation {
    Within,
    Apart,
}

impl<'a, S: Solver> Claims<'a, S> {
    pub(super) fn new(
        question: &Question,
        rules: &'a Rulebook,
        proposal: Option<&'a Rulebook>,
        compiler: &'a mut CedarSymCompiler<S>,
    ) -> Result<Self, ProofError> {
        let mut names = Names::of([rules, proposal.unwrap_or(rules)])?;
        if let Question::NeverPurpose { asker: Some(asker), .. } = question {
            names = names.also(asker)?;
        }
        let parts = Parts::new(&names)?;
        let schema = &Vocabulary::get().map_err(ProofError::Encode)?.schema;
        Ok(Self { rules, proposal, compiler, schema, names, parts })
    }

    pub(super) fn assumptions(&self) -> Vec<String> {
        self.parts.texts.clone()
    }

    pub(super) async fn findings(&mut self, question: &Question) -> Result<Vec<Finding>, ProofError> {
        let rules = self.rules;
        match question {
            Question::NeverMinors { except } => {
                let mut what = "resource.minor".to_owned();
                for purpose in except {
                    what += &format!(" && context.purpose != Purpose::\"{purpose}\"");
                }
                self.never(rules, &what, &["Search", "Release"], minor(except)).await
            }
            Question::NeverPurpose { purpose, asker } => {
                let mut what = format!("context.purpose == Purpose::\"{purpose}\"");
                if let Some(asker) = asker {
                    what += &format!(" && principal in Agency::\"{asker}\"");
                }
                let (purpose, asker) = (*purpose, asker.clone());
                let against = move |case: &Case, decision: &Decision| {
                    let (asked, by) = match case {
                        Case::Query(context) => (context.purpose, &context.asker),
                        Case::Search { context, .. } => (context.purpose, &context.asker),
                        Case::Release { context, .. } => (context.purpose, &context.asker),
                    };
                    decision.permitted && asked == purpose && asker.as_ref().is_none_or(|asker| asker == by)
                };
                self.never(rules, &what, &super::assume::ACTIONS, against).await
            }
            Question::NoMore => {
                let proposal = self.proposal.ok_or(ProofError::NoProposal)?;
                self.no_more(proposal, rules, "").await
            }
            Question::Equivalent => {
                let proposal = self.proposal.ok_or(ProofError::NoProposal)?;
                let mut findings = self.no_more(proposal, rules, ", proposal within rules").await?;
                findings.extend(self.no_more(rules, proposal, ", rules within proposal").await?);
                Ok(findings)
            }
            Question::NationalRestricts => {
                let shared = Rulebook::new(rules.shared().clone(), None);
                let shared = shared.map_err(|e| ProofError::Encode(e.to_string()))?;
                self.no_more(rules, &shared, "").await
            }
            Question::Clauses => self.clauses(rules).await,
        }
    }

    /// Nothing of `what`, a condition in Cedar, is permitted.
    async fn never(
        &mut self,
        book: &Rulebook,
        what: &str,
        actions: &[&str],
        against: impl Fn(&Case, &Decision) -> bool,
    ) -> Result<Vec<Finding>, ProofError> {
        let actions_in: Vec<_> = actions.iter().map(|action| format!("Action::\"{action}\"")).collect();
        let actions_in = actions_in.join(", ");
        let bound = claim(&format!(
            "permit (principal, action, resource); forbid (principal, action in [{actions_in}], resource) \
             when {{ {what} }};"
        ))?;
        let left = self.parts.permitted(book)?;
        let mut findings = Vec::new();
        for (action, env) in self.kinds() {
            if !actions.contains(&action.as_str()) {
                continue;
            }
            let said = self.ask(&left, &bound, Relation::Within, &env).await?;
            let judge = |case: &Case| {
                let decision = case.judge(book);
                against(case, &decision).then(|| one_line(&decision))
            };
            findings.push(self.finding(action, said, judge));
        }
        Ok(findings)
    }

    /// What `less` permits, `more` permits too.
    async fn no_more(
        &mut self,
        less: &Rulebook,
        more: &Rulebook,
        direction: &str,
    ) -> Result<Vec<Finding>, ProofError> {
        let (left, right) = (self.parts.permitted(less)?, self.parts.plain(more)?);
        let mut findings = Vec::new();
        for (action, env) in self.kinds() {
            let said = self.ask(&left, &right, Relation::Within, &env).await?;
            let judge = |case: &Case| {
                let (this, that) = (case.judge(less), case.judge(more));
                (this.permitted && !that.permitted)
                    .then(|| format!("{} by the one, {} by the other", one_line(&this), one_line(&that)))
            };
            let mut finding = self.finding(format!("{action}{direction}"), said, judge);
            if finding.verdict == Verdict::Proved
                && let Some(clause) = self.failing(less, more, &env).await?
            {
                finding.verdict = Verdict::Undecided;
                finding.note = format!("the clause {clause} cannot always be evaluated, and then it refuses");
            }
            findings.push(finding);
        }
        Ok(findings)
    }

    /// A clause of `more` that can fail where nothing of `less` does.
    async fn failing(
        &mut self,
        less: &Rulebook,
        more: &Rulebook,
        env: &RequestEnv,
    ) -> Result<Option<String>, ProofError> {
        for clause in more.parts() {
            // Where a clause of both fails, `less` permits nothing.
            if less.parts().any(|other| other.tree == clause.tree) {
                continue;
            }
            let mut safe = false;
            for guarded in self.parts.guarded(clause)? {
                let compiled = CompiledPolicy::compile(&guarded, env, self.schema);
                // Attributes of one kind of request do not fit the others.
                let Ok(compiled) = compiled else { continue };
                safe |= match self.compiler.check_never_errors_opt(&compiled).await {
                    Ok(safe) => safe,
                    Err(Error::SolverUnknown) => false,
                    Err(error) => return Err(failed(error)),
                };
            }
            if !safe {
                return Ok(Some(clause.name.id.clone()));
            }
        }
        Ok(None)
    }

    async fn clauses(&mut self, book: &Rulebook) -> Result<Vec<Finding>, ProofError> {
        let mut findings = Vec::new();
        let permits = self.parts.permits(book)?;
        for clause in book.parts() {
            let about = format!("{}/{} decides", clause.name.kind, clause.name.id);
            let mut finding = if clause.permits() {
                let all = self.parts.unhindered(clause, book)?;
                let nothing = claim("forbid (principal, action, resource);")?;
                self.decides(book, clause, about, &all, &nothing, Relation::Within).await?
            } else {
                let applies = self.parts.applies(clause)?;
                self.decides(book, clause, about, &applies, &permits, Relation::Apart).await?
            };
            if finding.verdict == Verdict::Refuted && clause.permits() {
                let undone = self.undone_by(book, clause).await?;
                if !undone.is_empty() {
                    finding.note = format!("{}; undone by {}", finding.note, undone.join(", "));
                }
            }
            findings.push(finding);
        }
        Ok(findings)
    }

    /// Whether a clause decides some request. Here an example is what is wanted.
    async fn decides(
        &mut self,
        book: &Rulebook,
        clause: &Clause,
        about: String,
        one: &PolicySet,
        other: &PolicySet,
        relation: Relation,
    ) -> Result<Finding, ProofError> {
        let mut nothing = None;
        for (_, env) in self.kinds() {
            match self.ask(one, other, relation, &env).await? {
                Said::Impossible => {}
                Said::Nothing(why) => nothing = Some(why),
                Said::Example(env) => {
                    let judge = |case: &Case| {
                        let decision = case.judge_without_floors(book);
                        decision.clauses.contains(&clause.name).then(|| one_line(&decision))
                    };
                    match Replay::new(&self.names, &env).find(judge) {
                        Some((case, note)) => {
                            let (verdict, case) = (Verdict::Proved, Some(case));
                            return Ok(Finding { about, verdict, case, note });
                        }
                        None => nothing = Some(UNCONFIRMED.to_owned()),
                    }
                }
            }
        }
        let (verdict, note) = match nothing {
            Some(why) => (Verdict::Undecided, why),
            None => (Verdict::Refuted, "it never decides anything".to_owned()),
        };
        Ok(Finding { about, verdict, case: None, note })
    }

    /// The single prohibitions that apply wherever a permit does.
    async fn undone_by(&mut self, book: &Rulebook, permit: &Clause) -> Result<Vec<String>, ProofError> {
        let mut undone = Vec::new();
        let left = self.parts.applies(permit)?;
        for forbid in book.parts().filter(|clause| !clause.permits()) {
            let right = self.parts.applies(forbid)?;
            let mut everywhere = true;
            for (_, env) in self.kinds() {
                everywhere &=
                    matches!(self.ask(&left, &right, Relation::Within, &env).await?, Said::Impossible);
            }
            if everywhere {
                undone.push(format!("{}/{}", forbid.name.kind, forbid.name.id));
            }
        }
        Ok(undone)
    }

    /// The kinds of request that the schema knows.
    fn kinds(&self) -> Vec<(String, RequestEnv)> {
        let mut kinds: Vec<_> =
            self.schema.request_envs().map(|env| (env.action().id().unescaped().to_owned(), env)).collect();
        kinds.sort_by(|a, b| a.0.cmp(&b.0));
        kinds
    }

    async fn ask(
        &mut self,
        one: &PolicySet,
        other: &PolicySet,
        relation: Relation,
        env: &RequestEnv,
    ) -> Result<Said, ProofError> {
        let compile = |set| {
            CompiledPolicySet::compile(set, env, self.schema).map_err(|e| ProofError::Encode(e.to_string()))
        };
        let (one, other) = (compile(one)?, compile(other)?);
        let found = match relation {
            Relation::Within => self.compiler.check_implies_with_counterexample_opt(&one, &other).await,
            Relation::Apart => self.compiler.check_disjoint_with_counterexample_opt(&one, &other).await,
        };
        match found {
            Ok(None) => Ok(Said::Impossible),
            Ok(Some(example)) => Ok(Said::Example(Box::new(example))),
            Err(Error::SolverUnknown) => Ok(Said::Nothing("the solver gave up".to_owned())),
            Err(Error::ModelInvalid { .. } | Error::ConcretizeError(_) | Error::DecodeModel(_)) => {
                Ok(Said::Nothing("the solver's example cannot be read".to_owned()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// A claim holds unless an example stands against it that the rules confirm.
    fn finding(&self, about: String, said: Said, judge: impl Fn(&Case) -> Option<String>) -> Finding {
        let (verdict, case, note) = match said {
            Said::Impossible => (Verdict::Proved, None, String::new()),
            Said::Nothing(why) => (Verdict::Undecided, None, why),
            Said::Example(env) => match Replay::new(&self.names, &env).find(judge) {
                Some((case, note)) => (Verdict::Refuted, Some(case), note),
                None => (Verdict::Undecided, None, UNCONFIRMED.to_owned()),
            },
        };
        Finding { about, verdict, case, note }
    }
}

const UNCONFIRMED: &str = "the rules do not confirm the solver's example";

fn minor(except: &[Purpose]) -> impl Fn(&Case, &Decision) -> bool {
    let except = except.to_vec();
    move |case, decision| match case {
        Case::Search { context: SearchContext { purpose, .. }, class }
        | Case::Release { context: ReleaseContext { purpose, .. }, class } => {
            decision.permitted && class.age != AgeBand::Adult && !except.contains(purpose)
        }
        Case::Query(_) => false,
    }
}

fn failed(error: Error) -> ProofError {
    match error {
        Error::SolverError(SolverError::Io(error)) => ProofError::Solver(error.to_string()),
        Error::SolverError(error) => ProofError::Solver(error.to_string()),
        other => ProofError::Encode(other.to_string()),
    }
}

fn one_line(decision: &Decision) -> String {
    let names: Vec<_> = decision.clauses.iter().map(|clause| clause.id.as_str()).collect();
    let text = decision.to_string();
    format!("{} {}", text.lines().next().unwrap_or_default(), names.join(", ")).trim_end().to_owned()
}
