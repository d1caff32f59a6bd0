//! Answers to queries as text.

use std::{collections::BTreeSet, path::Path};

use symbolon_policy::{
    agreement::MatchAnswer,
    permit::RefusalCode,
    rules::ExchangeKind,
    words::{AgencyCode, QueryId},
};

use crate::control::api::{
    Answer, CourierKind, FailureKind, Matched, Outcome, Person, QueryLine, QueryStage,
};

use super::{
    ahead, failure, many, percent,
    table::{number, one_line, short, table},
};

/// What every answer with hits ends with.
const CANDIDATE: &str = "A hit is a candidate, not an identity.";

/// All answers, one block a partner.
pub(super) fn answers(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return "No partner was asked: no agreement in force covers the query.".to_owned();
    }
    let probes: BTreeSet<&Path> = answers.iter().filter_map(|one| one.probe.as_deref()).collect();
    let several = probes.len() > 1;
    let mut blocks: Vec<String> = answers
        .iter()
        .map(|one| {
            let probe = one.probe.as_deref().filter(|_| several);
            let name = probe.map(|path| path.strip_prefix(common(&probes)).unwrap_or(path));
            let name = name.map(|name| format!(", {}", one_line(&name.to_string_lossy())));
            answer(one, &name.unwrap_or_default())
        })
        .collect();
    let hit = |answer: &Answer| match &answer.outcome {
        Outcome::Hits { hits, .. } => *hits > 0,
        Outcome::Matched(matched) => matched.hit,
        _ => false,
    };
    if answers.iter().any(hit) {
        blocks.push(CANDIDATE.to_owned());
    }
    blocks.join("\n\n")
}

/// Queries that can be resumed.
pub(super) fn list(queries: &[QueryLine]) -> String {
    if queries.is_empty() {
        return "No query waits to be resumed.".to_owned();
    }
    let rows = queries.iter().map(|line| {
        let stage = match line.stage {
            QueryStage::Open => "under way, or interrupted",
            QueryStage::Failed => "no answer came",
            QueryStage::Unseen => "answered, not shown",
        };
        [
            line.query.to_string(),
            line.partner.to_string(),
            exchange(line.exchange).to_owned(),
            line.register.to_string(),
            line.purpose.to_string(),
            line.officer.to_string(),
            line.asked_at.to_string(),
            stage.to_owned(),
        ]
    });
    let head = ["QUERY", "PARTNER", "HOW", "REGISTER", "PURPOSE", "OFFICER", "ASKED", "STATE"];
    format!("{}\n\nNext: `symbolon query resume QUERY`; it costs nothing more.", table(head, rows))
}

fn exchange(kind: ExchangeKind) -> &'static str {
    match kind {
        ExchangeKind::Exact => "exact",
        ExchangeKind::Count => "count",
        ExchangeKind::Match => "match",
    }
}

/// A file for a courier, and what comes next.
pub(super) fn written(
    kind: CourierKind,
    partner: &AgencyCode,
    query: &QueryId,
    file: &Path,
    refused: Option<&str>,
) -> String {
    let next = match (kind, refused) {
        (_, Some(why)) => format!("This node refused: {}. The file says so.", one_line(why)),
        (CourierKind::Question, None) => {
            "Keep it until the answer came: bringing it again costs nothing more.".to_owned()
        }
        (_, None) => "Keep it until the countersigned receipt came.".to_owned(),
    };
    format!("Wrote query {query} to {}, for {partner}.\n{next}", file.display())
}

/// A part of setting up keys, and what comes next.
pub(super) fn keys(partner: &AgencyCode, part: u8, file: &Path, refused: Option<&str>) -> String {
    let next = match refused {
        Some(why) => format!("This node refused: {}. The file says so.", one_line(why)),
        None if part == 1 => {
            "No keys are current, so it begins to set them up; nothing was asked or charged. \
            When the last file came back, run the same command again with the name of a new file."
                .to_owned()
        }
        None => "Keep it until the next file came: the one that came can be opened again.".to_owned(),
    };
    let turn = if part % 2 == 1 { "answer" } else { "open" };
    let file = file.display();
    format!("Wrote file {part} of setting up keys to {file}, for {partner} (`symbolon {turn}`).\n{next}")
}

/// An answer that a courier brought.
pub(super) fn opened(told: &[Answer], receipt: Option<&Path>) -> String {
    let text = answers(told);
    receipt.map_or_else(
        || text.clone(),
        |file| format!("{text}\n\nWrote the countersignature to {}, for the way back.", file.display()),
    )
}

/// The directory that several files lie below.
fn common<'a>(paths: &BTreeSet<&'a Path>) -> &'a Path {
    let of_first = paths.first().and_then(|path| path.parent());
    let above = of_first.into_iter().flat_map(Path::ancestors);
    above.into_iter().find(|dir| paths.iter().all(|path| path.starts_with(dir))).unwrap_or(Path::new(""))
}

/// One answer; `file` names the probe where there were several.
fn answer(answer: &Answer, file: &str) -> String {
    let partner = &format!("{}{file}", answer.partner);
    match &answer.outcome {
        Outcome::Hits { people, hits } => {
            let all = u64::try_from(people.len()).unwrap_or(u64::MAX);
            let have = if *hits == 1 || all == 1 { "has" } else { "have" };
            let of = format!("{} of {}", number(*hits), many(all, "person", "people"));
            let as_of = answer.as_of.map(|made| format!(" in the register as of {made}")).unwrap_or_default();
            let mut text = format!("{partner}: {of} {have} a candidate{as_of}.");
            if *hits > 0 {
                text += &format!("\n{}", candidates(people));
            }
            format!("{text}\n{}", effort(answer))
        }
        Outcome::Count { estimate, half_width, epsilon, delta, items } => format!(
            "{partner}: about {estimate} of {}, give or take {} with probability 0.95 (ε {epsilon}, δ {delta:.2e}).\n{}",
            many(u64::from(*items), "distinct identifier", "distinct identifiers"),
            number(u64::from(*half_width)),
            effort(answer)
        ),
        Outcome::Matched(told) => {
            // With one engine there was nothing to choose.
            let chosen = answer.choice.iter().filter(|choice| choice.weighed.len() > 1);
            let why: String = chosen.map(|choice| format!("\n  Chosen: {}.", choice.why)).collect();
            let ahead = answer.ahead.and_then(ahead::used).map(|text| format!("\n  {text}"));
            format!("{}{why}{}\n{}", matched(partner, told), ahead.unwrap_or_default(), effort(answer))
        }
        Outcome::Refused { here, code, text, clauses, help } => {
            let who = if *here {
                format!("this node refused to ask {partner}")
            } else {
                format!("{partner} refused")
            };
            let clauses: String = clauses.iter().map(|clause| format!("\n  {}", one_line(clause))).collect();
            let help = help.as_ref().map(|help| format!("\n  help: {}", one_line(help))).unwrap_or_default();
            format!("{who}: {} [{}]{clauses}{help}", one_line(text), word(*code))
        }
        // What went wrong here is not put on the partner.
        Outcome::Failed { failure: why } => match why.kind {
            FailureKind::Partner => format!("{partner} gave no answer: {}", failure(why)),
            FailureKind::Input => format!("{partner} was not asked: {}", failure(why)),
            _ => format!("no answer from {partner}: {}", failure(why)),
        },
    }
}

fn matched(partner: &str, told: &Matched) -> String {
    let Matched { form, answer, hit, candidates, cap, engine, entries, comparisons, .. } = told;
    let found = match (answer, hit, candidates) {
        (MatchAnswer::Any, false, _) => "no hit".to_owned(),
        (MatchAnswer::Any, true, _) => "a hit".to_owned(),
        (MatchAnswer::Candidates, _, Some(hits)) => many(*hits, "candidate", "candidates"),
        (MatchAnswer::Candidates, _, None) => format!("more than {cap} candidates, which are not shown"),
    };
    let records = many(*entries, "record", "records");
    let mut text = format!("{partner}: {found} among {records}, padding included ({form}).");
    if let Some(share) = told.false_hits.filter(|_| *hit) {
        let comparisons = many(*comparisons, "comparison", "comparisons");
        text += &format!(
            "\n  Of such hits up to {} are false: {comparisons}, and the agreement's expectation of who is there.",
            percent(share)
        );
    }
    let budget = &told.budget;
    let (spent, left) = (number(budget.spent), number(budget.limit.saturating_sub(budget.spent)));
    let bits = many(told.leakage_bits, "bit", "bits");
    text + &format!(
        "\n  The answer tells at most {bits}. Probes spent {spent}, left {left}. Engine {engine}."
    )
}

fn candidates(people: &[Person]) -> String {
    let rows = people.iter().filter(|person| !person.hits.is_empty()).map(|person| {
        let kinds: Vec<_> = person.hits.iter().map(|kind| kind.as_str()).collect();
        [person.reference.clone(), kinds.join(", ")]
    });
    table(["CANDIDATE", "BY"], rows)
}

/// What it took, and where it stands in the journal.
fn effort(answer: &Answer) -> String {
    let seconds: f64 = answer.timing.iter().map(|(_, seconds)| seconds).sum();
    let query = answer.query.as_ref().map(|query| format!("query {query}, ")).unwrap_or_default();
    let receipt = answer.receipt.as_deref().and_then(|receipt| receipt.digest().ok());
    let receipt = receipt.map_or("no receipt".to_owned(), |digest| format!("receipt {}", short(&digest)));
    let (sent, got) = (number(answer.bytes_out), number(answer.bytes_in));
    format!("  {query}{receipt}, {seconds:.2} s, {sent} bytes sent, {got} received")
}

/// The code as it stands in JSON.
pub(super) fn word(code: RefusalCode) -> String {
    serde_json::to_value(code).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
