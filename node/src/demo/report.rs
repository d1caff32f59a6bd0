//! What the demonstration showed.

mod text;

pub(super) use text::grouped;

use std::path::PathBuf;

use serde::Serialize;
use symbolon_policy::{
    permit::RefusalCode,
    receipt::SignedReceipt,
    words::{AgreementId, Digest, LegalBasis, Purpose, RegisterName},
};
use symbolon_protocol::identifier::Kind;

use super::{
    capture::Searched, matching::Matching, people::Case, procedure::Procedure, spelling::Spelling,
    steps::Step,
};
use crate::control::api::Status;

/// Everything that was done and found, for people by [`Report::text`] and for machines as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of the program.
    pub version: &'static str,
    /// Both nodes as they were after the last query: the holder, then the asker.
    pub nodes: [Status; 2],
    /// The register that was asked.
    pub register: RegisterName,
    /// Records in it.
    pub records: u32,
    /// People asked about.
    pub people: u32,
    /// The agreement.
    pub agreement: AgreementId,
    /// Digest of its shared rules.
    pub rules: Digest,
    /// Entries of the snapshot, padding included.
    pub entries: u64,
    /// Bytes of the snapshot.
    pub snapshot_bytes: u64,
    /// Every step with its time.
    pub steps: Vec<Step>,
    /// For every case what was planted and found.
    pub cases: Vec<CaseCount>,
    /// People with a hit who had to have one.
    pub hits_found: u64,
    /// People who had to have a hit.
    pub hits_planted: u64,
    /// One person of each case that hit, as both agencies write the person.
    pub examples: Vec<Example>,
    /// A record that is in the register and was not found.
    pub suppressed: Suppressed,
    /// Queries that were refused.
    pub refusals: Vec<Refused>,
    /// The count for statistics.
    pub count: Counted,
    /// What came of two hits that were claimed.
    pub procedure: Procedure,
    /// The encrypted match, if it was asked for.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matching: Option<Matching>,
    /// The receipt of the first query, signed by both.
    pub receipt: SignedReceipt,
    /// Both journals.
    pub journals: Vec<Journal>,
    /// How the two journals compare.
    pub reconciled: Reconciled,
    /// The search of the capture, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Searched>,
    /// Where everything was kept, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// Processes that were started and are still there.
    pub left_running: usize,
    /// Seconds from beginning to end.
    pub seconds: f64,
}

/// One case, planted and found.
#[derive(Clone, Debug, Serialize)]
pub struct CaseCount {
    /// The case.
    pub case: Case,
    /// People planted so.
    pub planted: u64,
    /// Of these, people with any hit.
    pub hit: u64,
    /// Of these, people whose hits are of exactly the kinds that were planted.
    pub right: u64,
}

/// One person as two agencies write it.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// What was planted.
    pub case: Case,
    /// As the holder has it.
    pub holder: Spelling,
    /// As the asker has it.
    pub asker: Spelling,
    /// What hit.
    pub hits: Vec<Kind>,
}

/// A record that the rules keep out of the slice.
#[derive(Clone, Debug, Serialize)]
pub struct Suppressed {
    /// Its id.
    pub record: String,
    /// Whether the holder has it, as `register show` says, blocked.
    pub held_and_blocked: bool,
    /// The asker's reference for the person.
    pub reference: String,
    /// Whether the answer for every suppressed person is, but for the reference, that for an absent one.
    pub same_as_absent: bool,
}

/// A query that was refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The purpose it gave.
    pub purpose: Purpose,
    /// The legal basis it gave.
    pub basis: LegalBasis,
    /// Whether the asker's own node refused, so that nothing was sent.
    pub here: bool,
    /// The reason, for machines.
    pub code: RefusalCode,
    /// The reason, for people.
    pub text: String,
    /// The clauses that decided, as far as they may be seen.
    pub clauses: Vec<String>,
}

/// A count for statistics.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// The noisy number.
    pub estimate: i64,
    /// The true number is within this with probability 0.95.
    pub half_width: u32,
    /// The true number, which only this demonstration knows.
    pub planted: u64,
    /// ε spent.
    pub epsilon: f64,
}

/// One journal.
#[derive(Clone, Debug, Serialize)]
pub struct Journal {
    /// Whose.
    pub agency: String,
    /// Entries.
    pub entries: u64,
    /// Whether chain, tree, signatures and countersignatures hold.
    pub clean: bool,
}

/// Two journals compared.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reconciled {
    /// Queries that were answered.
    pub queries: u64,
    /// Of these, queries that both journals tell alike.
    pub matched: u64,
    /// Whether nothing differs.
    pub clean: bool,
}

impl Report {
    /// What is not as it must be; empty if the demonstration holds.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for CaseCount { case, planted, hit, right } in &self.cases {
            if right != planted {
                let what = case.words();
                faults.push(format!("{what}: {planted} planted, {hit} hit, {right} as they must"));
            }
        }
        faults.extend(self.procedure.faults());
        faults.extend(self.matching.iter().flat_map(Matching::faults));
        let Suppressed { record, held_and_blocked, same_as_absent, .. } = &self.suppressed;
        if !held_and_blocked {
            faults.push(format!("record {record} is not in the register, or not blocked"));
        }
        if !same_as_absent {
            faults.push("a suppressed person is answered otherwise than an absent one".into());
        }
        for journal in self.journals.iter().filter(|journal| !journal.clean) {
            faults.push(format!("the journal of {} does not verify", journal.agency));
        }
        let Reconciled { queries, matched, clean } = self.reconciled;
        if !clean || queries != matched {
            faults.push("the two journals do not agree".into());
        }
        if let Some(capture) = self.capture.as_ref().filter(|capture| !capture.clean()) {
            faults.push(format!(
                "the search of the capture found {:?}, and of what must be there {:?}",
                capture.found, capture.controls
            ));
        }
        if self.left_running > 0 {
            faults.push(format!("{} processes are left running", self.left_running));
        }
        faults
    }

    /// The report for people, some sixty lines.
    pub fn text(&self) -> String {
        text::render(self)
    }
}
