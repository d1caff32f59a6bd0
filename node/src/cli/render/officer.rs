//! Officers as text.

use symbolon_policy::officer::{Officer, OfficerCard};

use super::table::{number, pairs, table};
use crate::control::api::OfficersLine;

/// A card.
pub(in crate::cli) fn card(card: &OfficerCard) -> String {
    let told = &card.card;
    let text = pairs(&[
        ("Officer", told.id.to_string()),
        ("Key", told.key.to_string()),
        ("Seal", told.seal.clone()),
    ]);
    format!("{text}\n\nThe card is the output of the same command with --json. Compare the key in person.")
}

/// Officers that are enrolled.
pub(super) fn list(required: bool, officers: &[Officer]) -> String {
    if officers.is_empty() {
        return if required {
            "No officer is enrolled any more, so nobody can ask.".to_owned()
        } else {
            "No officer was ever enrolled: any pseudonym is taken.".to_owned()
        };
    }
    let rows = officers.iter().map(|officer| {
        let roles: Vec<_> = officer.roles.iter().map(|role| role.as_str()).collect();
        let until = officer.until.map_or_else(|| "no end".to_owned(), |until| until.to_string());
        [officer.id.to_string(), roles.join(", "), until, officer.key.to_string()]
    });
    table(["OFFICER", "ROLES", "UNTIL", "KEY"], rows)
}

/// One line of the status.
pub(super) fn line(officers: OfficersLine) -> String {
    match officers {
        OfficersLine { required: false, .. } => "none was ever enrolled: any pseudonym is taken".to_owned(),
        OfficersLine { enrolled, .. } => format!("{} enrolled; queries need a key", number(enrolled)),
    }
}

#[cfg(test)]
mod tests {
    use symbolon_policy::{signing::PublicKey, words::Role};

    use super::*;

    #[test]
    fn an_enrolment_without_an_end_is_not_called_removed() {
        let (id, roles, key) = ("ana".parse().unwrap(), vec![Role::Asks], PublicKey([1; 32]));
        let told = list(true, &[Officer { id, roles, key, seal: "age1".to_owned(), until: None }]);
        assert!(told.contains("no end") && !told.contains("removed"), "{told}");
    }
}
