//! The command line: flags become requests, replies become text or JSON.
//!
//! A request goes to the running node over its control socket; where none runs, the home is opened
//! here and the same code answers. Some commands read files only and need no home.

mod args;
mod ask;
mod files;
mod output;
mod passphrase;
mod progress;
mod render;
mod report;
mod run;
mod trace;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, error::ErrorKind};

use crate::control::api::Failure;

use args::Cli;

/// Runs the program with the arguments and the environment of the process. Standard output gets the
/// answer, standard error everything else.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misspelt(&arguments, &error),
    };
    let json = cli.global.json;
    let outcome = run::run(cli).and_then(|report| {
        output::answer(&report, json)?;
        Ok(report.exit)
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::failure(&failure, json);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// How clap ends its messages.
const CLAP_ADVICE: &str = "\n\nFor more information, try '--help'.\n";

/// Help and versions are printed as they are; a mistake in the arguments is told in the form that was
/// asked for.
fn misspelt(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    let help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if !help && arguments.iter().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let text = text.trim_start_matches("error: ").trim_end_matches(CLAP_ADVICE).trim();
        let failure = Failure::input(text).with_help("`symbolon help` and `--help` tell what can be typed");
        output::failure(&failure, true);
        return ExitCode::from(failure.kind.exit_code());
    }
    // A closed pipe is all that can fail here, and then nobody reads.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

#[cfg(test)]
mod tests;
