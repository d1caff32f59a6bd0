use super::*;
use crate::library;

fn all() -> Vec<Proposal> {
    let ready = library::ready("bilateral").unwrap();
    Proposal::all(&Scenario::parse(ready.text).unwrap(), &ready).unwrap()
}

#[test]
fn a_draft_serves_for_any_two_parties() {
    let all = all();
    assert!(all[0].deals.is_empty());
    let (pair, terms) = all[1].deals.first_key_value().unwrap();
    assert_eq!(pair.each_ref().map(AgencyCode::as_str), ["MK", "RS"]);
    assert!(terms.quotas.iter().all(|quota| ["MK", "RS"].contains(&quota.asker.as_str())));
    assert!(!toml::to_string(terms).unwrap().contains("PARTY-"));
    // What is written out is a draft again.
    let (_, draft) = all[1].drafts().unwrap().remove(0);
    assert_eq!(toml::from_str::<Terms>(&draft).unwrap(), *terms);
}

#[test]
fn clauses_and_terms_can_be_changed() {
    let all = all();
    let has = |proposal: &Proposal, id: &str| proposal.clauses().iter().any(|clause| clause.id == id);
    assert!(has(&all[2], "no-names") && has(&all[2], "reciprocity") && !has(&all[1], "reciprocity"));
    let less = all[2].without_clause("minors").unwrap();
    assert!(has(&all[2], "minors") && !has(&less, "minors"));
    assert_eq!(less.clauses().len() + 1, all[2].clauses().len());
    assert!(matches!(less.without_clause("minors"), Err(ProposalError::Missing { .. })));
    assert_eq!(all[2].term("claims.decide_hours"), Some(toml::Value::Integer(72)));
    let fewer = all[1].set("quotas.*.limit", &7.into()).unwrap();
    assert!(fewer.deals.values().flat_map(|terms| &terms.quotas).all(|quota| quota.limit == 7));
    assert!(matches!(all[1].set("claims.decide_hours", &0.into()), Err(ProposalError::Terms { .. })));
    assert!(matches!(all[1].set("quotas.*.limit", &"many".into()), Err(ProposalError::Value { .. })));
    assert!(matches!(all[1].set("nothing.there", &1.into()), Err(ProposalError::Missing { .. })));
    assert_ne!(fewer.digest().unwrap(), all[1].digest().unwrap());
}

/// An agreement that misses the run, or lacks a form that a practice names, is told.
#[test]
fn what_does_not_fit_the_scenario_is_told() {
    let ready = library::ready("bilateral").unwrap();
    let scenario = Scenario::parse(ready.text).unwrap();
    let mut one = all().remove(1);
    assert!(one.warnings(&scenario).is_empty());
    let half = scenario.run.days / 2;
    let start = crate::calendar::first_second(&scenario.run.start).unwrap();
    one.deals.values_mut().for_each(|terms| terms.valid_until.0 = start + i64::from(half) * 86_400);
    let told = one.warnings(&scenario);
    assert!(told.len() == 1 && told[0].contains(&format!("for {half} of the 365 days")), "{told:?}");
    let text =
        ready.text.replacen("biometric = \"tenprint\"", "biometric = \"tenprint\"\nform = \"iris-2\"", 1);
    let line = 1 + text.lines().position(|line| line == "form = \"iris-2\"").unwrap();
    let error = Proposal::all(&Scenario::parse(&text).unwrap(), &ready).unwrap_err().to_string();
    let says = format!(
        "line {line}: `practice[1].form` is iris-2, and the agreement of MK and RS in the proposal pcc has "
    );
    assert!(error.starts_with(&says), "{error}");
}

/// A scenario with files of its own beside those that come along.
struct Mine(&'static str);

impl Files for Mine {
    fn read(&self, name: &str) -> Result<String, String> {
        if name == "mine.cedar" {
            Ok(self.0.to_owned())
        } else {
            library::ready("bilateral").unwrap().read(name)
        }
    }
}

fn faults(text: &str, rules: &'static str) -> Vec<String> {
    let error = Proposal::all(&Scenario::parse(text).unwrap(), &Mine(rules)).unwrap_err();
    error.0.iter().map(ToString::to_string).collect()
}

/// Every fault of the proposals is told at once, with its line and the proposal.
#[test]
fn every_fault_is_told_with_line_and_proposal() {
    let more = "[[proposal]]\nid = \"mine\"\nextends = \"pcc\"\ndrop_clauses = [\"nosuch\"]\n\
        add_rules = [\"none.cedar\"]\nset = { \"claims.decide_hour\" = 72, \"quotas.*.limit\" = \"many\" }\n\
        [[proposal]]\nid = \"lost\"\nagreement = [{ file = \"none.toml\" }]\n\
        [[proposal]]\nid = \"heir\"\nextends = \"lost\"\ndrop_clauses = [\"minors\"]\n";
    let text = format!("{}\n{more}", library::ready("bilateral").unwrap().text);
    let line = |part: &str| 1 + text.lines().position(|line| line.contains(part)).unwrap();
    let told = faults(&text, "");
    let wanted = [
        ("\"nosuch\"", "`nosuch`"),
        ("\"none.cedar\"", "none.cedar"),
        ("\"many\"", "claims.decide_hour"),
        ("\"many\"", "`quotas.*.limit`"),
        ("\"none.toml\"", "none.toml"),
    ];
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    for (told, (part, says)) in told.iter().zip(wanted) {
        assert!(told.starts_with(&format!("line {}: ", line(part))) && told.contains(says), "{told}");
        assert!(told.contains("proposal mine") || told.contains("proposal lost"), "{told}");
    }
}

/// Rules that are added are counted in their own file, whether they stand alone or not.
#[test]
fn faults_of_added_rules_are_counted_in_their_file() {
    let more = "[[proposal]]\nid = \"mine\"\nextends = \"pcc\"\nadd_rules = [\"mine.cedar\"]\n";
    let text = format!("{}\n{more}", library::ready("bilateral").unwrap().text);
    let told = faults(&text, "\n\n@id(\"a\")\nforbid (principal, action, resource) when { nothing };\n");
    assert!(told.len() == 1 && told[0].contains("mine.cedar") && told[0].contains("\nline 4, "), "{told:#?}");
    let twice =
        "\n\n@id(\"minors\")\n@title(\"T\")\n@article(\"1\")\nforbid (principal, action, resource);\n";
    let told = faults(&text, twice);
    assert!(told.len() == 1 && told[0].contains("mine.cedar"), "{told:#?}");
    let after = told[0].split("\nline ").nth(1).unwrap().split(',').next().unwrap();
    assert!((3..=6).contains(&after.parse::<u32>().unwrap()), "{told:#?}");
}

/// What a search names is looked at with the scenario, though nobody searches.
#[test]
fn what_a_search_names_must_be_there() {
    let text = library::ready("bilateral").unwrap().text;
    let knobs = text
        .replace("clause:minors-never", "clause:nosuch")
        .replace("claims.decide_hours\"\nv", "claims.x\"\nv");
    let told = faults(&knobs, "");
    assert!(
        told.iter().any(|told| told.contains("search.knobs[2].path") && told.contains("nosuch")),
        "{told:#?}"
    );
    let text = text
        .replace("\"-minors_exposed\"]", "\"-minors\"]")
        .replace("red_lines = []", "red_lines = [\"party:ZZ\", \"nothing\"]");
    let told = Scenario::parse(&text).unwrap_err().to_string();
    for says in ["`search.objectives[2]`", "`search.red_lines[0]` names ZZ", "`search.red_lines[1]`"] {
        assert!(told.contains(says), "{told}");
    }
}
