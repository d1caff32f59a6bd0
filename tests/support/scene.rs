//! Two agencies with officers at work: from a query to released fields.

use serde_json::Value;

use super::{Agency, Done, Officer, REGISTER, officer, people};

/// Records with fields. The second is of a minor, the third is contested.
pub(crate) fn filed() -> String {
    let lines = (0..10).map(|number| {
        let mut record: Value =
            serde_json::from_str(&super::records(number..number + 1, "invented")).unwrap();
        record["fields"]["name"] = format!("Name {number}").into();
        record["fields"]["place"] = "Preševo".into();
        record["subject"]["age"] = if number == 2 { "minor" } else { "adult" }.into();
        record["subject"]["contested"] = (number == 3).into();
        record.to_string() + "\n"
    });
    lines.collect()
}

/// `RS` holds and `MK` asks; officers of both are enrolled.
pub(crate) struct Scene {
    pub(crate) holder: Agency,
    pub(crate) asker: Agency,
    pub(crate) ana: Officer,
    pub(crate) bojan: Officer,
    pub(crate) dana: Officer,
    pub(crate) edin: Officer,
}

pub(crate) fn scene() -> Scene {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree(&asker);
    holder.import(&filed());
    let [ana, bojan] = [("ana", "asks,verifies"), ("bojan", "verifies")].map(|(id, roles)| {
        let officer = officer(&asker, id, id);
        officer.enrol(&asker, &["--roles", roles]).ok();
        officer
    });
    let [dana, edin] = ["dana", "edin"].map(|id| {
        let officer = officer(&holder, id, id);
        officer.enrol(&holder, &["--roles", "approves"]).ok();
        officer
    });
    holder.serve();
    asker.serve();
    Scene { holder, asker, ana, bojan, dana, edin }
}

impl Scene {
    /// Asks about people for a purpose; gives the query's id.
    #[track_caller]
    pub(crate) fn query(&self, [purpose, basis]: [&str; 2], numbers: &[u32]) -> (String, Vec<String>) {
        let file = self.asker.file("people.ndjson", &people(numbers.iter().copied()));
        let words = ["query", "exact", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
        let rest = ["--peer", "RS", "--case", "K-17/2026", "--officer", "ana", &file];
        let done = self.asker.run(&[&words[..], &rest, &self.ana.signs()].concat());
        (done.answer()["query"].as_str().unwrap().to_owned(), done.hits())
    }

    pub(crate) fn verify(&self, query: &str, person: u32, judgement: &str, by: &Officer) -> Done {
        let hit = format!("{person}:travel-document");
        self.asker.run(&[&["hit", "verify", query, "--hit", &hit, judgement][..], &by.signs()].concat())
    }

    pub(crate) fn claim(&self, query: &str, person: u32, fields: &[&str], by: &Officer) -> Done {
        let hit = format!("{person}:travel-document");
        let fields = fields.iter().flat_map(|field| ["--field", *field]);
        let words = ["claim", "make", query, "--hit", &hit].into_iter().chain(fields).chain(by.signs());
        self.asker.run(&words.collect::<Vec<_>>())
    }

    pub(crate) fn case(&self, words: &[&str], claim: &str, by: &Officer) -> Done {
        let (verb, rest) = words.split_first().unwrap();
        self.holder.run(&[&["case", verb, claim], rest, &by.signs()].concat())
    }

    #[track_caller]
    pub(crate) fn collect(&self, claim: &str) -> Value {
        self.asker.run(&["claim", "collect", claim]).ok()
    }

    /// Fields of a release, opened.
    pub(crate) fn open(&self, line: &Value, number: usize, by: &Officer) -> Done {
        let file = line["releases"][number]["file"].as_str().unwrap();
        self.asker.run(&[&["claim", "open", file][..], &by.signs()].concat())
    }
}
