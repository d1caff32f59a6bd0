//! A query opened to an auditor: by the asker's node, and checked by the auditor without one.

use std::{
    collections::BTreeMap,
    io::{BufReader, Read as _},
    path::Path,
};

use age::x25519::Identity;
use symbolon_policy::officer::ActKind;
use zeroize::Zeroizing;

use crate::{
    cli::{
        args::{CheckOpeningOptions, Global, OpenOptions},
        ask::ask,
        files,
        report::Report,
    },
    control::api::{Failure, Request},
    journal::audit::opened,
    opening::{LONGEST, Opening, check},
};

use super::{audit, claim, free};

/// The longest age key file that is read, in bytes.
const LONGEST_IDENTITY: u64 = 64 << 10;

/// Signs for the opening of a query and has the node write it.
///
/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn open(global: &Global, options: OpenOptions) -> Result<Report, Failure> {
    let OpenOptions { query, out, recipient, reason, signing } = options;
    free(Some(&out))?;
    let keys = claim::keys(&signing)?;
    let recipient = match recipient {
        Some(recipient) => recipient,
        None => keys.identity()?.to_public().to_string(),
    };
    let act = Box::new(claim::sign(&keys, ActKind::OpenQuery { query, recipient, reason })?);
    Report::of(&ask(global, Request::AuditOpen { act, file: files::absolute(&out)? })?)
}

/// Checks an opened query.
///
/// # Errors
/// [`Failure`] if a file cannot be read, or an export does not verify.
pub(super) fn checked(options: &CheckOpeningOptions) -> Result<Report, Failure> {
    let identities = match &options.identity {
        Some(file) => identities(file)?,
        None => vec![claim::keys(&options.signing)?.identity()?],
    };
    let path = &options.opening;
    let mut sealed = Vec::new();
    audit::open(path)?
        .take(LONGEST)
        .read_to_end(&mut sealed)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    let opening = Opening::unseal(&sealed, &identities)
        .map_err(|failure| Failure { what: format!("{}: {}", path.display(), failure.what), ..failure })?;
    let known: BTreeMap<_, _> = options.keys.iter().cloned().collect();
    let mut journals = Vec::new();
    for path in &options.journals {
        let told = opened::read(BufReader::new(audit::open(path)?), &known, &opening.ask)
            .map_err(|error| audit::unverified(path, &error))?;
        journals.push(told.ok_or_else(|| {
            let (asker, holder) = (&opening.ask.asker, &opening.ask.holder);
            let what = format!("{} is the journal of neither {asker} nor {holder}", path.display());
            Failure::input(what).with_help("give an export of one of the two, or of both")
        })?);
    }
    let verdict = check::check(&opening, &sealed, &journals, &known);
    Ok(Report::new(verdict.to_string(), &verdict)?.with_exit(audit::exit(verdict.stands())))
}

/// The secret keys in a file as `age-keygen` writes it: one a line, and comments.
fn identities(path: &Path) -> Result<Vec<Identity>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::input(format!("{} is no age key file: {why}", path.display()))
            .with_help("give a file with a line AGE-SECRET-KEY-1..., or an officer's with --officer-key")
    };
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_IDENTITY as usize));
    audit::open(path)?.take(LONGEST_IDENTITY).read_to_string(&mut text).map_err(|e| wrong(&e))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(|line| line.parse::<Identity>().map_err(|e| wrong(&e)));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() { Err(wrong(&"it holds no key")) } else { Ok(keys) }
}
