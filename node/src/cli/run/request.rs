//! Arguments as requests.

use std::path::Path;

use symbolon_policy::rules::Kind;

use crate::control::api::{self, Failure, NationalChange, QueryTerms, Request, Wish};

use super::{local::rules, officer};
use crate::cli::{
    args::{Explain, Key, NationalCommand, PeerCommand, QueryCommand, SnapshotCommand, Terms},
    files::absolute,
};

pub(super) fn explain(explain: Explain) -> Request {
    let Explain {
        partner,
        asked,
        register,
        purpose,
        basis,
        officer,
        case,
        items,
        count,
        form,
        unexplained,
        fields,
    } = explain;
    let of = match (form, count) {
        (Some(form), _) => api::Explained::Match(form),
        (None, true) => api::Explained::Count,
        (None, false) => api::Explained::Exact,
    };
    let asking = !asked;
    let query = api::Explain {
        partner,
        asking,
        of,
        register,
        purpose,
        basis,
        officer,
        case,
        items,
        unexplained,
        fields,
    };
    Request::RulesExplain { query }
}

/// # Errors
/// [`Failure`] if the rules cannot be read.
pub(super) fn national(command: NationalCommand) -> Result<Request, Failure> {
    let change = match command {
        NationalCommand::Show => NationalChange::Show,
        NationalCommand::Set { file } => NationalChange::Set(rules(&file, Kind::National)?.text().to_owned()),
        NationalCommand::Clear => NationalChange::Clear,
    };
    Ok(Request::RulesNational { change })
}

pub(super) fn peer(command: PeerCommand) -> Request {
    match command {
        PeerCommand::List => Request::PeerList,
        PeerCommand::AllowPreparations { partner, reason } => {
            Request::PeerAllowPreparations { partner, reason }
        }
        PeerCommand::Ping { partner } => Request::PeerPing { partner },
    }
}

pub(super) fn snapshot(command: SnapshotCommand) -> Request {
    match command {
        SnapshotCommand::Build { partner, register, purpose } => {
            Request::SnapshotBuild { partner, register, purpose }
        }
        SnapshotCommand::List => Request::SnapshotList,
    }
}

/// # Errors
/// [`Failure`] if the path of the people or the probe cannot be made absolute, or the officer cannot sign.
pub(super) fn query(command: QueryCommand) -> Result<Request, Failure> {
    let (key, officer, request) = match command {
        QueryCommand::Prepare { partner, register, purpose, basis, officer, case, form, positions } => {
            return Ok(Request::QueryPrepare {
                partner,
                register,
                purpose,
                basis,
                officer,
                case,
                form,
                positions,
            });
        }
        QueryCommand::List => return Ok(Request::QueryList),
        QueryCommand::Resume { query, officer, key } => {
            (key, officer, Request::QueryResume { query, authority: None })
        }
        QueryCommand::Exact { terms, case, people } => {
            let (subjects, format) = (absolute(&people.file)?, people.format.map(Into::into));
            let (key, terms) = words(terms, case);
            (key, None, Request::QueryExact { terms, subjects, format })
        }
        QueryCommand::Count { terms, kind, people } => {
            let (subjects, format) = (absolute(&people.file)?, people.format.map(Into::into));
            let (key, terms) = words(terms, None);
            (key, None, Request::QueryCount { terms, subjects, format, kind })
        }
        QueryCommand::Match { terms, case, form, answer, probes, engine, courier } => {
            let probes = probes.iter().map(|probe| absolute(probe)).collect::<Result<_, _>>()?;
            let wish = Wish { form, answer: answer.into(), engine, probes };
            let (key, terms) = words(terms, case);
            match courier {
                Some(file) => (key, None, Request::QueryWrite { terms, wish, file: absolute(&file)? }),
                None => (key, None, Request::QueryMatch { terms, wish }),
            }
        }
    };
    let named = request.officer().cloned().or(officer);
    officer::signed(&key, named.as_ref(), request)
}

/// # Errors
/// [`Failure`] if a path cannot be made absolute; so below.
pub(super) fn answer(file: &Path, out: Option<&Path>) -> Result<Request, Failure> {
    Ok(Request::CourierAnswer { out: out.map(absolute).transpose()?, file: absolute(file)? })
}

/// # Errors
/// As [`answer`].
pub(super) fn open(file: &Path, out: Option<&Path>) -> Result<Request, Failure> {
    Ok(Request::CourierOpen { out: out.map(absolute).transpose()?, file: absolute(file)? })
}

fn words(terms: Terms, case: Option<String>) -> (Key, QueryTerms) {
    let Terms { register, purpose, basis, officer, key, peers: partners } = terms;
    (key, QueryTerms { partners, register, purpose, basis, officer, case, authority: None })
}
