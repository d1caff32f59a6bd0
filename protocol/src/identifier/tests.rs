use super::*;
#[test]
fn probe() {
    for line in std::fs::read_to_string("/tmp/names.txt").unwrap().lines() {
        let (f, g) = line.split_once(", ").unwrap();
        let k = name::parts(f).and_then(|f| name::key(f, name::parts(g)?));
        println!("{line} => {}", k.map_or_else(|e| format!("{e:?}"), |k| k.to_string()));
    }
}
