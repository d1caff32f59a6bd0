//! A clause taken apart into the conditions that must all hold for it to apply.
//!
//! Cedar evaluates a clause from left to right: scope, then each `when` and `unless`, joined by
//! `&&`, and stops at the first that does not hold. A list of conditions tried in that order means
//! the same, errors included. `explain` names the conditions that fail, `diff` tabulates each alone.

use std::{collections::BTreeSet, sync::Arc};

use cedar_policy::{
    Entities, EvalResult, Expression, Policy, PolicySet, Request, eval_expression,
    pst::{
        self, ActionConstraint, BinaryOp, Effect, Expr, Literal, PrincipalConstraint, ResourceConstraint,
        StaticPolicy, Template, UnaryOp, Var,
    },
};

use super::{attribute::Attribute, facts::Facts, plain};

/// One condition of a clause.
#[derive(Clone)]
pub(super) struct Condition {
    /// As it stands in the rules.
    pub(super) cedar: String,
    /// In plain words.
    pub(super) words: String,
    /// What it looks at.
    pub(super) attributes: BTreeSet<Attribute>,
    /// The numbers it compares with; times in seconds since 1970.
    pub(super) numbers: BTreeSet<i64>,
    /// It computes with attributes or compares them with one another, so that its boundaries are not
    /// at its numbers alone.
    pub(super) computes: bool,
    /// It is the clause's `action == ...`.
    pub(super) is_action: bool,
    /// A permit of just this condition.
    alone: PolicySet,
}

impl Condition {
    /// Whether it holds, or why it cannot be evaluated.
    pub(super) fn holds(&self, facts: &Facts) -> Result<bool, String> {
        facts.satisfies(&self.alone)
    }

    /// The conditions of a clause, in the order in which Cedar evaluates them.
    pub(super) fn all_of(clause: &Template) -> Result<Vec<Self>, String> {
        let mut conditions = Vec::new();
        if clause.principal != PrincipalConstraint::Any {
            let mut alone = anything();
            alone.principal = clause.principal.clone();
            conditions.push(Self::scope(
                alone,
                clause.principal.to_string(),
                plain::principal(&clause.principal),
                Attribute::Asker,
            )?);
        }
        if clause.action != ActionConstraint::Any {
            let mut alone = anything();
            alone.action = clause.action.clone();
            conditions.push(Self::scope(
                alone,
                clause.action.to_string(),
                plain::action(&clause.action),
                Attribute::Exchange,
            )?);
        }
        if clause.resource != ResourceConstraint::Any {
            let mut alone = anything();
            alone.resource = clause.resource.clone();
            conditions.push(Self::scope(
                alone,
                clause.resource.to_string(),
                plain::resource(&clause.resource),
                Attribute::Register,
            )?);
        }
        for part in clause.clauses() {
            match part {
                pst::Clause::When(expr) => Self::split(expr, false, &mut conditions)?,
                pst::Clause::Unless(expr) => Self::split(expr, true, &mut conditions)?,
            }
        }
        Ok(conditions)
    }

    fn scope(alone: Template, cedar: String, words: String, attribute: Attribute) -> Result<Self, String> {
        Ok(Self {
            cedar,
            words,
            attributes: BTreeSet::from([attribute]),
            numbers: BTreeSet::new(),
            computes: false,
            is_action: attribute == Attribute::Exchange,
            alone: alone_in_a_set(alone)?,
        })
    }

    /// Splits `a && b`, and `!(a || b)`, which is `!a && !b`.
    fn split(expr: &Arc<Expr>, negated: bool, conditions: &mut Vec<Self>) -> Result<(), String> {
        match (expr.as_ref(), negated) {
            (Expr::BinaryOp { op: BinaryOp::And, left, right }, false)
            | (Expr::BinaryOp { op: BinaryOp::Or, left, right }, true) => {
                Self::split(left, negated, conditions)?;
                Self::split(right, negated, conditions)
            }
            (Expr::UnaryOp { op: UnaryOp::Not, expr }, _) => Self::split(expr, !negated, conditions),
            _ => {
                conditions.push(Self::single(expr, negated)?);
                Ok(())
            }
        }
    }

    fn single(expr: &Arc<Expr>, negated: bool) -> Result<Self, String> {
        let part = if negated { pst::Clause::Unless(expr.clone()) } else { pst::Clause::When(expr.clone()) };
        let alone = anything().try_with_clauses([part]).map_err(|e| e.to_string())?;
        let mut seen = Seen::default();
        seen.look(expr)?;
        Ok(Self {
            cedar: if negated { format!("!({expr})") } else { expr.to_string() },
            words: plain::sentence(expr, negated),
            attributes: seen.attributes,
            numbers: seen.numbers,
            computes: seen.computes,
            is_action: false,
            alone: alone_in_a_set(alone)?,
        })
    }
}

fn anything() -> Template {
    let (principal, resource) = (PrincipalConstraint::Any, ResourceConstraint::Any);
    Template::new("alone", Effect::Permit, principal, ActionConstraint::Any, resource)
}

fn alone_in_a_set(template: Template) -> Result<PolicySet, String> {
    let policy = StaticPolicy::try_from(template).map_err(|e| e.to_string())?;
    let policy = Policy::from_pst(pst::Policy::Static(policy)).map_err(|e| e.to_string())?;
    PolicySet::from_policies([policy]).map_err(|e| e.to_string())
}

/// What an expression looks at.
#[derive(Default)]
struct Seen {
    attributes: BTreeSet<Attribute>,
    numbers: BTreeSet<i64>,
    computes: bool,
}

impl Seen {
    fn look(&mut self, expr: &Expr) -> Result<(), String> {
        if let Some(attribute) = attribute(expr) {
            self.attributes.insert(attribute);
            return Ok(());
        }
        match expr {
            Expr::Literal(Literal::Long(number)) => {
                self.numbers.insert(*number);
            }
            Expr::Literal(_) => {}
            // What a request has depends on its kind alone.
            Expr::HasAttr { expr, .. } if matches!(expr.as_ref(), Expr::Var(_)) => {
                self.attributes.insert(Attribute::Exchange);
            }
            Expr::Var(Var::Principal) => self.attributes.extend([Attribute::Asker]),
            Expr::Var(Var::Action) => self.attributes.extend([Attribute::Exchange]),
            Expr::Var(Var::Resource) => self.attributes.extend([Attribute::Register]),
            // The context as a whole, as in `context == {...}`.
            Expr::Var(Var::Context) => {
                self.attributes.extend(Attribute::MATCH.iter().chain(Attribute::RELEASE));
            }
            Expr::UnaryOp { op: UnaryOp::Neg, expr } => match expr.as_ref() {
                Expr::Literal(Literal::Long(number)) => self.numbers.extend(number.checked_neg()),
                other => {
                    self.computes = true;
                    self.look(other)?;
                }
            },
            Expr::UnaryOp { op: UnaryOp::Datetime, expr } => self.numbers.extend(seconds(expr)?),
            Expr::UnaryOp { op, expr } => {
                self.computes |= !matches!(op, UnaryOp::Not | UnaryOp::IsEmpty);
                self.look(expr)?;
            }
            Expr::BinaryOp { op, left, right } => {
                use BinaryOp as B;
                self.computes |= matches!(op, B::Add | B::Sub | B::Mul | B::Offset | B::DurationSince);
                let joins = matches!(op, B::And | B::Or);
                let (mut on_left, mut on_right) = (Self::default(), Self::default());
                on_left.look(left)?;
                on_right.look(right)?;
                self.computes |= !joins && on_left.counts() && on_right.counts();
                self.take(on_left);
                self.take(on_right);
            }
            Expr::Is { expr, in_expr, .. } => {
                self.look(expr)?;
                in_expr.iter().try_for_each(|expr| self.look(expr))?;
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().try_for_each(|expr| self.look(expr))?;
            }
            Expr::Set(parts) => parts.iter().try_for_each(|expr| self.look(expr))?,
            Expr::Record(parts) => parts.values().try_for_each(|expr| self.look(expr))?,
            // `{x: resource}.x.minor` looks at what no walk over the tree sees, and says no more than `resource.minor`.
            Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. }
                if !matches!(expr.as_ref(), Expr::Var(_)) =>
            {
                return Err(format!(
                    "an attribute of `{expr}` is looked at: only `context` and `resource` have attributes"
                ));
            }
            Expr::GetAttr { expr, .. } | Expr::Like { expr, .. } => {
                self.computes = true;
                self.look(expr)?;
            }
            other => return Err(format!("`{other}` is not understood")),
        }
        Ok(())
    }
}

impl Seen {
    /// Whether it has an attribute that is a number.
    fn counts(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.range().is_some())
    }

    fn take(&mut self, other: Self) {
        self.attributes.extend(other.attributes);
        self.numbers.extend(other.numbers);
        self.computes |= other.computes;
    }
}

/// The attribute an expression names, as `context.purpose` does.
pub(super) fn attribute(expr: &Expr) -> Option<Attribute> {
    let Expr::GetAttr { expr, attr } = expr else { return None };
    match expr.as_ref() {
        Expr::Var(Var::Context) => Attribute::of_context(attr),
        Expr::Var(Var::Resource) => Attribute::of_record(attr),
        _ => None,
    }
}

/// The seconds on either side of a `datetime("...")`. Cedar reads it, so both agree.
fn seconds(text: &Expr) -> Result<Vec<i64>, String> {
    let since = format!("datetime({text}).durationSince(datetime(\"1970-01-01\")).toMilliseconds()");
    let since: Expression = since.parse().map_err(|_| format!("`{text}` is not a time"))?;
    let nobody = || "Agency::\"X\"".parse().map_err(|_| "no such name".to_owned());
    let request = Request::new(nobody()?, nobody()?, nobody()?, cedar_policy::Context::empty(), None);
    let request = request.map_err(|e| e.to_string())?;
    match eval_expression(&request, &Entities::empty(), &since).map_err(|e| e.to_string())? {
        EvalResult::Long(millis) => {
            let second = millis.div_euclid(1000);
            Ok(if millis.rem_euclid(1000) == 0 {
                vec![second]
            } else {
                vec![second, second.saturating_add(1)]
            })
        }
        _ => Err(format!("`{text}` is not a time")),
    }
}

/// A comparison of a code with a code of another list, which is never true and so a mistake.
pub(super) fn mixed_codes(expr: &Expr) -> Option<String> {
    expr.reduce(
        &|expr| {
            match expr {
                Expr::BinaryOp { left, right, .. } => mixed(left, right).or_else(|| mixed(right, left)),
                _ => None,
            }
            .map(Some)
        },
        &|a, b| a.or(b),
        None,
    )
}

fn mixed(side: &Expr, other: &Expr) -> Option<String> {
    let attribute = attribute(side)?;
    let wanted = attribute.code_type()?;
    other.reduce(
        &|expr| match expr {
            Expr::Literal(Literal::EntityUID(uid)) if uid.ty.0.id.as_str() != wanted => {
                Some(Some(format!("the {attribute} is a {wanted}, and {uid} is not")))
            }
            _ => None,
        },
        &|a, b| a.or(b),
        None,
    )
}
