use super::*;
use crate::control::api::FailureKind;

fn load(file: &str, environment: &[(&str, &str)], flags: &Flags) -> Result<Config, Failure> {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(Config::FILE), file).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let loaded = Config::load(home.path(), None, environment, flags);
    loaded.map_err(|failure| Failure {
        what: failure.what.replace(&home.path().display().to_string(), "HOME"),
        ..failure
    })
}

fn refused(file: &str, environment: &[(&str, &str)], flags: &Flags) -> String {
    let failure = load(file, environment, flags).unwrap_err();
    assert_eq!((failure.kind, failure.help.as_deref()), (FailureKind::Input, Some(sources::HELP)));
    failure.what
}

#[test]
fn without_any_source_the_defaults_hold() {
    let home = tempfile::tempdir().unwrap();
    let config = Config::load(home.path(), None, [], &Flags::default()).unwrap();
    assert_eq!(config, Config::default());
    let missing = home.path().join("other.toml");
    let failure = Config::load(home.path(), Some(&missing), [], &Flags::default()).unwrap_err();
    assert!(failure.what.contains("other.toml"));
}

#[test]
fn later_sources_win() {
    let file = "log = 'warn'\nexchanges = 4\nlisten = ['/ip4/127.0.0.1/tcp/1']\n\
                [partners]\nMK = ['/dns4/mk.example/tcp/4711']";
    let environment = [
        ("SYMBOLON_EXCHANGES", "5"),
        ("SYMBOLON_LISTEN", "[/ip4/127.0.0.1/tcp/2, /ip6/::1/tcp/2]"),
        ("SYMBOLON_PARTNERS__AL", "/dns4/al.example/tcp/4711"),
        ("SYMBOLON_ALERTS__REPEATS", "4"),
        ("SYMBOLON_PREPARED__MOST_BYTES", "1000"),
        ("SYMBOLON_HOME", "/elsewhere"),
        ("OTHER", "1"),
    ];
    let flags = Flags { listen: vec!["/ip4/127.0.0.1/tcp/3".to_owned()], ..Flags::default() };
    let config = load(file, &environment, &flags).unwrap();
    assert_eq!((config.log.as_str(), config.exchanges), ("warn", 5));
    assert_eq!(config.listen, flags.listen);
    assert_eq!((config.alerts.repeats, config.prepared.most_bytes, config.prepared.keep), (4, 1_000, 0));
    let partners: Vec<_> = config.partners.iter().map(|(code, list)| (code.as_str(), list.len())).collect();
    assert_eq!(partners, [("AL", 1), ("MK", 1)]);
    assert_eq!(load(file, &environment, &Flags::default()).unwrap().listen.len(), 2);
}

#[test]
fn a_faulty_setting_is_traced_to_its_place() {
    let none = Flags::default();
    for (file, says) in [
        ("exchanges = 'many'", "`exchanges` in HOME/config.toml: invalid type: found string \"many\""),
        ("exchanges = 0", "`exchanges` in HOME/config.toml: must be from 1"),
        (
            "session_limit_secs = 0",
            "`session_limit_secs` in HOME/config.toml: must be from 1 to 86400 seconds",
        ),
        (
            "query_retention_days = 0",
            "`query_retention_days` in HOME/config.toml: must be from 1 to 3660 days",
        ),
        ("exchange = 3", "`exchange` in HOME/config.toml: there is no such setting; there are: listen,"),
        ("metrics = '0.0.0.0:9'", "`metrics` in HOME/config.toml: must be a loopback address"),
        ("log = '=='", "`log` in HOME/config.toml: is not a log filter"),
        ("announce = ['here']", "`announce` in HOME/config.toml: `here` is not a multiaddress"),
        ("[partners]\nMK = ['there']", "`partners.MK` in HOME/config.toml: `there`"),
        ("[prepared]\nkeep = 101", "`prepared.keep` in HOME/config.toml: must be from 0 to 100"),
        ("[prepared]\na_partner = 0", "`prepared.a_partner` in HOME/config.toml: must be from 1 to 100"),
        ("[partners]\nmk = []", "in HOME/config.toml: an agency code must be"),
        ("listen = [", "HOME/config.toml: TOML parse error at line 1"),
    ] {
        let what = refused(file, &[], &none);
        assert!(what.contains(says), "{file}: {what}");
    }
    for (variable, says) in [
        (("SYMBOLON_QUIC", "maybe"), "`quic`, set by the environment variable SYMBOLON_QUIC: invalid type"),
        (("SYMBOLON_QUICK", "true"), "SYMBOLON_QUICK: there is no such setting"),
        (("SYMBOLON_METRICS", "192.0.2.1:80"), "SYMBOLON_METRICS: must be a loopback address"),
        (("SYMBOLON_PREPARED__KEEP", "101"), "SYMBOLON_PREPARED__KEEP: must be from 0 to 100"),
        (("SYMBOLON_PARTNERS__MK", "[x]"), "SYMBOLON_PARTNERS__MK: `x` is not a multiaddress"),
    ] {
        let what = refused("quic = true\nmetrics = '127.0.0.1:1'", &[variable], &none);
        assert!(what.contains(says), "{variable:?}: {what}");
    }
    let flags = Flags { metrics: Some("9100".to_owned()), ..Flags::default() };
    let what = refused("", &[], &flags);
    assert!(what.starts_with("`metrics`, set by the flag --metrics: invalid socket address"), "{what}");
}

#[test]
fn paths_in_the_file_are_relative_to_it() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("here.toml");
    std::fs::write(&file, "capture = 'frames'\npassphrase_file = '/run/secret'").unwrap();
    let config = Config::load(home.path(), Some(&file), [], &Flags::default()).unwrap();
    assert_eq!(config.capture, Some(home.path().join("frames")));
    assert_eq!(config.passphrase_file, Some(PathBuf::from("/run/secret")));
    let flags = Flags { capture: Some("frames".into()), ..Flags::default() };
    let config = Config::load(home.path(), Some(&file), [], &flags).unwrap();
    assert_eq!(config.capture, Some(PathBuf::from("frames")));
}

/// Every setting stands in the document with its default.
#[test]
fn the_document_tells_every_default() {
    let document = include_str!("../../../docs/configuration.md");
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let settings = defaults.as_object().unwrap();
    // A table of settings has rows of its own.
    let tables = settings.values().filter_map(|value| value.as_object());
    let single = settings.iter().filter(|(_, value)| value.as_object().is_none_or(|table| table.is_empty()));
    for (key, value) in single.chain(tables.flatten()) {
        let value = if value.is_null() { "none".to_owned() } else { format!("`{value}`") };
        assert!(document.contains(&format!("| `{key}` | {value} |")), "{key} = {value}");
    }
}
