//! An officer's keys and word. The key file is opened here, in the officer's own process.

use std::{fs::File, path::Path};

use symbolon_policy::{
    officer::{Act, ActKind, Intent, OfficerCard, SignedAct, files},
    signing::Document as _,
    words::{OfficerId, Salt},
};

use crate::{
    cli::{
        args::{Global, Key, OfficerCommand},
        ask::ask,
        files, passphrase, render,
        report::Report,
    },
    clock,
    control::api::{Authority, Failure, Request},
    hashed::Hashed,
    officers::OfficerKeys,
};

/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn run(global: &Global, command: OfficerCommand) -> Result<Report, Failure> {
    let ask = |request| Report::of(&ask(global, request)?);
    match command {
        OfficerCommand::New { id, out, officer_passphrase_file: file, generate_passphrase } => {
            new(id, &out, file.as_deref(), generate_passphrase)
        }
        OfficerCommand::Card { key, officer_passphrase_file: file } => {
            shown(&OfficerKeys::open(&key, passphrase::officers(file.as_deref())?)?.card()?)
        }
        OfficerCommand::Enrol { card, roles, until } => {
            let card =
                Box::new(files::json::<OfficerCard>(&card, "an officer's card").map_err(|failure| {
                    let key = card.display();
                    failure.with_help(format!(
                        "a key file gives its card by `symbolon officer card --key {key} --json`"
                    ))
                })?);
            ask(Request::OfficerEnrol { card, roles, until })
        }
        OfficerCommand::List => ask(Request::OfficerList),
        OfficerCommand::Remove { id, reason } => ask(Request::OfficerRemove { id, reason }),
    }
}

fn new(id: OfficerId, out: &Path, file: Option<&Path>, draw: bool) -> Result<Report, Failure> {
    super::free(Some(out))?;
    let drawn_into = file.filter(|_| draw);
    let passphrase = match drawn_into {
        Some(file) => passphrase::generate(file)?,
        None => passphrase::choose(file)?,
    };
    let made = OfficerKeys::create(out, id, passphrase);
    if let (Err(_), Some(file)) = (&made, drawn_into) {
        // It opens nothing, so a second attempt must not trip over it.
        let _ = std::fs::remove_file(file);
    }
    let report = shown(&made?.card()?)?;
    let text = format!("Made the key file {}.\n\n{}", out.display(), report.text);
    Ok(report.with_text(text))
}

/// The card alone, so that the JSON is what is enrolled.
fn shown(card: &OfficerCard) -> Result<Report, Failure> {
    Report::new(render::officer_card(card), card)
}

/// The query with the officer's word, where a key is given.
///
/// # Errors
/// [`Failure`] if the key file does not open, is another officer's, or the file of the query cannot be read.
pub(super) fn signed(key: &Key, named: Option<&OfficerId>, request: Request) -> Result<Request, Failure> {
    let Some(file) = &key.file else { return Ok(request) };
    let keys = OfficerKeys::open(file, passphrase::officers(key.passphrase.as_deref())?)?;
    if let Some(named) = named.filter(|named| *named != keys.id()) {
        let what = format!("{} is the key file of {}, not of {named}", file.display(), keys.id());
        return Err(Failure::input(what).with_help("name the officer who signs with --officer"));
    }
    let salt = Salt(rand::random());
    let intent = match &request {
        Request::QueryResume { query, .. } => Intent::Resume { query: *query },
        other => {
            let Some((terms, how, paths)) = other.query() else { return Ok(request) };
            let each = paths.iter().map(|path| digest(path)).collect::<Result<Vec<_>, _>>()?;
            terms.intent(how, &salt, &files(&each))
        }
    };
    let odd =
        |error: &dyn std::fmt::Display| Failure::local(format!("the request cannot be signed: {error}"));
    let digest = intent.digest().map_err(|e| odd(&e))?;
    let act = Act { officer: keys.id().clone(), act: ActKind::Ask { digest }, at: clock::now() };
    let act = SignedAct::sign(act, &keys.signer()).map_err(|e| odd(&e))?;
    Ok(request.with_authority(Authority { act, salt }))
}

fn digest(path: &Path) -> Result<symbolon_policy::words::Digest, Failure> {
    File::open(path)
        .and_then(|file| Hashed::new(file).finish())
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))
}
