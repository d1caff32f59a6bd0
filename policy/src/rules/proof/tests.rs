use std::{process::Command, sync::OnceLock};

use cedar_policy_symcc::solver::LocalSolver;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::{
    rules::{
        proof::{Case, Certificate, Proof, Question, Verdict, prove},
        tests::*,
        *,
    },
    words::{AgeBand, Category, Purpose},
};

/// A solver, where the machine has one.
fn solver() -> Option<LocalSolver> {
    let path = std::env::var_os("CVC5").unwrap_or_else(|| "cvc5".into());
    let there = Command::new(path).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("no solver here: nothing is proved");
        return None;
    }
    let _inside = runtime().enter();
    Some(LocalSolver::cvc5().unwrap())
}

/// Solvers belong to it.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}

fn block<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// The proof, where there is a solver. Whatever it shows must stand in a certificate.
fn proof(question: &Question, rules: &Rulebook, proposal: Option<&Rulebook>) -> Option<Proof> {
    let solver = solver()?;
    block(async {
        let proof = prove(question, rules, proposal, solver).await.unwrap();
        let certificate = Certificate::new(proof.clone(), rules, proposal, "test".into());
        certificate.inspect().unwrap_or_else(|e| panic!("{e}\n{proof}"));
        Some(proof)
    })
}

/// Nothing is asserted where there is no solver.
fn gives(
    question: &Question,
    rules: &Rulebook,
    proposal: Option<&Rulebook>,
    verdict: Verdict,
) -> Option<Proof> {
    let proof = proof(question, rules, proposal)?;
    assert_eq!(proof.verdict, verdict, "{proof}");
    Some(proof)
}

fn refuted(proof: &Proof) -> &Case {
    let finding = proof.findings.iter().find(|finding| finding.verdict == Verdict::Refuted).unwrap();
    finding.case.as_ref().unwrap()
}

const CHILD: [Purpose; 4] =
    [Purpose::ChildProtection, Purpose::MissingHumanitarian, Purpose::Remains, Purpose::Statistics];

fn pcc(more: &str) -> Rulebook {
    book(&format!("{PCC_BILATERAL}\n{more}"))
}

fn ready(id: &str) -> String {
    ready_clause(id).unwrap().unwrap().1.to_owned()
}

#[test]
fn minors_are_found_for_the_purposes_that_the_rules_name_and_no_other() {
    let (plain, strict) = (pcc(""), pcc(&ready("minors-never")));
    gives(&Question::NeverMinors { except: CHILD.to_vec() }, &plain, None, Verdict::Proved);
    gives(&Question::NeverMinors { except: Vec::new() }, &strict, None, Verdict::Proved);
    let Some(found) = gives(&Question::NeverMinors { except: Vec::new() }, &plain, None, Verdict::Refuted)
    else {
        return;
    };
    let (purpose, class, permitted) = match refuted(&found) {
        Case::Search { context, class } => (context.purpose, class, plain.search(context, class).permitted),
        Case::Release { context, class } => (context.purpose, class, plain.release(context, class).permitted),
        Case::Query(_) => panic!("{found}"),
    };
    assert!(permitted && CHILD.contains(&purpose) && class.age != AgeBand::Adult, "{found}");
}

/// What docs/data-subject.md says of parties that let a child ask for itself.
#[test]
fn a_childs_own_request_is_let_through_by_one_word_in_two_clauses() {
    let mut rules = PCC_BILATERAL.to_owned();
    for id in ["minors", "release-minors"] {
        let text = ready(id);
        let wider = text.replace("Purpose::\"REMAINS\"", "Purpose::\"REMAINS\", Purpose::\"DATA_SUBJECT\"");
        assert!(text != wider && rules.contains(&text));
        rules = rules.replace(&text, &wider);
    }
    let (opened, request) = (book(&rules), search(Purpose::DataSubject));
    let minor = RecordClass { age: AgeBand::Minor, category: Category::AsylumApplicant, ..wanted() };
    assert!(opened.search(&request, &minor).permitted && !pcc("").search(&request, &minor).permitted);
    let except = [&CHILD[..], &[Purpose::DataSubject]].concat();
    gives(&Question::NeverMinors { except }, &opened, None, Verdict::Proved);
    gives(&Question::NeverMinors { except: CHILD.to_vec() }, &opened, None, Verdict::Refuted);
}

#[test]
fn a_purpose_is_answered_to_one_party_and_not_to_the_other() {
    let rules = book(&clause(
        "only-rs",
        "permit(principal, action, resource) when { context.purpose == Purpose::\"TERRORISM\" && \
         (principal in Agency::\"RS\" || principal in Agency::\"AL\") };",
    ));
    let never = |purpose, asker: Option<&str>| Question::NeverPurpose {
        purpose,
        asker: asker.map(|code| code.parse().unwrap()),
    };
    gives(&never(Purpose::Simulation, None), &rules, None, Verdict::Proved);
    // RS and AL are named, so an officer of both is ruled out; XK is any other agency.
    gives(&never(Purpose::Terrorism, Some("RS")), &rules, None, Verdict::Refuted);
    gives(&never(Purpose::Simulation, None), &pcc(""), None, Verdict::Proved);
}

#[test]
fn an_agency_that_no_rule_names_can_be_asked_about() {
    let Some(found) = gives(
        &Question::NeverPurpose { purpose: Purpose::SeriousCrime, asker: Some("XK".parse().unwrap()) },
        &pcc(""),
        None,
        Verdict::Refuted,
    ) else {
        return;
    };
    let by = match refuted(&found) {
        Case::Query(context) => context.asker.to_string(),
        Case::Search { context, .. } => context.asker.to_string(),
        Case::Release { context, .. } => context.asker.to_string(),
    };
    assert_eq!(by, "XK");
}

#[test]
fn proposals_are_held_against_the_rules() {
    let (rules, stricter) = (pcc(""), pcc(&ready("small-batches")));
    let looser = book(&PCC_BILATERAL.replace("context.batchSize <= 20", "context.batchSize <= 21"));
    let turned = book(&PCC_BILATERAL.replace("context.batchSize <= 20", "20 >= context.batchSize"));
    gives(&Question::NoMore, &rules, Some(&stricter), Verdict::Proved);
    gives(&Question::Equivalent, &rules, Some(&stricter), Verdict::Refuted);
    gives(&Question::Equivalent, &rules, Some(&turned), Verdict::Proved);
    if let Some(found) = gives(&Question::NoMore, &rules, Some(&looser), Verdict::Refuted) {
        let Case::Query(query) = refuted(&found) else { panic!("{found}") };
        assert_eq!(query.batch_size, 21);
        assert!(looser.ask(query).permitted && !rules.ask(query).permitted);
    }
}

#[test]
fn national_rules_only_restrict_is_shown_not_believed() {
    let both = Rulebook::new(shared(PCC_BILATERAL), Some(national(NATIONAL_EXAMPLE))).unwrap();
    gives(&Question::NationalRestricts, &both, None, Verdict::Proved);
}

#[test]
fn an_example_has_the_hour_and_the_weekday_of_its_time() {
    let late = book(&clause(
        "late",
        "permit(principal, action == Action::\"QueryExact\", resource) when { context.hour == 23 && \
         context.weekday == 6 && context.now > datetime(\"2026-11-20T12:00:00Z\") };",
    ));
    let question = Question::NeverPurpose { purpose: Purpose::Remains, asker: None };
    let Some(found) = gives(&question, &late, None, Verdict::Refuted) else { return };
    let Case::Query(query) = refuted(&found) else { panic!("{found}") };
    assert!(late.ask(query).permitted);
}

#[test]
fn what_no_request_of_the_program_confirms_is_undecided() {
    // 1970-01-01 was a Thursday; the solver takes the weekday by itself.
    let never = book(&clause(
        "never",
        "permit(principal, action == Action::\"QueryExact\", resource) when { context.weekday == 1 && \
         context.now < datetime(\"1970-01-02T00:00:00Z\") };",
    ));
    let question = Question::NeverPurpose { purpose: Purpose::Remains, asker: None };
    gives(&question, &never, None, Verdict::Undecided);
}

#[test]
fn a_clause_that_may_fail_leaves_the_comparison_undecided() {
    let exact = "(principal, action == Action::\"QueryExact\", resource)";
    let permit = |when: &str| clause("a", &format!("permit{exact} when {{ {when} }};"));
    let forbid = |when: &str| clause("b", &format!("forbid{exact} when {{ {when} }};"));
    // Cedar skips a prohibition that fails, and sees no difference where there is one.
    let rules = permit("context.caseReference") + &forbid("context.batchSize * 9223372036854775807 == 5");
    let (rules, proposal) = (book(&rules), book(&permit("context.caseReference")));
    gives(&Question::NoMore, &rules, Some(&proposal), Verdict::Undecided);
    // A permit that fails permits nothing, in Cedar too.
    let rules = book(&permit("context.batchSize * 9223372036854775807 > 0"));
    let proposal = book(&permit("context.batchSize > 0"));
    gives(&Question::NoMore, &rules, Some(&proposal), Verdict::Refuted);
    // Within the range of the attribute this cannot overflow.
    let rules = book(&permit("context.batchSize * 2 > 1"));
    gives(&Question::Equivalent, &rules, Some(&proposal), Verdict::Proved);
}

#[test]
fn dead_clauses_and_contradictions_are_named() {
    let dead = pcc(&clause(
        "dead",
        "permit(principal, action == Action::\"QueryExact\", resource) when { context.quotaLeft < -5 && \
         context.purpose == Purpose::\"REMAINS\" };",
    ));
    let Some(found) = gives(&Question::Clauses, &dead, None, Verdict::Refuted) else { return };
    let verdict = |id: &str| {
        let about = format!("shared/{id} decides");
        found.findings.iter().find(|finding| finding.about == about).unwrap()
    };
    assert_eq!(verdict("dead").note, "it never decides anything; undone by shared/quota");
    // No clause permits a simulation in the first place.
    assert_eq!(verdict("no-query-just-in-case").verdict, Verdict::Refuted);
    assert_eq!(verdict("minors").verdict, Verdict::Proved);
    assert!(verdict("minors").case.is_some());
}

#[test]
fn a_certificate_stands_until_anything_in_it_is_changed() {
    let (rules, looser) = (pcc(""), book(&PCC_BILATERAL.replace("<= 20", "<= 21")));
    let Some(solver_at_hand) = solver() else { return };
    let proof = block(prove(&Question::NoMore, &rules, Some(&looser), solver_at_hand)).unwrap();
    let certificate = Certificate::new(proof, &rules, Some(&looser), "cvc5 test".into());
    let text = serde_json::to_string(&certificate).unwrap();
    let read: Certificate = serde_json::from_str(&text).unwrap();
    assert_eq!(read, certificate);
    assert_eq!(read.digest(), certificate.digest());
    block(read.check(solver().unwrap())).unwrap();

    let tampered = |change: fn(&mut Certificate)| {
        let mut changed = certificate.clone();
        change(&mut changed);
        assert_ne!(changed.digest().unwrap(), certificate.digest().unwrap());
        changed
    };
    for changed in [
        tampered(|c| c.rules.shared += "\n"),
        tampered(|c| c.schema = crate::words::Digest([0; 32])),
        tampered(|c| c.version = 2),
        tampered(|c| c.proposal = None),
        tampered(|c| std::mem::swap(&mut c.rules, c.proposal.as_mut().unwrap())),
        tampered(|c| {
            for finding in &mut c.proof.findings {
                if let Some(Case::Query(query)) = &mut finding.case {
                    query.batch_size = 3;
                }
            }
        }),
    ] {
        assert!(changed.inspect().is_err(), "{changed:?}");
    }
    // That nothing stands against a claim takes a solver to see.
    let lie = tampered(|c| {
        c.proof.verdict = Verdict::Proved;
        for finding in &mut c.proof.findings {
            (finding.verdict, finding.case) = (Verdict::Proved, None);
        }
    });
    assert!(lie.inspect().is_ok());
    assert!(block(lie.check(solver().unwrap())).is_err());
}

/// Small sets drawn from the library, with something that permits.
fn drawn() -> impl Strategy<Value = String> {
    let ids: Vec<_> = library().unwrap().iter().flat_map(RuleSet::clauses).map(|c| c.id.clone()).collect();
    (prop::sample::subsequence(ids, 1..6), any::<bool>()).prop_map(|(ids, open)| {
        let mut text =
            if open { clause("all", "permit(principal, action, resource);") } else { String::new() };
        for id in ids {
            text += &ready(&id);
            text.push('\n');
        }
        text
    })
}

/// Whether any field of a minor is released for a purpose, by walking.
fn releases_of_minors(rules: &str, purpose: Purpose) -> bool {
    let release = "(principal, action == Action::\"Release\", resource)";
    let only = format!("unless {{ resource.minor && context.purpose == Purpose::\"{purpose}\" }};");
    let of_minors = format!("{rules}\n{}", clause("only", &format!("forbid{release} {only}")));
    let none = format!("{of_minors}\n{}", clause("none", &format!("forbid{release};")));
    diff(&book(&none), &book(&of_minors), 1).unwrap().releases.widened > 0
}

/// One permit with a condition of any form.
fn formed() -> impl Strategy<Value = String> {
    let query = prop::sample::select(vec![
        "context has modality",
        "!(context has modality)",
        "context has modality && context.modality == Modality::\"FACE\"",
        "!(context has modality) || context.modality != Modality::\"FACE\"",
        "if context has modality then context.batchSize < 3 else context.batchSize <= 3",
        "context.batchSize < 4 && context has purpose",
        "[Purpose::\"REMAINS\", Purpose::\"TERRORISM\"].contains(context.purpose)",
        "principal in Agency::\"RS\" || context.caseReference",
    ]);
    let search = prop::sample::select(vec![
        "resource.minor",
        "resource.minor && !resource.ageInDoubt",
        "resource has minor && resource.minor",
        "context has exchange && context.exchange == Exchange::\"match\"",
        "if resource.contested then context.purpose == Purpose::\"REMAINS\" else resource.category == Category::\"WANTED\"",
    ]);
    let queries = "action in [Action::\"QueryExact\", Action::\"QueryCount\", Action::\"QueryMatch\"]";
    let word = || prop::sample::select(vec!["when", "unless"]);
    (query, word(), search, word()).prop_map(move |(query, ask, search, take)| {
        clause("ask", &format!("permit(principal, {queries}, resource) {ask} {{ {query} }};"))
            + &clause(
                "take",
                &format!("permit(principal, action == Action::\"Search\", resource) {take} {{ {search} }};"),
            )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// Nothing changes for the walk if and only if the solver proves the two equal.
    #[test]
    fn a_walk_finds_no_change_where_none_is_proved(a in formed(), b in formed()) {
        let [Ok(a), Ok(b)] = [&a, &b].map(|text| RuleSet::parse(text, Kind::Shared)) else { return Ok(()) };
        let [a, b] = [a, b].map(|set| Rulebook::new(set, None).unwrap());
        let walked = diff(&a, &b, 1).unwrap();
        let changed: u64 = [&walked.queries, &walked.searches, &walked.releases]
            .iter()
            .map(|space| space.widened + space.narrowed)
            .sum();
        let Some(proof) = proof(&Question::Equivalent, &a, Some(&b)) else { return Ok(()) };
        let said = if changed == 0 { Verdict::Proved } else { Verdict::Refuted };
        prop_assert_eq!(proof.verdict, said, "{}\n{}", proof, walked);
    }

    /// The solver against walking the space of requests, which asks Cedar itself.
    #[test]
    fn the_solver_says_what_walking_all_requests_says(
        a in drawn(),
        b in drawn(),
        purpose in prop::sample::select(Purpose::ALL),
    ) {
        let released = releases_of_minors(&a, purpose);
        let (a, b) = (book(&a), book(&b));
        let walked = diff(&a, &b, 1).unwrap();
        prop_assert!(walked.queries.sampled.is_empty() && walked.searches.sampled.is_empty());
        let said = |holds| if holds { Verdict::Proved } else { Verdict::Refuted };
        let spaces = [&walked.queries, &walked.searches, &walked.releases];
        let wider: u64 = spaces.iter().map(|space| space.widened).sum();
        let narrower: u64 = spaces.iter().map(|space| space.narrowed).sum();
        let minors = ExchangeKind::ALL.iter().any(|&exchange| {
            let slice = a.slice(&SearchContext { exchange, ..search(purpose) });
            (0..slice::CLASSES).map(slice::class).any(|c| c.age != AgeBand::Adult && slice.contains(&c))
        });
        // A party that is named may search where others may not.
        let named = a.shared().text().contains("one-is-searched");
        let others = Purpose::ALL.iter().copied().filter(|other| *other != purpose).collect();
        for (question, holds) in [
            (Question::NoMore, wider == 0),
            (Question::Equivalent, wider + narrower == 0),
            (Question::NeverMinors { except: others }, !minors && !released),
        ] {
            if named && matches!(question, Question::NeverMinors { .. }) {
                continue;
            }
            let Some(proof) = proof(&question, &a, Some(&b).filter(|_| question.compares())) else { return Ok(()) };
            prop_assert_eq!(proof.verdict, said(holds), "{}\n{}", proof, walked);
        }
    }
}
