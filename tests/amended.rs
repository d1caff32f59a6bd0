//! Agreements that are amended, between two real nodes: what holds until the moment and what from then on, what is
//! carried over, who can still stop it, and proofs that an agreement lists.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::{fs, thread, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use support::{Agency, Done, PERMITTED, people, records, scene, text_of};

/// A purpose that the ready rules permit and the amendments here do not.
const NARROWED: [&str; 2] = ["ASYLUM_PRIOR", "READMISSION"];
const FORBID: &str = "\n@id(\"no-asylum\")\n@title(\"Nothing is asked about asylum\")\n\
    forbid(principal, action == Action::\"QueryExact\", resource) when { context.purpose == Purpose::\"ASYLUM_PRIOR\" };\n";

fn pair() -> (Agency, Agency) {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK").set("DIAL_TIMEOUT_SECS", "3"));
    holder.agree(&asker);
    holder.import(&records(0..20, ""));
    asker.import(&records(0..20, ""));
    holder.serve();
    asker.serve();
    (holder, asker)
}

/// The agreement of this state.
#[track_caller]
fn agreement(agency: &Agency, state: &str) -> String {
    let list = agency.run(&["agreement", "list"]).ok();
    let found = list["agreements"].as_array().unwrap().iter().filter(|line| line["state"] == state);
    let found: Vec<_> = found.map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found.len(), 1, "one {state}: {list}");
    found[0].clone()
}

/// Drafts an amendment that takes effect in so many seconds; gives the draft and the moment.
#[track_caller]
fn draft(agency: &Agency, name: &str, seconds: i64, more: &str) -> (String, Timestamp) {
    let moment = Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap();
    let rules = text_of(&agency.path(&format!("{name}.cedar")));
    agency.run(&["rules", "library", "--agreement", "pcc-see", "--out", &rules]).ok();
    fs::write(&rules, fs::read_to_string(&rules).unwrap() + more).unwrap();
    let draft = text_of(&agency.path(&format!("{name}.toml")));
    let (id, from) = (agreement(agency, "in_force"), moment.to_string());
    agency.run(&["agreement", "amend", &id, "--rules", &rules, "--from", &from, "--out", &draft]).ok();
    (draft, moment)
}

/// Both sign; gives the file.
#[track_caller]
fn signed([one, other]: [&Agency; 2], draft: &str) -> String {
    let (half, whole) = (draft.replace(".toml", ".half.json"), draft.replace(".toml", ".json"));
    one.run(&["agreement", "sign", draft, "--out", &half]).ok();
    other.run(&["agreement", "sign", &half, "--out", &whole]).ok();
    whole
}

fn wait_until(moment: Timestamp) {
    let left = moment.as_millisecond() - Timestamp::now().as_millisecond() + 1_100;
    thread::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0)));
}

fn ask(asker: &Agency, number: u32, purpose: [&str; 2], holder: &str) -> Done {
    let file = asker.file("one.ndjson", &people([number]));
    asker.run(&Agency::exact(&file, purpose, &[holder]))
}

#[track_caller]
fn refused(done: &Done, code: &str) {
    let outcome = &done.answer()["outcome"];
    assert_eq!((&outcome["outcome"], &outcome["code"]), (&json!("refused"), &json!(code)), "{done:#?}");
}

fn count(agency: &Agency, event: &str) -> usize {
    agency.events("events.ndjson").iter().filter(|(name, _)| name == event).count()
}

#[test]
fn an_amendment_takes_effect_at_its_moment_and_what_was_spent_stays_spent() {
    let (mut holder, asker) = pair();
    let old = agreement(&holder, "in_force");
    assert_eq!(asker.ask(&people([1, 2, 30]), &["RS"]).hits(), ["1", "2"]);

    let (file, moment) = draft(&holder, "stricter", 18, FORBID);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("limit = 10000"), "{text}");
    fs::write(&file, text.replace("limit = 10000", "limit = 5")).unwrap();
    let changes = asker.run(&["agreement", "changes", &file]).ok();
    assert_eq!(changes["amends"], old);
    assert_eq!(changes["rules"]["added"][0]["id"], "no-asylum");
    assert_eq!(changes["rules"]["queries"]["widened"], 0, "{changes}");
    assert!(changes["rules"]["queries"]["narrowed"].as_u64().unwrap() > 0);
    assert!(changes["rules"]["queries"]["regions"][0]["example"].is_array(), "with an example: {changes}");
    assert_eq!(changes["terms"], json!([]));
    let quota = changes["quotas"][0].as_str().unwrap();
    assert!(quota.contains("5 identifiers in 3,660 days") && quota.contains("before: "), "{changes}");
    assert!(quota.contains("10,000 identifiers in 3,660 days; register any, purpose any"), "{changes}");

    let whole = signed([&holder, &asker], &file);
    for agency in [&holder, &asker] {
        assert_eq!(agency.run(&["agreement", "accept", &whole]).ok()["state"], "pending");
    }
    let new = agreement(&holder, "pending");
    // One amendment at a time.
    let (other, _) = draft(&asker, "other", 60, "");
    let twice = asker.run(&["agreement", "sign", &other]);
    assert_eq!(twice.exit, Some(2), "{twice:#?}");
    assert!(twice.json["failed"]["what"].as_str().unwrap().contains(&new), "{twice:#?}");

    // Until the moment the earlier agreement holds.
    let before = ask(&asker, 3, NARROWED, "RS");
    assert_eq!(before.hits(), ["3"]);
    assert_eq!(before.answer()["receipt"]["receipt"]["ask"]["agreement"], old);
    assert!(Timestamp::now() < moment, "the machine is too slow for this test");
    wait_until(moment);

    refused(&ask(&asker, 4, NARROWED, "RS"), "rules_forbid");
    let after = ask(&asker, 4, PERMITTED, "RS");
    assert_eq!(after.hits(), ["4"]);
    assert_eq!(after.answer()["receipt"]["receipt"]["ask"]["agreement"], new);
    // Four were asked under the earlier terms, one under these: five of five.
    refused(&ask(&asker, 5, PERMITTED, "RS"), "quota_exceeded");
    for agency in [&holder, &asker] {
        assert_eq!((agreement(agency, "amended"), agreement(agency, "in_force")), (old.clone(), new.clone()));
    }
    holder.stop();
    holder.serve();
    refused(&ask(&asker, 5, PERMITTED, "RS"), "quota_exceeded");
    // Snapshots of before are gone, whatever their epoch was.
    let made = holder.run(&["snapshot", "list"]).ok()["made"].clone();
    let made = made.as_array().unwrap();
    assert!(!made.is_empty() && made.iter().all(|snapshot| snapshot["agreement"] == new), "{made:?}");
    asker.run(&["peer", "ping", "RS"]).ok();
    for agency in [&holder, &asker] {
        assert_eq!(count(agency, "agreement_accepted"), 2);
        let events = agency.events("events.ndjson");
        let amended: Vec<_> = events.iter().filter(|(name, _)| name == "agreement_amended").collect();
        assert!(
            amended.len() <= 1 && amended.iter().all(|(_, event)| event["amended"] == old),
            "{amended:?}"
        );
    }
    assert_eq!(count(&holder, "agreement_amended"), 1);
    let found = holder.reconcile(&asker, "end.ndjson");
    assert_eq!(found["discrepancies"], Value::Array(Vec::new()), "{found}");
}

#[test]
fn nobody_runs_on_other_rules_than_the_partner_and_either_can_stop_an_amendment() {
    let (holder, asker) = pair();
    let (file, moment) = draft(&holder, "one", 10, FORBID);
    let whole = signed([&holder, &asker], &file);
    holder.run(&["agreement", "accept", &whole]).ok();
    wait_until(moment);
    // The holder goes by the amendment, the asker does not know that it does.
    refused(&ask(&asker, 1, PERMITTED, "RS"), "amended");
    refused(&ask(&holder, 1, PERMITTED, "MK"), "no_agreement");
    assert_eq!(asker.spent() + holder.spent(), 0, "nothing was answered");
    // Accepted late, it takes effect at once.
    assert_eq!(asker.run(&["agreement", "accept", &whole]).ok()["state"], "in_force");
    assert_eq!(ask(&asker, 1, PERMITTED, "RS").hits(), ["1"]);
    assert_eq!(ask(&holder, 1, PERMITTED, "MK").hits(), ["1"]);

    // The next is stopped by the party that did not draft it, and the present one goes on.
    let (file, moment) = draft(&holder, "two", 12, "");
    let whole = signed([&holder, &asker], &file);
    for agency in [&holder, &asker] {
        assert_eq!(agency.run(&["agreement", "accept", &whole]).ok()["state"], "pending");
    }
    let stopped = agreement(&asker, "pending");
    asker.run(&["agreement", "revoke", &stopped, "--reason", "not agreed after all"]).ok();
    assert!(Timestamp::now() < moment, "the machine is too slow for this test");
    assert_eq!(agreement(&holder, "revoked"), stopped, "the partner was told");
    wait_until(moment);
    assert_eq!(ask(&asker, 2, PERMITTED, "RS").hits(), ["2"]);
    assert_eq!(count(&holder, "agreement_revoked"), 1);
    // One that took effect is not undone by revoking it: then nothing holds.
    let present = agreement(&holder, "in_force");
    let revoked = holder.run(&["agreement", "revoke", &present, "--reason", "it is over"]).ok();
    assert_eq!((&revoked["id"], &revoked["partner"]), (&json!(present), &json!("MK")));
    let amend = holder.run(&["agreement", "amend", &present]);
    assert_eq!(amend.exit, Some(2), "{amend:#?}");
    assert!(amend.json["failed"]["what"].as_str().unwrap().contains("revoked"), "{amend:#?}");
    let ended = ask(&asker, 3, PERMITTED, "RS");
    assert_eq!(ended.exit, Some(2), "{ended:#?}");
    holder.reconcile(&asker, "end.ndjson");
}

#[test]
fn a_hit_of_before_is_claimed_under_the_earlier_rules_and_those_in_their_place() {
    const NO_PLACE: &str = "\n@id(\"no-place\")\n@title(\"No place is released\")\n\
        forbid(principal, action == Action::\"Release\", resource) when { context.field == Field::\"PLACE\" };\n\
        @id(\"other-at-once\")\n@title(\"Other fields are released at once\")\n\
        permit(principal, action == Action::\"Release\", resource) when { context.field == Field::\"OTHER\" };\n";
    let mut scene = scene();
    let (query, hits) = scene.query(PERMITTED, &[1, 4, 5]);
    assert_eq!(hits, ["1", "4", "5"]);
    for person in [1, 4, 5] {
        scene.verify(&query, person, "--same", &scene.bojan).ok();
    }
    let fields = ["CATEGORY", "PLACE", "OTHER"];
    let claim = |person| {
        let line = scene.claim(&query, person, &fields, &scene.ana).ok();
        let stands = line["outcome"]["found"][0]["fields"].clone();
        (line["claim"]["claim"].as_str().unwrap().to_owned(), stands)
    };
    let released = |claim: &str| -> Vec<String> {
        let line = scene.collect(claim);
        let releases = line["releases"].as_array().unwrap().len();
        let opened = (0..releases).map(|number| scene.open(&line, number, &scene.ana).ok());
        let records: Vec<Value> =
            opened.flat_map(|opened| opened["records"].as_array().unwrap().clone()).collect();
        records.iter().flat_map(|record| record["fields"].as_object().unwrap().keys().cloned()).collect()
    };
    let (needs, none) = (json!({ "needs": 1 }), json!("refused"));
    let before = json!([["CATEGORY", needs], ["PLACE", needs], ["OTHER", none]]);

    // One is claimed and released before, one claimed before and decided after, one claimed after.
    let (first, stands) = claim(1);
    assert_eq!(stands, before);
    scene.case(&["approve"], &first, &scene.dana).ok();
    assert_eq!(released(&first), ["CATEGORY", "PLACE"]);
    let (second, stands) = claim(4);
    assert_eq!(stands, before);

    let (file, moment) = draft(&scene.holder, "no-place", 20, NO_PLACE);
    let whole = signed([&scene.holder, &scene.asker], &file);
    for agency in [&scene.holder, &scene.asker] {
        assert_eq!(agency.run(&["agreement", "accept", &whole]).ok()["state"], "pending");
    }
    wait_until(moment);

    // What the earlier rules permitted and those of now do not is not released; nor the other way round. It is told before.
    let shown = scene.holder.run(&["case", "show", &second]).ok();
    assert_eq!(shown["changes"][0][1], "the rules refuse now, and keep back: PLACE", "{shown}");
    scene.case(&["approve"], &second, &scene.dana).ok();
    assert_eq!(released(&second), ["CATEGORY"]);
    let (third, stands) = claim(5);
    assert_eq!(stands, json!([["CATEGORY", needs], ["PLACE", none], ["OTHER", none]]));
    let shown = scene.holder.run(&["case", "show", &third]).ok();
    let decided = shown["case"]["found"][0]["fields"].as_array().unwrap();
    assert_eq!(decided[1]["clauses"], json!(["no-place"]), "the case says by what: {shown}");
    scene.case(&["approve"], &third, &scene.edin).ok();
    assert_eq!(released(&third), ["CATEGORY"]);
    // A query of now goes by the rules of now alone.
    let (query, _) = scene.query(PERMITTED, &[6]);
    scene.verify(&query, 6, "--same", &scene.bojan).ok();
    let line = scene.claim(&query, 6, &fields, &scene.ana).ok();
    let stands = &line["outcome"]["found"][0]["fields"];
    assert_eq!(stands, &json!([["CATEGORY", needs], ["PLACE", none], ["OTHER", { "needs": 0 }]]));

    let found = scene.holder.reconcile(&scene.asker, "end.ndjson");
    assert_eq!(found["discrepancies"], json!([]), "{found}");
    scene.holder.stop();
    scene.asker.stop();
}

#[test]
fn an_amendment_carries_the_proof_that_it_permits_no_more_and_the_other_side_proves_it_again() {
    let (mut holder, mut asker) = pair();
    let path = |name: &str| text_of(&holder.path(name));
    let shown = holder.run(&["agreement", "show", &agreement(&holder, "in_force")]).ok();
    let old = holder.file("old.cedar", shown["agreement"]["terms"]["rules"].as_str().unwrap());
    let (narrower, _) = draft(&holder, "narrower", 30, FORBID);
    let changes = holder.run(&["agreement", "changes", &narrower, "--prove"]);
    if changes.exit == Some(1) {
        let what = changes.json["failed"]["what"].as_str().unwrap();
        assert!(what.contains("no solver"), "{changes:#?}");
        eprintln!("no cvc5 here: nothing about proofs between two nodes was tested");
        return;
    }
    let proof = &changes.ok()["proof"]["proof"];
    assert_eq!(
        (&proof["verdict"], proof["findings"].as_array().unwrap().len()),
        (&json!("proved"), 5),
        "{proof}"
    );

    // The proof is a file that goes with the amendment.
    let no_more = |rules: &str, out: &str| {
        let words = ["rules", "prove", &old, "--claim", "no-more", "--proposal", rules, "--out", out];
        holder.run(&words)
    };
    let proof = path("no-more.json");
    assert_eq!(no_more(&path("narrower.cedar"), &proof).exit, Some(0));
    let (id, from) =
        (agreement(&holder, "in_force"), (Timestamp::now() + Duration::from_secs(15)).to_string());
    let amend = |rules: &str, proof: &str, out: &str| {
        let words =
            ["agreement", "amend", &id, "--rules", rules, "--from", &from, "--proof", proof, "--out", out];
        holder.run(&words).ok();
    };
    let draft = path("proved.toml");
    amend(&path("narrower.cedar"), &proof, &draft);
    let (half, whole) = (path("proved.half.json"), path("proved.json"));
    holder.run(&["agreement", "sign", &draft, "--proof", &proof, "--out", &half]).ok();
    // Who signs second wants to see it, and proves it anew.
    assert_eq!(asker.run(&["agreement", "sign", &half, "--out", &whole]).exit, Some(2));
    let read = asker.run(&["agreement", "show", &half, "--proof", &proof]);
    assert_eq!(read.exit, Some(0), "{read:#?}");
    asker.run(&["agreement", "sign", &half, "--proof", &proof, "--out", &whole]).ok();

    // Rules that permit more: the proof comes out refuted, and one that was made to say otherwise is found out.
    let wider =
        fs::read_to_string(&old).unwrap().replace("context.batchSize <= 20", "context.batchSize <= 21");
    let wider = holder.file("wider.cedar", &wider);
    let lie = path("lie.json");
    let refuted = no_more(&wider, &lie);
    assert_eq!(
        (refuted.exit, &refuted.json["proof"]["verdict"]),
        (Some(3), &json!("refuted")),
        "{refuted:#?}"
    );
    // It says so, and already the draft does not take it.
    let unproved = path("unproved.toml");
    let words =
        ["agreement", "amend", &id, "--rules", &wider, "--from", &from, "--proof", &lie, "--out", &unproved];
    let done = holder.run(&words);
    assert_eq!(done.exit, Some(5), "{done:#?}");
    assert!(!holder.path("unproved.toml").exists());
    let unproved = path("unproved.toml");
    holder.run(&["agreement", "amend", &id, "--rules", &wider, "--from", &from, "--out", &unproved]).ok();
    assert_eq!(holder.run(&["agreement", "changes", &unproved, "--prove"]).exit, Some(3));
    let mut text: Value = serde_json::from_str(&fs::read_to_string(&lie).unwrap()).unwrap();
    text["proof"]["verdict"] = "proved".into();
    for finding in text["proof"]["findings"].as_array_mut().unwrap() {
        finding["verdict"] = "proved".into();
        finding["case"] = Value::Null;
    }
    fs::write(&lie, text.to_string()).unwrap();
    let false_draft = path("lie.toml");
    amend(&wider, &lie, &false_draft);
    for agency in [&holder, &asker] {
        let out = text_of(&agency.path("lie.half.json"));
        let done = agency.run(&["agreement", "sign", &false_draft, "--proof", &lie, "--out", &out]);
        assert_eq!(done.exit, Some(5), "{done:#?}");
        assert!(done.json["failed"]["what"].as_str().unwrap().contains("made again"), "{done:#?}");
    }
    // The true one is no proof for the wider rules: neither drafted so, nor signed if somebody wrote it into a draft.
    let foreign = path("foreign.toml");
    let words =
        ["agreement", "amend", &id, "--rules", &wider, "--from", &from, "--proof", &proof, "--out", &foreign];
    assert_eq!(holder.run(&words).exit, Some(5));
    let listed = |draft: &str| {
        let text = fs::read_to_string(draft).unwrap();
        let line = text.lines().find(|line| line.starts_with("proofs = ")).unwrap().to_owned();
        (text, line)
    };
    let ((text, lied), (_, proved)) = (listed(&false_draft), listed(&draft));
    fs::write(&foreign, text.replace(&lied, &proved)).unwrap();
    let done = asker.run(&["agreement", "sign", &foreign, "--proof", &proof, "--out", &path("foreign.half")]);
    assert_eq!(done.exit, Some(5), "{done:#?}");

    // Both accept with the proof, and not without; then it holds.
    for agency in [&holder, &asker] {
        assert_eq!(agency.run(&["agreement", "accept", &whole]).exit, Some(2));
        let accepted = agency.run(&["agreement", "accept", &whole, "--proof", &proof]).ok();
        assert!(["pending", "in_force"].contains(&accepted["state"].as_str().unwrap()), "{accepted}");
    }
    wait_until(from.parse().unwrap());
    refused(&ask(&asker, 4, NARROWED, "RS"), "rules_forbid");
    assert_eq!(ask(&asker, 4, PERMITTED, "RS").hits(), ["4"]);
    holder.stop();
    asker.stop();
}

/// A certificate of a proof about the rules in a file, or nothing if there is no solver here.
fn prove(agency: &Agency, rules: &str, name: &str, claim: &[&str]) -> Option<String> {
    let out = text_of(&agency.path(name));
    let done = agency.run(&[&["rules", "prove", rules, "--out", &out], claim].concat());
    if done.exit == Some(1) {
        assert!(done.json["failed"]["what"].as_str().unwrap().contains("no solver"), "{done:#?}");
        eprintln!("no cvc5 here: nothing about certificates was tested");
        return None;
    }
    Some(out)
}

#[test]
fn proofs_are_listed_checked_and_refused_when_they_are_false_or_about_something_else() {
    let (one, other) = (Agency::new("RS"), Agency::new("MK"));
    let path = |name: &str| text_of(&one.path(name));
    let (card, rules, draft) = (path("card.json"), path("shared.cedar"), path("draft.toml"));
    other.run(&["identity", "--out", &card]).ok();
    one.run(&["rules", "library", "--agreement", "pcc-see", "--out", &rules]).ok();
    let never = ["--claim", "never-purpose", "--purpose", "SIMULATION"];
    let Some(proof) = prove(&one, &rules, "proof.json", &never) else { return };

    let drafted = |proof: &str, out: &str| {
        let words =
            ["agreement", "draft", "--with", &card, "--rules", &rules, "--proof", proof, "--out", out];
        one.run(&words)
    };
    drafted(&proof, &draft).ok();
    // Each listed certificate must be seen by whoever signs and accepts.
    let sign = |agency: &Agency, file: &str, proofs: &[&str], out: &str| {
        let proofs = proofs.iter().flat_map(|proof| ["--proof", *proof]);
        agency.run(&["agreement", "sign", file, "--out", out].into_iter().chain(proofs).collect::<Vec<_>>())
    };
    let (half, whole) = (path("half.json"), path("whole.json"));
    assert_eq!(sign(&one, &draft, &[], &half).exit, Some(2), "forgotten, not forged");
    sign(&one, &draft, &[&proof], &half).ok();
    sign(&other, &half, &[&proof], &whole).ok();
    assert_eq!(other.run(&["agreement", "accept", &whole]).exit, Some(2));
    assert_eq!(other.run(&["agreement", "accept", &whole, "--proof", &proof]).ok()["state"], "in_force");
    let shown = one.run(&["agreement", "show", &whole, "--proof", &proof]).ok();
    assert_eq!(shown["agreement"]["terms"]["proofs"].as_array().unwrap().len(), 1);

    // What does not stand is refused when it is drafted, as far as that can be seen without a solver, else when it is signed.
    let why = |proof: &str, name: &str| {
        let out = path(name);
        let done = drafted(proof, &out);
        let done = if done.exit == Some(0) { sign(&one, &out, &[proof], &path("never.json")) } else { done };
        assert_eq!(done.exit, Some(5), "{done:#?}");
        done.json["failed"]["what"].as_str().unwrap().to_owned()
    };
    // About other rules.
    let others = one.file("others.cedar", &(fs::read_to_string(&rules).unwrap() + FORBID));
    let foreign = prove(&one, &others, "foreign.json", &never).unwrap();
    let told = why(&foreign, "foreign.toml");
    assert!(told.contains("is about other rules"), "{told}");
    // Whoever writes it into a draft by hand is not believed either.
    let digests = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_hexdigit());
        words.filter(|word| word.len() == 64).map(str::to_owned).collect()
    };
    let text = fs::read_to_string(&draft).unwrap();
    let listed = text.split_once("proofs = ").unwrap().1;
    let swapped = text.replace(&digests(listed)[0], &digests(&told)[0]);
    assert_ne!(swapped, text);
    let done = sign(&one, &one.file("swapped.toml", &swapped), &[&foreign], &path("never.json"));
    assert_eq!(done.exit, Some(5), "{done:#?}");
    assert!(done.json["failed"]["what"].as_str().unwrap().contains("is about other rules"), "{done:#?}");

    // Said to be proved, and is not: minors are found for some purposes.
    let refuted = prove(&one, &rules, "refuted.json", &["--claim", "never-minors"]).unwrap();
    let mut lie: Value = serde_json::from_str(&fs::read_to_string(&refuted).unwrap()).unwrap();
    assert_eq!(lie["proof"]["verdict"], "refuted");
    lie["proof"]["verdict"] = "proved".into();
    for finding in lie["proof"]["findings"].as_array_mut().unwrap() {
        finding["verdict"] = "proved".into();
        finding["case"] = Value::Null;
    }
    let lie = one.file("lie.json", &lie.to_string());
    let told = why(&lie, "lie.toml");
    assert!(told.contains("made again"), "{told}");
    // Honest about being refuted, it is no proof either.
    let told = why(&refuted, "refuted.toml");
    assert!(told.contains("proved"), "{told}");
}
