//! Rules as a text that reads like a treaty: article by article, in a language of the reader.
//!
//! Titles are as the clauses carry them. The conditions are put in words by the program, and only in
//! English; in what words a treaty says them in another language is for its authors.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::{decision::Kind, language::Language, set::Clause, set::RuleSet};

/// Rules in the order of the articles they implement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Treaty {
    /// The language of the titles.
    pub language: Language,
    /// The clauses.
    pub clauses: Vec<Article>,
}

/// One clause of a treaty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Article {
    /// Its `@article`, if it has one.
    pub article: Option<String>,
    /// Its `@id`.
    pub id: String,
    /// Whose rules it belongs to.
    pub kind: Kind,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// Its title, in the language of the text or else in English.
    pub title: String,
    /// What must all hold for it to apply, in English.
    pub conditions: Vec<String>,
    /// The clause as it decides.
    pub cedar: String,
}

impl Treaty {
    /// The clauses of some rule sets as a treaty.
    pub fn new<'a>(sets: impl IntoIterator<Item = &'a RuleSet>, language: Language) -> Self {
        let mut clauses: Vec<_> = sets.into_iter().flat_map(RuleSet::parts).collect();
        clauses.sort_by_key(|clause| place(clause.name.article.as_deref()));
        Self { language, clauses: clauses.into_iter().map(|clause| article(clause, language)).collect() }
    }

    /// The text, with the clauses as they decide beneath where `cedar` is set.
    pub fn text(&self, cedar: bool) -> String {
        let mut text = String::new();
        for clause in &self.clauses {
            // Writing to a string cannot fail.
            let _ = self.one(&mut text, clause, cedar);
        }
        text.trim_end().to_owned()
    }

    fn one(&self, text: &mut String, clause: &Article, cedar: bool) -> fmt::Result {
        let words = Words::of(self.language);
        let article = clause.article.as_deref().map(|article| words.article(article));
        let effect = if clause.permits { words.permitted } else { words.forbidden };
        writeln!(text, "{}", article.unwrap_or_else(|| words.without.to_owned()))?;
        writeln!(text, "  {}.", clause.title.trim_end_matches('.'))?;
        let national = if clause.kind == Kind::National { words.national } else { "" };
        writeln!(text, "  [{}: {effect}{national}]", clause.id)?;
        if self.language == Language::En {
            for condition in &clause.conditions {
                writeln!(text, "    - {condition}")?;
            }
        }
        if cedar {
            for line in clause.cedar.lines() {
                writeln!(text, "    | {line}")?;
            }
        }
        writeln!(text)
    }
}

fn article(clause: &Clause, language: Language) -> Article {
    Article {
        article: clause.name.article.clone(),
        id: clause.name.id.clone(),
        kind: clause.name.kind,
        permits: clause.permits(),
        title: clause.title(language).to_owned(),
        conditions: clause.conditions.iter().map(|condition| condition.words.clone()).collect(),
        cedar: decides(&clause.text).to_owned(),
    }
}

/// A clause without its annotations, which the text above it shows.
fn decides(clause: &str) -> &str {
    let mut offset = 0;
    for line in clause.lines() {
        if !line.trim_start().starts_with('@') {
            break;
        }
        offset += line.len() + 1;
    }
    clause.get(offset..).unwrap_or(clause)
}

/// Where an article stands: the agreement's own first, by number, then other instruments by name.
fn place(article: Option<&str>) -> (u8, String, Vec<u32>) {
    let Some(article) = article else { return (2, String::new(), Vec::new()) };
    let first = article.split(';').next().unwrap_or_default();
    let (instrument, numbers) = first.split_once("Art.").unwrap_or((first, ""));
    let numbers = numbers.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    (u8::from(!instrument.trim().is_empty()), instrument.trim().to_owned(), numbers.collect())
}

/// The words of the frame, which are the program's own.
struct Words {
    article: &'static str,
    without: &'static str,
    permitted: &'static str,
    forbidden: &'static str,
    national: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        let words = |article, without, permitted, forbidden, national| Self {
            article,
            without,
            permitted,
            forbidden,
            national,
        };
        match language {
            Language::En => {
                words("Article", "Without an article", "permitted", "forbidden", ", national rules")
            }
            Language::SrLatn => {
                words("Član", "Bez člana", "dozvoljeno", "zabranjeno", ", nacionalna pravila")
            }
            Language::SrCyrl => words("Члан", "Без члана", "дозвољено", "забрањено", ", национална правила"),
            Language::Sq => words("Neni", "Pa nen", "lejohet", "ndalohet", ", rregulla kombëtare"),
            Language::Mk => words("Член", "Без член", "дозволено", "забрането", ", национални правила"),
            Language::Bs => words("Član", "Bez člana", "dozvoljeno", "zabranjeno", ", nacionalna pravila"),
        }
    }

    /// `Art. 2(1); Regulation X` as `Article 2(1) (Regulation X)`.
    fn article(&self, article: &str) -> String {
        let (first, rest) = article.split_once(';').unwrap_or((article, ""));
        let first = match first.trim().strip_prefix("Art. ") {
            Some(number) => format!("{} {number}", self.article),
            None => first.trim().to_owned(),
        };
        if rest.trim().is_empty() { first } else { format!("{first} ({})", rest.trim()) }
    }
}

#[cfg(test)]
mod tests;
