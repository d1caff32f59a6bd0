//! The claims, for people.

use std::fmt::{self, Write};

use symbolon_policy::{claim::Standing, rules::proof::Verdict, words::Field};

use super::{ASKERS, Claimed, HOLDERS, Procedure, Proved};
use crate::demo::Report;

/// Writes what came of the claims.
///
/// # Errors
/// What writing gives.
pub(in crate::demo) fn write(report: &Report, out: &mut String) -> fmt::Result {
    let Procedure { unverified, adult, minor, contested, proof } = &report.procedure;
    let [holder, asker] = &report.nodes;
    let (holder, asker) = (&holder.agency, &asker.agency);
    let [(officer, _), (verifier, _)] = ASKERS;
    writeln!(out, "\nFrom hit to case")?;
    writeln!(out, "  {officer} claims the hit on {} before it is verified: refused", adult.reference)?;
    writeln!(out, "    {unverified}")?;
    writeln!(
        out,
        "  {verifier} verifies it, {officer} claims it; {holder} learns of one person and no other"
    )?;
    fields(adult, holder, out)?;
    writeln!(out, "  {}, a minor, is found only by a query to protect the child", minor.reference)?;
    fields(minor, holder, out)?;
    if let Some(reason) = &minor.refused {
        let [(approver, _), _] = HOLDERS;
        writeln!(out, "    refused by {approver}: {reason}; {asker} gets no field")?;
    }
    let fields: Vec<_> = contested.fields.iter().map(|field| field.as_str()).collect();
    writeln!(out, "  {} says that the record is wrong: {holder} flags it as contested", adult.reference)?;
    writeln!(
        out,
        "    {asker} is told of {}, and confirms; the person is shown {} releases",
        fields.join(", "),
        contested.shown
    )?;
    let Proved { claim, found, missing } = proof;
    match (found, missing) {
        (Some((verdict, solver)), _) => {
            let verdict = match verdict {
                Verdict::Proved => "proved for every request",
                Verdict::Refuted => "REFUTED",
                Verdict::Undecided => "UNDECIDED",
            };
            writeln!(out, "  The rules, {verdict}, by {solver}:\n    {claim}")
        }
        (None, missing) => {
            writeln!(out, "  Not proved here: {}", missing.as_deref().unwrap_or("nothing was found"))
        }
    }
}

fn fields(claimed: &Claimed, holder: &impl fmt::Display, out: &mut String) -> fmt::Result {
    for (field, standing) in &claimed.standing {
        let stands = match standing {
            Standing::Needs(0) => "by itself".to_owned(),
            Standing::Needs(1) => format!("one person of {holder}"),
            Standing::Needs(number) => format!("{number} persons of {holder}"),
            Standing::Refused => "refused by the rules".to_owned(),
            Standing::Absent => "not in the record".to_owned(),
        };
        let line = format!("    {:<12} {stands:<18} {}", field.as_str(), released(claimed, *field));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The value of a field and who approved, if it was released.
fn released(claimed: &Claimed, field: Field) -> String {
    let found = claimed.releases.iter().find_map(|release| Some((release, release.fields.get(&field)?)));
    let Some((release, value)) = found else { return String::new() };
    let values = value.as_object().into_iter().flat_map(|names| names.values());
    let values: Vec<_> =
        values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    let by: Vec<_> = release.approved_by.iter().map(|officer| officer.as_str()).collect();
    format!("{}  by {}", values.join(", "), by.join(", "))
}
