//! `demo`.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde_json::json;

use crate::{
    cli::{
        args::{Cli, Command, Demo, Global},
        output,
        report::Report,
    },
    control::api::Failure,
    demo,
};

use super::{free, simulate};

/// The run whose report stands at the end, as it can be typed: seconds of work.
const NEGOTIATION: [&str; 8] =
    ["simulate", "bilateral", "--persons", "400", "--seeds", "8", "--compare-persons", "100"];
/// The report, where no other file is named; with a number if it is there already.
const NAME: &str = "symbolon-report";
/// Numbers that are tried.
const MOST: u32 = 99;

/// # Errors
/// [`Failure`] of what did not hold. A report that cannot be written is told and is no failure.
pub(super) fn run(global: &Global, options: Demo) -> Result<Report, Failure> {
    let Demo { people, records, matching, match_records, match_register, capture, keep, report } = options;
    free(report.as_deref())?;
    let matching = matching.then(|| match_records.unwrap_or(demo::matching::RECORDS));
    let (json, quiet) = (global.json, global.quiet);
    if let Some(records) = matching.filter(|_| !json && !quiet) {
        let minutes = demo::matching::estimate(records) / 60.0;
        output::note(&format!(
            "The match of {records} people takes about {minutes:.1} minutes if nothing else runs."
        ));
    }
    let large = match_register;
    let held = demo::run(demo::Options { people, records, matching, large, capture, keep, json, quiet })?;
    let mut told = Report::new(held.text().trim_end(), &held)?;
    let made = negotiation(report.as_deref());
    told.text += &match &made {
        Ok(file) => format!(
            "\n\nBefore anyone signs\n  What a negotiator of two neighbours on one route would see: {0}\n  Open it in a \
             browser, such as: xdg-open {0}\n  It is made by: symbolon {1} --report FILE.html",
            file.display(),
            NEGOTIATION.join(" ")
        ),
        Err(failure) => format!("\n\nThere is no report for negotiators: {}", failure.what),
    };
    if let Some(fields) = told.json.as_mut().and_then(|json| json.as_object_mut()) {
        let file =
            made.map_or_else(|failure| json!({ "error": failure.what }), |file| json!({ "file": file }));
        fields.insert("negotiation".to_owned(), file);
    }
    Ok(told)
}

/// Writes the report of the two neighbours, and says where.
fn negotiation(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    let file = wanted.map_or_else(unused, |file| Ok(file.to_owned()))?;
    let more = [file.as_os_str()];
    let words = ["symbolon", "--quiet"].into_iter().chain(NEGOTIATION).chain(["--report"]);
    let words = words.map(std::ffi::OsStr::new).chain(more);
    let typed = Cli::try_parse_from(words).map_err(|error| Failure::local(error.to_string()))?;
    let Command::Simulate(options) = typed.command else { return Err(super::odd()) };
    simulate::run(&typed.global, *options)?;
    std::path::absolute(&file).map_err(|error| Failure::local(error.to_string()))
}

/// A name in the working directory that no file has.
fn unused() -> Result<PathBuf, Failure> {
    let names = (1..=MOST).map(|number| match number {
        1 => format!("{NAME}.html"),
        _ => format!("{NAME}-{number}.html"),
    });
    let free = names.map(PathBuf::from).find(|file| !file.exists());
    free.ok_or_else(|| {
        Failure::input(format!("{NAME}.html and {NAME}-2.html to -{MOST}.html are there already"))
    })
}
