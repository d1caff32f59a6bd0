//! What officers read of correction notices.

use symbolon_policy::{
    notice::{Cause, Notice},
    words::{AgreementId, ClaimId, Field, NoticeId, Reference, Timestamp},
};

use super::*;

fn line(reference: u8, cause: Cause) -> NoticeLine {
    let notice = Notice {
        notice: NoticeId([reference; 16]),
        agreement: AgreementId([0; 32]),
        holder: "RS".parse().unwrap(),
        asker: "MK".parse().unwrap(),
        claim: ClaimId([1; 16]),
        reference: Reference([reference; 16]),
        cause,
        fields: vec![Field::Place],
        sealed: None,
        at: Timestamp(0),
    };
    let officer = Some("ana".parse().unwrap());
    NoticeLine { notice, confirmed: true, officer, item: Some(4), hit: None, record: None, file: None }
}

#[test]
fn a_notice_that_came_tells_whom_it_is_about_and_whose_claim_it_was() {
    let known = NoticeLine { hit: Some("p-1:travel-document".into()), ..line(7, Cause::Erased) };
    let told = notices(&[known, line(8, Cause::Corrected)], false);
    let rows: Vec<_> = told.lines().skip(1).collect();
    let (claim, first) = (ClaimId([1; 16]), Reference([7; 16]));
    for (row, says) in [(0, "RS"), (0, "ana"), (0, "p-1:travel-document  erased"), (1, "item 4")] {
        assert!(rows[row].contains(says), "{says}: {told}");
    }
    assert!(rows[0].contains(&claim.to_string()) && rows[0].contains(&first.to_string()), "{told}");
}

#[test]
fn a_notice_that_went_out_tells_the_partner_and_the_record() {
    let known = NoticeLine { record: Some("R-17".into()), ..line(7, Cause::Erased) };
    let told = notices(&[known, line(8, Cause::Corrected)], true);
    assert!(told.contains("MK") && told.contains("ana      R-17"), "{told}");
    assert!(told.contains(&Reference([8; 16]).to_string()), "if the id is not kept any more: {told}");
    assert!(!told.contains("HIT"), "{told}");
}
