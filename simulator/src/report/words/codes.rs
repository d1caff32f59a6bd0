//! Codes as people read them. Each code of a list has a text of its own, under the letter of its list.

use symbolon_policy::{
    rules::ExchangeKind,
    words::{Field, Purpose},
};

use crate::{
    outcome::Measure,
    scenario::{ASSUMED, AbuseKind, EventKind, RouteKind},
    search::{Finding, RedLine},
};

use super::Words;

impl Words {
    /// The name of a figure.
    pub fn measure(&self, measure: Measure) -> String {
        self.get(&format!("m-{}", measure.as_str()))
    }

    /// Why something is asked.
    pub fn purpose(&self, purpose: Purpose) -> String {
        self.get(&format!("p-{purpose}"))
    }

    /// What a field says.
    pub fn field(&self, field: Field) -> String {
        self.get(&format!("f-{field}"))
    }

    /// How something is asked.
    pub fn exchange(&self, kind: ExchangeKind) -> String {
        self.get(&format!("x-{}", kind.as_str()))
    }

    /// At which event.
    pub fn event(&self, kind: EventKind) -> String {
        self.get(&format!("e-{}", kind.as_str()))
    }

    /// What kind of way it is.
    pub fn route(&self, kind: RouteKind) -> String {
        self.get(&format!("r-{}", kind.as_str()))
    }

    /// What goes wrong.
    pub fn abuse(&self, kind: AbuseKind) -> String {
        self.get(&format!("a-{}", kind.as_str()))
    }

    /// A term of an agreement by its path, such as `quotas.*.limit`; the table in which it stands where it has no text of
    /// its own.
    pub fn term(&self, path: &str) -> String {
        let named = |step: &&str| *step != "*" && step.parse::<usize>().is_err();
        let steps: Vec<&str> = path.split('.').filter(named).collect();
        let mut keys = (1..=steps.len()).rev().map(|many| {
            let steps: Vec<&str> = steps.iter().take(many).copied().collect();
            format!("t-{}", steps.join("-"))
        });
        keys.find(|key| self.bundle.has_message(key)).map_or_else(|| path.to_owned(), |key| self.get(&key))
    }

    /// What must never be possible.
    pub fn red_line(&self, line: &RedLine) -> String {
        match line {
            RedLine::Minors(_) => self.get("l-minors"),
            RedLine::MinorField(field) => self.with("l-minors-field", &[("field", &self.field(*field))]),
            RedLine::Field(field) => self.with("l-field", &[("field", &self.field(*field))]),
            RedLine::Party(code) => self.with("l-party", &[("party", code.as_str())]),
            RedLine::Purpose(purpose) => self.with("l-purpose", &[("purpose", &self.purpose(*purpose))]),
        }
    }

    /// What came of the proof of a red line.
    pub fn finding(&self, finding: &Finding) -> String {
        match finding {
            Finding::Proved(solver) => self.with("proof-proved", &[("solver", solver)]),
            Finding::Crossed(pair) => self.with("proof-crossed", &[("pair", pair)]),
            Finding::Undecided(pair) => self.with("proof-undecided", &[("pair", pair)]),
            Finding::WithoutSolver(_) => self.get("proof-without"),
            Finding::Nobody => self.get("proof-nobody"),
        }
    }

    /// A source as the scenario has it, but for the words that the program itself begins one with.
    pub fn source(&self, src: &str) -> String {
        let own = [ASSUMED, "measured"].into_iter().find_map(|word| Some((word, src.strip_prefix(word)?)));
        own.map_or_else(|| src.to_owned(), |(word, rest)| self.get(word) + rest)
    }

    /// What a number of a scenario says, and of whom: `party.RS.register_p` becomes "… (RS)". Its `label` has after the path
    /// what a place in a list stands for, in brackets. A path without words stays as it is.
    pub fn quantity(&self, path: &str, label: &str) -> String {
        let mut parts = path.split('.');
        let (Some(table), Some(last)) = (parts.next(), parts.next_back()) else { return label.to_owned() };
        let (list, middle) = (table.split('[').next().unwrap_or(table), parts.next());
        let (key, whose) = match list {
            "field_bits" => (format!("n-{list}"), Some(self.code(&["f"], last))),
            _ => (format!("n-{list}-{}", last.split('[').next().unwrap_or(last)), middle.map(str::to_owned)),
        };
        if !self.bundle.has_message(&key) {
            return label.to_owned();
        }
        let said = label.split_once(" (").and_then(|(_, said)| said.strip_suffix(')'));
        let said = said.map(|said| self.place(list, said));
        // Of what a party has several of, both.
        let whose = match (whose, said) {
            (Some(whose), Some(said)) => Some(format!("{whose}, {said}")),
            (whose, said) => whose.or(said),
        };
        self.get(&key) + &whose.map(|whose| format!(" ({whose})")).unwrap_or_default()
    }

    /// What a place in a list stands for, see [`Scenario::label`](crate::scenario::Scenario::label).
    fn place(&self, list: &str, said: &str) -> String {
        let codes: &[&str] = match list {
            "route" => &["r"],
            "practice" => &["e", "x", "p"],
            // Behind the kind stands its name in the file.
            "abuse" => return self.code(&["a"], said.split(", ").next().unwrap_or(said)),
            _ => &[],
        };
        let way =
            |part: &str| part.split(" → ").map(|code| self.code(codes, code)).collect::<Vec<_>>().join(" → ");
        said.split(", ").map(way).collect::<Vec<_>>().join(", ")
    }

    /// A code of one of these lists; whatever else it is stays as it is.
    fn code(&self, lists: &[&str], code: &str) -> String {
        let mut keys = lists.iter().map(|list| format!("{list}-{code}"));
        keys.find(|key| self.bundle.has_message(key)).map_or_else(|| code.to_owned(), |key| self.get(&key))
    }
}
