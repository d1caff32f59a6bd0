//! A process that is killed in the middle of an import loses nothing that was acknowledged and leaves
//! nothing half written.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use super::*;

const HOME: &str = "SYMBOLON_TEST_CRASH_HOME";
const BATCH: u64 = 400;

/// Not a test of its own: the process that is killed. It acknowledges each import on standard output.
#[test]
#[ignore = "run by `a_killed_import_loses_nothing_acknowledged`"]
fn imports_until_killed() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let registers = Registers::open(Path::new(&home), &key()).unwrap();
    registers.create(&name()).unwrap();
    for batch in 0.. {
        import(&registers, lines(batch * BATCH..(batch + 1) * BATCH));
        let mut out = io::stdout().lock();
        writeln!(out, "\nimported {batch}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_import_loses_nothing_acknowledged() {
    for acknowledged in [1, 4] {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["register::tests::crash::imports_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(HOME, home.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = format!("imported {acknowledged}");
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.any(|said| said.unwrap() == wanted));
        child.kill().unwrap();
        child.wait().unwrap();

        let registers = Registers::open(home.path(), &key()).unwrap();
        let contents = contents(&registers);
        for n in 0..(acknowledged + 1) * BATCH {
            assert!(contents.contains_key(&format!("RS-{n}")), "{n}");
        }
        // What was under way is taken up by running it again.
        assert_eq!(import(&registers, lines(0..(acknowledged + 3) * BATCH)).0.rejected, 0);
        assert!(self::contents(&registers).len() as u64 >= (acknowledged + 3) * BATCH);
    }
}
