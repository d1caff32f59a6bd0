use proptest::prelude::*;

use crate::rules::{tests::*, *};

fn refused(text: &str, kind: Kind) -> RuleFault {
    let errors = RuleSet::parse(text, kind).expect_err(text);
    errors.0.into_iter().next().unwrap()
}

#[test]
fn typos_are_refused_with_their_place() {
    for (rest, line, says) in [
        (
            "permit(principal, action == Action::\"QueryExact\", resource)\nwhen { context.purpos == Purpose::\"TERRORISM\" };",
            4,
            "purpos",
        ),
        (
            "permit(principal, action == Action::\"QueryExact\", resource)\nwhen {\n  context.purpose == Purpose::\"TERORISM\" };",
            5,
            "TERORISM",
        ),
        ("permit(principal, action == Action::\"QueryExct\", resource);", 3, "QueryExct"),
        (
            "permit(principal, action == Action::\"QueryExact\", resource)\nwhen { context.purpose == Category::\"ILLEGAL_STAY\" };",
            1,
            "is not",
        ),
        (
            "permit(principal, action == Action::\"QueryExact\", resource)\nwhen { context.batchSize <= \"100\" };",
            4,
            "Long",
        ),
        (
            "permit(principal, action == Action::\"QueryExact\", resource)\nwhen { context.batchSize <= };",
            4,
            "unexpected",
        ),
        // The legal basis must not decide a slice.
        (
            "permit(principal, action == Action::\"Search\", resource)\nwhen { context.legalBasis == LegalBasis::\"BILAT\" };",
            4,
            "legalBasis",
        ),
        // The officer is in an agency; the principal of a query is never the agency itself.
        (
            "permit(principal == Agency::\"RS\", action == Action::\"QueryExact\", resource);",
            1,
            "applicable action",
        ),
        (
            "permit(principal, action == Action::\"QueryExact\", resource)\nwhen { context.batchSize > 3 && false };",
            1,
            "impossible",
        ),
        (
            "permit(principal in Agency::\"rs\", action == Action::\"QueryExact\", resource);",
            1,
            "agency code",
        ),
        (
            "permit(principal, action == Action::\"QueryExact\", resource == Register::\"border\");",
            1,
            "names no agency",
        ),
        (
            "permit(principal, action == Action::\"Search\", resource == Record::\"class\");",
            1,
            "single record",
        ),
    ] {
        let fault = refused(&clause("typo", rest), Kind::Shared);
        assert_eq!(fault.line, line, "{rest}: {fault:?}");
        assert!(fault.what.contains(says), "{rest}: {fault:?}");
        assert!(!fault.help.is_empty(), "{fault:?}");
    }
}

#[test]
fn faults_read_well() {
    let text = clause(
        "typo",
        "permit(principal, action == Action::\"QueryExact\", resource)\nwhen { context.purpos == Purpose::\"TERRORISM\" };",
    ) + &clause(
        "typo",
        "permit(principal, action == Action::\"QueryExact\", resource)\nwhen { context.purpose == Purpose::\"TERORISM\" };",
    ) + "permit(principal, action, resource);";
    assert_eq!(RuleSet::parse(&text, Kind::Shared).unwrap_err().to_string(), "\
line 4, column 8: attribute `purpos` in context for Action::\"QueryExact\" not found
  help: did you mean `purpose`?
line 5, column 1: the @id `typo` is used twice
  help: give each clause an @id of its own
line 8, column 27: entity `Purpose::\"TERORISM\"` is of an enumerated entity type, but `\"TERORISM\"` is not declared as a \
valid eid
  help: valid entity eids: \"ASYLUM_PRIOR\", \"IRREG_ENTRY\", \"ILLEGAL_STAY\", \"RETURN_ID\", \"CHILD_PROTECTION\", \
\"MISSING_HUMANITARIAN\", \"REMAINS\", \"SERIOUS_CRIME\", \"TERRORISM\", \"DATA_SUBJECT\", \"STATISTICS\", \"SIMULATION\"
line 9, column 1: the clause has no @id in the form it must have
  help: begin it with @id(\"...\"): 1 to 64 small letters, digits or hyphens, a letter first
line 9, column 1: the clause has no @title in the form it must have
  help: say in one plain sentence of at most 200 characters what it does: @title(\"...\")");
}

#[test]
fn a_clause_says_what_it_is() {
    let permit = "permit(principal, action, resource);";
    for (text, says) in [
        (permit.to_owned(), "no @id"),
        (format!("@id(\"a\") {permit}"), "no @title"),
        (format!("@id(\"A b\") @title(\"t\") {permit}"), "no @id"),
        (format!("@id(\"a\") @title(\"\") {permit}"), "no @title"),
        (format!("@id(\"a\") @title(\"t\") @artcle(\"1\") {permit}"), "@artcle"),
        (clause("a", permit) + &clause("a", permit), "twice"),
        (clause("a", "permit(principal == ?principal, action, resource);"), "slot"),
    ] {
        let fault = refused(&text, Kind::Shared);
        assert!(fault.what.contains(says), "{text}: {fault:?}");
    }
    let fault = refused(&(clause("a", permit) + "\n" + &clause("a", permit)), Kind::Shared);
    assert_eq!((fault.line, fault.column), (5, 1));
}

#[test]
fn every_clause_of_a_text_is_kept_in_its_order() {
    let title = "@title(\"has ; and // and \\\" in it\") ";
    let text: String = (0..120)
        .map(|i| format!("// one; two \" three\n@id(\"c{i}\") {title}permit(principal, action, resource);"))
        .collect();
    let set = shared(&text);
    let ids: Vec<_> = set.clauses().map(|clause| clause.id.clone()).collect();
    assert_eq!(ids, (0..120).map(|i| format!("c{i}")).collect::<Vec<_>>());
}

/// What Cedar takes for a line, this program does too: nothing hides behind a comment.
#[test]
fn no_clause_hides_behind_a_comment() {
    let shown = clause("shown", "forbid(principal, action, resource);");
    let hidden = clause("hidden", "permit(principal, action, resource);").replace('\n', " ");
    for end in ["\r", "\r\r\n", "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\u{c}"] {
        let text = format!("{shown}\n// a remark{end}{hidden}\n");
        let fault = refused(&text, Kind::Shared);
        assert!(fault.what.contains("carriage return") || fault.what.contains("U+"), "{end:?}: {fault:?}");
    }
    let read = shared(&format!("{shown}\r\n// a remark\r\n{hidden}\r\n"));
    assert_eq!(read.clauses().map(|clause| clause.id.as_str()).collect::<Vec<_>>(), ["shown", "hidden"]);
    // Nor do brackets, which would otherwise be without bound.
    let deep = format!("// a remark\r{}", "(".repeat(30_000));
    assert!(RuleSet::parse(&(shown + &deep), Kind::Shared).is_err());
}

/// Pieces of rules text that a scan could take for something else, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "@id(\"a\")",
        "@id(\"b\")",
        "@title(\"; // \\\" x\")",
        "@title(\"t\")",
        "permit(principal, action, resource)",
        "forbid(principal, action, resource)",
        "when { context.purpose == Purpose::\"REMAINS\" }",
        "when { \"a\n// b\" like \"a*\" && context.purpose == Purpose::\"REMAINS\" }",
        ";",
        "; // a \" remark\n",
        "//",
        "\n",
        "\r\n",
        "\r",
        "\u{2028}",
        "\"",
        "\\",
        " ",
        "/",
        "// ; permit",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Each clause is shown as it decides.
    #[test]
    fn the_text_of_each_clause_reads_as_that_clause(mut text in pieces(), remark in pieces()) {
        text += &format!(" // {remark}\n@id(\"c\") @title(\"; // \\\" x\") permit(principal, action, resource) \
             when {{ \"a\n// b\" like \"a*\" && context.purpose == Purpose::\"REMAINS\" }}; // ; {remark}");
        let Ok(read) = RuleSet::parse(&text, Kind::Shared) else { return Ok(()) };
        for clause in read.parts() {
            let alone = RuleSet::parse(&clause.text, Kind::Shared).unwrap();
            let [only] = &alone.parts().collect::<Vec<_>>()[..] else { panic!("{}", clause.text) };
            prop_assert_eq!(&only.tree, &clause.tree, "{}", clause.text);
            prop_assert_eq!(&only.name, &clause.name);
        }
    }
}

#[test]
fn the_digest_is_of_the_exact_text() {
    let text = clause("all", "permit(principal, action, resource);");
    let spaced = text.clone() + " ";
    assert_eq!(shared(&text).digest(), shared(&text).digest());
    assert_ne!(shared(&text).digest(), shared(&spaced).digest());
    assert_eq!(shared(&text).digest(), crate::words::Digest::of("symbolon/rules/1", text.as_bytes()));
}

/// Whatever a peer puts into a draft, reading it ends in an answer. Runs on the small stack of a
/// test thread, in which a clause that recursed too deep would end the whole process.
#[test]
fn hostile_texts_are_refused_or_read() {
    let head = "permit(principal, action == Action::\"QueryExact\", resource) when { ";
    let repeat = |piece: &str, times: usize| piece.repeat(times);
    let texts = [
        repeat("(", 100_000),
        repeat("@id(\"", 20_000),
        repeat("x", MAX_TEXT + 1),
        repeat(&clause("a", "permit(principal, action, resource);"), MAX_CLAUSES + 1),
        clause("a", &format!("{head}{}true{} }};", repeat("(", MAX_DEPTH), repeat(")", MAX_DEPTH))),
        clause("a", "permit(principal, action, resource); // \u{202e} gnihton"),
        clause("a", "permit(principal, action, resource) when { \"unfinished };"),
    ];
    for text in texts {
        assert!(RuleSet::parse(&text, Kind::Shared).is_err());
    }
    // The longest chains that are within bounds, through every later walk over them.
    for (piece, last) in [
        ("true && ", "context.caseReference"),
        ("context.hour + ", "1 > 2"),
        ("1 + ", "context.hour > 2"),
        ("if context.caseReference then false else ", "context.caseReference"),
        ("context.caseReference || ", "context.caseReference"),
    ] {
        let mut longest = 0;
        for times in 1..=MAX_OPERATORS {
            let text = clause("chain", &format!("{head}{}{last} }};", repeat(piece, times)));
            if let Ok(set) = RuleSet::parse(&text, Kind::Shared) {
                longest = times;
                let book = Rulebook::new(set, None).unwrap();
                assert!(!matches!(book.ask(&query()).reason, Reason::Floor(_)));
            }
        }
        assert!(longest > 50, "{piece}: {longest}");
    }
}

/// Whoever compares rules must see what each clause looks at.
#[test]
fn attributes_are_named_directly() {
    let permit = |condition: &str| {
        clause(
            "a",
            &format!("permit(principal, action == Action::\"Search\", resource) when {{ {condition} }};"),
        )
    };
    for hidden in [
        "{x: resource}.x.minor",
        "{x: resource.minor}.x",
        "{x: context}.x.purpose == Purpose::\"REMAINS\"",
        "(if context.exchange == Exchange::\"match\" then resource else resource).minor",
        "{x: resource} has x && resource.minor",
    ] {
        let fault = refused(&permit(hidden), Kind::Shared);
        assert!(fault.what.contains("only `context` and `resource` have attributes"), "{hidden}: {fault:?}");
    }
    shared(&permit("resource.minor && context.exchange == Exchange::\"match\""));
}

#[test]
fn only_matches_have_a_modality() {
    let with = |action: &str| {
        let face = "context.modality == Modality::\"FACE\"";
        clause("faces", &format!("permit(principal, {action}, resource) when {{ {face} }};"))
    };
    shared(&with("action == Action::\"QueryMatch\""));
    for action in ["action", "action in [Action::\"QueryExact\", Action::\"QueryMatch\"]"] {
        let fault = refused(&with(action), Kind::Shared);
        assert!(fault.what.contains("modality"), "{fault:?}");
    }
    let ear = with("action == Action::\"QueryMatch\"").replace("FACE", "EAR");
    assert!(RuleSet::parse(&ear, Kind::Shared).is_err());
}

#[test]
fn picked_clauses_are_the_set_that_their_text_would_be() {
    let [one, other] = [PCC_BILATERAL, &clause("mine", "forbid(principal, action, resource);")]
        .map(|text| RuleSet::parse(text, Kind::Shared).unwrap());
    let ids: Vec<&str> = one.clauses().map(|clause| clause.id.as_str()).step_by(2).collect();
    let wanted = ids.iter().map(|id| (&one, *id)).chain([(&other, "mine")]);
    let picked = RuleSet::pick(Kind::Shared, wanted.clone()).unwrap();
    let read = RuleSet::parse(picked.text(), Kind::Shared).unwrap();
    let all = |set: &RuleSet| {
        let each = set.clauses().map(|of| (of.clone(), set.clause_text(&of.id).map(str::to_owned)));
        each.collect::<Vec<_>>()
    };
    assert_eq!((all(&picked), picked.digest()), (all(&read), read.digest()));
    assert_eq!(picked.clauses().count(), ids.len() + 1);
    // Twice the same, one that is not there, another kind.
    assert!(RuleSet::pick(Kind::Shared, wanted.clone().chain([(&other, "mine")])).is_none());
    assert!(RuleSet::pick(Kind::Shared, [(&other, "yours")]).is_none());
    assert!(RuleSet::pick(Kind::National, wanted).is_none());
}

/// Tables are made on a pool of threads, at once for many requests: none of them may wait for itself.
#[test]
fn a_slice_on_many_threads_ends() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(16).build().unwrap();
    for _ in 0..20 {
        let rules = RuleSet::parse(PCC_BILATERAL, Kind::Shared).unwrap();
        let book = Rulebook::new(rules, None).unwrap();
        assert!(pool.install(|| book.slice(&search(crate::words::Purpose::IrregEntry))).classes() > 0);
    }
}
