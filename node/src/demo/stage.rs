//! Setting the stage: two homes, two nodes, one agreement, one register.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use symbolon_policy::{
    identity::IdentityCard,
    manifest::Manifest,
    words::{AgreementId, Digest},
};

use super::{
    CASE, HOLDER_RULES, OFFICER, REGISTER, agency::Agency, people::Asked, process::Children, steps::Steps,
};
use crate::control::api::{Answer, Failure, Reply, Status};

/// The two agencies, their nodes running.
pub(super) struct Stage<'a> {
    pub(super) children: &'a Children,
    /// The directory with all files.
    pub(super) place: &'a Path,
    pub(super) holder: Agency<'a>,
    pub(super) asker: Agency<'a>,
    /// Cards of the holder and the asker.
    pub(super) cards: [IdentityCard; 2],
    processes: [u32; 2],
}

/// The agreement in force.
pub(super) struct Agreed {
    pub(super) id: AgreementId,
    pub(super) rules: Digest,
}

impl<'a> Stage<'a> {
    /// Makes homes with fresh keys and starts both nodes.
    ///
    /// # Errors
    /// A [`Failure`] of a command or a file.
    pub(super) fn open(
        children: &'a Children,
        program: &'a Path,
        place: &'a Path,
        capture: bool,
        steps: &mut Steps,
    ) -> Result<Self, Failure> {
        let agency = |code, name| Agency::new(children, program, place, code, name);
        let holder = agency("RS", "Ministry of the Interior of Serbia");
        let asker = agency("MK", "Ministry of Internal Affairs of North Macedonia");
        let both = [&holder, &asker];

        steps.run("RS, MK", "make homes and keys", || {
            for agency in both {
                let verb = "init --generate-passphrase --code";
                let _: serde_json::Value = agency.call(verb, &[&agency.code, &"--name", &agency.name])?;
            }
            Ok(())
        })?;
        let processes = steps.run("RS, MK", "start their nodes", || {
            let holding = holder.serve(capture, &[])?;
            // Ports are not known before: the asker is told the holder's address as its administrator would.
            let addresses = status(&holder)?.listening;
            let asking = asker.serve(capture, &[(holder.code, &addresses)])?;
            Ok([holding, asking])
        })?;
        let cards = [holder.call("identity", &[])?, asker.call("identity", &[])?];
        Ok(Self { children, place, holder, asker, cards, processes })
    }

    /// Drafts an agreement with the ready rules, adds `terms`, signs it on both sides and puts it in force.
    ///
    /// # Errors
    /// A [`Failure`] of a command or a file.
    pub(super) fn agree(&self, terms: &str, steps: &mut Steps) -> Result<Agreed, Failure> {
        let file = |name: &str| self.place.join(name);
        let (draft, half, whole) =
            (file("agreement-draft.toml"), file("agreement-half.json"), file("agreement.json"));
        let (card, national) = (file("rs-card.json"), file("rs-national.cedar"));
        let [holder_card, _] = &self.cards;
        let json = serde_json::to_vec_pretty(holder_card).map_err(|e| Failure::local(e.to_string()))?;
        write(&card, &json)?;
        write(&national, HOLDER_RULES.as_bytes())?;

        steps.run("MK, RS", "draft an agreement and sign it", || {
            let Self { holder, asker, .. } = self;
            let _: Reply = asker.call("agreement draft --days 30 --with", &[&card, &"--out", &draft])?;
            add(&draft, terms)?;
            let _: Reply = asker.call("agreement sign", &[&draft, &"--out", &half])?;
            let _: Reply = holder.call("agreement sign", &[&half, &"--out", &whole])?;
            Ok(())
        })?;
        steps
            .run("RS, MK", "put the agreement in force", || {
                let _: Reply = self.asker.call("agreement accept", &[&whole])?;
                let reply = self.holder.call("agreement accept", &[&whole])?;
                let Reply::Agreement { id, agreement, .. } = reply else {
                    return Err(odd("agreement accept"));
                };
                let rules = agreement.rules().map_err(|e| Failure::local(e.to_string()))?;
                write(&file("shared.cedar"), rules.text().as_bytes())?;
                Ok(Agreed { id, rules: rules.digest() })
            })
            .and_then(|agreed| {
                steps.run("RS", "restricts it by a national rule", || {
                    let _: Reply = self.holder.call("rules national set", &[&national])?;
                    Ok(agreed)
                })
            })
    }

    /// Imports the register and publishes a snapshot of what the asker may search.
    ///
    /// # Errors
    /// A [`Failure`] of a command; an integrity one if a line was refused.
    pub(super) fn fill(&self, register: &Path, records: u32, steps: &mut Steps) -> Result<Manifest, Failure> {
        let imported = steps.run("RS", "imports its register", || {
            let reply = self.holder.call("register import --create", &[&REGISTER, &register])?;
            let Reply::Imported(imported) = reply else { return Err(odd("register import")) };
            Ok(imported)
        })?;
        if imported.good != u64::from(records) || imported.rejected > 0 {
            let what = format!("{} of {records} records were imported", imported.good);
            return Err(Failure::integrity(what));
        }
        steps.run("RS", "builds the snapshot for MK", || {
            let verb = "snapshot build --for MK --purpose IRREG_ENTRY --register";
            let reply = self.holder.call(verb, &[&REGISTER])?;
            let Reply::Snapshot { manifest, .. } = reply else { return Err(odd("snapshot build")) };
            Ok(manifest)
        })
    }

    /// Asks about people and gives the one answer.
    ///
    /// # Errors
    /// A [`Failure`] of the command or a file.
    pub(super) fn ask(&self, verb: &str, name: &str, people: &[Asked]) -> Result<Answer, Failure> {
        let file = self.place.join(format!("{name}.ndjson"));
        let mut lines = Vec::new();
        let written = people.iter().try_for_each(|person| person.write(&mut lines));
        written.map_err(|e| Failure::local(e.to_string()))?;
        write(&file, &lines)?;
        let arguments: [&dyn AsRef<OsStr>; 7] =
            [&"--register", &REGISTER, &"--officer", &OFFICER, &"--peer", &"RS", &file];
        let case =
            if verb.starts_with("query exact") { format!("{verb} --case {CASE}") } else { verb.to_owned() };
        let reply = self.signed(&self.asker, &case, &arguments, OFFICER)?;
        let Reply::Answers { answers } = reply else { return Err(odd(verb)) };
        answers.into_iter().next().ok_or_else(|| odd(verb))
    }

    /// An officer's key file and the file of its passphrase.
    pub(super) fn keys(&self, officer: &str) -> [PathBuf; 2] {
        ["key", "passphrase"].map(|end| self.place.join(format!("{officer}.{end}")))
    }

    /// Runs a command that an officer signs.
    ///
    /// # Errors
    /// A [`Failure`] of the command.
    pub(super) fn signed<T: DeserializeOwned>(
        &self,
        agency: &Agency<'_>,
        verb: &str,
        arguments: &[&dyn AsRef<OsStr>],
        officer: &str,
    ) -> Result<T, Failure> {
        let [key, passphrase] = self.keys(officer);
        let signing: [&dyn AsRef<OsStr>; 4] =
            [&"--officer-key", &key, &"--officer-passphrase-file", &passphrase];
        agency.call(verb, &[arguments, &signing].concat())
    }

    /// What both nodes say of themselves.
    ///
    /// # Errors
    /// A [`Failure`] of a command.
    pub(super) fn status(&self) -> Result<[Status; 2], Failure> {
        Ok([status(&self.holder)?, status(&self.asker)?])
    }

    /// Where the nodes write what goes over the wire.
    pub(super) fn capture_parts(&self) -> [PathBuf; 2] {
        [&self.holder, &self.asker].map(|agency| agency.capture_part().to_owned())
    }

    /// Stops both nodes and waits for their end.
    ///
    /// # Errors
    /// A [`Failure`] of a command; a local one if a node does not end well.
    pub(super) fn close(self, steps: &mut Steps) -> Result<(), Failure> {
        steps.run("RS, MK", "stop their nodes", || {
            for (agency, process) in [&self.holder, &self.asker].into_iter().zip(self.processes) {
                let _: Reply = agency.call("stop", &[])?;
                let status = self.children.wait(process)?;
                if !status.success() {
                    return Err(Failure::local(format!("the node of {} ended badly: {status}", agency.code)));
                }
            }
            Ok(())
        })
    }
}

fn status(agency: &Agency<'_>) -> Result<Status, Failure> {
    match agency.call("status", &[])? {
        Reply::Status(status) => Ok(*status),
        _ => Err(odd("status")),
    }
}

/// A new file.
pub(super) fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(file, bytes).map_err(|e| Failure::local(format!("cannot write {}: {e}", file.display())))
}

/// Adds lines to a file.
fn add(file: &Path, lines: &str) -> Result<(), Failure> {
    let added =
        OpenOptions::new().append(true).open(file).and_then(|mut file| file.write_all(lines.as_bytes()));
    added.map_err(|e| Failure::local(format!("cannot write {}: {e}", file.display())))
}

/// A reply of another kind than the verb has.
pub(super) fn odd(verb: &str) -> Failure {
    Failure::local(format!("`symbolon {verb}` gave a reply of another kind"))
}
