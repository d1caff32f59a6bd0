//! What each command does.

mod amend;
mod audit;
mod claim;
mod demo;
mod engines;
mod local;
mod officer;
mod opening;
mod prove;
mod register;
mod request;
mod rules;
mod serve;
mod simulate;
mod thresholds;

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use symbolon_policy::{agreement::Terms, identity::IdentityCard, rules::proof::Certificate};

use crate::{
    config::Flags,
    control::api::{Failure, Reply, Request},
    home,
};

use super::{
    args::{AgreementCommand, Cli, Command, Global, Init, NoticeCommand, RulesCommand},
    ask, files, output, passphrase, render,
    report::Report,
    trace,
};

/// What commands other than `serve` log, if `-v` asks for no more.
const QUIET_LOG: &str = "warn";

/// Runs a command to its end.
///
/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn run(cli: Cli) -> Result<Report, Failure> {
    let Cli { global, command } = cli;
    if !matches!(command, Command::Serve(_)) {
        trace::start(QUIET_LOG, global.verbose)?;
    }
    let ask = |request| Report::of(&ask::ask(&global, request)?);
    match command {
        Command::Init(init) => make_home(&global, init),
        Command::Serve(serve) => serve::run(&global, serve),
        Command::Demo(options) => demo::run(&global, options),
        Command::Thresholds(options) => thresholds::run(&global, options),
        Command::Simulate(options) => simulate::run(&global, *options),
        Command::Engines(options) => engines::run(&options),
        Command::Identity { out } => identity(&global, out.as_deref()),
        Command::Agreement(command) => agreement(&global, command),
        Command::Register(command) => register::run(&global, command),
        Command::Notice(NoticeCommand::List { sent }) => ask(Request::NoticeList { sent }),
        Command::Rules(RulesCommand::Check { file, national }) => local::check_rules(&file, national),
        Command::Rules(RulesCommand::Diff { before, after }) => local::diff_rules(&before, &after),
        Command::Rules(RulesCommand::Library(options)) => rules::library(options),
        Command::Rules(RulesCommand::Show(options)) => rules::show(&global, options),
        Command::Rules(RulesCommand::Simulate(options)) => rules::simulate(&global, options),
        Command::Rules(RulesCommand::Prove(options)) => prove::run(options),
        Command::Rules(RulesCommand::Explain(explain)) => ask(request::explain(explain)),
        Command::Rules(RulesCommand::National(command)) => {
            let report = ask(request::national(command)?)?;
            // A comment, so that it can be redirected into a file of rules.
            Ok(if report.text.is_empty() {
                report.with_text("// No national rules.".to_owned())
            } else {
                report
            })
        }
        Command::Peer(command) => ask(request::peer(command)),
        Command::Query(command) => ask(request::query(command)?),
        Command::Officer(command) => officer::run(&global, command),
        Command::Hit(command) => claim::hit(&global, command),
        Command::Claim(command) => claim::claim(&global, command),
        Command::Case(command) => claim::case(&global, command),
        Command::Answer { file, out } => ask(request::answer(&file, out.as_deref())?),
        Command::Open { file, out } => ask(request::open(&file, out.as_deref())?),
        Command::Snapshot(command) => ask(request::snapshot(command)),
        Command::Audit(command) => audit::run(&global, command),
        Command::Canary(command) => ask(audit::canary(command)?),
        Command::Status => ask(Request::Status),
        Command::Stop => ask(Request::Stop),
        Command::Codes => local::codes(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "symbolon", &mut script);
            output::raw(&String::from_utf8_lossy(&script))?;
            Ok(Report::silent())
        }
    }
}

fn make_home(global: &Global, init: Init) -> Result<Report, Failure> {
    let dir = ask::home(global)?;
    let config = ask::config(global, &dir, Flags::default())?;
    let passphrase_file = config.passphrase_file.as_deref();
    let drawn_into = match (init.generate_passphrase, passphrase_file) {
        (false, _) => None,
        (true, Some(file)) => Some(file),
        (true, None) => {
            return Err(Failure::input("--generate-passphrase needs to know where to")
                .with_help("give --passphrase-file FILE, in a place that backups of the home do not share"));
        }
    };
    let passphrase = match drawn_into {
        Some(file) => passphrase::generate(file)?,
        None => passphrase::choose(passphrase_file)?,
    };
    let Init { code, name, announce, listen, .. } = init;
    let made = home::init(&dir, home::Init { code, name, announce, listen, passphrase });
    if let (Err(_), Some(file)) = (&made, drawn_into) {
        // It opens nothing, so a second attempt must not trip over it.
        let _ = std::fs::remove_file(file);
    }
    let card = made?;
    let text = format!("Made the home {}.\n\n{}", dir.display(), render::identity(&card));
    Ok(Report::of(&Reply::Identity(card))?.with_text(text))
}

/// The card alone, so that the JSON is what the partner needs.
fn identity(global: &Global, out: Option<&Path>) -> Result<Report, Failure> {
    let Reply::Identity(card) = ask::ask(global, Request::Identity)? else { return Err(odd()) };
    let report = Report::new(render::identity(&card), &card)?;
    match out {
        None => Ok(report),
        Some(out) => {
            files::save(out, &pretty(&card)?)?;
            let text = format!("{}\n\nWrote the card to {}.", report.text, out.display());
            Ok(report.with_text(text))
        }
    }
}

fn agreement(global: &Global, command: AgreementCommand) -> Result<Report, Failure> {
    let ask = |request| Report::of(&ask::ask(global, request)?);
    match command {
        AgreementCommand::Show { which, proofs } => {
            // What cannot be an id is the name of a file, mistyped or not.
            let id = !which.is_empty() && which.chars().all(|c| c.is_ascii_hexdigit());
            let reply = match Path::new(&which) {
                file if !id || file.is_file() => files::agreement(file)?,
                _ => ask::ask(global, Request::AgreementShow { id: which })?,
            };
            let report = Report::of(&reply)?;
            match (&reply, proofs.is_empty()) {
                (Reply::Agreement { agreement, .. }, false) => {
                    let proved = amend::verified(global, agreement, &amend::read(&proofs)?)?;
                    let text = format!("{}\n\n{}", report.text, proved.trim_end());
                    Ok(report.with_text(text))
                }
                _ => Ok(report),
            }
        }
        AgreementCommand::Amend(options) => amend::draft(global, options),
        AgreementCommand::Changes { file, prove, timeout } => amend::changes(global, &file, prove, timeout),
        AgreementCommand::Sign { file, proofs, out } => sign(global, &file, &proofs, out.as_deref()),
        AgreementCommand::Draft { card, title, valid_from, days, rules, proofs, out } => {
            let card = files::json::<IdentityCard>(&card, "an identity card")?;
            let rules = rules.as_deref().map(files::read).transpose()?;
            let request = Request::AgreementDraft { partner: Box::new(card), title, valid_from, days, rules };
            draft(global, out.as_deref(), request, &amend::read(&proofs)?)
        }
        AgreementCommand::List => ask(Request::AgreementList),
        AgreementCommand::Accept { file, proofs } => {
            let (document, proofs) = (files::read(&file)?, amend::read(&proofs)?);
            let proved = match files::agreement(&file)? {
                Reply::Agreement { agreement, .. } => amend::verified(global, &agreement, &proofs)?,
                _ => return Err(odd()),
            };
            let report = ask(Request::AgreementAccept { document, proofs })?;
            let text = format!("{proved}{}", report.text);
            Ok(report.with_text(text))
        }
        AgreementCommand::Revoke { id, reason } => ask(Request::AgreementRevoke { id, reason }),
    }
}

fn draft(
    global: &Global,
    out: Option<&Path>,
    request: Request,
    certificates: &[Certificate],
) -> Result<Report, Failure> {
    free(out)?;
    let mut reply = ask::ask(global, request)?;
    if let (Reply::Text { text }, false) = (&mut reply, certificates.is_empty()) {
        let listed: Vec<_> =
            amend::digests(certificates)?.iter().map(|digest| format!("\"{digest}\"")).collect();
        *text = text.replacen("\nversion = ", &format!("\nproofs = [{}]\nversion = ", listed.join(", ")), 1);
        let terms: Terms = toml::from_str(text).map_err(|error| Failure::local(error.to_string()))?;
        amend::stand(&terms, None, certificates)?;
    }
    let (Reply::Text { text }, Some(out)) = (&reply, out) else { return Report::of(&reply) };
    files::save(out, text)?;
    let next = "Read and edit it, sign it with `symbolon agreement sign`, and send it to the partner.";
    Ok(Report::of(&reply)?.with_text(format!("Wrote the draft to {}.\n{next}", out.display())))
}

/// Without `--out` the text is the signed agreement itself, ready for a pipe.
fn sign(global: &Global, file: &Path, proofs: &[PathBuf], out: Option<&Path>) -> Result<Report, Failure> {
    free(out)?;
    let proofs = amend::read(proofs)?;
    let Reply::Agreement { agreement, .. } = files::agreement(file)? else { return Err(odd()) };
    let proved = amend::verified(global, &agreement, &proofs)?;
    let reply = ask::ask(global, Request::AgreementSign { document: files::read(file)?, proofs })?;
    let Reply::Agreement { agreement, state, .. } = &reply else { return Err(odd()) };
    let document = pretty(agreement)?;
    let report = Report::of(&reply)?;
    let Some(out) = out else { return Ok(report.with_text(document)) };
    files::save(out, &document)?;
    let text = format!(
        "{proved}Wrote the agreement to {}.\n{}",
        out.display(),
        render::next_step(*state, agreement)
    );
    Ok(report.with_text(text))
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Failure::local(format!("the document cannot be written: {error}")))
}

/// Whether a file can be new, asked before the node works in vain.
fn free(out: Option<&Path>) -> Result<(), Failure> {
    match out.filter(|out| out.exists()) {
        None => Ok(()),
        Some(out) => {
            let what = format!("{} exists already", out.display());
            Err(Failure::input(what).with_help("name another file"))
        }
    }
}

fn odd() -> Failure {
    Failure::local("the node gave an answer of another kind")
        .with_help("use the `symbolon` program of the same version as the node")
}
