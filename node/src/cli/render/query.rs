//! Answers to queries as text.

use symbolon_policy::permit::RefusalCode;

use crate::control::api::{Answer, Outcome, Person};

use super::{
    failure, many,
    table::{number, one_line, short, table},
};

/// What every answer with hits ends with.
const CANDIDATE: &str = "A hit is a candidate, not an identity.";

/// All answers, one block a partner.
pub(super) fn answers(answers: &[Answer]) -> String {
    if answers.is_empty() {
        return "No partner was asked: no agreement in force covers the query.".to_owned();
    }
    let mut blocks: Vec<String> = answers.iter().map(answer).collect();
    if answers.iter().any(|answer| matches!(answer.outcome, Outcome::Hits { hits: 1.., .. })) {
        blocks.push(CANDIDATE.to_owned());
    }
    blocks.join("\n\n")
}

fn answer(answer: &Answer) -> String {
    let partner = &answer.partner;
    match &answer.outcome {
        Outcome::Hits { people, hits } => {
            let all = u64::try_from(people.len()).unwrap_or(u64::MAX);
            let have = if *hits == 1 { "has" } else { "have" };
            let of = format!("{} of {}", number(*hits), many(all, "person", "people"));
            let mut text = format!("{partner}: {of} {have} a candidate.");
            if *hits > 0 {
                text += &format!("\n{}", candidates(people));
            }
            format!("{text}\n{}", effort(answer))
        }
        Outcome::Count { estimate, half_width, epsilon, delta, items } => format!(
            "{partner}: about {estimate} of {}, give or take {} with probability 0.95 (ε {epsilon}, δ {delta:e}).\n{}",
            many(u64::from(*items), "distinct identifier", "distinct identifiers"),
            number(u64::from(*half_width)),
            effort(answer)
        ),
        Outcome::Refused { here, code, text, clauses } => {
            let who = if *here {
                format!("this node refused to ask {partner}")
            } else {
                format!("{partner} refused")
            };
            let clauses: String = clauses.iter().map(|clause| format!("\n  {}", one_line(clause))).collect();
            format!("{who}: {} [{}]{clauses}", one_line(text), word(*code))
        }
        Outcome::Failed { failure: why } => format!("{partner} gave no answer: {}", failure(why)),
    }
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
fn word(code: RefusalCode) -> String {
    serde_json::to_value(code).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
