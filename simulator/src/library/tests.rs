use super::*;
use crate::{proposal::Proposal, scenario::Scenario};

#[test]
fn everything_ready_can_be_read() {
    for ready in READY {
        let scenario = Scenario::parse(ready.text).unwrap_or_else(|error| panic!("{}: {error}", ready.name));
        assert_eq!(scenario.name, ready.name);
        let proposals =
            Proposal::all(&scenario, ready).unwrap_or_else(|error| panic!("{}: {error}", ready.name));
        assert!(proposals.len() >= 3, "{}", ready.name);
        // An engine gives every answer that an agreement promises.
        for terms in proposals.iter().flat_map(|proposal| proposal.deals.values()) {
            let unanswerable = terms.matching.iter().flat_map(|matching| matching.unanswerable());
            assert_eq!(unanswerable.map(|why| why.to_string()).next(), None);
        }
        for (path, quantity) in scenario.quantities() {
            assert!(!quantity.src.is_empty(), "{}: {path}", ready.name);
        }
    }
}
