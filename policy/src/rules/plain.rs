//! Conditions in plain words. What has no plain words is shown as it stands in the rules.

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, EntityOrSlot, EntityUID, Expr, Literal, PrincipalConstraint,
    ResourceConstraint, UnaryOp, Var,
};

use super::{attribute::Attribute, condition::attribute};

/// Whom a clause concerns.
pub(super) fn principal(constraint: &PrincipalConstraint) -> String {
    match constraint {
        PrincipalConstraint::Any => "anybody asks".to_owned(),
        PrincipalConstraint::Eq(who) => format!("the asker is {}", slot(who)),
        PrincipalConstraint::In(who) => format!("the asker belongs to {}", slot(who)),
        PrincipalConstraint::Is(kind) => format!("the asker is of the type {kind}"),
        PrincipalConstraint::IsIn(kind, who) => {
            format!("the asker is of the type {kind} and belongs to {}", slot(who))
        }
    }
}

/// What a clause concerns.
pub(super) fn action(constraint: &ActionConstraint) -> String {
    match constraint {
        ActionConstraint::Any => "anything is asked".to_owned(),
        ActionConstraint::Eq(action) => format!("the request is {}", action.eid),
        ActionConstraint::In(actions) => {
            let names: Vec<_> = actions.iter().map(|action| action.eid.to_string()).collect();
            format!("the request is one of {}", names.join(", "))
        }
    }
}

/// Which register a clause concerns.
pub(super) fn resource(constraint: &ResourceConstraint) -> String {
    match constraint {
        ResourceConstraint::Any => "any register is asked".to_owned(),
        ResourceConstraint::Eq(what) => format!("the register is {}", slot(what)),
        ResourceConstraint::In(what) => format!("the register belongs to {}", slot(what)),
        ResourceConstraint::Is(kind) => format!("the request concerns a {kind}"),
        ResourceConstraint::IsIn(kind, what) => {
            format!("the request concerns a {kind} and it belongs to {}", slot(what))
        }
    }
}

/// A condition, or its opposite, as a clause of a sentence.
pub(super) fn sentence(expr: &Expr, negated: bool) -> String {
    phrase(expr, negated)
        .unwrap_or_else(|| if negated { format!("not `{expr}`") } else { format!("`{expr}`") })
}

fn phrase(expr: &Expr, negated: bool) -> Option<String> {
    if let Some(flag) = flag(expr, negated) {
        return Some(flag.to_owned());
    }
    match expr {
        Expr::Literal(Literal::Bool(value)) => {
            Some(if *value != negated { "always" } else { "never" }.to_owned())
        }
        Expr::UnaryOp { op: UnaryOp::Not, expr } => phrase(expr, !negated),
        Expr::BinaryOp { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
            let word = if (*op == BinaryOp::And) != negated { "and" } else { "or" };
            let bracket = |expr: &Expr| {
                let text = sentence(expr, negated);
                let inner =
                    matches!(expr, Expr::BinaryOp { op: o @ (BinaryOp::And | BinaryOp::Or), .. } if o != op);
                if inner { format!("({text})") } else { text }
            };
            Some(format!("{} {word} {}", bracket(left), bracket(right)))
        }
        Expr::BinaryOp { op: BinaryOp::Contains, left, right } => among(right, left, negated),
        Expr::BinaryOp { op: BinaryOp::In, left, right } => match left.as_ref() {
            Expr::Var(_) => {
                let verb = if negated { "does not belong to" } else { "belongs to" };
                Some(format!("{} {verb} {}", term(left)?, list(right).or_else(|| term(right))?))
            }
            _ => among(left, right, negated),
        },
        Expr::BinaryOp { op, left, right } => {
            // A literal on the left reads better on the right.
            let (left, right, op) = if matches!(left.as_ref(), Expr::Literal(_)) {
                (right, left, mirrored(*op))
            } else {
                (left, right, *op)
            };
            let time = attribute(left) == Some(Attribute::Now);
            Some(format!("{} {} {}", term(left)?, comparison(op, negated, time)?, term(right)?))
        }
        _ => None,
    }
}

fn among(element: &Expr, set: &Expr, negated: bool) -> Option<String> {
    let verb = if negated { "is none of" } else { "is one of" };
    Some(format!("{} {verb} {}", term(element)?, list(set)?))
}

fn list(set: &Expr) -> Option<String> {
    let Expr::Set(parts) = set else { return None };
    Some(parts.iter().map(|part| term(part)).collect::<Option<Vec<_>>>()?.join(", "))
}

fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEq => BinaryOp::GreaterEq,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEq => BinaryOp::LessEq,
        other => other,
    }
}

fn comparison(op: BinaryOp, negated: bool, time: bool) -> Option<&'static str> {
    Some(match (op, negated) {
        (BinaryOp::Eq, false) | (BinaryOp::NotEq, true) => "is",
        (BinaryOp::NotEq, false) | (BinaryOp::Eq, true) => "is not",
        (BinaryOp::Less, false) | (BinaryOp::GreaterEq, true) if time => "is before",
        (BinaryOp::Less, false) | (BinaryOp::GreaterEq, true) => "is below",
        (BinaryOp::LessEq, false) | (BinaryOp::Greater, true) if time => "is not after",
        (BinaryOp::LessEq, false) | (BinaryOp::Greater, true) => "is at most",
        (BinaryOp::Greater, false) | (BinaryOp::LessEq, true) if time => "is after",
        (BinaryOp::Greater, false) | (BinaryOp::LessEq, true) => "is above",
        (BinaryOp::GreaterEq, false) | (BinaryOp::Less, true) if time => "is not before",
        (BinaryOp::GreaterEq, false) | (BinaryOp::Less, true) => "is at least",
        _ => return None,
    })
}

/// Something that can stand on one side of a comparison.
fn term(expr: &Expr) -> Option<String> {
    if let Some(attribute) = attribute(expr) {
        return flag(expr, false).is_none().then(|| format!("the {attribute}"));
    }
    Some(match expr {
        Expr::Literal(Literal::Long(number)) => number.to_string(),
        Expr::Literal(Literal::EntityUID(uid)) => entity(uid),
        Expr::Var(Var::Principal) => "the asker".to_owned(),
        Expr::Var(Var::Resource) => "the register".to_owned(),
        Expr::Var(Var::Action) => "the request".to_owned(),
        Expr::UnaryOp { op: UnaryOp::Neg, expr } => format!("-{}", term(expr)?),
        Expr::UnaryOp { op: UnaryOp::Datetime, expr } => match expr.as_ref() {
            Expr::Literal(Literal::String(text)) => text.to_string(),
            _ => return None,
        },
        Expr::BinaryOp { op, left, right } => {
            let word = match op {
                BinaryOp::Add => "plus",
                BinaryOp::Sub => "minus",
                BinaryOp::Mul => "times",
                _ => return None,
            };
            format!("{} {word} {}", term(left)?, term(right)?)
        }
        _ => return None,
    })
}

fn slot(entity_or_slot: &EntityOrSlot) -> String {
    match entity_or_slot {
        EntityOrSlot::Entity(uid) => entity(uid),
        EntityOrSlot::Slot(slot) => slot.to_string(),
    }
}

/// Codes and actions by their name alone; agencies, officers and registers with what they are.
fn entity(uid: &EntityUID) -> String {
    match uid.ty.0.id.as_str() {
        "Agency" => format!("agency {}", uid.eid),
        "Officer" => format!("officer {}", uid.eid),
        "Register" => format!("register {}", uid.eid),
        _ => uid.eid.to_string(),
    }
}

fn flag(expr: &Expr, negated: bool) -> Option<&'static str> {
    let Expr::GetAttr { attr, .. } = expr else { return None };
    attribute(expr)?;
    let (yes, no) = match attr.as_str() {
        "caseReference" => ("a case reference is given", "no case reference is given"),
        "minor" => ("the subject is a minor or its age is in doubt", "the subject is known to be of age"),
        "ageInDoubt" => ("the age of the subject is in doubt", "the age of the subject is not in doubt"),
        "ownCitizen" => (
            "the subject is a citizen of the holder's state",
            "the subject is no citizen of the holder's state",
        ),
        "vulnerable" => ("the subject is flagged as vulnerable", "the subject is not flagged as vulnerable"),
        "marked" => ("protection was granted to the subject", "no protection was granted to the subject"),
        "blocked" => ("the record is blocked", "the record is not blocked"),
        "contested" => {
            ("the accuracy of the record is contested", "the accuracy of the record is not contested")
        }
        _ => return None,
    };
    Some(if negated { no } else { yes })
}
