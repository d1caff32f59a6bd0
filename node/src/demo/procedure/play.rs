//! The people of both agencies at work, each with a key of their own.

use std::{collections::BTreeMap, ffi::OsStr, path::Path};

use serde::Deserialize;
use symbolon_policy::{
    case::End,
    rules::proof::Verdict,
    words::{ClaimId, Field, QueryId},
};

use super::{
    ASKERS, CONTESTED, Claimed, Contested, FIELDS, HOLDERS, MINORS_FIELDS, MINORS_PURPOSES, Procedure,
    Proved, REASON, Released,
};
use crate::{
    control::api::{ClaimLine, Failure, FailureKind, Outcome, Reply},
    demo::{
        REGISTER,
        people::{Asked, Case},
        play::Played,
        stage::{Stage, odd, write},
        steps::Steps,
    },
};

/// What an officer reads of a release.
#[derive(Deserialize)]
struct Opened {
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    fields: BTreeMap<Field, serde_json::Value>,
}

/// What is read of a certificate.
#[derive(Deserialize)]
struct Certificate {
    solver: String,
    proof: Verdicts,
}

#[derive(Deserialize)]
struct Verdicts {
    verdict: Verdict,
}

/// A hit of the asker: the query, and the person in it.
struct Hit<'a> {
    query: QueryId,
    person: &'a Asked,
}

impl Hit<'_> {
    fn named(&self) -> String {
        format!("{}:travel-document", self.person.reference)
    }
}

impl Stage<'_> {
    /// Makes keys for officers of both agencies and enrols them: from then on queries need one.
    ///
    /// # Errors
    /// A [`Failure`] of a command or a file.
    pub(in crate::demo) fn enrol(&self, steps: &mut Steps) -> Result<(), Failure> {
        steps.run("RS, MK", "make keys for officers and enrol them", || {
            for (agency, officers) in [(&self.holder, HOLDERS), (&self.asker, ASKERS)] {
                for (id, roles) in officers {
                    let [key, passphrase] = self.keys(id);
                    let card: serde_json::Value = agency.call(
                        "officer new --generate-passphrase",
                        &[&"--id", &id, &"--out", &key, &"--officer-passphrase-file", &passphrase],
                    )?;
                    let file = self.place.join(format!("{id}.json"));
                    write(&file, card.to_string().as_bytes())?;
                    let _: Reply = agency.call("officer enrol", &[&file, &"--roles", &roles])?;
                }
            }
            Ok(())
        })
    }

    /// Takes two hits to their ends, and proves what the rules say of minors.
    ///
    /// # Errors
    /// A [`Failure`] of a command, or if nobody of whom a hit was planted was found.
    pub(in crate::demo) fn procedure(
        &self,
        asked: &[Asked],
        played: &Played,
        steps: &mut Steps,
    ) -> Result<Procedure, Failure> {
        let of = |case: Case| {
            let person = asked.iter().find(|person| person.case == case);
            person.ok_or_else(|| Failure::local(format!("nobody was planted: {}", case.words())))
        };
        let adult = of(Case::Respelled)?;
        let adult = Hit { query: played.query_of(asked, adult)?, person: adult };
        let unverified =
            steps.run("MK", "claims a hit that nobody has verified", || self.unverified(&adult))?;
        let adult = self.adult(&adult, steps)?;
        let minor = self.minor(of(Case::Minor)?, steps)?;
        let contested = self.contested(of(Case::Respelled)?, steps)?;
        let proof = steps.run("MK", "proves what the rules say of minors", || self.proved())?;
        Ok(Procedure { unverified, adult, minor, contested, proof })
    }

    fn unverified(&self, hit: &Hit<'_>) -> Result<String, Failure> {
        match self.claim(hit, &FIELDS) {
            Err(failure) if failure.kind == FailureKind::Refused => Ok(failure.what),
            Err(failure) => Err(failure),
            Ok(_) => Err(Failure::integrity("a hit that nobody has verified could be claimed")),
        }
    }

    fn adult(&self, hit: &Hit<'_>, steps: &mut Steps) -> Result<Claimed, Failure> {
        let (id, mut claimed) =
            steps.run("MK", "verifies the hit and claims it", || self.begin(hit, &FIELDS))?;
        for (officer, _) in HOLDERS {
            let approved = steps.run("RS", format!("approves: {officer}"), || {
                self.signed::<Reply>(&self.holder, "case approve", &[&id.to_string()], officer)
            });
            approved?;
            claimed.releases = steps.run("MK", "collects and opens what is released", || self.collect(id))?;
        }
        Ok(claimed)
    }

    fn minor(&self, person: &Asked, steps: &mut Steps) -> Result<Claimed, Failure> {
        let verb = "query exact --purpose CHILD_PROTECTION --basis VITAL_INTEREST";
        let people = std::slice::from_ref(person);
        let answer =
            steps.run("MK", "asks about a child, to protect it", || self.ask(verb, "child", people))?;
        steps.wire(answer.bytes_out, answer.bytes_in);
        let hit = matches!(&answer.outcome,
            Outcome::Hits { people, .. } if people.iter().all(|person| !person.hits.is_empty()));
        let query = answer.query.filter(|_| hit);
        let query =
            query.ok_or_else(|| Failure::integrity("a child was not found for its own protection"))?;
        let hit = Hit { query, person };
        let (id, mut claimed) = steps.run("MK", "claims it", || self.begin(&hit, &MINORS_FIELDS))?;
        steps.run("RS", "refuses, with a reason", || {
            let [(officer, _), _] = HOLDERS;
            let arguments: [&dyn AsRef<OsStr>; 3] = [&id.to_string(), &"--reason", &REASON];
            self.signed::<Reply>(&self.holder, "case refuse", &arguments, officer)
        })?;
        let line = self.line("claim collect", &[&id.to_string()])?;
        if let Some(End::Refused { reason, .. }) = line.standing.and_then(|standing| standing.end) {
            claimed.refused = Some(reason);
        }
        claimed.releases = self.collect(id)?;
        Ok(claimed)
    }

    /// The adult says that the record is wrong. MK, which received fields of it, is told when the nodes meet.
    fn contested(&self, person: &Asked, steps: &mut Steps) -> Result<Contested, Failure> {
        let (record, _) = person.holder.as_ref().ok_or_else(|| Failure::local("the adult has no record"))?;
        steps.run("RS", "flags the adult's record as contested", || {
            self.holder
                .call::<Reply>("register flag --contest", &[&REGISTER, record, &"--reason", &CONTESTED])
        })?;
        let notices = steps.run("MK", "meets RS and is told", || {
            let _: Reply = self.asker.call("peer ping RS", &[])?;
            self.asker.call("notice list", &[])
        })?;
        let Reply::Notices { mut notices, .. } = notices else { return Err(odd("notice list")) };
        let told = notices.pop().filter(|_| notices.is_empty());
        let told =
            told.ok_or_else(|| Failure::integrity("MK was not told once that the record is contested"))?;
        let shown: Reply = self.holder.call("register disclosures", &[&REGISTER, record])?;
        let Reply::Disclosures(shown) = shown else { return Err(odd("register disclosures")) };
        Ok(Contested {
            cause: told.notice.cause,
            fields: told.notice.fields,
            confirmed: told.confirmed,
            shown: shown.claims.iter().map(|claim| claim.releases.len()).sum(),
        })
    }

    /// Verifies a hit and claims it.
    fn begin(&self, hit: &Hit<'_>, fields: &[Field]) -> Result<(ClaimId, Claimed), Failure> {
        let [_, (verifier, _)] = ASKERS;
        let arguments: [&dyn AsRef<OsStr>; 4] = [&hit.query.to_string(), &"--hit", &hit.named(), &"--same"];
        let _: Reply = self.signed(&self.asker, "hit verify", &arguments, verifier)?;
        let line = self.claim(hit, fields)?;
        let found = line.outcome.map(|outcome| outcome.found).unwrap_or_default();
        let [told] = found.as_slice() else {
            return Err(Failure::integrity(format!("a claim found {} records, not one", found.len())));
        };
        let claimed = Claimed {
            reference: hit.person.reference.clone(),
            query: hit.query,
            standing: told.fields.clone(),
            releases: Vec::new(),
            refused: None,
        };
        Ok((line.claim.claim, claimed))
    }

    fn claim(&self, hit: &Hit<'_>, fields: &[Field]) -> Result<ClaimLine, Failure> {
        let (query, named) = (hit.query.to_string(), hit.named());
        let mut arguments: Vec<&dyn AsRef<OsStr>> = vec![&query, &"--hit", &named];
        let fields: Vec<_> = fields.iter().map(|field| field.as_str()).collect();
        for field in &fields {
            arguments.extend([&"--field" as &dyn AsRef<OsStr>, field]);
        }
        let [(officer, _), _] = ASKERS;
        match self.signed(&self.asker, "claim make", &arguments, officer)? {
            Reply::Claim(line) => Ok(*line),
            _ => Err(odd("claim make")),
        }
    }

    fn line(&self, verb: &str, arguments: &[&dyn AsRef<OsStr>]) -> Result<ClaimLine, Failure> {
        match self.asker.call(verb, arguments)? {
            Reply::Claim(line) => Ok(*line),
            _ => Err(odd(verb)),
        }
    }

    /// Everything released so far, opened by the officer who claims.
    fn collect(&self, claim: ClaimId) -> Result<Vec<Released>, Failure> {
        let line = self.line("claim collect", &[&claim.to_string()])?;
        let [(officer, _), _] = ASKERS;
        let open = |file: &Path| self.signed::<Opened>(&self.asker, "claim open", &[&file], officer);
        line.releases
            .into_iter()
            .map(|released| {
                let records = open(&released.file)?.records;
                let fields = records.into_iter().flat_map(|record| record.fields).collect();
                Ok(Released { approved_by: released.release.approved_by, fields })
            })
            .collect()
    }

    fn proved(&self) -> Result<Proved, Failure> {
        let (rules, out) = (self.place.join("shared.cedar"), self.place.join("proof.json"));
        let arguments: [&dyn AsRef<OsStr>; 5] = [&rules, &"--except", &MINORS_PURPOSES, &"--out", &out];
        let verb = "rules prove --claim never-minors";
        let claim = format!(
            "nothing of a minor is found or released, but for {}",
            MINORS_PURPOSES.replace(',', ", ")
        );
        match self.asker.call::<Certificate>(verb, &arguments) {
            Ok(Certificate { solver, proof: Verdicts { verdict } }) => {
                Ok(Proved { claim, found: Some((verdict, solver)), missing: None })
            }
            // Without a solver everything else works.
            Err(failure) if failure.kind == FailureKind::Local => {
                Ok(Proved { claim, found: None, missing: Some(failure.what) })
            }
            Err(failure) => Err(failure),
        }
    }
}
