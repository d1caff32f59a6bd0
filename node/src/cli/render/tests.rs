//! Replies as text.

mod answers;

use serde_json::json;
use symbolon_policy::{
    agreement::{Agreement, ClaimTerms, CountTerms, ExactTerms, Party, Quota, Terms, Unit},
    notice::{Erasure, ErasureReceipt},
    rules::PCC_BILATERAL,
    signing::{PublicKey, Signature},
    words::{AgreementId, Digest, Purpose, SnapshotId, Timestamp},
};
use symbolon_protocol::{identifier::CANONICALISATION, padding::Buckets};

use super::*;
use crate::control::api::{
    AgreementLine, AgreementState, CaseCounts, ForkLine, OfficerHits, OfficersLine, OpenHits, Reject,
    ToldLine,
};

/// Renders what a client renders: the reply after its way through JSON.
fn text(told: &Reply) -> String {
    let json = serde_json::to_string(told).unwrap();
    reply(&serde_json::from_str(&json).unwrap())
}

#[test]
fn an_import_tells_what_was_refused() {
    let reject = Reject { line: 12, field: "birth_date".to_owned(), reason: "is not a date".to_owned() };
    let mut done = Imported {
        register: "border".parse().unwrap(),
        lines: 12_345,
        good: 12_343,
        replaced: 40,
        rejected: 2,
        first_rejects: vec![reject],
        notices: 0,
        seconds: 1.5,
    };
    assert_eq!(
        text(&Reply::Imported(done.clone())),
        "\
Imported 12,343 of 12,345 lines into border in 1.5 s; 40 replaced.
2 lines were refused; the first 1:

LINE  FIELD       REASON
  12  birth_date  is not a date
Exact queries find new records from the next snapshot on: at once after `symbolon snapshot build`."
    );
    let known = Imported { replaced: done.good, ..done.clone() };
    assert!(!text(&Reply::Imported(known)).contains("snapshot"), "what is replaced ends snapshots");
    done.rejected = 0;
    done.first_rejects.clear();
    assert!(!text(&Reply::Imported(done.clone())).contains("refused"));
    assert_eq!(exit_code(&Reply::Imported(done.clone())), 0);
    (done.lines, done.good) = (1, 0);
    let nothing = Reply::Imported(done);
    assert_eq!(text(&nothing), "No line was taken of 1 line; border is as it was.");
    assert_eq!(exit_code(&nothing), 2);
}

fn receipt() -> ErasureReceipt {
    let erasure = Erasure {
        agency: "RS".parse().unwrap(),
        key: PublicKey([0; 32]),
        register: "border".parse().unwrap(),
        records: 1,
        digest: Digest([0; 32]),
        reason: "ORDER".into(),
        at: Timestamp(0),
    };
    ErasureReceipt { erasure, signature: Signature([0; 64]) }
}

#[test]
fn an_id_of_no_record_is_no_full_success() {
    let erased = |unknown| Reply::Erased {
        records: 1,
        digest: Digest([0; 32]),
        snapshots_ended: 0,
        unknown,
        notices: 0,
        receipt: Box::new(receipt()),
    };
    assert_eq!(exit_code(&erased(Vec::new())), 0);
    assert_eq!(exit_code(&erased(vec!["R-9".to_owned()])), 2);
}

fn line() -> AgreementLine {
    AgreementLine {
        id: AgreementId([0x3f; 32]),
        title: "RS and MK\u{1b}[2J".to_owned(),
        partner: "MK".parse().unwrap(),
        partner_name: "МВР".to_owned(),
        state: AgreementState::InForce,
        valid_until: Timestamp(1_900_000_000),
        rules: Digest([1; 32]),
    }
}

#[test]
fn a_status_on_one_screen() {
    let status = Status {
        agency: "RS".parse().unwrap(),
        name: "Ministry of the Interior".to_owned(),
        version: "0.1.0".to_owned(),
        peer: "12D3KooWExample".to_owned(),
        serving: true,
        listening: vec!["/ip4/127.0.0.1/tcp/4711".to_owned()],
        registers: vec![
            RegisterLine { name: "border".parse().unwrap(), records: 1_000_000 },
            RegisterLine { name: "asylum".parse().unwrap(), records: 7 },
        ],
        agreements: vec![line()],
        journal_entries: 1,
        journal_root: Digest([0xcd; 32]),
        exchanges: 0,
        meters: vec![MeterLine {
            agreement: AgreementId([0x3f; 32]),
            asker: "MK".parse().unwrap(),
            meter: "identifiers, border".to_owned(),
            spent: 90,
            limit: 100,
        }],
        told: vec![ToldLine {
            agreement: AgreementId([0x3f; 32]),
            asker: "MK".parse().unwrap(),
            leakage_bits: 1_020,
        }],
        officers: OfficersLine { required: false, enrolled: 0 },
        alerts: 1,
        forks: vec![ForkLine {
            partner: "MK".parse().unwrap(),
            at: Timestamp(1_800_000_000),
            text: "MK showed a history of 9 entries after one of 12".to_owned(),
            seen: 3,
        }],
        hits: OpenHits {
            open: 3,
            overdue: 1,
            officers: vec![OfficerHits { officer: "ana".parse().unwrap(), open: 3, overdue: 1 }],
        },
        cases: CaseCounts { waiting: 2, escalated: 1, stopped: 0, lapsed: 4 },
        prepared: Default::default(),
    };
    assert_eq!(
        text(&Reply::Status(Box::new(status))),
        "\
Agency     RS, Ministry of the Interior
Peer id    12D3KooWExample
Version    0.1.0
Serving    yes, on /ip4/127.0.0.1/tcp/4711
Officers   none was ever enrolled: any pseudonym is taken
Exchanges  0 under way
Alerts     1 about the last thirty days; see `symbolon audit alerts`
Hits       3 open, 1 overdue; by officer: ana 3, 1
Cases      2 wait, 1 escalated, 0 stopped, 4 lapsed
Journal    1 entry, root cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd

WARNING: MK showed a history of 9 entries after one of 12, at 2027-01-15T08:00:00Z, and 2 more; see `symbolon audit evidence MK`

REGISTER    RECORDS
border    1,000,000
asylum            7

AGREEMENT     PARTNER  NAME  STATE     VALID UNTIL           TITLE
3f3f3f3f3f3f  MK       МВР   in force  2030-03-17T17:46:40Z  RS and MK [2J

AGREEMENT     ASKER  METER                SPENT  LIMIT
3f3f3f3f3f3f  MK     identifiers, border     90    100

AGREEMENT     ASKER  BITS TOLD AT MOST
3f3f3f3f3f3f  MK                 1,020"
    );
}

#[test]
fn an_agreement_in_full() {
    let party = |code: &str, byte: u8| Party {
        code: code.parse().unwrap(),
        name: format!("Agency of {code}"),
        peer: format!("peer-{code}"),
        key: PublicKey([byte; 32]),
        addresses: Vec::new(),
    };
    let quota = Quota {
        asker: "MK".parse().unwrap(),
        register: Some("border".parse().unwrap()),
        purpose: None,
        per_officer: true,
        unit: Unit::Identifiers,
        limit: 5_000,
        period_days: 30,
    };
    let mut terms = Terms {
        version: 1,
        title: "Readmission".to_owned(),
        canonicalisation: CANONICALISATION.to_owned(),
        valid_from: Timestamp(1_800_000_000),
        valid_until: Timestamp(1_831_536_000),
        amends: None,
        proofs: Vec::new(),
        buckets: Buckets::default(),
        parties: vec![party("RS", 0xaa), party("MK", 0xbb)],
        exact: Some(ExactTerms { largest_batch: 1_000, epoch_hours: 24 }),
        count: Some(CountTerms {
            smallest_batch: 100,
            largest_batch: 10_000,
            period_days: 7,
            epsilon_milli: 500,
            dummies: 100,
            epsilon_budget_milli: 2_000,
        }),
        matching: None,
        claims: None,
        quotas: vec![quota],
        rules: PCC_BILATERAL.to_owned(),
    };
    let agreement = Box::new(Agreement { terms: terms.clone(), signatures: Vec::new() });
    let id = AgreementId([0x3f; 32]);
    let told = text(&Reply::Agreement { id, state: AgreementState::Unsigned, agreement });
    let (head, rest) = told.split_once("\n\nShared rules, digest ").unwrap();
    assert_eq!(
        head,
        format!(
            "\
Title      Readmission
Id         {id}
State      not signed by both
Valid      2027-01-15T08:00:00Z to 2028-01-15T08:00:00Z
Signed by  none
Sizes      padded, and told to within 12.5 % (8 buckets to each doubling)
Exact      at most 1,000 identifiers a query; snapshots live 24 hours
Count      100 to 10,000 identifiers; one a register and purpose in 7 days; ε 0.500 each, 2.000 together
Match      not agreed
Claims     not agreed

PARTY  NAME          AGREEMENT KEY
RS     Agency of RS  {}
MK     Agency of MK  {}

ASKER  REGISTER  PURPOSE   MOST  OF                      DAYS
MK     border    any      5,000  identifiers an officer    30",
            "aa".repeat(32),
            "bb".repeat(32)
        )
    );
    let rules =
        symbolon_policy::rules::RuleSet::parse(PCC_BILATERAL, symbolon_policy::rules::Kind::Shared).unwrap();
    for clause in rules.clauses() {
        assert!(rest.contains(&format!("  {}: {}", clause.id, clause.title)), "{}", clause.id);
    }
    assert!(rest.ends_with("Next: each party reads it and runs `symbolon agreement sign`."));
    // An amendment says so, and what it is bound to.
    terms.claims = Some(ClaimTerms { claim_hours: 72, decide_hours: 1, most_records: 10 });
    (terms.amends, terms.proofs) = (Some(AgreementId([0x44; 32])), vec![Digest([0x55; 32])]);
    let agreement = Box::new(Agreement { terms, signatures: Vec::new() });
    let told = text(&Reply::Agreement { id, state: AgreementState::Pending, agreement });
    for says in [
        "State      pending, not yet valid",
        &format!("Amends     {}, whose place it takes on 2027-01-15T08:00:00Z", "44".repeat(32)),
        "Claims     taken for 72 hours after the answer, decided in 1 hour, of at most 10 records",
        &format!("Proof      {}", "55".repeat(32)),
    ] {
        assert!(told.contains(says), "{says}:\n{told}");
    }
}

#[test]
fn partners_and_snapshots() {
    let peer = PeerLine {
        partner: "MK".parse().unwrap(),
        name: "МВР".to_owned(),
        peer: "12D3KooWExample".to_owned(),
        connected: false,
        addresses: Vec::new(),
        forked: Some(Timestamp(1_800_000_000)),
        given: 12,
        received: 3_400,
        open_receipts: 0,
    };
    assert_eq!(
        text(&Reply::Peers { peers: vec![peer] }),
        "\
PARTNER  NAME  CONNECTED  GIVEN  RECEIVED  OPEN RECEIPTS  ADDRESSES
MK       МВР   no            12     3,400              0  none

WARNING: MK showed a history that contradicts the one it had shown, at 2027-01-15T08:00:00Z; see `symbolon audit evidence \
         MK`"
    );
    let made = Manifest {
        snapshot: SnapshotId([0x77; 16]),
        agreement: AgreementId([0; 32]),
        holder: "RS".parse().unwrap(),
        asker: "MK".parse().unwrap(),
        register: "border".parse().unwrap(),
        purpose: Purpose::ReturnId,
        canonicalisation: CANONICALISATION.to_owned(),
        public_key: Digest([0; 32]),
        entries: 65_536,
        bytes: 294_912,
        digest: Digest([0; 32]),
        made: Timestamp(1_800_000_000),
        expires: Timestamp(1_800_086_400),
    };
    assert_eq!(
        text(&Reply::Snapshots { made: vec![made], received: Vec::new() }),
        "\
Made here
SNAPSHOT      HOLDER  ASKER  REGISTER  PURPOSE    ENTRIES    BYTES  MADE                  EXPIRES
777777777777  RS      MK     border    RETURN_ID   65,536  294,912  2027-01-15T08:00:00Z  2027-01-16T08:00:00Z

Received
None."
    );
}

#[test]
fn short_replies() {
    let ids = vec!["a-1".to_owned(), "a-2".to_owned()];
    for (reply, told) in [
        (Reply::Ok, "Done."),
        (Reply::Noted { text: "It was noted.".to_owned() }, "It was noted."),
        (Reply::National { clauses: 0, digest: None }, "No national rules are in force."),
        (
            Reply::National { clauses: 2, digest: Some(Digest([0xab; 32])) },
            "2 national clauses are in force, digest \
             abababababababababababababababababababababababababababababababab.",
        ),
        (
            Reply::Revoked {
                id: AgreementId([0x3f; 32]),
                title: "Readmission".to_owned(),
                partner: "MK".parse().unwrap(),
                told: false,
            },
            "Revoked for good: Readmission, with MK.\n\
             Id 3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f\n\
             MK is not told yet; this node tells it when they next meet.",
        ),
        (Reply::Records { ids: Vec::new() }, "No records."),
        (Reply::Records { ids }, "a-1\na-2"),
        (Reply::Pong { partner: "MK".parse().unwrap(), micros: 12_034 }, "MK answered in 12.034 ms."),
        (Reply::Text { text: "title = \"x\"\n".to_owned() }, "title = \"x\""),
        (
            Reply::Exported { file: "/tmp/x.ndjson".into(), entries: 1_000 },
            "Wrote 1,000 entries of the journal to /tmp/x.ndjson.",
        ),
        (Reply::Record { record: json!({ "id": "a-1" }) }, "{\n  \"id\": \"a-1\"\n}"),
        (
            Reply::Erased {
                records: 1,
                digest: Digest([0; 32]),
                snapshots_ended: 2,
                unknown: vec!["R-8".to_owned()],
                notices: 0,
                receipt: Box::new(receipt()),
            },
            "Erased 1 record; the journal keeps their digest \
             0000000000000000000000000000000000000000000000000000000000000000.\n\
             2 snapshots ended, for the records were in their slices.\nThere is no record R-8.",
        ),
    ] {
        assert_eq!(text(&reply), told);
    }
}

#[test]
fn numbers_read_well() {
    for (value, told) in [(0, "0"), (999, "999"), (1_000, "1,000"), (u64::MAX, "18,446,744,073,709,551,615")]
    {
        assert_eq!(number(value), told);
    }
}
