//! National rules, and what other rules would have said.

mod explain;
mod simulate;

use std::sync::Arc;

use symbolon_policy::{
    permit::RefusalCode,
    rules::{Kind, RuleSet},
};

pub(in crate::node) use explain::{explain, why};
pub(in crate::node) use simulate::simulate;

use super::{Core, blocking};
use crate::{
    control::api::{Failure, NationalChange, Reply},
    journal::Event,
};

pub(super) async fn national(core: &Arc<Core>, change: NationalChange) -> Result<Reply, Failure> {
    let set = match change {
        NationalChange::Show => {
            let text = core.book.state().national()?;
            return Ok(Reply::Text { text: text.unwrap_or_default() });
        }
        NationalChange::Set(text) => {
            let rules = RuleSet::parse(&text, Kind::National).map_err(|e| {
                Failure::input(format!("the national rules do not stand:\n{e}"))
                    .with_help("national rules can only forbid; see `symbolon rules library`")
            })?;
            if rules.is_empty() {
                return Err(Failure::input("there are no clauses in it, so nothing was changed")
                    .with_help("`symbolon rules national clear` removes the national rules"));
            }
            Some(rules)
        }
        NationalChange::Clear => None,
    };
    let (clauses, digest) = match &set {
        Some(rules) => (rules.clauses().count() as u64, Some(rules.digest())),
        None => (0, None),
    };
    let text = set.map(|rules| rules.text().to_owned());
    let core = core.clone();
    blocking(move || {
        core.book.record(&Event::NationalRules { text })?;
        // Slices were decided by the rules as they were.
        core.end_stale("the national rules were changed")?;
        Ok(Reply::National { clauses, digest })
    })
    .await
}

/// A code as it stands in JSON.
fn word(code: RefusalCode) -> Result<String, Failure> {
    let word = serde_json::to_value(code).map_err(|e| Failure::local(e.to_string()))?;
    Ok(word.as_str().unwrap_or_default().to_owned())
}
