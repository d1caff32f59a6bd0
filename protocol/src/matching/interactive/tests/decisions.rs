//! Every decision against the plain rule.

use super::*;

/// How many of a mixed slice are hits: a third are copies with a number of flips about the threshold.
fn mixed(form: &Form, probe: &[Template], groups: usize, round: u64) -> (Vec<Group>, usize) {
    let mut stream = seed(7).stream(&format!("mixed/{round}"));
    let mut slice = Vec::new();
    let mut hits = 0;
    for at in 0..groups {
        let mut rows = Vec::new();
        for (place, alternative) in (0_u16..).zip(probe) {
            // Some records lack a template, some have two.
            for _ in 0..[1, 1, 1, 0, 1, 2][at % 6] {
                let template = match stream.below(3) {
                    0 => {
                        let about = (0..alternative.usable())
                            .find(|flips| {
                                let flipped = alternative.usable() - 2 * flips;
                                let (s, p, kappa) = (form.rule.s, form.rule.p, form.rule.kappa);
                                (p as i64) * (flipped as i64)
                                    < i64::from(s) * alternative.usable() as i64 + i64::from(kappa)
                            })
                            .unwrap_or(1);
                        let flips = (about + stream.below(5) as usize).saturating_sub(3);
                        near(alternative, flips, &mut stream)
                    }
                    _ => random(form, &mut stream),
                };
                rows.push((place, template));
            }
        }
        let hit = rows.iter().any(|(place, row)| form.rule.hit(&probe[usize::from(*place)], row));
        hits += usize::from(hit);
        slice.push(Group { rows });
    }
    (slice, hits)
}

/// Runs the circuit with a cap above the hits and compares their number and, through a slice of one group at a time
/// in `each`, which they are.
#[test]
fn any_and_candidates_say_what_the_plain_rule_says() {
    let rounds = [plain(), masked(), plain(), masked()].into_iter().enumerate();
    for (way, (round, form)) in WAYS.into_iter().flat_map(|way| rounds.clone().map(move |round| (way, round)))
    {
        let mut stream = seed(5).stream(&format!("probe/{round}"));
        let probe: Vec<Template> = (0..1 + round / 2 * 2).map(|_| random(&form, &mut stream)).collect();
        let (slice, hits) = mixed(&form, &probe, 90, round as u64);
        assert!(hits > 3, "{hits}");
        let run = round as u8;
        let (any, searched, _) = ask(way, &form, &probe, slice.clone(), Answer::Any, run);
        assert_eq!(any, Matched::Any(true));
        let rows: usize = slice.iter().map(|group| group.rows.len()).sum();
        assert_eq!(searched, Searched { groups: 1_024, comparisons: rows as u64 });
        let told = ask(way, &form, &probe, slice.clone(), Answer::Candidates { cap: 4 }, run).0;
        assert_eq!(told, if hits > 4 { Matched::TooMany } else { told.clone() });

        let few: Vec<Group> = slice.iter().take(12).cloned().collect();
        let is = |group: &&Group| {
            group.rows.iter().any(|(place, row)| form.rule.hit(&probe[usize::from(*place)], row))
        };
        let hits = few.iter().filter(is).count();
        let Matched::Candidates { hits: told, groups } =
            ask(way, &form, &probe, few, Answer::Candidates { cap: 16 }, run).0
        else {
            panic!("too many")
        };
        assert_eq!((told.len(), groups), (hits, 1_024));
        let none: Vec<Group> = slice.into_iter().filter(|group| !is(&group)).collect();
        assert_eq!(ask(way, &form, &probe, none.clone(), Answer::Any, run).0, Matched::Any(false));
        let told = ask(way, &form, &probe, none, Answer::Candidates { cap: 1 }, run).0;
        assert_eq!(told, Matched::Candidates { hits: vec![], groups: 1_024 });
    }
}
