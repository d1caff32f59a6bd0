//! `rules prove`.

use std::{env, ffi::OsString, path::Path, process::Command as Process, time::Duration};

use cedar_policy_symcc::solver::LocalSolver;
use symbolon_policy::rules::{
    Kind, Rulebook,
    proof::{Certificate, CertificateError, ProofError, Question, Verdict, prove},
};
use tokio::{process::Command, runtime, time};

use crate::{
    cli::{
        args::{ClaimKind, Prove},
        files,
        report::Report,
    },
    control::api::{Failure, FailureKind},
};

use super::local;

/// # Errors
/// [`Failure`] if the rules do not stand, there is no solver, or a certificate does not stand.
pub(super) fn run(options: Prove) -> Result<Report, Failure> {
    super::free(options.out.as_deref())?;
    let limit = Duration::from_secs(options.timeout.into());
    if let Some(file) = &options.check {
        return check(file, limit);
    }
    let question = question(&options)?;
    let book = |shared: &Path, national: Option<&Path>| -> Result<Rulebook, Failure> {
        let national = national.map(|file| local::rules(file, Kind::National)).transpose()?;
        let book = Rulebook::new(local::rules(shared, Kind::Shared)?, national);
        book.map_err(|error| Failure::input(error.to_string()))
    };
    let shared = options.file.as_deref().ok_or_else(|| Failure::input("no rules were given"))?;
    let rules = book(shared, options.national.as_deref())?;
    let proposal = options.proposal.as_deref().filter(|_| question.compares());
    let proposal = proposal.map(|file| book(file, options.national.as_deref())).transpose()?;
    let solver = Cvc5::find()?;
    let proof = within(limit, async {
        prove(&question, &rules, proposal.as_ref(), solver.start(limit)?).await.map_err(failure)
    })?;
    let exit = if proof.verdict == Verdict::Proved { 0 } else { FailureKind::Refused.exit_code() };
    let told = format!("{proof}\nby {}", solver.version);
    let certificate = Certificate::new(proof, &rules, proposal.as_ref(), solver.version);
    let mut text = format!("{told}, {}", certificate.about());
    // Nothing is handed on that does not stand by what can be seen without a solver.
    certificate.inspect().map_err(unsound)?;
    if let Some(out) = &options.out {
        let json = serde_json::to_string_pretty(&certificate).map_err(|e| Failure::local(e.to_string()))?;
        files::save(out, &(json + "\n"))?;
        let digest = certificate.digest().map_err(unsound)?;
        text += &format!("\nWrote the certificate {digest} to {}.", out.display());
    }
    Ok(Report::new(text, &certificate)?.with_exit(exit))
}

/// Whether `proposal` permits nothing that `rules` refuse, as a certificate.
///
/// # Errors
/// [`Failure`] if there is no solver or it does not end.
pub(super) fn no_more(rules: &Rulebook, proposal: &Rulebook, timeout: u32) -> Result<Certificate, Failure> {
    let (solver, limit) = (Cvc5::find()?, Duration::from_secs(timeout.into()));
    let proof = within(limit, async {
        prove(&Question::NoMore, rules, Some(proposal), solver.start(limit)?).await.map_err(failure)
    })?;
    Ok(Certificate::new(proof, rules, Some(proposal), solver.version))
}

/// Proves certificates again, if there is a solver here, and says of each what was proved.
///
/// # Errors
/// An integrity [`Failure`] if one does not stand.
pub(super) fn again(certificates: &[Certificate]) -> Result<String, Failure> {
    const LIMIT: Duration = Duration::from_secs(60);
    let solver = Cvc5::find().ok();
    let mut text = String::new();
    for certificate in certificates {
        if let Some(solver) = &solver {
            within(LIMIT, async { certificate.check(solver.start(LIMIT)?).await.map_err(unsound) })?;
        }
        let proof = certificate.proof.to_string();
        let by = match &solver {
            Some(solver) => format!("proved again by {}", solver.version),
            None => format!("proved by {}; not again, there is no solver here", certificate.solver),
        };
        let what = proof.lines().next().unwrap_or_default();
        text += &format!("{what} ({by}, {})\n", certificate.about());
    }
    Ok(text)
}

fn check(file: &Path, limit: Duration) -> Result<Report, Failure> {
    let certificate: Certificate = files::json(file, "a certificate of a proof")?;
    certificate.inspect().map_err(unsound)?;
    let solver = Cvc5::find()?;
    within(limit, async { certificate.check(solver.start(limit)?).await.map_err(unsound) })?;
    let digest = certificate.digest().map_err(unsound)?;
    let proof = &certificate.proof;
    let about = certificate.about();
    let text = format!("The certificate {digest} stands, by {}, {about}.\n\n{proof}", solver.version);
    Report::new(text, &serde_json::json!({ "stands": true, "digest": digest, "certificate": certificate }))
}

fn question(options: &Prove) -> Result<Question, Failure> {
    let claim = options.claim.ok_or_else(|| Failure::input("no claim was given"))?;
    Ok(match claim {
        ClaimKind::NeverMinors => Question::NeverMinors { except: options.except.clone() },
        ClaimKind::NeverPurpose => Question::NeverPurpose {
            purpose: options.purpose.ok_or_else(|| Failure::input("no --purpose was given"))?,
            asker: options.party.clone(),
        },
        ClaimKind::NoMore => Question::NoMore,
        ClaimKind::Equivalent => Question::Equivalent,
        ClaimKind::NationalRestricts => Question::NationalRestricts,
        ClaimKind::Clauses => Question::Clauses,
    })
}

/// The solver on this machine.
pub(super) struct Cvc5 {
    path: OsString,
    pub(super) version: String,
}

impl Cvc5 {
    pub(super) fn find() -> Result<Self, Failure> {
        let path = env::var_os("CVC5").filter(|path| !path.is_empty()).unwrap_or_else(|| "cvc5".into());
        let none = |why: String| {
            Failure::local(format!("there is no solver: `{}` {why}", path.display())).with_help(
                "install cvc5 (on Debian: apt-get install cvc5), or set CVC5 to its path; all other commands work \
                 without it",
            )
        };
        let output = Process::new(&path).arg("--version").output();
        let output = output.map_err(|error| none(format!("cannot be run: {error}")))?;
        let told = String::from_utf8_lossy(&output.stdout);
        let line = told.lines().find(|line| line.contains("cvc5 version"));
        let version = line.and_then(|line| line.split("cvc5 version ").nth(1));
        let version = version.and_then(|rest| rest.split_whitespace().next());
        let version = version.ok_or_else(|| none("is not cvc5".to_owned()))?;
        Ok(Self { version: format!("cvc5 {version}"), path })
    }

    pub(super) fn start(&self, limit: Duration) -> Result<LocalSolver, Failure> {
        let mut command = Command::new(&self.path);
        command.args(["--lang", "smt", &format!("--tlimit={}", limit.as_millis())]).kill_on_drop(true);
        LocalSolver::from_command(&mut command)
            .map_err(|error| Failure::local(format!("the solver cannot be started: {error}")))
    }
}

/// Runs to the end, or to the limit.
pub(super) fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::local(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let ended = time::timeout(limit, work).await;
        ended.unwrap_or_else(|_| {
            Err(Failure::local(format!("the solver did not end within {} s", limit.as_secs()))
                .with_help("give it longer with --timeout, or ask for less at once"))
        })
    })
}

pub(super) fn failure(error: ProofError) -> Failure {
    match error {
        ProofError::NoProposal | ProofError::Name(_) => Failure::input(error.to_string()),
        ProofError::Solver(_) => Failure::local(error.to_string())
            .with_help("the solver may have run out of time or memory; see --timeout"),
        ProofError::Encode(_) => Failure::local(error.to_string()),
    }
}

fn unsound(error: CertificateError) -> Failure {
    match error {
        CertificateError::Proof(error) => failure(error),
        other => Failure::integrity(other.to_string()),
    }
}
