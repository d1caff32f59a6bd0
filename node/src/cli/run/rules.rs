//! `rules library`, `rules show` and `rules simulate`.

use std::path::Path;

use serde::Serialize;
use symbolon_policy::{
    agreement::Terms,
    rules::{self, Kind, Language, Ready, RuleErrors, RuleSet, Rulebook, Treaty},
    words::{Digest, Timestamp},
};

use crate::{
    cli::{
        args::{Global, Library, ReadyKind, Show, Simulate},
        ask, files,
        report::Report,
    },
    control::api::{Failure, Reply, Request},
};

use super::local;

/// One clause of the library.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    article: Option<&'a str>,
    title: String,
    text: &'a str,
}

/// # Errors
/// [`Failure`] of a clause that is not there, and of a file that cannot be written.
pub(super) fn library(options: Library) -> Result<Report, Failure> {
    let Library { clause, agreement, asker, holder, lang, out } = options;
    super::free(out.as_deref())?;
    let Some(text) = printed(clause.as_deref(), agreement, asker.as_ref().zip(holder.as_ref()))? else {
        return listed(lang);
    };
    let report = Report::new(text.trim_end(), &serde_json::json!({ "rules": text }))?;
    let Some(out) = out else { return Ok(report) };
    files::save(&out, &text)?;
    Ok(report.with_text(format!("Wrote the rules to {}.", out.display())))
}

fn printed(
    clause: Option<&str>,
    agreement: Option<ReadyKind>,
    parties: Option<(&symbolon_policy::words::AgencyCode, &symbolon_policy::words::AgencyCode)>,
) -> Result<Option<String>, Failure> {
    if let Some(id) = clause {
        let found = rules::ready_clause(id).map_err(broken)?;
        let (_, text) = found.ok_or_else(|| {
            Failure::input(format!("the library has no clause `{id}`"))
                .with_help("see `symbolon rules library`")
        })?;
        return Ok(Some(format!("{text}\n")));
    }
    let Some(kind) = agreement else { return Ok(None) };
    let ready = match kind {
        ReadyKind::PccSee => Ready::PccSee,
        ReadyKind::AskOnly => Ready::AskOnly,
        ReadyKind::Observer => Ready::Observer,
    };
    if ready.names_parties() != parties.is_some() {
        let what = match ready.names_parties() {
            true => "this agreement tells the parties apart",
            false => "this agreement treats both parties alike",
        };
        return Err(Failure::input(what).with_help(match ready.names_parties() {
            true => "say who asks and who answers: --asker CODE --holder CODE",
            false => "leave out --asker and --holder",
        }));
    }
    ready.text(parties).map(Some).map_err(broken)
}

fn listed(language: Language) -> Result<Report, Failure> {
    let (mut clauses, mut text) = (Vec::new(), String::new());
    for set in rules::library().map_err(broken)? {
        let treaty = Treaty::new([set], language);
        for clause in set.clauses() {
            let shown = treaty.clauses.iter().find(|shown| shown.id == clause.id);
            let title = shown.map_or_else(|| clause.title.clone(), |shown| shown.title.clone());
            let article = clause.article.as_deref();
            text += &format!("{} ({})\n  {title}\n", clause.id, article.unwrap_or("no article"));
            let text = set.clause_text(&clause.id).unwrap_or_default();
            clauses.push(Listed { id: &clause.id, article, title, text });
        }
    }
    text += "\nReady agreements (--agreement)\n";
    for ready in Ready::ALL {
        text += &format!("{}\n  {}\n", ready.as_str(), ready.about());
    }
    Report::new(text.trim_end(), &serde_json::json!({ "clauses": clauses }))
}

fn broken(errors: RuleErrors) -> Failure {
    Failure::local(format!("the library of this program does not stand:\n{errors}"))
}

/// A treaty with what stands above it.
#[derive(Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<Head>,
    rules: Digest,
    #[serde(flatten)]
    treaty: Treaty,
}

#[derive(Serialize)]
struct Head {
    title: String,
    /// As in the agreement; their order means nothing.
    parties: Vec<String>,
    valid_from: Timestamp,
    valid_until: Timestamp,
}

/// # Errors
/// [`Failure`] if the rules cannot be read.
pub(super) fn show(global: &Global, options: Show) -> Result<Report, Failure> {
    let Show { file, agreement, lang, cedar, national } = options;
    let reply = match (&file, agreement) {
        (_, Some(id)) => Some(ask::ask(global, Request::AgreementShow { id })?),
        (Some(file), None) if is_agreement(file) => Some(files::agreement(file)?),
        _ => None,
    };
    let (agreement, rules) = match (reply, file) {
        (Some(Reply::Agreement { agreement, .. }), _) => {
            let rules = agreement.rules().map_err(|e| Failure::input(e.to_string()))?;
            (Some(head(&agreement.terms)), rules)
        }
        (None, Some(file)) => {
            (None, local::rules(&file, if national { Kind::National } else { Kind::Shared })?)
        }
        _ => return Err(super::odd()),
    };
    let treaty = Treaty::new([&rules], lang);
    let mut text = String::new();
    if let Some(Head { title, parties, valid_from, valid_until }) = &agreement {
        text += &format!("{title}\n\n{}\n\n{valid_from} - {valid_until}\n\n", parties.join("\n"));
    }
    text += &treaty.text(cedar);
    if !rules.speaks(lang) {
        text += "\n\nSome clauses have no title in this language and are shown in English.";
    }
    Report::new(text, &Shown { agreement, rules: rules.digest(), treaty })
}

fn is_agreement(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "toml" || extension == "json")
}

fn head(terms: &Terms) -> Head {
    Head {
        title: terms.title.clone(),
        parties: terms.parties.iter().map(|party| format!("{} ({})", party.name, party.code)).collect(),
        valid_from: terms.valid_from,
        valid_until: terms.valid_until,
    }
}

/// # Errors
/// [`Failure`] if one of the rules does not stand.
pub(super) fn simulate(global: &Global, options: Simulate) -> Result<Report, Failure> {
    let Simulate { file, present, national, samples, seed, journal: _ } = options;
    let Some(present) = present else {
        let text = files::read(&file)?;
        return Report::of(&ask::ask(global, Request::RulesSimulate { text, national })?);
    };
    let book = |file: &Path| -> Result<Rulebook, Failure> {
        let rules: RuleSet = local::rules(file, Kind::Shared)?;
        Rulebook::new(rules, None).map_err(|error| Failure::input(error.to_string()))
    };
    let sample = rules::simulate(&book(&present)?, &book(&file)?, seed, samples)
        .map_err(|error| Failure::input(error.to_string()))?;
    Report::new(sample.to_string(), &sample)
}
