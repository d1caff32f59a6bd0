use crate::rules::{tests::*, *};

#[test]
fn the_agreement_reads_in_order_of_articles_in_every_language() {
    let sets = library().unwrap();
    for language in Language::ALL {
        let treaty = Treaty::new(sets, *language);
        assert_eq!(treaty.clauses.len(), sets.iter().map(|set| set.clauses().count()).sum::<usize>());
        let text = treaty.text(false);
        let lines: Vec<_> = text.lines().collect();
        let place =
            |number: &str| lines.iter().position(|line| line.contains(&format!(" {number}"))).unwrap();
        for pair in ["2(1)", "2(9)", "2(10)", "3(1)", "4(2)", "5(1)", "7(1)", "7(11)", "9(1)"].windows(2) {
            assert!(place(pair[0]) < place(pair[1]), "{language}: {pair:?}\n{text}");
        }
        for clause in &treaty.clauses {
            assert!(text.contains(&clause.title), "{language}: {}", clause.id);
        }
    }
}

#[test]
fn a_clause_shows_its_article_its_title_its_conditions_and_on_request_the_rule() {
    let (_, text) = ready_clause("reciprocity").unwrap().unwrap();
    let set = shared(text);
    let english = Treaty::new([&set], Language::En);
    assert_eq!(
        english.text(false),
        "Article 5(3)\n  While the asker gave far less than it received, it asks only for a child, the missing or \
         the remains.\n  [reciprocity: forbidden]\n    - the request is one of QueryExact, QueryCount, QueryMatch\n    \
         - the reciprocity is above 500\n    - the balance is above 1000\n    - the purpose is none of \
         CHILD_PROTECTION, MISSING_HUMANITARIAN, REMAINS"
    );
    assert!(english.text(true).contains("    | when { context.reciprocity > 500"));
    let serbian = Treaty::new([&set], Language::SrCyrl).text(false);
    assert!(
        serbian.starts_with("Члан 5(3)\n  Док је тражилац дао") && serbian.contains("забрањено"),
        "{serbian}"
    );
}

#[test]
fn what_has_no_title_in_a_language_is_shown_in_english() {
    let set = shared(&clause("plain", "permit(principal, action, resource);"));
    assert!(!set.speaks(Language::Mk));
    assert_eq!(
        Treaty::new([&set], Language::Mk).text(false),
        "Без член\n  About plain.\n  [plain: дозволено]"
    );
}
