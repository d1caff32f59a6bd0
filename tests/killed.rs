//! Nodes killed at random moments, as a loss of power would: they start again by themselves, and nothing that was
//! acknowledged is lost, paid twice or answered twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::Write as _,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use support::{Agency, PERMITTED, REGISTER, people, records, text_of};

/// Records in one import, and in the register that is asked.
const RECORDS: u32 = 2_000;
/// People in one query. One in three has a record.
const PEOPLE: u32 = 300;
/// Kills in each phase; 24 in all.
const IMPORTS: u32 = 8;
const BUILDS: u32 = 4;
const ASKERS: u32 = 6;
const HOLDERS: u32 = 6;

/// Sleeps for a random part of `whole`, a little more than all of it at most.
fn random_moment(whole: Duration) {
    thread::sleep(whole.mul_f64(rand::random_range(0.02..1.1)));
}

/// All ids in the register, and the number that the node tells.
fn held(agency: &Agency) -> (BTreeSet<String>, u64) {
    let mut ids = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let mut words = vec!["register", "records", REGISTER, "--limit", "1000"];
        words.extend(after.iter().flat_map(|id| ["--after", id.as_str()]));
        let page = agency.run(&words).ok();
        let page: Vec<_> =
            page["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        after = page.last().cloned();
        if page.is_empty() {
            break;
        }
        ids.extend(page);
    }
    let told = agency.run(&["register", "list"]).ok()["registers"][0]["records"].as_u64();
    (ids, told.unwrap_or(0))
}

/// Starts a node that was killed; it must need nobody's help, and its journal must be sound.
fn revive(agency: &mut Agency) {
    agency.serve();
    let report = agency.run(&["audit", "verify"]).ok();
    assert_eq!(report["clean"], true, "{report}");
}

#[test]
fn an_import_that_was_acknowledged_is_never_lost() {
    let mut agency = Agency::new("RS");
    agency.serve();
    // Records of 4 KB, so that an import takes long enough to be killed in the middle.
    let note = "n".repeat(4_000);
    let (mut acknowledged, mut broken_off, mut whole) = (BTreeSet::new(), 0, Duration::ZERO);
    for round in 0..=IMPORTS {
        let numbers = round * RECORDS..(round + 1) * RECORDS;
        let file = agency.file("round.ndjson", &records(numbers.clone(), &note));
        let import = ["register", "import", "--create", REGISTER, &file];
        let started = Instant::now();
        let running = agency.start(&import);
        if round > 0 {
            random_moment(whole);
            agency.kill();
        }
        let done = running.wait();
        if round == 0 {
            whole = started.elapsed();
        }
        if done.exit == Some(0) {
            acknowledged.extend(numbers.map(|number| format!("R-{number}")));
        } else {
            assert_eq!(done.exit, Some(1), "the client says that the node is gone: {done:#?}");
            broken_off += 1;
        }
        if round > 0 {
            revive(&mut agency);
        }
        let (ids, told) = held(&agency);
        let lost: Vec<_> = acknowledged.difference(&ids).take(3).collect();
        assert!(lost.is_empty(), "acknowledged and lost in round {round}: {lost:?} …");
        assert_eq!(told, ids.len() as u64, "the number of records is that of the records, round {round}");
        // What was broken off is simply done again.
        if done.exit != Some(0) {
            let again = agency.run(&import).ok();
            assert_eq!((&again["good"], &again["rejected"]), (&RECORDS.into(), &0.into()), "{again}");
            acknowledged.extend((round * RECORDS..(round + 1) * RECORDS).map(|number| format!("R-{number}")));
        }
    }
    let (ids, told) = held(&agency);
    assert_eq!((ids, told), (acknowledged, u64::from((IMPORTS + 1) * RECORDS)));
    let imports = agency.events("end.ndjson").iter().filter(|(name, _)| name == "imported").count();
    assert!(imports as u64 >= u64::from(IMPORTS), "every acknowledged import is journalled: {imports}");
    println!("{broken_off} of {IMPORTS} imports were broken off; one takes {:.2} s", whole.as_secs_f64());
}

/// An import that reads from a pipe, so that it stands in the middle for as long as the pipe is open.
#[test]
fn what_was_made_before_an_import_that_was_killed_is_ended_at_the_start() {
    let (mut holder, asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree(&asker);
    holder.import(&records(0..100, ""));
    holder.serve();
    let build = ["snapshot", "build", "--for", "MK", "--register", REGISTER, "--purpose", PERMITTED[0]];
    holder.run(&build).ok();
    let made = |holder: &Agency| holder.run(&["snapshot", "list"]).ok()["made"].as_array().unwrap().len();
    assert_eq!(made(&holder), 1);

    let pipe = text_of(&holder.path("pipe.ndjson"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let running = holder.start(&["register", "import", REGISTER, &pipe]);
    let mut writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    // More than the node gathers before it writes.
    let note = "n".repeat(4_000);
    for start in (0..20_000).step_by(1_000) {
        writer.write_all(records(start..start + 1_000, &note).as_bytes()).unwrap();
    }
    let names = |holder: &Agency| -> Vec<String> {
        holder.events("events.ndjson").into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&holder).last().unwrap(), "import_begun");
    holder.kill();
    assert_ne!(running.wait().exit, Some(0));
    drop(writer);

    revive(&mut holder);
    assert_eq!(names(&holder).split_last_chunk::<2>().unwrap().1, &["change_failed", "snapshot_ended"]);
    assert_eq!(made(&holder), 0, "a record of its slice may have been replaced");
    let left = fs::read_dir(holder.home().join("snapshots")).unwrap().count();
    assert_eq!(left, 0, "nor are a key or a filter left");
    holder.run(&build).ok();
    holder.stop();
    revive(&mut holder);
    assert_eq!(made(&holder), 1, "what was made since stays");
}

/// Two nodes with an agreement that know when they may be killed.
struct Scene {
    holder: Agency,
    asker: Agency,
    /// Meters of both as they were last read.
    read: [BTreeMap<String, u64>; 2],
    /// Identifiers asked about so far, each query once.
    asked: u64,
}

impl Scene {
    fn new() -> Self {
        let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK").set("DIAL_TIMEOUT_SECS", "10"));
        holder.agree(&asker);
        holder.import(&records(0..RECORDS, ""));
        holder.serve();
        asker.serve();
        Self { holder, asker, read: Default::default(), asked: 0 }
    }

    /// People of a round, and those of them that the register has.
    fn people(round: u32) -> (String, Vec<String>) {
        let numbers = || {
            (round * 100..).step_by(1).take(PEOPLE as usize).map(|n| if n % 3 == 0 { n } else { n + 50_000 })
        };
        let hits = numbers().filter(|number| *number < RECORDS).map(|number| number.to_string()).collect();
        (people(numbers()), hits)
    }

    /// Meters never fall, and never read more than what was asked.
    fn read_meters(&mut self) {
        for (agency, before) in [&self.holder, &self.asker].into_iter().zip(&mut self.read) {
            let now: BTreeMap<_, _> = agency.meters().into_iter().collect();
            for (meter, spent) in before.iter() {
                assert!(
                    now.get(meter) >= Some(spent),
                    "{}: a meter fell from {before:?} to {now:?}",
                    agency.code
                );
            }
            assert!(
                now.values().all(|spent| *spent <= self.asked),
                "{}: {now:?} over {}",
                agency.code,
                self.asked
            );
            *before = now;
        }
    }

    /// The asker's queries without an answer.
    fn unanswered(&self) -> Vec<String> {
        let mut open = Vec::new();
        for (name, event) in self.asker.events(&format!("events-{}.ndjson", rand::random::<u32>())) {
            match name.as_str() {
                "query" => open.push(event["ask"]["query"].as_str().unwrap().to_owned()),
                "receipt" => {
                    let answered = &event["receipt"]["receipt"]["ask"]["query"];
                    open.retain(|query| *query != *answered);
                }
                _ => {}
            }
        }
        open
    }

    /// Resumes what was interrupted: it is answered, and costs the asker nothing more.
    fn resume(&mut self, hits: &[String]) -> usize {
        let open = self.unanswered();
        for query in &open {
            let before = self.asker.spent();
            assert_eq!(self.asker.run(&["query", "resume", query]).hits(), hits);
            assert_eq!(self.asker.spent(), before, "resuming is free");
            let again = self.asker.run(&["query", "resume", query]);
            assert_eq!(again.exit, Some(2), "there is nothing left to resume: {again:#?}");
        }
        open.len()
    }
}

#[test]
fn snapshots_and_queries_survive_kills_on_either_side() {
    let mut scene = Scene::new();
    let build = ["snapshot", "build", "--for", "MK", "--register", REGISTER, "--purpose", PERMITTED[0]];
    let started = Instant::now();
    scene.holder.run(&build).ok();
    let whole = started.elapsed();
    println!("a snapshot takes {:.2} s", whole.as_secs_f64());
    for _ in 0..BUILDS {
        let running = scene.holder.start(&build);
        random_moment(whole);
        scene.holder.kill();
        let done = running.wait();
        revive(&mut scene.holder);
        let made = scene.holder.run(&["snapshot", "list"]).ok()["made"].as_array().unwrap().clone();
        let ids: BTreeSet<_> = made.iter().map(|made| made["snapshot"].as_str().unwrap()).collect();
        if done.exit == Some(0) {
            assert!(ids.contains(done.json["manifest"]["snapshot"].as_str().unwrap()), "{done:#?} {made:#?}");
        }
        // No key and no filter is left of what was not finished.
        let files = std::fs::read_dir(scene.holder.home().join("snapshots")).unwrap();
        for file in files.map(|file| file.unwrap().path()) {
            let id = file.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
            assert!(ids.contains(id.as_str()), "{} is left over; known are {ids:?}", file.display());
        }
    }

    let (text, hits) = Scene::people(0);
    scene.asked += u64::from(PEOPLE);
    let started = Instant::now();
    assert_eq!(scene.asker.ask(&text, &["RS"]).hits(), hits);
    let whole = started.elapsed();
    println!("a query takes {:.2} s", whole.as_secs_f64());
    scene.read_meters();

    let mut resumed = 0;
    for round in 1..=ASKERS {
        let (text, hits) = Scene::people(round);
        let file = scene.asker.file("people.ndjson", &text);
        scene.asked += u64::from(PEOPLE);
        let running = scene.asker.start(&Agency::exact(&file, PERMITTED, &["RS"]));
        random_moment(whole);
        scene.asker.kill();
        running.wait();
        revive(&mut scene.asker);
        scene.read_meters();
        resumed += scene.resume(&hits);
        scene.read_meters();
    }
    let (mut answered, mut later) = (0, 0);
    for round in 1..=HOLDERS {
        let (text, hits) = Scene::people(ASKERS + round);
        let file = scene.asker.file("people.ndjson", &text);
        scene.asked += u64::from(PEOPLE);
        let running = scene.asker.start(&Agency::exact(&file, PERMITTED, &["RS"]));
        random_moment(whole);
        scene.holder.kill();
        revive(&mut scene.holder);
        let done = running.wait();
        scene.read_meters();
        if done.exit == Some(0) {
            assert_eq!(done.hits(), hits, "round {round}");
            answered += 1;
        } else {
            assert_eq!(done.exit, Some(4), "a clear error: {done:#?}");
            assert_eq!(done.answer()["outcome"]["failure"]["kind"], "partner", "{done:#?}");
            later += scene.resume(&hits);
        }
        scene.read_meters();
    }
    println!(
        "of {ASKERS} askers killed {resumed} had a query to resume; of {HOLDERS} holders killed {answered} answered \
         in the same query and {later} in a resumed one"
    );

    assert!(scene.unanswered().is_empty());
    let found = scene.holder.reconcile(&scene.asker, "end.ndjson");
    assert_eq!(found["discrepancies"], Value::Array(Vec::new()), "{found}");
    // Both charged every query once: what was asked and answered is what the meters read.
    let receipts = found["matched"].as_u64().unwrap();
    for agency in [&scene.holder, &scene.asker] {
        assert_eq!(agency.spent(), receipts * u64::from(PEOPLE), "{}: {:?}", agency.code, agency.meters());
    }
    assert!(receipts >= u64::from(1 + HOLDERS), "{found}");
}
