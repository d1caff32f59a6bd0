use proptest::prelude::*;

use super::*;
use crate::{
    claim::tests::claim,
    words::{Field, Reference},
    world::{NOW, ask, in_force, officer, terms},
};

const TERMS: ClaimTerms = ClaimTerms { claim_hours: 72, decide_hours: 48, most_records: 10 };

fn decision(field: Field, standing: Standing) -> FieldDecision {
    FieldDecision { field, standing, clauses: Vec::new() }
}

fn found(number: u8, fields: Vec<FieldDecision>) -> Found {
    Found { reference: Reference([number; 16]), record: Digest([number; 32]), item: Some(0), fields }
}

fn case(standings: &[Standing]) -> Case {
    let fields =
        Field::ALL.iter().zip(standings).map(|(field, standing)| decision(*field, *standing)).collect();
    Case::begin(claim(&ask(&in_force(terms()))), vec![found(1, fields)], &TERMS, NOW)
}

fn approve(name: &str) -> Step {
    Step::Approve { officer: officer(name) }
}

#[test]
fn fields_are_released_as_persons_approve() {
    let mut case = case(&[Standing::Needs(1), Standing::Refused, Standing::Needs(2), Standing::Absent]);
    assert!(case.released_at(0).is_empty() && case.end.is_none());
    case.step(&approve("dana"), NOW).unwrap();
    let (first, third) = (Field::ALL[0], Field::ALL[2]);
    assert_eq!((case.released_at(1), case.end.clone()), (vec![(Reference([1; 16]), vec![first])], None));
    assert_eq!(case.step(&approve("dana"), NOW), Err(StepError::SamePerson));
    case.step(&approve("edin"), NOW).unwrap();
    assert_eq!(case.released_at(2), [(Reference([1; 16]), vec![third])]);
    assert_eq!(case.end, Some(End::Released));
    assert_eq!(case.step(&approve("fatos"), NOW), Err(StepError::Over));
}

#[test]
fn what_cannot_be_released_ends_at_once_and_so_does_what_needs_nobody() {
    assert_eq!(case(&[]).end, Some(End::Nothing));
    assert_eq!(case(&[Standing::Refused, Standing::Absent]).end, Some(End::Nothing));
    assert_eq!(case(&[Standing::Needs(0), Standing::Refused]).end, Some(End::Released));
}

#[test]
fn the_clock_stands_while_an_authorisation_is_awaited() {
    let mut case = case(&[Standing::Needs(1)]);
    let later = |hours| NOW.plus(hours * Timestamp::HOUR);
    let (stop, resume) = (Step::Stop { officer: officer("dana") }, Step::Resume { officer: officer("dana") });
    assert_eq!(case.step(&resume, NOW), Err(StepError::NotStopped));
    case.step(&stop, later(40)).unwrap();
    assert_eq!(case.step(&approve("dana"), later(41)), Err(StepError::Stopped));
    assert_eq!(case.step(&stop, later(41)), Err(StepError::Stopped));
    assert!(!case.is_late(later(1_000)));
    assert_eq!(case.step(&Step::Expire, later(1_000)), Err(StepError::InTime));
    case.step(&resume, later(100)).unwrap();
    assert_eq!(case.decide_by, later(108));
    assert_eq!(case.step(&Step::Expire, later(108)), Err(StepError::InTime));
    assert_eq!(case.step(&approve("dana"), later(109)), Err(StepError::TooLate));
    case.step(&Step::Expire, later(109)).unwrap();
    assert_eq!(case.end, Some(End::Expired));
}

fn steps() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0..5_u8, 0..3_u8, 0..30_u8), 0..12)
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![(0..=2_u8).prop_map(Standing::Needs), Just(Standing::Refused), Just(Standing::Absent)]
}

proptest! {
    /// Against a plain account of what happened: who approved, when the clock stood, what is out.
    #[test]
    fn random_histories(standings in prop::collection::vec(standing(), 0..6), steps in steps()) {
        let mut case = case(&standings);
        let (mut now, mut approved, mut waited, mut since) = (NOW, Vec::new(), 0_i64, None::<Timestamp>);
        let most = standings.iter().filter_map(|s| match s { Standing::Needs(n) => Some(*n), _ => None }).max();
        let mut over = most.is_none_or(|most| most == 0);
        for (kind, who, hours) in steps {
            now = now.plus(i64::from(hours) * Timestamp::HOUR);
            let name = officer(["dana", "edin", "fatos"][usize::from(who)]);
            let late = since.is_none() && now.0 - NOW.0 - waited > 48 * Timestamp::HOUR;
            let (step, may) = match kind {
                0 => (Step::Approve { officer: name.clone() }, !late && since.is_none() && !approved.contains(&name)),
                1 => (Step::Refuse { officer: name.clone(), reason: "no".into() }, !late),
                2 => (Step::Stop { officer: name.clone() }, !late && since.is_none()),
                3 => (Step::Resume { officer: name.clone() }, !late && since.is_some()),
                _ => (Step::Expire, late),
            };
            let before = case.clone();
            let taken = case.step(&step, now);
            prop_assert_eq!(taken.is_ok(), may && !over, "{:?} {:?}", step, taken);
            if taken.is_err() {
                prop_assert_eq!(&case, &before);
                continue;
            }
            match kind {
                0 => {
                    approved.push(name);
                    over = most.is_none_or(|most| approved.len() >= usize::from(most));
                }
                2 => since = Some(now),
                3 => waited += now.0 - since.take().unwrap().0,
                _ => over = true,
            }
        }
        prop_assert_eq!(case.end.is_some(), over);
        prop_assert_eq!(&case.approved_by, &approved);
        // Whatever has come out by now needed no more persons than there were.
        let out: usize = (0..=case.approvals()).flat_map(|n| case.released_at(n)).map(|(_, f)| f.len()).sum();
        let may = standings.iter().filter(|s| matches!(s, Standing::Needs(n) if usize::from(*n) <= approved.len()));
        prop_assert_eq!(out, may.count());
    }
}
