//! Commands that need files only, and no home.

use std::path::Path;

use serde::Serialize;
use symbolon_policy::{
    rules::{self, ClauseRef, Kind as RulesKind, RuleSet, Rulebook},
    words::{AgeBand, Category, Digest, LegalBasis, Provenance, Purpose, Role},
};
use symbolon_protocol::identifier::Kind;

use crate::{
    cli::{files, render, report::Report},
    control::api::Failure,
    register::{Vulnerability, columns},
};

/// Rules that stand.
#[derive(Serialize)]
struct Checked<'a> {
    kind: RulesKind,
    digest: Digest,
    clauses: Vec<&'a ClauseRef>,
}

/// `rules check`.
///
/// # Errors
/// [`Failure`] with every fault of the rules.
pub(super) fn check_rules(file: &Path, national: bool) -> Result<Report, Failure> {
    let rules = rules(file, if national { RulesKind::National } else { RulesKind::Shared })?;
    let checked = Checked { kind: rules.kind(), digest: rules.digest(), clauses: rules.clauses().collect() };
    let clauses = render::clauses(rules.clauses());
    let text = format!(
        "The {} rules of {} stand.\nDigest {}\n\n{clauses}",
        rules.kind(),
        file.display(),
        rules.digest()
    );
    Report::new(text.trim_end(), &checked)
}

/// The rules in a file, which are some: a file that was emptied by mistake is not taken for rules.
///
/// # Errors
/// [`Failure`] with every fault of the rules.
pub(super) fn rules(file: &Path, kind: RulesKind) -> Result<RuleSet, Failure> {
    let rules = RuleSet::parse(&files::read(file)?, kind)
        .map_err(|errors| Failure::input(format!("{} does not stand:\n{errors}", file.display())))?;
    if rules.is_empty() {
        return Err(Failure::input(format!("{} has no clauses", file.display()))
            .with_help("see `symbolon rules library` for some to begin with"));
    }
    Ok(rules)
}

/// Regions of each kind that `rules diff` lists.
pub(super) const MOST_REGIONS: usize = 50;

/// `rules diff`, of shared rules.
///
/// # Errors
/// [`Failure`] if one of them does not stand, or they are too large to be compared.
pub(super) fn diff_rules(before: &Path, after: &Path) -> Result<Report, Failure> {
    let book = |file: &Path| {
        Rulebook::new(rules(file, RulesKind::Shared)?, None)
            .map_err(|error| Failure::input(error.to_string()))
    };
    let diff = rules::diff(&book(before)?, &book(after)?, MOST_REGIONS)
        .map_err(|error| Failure::input(format!("the rules cannot be compared: {error}")))?;
    Report::new(diff.to_string(), &diff)
}

/// The code lists.
#[derive(Serialize)]
struct Codes {
    purposes: &'static [Purpose],
    legal_bases: &'static [LegalBasis],
    categories: &'static [Category],
    age_bands: &'static [AgeBand],
    provenances: &'static [Provenance],
    vulnerabilities: [Vulnerability; 9],
    roles: &'static [Role],
    identifier_kinds: [Kind; 4],
    columns_of_records: Vec<String>,
    columns_of_people: Vec<String>,
}

/// `codes`.
///
/// # Errors
/// None in fact.
pub(super) fn codes() -> Result<Report, Failure> {
    let [columns_of_records, columns_of_people] = columns();
    let codes = Codes {
        purposes: Purpose::ALL,
        legal_bases: LegalBasis::ALL,
        categories: Category::ALL,
        age_bands: AgeBand::ALL,
        provenances: Provenance::ALL,
        vulnerabilities: Vulnerability::ALL,
        roles: Role::ALL,
        identifier_kinds: Kind::ALL,
        columns_of_records,
        columns_of_people,
    };
    let list = |title: &str, codes: Vec<&str>| format!("{title}\n  {}", codes.join("\n  "));
    let text = [
        list("Purposes", codes.purposes.iter().map(|code| code.as_str()).collect()),
        list("Legal bases", codes.legal_bases.iter().map(|code| code.as_str()).collect()),
        list("Categories of records", codes.categories.iter().map(|code| code.as_str()).collect()),
        list("Age bands", codes.age_bands.iter().map(|code| code.as_str()).collect()),
        list("Provenances", codes.provenances.iter().map(|code| code.as_str()).collect()),
        list("Vulnerabilities", codes.vulnerabilities.iter().map(|code| code.as_str()).collect()),
        list("Roles of officers", codes.roles.iter().map(|code| code.as_str()).collect()),
        list("Kinds of identifier", codes.identifier_kinds.iter().map(|kind| kind.as_str()).collect()),
        list("Columns of records in CSV", codes.columns_of_records.iter().map(String::as_str).collect()),
        list(
            "Columns of people who are asked about",
            codes.columns_of_people.iter().map(String::as_str).collect(),
        ),
    ];
    Report::new(text.join("\n\n"), &codes)
}
