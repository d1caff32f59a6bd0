use crate::{
    rules::{facts::Facts, slice, tests::*, *},
    words::Purpose,
};

/// Reads the report as a person would and compares it with the slice, class by class.
#[test]
fn the_report_is_the_slice() {
    let rules = Rulebook::new(shared(PCC_BILATERAL), Some(national(NATIONAL_EXAMPLE))).unwrap();
    for &purpose in Purpose::ALL {
        let context = search(purpose);
        let (report, slice) = (rules.explain_slice(&context).unwrap(), rules.slice(&context));
        let mut counts = (0, 0);
        for class in (0..slice::CLASSES).map(slice::class) {
            let facts = Facts::search(&context, &class);
            let within = |classes: &Classes| {
                let regions =
                    classes.regions.iter().filter(|region| region.iter().all(|c| meets(c, &facts, &[])));
                regions.count()
            };
            assert_eq!(
                within(&report.takes_part),
                usize::from(slice.contains(&class)),
                "{purpose} {class:?}"
            );
            let decision = rules.search(&context, &class);
            let kept_out: Vec<&Keeper> = report
                .kept_out
                .iter()
                .filter(|kept| within(&kept.classes) == 1)
                .map(|kept| &kept.by)
                .collect();
            let unpermitted = within(&report.unpermitted) == 1;
            assert_eq!(decision.permitted, !unpermitted && kept_out.is_empty(), "{purpose} {class:?}");
            if decision.reason == Reason::NothingPermits {
                assert!(unpermitted && kept_out.is_empty());
            }
            if decision.reason == Reason::ForbiddenBy && !unpermitted {
                let clauses: Vec<_> = kept_out
                    .iter()
                    .filter_map(
                        |by| if let Keeper::Clause(clause) = by { Some(clause.clone()) } else { None },
                    )
                    .collect();
                assert_eq!(clauses.len(), decision.clauses.len());
                assert!(clauses.iter().all(|clause| decision.clauses.contains(clause)));
            }
            counts = (counts.0 + u64::from(decision.permitted), counts.1 + u64::from(unpermitted));
        }
        assert_eq!(counts, (report.takes_part.count, report.unpermitted.count));
    }
}

#[test]
fn the_report_reads_well() {
    let rules = Rulebook::new(shared(PCC_BILATERAL), None).unwrap();
    let report = rules.explain_slice(&search(Purpose::SeriousCrime)).unwrap().to_string();
    for line in [
        "RS searches MK/border for SERIOUS_CRIME, exchange: exact",
        "3 of 2304 classes of records take part",
        "    category: IRREGULAR_CROSSING, VISA_REFUSED, WANTED; age: adult; provenance: own; own citizen: no; vulnerable: no; marked: no; blocked: no; contested: no",
        "1440 are permitted by no clause",
        "432 are kept out by a floor: a blocked record never takes part, whatever the rules say",
        "432 are kept out by own-citizens (shared rules, Art. 7(4)): The holder's own citizens are no match, unless missing, dead, to be protected as a child, or at their own request",
        "    category: IRREGULAR_CROSSING, VISA_REFUSED, WANTED; own citizen: yes",
    ] {
        assert!(report.lines().any(|l| l == line), "{line}\n---\n{report}");
    }
}
