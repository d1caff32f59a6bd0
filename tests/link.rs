//! Two hosts, each in a network namespace of its own, and the cable between them pulled in the middle of things.
//! Needs root and iproute2; elsewhere the tests say so and end.
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
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use support::{Agency, PERMITTED, people, records};

const RECORDS: u32 = 60_000;

/// Two namespaces and the cable between them; gone when dropped.
struct Cable {
    spaces: [String; 2],
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("`ip {arguments}`: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

impl Cable {
    /// Lays the cable, slowed down to `rate` if the system can do that.
    fn lay(name: &str, rate: &str) -> Result<Self, String> {
        let spaces = ["a", "b"].map(|end| format!("symbolon-{}-{name}-{end}", std::process::id()));
        ip(&format!("netns add {}", spaces[0]))?;
        // From here on the drop cleans up.
        let cable = Self { spaces };
        let [a, b] = &cable.spaces;
        ip(&format!("netns add {b}"))?;
        ip(&format!("link add eth0 netns {a} type veth peer name eth0 netns {b}"))?;
        for (space, address) in [(a, Self::HOSTS[0]), (b, Self::HOSTS[1])] {
            ip(&format!("-n {space} addr add {address}/24 dev eth0"))?;
            ip(&format!("-n {space} link set lo up"))?;
            ip(&format!("-n {space} link set eth0 up"))?;
            let slow = format!(
                "netns exec {space} tc qdisc add dev eth0 root tbf rate {rate} burst 32kbit latency 400ms"
            );
            if let Err(error) = ip(&slow) {
                println!("the cable is as fast as the machine: {error}");
            }
        }
        Ok(cable)
    }

    const HOSTS: [&str; 2] = ["10.213.7.1", "10.213.7.2"];

    fn pull(&self) {
        ip(&format!("-n {} link set eth0 down", self.spaces[0])).unwrap();
    }

    fn plug(&self) {
        ip(&format!("-n {} link set eth0 up", self.spaces[0])).unwrap();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for space in &self.spaces {
            let _ = ip(&format!("netns del {space}"));
        }
    }
}

/// A holder and an asker at the two ends. The cable is last, so that it goes after the nodes.
struct Scene {
    holder: Agency,
    asker: Agency,
    cable: Cable,
}

impl Scene {
    /// Nothing, and a printed reason, where there can be no namespaces.
    fn set(name: &str, rate: &str) -> Option<Self> {
        let cable = match Cable::lay(name, rate) {
            Ok(cable) => cable,
            Err(reason) => {
                println!("skipped: {reason}");
                return None;
            }
        };
        let agency = |code, end: usize| {
            let address = format!("/ip4/{}/tcp/4711", Cable::HOSTS[end]);
            let agency = Agency::at(code, address, Some(cable.spaces[end].clone()));
            agency.set("SESSION_TIMEOUT_SECS", "6").set("DIAL_TIMEOUT_SECS", "4")
        };
        let (mut holder, mut asker) = (agency("RS", 0), agency("MK", 1));
        holder.agree(&asker);
        holder.import(&records(0..RECORDS, ""));
        holder.serve();
        asker.serve();
        Some(Self { holder, asker, cable })
    }

    /// Asks, pulls the cable after `after`, plugs it again after `down`, and gives how the query ended: whether it
    /// was answered. It must have ended well or with an error that blames the connection.
    fn interrupted(&self, number: u32, after: Duration, down: Duration) -> bool {
        let file =
            self.asker.file("people.ndjson", &people((0..200).map(|n| n * 2 + number + RECORDS - 200)));
        let expected: Vec<String> = (0..200)
            .map(|n| n * 2 + number + RECORDS - 200)
            .filter(|n| *n < RECORDS)
            .map(|n| n.to_string())
            .collect();
        let started = Instant::now();
        let running = self.asker.start(&Agency::exact(&file, PERMITTED, &["RS"]));
        thread::sleep(after);
        self.cable.pull();
        thread::sleep(down);
        self.cable.plug();
        let done = running.wait();
        println!(
            "pulled after {:.1} s for {:.1} s: exit code {:?} after {:.1} s",
            after.as_secs_f64(),
            down.as_secs_f64(),
            done.exit,
            started.elapsed().as_secs_f64()
        );
        if done.exit == Some(0) {
            assert_eq!(done.hits(), expected);
            return true;
        }
        assert_eq!(done.exit, Some(4), "{done:#?}");
        assert_eq!(done.answer()["outcome"]["failure"]["kind"], "partner", "{done:#?}");
        // The query goes on where it was, or a new one is asked if it had not begun.
        if let Some(query) = done.answer()["query"].as_str() {
            let spent = self.asker.spent();
            assert_eq!(self.asker.run(&["query", "resume", query]).hits(), expected);
            assert_eq!(self.asker.spent(), spent, "resuming is free");
        } else {
            assert_eq!(self.asker.run(&Agency::exact(&file, PERMITTED, &["RS"])).hits(), expected);
        }
        false
    }

    /// Both journals stand and agree, and nothing is left open when the two have met once more: a signature may have been
    /// lost on the way.
    fn end(&self) {
        let file = self.asker.file("people.ndjson", &people(0..1));
        self.asker.run(&Agency::exact(&file, PERMITTED, &["RS"])).hits();
        let found = self.holder.reconcile(&self.asker, "end.ndjson");
        assert_eq!(found["discrepancies"], Value::Array(Vec::new()), "{found}");
    }
}

/// One test, because the addresses are the same in every pair of namespaces and the work would share the cores.
#[test]
fn a_cable_that_is_pulled_costs_time_and_nothing_else() {
    // A megabit: the snapshot takes some seconds, a query some tenths of one.
    let Some(scene) = Scene::set("cable", "1mbit") else { return };
    let seconds = Duration::from_secs_f64;
    // While the snapshot is built; TCP bridges three seconds.
    scene.interrupted(0, seconds(0.3), seconds(3.0));
    // While a new one crosses, for longer than anybody waits.
    let build =
        ["snapshot", "build", "--for", "MK", "--register", support::REGISTER, "--purpose", PERMITTED[0]];
    scene.holder.run(&build).ok();
    let answered = scene.interrupted(1, seconds(1.5), seconds(14.0));
    assert!(!answered, "nobody waits for ever");
    // In the query itself, short and long.
    for (number, after) in [(2, 0.02), (3, 0.1), (4, 0.2), (5, 0.4)] {
        scene.interrupted(number, seconds(after), seconds(2.0));
    }
    scene.interrupted(6, seconds(0.15), seconds(20.0));
    scene.end();
}
